//! One request that is being answered: by the application, or by the server
//! itself where the head is refused or asks for the server as such.
//!
//! The head is judged and the application called at once, not when the future
//! is first polled, so that the request is moved once and not through every
//! layer of futures.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::StatusCode;

use super::{
    Application,
    accept::Server,
    head_checks::{self, Asked},
};
use crate::{BoxResponse, Response, body::Body, head::RequestHead};

pin_project_lite::pin_project! {
    /// A request that is being answered.
    #[project = ServingProj]
    pub(crate) enum Serving<F> {
        Called { #[pin] answer: F },
        /// Answered by the server itself.
        Settled { answered: Option<Answered> },
    }
}

/// An answer, and whether the head was refused: nothing that follows on such a
/// connection is trusted.
pub(crate) struct Answered {
    pub(crate) response: BoxResponse,
    pub(crate) is_refused: bool,
}

/// Begins to answer a request.
pub(crate) fn begin<A: Application>(
    server: &Server<A>,
    app: &A::Handle,
    request_head: Box<RequestHead>,
    body: Body,
) -> Serving<A::Answer> {
    match head_checks::check(&request_head.http, &server.head_limits, &server.known_hosts) {
        Ok(Asked::Resource) => Serving::Called {
            answer: A::call(app, request_head, body),
        },
        Ok(Asked::Server) => {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            Serving::settled(response, false)
        }
        Err(problem) => {
            tracing::debug!(status = problem.status().as_u16(), "refused a head");
            let response = server.app.refuse(problem, &request_head.http);
            Serving::settled(response, true)
        }
    }
}

impl<F> Serving<F> {
    fn settled(response: Response, is_refused: bool) -> Self {
        Self::Settled {
            answered: Some(Answered {
                response: Box::new(response),
                is_refused,
            }),
        }
    }
}

impl<F: Future<Output = BoxResponse>> Future for Serving<F> {
    type Output = Answered;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        match self.project() {
            ServingProj::Called { answer } => answer.poll(cx).map(|response| Answered {
                response,
                is_refused: false,
            }),
            ServingProj::Settled { answered } => {
                let answered = answered.take();
                Poll::Ready(answered.expect("a future is not polled after its end"))
            }
        }
    }
}
