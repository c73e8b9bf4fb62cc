//! What the head of an answer says about its body's size: the truth, whatever wrote
//! it. An answer that is longer or shorter than its head says is misread, and so is
//! the next one on its connection.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};

use crate::{BoxError, Response, body::Body};

/// Settles the headers that frame an answer, and what of its body is sent.
///
/// A size that is known is what `Content-Length` says. A length that was set on a
/// body of unknown size stays, and the body is held to it. `Transfer-Encoding` is
/// the server's to write. The answer to a HEAD is what a GET would get, without the
/// body; where it has none of its own, a length that was set stays.
pub(crate) fn settle(response: &mut Response, is_head: bool) {
    let is_bare = is_bare(response.status());
    if is_bare || is_head {
        leave_out_body(response, is_bare);
    } else if response.headers().keys().any(is_framing) {
        tell_the_truth(response);
    }
}

/// Whether answers of that status end with their head, and say nothing of a body.
/// What follows a 101 is another protocol's.
fn is_bare(status: StatusCode) -> bool {
    matches!(status.as_u16(), 100 | 102..=199 | 204 | 304)
}

fn is_framing(name: &HeaderName) -> bool {
    matches!(*name, header::CONTENT_LENGTH | header::TRANSFER_ENCODING)
}

fn leave_out_body(response: &mut Response, is_bare: bool) {
    let exact = response.body().size_hint().exact();
    let headers = response.headers_mut();
    headers.remove(header::TRANSFER_ENCODING);
    let length = match exact {
        Some(bytes) if bytes > 0 => Some(bytes),
        _ => told(headers),
    };
    say(headers, length.filter(|_| !is_bare));
    if exact != Some(0) {
        *response.body_mut() = Body::empty();
    }
}

fn tell_the_truth(response: &mut Response) {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let exact = response.body().size_hint().exact();
    let headers = response.headers_mut();
    headers.remove(header::TRANSFER_ENCODING);
    let length = exact.or_else(|| told(headers));
    say(headers, length);
    if let (None, Some(left)) = (exact, length) {
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = Body::new(Held { body, left });
    }
}

/// The length that was set, if it is one number.
fn told(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let digits = value.to_str().ok()?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

fn say(headers: &mut HeaderMap, length: Option<u64>) {
    match length {
        Some(bytes) => drop(headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes))),
        None => drop(headers.remove(header::CONTENT_LENGTH)),
    }
}

/// A body that is held to a length: any other breaks its answer off.
struct Held {
    body: Body,
    left: u64,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len) as u64,
            Some(Err(_)) => return Poll::Ready(frame),
            None if this.left > 0 => return broken_off("shorter"),
            None => 0,
        };
        let Some(left) = this.left.checked_sub(bytes) else {
            return broken_off("longer");
        };
        this.left = left;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn broken_off(what: &str) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
    tracing::error!("the body of an answer is {what} than its `Content-Length`: it is broken off");
    let error = format!("the body is {what} than its `Content-Length`");
    Poll::Ready(Some(Err(error.into())))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn answer(status: u16, body: Body, headers: &[(&'static str, &'static str)]) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            response.headers_mut().append(*name, value);
        }
        response
    }

    /// Five bytes of a size that is not told.
    fn stream() -> Body {
        Body::new(Opaque(Body::from("12345")))
    }

    /// The headers that frame it, and its body or what breaks it off.
    fn settled(mut response: Response, is_head: bool) -> (String, Result<String, String>) {
        settle(&mut response, is_head);
        let framing = response
            .headers()
            .iter()
            .filter(|(name, _)| is_framing(name));
        let framing = framing.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        let framing = framing.collect::<Vec<_>>().join("; ");
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let body = std::pin::pin!(response.into_body().collect());
        let Poll::Ready(body) = body.poll(&mut cx) else {
            panic!("no body here waits");
        };
        let body = body.map(|body| String::from_utf8(body.to_bytes().to_vec()).unwrap());
        (framing, body.map_err(|error| error.to_string()))
    }

    fn check(response: Response, is_head: bool, framing: &str, body: &str) {
        let expected = (framing.to_owned(), Ok(body.to_owned()));
        assert_eq!(settled(response, is_head), expected);
    }

    const WRONG: [(&str, &str); 1] = [("content-length", "100")];
    const TWO: [(&str, &str); 2] = [("content-length", "5"), ("content-length", "6")];
    const CODED: [(&str, &str); 2] = [("transfer-encoding", "chunked"), ("content-length", "2")];

    #[test]
    fn a_known_size_is_what_is_said() {
        for headers in [&WRONG[..], &TWO, &CODED] {
            let body = || Body::from("12345");
            check(
                answer(200, body(), headers),
                false,
                "content-length: 5",
                "12345",
            );
            check(answer(200, body(), headers), true, "content-length: 5", "");
            check(
                answer(206, Body::empty(), headers),
                false,
                "content-length: 0",
                "",
            );
        }
        check(answer(200, Body::from("1"), &[]), false, "", "1");
        check(
            answer(200, Body::from("1"), &[]),
            true,
            "content-length: 1",
            "",
        );
    }

    #[test]
    fn a_body_of_unknown_size_is_held_to_the_length_that_was_set() {
        let right = [("content-length", "05")];
        check(
            answer(200, stream(), &right),
            false,
            "content-length: 5",
            "12345",
        );
        check(answer(200, stream(), &TWO), false, "", "12345");
        check(
            answer(200, stream(), &[("content-length", "+5")]),
            false,
            "",
            "12345",
        );
        for (length, what) in [("6", "shorter"), ("4", "longer"), ("0", "longer")] {
            let (framing, body) =
                settled(answer(200, stream(), &[("content-length", length)]), false);
            assert_eq!(framing, format!("content-length: {length}"));
            assert_eq!(
                body,
                Err(format!("the body is {what} than its `Content-Length`"))
            );
        }
    }

    #[test]
    fn the_answer_to_a_head_may_say_what_it_does_not_have() {
        check(
            answer(200, Body::empty(), &WRONG),
            true,
            "content-length: 100",
            "",
        );
        check(
            answer(200, stream(), &WRONG),
            true,
            "content-length: 100",
            "",
        );
        check(answer(200, stream(), &TWO), true, "", "");
    }

    #[test]
    fn statuses_without_a_body_have_neither() {
        for status in [204, 304] {
            for body in [Body::empty(), Body::from("12345"), stream()] {
                check(answer(status, body, &WRONG), false, "", "");
            }
            check(answer(status, stream(), &CODED), true, "", "");
        }
        let switching = answer(101, Body::empty(), &[("transfer-encoding", "x")]);
        check(switching, false, "transfer-encoding: x", "");
    }

    struct Opaque<B>(B);

    impl<B> http_body::Body for Opaque<B>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
    {
        type Data = Bytes;
        type Error = B::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
            Pin::new(&mut self.0).poll_frame(cx)
        }
    }
}
