//! The listener of the admin endpoints: a small server of its own beside the
//! application's. It is there before the first request and until the last answer
//! and the stop hooks are done, so that a stop can be watched.

use std::{
    fmt, io,
    net::TcpListener as StdListener,
    sync::{Arc, Mutex, PoisonError},
};

use hybrid_engine::{
    background::{self, Panics},
    catch::Catching,
    clock,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    Request, Response,
    answering::{Answering, Outlet},
    body::Body,
    config::Settings,
    context::ServerContext,
    head::RequestHead,
    per_connection::PerConnection,
    problem::Problem,
    server::{self, Application},
};

/// Few clients ask, and they must not use up the files that the application needs.
const CONNECTIONS_MAX: usize = 64;

/// The server of the admin endpoints; it ends when this is dropped.
pub(crate) struct AdminServer {
    end: watch::Sender<()>,
    served: JoinHandle<()>,
}

/// The application, as seen from its admin listener.
struct AdminApp {
    context: Arc<ServerContext>,
    settings: Settings,
}

impl AdminServer {
    /// Serves on that listener, which is bound already.
    pub(crate) fn start(context: &Arc<ServerContext>, listener: StdListener) -> Self {
        if let Ok(addr) = listener.local_addr() {
            background::quietly(|| tracing::info!("admin endpoints on http://{addr}"));
            if !addr.ip().is_loopback() && context.settings().admin_token.is_none() {
                background::quietly(|| {
                    tracing::warn!(
                        "they are open to every client that reaches {addr}: set `admin_token`"
                    );
                });
            }
        }
        let settings = Settings {
            max_connections: CONNECTIONS_MAX,
            ..context.settings().clone()
        };
        let app = Arc::new(AdminApp {
            context: Arc::clone(context),
            settings,
        });
        let (end, ended) = watch::channel(());
        let served = tokio::spawn(keep(app, listener, ended));
        Self { end, served }
    }

    /// Ends it, and waits until it has answered what it was asked.
    pub(crate) async fn stop(self) {
        drop(self.end);
        // An error means that it panicked: then it has ended as well.
        let _ = self.served.await;
    }
}

const NAME: &str = "admin listener";

/// Serves until the end, and again after a panic.
async fn keep(app: Arc<AdminApp>, listener: StdListener, ended: watch::Receiver<()>) {
    let mut panics = Panics::default();
    let socket = Arc::new(Mutex::new(Some(listener)));
    loop {
        let again = match once_more(&socket) {
            Ok(Some(again)) => again,
            Ok(None) => return,
            Err(error) => {
                background::quietly(
                    || tracing::error!(%error, "the admin endpoints cannot be served"),
                );
                return;
            }
        };
        let (app, mut ended) = (Arc::clone(&app), ended.clone());
        let socket = Arc::clone(&socket);
        let serving = async move {
            let end = async move {
                background::fail_here(NAME);
                // Nothing is ever sent: the channel ends with its sender.
                let _ = ended.changed().await;
                // While the last are answered, nothing more is let in.
                drop(take(&socket));
            };
            server::serve_beside(app, again, end).await;
        };
        match Catching::new(Box::pin(serving)).await {
            Ok(()) => return,
            Err(panicked) => tokio::time::sleep(panics.say(NAME, &panicked)).await,
        }
    }
}

/// The listening socket, until the end.
type Socket = Mutex<Option<StdListener>>;

/// The same socket for one more server.
fn once_more(socket: &Socket) -> io::Result<Option<TcpListener>> {
    let socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
    let again = socket.as_ref().map(StdListener::try_clone).transpose()?;
    again.map(TcpListener::from_std).transpose()
}

fn take(socket: &Socket) -> Option<StdListener> {
    socket.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Application for AdminApp {
    type Handle = PerConnection<Self>;
    type Answer = Answering;

    fn connect(app: &Arc<Self>) -> PerConnection<Self> {
        PerConnection::of(app)
    }

    fn call(app: &PerConnection<Self>, request_head: Box<RequestHead>, body: Body) -> Answering {
        let RequestHead { http, peer } = *request_head;
        let outlet = Outlet::of(&http.method);
        let admin = app.clone();
        let serving = Box::pin(async move {
            let path = http.uri.path().to_owned();
            let request = Request::from_parts(http, body);
            Box::new(super::answer(&admin.context, &path, request, peer))
        });
        let context = PerConnection::of(&app.context);
        let mut answering = Answering::new(context, serving, None, clock::now());
        answering.leaves_by(outlet, None);
        answering
    }

    fn refuse(&self, problem: Problem, head: &http::request::Parts) -> Response {
        self.context.render_refusal(&problem, head)
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
