//! Messages between the server and its workers: what is sent, and that what came is sound.
//!
//! A message is one packet of [`super::socket`]: a type of this file, as postcard
//! writes it, with texts and bytes borrowed from the packet. The server trusts
//! nothing that a worker says: lists have bounds while they are decoded, and
//! [`check`] makes of an [`Answer`] what cannot harm it. The worker trusts the
//! server, which is its parent and the same program.
//!
//! Whether a range lies inside a segment is not known here:
//! [`Part::of`](super::segment::Part::of) says.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{log::clip, telemetry::SOURCES};

/// A body above this is put into shared memory where some can be had: it is copied
/// once, and four times where it travels in a message.
pub(super) const SHARED_BYTES_MIN: usize = 8 * 1024;

/// The largest body that travels in the message itself.
pub(super) const INLINE_BYTES_MAX: usize = 64 * 1024;

/// The largest message: a body, and heads of 64 KiB, and some room.
pub(super) const MESSAGE_BYTES_MAX: usize = 160 * 1024;

/// Of this protocol. Both sides are the same program, unless it was replaced on
/// disk while the server ran.
pub(super) const VERSION: u32 = 3;

/// How many headers an answer has at most.
pub(super) const HEADERS_MAX: usize = 256;

/// How many segments are returned by one message, how many refused values it
/// counts, how many notes it brings, at most.
pub(crate) const LIST_MAX: usize = 64;

// === The calls' socket ===

/// To the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and never kept")]
pub(super) enum ToWorker<'a> {
    #[serde(borrow)]
    Call(Call<'a>),
    /// The segment that was asked for. Its descriptor is attached where it is new.
    Lend { id: u32, is_new: bool },
    /// No segment can be had.
    Refuse,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Call<'a> {
    pub(super) number: u64,
    pub(super) route: u32,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    /// 9, 10, 11, 20 or 30.
    pub(super) version: u8,
    #[serde(borrow, serialize_with = "headers")]
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    /// What the path's parameters are, in the pattern's order.
    #[serde(borrow)]
    pub(super) values: Vec<&'a str>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) client: Option<IpAddr>,
    pub(super) time_left_us: Option<u64>,
    #[serde(borrow)]
    pub(super) body: Payload<'a>,
    /// A segment that is lent for the answer beforehand.
    pub(super) spare: Option<u32>,
    /// The segments whose descriptors are attached, in their order.
    pub(super) segments_new: Vec<u32>,
}

/// A request's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Payload<'a> {
    Nothing,
    Inline(#[serde(serialize_with = "raw")] &'a [u8]),
    Segment {
        id: u32,
        bytes: u64,
    },
    TooLarge,
    /// It did not arrive whole.
    Unread,
}

/// From the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum FromWorker<'a> {
    #[serde(borrow)]
    Ready(Ready<'a>),
    /// A segment is wanted for an answer of that size.
    Want { call: u64, bytes: u64 },
    #[serde(borrow)]
    Answer(Answer<'a>),
    /// Of an answer that is streamed: reserved, sent by no worker yet.
    Piece {
        call: u64,
        #[serde(serialize_with = "raw")]
        bytes: &'a [u8],
        is_last: bool,
    },
}

/// The worker has built its application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ready<'a> {
    pub(super) version: u32,
    pub(super) fingerprint: u64,
    /// What could not be applied.
    #[serde(borrow, deserialize_with = "few::<LIST_MAX, _, _>")]
    pub(super) notes: Vec<&'a str>,
}

/// What a handler answered. Nothing in it was checked: see [`check`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer<'a> {
    pub(super) call: u64,
    pub(super) status: u16,
    #[serde(
        borrow,
        serialize_with = "headers",
        deserialize_with = "few::<HEADERS_MAX, _, _>"
    )]
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    pub(super) ran: Option<Ran>,
    /// For each value that was refused, which of [`SOURCES`] it came from.
    #[serde(deserialize_with = "few::<LIST_MAX, _, _>")]
    pub(super) refused: Vec<u8>,
    #[serde(borrow)]
    pub(super) body: AnswerBody<'a>,
    /// The segments that the worker uses no more. One that holds this answer may
    /// be among them: it is read first.
    #[serde(deserialize_with = "few::<LIST_MAX, _, _>")]
    pub(super) returned: Vec<u32>,
    /// The worker takes no other call.
    pub(super) retires: bool,
    /// The server has not yet read all that was written during the call.
    pub(super) has_output: bool,
    /// What the server's log is told of a failure.
    #[serde(borrow)]
    pub(super) failure: Option<&'a str>,
}

/// How long the handler ran, and of what that time was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ran {
    pub(super) wall_ns: u64,
    pub(super) detail: Option<RanDetail>,
}

/// The three make up the wall's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RanDetail {
    pub(super) cpu_ns: u64,
    pub(super) delay_ns: u64,
    pub(super) blocked_ns: u64,
}

/// An answer's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum AnswerBody<'a> {
    Inline(#[serde(serialize_with = "raw")] &'a [u8]),
    Segment { id: u32, offset: u64, bytes: u64 },
}

// === The control socket ===

/// To the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Order {
    Ping(u64),
    /// That call's answer is not wanted any more.
    Cancel(u64),
    /// The server keeps these segments no more.
    Unmap(Vec<u32>),
}

/// From the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Report {
    Pong(u64),
}

// === Encoding ===

/// The message would be longer than [`MESSAGE_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// What came is no message, or one that no sound worker sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rubbish(String);

/// Writes the message into the buffer, which is cleared first, and is empty where
/// the message is too long.
pub(super) fn encode<T: Serialize>(message: &T, into: &mut Vec<u8>) -> Result<(), TooLong> {
    into.clear();
    let written = postcard::serialize_with_flavor(message, Bounded(&mut *into));
    written.map_err(|_: postcard::Error| {
        into.clear();
        TooLong
    })
}

/// Reads a message, which must end where the bytes do.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Rubbish> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(Rubbish(format!("{} bytes too many", rest.len()))),
        Err(error) => Err(Rubbish(format!("not a message: {error}"))),
    }
}

/// Where postcard writes to: it has no vector with a bound.
struct Bounded<'a>(&'a mut Vec<u8>);

impl Flavor for Bounded<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if data.len() > MESSAGE_BYTES_MAX - self.0.len() {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Bytes in one go: serde's own way with a slice is byte by byte, which gives the
/// same message.
fn raw<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

fn headers<S: Serializer>(list: &[(&str, &[u8])], serializer: S) -> Result<S::Ok, S::Error> {
    struct Raw<'a>(&'a [u8]);
    impl Serialize for Raw<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            raw(self.0, serializer)
        }
    }
    serializer.collect_seq(list.iter().map(|(name, value)| (name, Raw(value))))
}

/// A list that has at most `MAX` entries, refused before there is memory for more.
fn few<'de, const MAX: usize, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Few<T, const MAX: usize>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> de::Visitor<'de> for Few<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX} entries")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::with_capacity(entries.size_hint().unwrap_or(0).min(MAX));
            while let Some(entry) = entries.next_element()? {
                if list.len() == MAX {
                    return Err(de::Error::invalid_length(MAX + 1, &self));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Few::<T, MAX>(std::marker::PhantomData))
}

// === What an answer must be ===

/// What came from a worker, after all checks: nothing in it can harm the server.
#[derive(Clone, Debug)]
pub(super) struct Sound {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Within the time that the server saw go by; the detail adds up to the wall's.
    pub(super) ran: Option<Ran>,
    /// Each is an index of [`SOURCES`].
    pub(super) refused: Vec<u8>,
    pub(super) body: SoundBody,
    pub(super) returned: Vec<u32>,
    pub(super) retires: bool,
    pub(super) has_output: bool,
    pub(super) failure: Option<Box<str>>,
}

/// An answer's body, of which only the segment is still to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SoundBody {
    Inline(Bytes),
    Segment { id: u32, offset: u64, bytes: u64 },
}

/// Makes all checks for which nothing but the answer is needed.
///
/// Headers that frame an answer are the server's to write: `Transfer-Encoding` is
/// left out, and so is a `Content-Length` that is not the body's. A worker could
/// else put a second answer into the bytes of its body, for whoever comes next on
/// the connection. The answer to a HEAD has no such bytes, and where the handler made
/// none it may say how many a GET would have.
pub(super) fn check(
    answer: Answer<'_>,
    expected_call: u64,
    method: &Method,
    elapsed_ns: u64,
) -> Result<Sound, Rubbish> {
    if answer.call != expected_call {
        return rubbish(format!("call {} instead of {expected_call}", answer.call));
    }
    if answer.returned.len() > LIST_MAX || answer.refused.len() > LIST_MAX {
        return rubbish("too many entries in a list");
    }
    if answer
        .refused
        .iter()
        .any(|source| usize::from(*source) >= SOURCES.len())
    {
        return rubbish("a value was refused that came from nowhere");
    }
    let (body, length) = sound_body(&answer.body)?;
    let length = (length > 0 || method != Method::HEAD).then_some(length);
    Ok(Sound {
        status: sound_status(answer.status)?,
        headers: sound_headers(&answer.headers, length)?,
        ran: answer.ran.map(|ran| ran.within(elapsed_ns)),
        refused: answer.refused,
        body,
        returned: answer.returned,
        retires: answer.retires,
        has_output: answer.has_output,
        failure: answer.failure.map(|text| clip(text).into()),
    })
}

fn rubbish<T>(what: impl Into<String>) -> Result<T, Rubbish> {
    Err(Rubbish(what.into()))
}

fn sound_status(status: u16) -> Result<StatusCode, Rubbish> {
    match StatusCode::from_u16(status) {
        Ok(sound) if (200..600).contains(&status) => Ok(sound),
        _ => rubbish(format!("status {status}")),
    }
}

fn sound_body(body: &AnswerBody<'_>) -> Result<(SoundBody, u64), Rubbish> {
    match *body {
        AnswerBody::Inline(bytes) if bytes.len() > INLINE_BYTES_MAX => {
            rubbish(format!("a body of {} bytes in the message", bytes.len()))
        }
        AnswerBody::Inline(bytes) => {
            let body = SoundBody::Inline(Bytes::copy_from_slice(bytes));
            Ok((body, bytes.len() as u64))
        }
        AnswerBody::Segment { id, offset, bytes } if offset.checked_add(bytes).is_some() => {
            Ok((SoundBody::Segment { id, offset, bytes }, bytes))
        }
        AnswerBody::Segment { .. } => rubbish("a range without an end"),
    }
}

/// `None`: any length will do.
fn sound_headers(list: &[(&str, &[u8])], body_length: Option<u64>) -> Result<HeaderMap, Rubbish> {
    if list.len() > HEADERS_MAX {
        return rubbish(format!("{} headers", list.len()));
    }
    let mut headers = HeaderMap::with_capacity(list.len());
    for (name, value) in list {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            let name: String = name.chars().take(100).collect();
            return rubbish(format!("a header named {name:?}"));
        };
        let Ok(value) = HeaderValue::from_bytes(value) else {
            return rubbish(format!("the value of header `{name:.100}`"));
        };
        if name == header::CONTENT_LENGTH {
            // Once, and in the one form that every reader takes for the same number.
            let told = || value.to_str().ok()?.parse().ok();
            if body_length.or_else(told).map(HeaderValue::from).as_ref() == Some(&value) {
                headers.insert(name, value);
            }
        } else if name != header::TRANSFER_ENCODING {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

impl Ran {
    /// As far as the server's own clock allows: first the wall's time, then the
    /// processor's, then the wait for one; what is left was blocked.
    fn within(self, elapsed_ns: u64) -> Self {
        let wall_ns = self.wall_ns.min(elapsed_ns);
        let detail = self.detail.map(|told| {
            let cpu_ns = told.cpu_ns.min(wall_ns);
            let delay_ns = told.delay_ns.min(wall_ns - cpu_ns);
            RanDetail {
                cpu_ns,
                delay_ns,
                blocked_ns: wall_ns - cpu_ns - delay_ns,
            }
        });
        Self { wall_ns, detail }
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message is longer than {MESSAGE_BYTES_MAX} bytes")
    }
}

impl Rubbish {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Rubbish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooLong {}
impl std::error::Error for Rubbish {}

// === What the fuzzer calls ===

/// Whatever a worker may send: decoded, checked, and what is left is sound.
#[doc(hidden)]
pub fn fuzz_answer(bytes: &[u8]) {
    if let Ok(message) = decode::<Report>(bytes) {
        survives(&message, bytes.len());
    }
    let Ok(message) = decode::<FromWorker<'_>>(bytes) else {
        return;
    };
    survives(&message, bytes.len());
    let FromWorker::Answer(answer) = message else {
        return;
    };
    let (call, elapsed_ns) = (answer.call, answer.call.rotate_left(32));
    let get = &Method::GET;
    assert!(check(answer.clone(), !call, get, elapsed_ns).is_err());
    if let Ok(sound) = check(answer, call, get, elapsed_ns) {
        assert_sound(&sound, elapsed_ns);
    }
}

/// Whatever the server may send. Here too nothing panics, and what was read can
/// be written again.
#[doc(hidden)]
pub fn fuzz_call(bytes: &[u8]) {
    if let Ok(message) = decode::<Order>(bytes) {
        survives(&message, bytes.len());
    }
    if let Ok(message) = decode::<ToWorker<'_>>(bytes) {
        survives(&message, bytes.len());
    }
}

/// The message is the same after another round, and no longer than it came.
fn survives<T>(message: &T, length: usize)
where
    T: Serialize + for<'a> Same<'a>,
{
    let mut buffer = Vec::new();
    match encode(message, &mut buffer) {
        Ok(()) => {
            assert!(buffer.len() <= length);
            assert!(message.is_in(&buffer), "it came back as another");
        }
        Err(TooLong) => assert!(length > MESSAGE_BYTES_MAX),
    }
}

/// Messages borrow from their buffer, so a second one is of another type than the
/// first, with another lifetime.
trait Same<'a> {
    fn is_in(&self, buffer: &'a [u8]) -> bool;
}

macro_rules! same {
    ($($message:ty => $other:ty),+) => {$(
        impl<'a> Same<'a> for $message {
            fn is_in(&self, buffer: &'a [u8]) -> bool {
                decode::<$other>(buffer).is_ok_and(|other| other == *self)
            }
        }
    )+};
}
same!(ToWorker<'_> => ToWorker<'a>, FromWorker<'_> => FromWorker<'a>, Order => Order, Report => Report);

fn assert_sound(sound: &Sound, elapsed_ns: u64) {
    assert!((200..600).contains(&sound.status.as_u16()));
    assert!(sound.headers.len() <= HEADERS_MAX);
    assert!(sound.returned.len() <= LIST_MAX && sound.refused.len() <= LIST_MAX);
    assert!(
        sound
            .refused
            .iter()
            .all(|source| SOURCES.get(usize::from(*source)).is_some())
    );
    let length = match &sound.body {
        SoundBody::Inline(bytes) => {
            assert!(bytes.len() <= INLINE_BYTES_MAX);
            bytes.len() as u64
        }
        SoundBody::Segment { offset, bytes, .. } => {
            assert!(offset.checked_add(*bytes).is_some());
            *bytes
        }
    };
    assert!(!sound.headers.contains_key(header::TRANSFER_ENCODING));
    let lengths = sound.headers.get_all(header::CONTENT_LENGTH);
    assert!(lengths.iter().count() <= 1);
    assert!(
        lengths
            .iter()
            .all(|told| *told == HeaderValue::from(length))
    );
    if let Some(ran) = sound.ran {
        assert!(ran.wall_ns <= elapsed_ns);
        let sum = |detail: RanDetail| detail.cpu_ns + detail.delay_ns + detail.blocked_ns;
        assert!(ran.detail.is_none_or(|detail| sum(detail) == ran.wall_ns));
    }
}

#[cfg(test)]
mod tests;
