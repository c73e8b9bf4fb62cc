//! An application behind a real socket.

use std::net::SocketAddr;

use hybrid::App;
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

use super::{PATIENCE, Reply, Wire, quiet};

/// An application behind a socket; stopped when it is dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<hybrid::Result<()>>>,
    runtime: Option<Runtime>,
}

impl Server {
    /// Serves on two event loops and a port that the system picks.
    pub(crate) fn start(app: App) -> Self {
        quiet();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("test-loop")
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = app.serve(listener).until(async {
            // A server whose test has panicked stops as well.
            let _ = stopped.await;
        });
        let served = runtime.spawn(async move { serve.await });
        Self {
            addr,
            stop: Some(stop),
            served: Some(served),
            runtime: Some(runtime),
        }
    }

    /// Stops, and waits for the end.
    pub(crate) fn stop(mut self) -> hybrid::Result<()> {
        self.ask_to_stop();
        self.wait()
    }

    /// Asks it to stop, and goes on.
    pub(crate) fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    fn wait(&mut self) -> hybrid::Result<()> {
        let served = self.served.take().unwrap();
        let runtime = self.runtime.as_ref().unwrap();
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, served)
                .await
                .unwrap()
                .unwrap()
        })
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        let mut wire = Wire::to(self.addr);
        wire.ask(path);
        wire.read()
    }

    /// Sends those bytes on a connection of their own and reads one answer.
    pub(crate) fn send(&self, bytes: &str) -> Reply {
        let mut wire = Wire::to(self.addr);
        wire.write(bytes);
        wire.read()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Handlers that a failed test left behind keep nothing alive.
            runtime.shutdown_background();
        }
    }
}
