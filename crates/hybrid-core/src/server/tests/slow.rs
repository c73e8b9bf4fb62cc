//! Clients that read slowly or not at all: what is still owed to them counts for
//! every clock of their connection.

use super::*;

/// Much shorter than a slow reader needs for its answer.
const SHORT: Duration = Duration::from_millis(400);
/// Longer than a reader that goes on is ever still.
const LONG: Duration = Duration::from_secs(60);

const LARGE: usize = 10_000_000;
/// Fits the buffers of the system, and not that of the client.
const MEDIUM: usize = 500_000;

fn short_clocks() -> Config {
    Config::new()
        .keep_alive(SHORT)
        .header_timeout(SHORT)
        .body_grace(SHORT * 2)
        .write_timeout(LONG)
}

/// A server whose sockets hold about half a megabyte.
async fn start_with_small_buffers(config: Config) -> Running {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(256 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    start_on(socket.listen(64).unwrap(), config).await
}

impl Client {
    /// Reads that much, a piece at a time, with a pause after each.
    async fn read_slowly(&mut self, bytes: usize, piece: usize, pause: Duration) {
        let goal = self.read.len() + bytes;
        while self.read.len() < goal {
            let stop = (self.read.len() + piece).min(goal);
            while self.read.len() < stop {
                self.fill().await;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads an answer whose body is the pattern, the most of it slowly.
    async fn takes_slowly(&mut self, length: usize) {
        let head = self.take_head().await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        self.read_slowly(length * 9 / 10, length / 40, SHORT / 8)
            .await;
        let body = if head.contains("transfer-encoding: chunked") {
            self.take_chunks().await
        } else {
            while self.read.len() < length {
                self.fill().await;
            }
            self.read.drain(..length).collect()
        };
        assert!(body == pattern(length), "the answer is not what was sent");
    }

    async fn take_chunks(&mut self) -> Vec<u8> {
        let (mut body, mut at) = (Vec::new(), 0);
        loop {
            let end = loop {
                match self.read[at..].windows(2).position(|two| two == b"\r\n") {
                    Some(end) => break at + end,
                    None => self.fill().await,
                }
            };
            let size = std::str::from_utf8(&self.read[at..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let data = end + 2..end + 2 + size;
            while self.read.len() < data.end + 2 {
                self.fill().await;
            }
            at = data.end + 2;
            body.extend_from_slice(&self.read[data]);
            if size == 0 {
                self.read.drain(..at);
                return body;
            }
        }
    }
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_a_large_answer() {
    let server = start(short_clocks()).await;
    for kind in ["bytes", "frames"] {
        let mut client = server.connect_with_buffer(64 * 1024).await;
        client.get(&format!("/{kind}/{LARGE}")).await;
        client.takes_slowly(LARGE).await;
        client.get("/next").await;
        assert_eq!(client.answer().await.text(), "you asked for /next");
    }
}

#[tokio::test]
async fn nothing_is_written_into_an_answer_while_the_next_request_waits() {
    let server = start(short_clocks()).await;
    for kind in ["bytes", "frames"] {
        let mut client = server.connect_with_buffer(64 * 1024).await;
        let requests = get(&format!("/{kind}/{LARGE}")) + &get("/next") + "GET /part";
        client.send(requests).await;
        client.takes_slowly(LARGE).await;
        assert_eq!(client.answer().await.text(), "you asked for /next");
        assert_eq!(client.answer().await.status, 408, "of the third request");
    }
}

#[tokio::test]
async fn what_the_system_has_not_delivered_is_owed_too() {
    let server = start_with_small_buffers(short_clocks()).await;
    for next in [String::new(), get("/next"), post("/echo", 4, "")] {
        let mut client = server.connect_with_buffer(16 * 1024).await;
        client.send(get(&format!("/bytes/{MEDIUM}")) + &next).await;
        // The client reads nothing for longer than all clocks but the one for writing.
        tokio::time::sleep(SHORT * 5).await;
        client.takes_slowly(MEDIUM).await;
        if next.is_empty() {
            client.get("/next").await;
        } else if next.starts_with("POST") {
            client.send("body").await;
        }
        assert_eq!(client.answer().await.status, 200);
    }
}

#[tokio::test]
async fn a_reader_that_stops_is_cut() {
    let config = Config::new()
        .write_timeout(SHORT)
        .keep_alive(LONG)
        .max_connections(1);
    let server = start_with_small_buffers(config).await;
    for path in ["/bytes/10000000", "/frames/10000000", "/bytes/500000"] {
        let mut stopped = server.connect_with_small_buffer().await;
        stopped.get(path).await;
        // There is one place: the next client has it once the first is cut.
        let mut next = server.connect().await;
        next.get("/next").await;
        assert_eq!(next.answer().await.text(), "you asked for /next", "{path}");
        drop(stopped);
    }
}

#[tokio::test]
async fn a_reader_that_takes_a_little_at_a_time_makes_progress() {
    // The system tells of room only when a third of its buffer is free.
    let config = short_clocks().write_timeout(Duration::from_secs(2));
    let server = start_with_small_buffers(config).await;
    let mut client = server.connect_with_buffer(32 * 1024).await;
    client.get("/bytes/900000").await;
    client.take_head().await;
    client
        .read_slowly(300_000, 16 * 1024, Duration::from_millis(300))
        .await;
    while client.read.len() < 900_000 {
        client.fill().await;
    }
    assert!(client.read == pattern(900_000));
}

/// A stream that is read a piece at a time, with a pause after each.
struct Slowly {
    stream: TcpStream,
    left: usize,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

const PIECE: usize = 40_000;

impl tokio::io::AsyncRead for Slowly {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.left == 0 {
            let pause = || Box::pin(tokio::time::sleep(SHORT / 8));
            let pause = this.pause.get_or_insert_with(pause);
            std::task::ready!(pause.as_mut().poll(cx));
            (this.left, this.pause) = (PIECE, None);
        }
        let room = buf.remaining().min(this.left);
        let mut piece = tokio::io::ReadBuf::new(buf.initialize_unfilled_to(room));
        std::task::ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece))?;
        let read = piece.filled().len();
        this.left -= read;
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Slowly {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Windows that never hold an answer back: only the socket does.
fn wide() -> h2::client::Builder {
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(16 << 20)
        .initial_connection_window_size(16 << 20);
    builder
}

fn ask(send: &mut h2::client::SendRequest<Bytes>, path: &str) -> h2::client::ResponseFuture {
    let request = http::Request::get(format!("http://test{path}"))
        .body(())
        .unwrap();
    send.send_request(request, true).unwrap().0
}

#[tokio::test]
async fn what_http_2_holds_is_owed_too() {
    let config = Config::new()
        .keep_alive(SHORT)
        .write_timeout(Duration::from_secs(2));
    let server = start_with_small_buffers(config).await;
    let client = server.connect_with_buffer(32 * 1024).await;
    let slowly = Slowly {
        stream: client.stream,
        left: PIECE,
        pause: None,
    };
    let (mut send, connection) = wide().handshake::<_, Bytes>(slowly).await.unwrap();
    tokio::spawn(connection);
    // The server is done with all of them long before the client has them.
    let answers: Vec<_> = (0..10).map(|_| ask(&mut send, "/bytes/300000")).collect();
    for answer in answers {
        let mut body = within(answer).await.unwrap().into_body();
        let mut all = Vec::new();
        while let Some(data) = within(body.data()).await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            all.extend_from_slice(&data);
        }
        assert!(all == pattern(300_000));
    }
}

#[tokio::test]
async fn an_http_2_client_that_stops_reading_is_cut() {
    let config = Config::new()
        .write_timeout(SHORT)
        .keep_alive(LONG)
        .max_connections(1);
    let server = start_with_small_buffers(config).await;
    for path in ["/bytes/10000000", "/frames/10000000", "/bytes/300000"] {
        let client = server.connect_with_small_buffer().await;
        let (mut send, connection) = wide().handshake::<_, Bytes>(client.stream).await.unwrap();
        let mut connection = Box::pin(connection);
        let mut answer = Box::pin(ask(&mut send, path));
        // The client runs until the head of the answer is there, and then no more.
        let head = std::future::poll_fn(|cx| {
            let _ = connection.as_mut().poll(cx);
            answer.as_mut().poll(cx)
        });
        within(head).await.unwrap();
        let mut next = server.connect().await;
        next.get("/next").await;
        assert_eq!(next.answer().await.text(), "you asked for /next", "{path}");
        drop(connection);
    }
}
