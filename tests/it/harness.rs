//! What the tests stand on: an application behind a real socket, and a client
//! that reads what comes over the wire and nothing else.

use std::{
    cell::RefCell,
    future::Future,
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    pin::Pin,
    sync::{Arc, Condvar, Mutex, Once},
    thread::JoinHandle,
    time::Duration,
};

use hybrid::{App, Cancel, Next, Request, Response};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{oneshot, watch},
};

/// Longer than anything here takes: only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a panic that a test causes says: it is kept out of the output, and must
/// not be found on the wire.
pub(crate) const BOOM: &str = "boom, as the test wants it";

/// Keeps the panics that tests cause out of the output.
pub(crate) fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let wanted = text.is_some_and(|text| text.contains(BOOM));
            let place = info.location().map(|at| (at.file().to_owned(), at.line()));
            let noted = NOTED.with_borrow_mut(|noted| noted.as_mut().map(|noted| *noted = place));
            if !wanted && noted.is_none() {
                default(info);
            }
        }));
    });
}

thread_local! {
    /// Where this thread panicked, while [`panics_at`] wants to know it.
    static NOTED: RefCell<Option<Option<(String, u32)>>> = const { RefCell::new(None) };
}

/// Runs what must panic, and says in which line.
pub(crate) fn panics_at(f: impl FnOnce()) -> (String, u32) {
    quiet();
    NOTED.set(Some(None));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    let noted = NOTED.take().flatten();
    assert!(outcome.is_err(), "it did not panic");
    noted.expect("a panic has a place")
}

// === The server ===

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
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
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

// === The client ===

/// One HTTP/1.1 connection.
pub(crate) struct Wire {
    stream: BufReader<Paced>,
}

/// A stream that may be read slowly.
struct Paced {
    stream: TcpStream,
    /// So many bytes, and the pause after them.
    pace: Option<(usize, Duration)>,
    read: usize,
}

impl Read for Paced {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Some((every, pause)) = self.pace
            && self.read >= every
        {
            std::thread::sleep(pause);
            self.read = 0;
        }
        let read = self.stream.read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case, as sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn to(addr: SocketAddr) -> Self {
        Self::of(TcpStream::connect(addr).unwrap())
    }

    /// Over a connection that is there.
    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream: BufReader::new(Paced {
                stream,
                pace: None,
                read: 0,
            }),
        }
    }

    /// From now on reading pauses after every so many bytes.
    pub(crate) fn pause_every(&mut self, bytes: usize, pause: Duration) {
        self.stream.get_mut().pace = Some((bytes, pause));
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .get_mut()
            .stream
            .write_all(bytes.as_ref())
            .unwrap();
    }

    /// Writes, unless the server has closed.
    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream
            .get_mut()
            .stream
            .write_all(bytes.as_ref())
            .is_ok()
    }

    /// Reads one answer; panics where the connection ends before.
    pub(crate) fn read(&mut self) -> Reply {
        self.try_read().expect("an answer")
    }

    /// Reads one answer, unless the connection ends before it begins.
    pub(crate) fn try_read(&mut self) -> Option<Reply> {
        let mut reply = self.try_read_head()?;
        if reply.header("transfer-encoding") == Some("chunked") {
            self.chunks(&mut reply.body);
        } else if let Some(length) = reply.header("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).unwrap();
            reply.body = body;
        }
        Some(reply)
    }

    /// Reads an answer that has no body.
    pub(crate) fn read_head(&mut self) -> Reply {
        self.try_read_head().expect("an answer")
    }

    fn try_read_head(&mut self) -> Option<Reply> {
        let first = self.line().filter(|line| !line.is_empty())?;
        let status = first
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {first}"));
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Some(Reply {
            status,
            headers,
            body: Vec::new(),
        })
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).ok()?;
        (length > 0).then(|| line.trim_end().to_owned())
    }

    fn chunks(&mut self, body: &mut Vec<u8>) {
        loop {
            let size = self.line().expect("a chunk");
            let size = usize::from_str_radix(&size, 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).unwrap();
            if size == 0 {
                return;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Whether the server has closed: waits for it.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end too.
        self.stream
            .read_to_end(&mut rest)
            .map_or(true, |_| rest.is_empty())
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Runs `f` on so many threads at once; all of them begin together.
pub(crate) fn at_once<T: Send + 'static>(
    count: usize,
    f: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<JoinHandle<T>> {
    let f = Arc::new(f);
    let start = Arc::new(std::sync::Barrier::new(count));
    let run = |number| {
        let (f, start) = (Arc::clone(&f), Arc::clone(&start));
        std::thread::spawn(move || {
            start.wait();
            f(number)
        })
    };
    (0..count).map(run).collect()
}

pub(crate) fn join<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    let join = |thread: JoinHandle<T>| thread.join().unwrap();
    threads.into_iter().map(join).collect()
}

// === Handlers that wait ===

/// A door in front of handlers: a test sees how many stand before it, and opens
/// it. Shared as a state.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    counts: Mutex<Counts>,
    changed: Condvar,
    open: watch::Sender<bool>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            counts: Mutex::default(),
            changed: Condvar::new(),
            open: watch::Sender::new(false),
        }
    }
}

/// What happened at a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Handlers that began.
    pub(crate) begun: usize,
    /// Handlers that went through, or that were dropped.
    pub(crate) ended: usize,
    /// The most that stood at the gate at once.
    pub(crate) most: usize,
    /// Plain handlers that were told to cancel.
    pub(crate) cancelled: usize,
    /// Async handlers that were dropped before they went through.
    pub(crate) dropped: usize,
    /// Requests that were dropped before they were answered.
    pub(crate) left: usize,
    /// Guards that let a request through.
    pub(crate) guarded: usize,
    open: bool,
}

impl Gate {
    pub(crate) fn counts(&self) -> Counts {
        *self.0.counts.lock().unwrap()
    }

    pub(crate) fn open(&self) {
        self.note(|counts| counts.open = true);
        self.0.open.send_replace(true);
    }

    pub(crate) fn note(&self, f: impl FnOnce(&mut Counts)) {
        f(&mut self.0.counts.lock().unwrap());
        self.0.changed.notify_all();
    }

    /// Waits for something to have happened.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: impl Fn(&Counts) -> bool) {
        let counts = self.0.counts.lock().unwrap();
        let waited = self
            .0
            .changed
            .wait_timeout_while(counts, PATIENCE, |counts| !what(counts));
        let (counts, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "it never happened: {counts:?}");
    }

    /// Waits for something to have happened, inside a runtime.
    pub(crate) async fn reached(&self, what: impl Fn(&Counts) -> bool + Send + 'static) {
        let gate = self.clone();
        tokio::task::spawn_blocking(move || gate.wait_for(what))
            .await
            .unwrap();
    }

    fn begin(&self) {
        self.note(|counts| {
            counts.begun += 1;
            counts.most = counts.most.max(counts.begun - counts.ended);
        });
    }

    /// A plain handler stands here until the gate opens.
    pub(crate) fn stand(&self) {
        self.begin();
        self.wait_for(|counts| counts.open);
        self.note(|counts| counts.ended += 1);
    }

    /// A plain handler stands here until the gate opens, and notes whether it was
    /// told to cancel meanwhile.
    pub(crate) fn stand_asking(&self, cancel: &Cancel) {
        self.begin();
        let mut told = false;
        eventually("the gate is open", || {
            if cancel.is_cancelled() && !std::mem::replace(&mut told, true) {
                self.note(|counts| counts.cancelled += 1);
            }
            self.counts().open
        });
        self.note(|counts| counts.ended += 1);
    }

    /// Notes something when it is dropped.
    pub(crate) fn on_drop(&self, note: fn(&mut Counts)) -> OnDrop {
        OnDrop(self.clone(), note)
    }

    /// An async handler stands here until the gate opens.
    pub(crate) async fn stand_async(&self) {
        self.begin();
        let ended = OnDrop(self.clone(), |counts| counts.ended += 1);
        let dropped = OnDrop(self.clone(), |counts| counts.dropped += 1);
        let mut open = self.0.open.subscribe();
        open.wait_for(|open| *open).await.unwrap();
        dropped.disarm();
        drop(ended);
    }

    /// A middleware that notes requests whose client left before the answer.
    pub(crate) fn noting_who_leaves(
        &self,
    ) -> impl Fn(Request, Next) -> Passing + Send + Sync + 'static {
        let gate = self.clone();
        move |request, next| {
            let left = OnDrop(gate.clone(), |counts| counts.left += 1);
            Box::pin(async move {
                let response = next.run(request).await;
                left.disarm();
                response
            })
        }
    }
}

type Passing = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Notes something when it is dropped.
pub(crate) struct OnDrop(Gate, fn(&mut Counts));

impl OnDrop {
    fn disarm(mut self) {
        self.1 = |_| ();
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

/// Waits until something that nobody announces has come about.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it never came about: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
