//! A request of a test.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    panic::Location,
    sync::mpsc,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use serde::Serialize;

use super::{ANSWER_WAIT, TestClient, TestResponse};
use crate::{
    Request,
    app::BuiltApp,
    body::Body,
    head::{Peer, RequestHead},
    problem::Problem,
    server::Application,
};

/// A request that is being put together; sent by [`send`](Self::send).
#[must_use = "a request does nothing until it is sent"]
pub struct TestRequest<'a> {
    client: &'a TestClient,
    method: Method,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    cookies: Vec<String>,
    body: Bytes,
}

impl<'a> TestRequest<'a> {
    pub(super) fn new(client: &'a TestClient, method: Method, target: String) -> Self {
        let (headers, cookies) = (Vec::new(), Vec::new());
        Self {
            client,
            method,
            target,
            headers,
            cookies,
            body: Bytes::new(),
        }
    }

    /// Adds a pair to the query.
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        let pair = form_urlencoded::Serializer::new(String::new())
            .append_pair(name, &value.to_string())
            .finish();
        self.target
            .push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(&pair);
        self
    }

    /// Adds a header.
    ///
    /// # Panics
    /// The name or the value cannot stand in a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: impl fmt::Display) -> Self {
        let name = HeaderName::try_from(name).expect("a header's name");
        let value = HeaderValue::try_from(value.to_string()).expect("a header's value");
        self.headers.push((name, value));
        self
    }

    /// Adds a cookie.
    pub fn cookie(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.cookies.push(format!("{name}={value}"));
        self
    }

    /// Sets a JSON body.
    ///
    /// # Panics
    /// The value cannot be serialised.
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_json::to_vec(value).expect("a value that serialises");
        self.typed("application/json", body)
    }

    /// Sets an urlencoded form as the body.
    ///
    /// # Panics
    /// The value is no form: pairs, a map, or a struct of plain values.
    #[track_caller]
    pub fn form<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_html_form::to_string(value).expect("a value that is a form");
        self.typed("application/x-www-form-urlencoded", body)
    }

    /// Sets a multipart form of text fields as the body.
    #[track_caller]
    pub fn multipart(self, fields: &[(&str, &str)]) -> Self {
        const BOUNDARY: &str = "hybrid-test-boundary";
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!(
                "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        body += &format!("--{BOUNDARY}--\r\n");
        self.typed(&format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }

    /// Sets the body, without a content type.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    #[track_caller]
    fn typed(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.header("content-type", content_type).body(body)
    }

    #[track_caller]
    fn build(self) -> Request {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = match self.target.parse() {
            Ok(target) => target,
            Err(error) => panic!("`{}` is no valid target: {error}", self.target),
        };
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("test"));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        if !self.cookies.is_empty() {
            let cookies = HeaderValue::try_from(self.cookies.join("; ")).expect("cookies");
            headers.insert(header::COOKIE, cookies);
        }
        request
    }

    /// Sends it and waits for the whole answer, up to a minute.
    ///
    /// # Panics
    /// The path is no valid target, or no answer came.
    #[track_caller]
    pub fn send(self) -> TestResponse {
        let client = self.client;
        let (say, hear) = mpsc::channel();
        let answer = self.answering();
        client.runtime().spawn(async move {
            // Nothing listens where the test has failed meanwhile.
            let _ = say.send(answer.await);
        });
        match hear.recv_timeout(ANSWER_WAIT) {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => panic!("the response broke off: {problem}"),
            Err(error) => panic!("no response within a minute: {error}"),
        }
    }

    /// Sends it and waits for the whole answer, inside a runtime.
    ///
    /// # Panics
    /// The path is no valid target, or no answer came. A future has no line of its
    /// own: the message of the latter says where it was sent.
    ///
    /// # Cancel safety
    /// Dropped early, the application sees a client that left.
    #[track_caller]
    pub fn send_async(self) -> impl Future<Output = TestResponse> + Send + 'static {
        let sent_at = Location::caller();
        let runtime = self.client.runtime().handle().clone();
        let answer = self.answering();
        async move { AbortOnDrop(runtime.spawn(answer)).response(sent_at).await }
    }

    #[track_caller]
    fn answering(self) -> impl Future<Output = Answer> + Send + 'static {
        let app = BuiltApp::connect(self.client.app());
        let request = self.build();
        async move {
            let (head, body) = request.into_parts();
            let response = *BuiltApp::call(&app, RequestHead::new(head, PEER), body).await;
            TestResponse::read(response).await
        }
    }
}

/// The client: one on this machine.
const PEER: Peer = Peer {
    addr: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)),
};

/// A response, or why it broke off.
type Answer = Result<TestResponse, Problem>;

/// A task that ends when nothing waits for it any more.
struct AbortOnDrop(tokio::task::JoinHandle<Answer>);

impl AbortOnDrop {
    async fn response(mut self, sent_at: &Location<'_>) -> TestResponse {
        match (&mut self.0).await {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => panic!("{sent_at}: the response broke off: {problem}"),
            Err(error) => panic!("{sent_at}: no response: {error}"),
        }
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for TestRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)
    }
}
