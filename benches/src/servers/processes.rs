//! hybrid with the same handlers three times: on the pool, in a worker process, and on the pool
//! with a hand-written child process that gets the work through pipes.

use std::{
    env,
    io::{self, BufReader, Read, Write},
    process::{self, Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use hybrid::prelude::*;
use rustix::pipe::fcntl_setpipe_size;
use tokio::net::TcpListener;

use crate::bench::cores;

pub(super) async fn serve(listener: TcpListener) -> hybrid::Result<()> {
    app().serve(listener).await
}

/// The application of the server and its workers.
pub(super) fn app() -> App {
    App::new()
        .routes(routes![trivial, pid, crash, hang])
        .routes(routes![
            pool_echo,
            process_echo,
            pipe_echo,
            pool_fresh,
            process_fresh,
            pipe_fresh
        ])
}

// === The work ===

/// Returns the request's body.
fn echo(body: Bytes) -> Bytes {
    body
}

/// Makes a body of the same size, each byte from one of the request. Text stays text.
fn fresh(body: &[u8]) -> Vec<u8> {
    body.iter().map(|byte| byte ^ 1).collect()
}

// === The handlers ===

#[get("/async")]
async fn trivial() -> &'static str {
    super::TRIVIAL
}

#[post("/pool/echo", lane = pool, body_limit = "64MiB")]
fn pool_echo(body: Bytes) -> Bytes {
    echo(body)
}

#[post("/process/echo", lane = process, body_limit = "64MiB")]
fn process_echo(body: Bytes) -> Bytes {
    echo(body)
}

#[post("/pipe/echo", lane = pool, body_limit = "64MiB")]
fn pipe_echo(body: Bytes) -> Result<Vec<u8>> {
    Ok(ECHOING.ask(&body)?)
}

#[post("/pool/fresh", lane = pool, body_limit = "64MiB")]
fn pool_fresh(body: Bytes) -> Vec<u8> {
    fresh(&body)
}

#[post("/process/fresh", lane = process, body_limit = "64MiB")]
fn process_fresh(body: Bytes) -> Vec<u8> {
    fresh(&body)
}

#[post("/pipe/fresh", lane = pool, body_limit = "64MiB")]
fn pipe_fresh(body: Bytes) -> Result<Vec<u8>> {
    Ok(RENEWING.ask(&body)?)
}

/// Returns the process id.
#[get("/pid", lane = process)]
fn pid() -> String {
    process::id().to_string()
}

/// `nth` makes requests different, because a request that killed two workers is refused.
#[post("/crash", lane = process)]
fn crash(#[query] nth: u32) -> String {
    match nth {
        u32::MAX => String::new(),
        _ => process::abort(),
    }
}

#[get("/hang", lane = process, timeout = "300ms")]
fn hang() -> &'static str {
    thread::sleep(Duration::from_secs(60));
    super::TRIVIAL
}

// === By hand ===

/// The size of a pipe: the largest that an unprivileged process may set.
const PIPE_BYTES: usize = 1 << 20;

static ECHOING: Children = Children::new("echo");
static RENEWING: Children = Children::new("fresh");

/// Child processes, as many as there are cores. Each has one body at a time.
struct Children {
    does: &'static str,
    state: Mutex<Kept>,
    freed: Condvar,
}

struct Kept {
    idle: Vec<Piped>,
    started: usize,
}

impl Children {
    const fn new(does: &'static str) -> Self {
        Self {
            does,
            state: Mutex::new(Kept {
                idle: Vec::new(),
                started: 0,
            }),
            freed: Condvar::new(),
        }
    }

    fn ask(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut child = self.take()?;
        let answer = child.ask(body);
        let mut kept = self.kept();
        match &answer {
            Ok(_) => kept.idle.push(child),
            // Its state is unknown after an error, so it is dropped.
            Err(_) => kept.started -= 1,
        }
        drop(kept);
        self.freed.notify_one();
        answer
    }

    fn take(&self) -> io::Result<Piped> {
        let mut kept = self.kept();
        loop {
            if let Some(child) = kept.idle.pop() {
                return Ok(child);
            }
            if kept.started < cores() {
                let child = Piped::start(self.does)?;
                kept.started += 1;
                return Ok(child);
            }
            kept = self
                .freed
                .wait(kept)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child process and its pipes. It ends when the pipes close.
struct Piped {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    child: Child,
}

impl Piped {
    fn start(does: &str) -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args(["pipe", does])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a child without its pipes"));
        };
        // If the system allows no more, the pipes keep their size.
        let _ = fcntl_setpipe_size(&to, PIPE_BYTES);
        let _ = fcntl_setpipe_size(&from, PIPE_BYTES);
        Ok(Self {
            to,
            from: buffered(from),
            child,
        })
    }

    fn ask(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        write_frame(&mut self.to, body)?;
        let mut answer = Vec::new();
        if read_frame(&mut self.from, &mut answer)? {
            Ok(answer)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        // The child may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The loop of a child process: it runs until its pipes close.
pub fn pipe(does: &str) -> io::Result<()> {
    match answer_all(does) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

fn answer_all(does: &str) -> io::Result<()> {
    // Avoids a second lock and a second buffer around the standard streams.
    let mut from = buffered(io::stdin().lock());
    let mut to = std::fs::File::from(rustix::io::dup(io::stdout())?);
    let mut body = Vec::new();
    while read_frame(&mut from, &mut body)? {
        match does {
            "fresh" => write_frame(&mut to, &fresh(&body))?,
            _ => write_frame(&mut to, &body)?,
        }
    }
    Ok(())
}

/// Reads a small frame with one read; a large body bypasses the buffer.
fn buffered<R: Read>(from: R) -> BufReader<R> {
    BufReader::with_capacity(64 * 1024, from)
}

/// Writes the length and the bytes, with one write if the pipe has room.
fn write_frame(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = (bytes.len() as u64).to_le_bytes();
    let written = to.write_vectored(&[io::IoSlice::new(&length), io::IoSlice::new(bytes)])?;
    match written.checked_sub(length.len()) {
        Some(of_bytes) => to.write_all(&bytes[of_bytes..]),
        None => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// False at the end of the pipe.
fn read_frame(from: &mut impl Read, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 8];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        read => read?,
    }
    let length = u64::from_le_bytes(length);
    into.clear();
    into.reserve_exact(usize::try_from(length).map_err(io::Error::other)?);
    let read = from.take(length).read_to_end(into)?;
    Ok(read as u64 == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let mut written = Vec::new();
        write_frame(&mut written, b"first").unwrap();
        write_frame(&mut written, b"").unwrap();
        let (mut from, mut body) = (&written[..], Vec::new());
        assert!(read_frame(&mut from, &mut body).unwrap());
        assert_eq!(body, b"first");
        assert!(read_frame(&mut from, &mut body).unwrap());
        assert!(body.is_empty());
        assert!(!read_frame(&mut from, &mut body).unwrap());
    }
}
