//! A handler's answer as a message: its head in the message itself, its body there too,
//! or in shared memory where it is large.

use bytes::Bytes;

use super::{Worked, Worker, lock};
use crate::{
    BoxError,
    dispatch::process::{
        frame::{
            self, Answer, AnswerBody, FromWorker, INLINE_BYTES_MAX, Ran, RanDetail,
            SHARED_BYTES_MIN, ToWorker,
        },
        output,
        segment::Mapped,
        socket,
    },
    log::requests::Failure,
};

/// Where an answer's body is.
#[derive(Clone, Copy)]
enum Placed {
    Inline,
    Segment(u32, usize),
    /// There is no memory for it. The server has said so, and answers by itself.
    Nowhere,
}

impl Worker {
    pub(super) fn send_answer(
        &self,
        number: u64,
        worked: Worked,
        spare: Option<u32>,
        is_spoilt: bool,
        reply: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        let (mut head, body) = worked.response.into_parts();
        let failure = head.extensions.remove::<Failure>();
        // A process route's endpoint has gathered it.
        let bytes = body
            .try_into_bytes()
            .map_err(|_| "a body that is not there")?;
        let lies_in = self.segment_of(&bytes);
        let placed = match lies_in {
            Some((id, offset)) => Placed::Segment(id, offset),
            None if bytes.len() <= SHARED_BYTES_MIN => Placed::Inline,
            None => self.place(number, &bytes, spare, reply)?,
        };
        let mut returned = self.returns.take_all();
        // What is over is said with the next answer.
        let later = returned.len().min(frame::LIST_MAX - 2);
        returned
            .drain(later..)
            .for_each(|segment| self.returns.push(segment));
        if let Some(spare) = spare
            && !matches!(placed, Placed::Segment(id, _) if id == spare)
        {
            returned.push(spare);
        }
        if let Placed::Segment(id, _) = placed
            && lies_in.is_none()
        {
            // Written, and the server's from here on.
            returned.push(id);
        }
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let body = match placed {
            Placed::Nowhere => AnswerBody::Inline(&[]),
            Placed::Inline => AnswerBody::Inline(&bytes),
            Placed::Segment(id, offset) => AnswerBody::Segment {
                id,
                offset: offset as u64,
                bytes: bytes.len() as u64,
            },
        };
        let answer = Answer {
            call: number,
            status: head.status.as_u16(),
            headers: headers.collect(),
            ran: worked.timing.map(|timing| Ran {
                wall_ns: timing.wall_ns,
                detail: timing.detail.map(|detail| RanDetail {
                    cpu_ns: detail.cpu_ns,
                    delay_ns: detail.delay_ns,
                    blocked_ns: detail.blocked_ns,
                }),
            }),
            refused: worked.refused,
            body,
            returned,
            retires: is_spoilt,
            has_output: output::is_unread(),
            failure: failure.as_ref().map(|failure| &*failure.0),
        };
        Ok(self.send(&FromWorker::Answer(answer), reply)?)
    }

    /// Where the bytes lie in shared memory already: a piece of the request, say.
    fn segment_of(&self, bytes: &Bytes) -> Option<(u32, usize)> {
        if bytes.len() <= SHARED_BYTES_MIN {
            return None;
        }
        let maps = lock(&self.maps);
        maps.iter()
            .find_map(|(id, mapped)| Some((*id, mapped.offset_of(bytes)?)))
    }

    /// Puts a large answer into shared memory: what was lent for it, or what the
    /// server lends now, where it does not fit into the message.
    fn place(
        &self,
        number: u64,
        bytes: &Bytes,
        spare: Option<u32>,
        reply: &mut Vec<u8>,
    ) -> Result<Placed, BoxError> {
        let lent = spare.and_then(|id| lock(&self.maps).get(&id).cloned());
        if let Some(mapped) = lent
            && mapped.write(0, bytes)
        {
            return Ok(Placed::Segment(mapped.id(), 0));
        }
        if bytes.len() <= INLINE_BYTES_MAX {
            return Ok(Placed::Inline);
        }
        let want = FromWorker::Want {
            call: number,
            bytes: bytes.len() as u64,
        };
        self.send(&want, reply)?;
        let (mut buffer, mut fds) = ([0; 256], Vec::new());
        let length = socket::receive(&self.calls, &mut buffer, &mut fds)?;
        let id = match frame::decode(&buffer[..length])? {
            ToWorker::Lend { id, is_new } => {
                if is_new {
                    let fd = fds.pop().ok_or("a segment without its descriptor")?;
                    lock(&self.maps).insert(id, Mapped::new(fd, id)?);
                }
                id
            }
            ToWorker::Refuse => {
                tracing::error!(
                    bytes = bytes.len(),
                    "no shared memory was left for an answer"
                );
                return Ok(Placed::Nowhere);
            }
            ToWorker::Call(_) => return Err("a call in the middle of another".into()),
        };
        let mapped = lock(&self.maps)
            .get(&id)
            .cloned()
            .ok_or("an unknown segment")?;
        if mapped.write(0, bytes) {
            Ok(Placed::Segment(id, 0))
        } else {
            Err("a segment that is too small was lent".into())
        }
    }
}
