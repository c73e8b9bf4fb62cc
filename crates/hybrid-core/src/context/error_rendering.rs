//! A problem as the response that a client gets: in the application's format, as the
//! mapped type of its source says. What the client is not told reaches the log.

use hybrid_engine::{
    background,
    catch::{Panicked, catch},
};

use super::ServerContext;
use crate::{
    Response,
    head::{Head, Peer, RequestHead, Route},
    log::{clip, requests::Failure},
    problem::{Problem, kinds},
};

impl ServerContext {
    /// The status with which a response will go out, once its problem is rendered.
    pub(crate) fn status_of(&self, response: &Response) -> http::StatusCode {
        self.registry.status(response)
    }

    /// Renders a problem for the request with that head.
    pub(crate) fn render(&self, problem: &Problem, head: &Head) -> Response {
        self.rendering(problem, head.route().unwrap_or_default(), |shown| {
            self.error_format.render(shown, head)
        })
    }

    /// As [`render`](Self::render), of a head that the server refuses.
    pub(crate) fn render_refusal(
        &self,
        problem: &Problem,
        http: &http::request::Parts,
    ) -> Response {
        let head = Head::new(RequestHead::new(http.clone(), Peer::default()), None);
        self.render(problem, &head)
    }

    /// As [`render`](Self::render), where the head is at hand only if the format
    /// wants it.
    pub(crate) fn render_for(
        &self,
        problem: &Problem,
        head: Option<&Head>,
        route: Option<&Route>,
    ) -> Response {
        if let Some(head) = head {
            return self.render(problem, head);
        }
        let route = route.map_or("", |route| route.path.as_str());
        self.rendering(problem, route, |shown| self.error_format.write(shown))
    }

    /// Formats, mappings and the texts of errors are the user's, and may panic:
    /// then the response is the plainest there is.
    fn rendering(
        &self,
        problem: &Problem,
        route: &str,
        write: impl FnOnce(&Problem) -> Response,
    ) -> Response {
        let rendered = catch(|| {
            let resolved = self.registry.resolve(problem);
            let shown = resolved.as_ref().unwrap_or(problem);
            let mut response = write(shown);
            if shown.status().is_server_error() {
                note_failure(problem, &mut response);
            }
            response
        });
        rendered.unwrap_or_else(|Panicked(panic)| {
            let panic = clip(&panic);
            background::quietly(|| tracing::error!(route, panic, "writing an error panicked"));
            self.error_format.write(&Problem::of(&kinds::INTERNAL))
        })
    }
}

/// Puts the text that is not for the client into the response, for the log.
#[cold]
fn note_failure(problem: &Problem, response: &mut Response) {
    let text = problem.private_detail();
    if !text.is_empty() {
        response
            .extensions_mut()
            .insert(Failure(clip(&text).into()));
    }
}
