//! Guards of groups: what is asked before every route of a group, and whose value
//! no handler takes. A route without them never meets this module: those that have some
//! are served by [`Guarded`] in place of their endpoint.

use std::{any::type_name, fmt, future::Future, panic::Location, pin::Pin, sync::Arc};

use crate::{
    Response, ResponseFuture,
    context::Parts,
    dispatch::{Asker, RoutedRequest, Serve, Work, Worked, leave},
    extract::{Describe, FromRequestParts},
    respond::IntoResponse,
};

/// A guard of a group, its type erased.
#[derive(Clone, Copy)]
pub(crate) struct GroupGuard {
    pub(crate) name: &'static str,
    pub(crate) at: &'static Location<'static>,
    pub(crate) describe: fn(&mut Describe),
    ask: fn(&mut Parts) -> Asking<'_>,
}

type Asking<'a> = Pin<Box<dyn Future<Output = Result<(), Response>> + Send + 'a>>;

impl GroupGuard {
    pub(super) fn of<G: FromRequestParts + Send + 'static>(at: &'static Location<'static>) -> Self {
        Self {
            name: type_name::<G>(),
            at,
            describe: G::describe,
            ask: |parts| {
                Box::pin(async move {
                    let asked = G::from_request_parts(parts).await;
                    asked.map(drop).map_err(IntoResponse::into_response)
                })
            },
        }
    }
}

impl fmt::Debug for GroupGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupGuard<{}>", self.name)
    }
}

/// An endpoint behind the guards of its groups, the outermost first.
struct Guarded {
    guards: Box<[GroupGuard]>,
    endpoint: Arc<dyn Serve>,
}

/// An endpoint behind those guards, where there are any.
pub(super) fn behind(guards: &[GroupGuard], endpoint: Arc<dyn Serve>) -> Arc<dyn Serve> {
    if guards.is_empty() {
        return endpoint;
    }
    Arc::new(Guarded {
        guards: guards.into(),
        endpoint,
    })
}

impl Guarded {
    async fn ask(&self, parts: &mut Parts) -> Result<(), Response> {
        for guard in &self.guards {
            (guard.ask)(parts).await?;
        }
        Ok(())
    }
}

impl Serve for Guarded {
    fn describe(&self, to: &mut Describe) {
        for guard in &self.guards {
            (guard.describe)(to);
        }
        self.endpoint.describe(to);
    }

    fn serve(self: Arc<Self>, call: RoutedRequest) -> ResponseFuture {
        Box::pin(async move {
            let RoutedRequest { mut parts, body } = call;
            let asker = Asker::of(&parts);
            match asker.ask(self.ask(&mut parts)).await {
                Ok(()) => {
                    let endpoint = Arc::clone(&self.endpoint);
                    endpoint.serve(RoutedRequest { parts, body }).await
                }
                Err(response) => leave(Box::new(response), &parts, None),
            }
        })
    }

    /// In a worker process: the server has asked already.
    fn work(self: Arc<Self>, work: Work) -> Worked {
        Arc::clone(&self.endpoint).work(work)
    }
}
