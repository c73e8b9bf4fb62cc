use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use proptest::{collection::vec, option, prelude::*, sample::Index};

use super::*;

fn answer() -> Answer<'static> {
    Answer {
        call: 7,
        status: 200,
        headers: vec![
            ("content-type", b"text/plain"),
            ("x-one", b"1"),
            ("x-one", b"\xff"),
        ],
        ran: Some(Ran {
            wall_ns: 1_000,
            detail: Some(RanDetail {
                cpu_ns: 600,
                delay_ns: 300,
                blocked_ns: 100,
            }),
        }),
        refused: vec![0, 6],
        body: AnswerBody::Inline(b"hello"),
        returned: vec![3, 1],
        retires: false,
        has_output: false,
        failure: None,
    }
}

fn checked(change: impl FnOnce(&mut Answer<'static>)) -> Result<Sound, Rubbish> {
    let mut changed = answer();
    change(&mut changed);
    check(changed, 7, &Method::GET, 1_000_000)
}

fn encoded<T: Serialize>(message: &T) -> Vec<u8> {
    let mut buffer = vec![1, 2, 3];
    encode(message, &mut buffer).unwrap();
    buffer
}

#[test]
fn a_sound_answer_stays_what_it_is() {
    let sound = checked(|_| ()).unwrap();
    assert_sound(&sound, 1_000_000);
    assert_eq!(sound.status, StatusCode::OK);
    let values: Vec<_> = sound.headers.get_all("x-one").iter().collect();
    assert_eq!(values, [&b"1"[..], &b"\xff"[..]]);
    assert_eq!(sound.ran, answer().ran);
    assert_eq!(sound.body, SoundBody::Inline(Bytes::from_static(b"hello")));
    assert_eq!(
        (sound.refused, sound.returned, sound.retires),
        (vec![0, 6], vec![3, 1], false)
    );
}

#[test]
fn what_no_sound_worker_says_is_refused() {
    let refuse = |change: fn(&mut Answer<'static>), why: &str| {
        let refused = checked(change).expect_err(why).to_string();
        assert!(refused.contains(why), "{refused}");
    };
    refuse(|answer| answer.call = 6, "call 6 instead of 7");
    refuse(|answer| answer.status = 199, "status 199");
    refuse(|answer| answer.status = 101, "status 101");
    refuse(|answer| answer.status = 600, "status 600");
    refuse(|answer| answer.status = 0, "status 0");
    refuse(
        |answer| answer.headers = vec![("a", b"1"); HEADERS_MAX + 1],
        "257 headers",
    );
    refuse(
        |answer| answer.headers.push(("", b"1")),
        "a header named \"\"",
    );
    refuse(
        |answer| answer.headers.push(("a b", b"1")),
        "a header named \"a b\"",
    );
    refuse(
        |answer| answer.headers.push(("a", b"1\r\nb: 2")),
        "the value of header `a`",
    );
    refuse(
        |answer| answer.headers.push(("a", b"\0")),
        "the value of header `a`",
    );
    refuse(
        |answer| answer.refused.push(SOURCES.len() as u8),
        "from nowhere",
    );
    refuse(
        |answer| answer.refused = vec![0; LIST_MAX + 1],
        "too many entries",
    );
    refuse(
        |answer| answer.returned = vec![0; LIST_MAX + 1],
        "too many entries",
    );
    let large = |answer: &mut Answer<'static>| {
        answer.body = AnswerBody::Inline(&[0; INLINE_BYTES_MAX + 1]);
    };
    refuse(large, "65537 bytes in the message");
    let endless = |answer: &mut Answer<'static>| {
        answer.body = AnswerBody::Segment {
            id: 1,
            offset: u64::MAX,
            bytes: 1,
        };
    };
    refuse(endless, "a range without an end");
}

#[test]
fn rubbish_is_told_in_few_words() {
    static BLANKS: LazyLock<String> = LazyLock::new(|| " ".repeat(1_000));
    let refused = checked(|answer| answer.headers.push((&BLANKS, b"1")));
    assert!(refused.unwrap_err().to_string().len() < 150);
}

#[test]
fn the_limits_themselves_are_allowed() {
    checked(|answer| {
        answer.status = 599;
        answer.headers = vec![("a", b"1"); HEADERS_MAX];
        answer.refused = vec![6; LIST_MAX];
        answer.returned = vec![u32::MAX; LIST_MAX];
        answer.body = AnswerBody::Inline(&[0; INLINE_BYTES_MAX]);
    })
    .unwrap();
}

#[test]
fn the_server_frames_the_answer() {
    let lengths = |told: &[&'static [u8]]| {
        let sound = checked(|answer| {
            answer.headers.push(("Transfer-Encoding", b"chunked"));
            let told = told.iter().map(|told| ("Content-Length", *told));
            answer.headers.extend(told);
        });
        let headers = sound.unwrap().headers;
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
    let lengths = |body: &'static [u8], told: &[&'static [u8]]| {
        let mut answer = answer();
        answer.body = AnswerBody::Inline(body);
        answer.headers = told.iter().map(|told| ("Content-Length", *told)).collect();
        let sound = check(answer, 7, &Method::HEAD, 1_000_000).unwrap();
        let lengths = sound.headers.get_all("content-length").iter().cloned();
        lengths.collect::<Vec<_>>()
    };
    assert_eq!(lengths(b"", &[b"12345"]), ["12345"]);
    assert_eq!(lengths(b"", &[b"12345", b"6"]), ["6"]);
    assert_eq!(lengths(b"", &[b"+5", b"05", b"5, 5", b"x"]), [""; 0]);
    assert_eq!(lengths(b"hello", &[b"12345", b"5"]), ["5"]);
}

#[test]
fn times_stay_within_what_the_server_saw() {
    let ran = |numbers: [u64; 4], elapsed_ns| {
        let [wall_ns, cpu_ns, delay_ns, blocked_ns] = numbers;
        let detail = Some(RanDetail {
            cpu_ns,
            delay_ns,
            blocked_ns,
        });
        let ran = Ran { wall_ns, detail }.within(elapsed_ns);
        let detail = ran.detail.unwrap();
        [
            ran.wall_ns,
            detail.cpu_ns,
            detail.delay_ns,
            detail.blocked_ns,
        ]
    };
    assert_eq!(ran([100, 50, 30, 20], 1_000), [100, 50, 30, 20]);
    assert_eq!(ran([100, 50, 30, 20], 60), [60, 50, 10, 0]);
    assert_eq!(ran([100, 0, 0, 0], 1_000), [100, 0, 0, 100]);
    assert_eq!(ran([u64::MAX; 4], 10), [10, 10, 0, 0]);
    assert_eq!(ran([u64::MAX; 4], 0), [0; 4]);
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let mut buffer = Vec::new();
    let bytes = vec![0; MESSAGE_BYTES_MAX];
    let piece = |len| FromWorker::Piece {
        call: 1,
        bytes: &bytes[..len],
        is_last: true,
    };
    // The kind, the call, a length of three bytes, and the flag.
    let most = MESSAGE_BYTES_MAX - 6;
    encode(&piece(most), &mut buffer).unwrap();
    assert_eq!(buffer.len(), MESSAGE_BYTES_MAX);
    assert_eq!(encode(&piece(most + 1), &mut buffer), Err(TooLong));
    assert!(buffer.is_empty());
}

#[test]
fn a_message_ends_where_its_bytes_do() {
    let mut bytes = encoded(&Order::Ping(5));
    assert_eq!(decode::<Order>(&bytes), Ok(Order::Ping(5)));
    assert!(decode::<Order>(&bytes[..1]).is_err());
    assert!(decode::<Order>(&[]).is_err());
    bytes.push(0);
    let error = decode::<Order>(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "1 bytes too many");
}

#[test]
fn lists_have_bounds_while_they_are_read() {
    let refused = |change: fn(&mut Answer<'static>)| {
        let mut changed = answer();
        change(&mut changed);
        let bytes = encoded(&FromWorker::Answer(changed));
        decode::<FromWorker<'_>>(&bytes).is_err()
    };
    assert!(!refused(
        |answer| answer.headers = vec![("", b""); HEADERS_MAX]
    ));
    assert!(refused(
        |answer| answer.headers = vec![("", b""); HEADERS_MAX + 1]
    ));
    assert!(refused(|answer| answer.refused = vec![0; LIST_MAX + 1]));
    assert!(refused(|answer| answer.returned = vec![0; LIST_MAX + 1]));
    let ready = |notes| {
        let ready = Ready {
            version: VERSION,
            fingerprint: 1,
            notes,
        };
        let bytes = encoded(&FromWorker::Ready(ready));
        decode::<FromWorker<'_>>(&bytes).is_err()
    };
    assert!(!ready(vec!["no landlock"; LIST_MAX]));
    assert!(ready(vec!["no landlock"; LIST_MAX + 1]));
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    // An answer to call 7 with 200, of four thousand million headers.
    let mut bytes = vec![2, 7, 200, 1];
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    bytes.extend([0; 1_000]);
    assert!(decode::<FromWorker<'_>>(&bytes).is_err());
}

// === Any message ===

/// Texts and bytes of their own, from which messages borrow.
#[derive(Clone, Debug)]
struct Parts {
    texts: Vec<String>,
    headers: Vec<(String, Vec<u8>)>,
    bytes: Vec<u8>,
    ids: Vec<u32>,
    sources: Vec<u8>,
    numbers: [u64; 6],
    peer: Option<SocketAddr>,
    kind: u8,
    flag: bool,
    status: u16,
}

fn parts() -> impl Strategy<Value = Parts> {
    let header = ("[a-zA-Z-]{0,12}", vec(any::<u8>(), 0..20));
    let framing = prop_oneof![Just("content-length"), Just("transfer-encoding")];
    let framing = (
        framing.prop_map(str::to_owned),
        "[0-9a-z]{0,3}".prop_map(String::into_bytes),
    );
    let bytes = prop_oneof![4 => vec(any::<u8>(), 0..300), 1 => vec(any::<u8>(), 70_000)];
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
        bytes,
        vec(any::<u32>(), 0..=LIST_MAX),
        vec(0..10_u8, 0..8),
    );
    let status = prop_oneof![any::<u16>(), 200..600_u16];
    let rest = (
        any::<[u64; 6]>(),
        option::of(address),
        any::<u8>(),
        any::<bool>(),
        status,
    );
    (lists, rest).prop_map(|(lists, rest)| Parts {
        texts: lists.0,
        headers: lists.1,
        bytes: lists.2,
        ids: lists.3,
        sources: lists.4,
        numbers: rest.0,
        peer: rest.1,
        kind: rest.2,
        flag: rest.3,
        status: rest.4,
    })
}

impl Parts {
    fn headers(&self) -> Vec<(&str, &[u8])> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (&name[..], &value[..]))
            .collect()
    }

    fn texts(&self) -> Vec<&str> {
        self.texts.iter().map(String::as_str).collect()
    }

    fn id(&self) -> u32 {
        self.ids.first().copied().unwrap_or_default()
    }

    fn for_worker(&self) -> ToWorker<'_> {
        match self.kind % 4 {
            0 => ToWorker::Lend {
                id: self.id(),
                is_new: self.flag,
            },
            1 => ToWorker::Refuse,
            _ => ToWorker::Call(self.call()),
        }
    }

    fn call(&self) -> Call<'_> {
        Call {
            number: self.numbers[0],
            route: self.id(),
            method: &self.texts[0],
            target: &self.texts[1],
            version: self.kind,
            headers: self.headers(),
            values: self.texts(),
            peer: self.peer,
            client: self.peer.map(|peer| peer.ip()),
            time_left_us: self.flag.then_some(self.numbers[1]),
            body: self.payload(),
            spare: self.flag.then_some(self.id()),
            segments_new: self.ids.clone(),
        }
    }

    fn payload(&self) -> Payload<'_> {
        match self.kind % 5 {
            0 => Payload::Nothing,
            1 => Payload::Inline(&self.bytes),
            2 => Payload::Segment {
                id: self.id(),
                bytes: self.numbers[2],
            },
            3 => Payload::TooLarge,
            _ => Payload::Unread,
        }
    }

    fn by_worker(&self) -> FromWorker<'_> {
        match self.kind % 8 {
            0 => FromWorker::Ready(Ready {
                version: self.id(),
                fingerprint: self.numbers[0],
                notes: self.texts(),
            }),
            1 => FromWorker::Want {
                call: self.numbers[0],
                bytes: self.numbers[1],
            },
            2 => FromWorker::Piece {
                call: self.numbers[0],
                bytes: &self.bytes,
                is_last: self.flag,
            },
            _ => FromWorker::Answer(self.answer()),
        }
    }

    fn answer(&self) -> Answer<'_> {
        let [call, wall_ns, cpu_ns, delay_ns, offset, bytes] = self.numbers;
        let detail = RanDetail {
            cpu_ns,
            delay_ns,
            blocked_ns: offset,
        };
        Answer {
            call,
            status: self.status,
            headers: self.headers(),
            ran: self.flag.then_some(Ran {
                wall_ns,
                detail: (self.kind > 100).then_some(detail),
            }),
            refused: self.sources.clone(),
            body: if self.kind.is_multiple_of(2) {
                AnswerBody::Inline(&self.bytes)
            } else {
                AnswerBody::Segment {
                    id: self.id(),
                    offset,
                    bytes,
                }
            },
            returned: self.ids.clone(),
            retires: !self.flag,
            has_output: self.flag,
            failure: self.texts.first().map(String::as_str).filter(|_| self.flag),
        }
    }

    fn order(&self) -> Order {
        match self.kind % 3 {
            0 => Order::Ping(self.numbers[0]),
            1 => Order::Cancel(self.numbers[0]),
            _ => Order::Unmap(self.ids.clone()),
        }
    }
}

/// What goes wrong with bytes on their way, or is done to them.
#[derive(Clone, Debug)]
enum Harm {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index),
    Remove(Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let byte = prop_oneof![any::<u8>(), Just(0), Just(0x7f), Just(0x80), Just(0xff)];
    prop_oneof![
        (any::<Index>(), byte).prop_map(|(at, byte)| Harm::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        (any::<Index>(), vec(any::<u8>(), 1..12)).prop_map(|(at, new)| Harm::Insert(at, new)),
        any::<Index>().prop_map(Harm::Cut),
        any::<Index>().prop_map(Harm::Remove),
    ]
}

impl Harm {
    fn apply(self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Set(at, byte) => *at.get_mut(bytes) = byte,
            Self::Flip(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
            Self::Insert(at, new) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, new);
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
        }
    }
}

proptest! {
    #[test]
    fn every_message_survives(parts in parts()) {
        let bytes = encoded(&parts.for_worker());
        prop_assert_eq!(decode::<ToWorker<'_>>(&bytes), Ok(parts.for_worker()));
        fuzz_call(&bytes);
        let bytes = encoded(&parts.by_worker());
        prop_assert_eq!(decode::<FromWorker<'_>>(&bytes), Ok(parts.by_worker()));
        fuzz_answer(&bytes);
        let bytes = encoded(&parts.order());
        prop_assert_eq!(decode::<Order>(&bytes), Ok(parts.order()));
        let bytes = encoded(&Report::Pong(parts.numbers[0]));
        prop_assert_eq!(decode::<Report>(&bytes), Ok(Report::Pong(parts.numbers[0])));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        fuzz_answer(&bytes);
        fuzz_call(&bytes);
    }

    /// A message that was good is the likeliest to get far.
    #[test]
    fn harmed_messages_are_refused_or_sound(parts in parts(), harms in vec(harm(), 1..4)) {
        let (mut answer, mut call) = (encoded(&parts.by_worker()), encoded(&parts.for_worker()));
        for harm in harms {
            harm.clone().apply(&mut answer);
            harm.apply(&mut call);
        }
        fuzz_answer(&answer);
        fuzz_call(&call);
    }
}
