//! One call on one worker: the call is sent, what the worker asks for is served, its
//! answer is checked. The worker is killed where this is dropped in between.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::io::{Interest, unix::AsyncFd};

use super::{AttemptError, COPIED_ON_LOOP_BYTES_MAX, loading::Loan};
use crate::{
    clock::{self, nanoseconds},
    process::{
        Answered, CallError, Caller, HeadBytes, Malformed, ProcessCall,
        call_body::CallBody,
        codec::{self, MESSAGE_BYTES_MAX},
        lease::{Lease, LeaseState},
        messages::{self, AnswerMessage, CheckedAnswer, CheckedBody, FromWorker, ToWorker},
        segment::SharedRange,
        socket,
        worker_handle::EndReason,
    },
};

type Attempt<T, C> = Result<T, AttemptError<<C as Caller>::OffLoopError>>;

/// An answer after all checks.
struct SoundAnswer<A> {
    head: A,
    envelope: CheckedAnswer,
    /// Where its body lies in shared memory, if it does.
    range: Option<SharedRange>,
}

impl Lease {
    pub(super) async fn call<C: Caller>(
        mut self,
        call: &ProcessCall<C>,
        body: &mut CallBody,
    ) -> Attempt<Answered<C::Answer>, C> {
        self.deadline = call.deadline;
        self.check_silence()?;
        let number = self.worker.number.fetch_add(1, Ordering::Relaxed) + 1;
        let loaded = self.load(call, body).await?;
        let mut message = Vec::with_capacity(1024 + loaded.inline_bytes());
        loaded
            .encode_call(call, number, &mut message)
            .map_err(|_| CallError::HeadTooLong)?;
        self.worker.set_busy(call.class);
        self.state = LeaseState::Calling;
        let fds: Vec<BorrowedFd<'_>> = loaded.fds().collect();
        if socket::send(&self.worker.calls, &message, &fds).is_err() {
            return Err(self.lost());
        }
        drop(fds);
        *call.cancel.sent_to() = Some((Arc::downgrade(&self.worker), number));
        call.ticket.start();
        loaded.sent(body);
        let mut buffer = std::mem::take(&mut *self.buffer());
        let answered = self.converse(call, body, number, &mut buffer).await;
        *self.buffer() = buffer;
        answered
    }

    fn buffer(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        let buffer = &self.worker.buffer;
        buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker that sends something while it has no call is not used any more.
    fn check_silence<E>(&mut self) -> Result<(), AttemptError<E>> {
        let mut word = Vec::with_capacity(1);
        let heard = self.worker.calls.try_io(Interest::READABLE, |socket| {
            socket::receive_plain(socket, &mut word)
        });
        match heard {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Ok(0) => Err(self.lost()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(self.lost()),
            Ok(_) | Err(_) => {
                self.end_worker(EndReason::Malformed);
                Err(AttemptError::NeverBegan)
            }
        }
    }

    /// The worker is gone, and the call never began.
    fn lost<E>(&mut self) -> AttemptError<E> {
        self.end_worker(EndReason::Lost);
        AttemptError::NeverBegan
    }

    /// The worker is gone in the middle of the call.
    async fn died<C: Caller>(
        &mut self,
        call: &ProcessCall<C>,
        body: &CallBody,
    ) -> AttemptError<C::OffLoopError> {
        self.end_worker(EndReason::Lost);
        self.shared.note_poison(call, body).await;
        CallError::Died(self.worker.pid.as_raw_pid()).into()
    }

    fn malformed<E>(&mut self, what: Malformed) -> AttemptError<E> {
        self.end_worker(EndReason::Malformed);
        CallError::Malformed(self.worker.pid.as_raw_pid(), what).into()
    }

    /// Waits for the answer, and serves what the worker asks for meanwhile.
    async fn converse<C: Caller>(
        &mut self,
        call: &ProcessCall<C>,
        body: &CallBody,
        number: u64,
        buffer: &mut Vec<u8>,
    ) -> Attempt<Answered<C::Answer>, C> {
        let sent = clock::now();
        let (mut has_begun, mut not_lent) = (false, None);
        loop {
            let received = receive(&self.worker.calls, buffer).await;
            match received {
                Ok(0) => return Err(self.died(call, body).await),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    // It died with the call still unread, unless it has spoken since.
                    return Err(match has_begun {
                        true => self.died(call, body).await,
                        false => self.lost(),
                    });
                }
                Err(error) => return Err(self.malformed(Malformed::new(error.to_string()))),
                Ok(_) => {}
            }
            match FromWorker::decode(buffer) {
                Ok((FromWorker::Answer(answer), head)) => {
                    let took = clock::now() - sent;
                    let sound = self.check(&call.caller, answer, head, number, took);
                    let sound = sound.map_err(|what| self.malformed(what))?;
                    self.shared.queue.note_service(took);
                    let answered = self.accept(call, sound).await;
                    return match not_lent {
                        Some(error) => Err(AttemptError::Failed(error)),
                        None => answered,
                    };
                }
                Ok((FromWorker::WantSegment { call: of, bytes }, _))
                    if of == number && !has_begun =>
                {
                    has_begun = true;
                    not_lent = self.lend(call, body, bytes).await?;
                }
                Ok(_) => return Err(self.malformed(Malformed::new("a message out of turn"))),
                Err(what) => return Err(self.malformed(what)),
            }
        }
    }

    /// Lends a segment for an answer. Where there is none the worker is told so, and the
    /// error is the call's once the worker has ended it.
    async fn lend<C: Caller>(
        &mut self,
        call: &ProcessCall<C>,
        body: &CallBody,
        bytes: u64,
    ) -> Attempt<Option<CallError<C::OffLoopError>>, C> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let lent = match Loan::free(&self.worker, bytes) {
            Some(loan) => Ok(loan),
            None => {
                let worker = Arc::clone(&self.worker);
                let made = call.caller.off_loop(move || Loan::take(&worker, bytes));
                match made.await {
                    Ok(made) => made.map_err(|error| error.log()),
                    Err(error) => Err(CallError::OffLoop(error)),
                }
            }
        };
        let mut message = Vec::with_capacity(32);
        let said = match &lent {
            Ok(loan) => ToWorker::LendSegment {
                id: loan.segment.id(),
                is_new: loan.is_new,
            },
            Err(_) => ToWorker::NoSegment,
        };
        // It is a few bytes.
        let _ = codec::encode(&said, &mut message);
        let new = lent.as_ref().ok().filter(|loan| loan.is_new);
        let fds: Vec<BorrowedFd<'_>> = new.map(|loan| loan.segment.as_fd()).into_iter().collect();
        if socket::send(&self.worker.calls, &message, &fds).is_err() {
            return Err(self.died(call, body).await);
        }
        drop(fds);
        Ok(match lent {
            Ok(loan) => {
                loan.sent();
                None
            }
            Err(error) => Some(error),
        })
    }

    /// Checks an answer, its head, and what it says of segments.
    fn check<C: Caller>(
        &self,
        caller: &C,
        answer: AnswerMessage<'_>,
        head: HeadBytes<'_>,
        number: u64,
        took: Duration,
    ) -> Result<SoundAnswer<C::Answer>, Malformed> {
        let envelope = messages::check(answer, number, nanoseconds(took))?;
        let head = caller.read_answer(head, envelope.body.len())?;
        let segments = &self.worker.segments;
        let range = match envelope.body {
            CheckedBody::Segment { id, offset, bytes } => {
                let segment = segments.get(id);
                let range = segment.and_then(|segment| SharedRange::of(&segment, offset, bytes));
                Some(range.ok_or_else(|| Malformed::new("bytes outside of its segments"))?)
            }
            CheckedBody::Inline(_) => None,
        };
        for id in &envelope.returned {
            if !segments.returned(*id) {
                return Err(Malformed::new("a segment that it did not have"));
            }
        }
        Ok(SoundAnswer {
            head,
            envelope,
            range,
        })
    }

    /// Takes over what the worker sent.
    async fn accept<C: Caller>(
        &mut self,
        call: &ProcessCall<C>,
        answer: SoundAnswer<C::Answer>,
    ) -> Attempt<Answered<C::Answer>, C> {
        let SoundAnswer {
            head,
            envelope,
            range,
        } = answer;
        // From here on the worker is idle again, whatever becomes of the answer.
        self.state = match envelope.has_output {
            true => LeaseState::OutputUnread,
            false => LeaseState::Idle,
        };
        self.worker.served.fetch_add(1, Ordering::Relaxed);
        if envelope.retires {
            self.worker.retires.store(true, Ordering::Relaxed);
        }
        let body = match (range, envelope.body) {
            (Some(range), _) => {
                self.worker.note_answer(range.as_ref().len());
                shared_or_copied(call, range).await?
            }
            (None, CheckedBody::Inline(bytes)) => {
                self.worker.note_answer(bytes.len());
                bytes
            }
            (None, CheckedBody::Segment { .. }) => Bytes::new(),
        };
        self.worker
            .trim_segments(self.shared.config.busy_segment_bytes());
        Ok(Answered {
            head,
            body,
            timing: envelope.timing,
        })
    }
}

/// Bytes that are only copied to a socket may stay where the worker wrote them. All
/// other bytes are copied first, so that they cannot change any more.
async fn shared_or_copied<C: Caller>(
    call: &ProcessCall<C>,
    range: SharedRange,
) -> Attempt<Bytes, C> {
    if call.may_share_answer {
        return Ok(Bytes::from_owner(range));
    }
    if range.as_ref().len() <= COPIED_ON_LOOP_BYTES_MAX {
        return Ok(Bytes::copy_from_slice(range.as_ref()));
    }
    let copied = call
        .caller
        .off_loop(move || Bytes::copy_from_slice(range.as_ref()));
    copied
        .await
        .map_err(|error| CallError::OffLoop(error).into())
}

async fn receive(calls: &AsyncFd<OwnedFd>, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.reserve(MESSAGE_BYTES_MAX.saturating_sub(buffer.capacity()));
    loop {
        let mut ready = calls.readable().await?;
        if let Ok(received) = ready.try_io(|socket| socket::receive_plain(socket, buffer)) {
            return received;
        }
    }
}
