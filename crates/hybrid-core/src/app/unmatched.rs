//! Requests that no route takes: for mounts, redirects, admin endpoints, the
//! fallback, or nothing.

use http::header;
use hybrid_engine::{clock::Instant, deadline::with_deadline};

use super::{AppHandle, layers::Fallback, sent, target::Unmatched};
use crate::{
    Request, Response, admin,
    answering::Answering,
    context::RequestContext,
    head::{Head, Peer, RequestHead},
    log::requests::{PanicNote, Seen},
    problem::{Problem, kinds},
    respond::{IntoResponse, Redirect},
    spec::Lane,
};

/// A request that no route takes, apart from its head and its body.
pub(super) struct UnmatchedRequest {
    pub(super) handle: AppHandle,
    pub(super) unmatched: Unmatched,
    pub(super) peer: Peer,
    pub(super) received: Instant,
}

impl UnmatchedRequest {
    /// Begins to answer it.
    pub(super) fn answering(self, request: Request, spare: Option<Box<Head>>) -> Answering {
        let (context, received) = (self.handle.context.clone(), self.received);
        let serving = Box::pin(async move { Box::new(self.answer(request).await) });
        Answering::new(context, serving, spare, received)
    }

    async fn answer(self, request: Request) -> Response {
        let lines_from = self.handle.context.lines_from;
        if lines_from == u16::MAX || matches!(self.unmatched, Unmatched::Admin(_)) {
            return self.answer_unnoted(request).await;
        }
        let (parts, body) = request.into_parts();
        let mut noted = PanicNote(Some(Seen::of(&parts, Lane::Event)), self.received);
        let request = Request::from_parts(parts, body);
        let mut response = self.answer_unnoted(request).await;
        if let Some(seen) = noted.0.take()
            && response.status().as_u16() >= lines_from
        {
            seen.note(response.extensions_mut());
        }
        response
    }

    async fn answer_unnoted(self, mut request: Request) -> Response {
        let AppHandle { app, context } = &self.handle;
        let problem = match &self.unmatched {
            Unmatched::Mount(mount) => {
                self.note_client(&mut request);
                sent::note(&mut request, app.is_outermost);
                return mount.answer(request).await;
            }
            Unmatched::Redirect(paths) => {
                let (from, to) = &**paths;
                let to = sent::location(&request, app.is_outermost, from, to);
                return Redirect::permanent(to).into_response();
            }
            Unmatched::Admin(path) => return admin::answer(context, path, request, self.peer),
            Unmatched::WrongMethod(allow) => {
                Problem::of(&kinds::METHOD_NOT_ALLOWED).with_header(header::ALLOW, allow.clone())
            }
            Unmatched::Malformed(reason) => Problem::bad_request(*reason),
            Unmatched::Nothing => match &app.fallback {
                Some(fallback) => return self.fall_back(fallback, request).await,
                None => Problem::of(&kinds::NOT_FOUND),
            },
        };
        let head = Head::new(RequestHead::new(request.into_parts().0, self.peer), None);
        context.render(&problem, &head)
    }

    /// What a mounted service reads of the connection.
    fn note_client(&self, request: &mut Request) {
        if let Some(client) = self.known().client(request.headers()) {
            request.extensions_mut().insert(client);
        }
        #[cfg(feature = "axum")]
        if let Some(addr) = self.peer.addr {
            let info = axum::extract::ConnectInfo(addr);
            request.extensions_mut().insert(info);
        }
    }

    fn known(&self) -> RequestContext {
        RequestContext {
            context: self.handle.context.clone(),
            matched: None,
            peer: self.peer,
            received: self.received,
        }
    }

    /// Calls the fallback, within the time that handlers have.
    async fn fall_back(&self, fallback: &Fallback, mut request: Request) -> Response {
        let settings = &self.handle.context.settings;
        request.extensions_mut().insert(self.known());
        let deadline = self.received.checked_add(settings.request_timeout);
        let answer = with_deadline(deadline, fallback.answer(request)).await;
        let late = || Box::new(Problem::of(&kinds::HANDLER_TIMEOUT).into_response());
        *answer.unwrap_or_else(late)
    }
}
