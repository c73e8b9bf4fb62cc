//! What the fuzzer calls: any bytes as a message, its head included.

use http::{HeaderValue, Method, header};
use hybrid_engine::process::{HeadBuffer, HeadBytes, TooLong, fuzz_from_worker, fuzz_to_worker};

use super::{
    request::{self, RequestMessage},
    response::{self, CheckedResponse, HEADERS_MAX, REFUSED_MAX, ResponseMessage},
};
use crate::telemetry::SOURCES;

/// Whatever a worker may send: decoded, checked, and what is left is sound.
#[doc(hidden)]
pub fn fuzz_answer(bytes: &[u8]) {
    if let Some((head, body_bytes)) = fuzz_from_worker(bytes) {
        fuzz_response(head, body_bytes);
    }
}

/// Whatever the server may send. Here too nothing panics, and what was read can be
/// written again.
#[doc(hidden)]
pub fn fuzz_call(bytes: &[u8]) {
    if let Some(head) = fuzz_to_worker(bytes) {
        fuzz_request(head);
    }
}

pub(super) fn fuzz_response(head: HeadBytes<'_>, body_bytes: u64) {
    let Ok(message) = head.read::<ResponseMessage<'_>>() else {
        return;
    };
    let again = encoded(|into| into.write(&message));
    assert_eq!(HeadBytes::new(&again).read().as_ref(), Ok(&message));
    if let Ok(checked) = response::check(message, &Method::GET, body_bytes) {
        assert_sound(&checked, body_bytes);
    }
}

pub(super) fn fuzz_request(head: HeadBytes<'_>) {
    let Ok(message) = head.read::<RequestMessage<'_>>() else {
        return;
    };
    let again = encoded(|into| into.write(&message));
    assert_eq!(HeadBytes::new(&again).read().as_ref(), Ok(&message));
    // Not every message is a request. That is an error, and no panic.
    let _ = request::read(head);
}

/// A head as it stands in a message. It came in one, so it fits into one.
pub(super) fn encoded(write: impl FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut HeadBuffer::new(&mut bytes)).expect("a head fits into a message");
    bytes
}

pub(super) fn assert_sound(checked: &CheckedResponse, body_bytes: u64) {
    assert!((200..600).contains(&checked.status.as_u16()));
    assert!(checked.headers.len() <= HEADERS_MAX);
    assert!(checked.refused.len() <= REFUSED_MAX);
    let is_known = |source: &u8| SOURCES.get(usize::from(*source)).is_some();
    assert!(checked.refused.iter().all(is_known));
    assert!(!checked.headers.contains_key(header::TRANSFER_ENCODING));
    let lengths = checked.headers.get_all(header::CONTENT_LENGTH);
    assert!(lengths.iter().count() <= 1);
    assert!(
        lengths
            .iter()
            .all(|told| *told == HeaderValue::from(body_bytes))
    );
}
