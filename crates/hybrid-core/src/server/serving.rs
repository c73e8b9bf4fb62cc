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

use http::{StatusCode, request::Parts};

use super::{
    Application, Peer,
    accept::Server,
    head::{self, Asked},
};
use crate::{Response, body::Body};

pin_project_lite::pin_project! {
    /// A request that is being answered.
    #[project = ServingProj]
    pub(crate) enum Serving<F> {
        Called { #[pin] answer: F },
        /// Answered by the server itself.
        Settled { response: Option<Response>, refused: bool },
    }
}

/// An answer, and whether the head was refused: nothing that follows on such a
/// connection is trusted.
pub(crate) struct Answered {
    pub(crate) response: Response,
    pub(crate) refused: bool,
}

/// Begins to answer a request.
pub(crate) fn begin<A: Application>(
    server: &Server<A>,
    peer: Peer,
    parts: Box<Parts>,
    body: Body,
) -> Serving<impl Future<Output = Response> + Send + 'static + use<A>> {
    match head::check(&parts, &server.head_limits) {
        Ok(Asked::Resource) => Serving::Called {
            answer: server.app.clone().call(parts, body, peer),
        },
        Ok(Asked::Server) => {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            Serving::Settled {
                response: Some(response),
                refused: false,
            }
        }
        Err(problem) => {
            tracing::debug!(status = problem.status().as_u16(), "refused a head");
            let response = server.app.refuse(problem, &parts);
            Serving::Settled {
                response: Some(response),
                refused: true,
            }
        }
    }
}

impl<F: Future<Output = Response>> Future for Serving<F> {
    type Output = Answered;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answered> {
        match self.project() {
            ServingProj::Called { answer } => answer.poll(cx).map(|response| Answered {
                response,
                refused: false,
            }),
            ServingProj::Settled { response, refused } => {
                let response = response
                    .take()
                    .expect("a future is not polled after its end");
                Poll::Ready(Answered {
                    response,
                    refused: *refused,
                })
            }
        }
    }
}
