//! An answer as a message: its head in the message itself, its body there too, or in
//! shared memory where it is large.

use bytes::Bytes;

use super::{WorkerLoop, lock};
use crate::process::{
    HeadBuffer, Outcome, TooLong, codec,
    messages::{
        AnswerBodyMessage, AnswerMessage, FromWorker, INLINE_BYTES_MAX, LIST_MAX, Ran,
        SHARED_BYTES_MIN, ToWorker,
    },
    output,
    segment::MappedSegment,
    socket,
    types::BoxError,
};

/// Where an answer's body is.
#[derive(Clone, Copy)]
enum BodyPlace {
    Inline,
    /// The segment and the offset in it.
    Segment(u32, usize),
    /// There is no memory for it. The server knows, and answers by itself.
    Nowhere,
}

impl<F> WorkerLoop<F> {
    pub(super) fn send_answer<H>(
        &self,
        number: u64,
        outcome: Outcome<H>,
        spare: Option<u32>,
        reply: &mut Vec<u8>,
    ) -> Result<(), BoxError>
    where
        H: FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong>,
    {
        let bytes = outcome.body;
        let lies_in = self.segment_of(&bytes);
        let place = match lies_in {
            Some((id, offset)) => BodyPlace::Segment(id, offset),
            None if bytes.len() <= SHARED_BYTES_MIN => BodyPlace::Inline,
            None => self.place(number, &bytes, spare, reply)?,
        };
        let mut returned = self.returned.take_all();
        // The next answer returns what is over.
        let later = returned.len().min(LIST_MAX - 2);
        returned
            .drain(later..)
            .for_each(|segment| self.returned.push(segment));
        if let Some(spare) = spare
            && !matches!(place, BodyPlace::Segment(id, _) if id == spare)
        {
            returned.push(spare);
        }
        if let BodyPlace::Segment(id, _) = place
            && lies_in.is_none()
        {
            // It is written, and the server's from here on.
            returned.push(id);
        }
        let body = match place {
            BodyPlace::Nowhere => AnswerBodyMessage::Inline(&[]),
            BodyPlace::Inline => AnswerBodyMessage::Inline(&bytes),
            BodyPlace::Segment(id, offset) => AnswerBodyMessage::Segment {
                id,
                offset: offset as u64,
                bytes: bytes.len() as u64,
            },
        };
        let answer = FromWorker::Answer(AnswerMessage {
            call: number,
            ran: outcome.timing.as_ref().map(Ran::of),
            body,
            returned,
            retires: outcome.retires,
            has_output: output::is_unread(),
        });
        codec::encode_with(&answer, reply, outcome.write_head)?;
        Ok(socket::send(&self.calls, reply, &[])?)
    }

    /// Where the bytes lie in shared memory already: a piece of the call's body, say.
    fn segment_of(&self, bytes: &Bytes) -> Option<(u32, usize)> {
        if bytes.len() <= SHARED_BYTES_MIN {
            return None;
        }
        let mapped = lock(&self.mapped);
        mapped
            .iter()
            .find_map(|(id, segment)| Some((*id, segment.offset_of(bytes)?)))
    }

    /// Puts a large answer into shared memory: into the segment that was lent for it, or
    /// into one that the server lends now, where the answer does not fit into the message.
    fn place(
        &self,
        number: u64,
        bytes: &Bytes,
        spare: Option<u32>,
        reply: &mut Vec<u8>,
    ) -> Result<BodyPlace, BoxError> {
        let lent = spare.and_then(|id| lock(&self.mapped).get(&id).cloned());
        if let Some(segment) = lent
            && segment.write(0, bytes)
        {
            return Ok(BodyPlace::Segment(segment.id(), 0));
        }
        if bytes.len() <= INLINE_BYTES_MAX {
            return Ok(BodyPlace::Inline);
        }
        let want = FromWorker::WantSegment {
            call: number,
            bytes: bytes.len() as u64,
        };
        self.send(&want, reply)?;
        let Some(id) = self.receive_segment()? else {
            tracing::error!(
                bytes = bytes.len(),
                "no shared memory was left for an answer"
            );
            return Ok(BodyPlace::Nowhere);
        };
        let segment = lock(&self.mapped)
            .get(&id)
            .cloned()
            .ok_or("an unknown segment")?;
        if segment.write(0, bytes) {
            Ok(BodyPlace::Segment(id, 0))
        } else {
            Err("a segment that is too small was lent".into())
        }
    }

    /// The segment that the server lends; `None` where it has none.
    fn receive_segment(&self) -> Result<Option<u32>, BoxError> {
        let (mut buffer, mut fds) = ([0; 256], Vec::new());
        let length = socket::receive(&self.calls, &mut buffer, &mut fds)?;
        match ToWorker::decode(&buffer[..length])? {
            (ToWorker::LendSegment { id, is_new }, _) => {
                if is_new {
                    let fd = fds.pop().ok_or("a segment without its descriptor")?;
                    lock(&self.mapped).insert(id, MappedSegment::new(fd, id)?);
                }
                Ok(Some(id))
            }
            (ToWorker::NoSegment, _) => Ok(None),
            (ToWorker::Call(_), _) => Err("a call in the middle of another".into()),
        }
    }
}
