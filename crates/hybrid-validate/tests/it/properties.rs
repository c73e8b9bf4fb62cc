//! Properties: rules and readers against models that are too simple to be wrong.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use hybrid_validate::{
    Format, FromParam, FromTexts, Num, Param, Pattern, Report, Rule, Source, Style, query,
};
use proptest::prelude::*;

use super::{faults_of, lines};

/// Integers near the edges of the machine's types, where mistakes live, and everywhere else.
fn integers() -> impl Strategy<Value = i128> {
    let edges: Vec<i128> = [
        0,
        i128::from(i8::MIN),
        i128::from(u8::MAX),
        1 << 24,
        i128::from(i32::MIN),
        i128::from(u32::MAX),
        1 << 53,
        -(1 << 53),
        i128::from(i64::MIN),
        i128::from(i64::MAX),
        i128::from(u64::MAX),
        i128::MIN + 3,
        i128::MAX - 3,
    ]
    .to_vec();
    prop_oneof![
        (prop::sample::select(edges), -3..=3_i128).prop_map(|(edge, step)| edge + step),
        any::<i128>(),
        any::<i64>().prop_map(i128::from),
        -20..20_i128,
    ]
}

fn unsigned() -> impl Strategy<Value = u128> {
    prop_oneof![
        any::<u128>(),
        (0..4_u128).prop_map(|step| u128::MAX - step),
        (0..8_u128).prop_map(|step| (1 << 127) - 4 + step),
        any::<u64>().prop_map(u128::from),
    ]
}

fn floats() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            5e-324,
        ]),
        integers().prop_map(|n| n as f64),
        (-2000..2000_i32).prop_map(|n| f64::from(n) / 8.0),
    ]
}

/// What four bounds say of a value that compares so with each of them.
fn verdicts(order: Option<Ordering>) -> [bool; 4] {
    [
        order.is_some_and(Ordering::is_ge),
        order.is_some_and(Ordering::is_gt),
        order.is_some_and(Ordering::is_le),
        order.is_some_and(Ordering::is_lt),
    ]
}

fn judged(value: Num, bound: Num) -> [bool; 4] {
    [
        Rule::Ge(bound),
        Rule::Gt(bound),
        Rule::Le(bound),
        Rule::Lt(bound),
    ]
    .map(|rule| rule.admits_number(&value))
}

/// The order of an integer and a float by long division of the float: exact, slow, and in another way than ours.
fn model_order(integer: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float.is_infinite() {
        return Some(if float > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    // The decimal expansion that `{}` prints of a float's integer part is exact.
    let text = format!("{float:.1100}");
    let (whole, fraction) = text.split_once('.').expect("a fraction was asked for");
    let beyond = fraction.bytes().any(|digit| digit != b'0');
    let whole: i128 = match whole.parse() {
        Ok(whole) => whole,
        Err(_) => {
            return Some(if float > 0.0 {
                Ordering::Less
            } else {
                Ordering::Greater
            });
        }
    };
    Some(integer.cmp(&whole).then(match (beyond, float < 0.0) {
        (false, _) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (true, true) => Ordering::Greater,
    }))
}

proptest! {
    #[test]
    fn bounds_on_integers_are_those_of_the_integers(value in integers(), bound in integers()) {
        prop_assert_eq!(judged(value.into(), bound.into()), verdicts(Some(value.cmp(&bound))));
    }

    #[test]
    fn bounds_on_unsigned_integers_too(value in unsigned(), bound in unsigned()) {
        let expected = verdicts(Some(value.cmp(&bound)));
        prop_assert_eq!(judged(value.into(), bound.into()), expected);
        prop_assert_eq!(judged(value.into(), Num::Int(-1)), [true, true, false, false]);
    }

    #[test]
    fn bounds_on_floats_are_those_of_the_floats(value in floats(), bound in floats()) {
        prop_assert_eq!(judged(value.into(), bound.into()), verdicts(value.partial_cmp(&bound)));
    }

    #[test]
    fn integers_and_floats_compare_exactly(integer in integers(), float in floats()) {
        let expected = model_order(integer, float);
        prop_assert_eq!(Num::Int(integer).compare(&Num::Float(float)), expected);
        prop_assert_eq!(
            Num::Float(float).compare(&Num::Int(integer)),
            expected.map(Ordering::reverse)
        );
    }

    #[test]
    fn multiples_of_integers(value in integers(), step in integers()) {
        let expected = step != 0 && value.checked_rem(step).unwrap_or(0) == 0;
        prop_assert_eq!(Num::Int(value).is_multiple_of(&Num::Int(step)), expected);
    }

    /// `n/10^places` written out and read back is a multiple of `m/10^places` exactly if `n` is one of `m`.
    #[test]
    fn multiples_of_decimals(n in -1_000_000..1_000_000_i64, m in 1..1000_i64, places in 0..9_u32) {
        let scaled = |n: i64| format!("{n}e-{places}").parse::<f64>().unwrap();
        let judged = Num::Float(scaled(n)).is_multiple_of(&Num::Float(scaled(m)));
        prop_assert_eq!(judged, n % m == 0, "{} {}", scaled(n), scaled(m));
    }

    #[test]
    fn multiples_never_panic(value in floats(), step in floats(), integer in integers()) {
        let _ = Num::Float(value).is_multiple_of(&Num::Float(step));
        let _ = Num::Float(value).is_multiple_of(&Num::Int(integer));
        let _ = Num::Int(integer).is_multiple_of(&Num::Float(step));
    }

    #[test]
    fn a_float_is_a_multiple_of_itself(value in floats()) {
        let expected = value.is_finite() && value != 0.0;
        prop_assert_eq!(Num::Float(value).is_multiple_of(&Num::Float(value)), expected);
    }

    #[test]
    fn lengths_count_characters(text in "\\PC{0,12}|[aä€🦀]{0,12}", bound in 0..14_usize) {
        let count = text.chars().count();
        prop_assert_eq!(Rule::MinLength(bound).admits_text(&text), count >= bound);
        prop_assert_eq!(Rule::MaxLength(bound).admits_text(&text), count <= bound);
    }

    #[test]
    fn choices(value in -5..5_i64, text in "[a-c]{1,2}") {
        static NUMBERS: [Num; 3] = [Num::Int(-1), Num::Float(2.0), Num::Float(2.5)];
        static TEXTS: [&str; 3] = ["a", "bb", "ca"];
        prop_assert_eq!(Rule::OneOfNumbers(&NUMBERS).admits_number(&value.into()), value == -1 || value == 2);
        prop_assert_eq!(Rule::OneOfText(&TEXTS).admits_text(&text), TEXTS.contains(&text.as_str()));
    }

    #[test]
    fn rules_on_nested_values_report_exactly_the_bad_ones(
        value in prop::collection::vec(
            prop::option::of(prop::collection::btree_map("[a-c]{1,2}", -5..5_i32, 0..4)),
            0..4,
        ),
    ) {
        static N: Param<Vec<Option<BTreeMap<String, i32>>>> = query("n").ge(0);
        let mut expected = Vec::new();
        for (index, map) in value.iter().enumerate() {
            for (key, number) in map.iter().flatten() {
                if *number < 0 {
                    expected.push(format!("query.{index}.{key} ge: must be at least 0"));
                }
            }
        }
        prop_assert_eq!(faults_of(&N, &value), expected);
    }

    #[test]
    fn items_are_counted_and_repetitions_found(list in prop::collection::vec(0..6_u8, 0..6)) {
        static N: Param<Vec<u8>> = query("n").min_items(2).max_items(4).unique_items();
        let mut expected = Vec::new();
        if list.len() < 2 {
            expected.push("query min_items: must have at least 2 items");
        }
        if list.len() > 4 {
            expected.push("query max_items: must have at most 4 items");
        }
        let repeated = (0..list.len()).any(|i| list[..i].contains(&list[i]));
        if repeated {
            expected.push("query unique_items: must not have the same item twice");
        }
        prop_assert_eq!(faults_of(&N, &list), expected);
    }

    #[test]
    fn hash_maps_report_every_entry(map in prop::collection::hash_map("[a-d]{1,2}", "[a-z0-9]{0,3}", 0..5)) {
        static LOWER: Pattern = Pattern::new("^[a-z]*$");
        static N: Param<HashMap<String, String>> = query("n").regex(&LOWER);
        let mut expected: Vec<String> = map
            .iter()
            .filter(|(_, text)| text.bytes().any(|byte| byte.is_ascii_digit()))
            .map(|(key, _)| format!("query.{key} regex: must match ^[a-z]*$"))
            .collect();
        expected.sort();
        let mut found = faults_of(&N, &map);
        found.sort();
        prop_assert_eq!(found, expected);
    }
}

/// What a type prints, it reads back.
fn reads_back<T: FromParam + ToString + PartialEq + std::fmt::Debug>(
    value: &T,
) -> Result<(), TestCaseError> {
    let read = T::from_param(&value.to_string());
    prop_assert!(
        read.as_ref().is_ok_and(|read| read == value),
        "{:?} from {:?}",
        read,
        value
    );
    Ok(())
}

proptest! {
    #[test]
    fn integers_read_back(a in any::<i8>(), b in any::<u16>(), c in any::<i64>(), d in integers(), e in unsigned()) {
        reads_back(&a)?;
        reads_back(&b)?;
        reads_back(&c)?;
        reads_back(&d)?;
        reads_back(&e)?;
    }

    #[test]
    fn floats_read_back(value in floats().prop_filter("finite", |value| value.is_finite()), single in any::<f32>()) {
        reads_back(&value)?;
        if single.is_finite() {
            reads_back(&single)?;
        }
    }

    #[test]
    fn other_types_read_back(
        flag in any::<bool>(),
        letter in any::<char>(),
        text in any::<String>(),
        ip in any::<std::net::IpAddr>(),
        socket in any::<std::net::SocketAddr>(),
    ) {
        reads_back(&flag)?;
        reads_back(&letter)?;
        reads_back(&text)?;
        reads_back(&ip)?;
        prop_assume!(!socket.is_ipv6());
        reads_back(&socket)?;
    }

    /// Any text at all: a value or one `type` violation, never a panic, and never the text itself in the answer.
    #[test]
    fn no_text_panics_or_comes_back(text in any::<String>()) {
        fn check<T: FromTexts>(text: &str) -> Result<(), TestCaseError> {
            let mut report = Report::new(Source::Query);
            let value = T::from_texts(&[Cow::Borrowed(text)], Style::Csv, &mut report);
            prop_assert_eq!(value.is_some(), report.is_empty());
            for line in lines(&report.into_violations()) {
                prop_assert!(line.contains(" type: expected "), "{}", line);
                prop_assert!(text.len() < 3 || !line.contains(text), "{} echoes {}", line, text);
            }
            Ok(())
        }
        check::<u8>(&text)?;
        check::<i128>(&text)?;
        check::<f64>(&text)?;
        check::<bool>(&text)?;
        check::<char>(&text)?;
        check::<Option<std::net::SocketAddr>>(&text)?;
        check::<Vec<u16>>(&text)?;
        for format in Format::ALL {
            let _ = format.check(&text);
        }
    }

    #[test]
    fn integers_agree_with_arithmetic(text in "[+-]?[0-9]{1,5}|[0-9 .a+-]{0,4}") {
        let model = text.parse::<i64>().ok().and_then(|wide| i8::try_from(wide).ok());
        prop_assert_eq!(i8::from_param(&text).ok(), model);
    }

    #[test]
    fn lists_read_the_same_repeated_and_with_commas(list in prop::collection::vec(any::<i32>(), 1..6)) {
        let texts: Vec<Cow<'_, str>> = list.iter().map(|n| Cow::Owned(n.to_string())).collect();
        let joined = [Cow::Owned(texts.join(","))];
        static REPEATED: Param<Vec<i32>> = query("n");
        static CSV: Param<Vec<i32>> = query("n").csv();
        let mut report = Report::new(Source::Query);
        prop_assert_eq!(REPEATED.read(&texts, &mut report), Some(list.clone()));
        prop_assert_eq!(CSV.read(&joined, &mut report), Some(list.clone()));
        prop_assert_eq!(CSV.read(&texts, &mut report), Some(list.clone()));
        prop_assert!(report.is_empty());
    }

    /// Every bad element is reported at its index, whatever its neighbours are.
    #[test]
    fn bad_elements_are_found_among_good_ones(list in prop::collection::vec("[0-9]{1,2}|x", 1..6)) {
        static N: Param<Vec<u8>> = query("n").le(49);
        let texts: Vec<Cow<'_, str>> = list.iter().map(|text| Cow::Borrowed(text.as_str())).collect();
        let mut report = Report::new(Source::Query);
        let value = N.read(&texts, &mut report);
        let expected: Vec<String> = list
            .iter()
            .enumerate()
            .filter_map(|(index, text)| match text.parse::<u8>() {
                Ok(0..=49) => None,
                Ok(_) => Some(format!("query.n.{index} le: must be at most 49")),
                Err(_) => Some(format!("query.n.{index} type: expected an integer")),
            })
            .collect();
        prop_assert_eq!(value.is_some(), expected.is_empty());
        prop_assert_eq!(lines(&report.into_violations()), expected);
    }

    #[test]
    fn options_and_absence(texts in prop::collection::vec("|7|x", 0..3)) {
        static N: Param<Option<u8>> = query("n");
        let read: Vec<Cow<'_, str>> = texts.iter().map(|text| Cow::Borrowed(text.as_str())).collect();
        let mut report = Report::new(Source::Query);
        let value = N.read(&read, &mut report);
        let code = report.into_violations().first().map(|violation| violation.code.clone());
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let expected = match texts.as_slice() {
            [] | [""] => (Some(None), None),
            ["7"] => (Some(Some(7)), None),
            [_] => (None, Some(Cow::Borrowed("type"))),
            _ => (None, Some(Cow::Borrowed("duplicate"))),
        };
        prop_assert_eq!((value, code), expected);
    }

    /// Parameters read in any order are reported by source, and inside a source in the order of reading.
    #[test]
    fn violations_stand_in_the_order_of_sources(sources in prop::collection::vec(0..7_usize, 0..12)) {
        use Source::{Body, Cookie, File, Form, Header, Path, Query};
        let all = [Path, Query, Header, Cookie, Form, File, Body];
        let mut report = Report::new(Body);
        for (turn, source) in sources.iter().enumerate() {
            report.set_source(all[*source]);
            report.at_index(turn, |report| report.violate("type", "expected a number"));
        }
        let mut expected: Vec<(usize, usize)> = sources.iter().copied().zip(0..).collect();
        expected.sort();
        let expected: Vec<String> =
            expected.into_iter().map(|(source, turn)| format!("{}.{turn}", all[source])).collect();
        let found: Vec<String> =
            report.into_violations().iter().map(|violation| violation.location.to_string()).collect();
        prop_assert_eq!(found, expected);
    }

    /// Every date of the proleptic Gregorian calendar, and no other.
    #[test]
    fn dates_are_those_of_the_calendar(year in 0..10_000_u32, month in 0..15_u32, day in 0..35_u32) {
        let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let exists = (1..=12).contains(&month) && day >= 1 && day <= lengths[month as usize - 1];
        prop_assert_eq!(Format::Date.check(&format!("{year:04}-{month:02}-{day:02}")), exists);
    }

    #[test]
    fn addresses_have_their_formats(four in any::<std::net::Ipv4Addr>(), six in any::<std::net::Ipv6Addr>()) {
        prop_assert!(Format::Ipv4.check(&four.to_string()) && !Format::Ipv6.check(&four.to_string()));
        prop_assert!(Format::Ipv6.check(&six.to_string()) && !Format::Ipv4.check(&six.to_string()));
        let uri = format!("https://[{six}]:8080/a%20b?q");
        prop_assert!(Format::Uri.check(&uri));
    }
}
