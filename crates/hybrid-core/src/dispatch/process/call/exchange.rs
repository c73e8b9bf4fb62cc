//! One call on one worker: the call is sent, what the worker asks for is served, its
//! answer is checked. The worker is killed where this is dropped in between.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::{Arc, PoisonError, atomic::Ordering},
};

use bytes::Bytes;
use http::Method;
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    Answered, Broken, COPIED_ON_LOOP_BYTES_MAX, Call, Failed,
    loaded::{Loan, encode_call, no_memory},
};
use crate::{
    Response,
    body::Body,
    dispatch::process::{
        Doom, Holds, Lease,
        frame::{self, Answer, FromWorker, Rubbish, Sound, SoundBody, ToWorker},
        segment::Part,
        socket,
    },
    log::requests::Failure,
    offload::run_uncounted,
    problem::Problem,
    telemetry::{
        clock,
        timing::{Detail, Timing, nanoseconds},
    },
};

impl Lease {
    pub(super) async fn call(mut self, call: &mut Call) -> Result<Answered, Broken> {
        self.deadline = call.running.deadline;
        self.check_silence()?;
        let number = self.worker.number.fetch_add(1, Ordering::Relaxed) + 1;
        let loaded = self.load(call).await?;
        let mut message = Vec::with_capacity(1024 + loaded.inline_bytes());
        encode_call(call, number, &loaded, &mut message)?;
        let route = call.parts.matched_route().index;
        self.worker.route.store(route, Ordering::Relaxed);
        self.worker.route_last.store(route, Ordering::Relaxed);
        self.holds = Holds::Calling;
        let fds: Vec<BorrowedFd<'_>> = loaded.fds().collect();
        if socket::send(&self.worker.calls, &message, &fds).is_err() {
            return Err(self.lost());
        }
        drop(fds);
        *call.interrupt.called() = Some((Arc::downgrade(&self.worker), number));
        call.ticket.start();
        loaded.sent(call);
        let mut buffer = std::mem::take(&mut *self.buffer());
        let answered = self.converse(call, number, &mut buffer).await;
        *self.buffer() = buffer;
        answered
    }

    fn buffer(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        let buffer = &self.worker.buffer;
        buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker that says something unasked for is no worker of ours any more.
    fn check_silence(&mut self) -> Result<(), Broken> {
        let mut word = Vec::with_capacity(1);
        let heard = self.worker.calls.try_io(Interest::READABLE, |socket| {
            socket::receive_plain(socket, &mut word)
        });
        match heard {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Ok(0) => Err(self.lost()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(self.lost()),
            Ok(_) | Err(_) => {
                self.holds = Holds::Nothing;
                self.shared.doom(&self.worker, Doom::Rubbish);
                Err(Broken::NeverBegan)
            }
        }
    }

    /// The worker is gone, and the call never began.
    fn lost(&mut self) -> Broken {
        self.holds = Holds::Nothing;
        self.shared.doom(&self.worker, Doom::Lost);
        Broken::NeverBegan
    }

    /// The worker is gone in the middle of the call.
    async fn died(&mut self, call: &Call) -> Broken {
        self.holds = Holds::Nothing;
        self.shared.doom(&self.worker, Doom::Lost);
        self.shared.note_poison(call).await;
        let pid = self.worker.pid.as_raw_pid();
        Broken::Failed(Failed::Died(format!("worker {pid} died of it")))
    }

    /// The worker says what cannot be.
    fn babbles(&mut self, rubbish: &Rubbish) -> Broken {
        self.holds = Holds::Nothing;
        self.shared.doom(&self.worker, Doom::Rubbish);
        let pid = self.worker.pid.as_raw_pid();
        Broken::Failed(Failed::Died(format!(
            "worker {pid} answered rubbish: {rubbish}"
        )))
    }

    /// Waits for the answer, and serves what the worker asks for meanwhile.
    async fn converse(
        &mut self,
        call: &Call,
        number: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<Answered, Broken> {
        let sent = clock::now();
        let (mut has_begun, mut refused) = (false, None);
        loop {
            let received = receive(&self.worker.calls, buffer).await;
            match received {
                Ok(0) => return Err(self.died(call).await),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    // It died with the call still unread, unless it has spoken since.
                    return Err(match has_begun {
                        true => self.died(call).await,
                        false => self.lost(),
                    });
                }
                Err(error) => return Err(self.babbles(&Rubbish::new(error.to_string()))),
                Ok(_) => {}
            }
            match frame::decode::<FromWorker<'_>>(buffer) {
                Ok(FromWorker::Answer(answer)) => {
                    let took = clock::now() - sent;
                    let method = &call.parts.head.method;
                    let sound = self.check(answer, number, method, nanoseconds(took));
                    let sound = sound.map_err(|rubbish| self.babbles(&rubbish))?;
                    self.shared.queue.note_service(took);
                    let answered = self.settle(call, sound).await;
                    return match refused {
                        Some(problem) => Err(Broken::Failed(Failed::Pool(problem))),
                        None => answered,
                    };
                }
                Ok(FromWorker::Want { call: of, bytes }) if of == number && !has_begun => {
                    has_begun = true;
                    refused = self.lend(call, bytes).await?;
                }
                Ok(_) => return Err(self.babbles(&Rubbish::new("a message out of turn"))),
                Err(rubbish) => return Err(self.babbles(&rubbish)),
            }
        }
    }

    /// Lends a segment for an answer; or says that there is none, and what the client
    /// is told once the worker has ended its call.
    async fn lend(&mut self, call: &Call, bytes: u64) -> Result<Option<Problem>, Broken> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let lent = match Loan::free(&self.worker, bytes) {
            Some(loan) => Ok(loan),
            None => {
                let worker = Arc::clone(&self.worker);
                let made = run_uncounted(&call.running, move || Loan::take(&worker, bytes)).await;
                match made {
                    Ok(made) => made.map_err(|lack| no_memory(&lack)),
                    Err(error) => Err(error.problem()),
                }
            }
        };
        let mut message = Vec::with_capacity(32);
        let said = match &lent {
            Ok(loan) => ToWorker::Lend {
                id: loan.segment.id(),
                is_new: loan.is_new,
            },
            Err(_) => ToWorker::Refuse,
        };
        // It is a few bytes.
        let _ = frame::encode(&said, &mut message);
        let new = lent.as_ref().ok().filter(|loan| loan.is_new);
        let fds: Vec<BorrowedFd<'_>> = new.map(|loan| loan.segment.as_fd()).into_iter().collect();
        if socket::send(&self.worker.calls, &message, &fds).is_err() {
            return Err(self.died(call).await);
        }
        drop(fds);
        Ok(match lent {
            Ok(loan) => {
                loan.sent();
                None
            }
            Err(problem) => Some(problem),
        })
    }

    /// Checks an answer and what it says of segments.
    fn check(
        &self,
        answer: Answer<'_>,
        number: u64,
        method: &Method,
        ns: u64,
    ) -> Result<(Sound, Option<Part>), Rubbish> {
        let sound = frame::check(answer, number, method, ns)?;
        let segments = &self.worker.segments;
        let part = match sound.body {
            SoundBody::Segment { id, offset, bytes } => {
                let segment = segments.get(id);
                let part = segment.and_then(|segment| Part::of(&segment, offset, bytes));
                Some(part.ok_or_else(|| Rubbish::new("bytes outside of its segments"))?)
            }
            SoundBody::Inline(_) => None,
        };
        for id in &sound.returned {
            if !segments.returned(*id) {
                return Err(Rubbish::new("a segment that it did not have"));
            }
        }
        Ok((sound, part))
    }

    /// Makes the answer of what the worker sent.
    async fn settle(
        &mut self,
        call: &Call,
        (sound, part): (Sound, Option<Part>),
    ) -> Result<Answered, Broken> {
        // From here on the worker is idle again, whatever becomes of the answer.
        self.holds = match sound.has_output {
            true => Holds::Output,
            false => Holds::Worker,
        };
        self.worker.served.fetch_add(1, Ordering::Relaxed);
        if sound.retires {
            self.worker.retires.store(true, Ordering::Relaxed);
        }
        let bytes = match (part, sound.body) {
            (Some(part), _) => {
                self.worker.note_answer(part.as_ref().len());
                in_place_or_copied(call, part).await?
            }
            (None, SoundBody::Inline(bytes)) => {
                self.worker.note_answer(bytes.len());
                bytes
            }
            (None, SoundBody::Segment { .. }) => Bytes::new(),
        };
        self.worker.trim(self.shared.plan.hot_bytes());
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = sound.status;
        *response.headers_mut() = sound.headers;
        if let Some(text) = sound.failure {
            response.extensions_mut().insert(Failure(text));
        }
        let timing = sound.ran.map(|ran| Timing {
            queue_ns: 0,
            wall_ns: ran.wall_ns,
            detail: ran.detail.map(|detail| Detail {
                cpu_ns: detail.cpu_ns,
                delay_ns: detail.delay_ns,
                blocked_ns: detail.blocked_ns,
            }),
        });
        Ok(Answered {
            response,
            timing,
            refused: sound.refused,
        })
    }
}

/// hyper copies the bytes to a socket, and may do so from where the worker wrote
/// them; whoever else looks at them gets what can change no more.
async fn in_place_or_copied(call: &Call, part: Part) -> Result<Bytes, Broken> {
    if call.is_sent_in_place {
        return Ok(Bytes::from_owner(part));
    }
    if part.as_ref().len() <= COPIED_ON_LOOP_BYTES_MAX {
        return Ok(Bytes::copy_from_slice(part.as_ref()));
    }
    let copied = run_uncounted(&call.running, move || Bytes::copy_from_slice(part.as_ref())).await;
    copied.map_err(|error| Broken::Failed(Failed::Pool(error.problem())))
}

async fn receive(calls: &AsyncFd<OwnedFd>, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.reserve(frame::MESSAGE_BYTES_MAX.saturating_sub(buffer.capacity()));
    loop {
        let mut ready = calls.readable().await?;
        if let Ok(received) = ready.try_io(|socket| socket::receive_plain(socket, buffer)) {
            return received;
        }
    }
}
