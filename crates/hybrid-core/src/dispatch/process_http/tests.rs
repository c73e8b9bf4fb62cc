use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::LazyLock,
};

use http::{Method, StatusCode};
use hybrid_engine::process::{HeadBytes, Malformed};
use proptest::{collection::vec, option, prelude::*, sample::Index};

use super::{
    BodyState, CheckedResponse, REFUSED_MAX,
    fuzz::{assert_sound, encoded, fuzz_answer, fuzz_call, fuzz_request, fuzz_response},
    request::RequestMessage,
    response::{HEADERS_MAX, ResponseMessage, check},
};
use crate::telemetry::SOURCES;

fn response() -> ResponseMessage<'static> {
    ResponseMessage {
        status: 200,
        headers: vec![
            ("content-type", b"text/plain"),
            ("x-one", b"1"),
            ("x-one", b"\xff"),
        ],
        refused: vec![0, 6],
        failure: None,
    }
}

fn checked(
    change: impl FnOnce(&mut ResponseMessage<'static>),
) -> Result<CheckedResponse, Malformed> {
    let mut changed = response();
    change(&mut changed);
    check(changed, &Method::GET, 5)
}

#[test]
fn a_sound_response_stays_what_it_is() {
    let checked = checked(|_| ()).unwrap();
    assert_sound(&checked, 5);
    assert_eq!(checked.status, StatusCode::OK);
    let values: Vec<_> = checked.headers.get_all("x-one").iter().collect();
    assert_eq!(values, [&b"1"[..], &b"\xff"[..]]);
    assert_eq!(checked.refused, [0, 6]);
}

#[test]
fn what_no_sound_worker_sends_is_refused() {
    let refuse = |change: fn(&mut ResponseMessage<'static>), why: &str| {
        let refused = checked(change).expect_err(why).to_string();
        assert!(refused.contains(why), "{refused}");
    };
    refuse(|response| response.status = 199, "status 199");
    refuse(|response| response.status = 101, "status 101");
    refuse(|response| response.status = 600, "status 600");
    refuse(|response| response.status = 0, "status 0");
    refuse(
        |response| response.headers = vec![("a", b"1"); HEADERS_MAX + 1],
        "257 headers",
    );
    refuse(
        |response| response.headers.push(("", b"1")),
        "a header named \"\"",
    );
    refuse(
        |response| response.headers.push(("a b", b"1")),
        "a header named \"a b\"",
    );
    refuse(
        |response| response.headers.push(("a", b"1\r\nb: 2")),
        "the value of header `a`",
    );
    refuse(
        |response| response.headers.push(("a", b"\0")),
        "the value of header `a`",
    );
    refuse(
        |response| response.refused.push(SOURCES.len() as u8),
        "from nowhere",
    );
    refuse(
        |response| response.refused = vec![0; REFUSED_MAX + 1],
        "too many entries",
    );
}

#[test]
fn what_was_malformed_is_told_in_few_words() {
    static BLANKS: LazyLock<String> = LazyLock::new(|| " ".repeat(1_000));
    let refused = checked(|response| response.headers.push((&BLANKS, b"1")));
    assert!(refused.unwrap_err().to_string().len() < 150);
}

#[test]
fn the_limits_themselves_are_allowed() {
    checked(|response| {
        response.status = 599;
        response.headers = vec![("a", b"1"); HEADERS_MAX];
        response.refused = vec![6; REFUSED_MAX];
    })
    .unwrap();
}

#[test]
fn the_server_frames_the_response() {
    let lengths = |told: &[&'static [u8]]| {
        let checked = checked(|response| {
            response.headers.push(("Transfer-Encoding", b"chunked"));
            let told = told.iter().map(|told| ("Content-Length", *told));
            response.headers.extend(told);
        });
        let headers = checked.unwrap().headers;
        assert!(!headers.contains_key("transfer-encoding"));
        let lengths = headers.get_all("content-length").iter().cloned();
        lengths.collect::<Vec<_>>()
    };
    assert_eq!(lengths(&[b"5"]), ["5"]);
    assert_eq!(lengths(&[b"5", b"5"]), ["5"]);
    assert_eq!(lengths(&[b"0"]), [""; 0]);
    assert_eq!(lengths(&[b"5", b"4"]), ["5"]);
    assert_eq!(lengths(&[b"+5"]), [""; 0]);
    assert_eq!(lengths(&[b"05"]), [""; 0]);
    assert_eq!(lengths(&[b"5, 5"]), [""; 0]);
}

#[test]
fn a_head_without_a_body_may_say_the_length_of_another() {
    let lengths = |body_bytes: u64, told: &[&'static [u8]]| {
        let mut response = response();
        response.headers = told.iter().map(|told| ("Content-Length", *told)).collect();
        let checked = check(response, &Method::HEAD, body_bytes).unwrap();
        let lengths = checked.headers.get_all("content-length").iter().cloned();
        lengths.collect::<Vec<_>>()
    };
    assert_eq!(lengths(0, &[b"12345"]), ["12345"]);
    assert_eq!(lengths(0, &[b"12345", b"6"]), ["6"]);
    assert_eq!(lengths(0, &[b"+5", b"05", b"5, 5", b"x"]), [""; 0]);
    assert_eq!(lengths(5, &[b"12345", b"5"]), ["5"]);
}

#[test]
fn lists_have_bounds_while_they_are_read() {
    let is_refused = |change: fn(&mut ResponseMessage<'static>)| {
        let mut changed = response();
        change(&mut changed);
        let bytes = encoded(|into| into.write(&changed));
        HeadBytes::new(&bytes)
            .read::<ResponseMessage<'_>>()
            .is_err()
    };
    assert!(!is_refused(
        |response| response.headers = vec![("", b""); HEADERS_MAX]
    ));
    assert!(is_refused(
        |response| response.headers = vec![("", b""); HEADERS_MAX + 1]
    ));
    assert!(is_refused(
        |response| response.refused = vec![0; REFUSED_MAX + 1]
    ));
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    // A response with 200, of four thousand million headers.
    let mut bytes = vec![200, 1];
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    bytes.extend([0; 1_000]);
    assert!(
        HeadBytes::new(&bytes)
            .read::<ResponseMessage<'_>>()
            .is_err()
    );
}

// === Any head ===

/// Texts and bytes of their own, from which heads borrow.
#[derive(Clone, Debug)]
struct HeadParts {
    texts: Vec<String>,
    headers: Vec<(String, Vec<u8>)>,
    sources: Vec<u8>,
    peer: Option<SocketAddr>,
    kind: u8,
    status: u16,
}

fn parts() -> impl Strategy<Value = HeadParts> {
    let header = ("[a-zA-Z-]{0,12}", vec(any::<u8>(), 0..20));
    let framing = prop_oneof![Just("content-length"), Just("transfer-encoding")];
    let framing = (
        framing.prop_map(str::to_owned),
        "[0-9a-z]{0,3}".prop_map(String::into_bytes),
    );
    let address = any::<(bool, u32, u128, u16)>().prop_map(|(is_v4, short, long, port)| {
        let ip = if is_v4 {
            IpAddr::V4(Ipv4Addr::from_bits(short))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(long))
        };
        SocketAddr::new(ip, port)
    });
    let lists = (
        vec(".{0,10}", 3..8),
        vec(prop_oneof![5 => header, 1 => framing], 0..12),
        vec(0..10_u8, 0..8),
    );
    let status = prop_oneof![any::<u16>(), 200..600_u16];
    let rest = (option::of(address), any::<u8>(), status);
    (lists, rest).prop_map(|(lists, rest)| HeadParts {
        texts: lists.0,
        headers: lists.1,
        sources: lists.2,
        peer: rest.0,
        kind: rest.1,
        status: rest.2,
    })
}

impl HeadParts {
    fn headers(&self) -> Vec<(&str, &[u8])> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (&name[..], &value[..]))
            .collect()
    }

    fn request(&self) -> RequestMessage<'_> {
        RequestMessage {
            method: &self.texts[0],
            target: self.texts[1].as_str().into(),
            version: self.kind,
            headers: self.headers(),
            path_values: self.texts.iter().map(String::as_str).collect(),
            peer: self.peer,
            client: self.peer.map(|peer| peer.ip()),
            body: match self.kind % 3 {
                0 => BodyState::Complete,
                1 => BodyState::TooLarge,
                _ => BodyState::Unread,
            },
        }
    }

    fn response(&self) -> ResponseMessage<'_> {
        ResponseMessage {
            status: self.status,
            headers: self.headers(),
            refused: self.sources.clone(),
            failure: (self.kind > 100).then_some(self.texts[2].as_str()),
        }
    }
}

proptest! {
    #[test]
    fn every_head_survives(parts in parts(), body_bytes in 0..100_u64) {
        let bytes = encoded(|into| into.write(&parts.request()));
        prop_assert_eq!(HeadBytes::new(&bytes).read(), Ok(parts.request()));
        fuzz_request(HeadBytes::new(&bytes));
        let bytes = encoded(|into| into.write(&parts.response()));
        prop_assert_eq!(HeadBytes::new(&bytes).read(), Ok(parts.response()));
        fuzz_response(HeadBytes::new(&bytes), body_bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        fuzz_answer(&bytes);
        fuzz_call(&bytes);
        fuzz_response(HeadBytes::new(&bytes), 5);
        fuzz_request(HeadBytes::new(&bytes));
    }

    /// A head that was good is the likeliest to get far.
    #[test]
    fn harmed_heads_are_refused_or_sound(
        parts in parts(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        cut in option::of(any::<Index>()),
    ) {
        let mut response = encoded(|into| into.write(&parts.response()));
        let mut request = encoded(|into| into.write(&parts.request()));
        for bytes in [&mut response, &mut request] {
            for (at, byte) in &changes {
                *at.get_mut(bytes) = *byte;
            }
            if let Some(cut) = &cut {
                bytes.truncate(cut.index(bytes.len()));
            }
        }
        fuzz_response(HeadBytes::new(&response), 5);
        fuzz_request(HeadBytes::new(&request));
    }
}
