//! Text to value, for every type that reads from a request.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroI8, NonZeroU8, NonZeroU128};
use std::sync::Arc;

use hybrid_validate::{FromParam, Param, ParamError, cookie, form, header, path, query};

use super::{faults, read};

/// The value of one text, or the message.
fn parse<T: FromParam>(text: &str) -> Result<T, String> {
    T::from_param(text).map_err(|error| error.to_string())
}

#[test]
fn integers_take_digits_and_a_sign() {
    assert_eq!(parse::<u8>("255"), Ok(255));
    assert_eq!(parse::<u8>("+7"), Ok(7));
    assert_eq!(parse::<u8>("007"), Ok(7));
    assert_eq!(parse::<i8>("-128"), Ok(-128));
    assert_eq!(parse::<u64>(&u64::MAX.to_string()), Ok(u64::MAX));
    assert_eq!(parse::<i128>(&i128::MIN.to_string()), Ok(i128::MIN));
    assert_eq!(parse::<u128>(&u128::MAX.to_string()), Ok(u128::MAX));
    assert_eq!(parse::<usize>("0"), Ok(0));
}

#[test]
fn integers_refuse_anything_else() {
    for text in [
        "", " 1", "1 ", "1.0", "1e3", "0x10", "1_000", "abc", "+", "-", "--1", "٣", "1\0",
    ] {
        assert_eq!(
            parse::<i64>(text),
            Err("expected an integer".into()),
            "{text:?}"
        );
        assert_eq!(
            parse::<NonZeroU8>(text),
            Err("expected an integer".into()),
            "{text:?}"
        );
    }
}

#[test]
fn integers_beyond_the_type_name_its_range() {
    let between = |min: &str, max: &str| format!("expected an integer between {min} and {max}");
    assert_eq!(parse::<u8>("256"), Err(between("0", "255")));
    assert_eq!(parse::<u8>("-1"), Err(between("0", "255")));
    assert_eq!(parse::<i8>("128"), Err(between("-128", "127")));
    assert_eq!(parse::<i8>("-129"), Err(between("-128", "127")));
    let beyond = format!("{}0", u128::MAX);
    assert_eq!(
        parse::<u128>(&beyond),
        Err(between("0", &u128::MAX.to_string()))
    );
    assert_eq!(parse::<NonZeroU8>("0"), Err(between("1", "255")));
    assert_eq!(
        parse::<NonZeroI8>("0"),
        Err("expected an integer other than 0".into())
    );
    assert_eq!(parse::<NonZeroI8>("200"), Err(between("-128", "127")));
    assert_eq!(parse::<NonZeroI8>("-5"), Ok(NonZeroI8::new(-5).unwrap()));
    assert_eq!(
        parse::<NonZeroU128>(&u128::MAX.to_string()),
        Ok(NonZeroU128::MAX)
    );
}

#[test]
fn floats_are_finite() {
    assert_eq!(parse::<f64>("0.5"), Ok(0.5));
    assert_eq!(parse::<f64>("-1e3"), Ok(-1000.0));
    assert_eq!(parse::<f64>("7"), Ok(7.0));
    assert_eq!(parse::<f32>("0.1"), Ok(0.1));
    for text in ["inf", "-inf", "nan", "NaN", "infinity", "1e999", "-1e999"] {
        assert_eq!(
            parse::<f64>(text),
            Err("expected a finite number".into()),
            "{text}"
        );
    }
    assert_eq!(parse::<f32>("1e39"), Err("expected a finite number".into()));
    for text in ["", "abc", "1,5", " 1", "0x1p3"] {
        assert_eq!(
            parse::<f64>(text),
            Err("expected a number".into()),
            "{text:?}"
        );
    }
}

#[test]
fn bools_are_eight_words_in_any_case() {
    for text in ["true", "TRUE", "True", "1", "yes", "YES", "on", "oN"] {
        assert_eq!(parse::<bool>(text), Ok(true), "{text}");
    }
    for text in ["false", "False", "0", "no", "NO", "off", "Off"] {
        assert_eq!(parse::<bool>(text), Ok(false), "{text}");
    }
    for text in ["", "t", "y", "2", "truee", " true", "00", "ja"] {
        assert_eq!(
            parse::<bool>(text),
            Err("expected true or false".into()),
            "{text:?}"
        );
    }
}

#[test]
fn a_char_is_one_character() {
    assert_eq!(parse::<char>("ß"), Ok('ß'));
    assert_eq!(parse::<char>("🦀"), Ok('🦀'));
    for text in ["", "ab", "e\u{301}"] {
        assert_eq!(
            parse::<char>(text),
            Err("expected a single character".into()),
            "{text:?}"
        );
    }
}

#[test]
fn texts_are_taken_as_they_are() {
    for text in ["", " a b ", "ä\u{0}\n", "null"] {
        assert_eq!(parse::<String>(text).as_deref(), Ok(text));
        assert_eq!(parse::<Box<str>>(text).as_deref(), Ok(text));
        assert_eq!(parse::<Arc<str>>(text).as_deref(), Ok(text));
    }
}

#[test]
fn addresses() {
    assert_eq!(parse::<IpAddr>("::1"), Ok(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    assert_eq!(parse::<Ipv4Addr>("127.0.0.1"), Ok(Ipv4Addr::LOCALHOST));
    assert_eq!(
        parse::<SocketAddr>("127.0.0.1:80"),
        Ok((Ipv4Addr::LOCALHOST, 80).into())
    );
    assert_eq!(
        parse::<SocketAddr>("[::1]:80"),
        Ok((Ipv6Addr::LOCALHOST, 80).into())
    );
    assert_eq!(
        parse::<IpAddr>("localhost"),
        Err("expected an IP address".into())
    );
    assert_eq!(
        parse::<Ipv4Addr>("01.2.3.4"),
        Err("expected an IPv4 address".into())
    );
    assert_eq!(
        parse::<Ipv6Addr>("1.2.3.4"),
        Err("expected an IPv6 address".into())
    );
    assert_eq!(
        parse::<SocketAddr>("1.2.3.4"),
        Err("expected an IP address with a port".into())
    );
}

#[test]
fn one_value_is_needed_once() {
    static N: Param<u32> = query("n");
    assert_eq!(read(&N, &["7"]), Ok(7));
    assert_eq!(faults(&N, &[]), ["query.n missing: is required"]);
    assert_eq!(
        faults(&N, &["1", "1"]),
        ["query.n duplicate: appears more than once"]
    );
    assert_eq!(faults(&N, &[""]), ["query.n type: expected an integer"]);
    assert_eq!(faults(&N, &["abc"]), ["query.n type: expected an integer"]);
}

#[test]
fn an_option_takes_absence_and_emptiness() {
    static N: Param<Option<u32>> = query("n").ge(1);
    assert_eq!(read(&N, &[]), Ok(None));
    assert_eq!(read(&N, &[""]), Ok(None));
    assert_eq!(read(&N, &["5"]), Ok(Some(5)));
    assert_eq!(faults(&N, &["0"]), ["query.n ge: must be at least 1"]);
    assert_eq!(
        faults(&N, &["", ""]),
        ["query.n duplicate: appears more than once"]
    );
    assert_eq!(faults(&N, &["x"]), ["query.n type: expected an integer"]);
}

#[test]
fn empty_text_is_text() {
    static NAME: Param<Option<String>> = form("name").min_length(1);
    assert_eq!(read(&NAME, &[]), Ok(None));
    assert_eq!(
        faults(&NAME, &[""]),
        ["form.name min_length: must have at least 1 character"]
    );
    static PLAIN: Param<String> = form("name");
    assert_eq!(read(&PLAIN, &[""]), Ok(String::new()));
}

#[test]
fn a_list_takes_every_text() {
    static IDS: Param<Vec<u32>> = query("ids").ge(1);
    assert_eq!(read(&IDS, &["1", "2", "1"]), Ok(vec![1, 2, 1]));
    assert_eq!(faults(&IDS, &[]), ["query.ids missing: is required"]);
    assert_eq!(
        faults(&IDS, &["1", "x", "", "256000000000"]),
        [
            "query.ids.1 type: expected an integer",
            "query.ids.2 type: expected an integer",
            "query.ids.3 type: expected an integer between 0 and 4294967295",
        ]
    );
    assert_eq!(
        faults(&IDS, &["1", "0"]),
        ["query.ids.1 ge: must be at least 1"]
    );
}

#[test]
fn an_element_of_the_wrong_type_hides_no_broken_rule_of_another() {
    static IDS: Param<Vec<u32>> = query("ids").ge(1).min_items(5).le(9);
    assert_eq!(
        faults(&IDS, &["0", "x", "10", "0"]),
        [
            "query.ids.0 ge: must be at least 1",
            "query.ids.1 type: expected an integer",
            "query.ids.2 le: must be at most 9",
            "query.ids.3 ge: must be at least 1",
        ]
    );
}

#[test]
fn a_list_may_be_optional_or_have_a_default() {
    static MAYBE: Param<Option<Vec<u32>>> = query("ids");
    assert_eq!(read(&MAYBE, &[]), Ok(None));
    assert_eq!(read(&MAYBE, &[""]), Ok(None));
    assert_eq!(read(&MAYBE, &["3"]), Ok(Some(vec![3])));
    static DEFAULT: Param<Vec<u32>> = query("ids").default(|| vec![1, 2]);
    assert_eq!(read(&DEFAULT, &[]), Ok(vec![1, 2]));
    assert_eq!(read(&DEFAULT, &["3"]), Ok(vec![3]));
}

#[test]
fn csv_splits_at_commas() {
    static IDS: Param<Vec<u32>> = query("ids").csv();
    assert_eq!(read(&IDS, &["1,2,3"]), Ok(vec![1, 2, 3]));
    assert_eq!(read(&IDS, &["1"]), Ok(vec![1]));
    assert_eq!(read(&IDS, &[""]), Ok(vec![]));
    assert_eq!(read(&IDS, &["1,2", "3"]), Ok(vec![1, 2, 3]));
    assert_eq!(faults(&IDS, &[]), ["query.ids missing: is required"]);
    assert_eq!(
        faults(&IDS, &["1,,x, 2"]),
        [
            "query.ids.1 type: expected an integer",
            "query.ids.2 type: expected an integer",
            "query.ids.3 type: expected an integer",
        ]
    );
    static NAMES: Param<Vec<String>> = query("names").csv();
    assert_eq!(read(&NAMES, &["a,,b"]).unwrap(), ["a", "", "b"]);
}

#[test]
fn csv_in_a_header_has_spaces_round_its_elements() {
    static TAGS: Param<Vec<String>> = header("X-Tags").csv();
    assert_eq!(read(&TAGS, &["a, b\t,c d"]).unwrap(), ["a", "b", "c d"]);
}

#[test]
fn sets_and_deques() {
    static SET: Param<BTreeSet<u8>> = query("n");
    assert_eq!(read(&SET, &["2", "1", "2"]), Ok(BTreeSet::from([1, 2])));
    static HASHED: Param<HashSet<u8>> = query("n").max_items(1);
    assert_eq!(read(&HASHED, &["2", "2"]), Ok(HashSet::from([2])));
    static DEQUE: Param<VecDeque<u8>> = query("n");
    assert_eq!(read(&DEQUE, &["2", "1"]), Ok(VecDeque::from([2, 1])));
}

#[test]
fn the_source_is_in_the_location() {
    static ID: Param<u64> = path("id");
    assert_eq!(faults(&ID, &["x"]), ["path.id type: expected an integer"]);
    static SID: Param<u64> = cookie("sid");
    assert_eq!(faults(&SID, &[]), ["cookie.sid missing: is required"]);
    static REQUEST: Param<String> = header("X-Request-ID");
    assert_eq!(
        faults(&REQUEST, &[]),
        ["header.X-Request-ID missing: is required"]
    );
}

#[derive(Debug, PartialEq)]
struct Even(u32);

impl FromParam for Even {
    fn from_param(text: &str) -> Result<Self, ParamError> {
        match u32::from_param(text)? {
            n if n % 2 == 0 => Ok(Self(n)),
            _ => Err(ParamError::invalid("must be even")),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Sort {
    Up,
    Down,
}

impl FromParam for Sort {
    fn from_param(text: &str) -> Result<Self, ParamError> {
        match text {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            _ => Err(ParamError::one_of(&["up", "down"])),
        }
    }
}

#[test]
fn types_of_the_users_own() {
    static EVEN: Param<Even> = query("n");
    assert_eq!(read(&EVEN, &["4"]), Ok(Even(4)));
    assert_eq!(faults(&EVEN, &["3"]), ["query.n type: must be even"]);
    assert_eq!(faults(&EVEN, &["x"]), ["query.n type: expected an integer"]);
    static SORT: Param<Option<Sort>> = query("sort");
    assert_eq!(read(&SORT, &[""]), Ok(None));
    assert_eq!(read(&SORT, &["down"]), Ok(Some(Sort::Down)));
    let violations = read(&SORT, &["Up"]).unwrap_err();
    assert_eq!(
        serde_json::to_value(&violations).unwrap(),
        serde_json::json!([{
            "loc": ["query", "sort"],
            "code": "one_of",
            "message": "must be one of up, down",
            "params": { "one_of": ["up", "down"] },
        }])
    );
    static EVENS: Param<Vec<Even>> = query("n").csv();
    assert_eq!(faults(&EVENS, &["2,3"]), ["query.n.1 type: must be even"]);
}
