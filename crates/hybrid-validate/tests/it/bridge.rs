//! From the errors of `validator` to violations.

use std::borrow::Cow;

use hybrid_validate::bridge::{
    WireName, WireNames, from_validator, from_validator_named, from_validator_of,
    from_validator_sent,
};
use hybrid_validate::{Report, Segment, Source};
use serde::Deserialize;
use serde_json::json;
use validator::{Validate, ValidationError, ValidationErrors};

use super::lines;

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
#[validate(schema(function = "across", skip_on_field_errors = false))]
struct Order {
    #[validate(length(min = 1, max = 10))]
    zip_code: String,
    #[validate(range(min = 1, exclusive_max = 5))]
    count: i32,
    #[validate(email)]
    e_mail: Option<String>,
    #[serde(rename = "@secret")]
    #[validate(length(equal = 3), must_match(other = "zip_code"))]
    password: String,
    #[validate(nested)]
    lines: Vec<Line>,
    #[validate(nested)]
    ship_to: Option<Address>,
    #[validate(custom(function = "odd"))]
    number_of_things: u32,
}

#[derive(Debug, Default, Deserialize, Validate)]
struct Line {
    #[serde(rename = "Unit-Price")]
    #[validate(range(exclusive_min = 0.0))]
    unit_price: f64,
    #[validate(contains(pattern = "x"), does_not_contain(pattern = "y"))]
    note: String,
}

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
struct Address {
    #[validate(url(message = "no link"), length(max = 1, code = "short"))]
    home_page: String,
}

fn across(order: &Order) -> Result<(), ValidationError> {
    match order.count {
        0 => Err(ValidationError::new("empty_order").with_message("an order needs lines".into())),
        _ => Ok(()),
    }
}

fn odd(n: u32) -> Result<(), ValidationError> {
    if n % 2 == 1 {
        Ok(())
    } else {
        Err(ValidationError::new("odd"))
    }
}

fn bad_order() -> Order {
    Order {
        zip_code: String::new(),
        count: 0,
        e_mail: Some("hunter2".into()),
        password: "hunter2".into(),
        lines: vec![
            Line {
                unit_price: 1.0,
                note: "x".into(),
            },
            Line {
                unit_price: 0.0,
                note: "y".into(),
            },
        ],
        ship_to: Some(Address {
            home_page: "hunter2".into(),
        }),
        number_of_things: 2,
    }
}

#[test]
fn errors_get_wire_names_and_an_order_and_lose_their_values() {
    let errors = bad_order().validate().unwrap_err();
    let mut report = Report::new(Source::Body);
    from_validator_of::<Order>(&errors, &mut report);
    let violations = report.into_violations();
    assert_eq!(
        lines(&violations),
        [
            "body.zipCode length: must have a length between 1 and 10",
            "body.count range: must be at least 1 and less than 5",
            "body.eMail email: must be an email address",
            "body.lines.1.Unit-Price range: must be greater than 0",
            "body.lines.1.note contains: must contain x",
            "body.lines.1.note does_not_contain: must not contain y",
            "body.shipTo.HOME-PAGE short: does not pass the check `short`",
            "body.shipTo.HOME-PAGE url: no link",
            "body.numberOfThings odd: does not pass the check `odd`",
            "body.password length: must have a length of exactly 3",
            "body.password must_match: must match the other field",
            "body empty_order: an order needs lines",
        ]
    );
    let wire = serde_json::to_string(&violations).unwrap();
    assert!(!wire.contains("hunter2"), "{wire}");
    assert_eq!(
        violations[0].params,
        json!({ "min": 1, "max": 10 }).as_object().cloned()
    );
    assert_eq!(violations[2].params, None);
}

#[test]
fn names_as_they_are() {
    let mut report = Report::new(Source::Form);
    from_validator(&bad_order().validate().unwrap_err(), &mut report);
    let lines = lines(&report.into_violations());
    assert_eq!(
        lines[0],
        "form.count range: must be at least 1 and less than 5"
    );
    assert_eq!(lines[1], "form.e_mail email: must be an email address");
}

#[test]
fn names_of_the_callers_own() {
    let mut report = Report::new(Source::Body);
    let rename = |path: &[Segment], name: &str| WireName {
        order: name.len(),
        name: Cow::Owned(format!("{}:{name}", path.len())),
    };
    from_validator_named(&bad_order().validate().unwrap_err(), &rename, &mut report);
    let lines = lines(&report.into_violations());
    assert_eq!(
        lines[0],
        "body.0:count range: must be at least 1 and less than 5"
    );
    assert_eq!(lines[1], "body.0:lines.1.2:note contains: must contain x");
}

#[test]
fn wire_names_of_types() {
    let names = WireNames::of::<Order>();
    assert_eq!(
        names.fields(&[]).unwrap(),
        [
            "zipCode",
            "count",
            "eMail",
            "@secret",
            "lines",
            "shipTo",
            "numberOfThings"
        ]
    );
    assert_eq!(
        names.fields(&["lines".into(), 7.into()]).unwrap(),
        ["Unit-Price", "note"]
    );
    assert_eq!(names.fields(&["shipTo".into()]).unwrap(), ["HOME-PAGE"]);
    assert_eq!(names.fields(&["count".into()]), None);
    assert_eq!(names.fields(&["nothing".into()]), None);
    assert_eq!(names.find(&[], "number_of_things").name, "numberOfThings");
    assert_eq!(names.find(&[], "unknown"), WireName::same("unknown"));
    type Wrapped = Vec<std::collections::HashMap<String, Option<Box<Line>>>>;
    let wrapped = WireNames::of::<Wrapped>();
    assert_eq!(
        wrapped.fields(&[0.into(), "k".into()]).unwrap(),
        ["Unit-Price", "note"]
    );
}

/// `(place code)` of every violation that `validator` finds in a body.
fn judged<T: Validate + serde::de::DeserializeOwned>(json: &str) -> Vec<String> {
    let value: T = serde_json::from_str(json).expect("a body of the right type");
    let mut report = Report::new(Source::Body);
    let errors = value.validate().expect_err("a bad body");
    let sent = serde_json::from_str(json).expect("JSON");
    from_validator_sent::<T>(&errors, &sent, &mut report);
    let violations = report.into_violations();
    violations
        .iter()
        .map(|v| format!("{} {}", v.location, v.code))
        .collect()
}

#[derive(Debug, Deserialize, Validate)]
struct Account {
    #[serde(rename = "login")]
    #[validate(length(min = 3))]
    user: String,
    #[serde(rename = "pw")]
    #[validate(length(min = 8))]
    password: String,
    #[serde(rename = "years")]
    #[validate(range(min = 18.0))]
    age: f64,
    #[validate(email)]
    email: String,
    #[serde(rename = "addr")]
    #[validate(nested)]
    home: Option<Home>,
    #[serde(rename = "kids")]
    #[validate(nested)]
    children: Vec<Home>,
}

#[derive(Debug, Deserialize, Validate)]
struct Home {
    #[serde(rename = "plz")]
    #[validate(length(equal = 5))]
    zip: String,
    #[serde(flatten)]
    #[validate(nested)]
    more: More,
}

#[derive(Debug, Deserialize, Validate)]
struct More {
    #[serde(default)]
    #[validate(length(max = 1))]
    note: String,
}

#[test]
fn a_name_of_its_own_is_found_by_the_refused_value() {
    assert_eq!(
        judged::<Account>(
            r#"{"login":"a","pw":"b","years":7,"email":"x","addr":{"plz":"1"},"kids":[{"plz":"12345"},{"plz":"2","note":"long"}]}"#
        ),
        [
            "body.login length",
            "body.pw length",
            "body.years range",
            "body.email email",
            "body.addr.plz length",
            "body.kids.1.plz length",
            "body.kids.1.note length",
        ]
    );
}

#[derive(Debug, Deserialize, Validate)]
struct Houses {
    #[serde(rename = "all")]
    #[validate(nested)]
    houses: std::collections::HashMap<String, Home>,
}

#[test]
fn entries_of_maps_stand_at_their_keys() {
    assert_eq!(
        judged::<Houses>(
            r#"{"all":{"x":{"plz":"12345"},"b":{"plz":"1"},"a":{"plz":"1","note":"long"},"c":{"plz":"1"}}}"#
        ),
        [
            "body.all.b.plz length",
            "body.all.a.plz length",
            "body.all.a.note length",
            "body.all.c.plz length",
        ]
    );
}

#[test]
fn names_of_a_query_are_found_by_what_was_made_of_its_texts() {
    #[derive(Debug, Deserialize, Validate)]
    struct Search {
        #[serde(rename = "max")]
        #[validate(range(max = 100))]
        limit: u32,
        #[serde(rename = "w")]
        #[validate(range(min = 0.5))]
        weight: f64,
        #[serde(rename = "t", default)]
        #[validate(length(max = 1))]
        tags: Vec<u8>,
    }
    let check = |query: &str, expected: &[&str]| {
        let pairs: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, text)| (key.into(), text.into()))
            .collect();
        let mut report = Report::new(Source::Query);
        let read = hybrid_validate::inspect::read_pairs_validator::<Search>(&pairs, &mut report);
        assert_eq!(read.is_none(), !expected.is_empty());
        assert_eq!(lines(&report.into_violations()), expected);
    };
    check("max=7&w=1", &[]);
    check(
        "max=101&w=0.10&t=1&t=2",
        &[
            "query.max range: must be at most 100",
            "query.w range: must be at least 0.5",
            "query.t length: must have a length of at most 1",
        ],
    );
    check("max=x&w=1", &["query.max type: expected an integer"]);
}

/// One of many flattened structs, with two fields and a check across them.
macro_rules! flat {
    ($($name:ident: $first:ident, $second:ident;)*) => {$(
        #[derive(Debug, Deserialize, Validate)]
        #[validate(schema(function = "refuse_all", skip_on_field_errors = false))]
        struct $name {
            #[validate(range(min = 1))]
            $first: u32,
            #[validate(range(min = 1))]
            $second: u32,
        }

        impl Whole for &$name {
            const CODE: &'static str = stringify!($name);
        }
    )*};
}

trait Whole {
    const CODE: &'static str;
}

fn refuse_all<T: Whole>(_: &T) -> Result<(), ValidationError> {
    Err(ValidationError::new(T::CODE))
}

flat! {
    FlatA: b, q;
    FlatB: r, a;
    FlatC: s, d;
    FlatD: c, t;
}

#[derive(Debug, Deserialize, Validate)]
struct Flat {
    #[validate(range(min = 1))]
    z: u32,
    #[serde(flatten)]
    #[validate(nested)]
    one: FlatA,
    #[serde(flatten)]
    #[validate(nested)]
    two: FlatB,
    #[validate(range(min = 1))]
    m: u32,
    #[serde(flatten)]
    #[validate(nested)]
    three: FlatC,
    #[serde(flatten)]
    #[validate(nested)]
    four: FlatD,
}

/// `validator` keeps the errors of a struct in a `HashMap`. Each round has maps with other hash keys.
#[test]
fn errors_of_flattened_structs_come_in_the_order_sent() {
    for _ in 0..20 {
        assert_eq!(
            judged::<Flat>(r#"{"t":0,"d":0,"z":0,"a":0,"q":0,"m":0,"s":0,"b":0,"c":0,"r":0}"#),
            [
                "body.t range",
                "body.d range",
                "body.z range",
                "body.a range",
                "body.q range",
                "body.m range",
                "body.s range",
                "body.b range",
                "body.c range",
                "body.r range",
                "body FlatD",
                "body FlatA",
                "body FlatC",
                "body FlatB",
            ]
        );
    }
}

#[test]
fn errors_of_a_flattened_struct_in_a_query_come_in_the_order_sent() {
    #[derive(Debug, Deserialize, Validate)]
    struct Search {
        #[validate(range(min = 1))]
        n: u32,
        #[serde(flatten)]
        #[validate(nested)]
        more: Words,
    }
    #[derive(Debug, Deserialize, Validate)]
    struct Words {
        #[validate(length(min = 2))]
        b: String,
        #[validate(length(min = 2))]
        a: String,
    }
    let pairs = [("b", "x"), ("n", "0"), ("a", "y")].map(|(key, text)| (key.into(), text.into()));
    for _ in 0..20 {
        let mut report = Report::new(Source::Query);
        let read = hybrid_validate::inspect::read_pairs_validator::<Search>(&pairs, &mut report);
        assert!(read.is_none());
        let violations = report.into_violations();
        let places: Vec<_> = violations.iter().map(|v| v.location.to_string()).collect();
        assert_eq!(places, ["query.b", "query.n", "query.a"]);
    }
}

/// Names that the caller gives to several fields decide nothing: the Rust names do.
#[test]
fn fields_with_one_name_come_in_the_order_of_their_rust_names() {
    let mut errors = ValidationErrors::new();
    for name in ["e", "b", "d", "a", "c"] {
        errors.add(name, ValidationError::new(name));
    }
    for _ in 0..20 {
        let copy = ValidationErrors(errors.errors().clone().into_iter().collect());
        let mut report = Report::new(Source::Body);
        from_validator_named(&copy, &|_, _| WireName::same("same"), &mut report);
        let violations = report.into_violations();
        let codes: Vec<_> = violations.iter().map(|v| &*v.code).collect();
        assert_eq!(codes, ["a", "b", "c", "d", "e"]);
    }
}

/// The search for the keys of refused entries takes a bounded time, however many entries were sent.
#[test]
fn a_map_with_very_many_bad_entries_is_reported_soon() {
    let entries: Vec<String> = (0..20_000)
        .map(|n| format!(r#""k{n}":{{"plz":"1"}}"#))
        .collect();
    let found = judged::<Houses>(&format!(r#"{{"all":{{{}}}}}"#, entries.join(",")));
    assert_eq!(found.len(), Report::LIMIT);
    assert_eq!(found[0], "body.all.k0.plz length");
}

/// Two keys with the refused value: no guess.
#[test]
fn an_ambiguous_value_names_nothing() {
    assert_eq!(
        judged::<Account>(
            r#"{"login":"same","pw":"same","years":18,"email":"a@b","addr":null,"kids":[]}"#
        ),
        ["body.password length"]
    );
}

/// Codes that say nothing else, and errors made by hand.
#[test]
fn errors_without_params_still_have_a_sentence() {
    let table = [
        ("length", "has the wrong length"),
        ("range", "is out of range"),
        ("url", "must be a URL"),
        ("regex", "must match the pattern of this field"),
        ("required", "is required"),
        ("credit_card", "must be a credit card number"),
        (
            "non_control_character",
            "must not contain control characters",
        ),
        ("contains", "lacks something that it must contain"),
        ("does_not_contain", "contains something that it must not"),
        ("anything", "does not pass the check `anything`"),
    ];
    for (code, sentence) in table {
        let mut errors = ValidationErrors::new();
        let mut error = ValidationError::new(code);
        error.add_param("value".into(), &"hunter2");
        errors.add("f", error);
        let mut report = Report::new(Source::Body);
        from_validator(&errors, &mut report);
        let violations = report.into_violations();
        assert_eq!(lines(&violations), [format!("body.f {code}: {sentence}")]);
        assert_eq!(violations[0].params, None);
    }
}
