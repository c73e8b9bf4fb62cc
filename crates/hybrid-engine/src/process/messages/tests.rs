use proptest::{collection::vec, prelude::*};

use super::*;
use crate::process::{codec::MESSAGE_BYTES_MAX, harm::harm};

fn answer() -> AnswerMessage<'static> {
    AnswerMessage {
        call: 7,
        ran: Some(Ran {
            wall_ns: 1_000,
            detail: Some(RanDetail {
                cpu_ns: 600,
                delay_ns: 300,
                blocked_ns: 100,
            }),
        }),
        body: AnswerBodyMessage::Inline(b"hello"),
        returned: vec![3, 1],
        retires: false,
        has_output: false,
    }
}

fn checked(change: impl FnOnce(&mut AnswerMessage<'static>)) -> Result<CheckedAnswer, Malformed> {
    let mut changed = answer();
    change(&mut changed);
    check(changed, 7, 1_000_000)
}

fn encoded<T: Serialize>(message: &T) -> Vec<u8> {
    let mut buffer = vec![1, 2, 3];
    codec::encode(message, &mut buffer).unwrap();
    buffer
}

#[test]
fn a_sound_answer_stays_what_it_is() {
    let checked = checked(|_| ()).unwrap();
    assert_sound(&checked, 1_000_000);
    assert_eq!(checked.timing.as_ref().map(Ran::of), answer().ran);
    assert_eq!(
        checked.body,
        CheckedBody::Inline(Bytes::from_static(b"hello"))
    );
    assert_eq!((checked.returned, checked.retires), (vec![3, 1], false));
}

#[test]
fn what_no_sound_worker_sends_is_refused() {
    let refuse = |change: fn(&mut AnswerMessage<'static>), why: &str| {
        let refused = checked(change).expect_err(why).to_string();
        assert!(refused.contains(why), "{refused}");
    };
    refuse(|answer| answer.call = 6, "call 6 instead of 7");
    refuse(
        |answer| answer.returned = vec![0; LIST_MAX + 1],
        "too many entries",
    );
    let large = |answer: &mut AnswerMessage<'static>| {
        answer.body = AnswerBodyMessage::Inline(&[0; INLINE_BYTES_MAX + 1]);
    };
    refuse(large, "65537 bytes in the message");
    let endless = |answer: &mut AnswerMessage<'static>| {
        answer.body = AnswerBodyMessage::Segment {
            id: 1,
            offset: u64::MAX,
            bytes: 1,
        };
    };
    refuse(endless, "a range without an end");
}

#[test]
fn the_limits_themselves_are_allowed() {
    checked(|answer| {
        answer.returned = vec![u32::MAX; LIST_MAX];
        answer.body = AnswerBodyMessage::Inline(&[0; INLINE_BYTES_MAX]);
    })
    .unwrap();
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
        let timing = Ran { wall_ns, detail }.within(elapsed_ns);
        let detail = timing.detail.unwrap();
        [
            timing.wall_ns,
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
    codec::encode(&piece(most), &mut buffer).unwrap();
    assert_eq!(buffer.len(), MESSAGE_BYTES_MAX);
    let bytes_max = MESSAGE_BYTES_MAX;
    let too_long = codec::encode(&piece(most + 1), &mut buffer);
    assert_eq!(too_long, Err(TooLong { bytes_max }));
    assert!(buffer.is_empty());

    let with_head = |head: &[u8], buffer: &mut Vec<u8>| {
        codec::encode_with(&piece(most - 1), buffer, |into| {
            head.iter().try_for_each(|byte| into.write(byte))
        })
    };
    with_head(&[1], &mut buffer).unwrap();
    assert_eq!(buffer.len(), MESSAGE_BYTES_MAX);
    assert_eq!(with_head(&[1, 2], &mut buffer), Err(TooLong { bytes_max }));
    assert!(buffer.is_empty());
}

#[test]
fn a_message_ends_where_its_bytes_do() {
    let mut bytes = encoded(&Control::Ping(5));
    let decode = |bytes: &[u8]| codec::decode::<Control>(bytes);
    assert_eq!(decode(&bytes), Ok(Control::Ping(5)));
    assert!(decode(&bytes[..1]).is_err());
    assert!(decode(&[]).is_err());
    bytes.push(0);
    assert_eq!(decode(&bytes).unwrap_err().to_string(), "1 bytes too many");
}

#[test]
fn a_head_follows_calls_and_answers_and_nothing_else() {
    let decoded = |message: FromWorker<'_>| {
        let mut bytes = Vec::new();
        let head = |into: &mut codec::HeadBuffer<'_>| into.write("head");
        codec::encode_with(&message, &mut bytes, head).unwrap();
        let (_, head) = FromWorker::decode(&bytes)?;
        head.read::<String>()
    };
    assert_eq!(decoded(FromWorker::Answer(answer())), Ok("head".to_owned()));
    let want = FromWorker::WantSegment { call: 1, bytes: 1 };
    let more = decoded(want).unwrap_err().to_string();
    assert_eq!(more, "5 bytes too many");
}

#[test]
fn lists_have_bounds_while_they_are_read() {
    let is_refused = |returned: usize| {
        let mut changed = answer();
        changed.returned = vec![0; returned];
        let bytes = encoded(&FromWorker::Answer(changed));
        FromWorker::decode(&bytes).is_err()
    };
    assert!(!is_refused(LIST_MAX));
    assert!(is_refused(LIST_MAX + 1));
    let is_refused = |notes| {
        let ready = Ready {
            version: VERSION,
            fingerprint: 1,
            notes,
        };
        let bytes = encoded(&FromWorker::Ready(ready));
        FromWorker::decode(&bytes).is_err()
    };
    assert!(!is_refused(vec!["no landlock"; LIST_MAX]));
    assert!(is_refused(vec!["no landlock"; LIST_MAX + 1]));
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    // An answer to call 7 without a timing and a body, which returns four thousand
    // million segments.
    let mut bytes = vec![2, 7, 0, 0, 0];
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    bytes.extend([0; 1_000]);
    let malformed = FromWorker::decode(&bytes).unwrap_err().to_string();
    assert!(malformed.starts_with("not a message"), "{malformed}");
}

// === Any message ===

/// Texts and bytes of their own, from which messages borrow.
#[derive(Clone, Debug)]
struct MessageParts {
    texts: Vec<String>,
    bytes: Vec<u8>,
    ids: Vec<u32>,
    numbers: [u64; 6],
    kind: u8,
    flag: bool,
}

fn parts() -> impl Strategy<Value = MessageParts> {
    let bytes = prop_oneof![4 => vec(any::<u8>(), 0..300), 1 => vec(any::<u8>(), 70_000)];
    let texts = vec(".{0,10}", 0..8);
    let ids = vec(any::<u32>(), 0..=LIST_MAX);
    let rest = (any::<[u64; 6]>(), any::<u8>(), any::<bool>());
    (texts, bytes, ids, rest).prop_map(|(texts, bytes, ids, rest)| MessageParts {
        texts,
        bytes,
        ids,
        numbers: rest.0,
        kind: rest.1,
        flag: rest.2,
    })
}

impl MessageParts {
    fn id(&self) -> u32 {
        self.ids.first().copied().unwrap_or_default()
    }

    fn for_worker(&self) -> ToWorker<'_> {
        match self.kind % 4 {
            0 => ToWorker::LendSegment {
                id: self.id(),
                is_new: self.flag,
            },
            1 => ToWorker::NoSegment,
            _ => ToWorker::Call(self.call()),
        }
    }

    fn call(&self) -> CallMessage<'_> {
        CallMessage {
            number: self.numbers[0],
            class: self.id(),
            time_left_us: self.flag.then_some(self.numbers[1]),
            body: if self.kind.is_multiple_of(3) {
                BodyMessage::Segment {
                    id: self.id(),
                    bytes: self.numbers[2],
                }
            } else {
                BodyMessage::Inline(&self.bytes)
            },
            spare: self.flag.then_some(self.id()),
            segments_new: self.ids.clone(),
        }
    }

    fn by_worker(&self) -> FromWorker<'_> {
        match self.kind % 8 {
            0 => FromWorker::Ready(Ready {
                version: self.id(),
                fingerprint: self.numbers[0],
                notes: self.texts.iter().map(String::as_str).collect(),
            }),
            1 => FromWorker::WantSegment {
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

    fn answer(&self) -> AnswerMessage<'_> {
        let [call, wall_ns, cpu_ns, delay_ns, offset, bytes] = self.numbers;
        let detail = RanDetail {
            cpu_ns,
            delay_ns,
            blocked_ns: offset,
        };
        AnswerMessage {
            call,
            ran: self.flag.then_some(Ran {
                wall_ns,
                detail: (self.kind > 100).then_some(detail),
            }),
            body: if self.kind.is_multiple_of(2) {
                AnswerBodyMessage::Inline(&self.bytes)
            } else {
                AnswerBodyMessage::Segment {
                    id: self.id(),
                    offset,
                    bytes,
                }
            },
            returned: self.ids.clone(),
            retires: !self.flag,
            has_output: self.flag,
        }
    }

    fn control(&self) -> Control {
        match self.kind % 3 {
            0 => Control::Ping(self.numbers[0]),
            1 => Control::Cancel(self.numbers[0]),
            _ => Control::Unmap(self.ids.clone()),
        }
    }
}

proptest! {
    #[test]
    fn every_message_survives(parts in parts()) {
        let bytes = encoded(&parts.for_worker());
        let decoded = ToWorker::decode(&bytes).map(|(message, _)| message);
        prop_assert_eq!(decoded, Ok(parts.for_worker()));
        fuzz_to_worker(&bytes);
        let bytes = encoded(&parts.by_worker());
        let decoded = FromWorker::decode(&bytes).map(|(message, _)| message);
        prop_assert_eq!(decoded, Ok(parts.by_worker()));
        fuzz_from_worker(&bytes);
        let bytes = encoded(&parts.control());
        prop_assert_eq!(codec::decode(&bytes), Ok(parts.control()));
        let pong = ControlReply::Pong(parts.numbers[0]);
        prop_assert_eq!(codec::decode(&encoded(&pong)), Ok(pong));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        fuzz_from_worker(&bytes);
        fuzz_to_worker(&bytes);
    }

    /// A message that was good is the likeliest to get far.
    #[test]
    fn harmed_messages_are_refused_or_sound(parts in parts(), harms in vec(harm(), 1..4)) {
        let (mut answer, mut call) = (encoded(&parts.by_worker()), encoded(&parts.for_worker()));
        for harm in harms {
            harm.clone().apply(&mut answer);
            harm.apply(&mut call);
        }
        fuzz_from_worker(&answer);
        fuzz_to_worker(&call);
    }
}
