//! The service that other servers call for JSON. It sleeps for 5 ms.

use std::{convert::Infallible, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, time::sleep};

/// How long it sleeps.
const TAKES: Duration = Duration::from_millis(5);

/// Its response.
const BODY: &str = r#"{"id":7,"name":"Ada","tags":["first","second"],"score":12.5}"#;

pub(super) async fn serve(listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // If the socket refuses this, it is closed already, and serving reports that.
        let _ = stream.set_nodelay(true);
        let serving =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(serving);
    }
}

async fn answer(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    sleep(TAKES).await;
    Ok(Response::new(Full::from(BODY)))
}
