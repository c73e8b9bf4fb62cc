//! Each rule: what it admits, its words, its keyword; on the types that it fits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hybrid_validate::{Format, Num, Param, Pattern, Rule, field, query};
use serde_json::{Value, json};

use super::{faults, faults_of, read};

static LOWER: Pattern = Pattern::new("^[a-z]+$");
static BROKEN: Pattern = Pattern::new("(");

#[test]
fn every_rule_has_a_name_a_sentence_and_a_keyword() {
    let int = Num::Int;
    let table: &[(Rule, &str, &str, (&str, Value))] = &[
        (
            Rule::Ge(int(2)),
            "ge",
            "must be at least 2",
            ("minimum", json!(2)),
        ),
        (
            Rule::Gt(int(-2)),
            "gt",
            "must be greater than -2",
            ("exclusiveMinimum", json!(-2)),
        ),
        (
            Rule::Le(Num::Float(0.5)),
            "le",
            "must be at most 0.5",
            ("maximum", json!(0.5)),
        ),
        (
            Rule::Lt(Num::Float(1.0)),
            "lt",
            "must be less than 1",
            ("exclusiveMaximum", json!(1.0)),
        ),
        (
            Rule::Le(Num::from_u128(u64::MAX.into())),
            "le",
            "must be at most 18446744073709551615",
            ("maximum", json!(u64::MAX)),
        ),
        (
            Rule::MultipleOf(int(5)),
            "multiple_of",
            "must be a multiple of 5",
            ("multipleOf", json!(5)),
        ),
        (
            Rule::MinLength(1),
            "min_length",
            "must have at least 1 character",
            ("minLength", json!(1)),
        ),
        (
            Rule::MaxLength(100),
            "max_length",
            "must have at most 100 characters",
            ("maxLength", json!(100)),
        ),
        (
            Rule::Regex(&LOWER),
            "regex",
            "must match ^[a-z]+$",
            ("pattern", json!("^[a-z]+$")),
        ),
        (
            Rule::Format(Format::Email),
            "format",
            "must be an email address",
            ("format", json!("email")),
        ),
        (
            Rule::MinItems(2),
            "min_items",
            "must have at least 2 items",
            ("minItems", json!(2)),
        ),
        (
            Rule::MaxItems(1),
            "max_items",
            "must have at most 1 item",
            ("maxItems", json!(1)),
        ),
        (
            Rule::UniqueItems,
            "unique_items",
            "must not have the same item twice",
            ("uniqueItems", json!(true)),
        ),
        (
            Rule::OneOfText(&["a", "b"]),
            "one_of",
            "must be one of a, b",
            ("enum", json!(["a", "b"])),
        ),
        (
            Rule::OneOfNumbers(&[Num::Int(1), Num::Float(2.5)]),
            "one_of",
            "must be one of 1, 2.5",
            ("enum", json!([1, 2.5])),
        ),
        (
            Rule::OneOfText(&["a"]),
            "one_of",
            "must be a",
            ("enum", json!(["a"])),
        ),
    ];
    for (rule, name, sentence, (keyword, value)) in table {
        assert_eq!(rule.name(), *name);
        assert_eq!(rule.to_string(), *sentence);
        assert_eq!(rule.keyword(), (*keyword, value.clone()), "{name}");
        assert_eq!(
            Value::from(rule.params()),
            json!({ *name: value }),
            "{name}"
        );
    }
}

#[test]
fn bounds_on_integers() {
    static N: Param<u32> = query("n").ge(2).le(10_000);
    assert_eq!(read(&N, &["2"]), Ok(2));
    assert_eq!(read(&N, &["10000"]), Ok(10_000));
    assert_eq!(faults(&N, &["1"]), ["query.n ge: must be at least 2"]);
    assert_eq!(
        faults(&N, &["10001"]),
        ["query.n le: must be at most 10000"]
    );
    static OPEN: Param<i8> = query("n").gt(-1).lt(1);
    assert_eq!(read(&OPEN, &["0"]), Ok(0));
    assert_eq!(
        faults(&OPEN, &["-1"]),
        ["query.n gt: must be greater than -1"]
    );
    assert_eq!(faults(&OPEN, &["1"]), ["query.n lt: must be less than 1"]);
}

#[test]
fn bounds_on_the_widest_integers() {
    static U: Param<u128> = query("n").ge_uint(u128::MAX - 1);
    assert_eq!(read(&U, &[&u128::MAX.to_string()]), Ok(u128::MAX));
    assert_eq!(faults(&U, &["5"]).len(), 1);
    static I: Param<i128> = query("n").gt(i128::MIN).lt(i128::MAX);
    assert_eq!(read(&I, &["0"]), Ok(0));
    assert_eq!(faults(&I, &[&i128::MIN.to_string()]).len(), 1);
    assert_eq!(faults(&I, &[&i128::MAX.to_string()]).len(), 1);
    // Between two neighbours that are the same float.
    static BIG: Param<u64> = query("n").le(9_007_199_254_740_992);
    assert_eq!(faults(&BIG, &["9007199254740993"]).len(), 1);
}

#[test]
fn an_integer_bound_fits_a_float() {
    static V: Param<f64> = field("v").ge(0).le(1);
    assert_eq!(faults_of(&V, &0.5), [""; 0]);
    assert_eq!(faults_of(&V, &-0.0), [""; 0]);
    assert_eq!(faults_of(&V, &-0.1), ["body ge: must be at least 0"]);
    assert_eq!(
        faults_of(&V, &f64::NAN),
        ["body ge: must be at least 0", "body le: must be at most 1"]
    );
    assert_eq!(
        faults_of(&V, &f64::INFINITY),
        ["body le: must be at most 1"]
    );
}

#[test]
fn a_float_bound_on_single_precision_means_the_single() {
    static V: Param<f32> = query("v").ge_float(0.1).le_float(0.1);
    assert_eq!(read(&V, &["0.1"]), Ok(0.1));
    static STEP: Param<f32> = query("v").multiple_of_float(0.1);
    assert_eq!(read(&STEP, &["0.7"]), Ok(0.7));
    assert_eq!(
        faults(&STEP, &["0.75"]),
        ["query.v multiple_of: must be a multiple of 0.1"]
    );
    static LISTED: Param<f32> = query("v").one_of_numbers(&[Num::Float(0.1), Num::Int(3)]);
    assert_eq!(read(&LISTED, &["0.1"]), Ok(0.1));
    assert_eq!(read(&LISTED, &["3"]), Ok(3.0));
    assert_eq!(faults(&LISTED, &["0.2"]).len(), 1);
    assert_eq!(faults_of(&LISTED, &f32::NAN).len(), 1);
}

#[test]
fn multiples() {
    static N: Param<i32> = query("n").multiple_of(5);
    assert_eq!(read(&N, &["-10"]), Ok(-10));
    assert_eq!(read(&N, &["0"]), Ok(0));
    assert_eq!(
        faults(&N, &["7"]),
        ["query.n multiple_of: must be a multiple of 5"]
    );
    static PRICE: Param<f64> = query("price").multiple_of_float(0.01);
    for text in ["0.3", "19.99", "0", "-1.1", "1e20", "1234567.89"] {
        assert_eq!(faults(&PRICE, &[text]), [""; 0], "{text}");
    }
    for text in ["0.001", "19.999", "1e-300"] {
        assert_eq!(faults(&PRICE, &[text]).len(), 1, "{text}");
    }
}

#[test]
fn lengths_are_in_characters() {
    static S: Param<String> = query("s").min_length(2).max_length(3);
    for text in ["ab", "äöü", "🦀🦀", "日本語"] {
        assert_eq!(faults(&S, &[text]), [""; 0], "{text}");
    }
    assert_eq!(
        faults(&S, &["ä"]),
        ["query.s min_length: must have at least 2 characters"]
    );
    assert_eq!(
        faults(&S, &["🦀🦀🦀🦀"]),
        ["query.s max_length: must have at most 3 characters"]
    );
    assert_eq!(
        faults(&S, &[""]),
        ["query.s min_length: must have at least 2 characters"]
    );
}

#[test]
fn a_regex_searches_and_knows_unicode() {
    static S: Pattern = Pattern::new(r"\d");
    static P: Param<String> = query("s").regex(&S);
    assert_eq!(faults(&P, &["abc1"]), [""; 0]);
    assert_eq!(faults(&P, &["abc٣"]), [""; 0]);
    assert_eq!(faults(&P, &["abc"]), [r"query.s regex: must match \d"]);
}

#[test]
fn a_text_that_is_too_long_is_not_searched() {
    static S: Param<String> = query("s").regex(&LOWER).max_length(2);
    assert_eq!(
        faults(&S, &["ABC"]),
        ["query.s max_length: must have at most 2 characters"]
    );
    assert_eq!(faults(&S, &["AB"]), ["query.s regex: must match ^[a-z]+$"]);
    static LIST: Param<Vec<String>> = query("s").max_length(2).regex(&LOWER);
    assert_eq!(
        faults(&LIST, &["ABC", "AB", "ab"]),
        [
            "query.s.0 max_length: must have at most 2 characters",
            "query.s.1 regex: must match ^[a-z]+$"
        ]
    );
}

#[test]
fn a_regex_that_does_not_compile_refuses_and_says_so_at_the_start() {
    static S: Param<String> = query("s").regex(&BROKEN);
    assert_eq!(faults(&S, &["("]), ["query.s regex: must match ("]);
    assert_eq!(
        S.check_patterns(),
        Err(vec!["regex (: unclosed group".to_owned()])
    );
    static HUGE: Pattern = Pattern::new(r"\w{1000}{1000}");
    assert_eq!(
        HUGE.check(),
        Err("the compiled regex is larger than 10485760 bytes".to_owned())
    );
    assert!(!HUGE.is_match("a"));
    assert_eq!(LOWER.check(), Ok(()));
}

#[test]
fn formats_and_choices() {
    static MAIL: Param<String> = query("m").format(Format::Email);
    assert_eq!(faults(&MAIL, &["a@b.example"]), [""; 0]);
    assert_eq!(
        faults(&MAIL, &["a"]),
        ["query.m format: must be an email address"]
    );
    static KIND: Param<String> = query("k").one_of_text(&["a", "b"]);
    assert_eq!(faults(&KIND, &["b"]), [""; 0]);
    assert_eq!(
        faults(&KIND, &["B"]),
        ["query.k one_of: must be one of a, b"]
    );
    static N: Param<Option<u8>> = query("n").one_of_numbers(&[Num::Int(1), Num::Int(4)]);
    assert_eq!(read(&N, &["4"]), Ok(Some(4)));
    assert_eq!(faults(&N, &["2"]), ["query.n one_of: must be one of 1, 4"]);
    static LETTER: Param<char> = query("l").one_of_text(&["ä", "b"]);
    assert_eq!(read(&LETTER, &["ä"]), Ok('ä'));
    assert_eq!(
        faults(&LETTER, &["c"]),
        ["query.l one_of: must be one of ä, b"]
    );
}

#[test]
fn numbers_of_items() {
    static IDS: Param<Vec<u8>> = query("ids").min_items(2).max_items(3).unique_items();
    assert_eq!(faults(&IDS, &["1", "2"]), [""; 0]);
    assert_eq!(
        faults(&IDS, &["1"]),
        ["query.ids min_items: must have at least 2 items"]
    );
    assert_eq!(
        faults(&IDS, &["1", "2", "3", "1"]),
        [
            "query.ids max_items: must have at most 3 items",
            "query.ids unique_items: must not have the same item twice",
        ]
    );
    static MAYBE: Param<Option<Vec<u8>>> = query("ids").min_items(2).unique_items();
    assert_eq!(read(&MAYBE, &[]), Ok(None));
    assert_eq!(faults(&MAYBE, &["1"]).len(), 1);
}

#[test]
fn rules_reach_through_options_lists_and_maps() {
    type Nested = Option<Vec<BTreeMap<String, Box<Option<i64>>>>>;
    static N: Param<Nested> = field("n").ge(0).max_items(1);
    let map = BTreeMap::from([
        ("a".to_owned(), Box::new(Some(-1))),
        ("b".to_owned(), Box::new(None)),
        ("c".to_owned(), Box::new(Some(0))),
    ]);
    assert_eq!(
        faults_of(&N, &Some(vec![BTreeMap::new(), map])),
        [
            "body.1.a ge: must be at least 0",
            "body max_items: must have at most 1 item"
        ]
    );
    assert_eq!(faults_of(&N, &None), [""; 0]);
    static T: Param<HashMap<String, Vec<Arc<str>>>> = field("t").max_length(1).min_items(1);
    let map = HashMap::from([("k".to_owned(), vec![Arc::from("a"), Arc::from("ab")])]);
    assert_eq!(
        faults_of(&T, &map),
        ["body.k.1 max_length: must have at most 1 character"]
    );
    assert_eq!(
        faults_of(&T, &HashMap::new()),
        ["body min_items: must have at least 1 item"]
    );
}

#[test]
fn keys_of_maps_stand_as_on_the_wire() {
    #[derive(PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
    #[serde(rename_all = "kebab-case")]
    enum Size {
        ExtraLarge,
    }
    static BY_SIZE: Param<BTreeMap<Size, u8>> = field("m").ge(1);
    let map = BTreeMap::from([(Size::ExtraLarge, 0)]);
    assert_eq!(
        faults_of(&BY_SIZE, &map),
        ["body.extra-large ge: must be at least 1"]
    );
    static BY_NUMBER: Param<HashMap<u32, String>> = field("m").min_length(1);
    let map = HashMap::from([(7, String::new())]);
    assert_eq!(
        faults_of(&BY_NUMBER, &map),
        ["body.7 min_length: must have at least 1 character"]
    );
}

#[test]
fn rules_of_several_kinds_keep_their_order() {
    static S: Param<Vec<String>> = query::<Vec<String>>("s")
        .custom(|list, report| {
            if list.len() > 2 {
                report.violate("custom", "too many");
            }
        })
        .regex(&LOWER)
        .max_items(2)
        .min_length(2)
        .unique_items();
    assert_eq!(
        faults(&S, &["1", "ab", "ab"]),
        [
            "query.s custom: too many",
            "query.s.0 regex: must match ^[a-z]+$",
            "query.s max_items: must have at most 2 items",
            "query.s.0 min_length: must have at least 2 characters",
            "query.s unique_items: must not have the same item twice",
        ]
    );
}
