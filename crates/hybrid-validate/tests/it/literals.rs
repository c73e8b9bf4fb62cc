//! What macros ask about literals.

use hybrid_validate::literal::{contradiction, parse_number, regex, regex_at, suggest};
use hybrid_validate::{Num, Rule};

#[test]
fn numbers_as_rust_writes_them() {
    let table = [
        ("0", Num::Int(0)),
        ("10_000", Num::Int(10_000)),
        ("-1", Num::Int(-1)),
        ("- 1", Num::Int(-1)),
        ("7u8", Num::Int(7)),
        ("0xff", Num::Int(255)),
        ("0xf32", Num::Int(0xf32)),
        ("0xffu8", Num::Int(255)),
        ("0o17_i64", Num::Int(15)),
        ("0b1010", Num::Int(10)),
        ("0.5", Num::Float(0.5)),
        ("1.", Num::Float(1.0)),
        ("1e3", Num::Float(1000.0)),
        ("1E-3_f64", Num::Float(0.001)),
        ("2f32", Num::Float(2.0)),
        ("-2.5", Num::Float(-2.5)),
    ];
    for (text, num) in table {
        assert_eq!(parse_number(text), Ok(num), "{text}");
    }
    assert!(matches!(parse_number("1.0"), Ok(Num::Float(_))));
    assert!(matches!(parse_number("1"), Ok(Num::Int(_))));
}

#[test]
fn numbers_at_the_edges() {
    assert_eq!(
        parse_number(&i128::MIN.to_string()),
        Ok(Num::Int(i128::MIN))
    );
    let large = parse_number(&u128::MAX.to_string()).unwrap();
    assert!(matches!(large, Num::Uint(u128::MAX)));
    for text in [
        "340282366920938463463374607431768211456",
        "-170141183460469231731687303715884105729",
    ] {
        assert_eq!(
            parse_number(text),
            Err("the number does not fit into 128 bits".to_owned())
        );
    }
    assert_eq!(
        parse_number("1e999"),
        Err("the number does not fit into a float".to_owned())
    );
    for text in [
        "", "-", "abc", "0x", "0b2", "1.2.3", "--1", "inf", "NaN", ".5",
    ] {
        assert_eq!(
            parse_number(text),
            Err("expected a number".to_owned()),
            "{text:?}"
        );
    }
}

#[test]
fn regexes_parse_as_they_will_at_run_time() {
    for good in ["", "^[a-z]+$", r"\d{3}-\p{Greek}+", "(?i)a|b", "(?P<x>a)"] {
        assert_eq!(regex(good), Ok(()), "{good}");
        assert!(regex::Regex::new(good).is_ok());
    }
    for bad in ["(", "[a", "a{2,1}", r"\p{Nothing}", "(?=a)", r"(a)\1", "*a"] {
        assert!(regex(bad).is_err(), "{bad}");
        assert!(regex::Regex::new(bad).is_err());
    }
    assert_eq!(regex("("), Err("unclosed group".to_owned()));
    assert_eq!(regex_at("ab(").unwrap_err().1, 2..3);
    assert_eq!(regex_at("ä[").unwrap_err().1, 2..3);
    assert!(regex(&format!("{}a{}", "(".repeat(300), ")".repeat(300))).is_err());
}

#[test]
fn rules_that_cannot_both_hold() {
    let int = |n| Num::Int(n);
    let clashing = [
        [Rule::Ge(int(5)), Rule::Le(int(4))],
        [Rule::Ge(int(5)), Rule::Lt(int(5))],
        [Rule::Gt(int(5)), Rule::Le(int(5))],
        [Rule::Gt(int(5)), Rule::Lt(Num::Float(5.0))],
        [Rule::MinLength(2), Rule::MaxLength(1)],
        [Rule::MinItems(2), Rule::MaxItems(1)],
    ];
    for [low, high] in clashing {
        let pair = |found: Option<(&Rule, &Rule)>| found.map(|(a, b)| (a.name(), b.name()));
        assert_eq!(
            pair(contradiction(&[low, high])),
            Some((low.name(), high.name()))
        );
        assert_eq!(
            pair(contradiction(&[high, low])),
            Some((low.name(), high.name()))
        );
    }
    let fine = [
        Rule::Ge(int(5)),
        Rule::Le(Num::Float(5.0)),
        Rule::MinLength(2),
        Rule::MaxLength(2),
        Rule::MinItems(3),
        Rule::MaxItems(3),
    ];
    assert!(contradiction(&fine).is_none());
}

#[test]
fn words_that_were_meant() {
    let known = [
        "ge",
        "gt",
        "le",
        "lt",
        "multiple_of",
        "min_length",
        "max_length",
        "default",
    ];
    let table = [
        ("max_lenght", Some("max_length")),
        ("maxlength", Some("max_length")),
        ("defualt", Some("default")),
        ("defaults", Some("default")),
        ("Default", Some("default")),
        ("gte", Some("ge")),
        ("multipleOf", Some("multiple_of")),
        ("banana", None),
        ("x", None),
    ];
    for (word, meant) in table {
        assert_eq!(suggest(word, known), meant, "{word}");
    }
}
