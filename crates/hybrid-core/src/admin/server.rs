//! The listener of the admin endpoints: a small server of its own beside the
//! application's. It is there before the first request and until the last answer
//! and the stop hooks are done, so that a stop can be watched.

use std::{fmt, sync::Arc};

use tokio::{
    net::TcpListener,
    sync::oneshot::{self, Sender},
    task::JoinHandle,
};

use crate::{
    BoxResponse, Response,
    app::Frozen,
    body::Body,
    config::Settings,
    head::Came,
    problem::Problem,
    server::{self, Application, Local},
};

/// Few ask, and nobody may use up the files that the application needs.
const CONNECTIONS_MAX: usize = 64;

/// The server of the admin endpoints; it ends when this is dropped.
pub(crate) struct AdminServer {
    end: Sender<()>,
    served: JoinHandle<()>,
}

/// The application, as seen from its admin listener.
struct AdminApp {
    app: Arc<Frozen>,
    settings: Settings,
}

impl AdminServer {
    /// Serves on that listener, which is bound already.
    pub(crate) fn start(app: &Arc<Frozen>, listener: std::net::TcpListener) -> Option<Self> {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "the admin endpoints cannot be served");
                return None;
            }
        };
        if let Ok(addr) = listener.local_addr() {
            tracing::info!("admin endpoints on http://{addr}");
            if !addr.ip().is_loopback() && app.settings().admin_token.is_none() {
                tracing::warn!("they are open to whoever reaches {addr}: set `admin_token`");
            }
        }
        let settings = Settings {
            max_connections: CONNECTIONS_MAX,
            ..app.settings().clone()
        };
        let app = Arc::new(AdminApp {
            app: Arc::clone(app),
            settings,
        });
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(server::serve_beside(app, listener, async {
            // Dropped without a word, it is the end too.
            let _ = ended.await;
        }));
        Some(Self { end, served })
    }

    /// Ends it, and waits until it has answered what it was asked.
    pub(crate) async fn stop(self) {
        drop(self.end);
        // An error means that it panicked: then it has ended as well.
        let _ = self.served.await;
    }
}

impl Application for AdminApp {
    fn call(
        app: Local<Self>,
        came: Box<Came>,
        body: Body,
    ) -> impl Future<Output = BoxResponse> + Send + 'static {
        Frozen::call_admin(Local::of(&app.app), came, body)
    }

    fn refuse(&self, problem: Problem, head: &http::request::Parts) -> Response {
        self.app.render_refusal(&problem, head)
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl fmt::Debug for AdminServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminServer")
    }
}
