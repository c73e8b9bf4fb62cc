//! Numbers: exact comparison and exact multiples.

use std::cmp::Ordering::{Equal, Greater, Less};

use hybrid_validate::Num;
use serde_json::{Value, json};

const TWO_POW_53: i128 = 9_007_199_254_740_992;

#[test]
fn integers_compare_with_floats_exactly() {
    let table = [
        (
            Num::Int(TWO_POW_53 + 1),
            Num::Float(TWO_POW_53 as f64),
            Greater,
        ),
        (
            Num::Int(-TWO_POW_53 - 1),
            Num::Float(-TWO_POW_53 as f64),
            Less,
        ),
        (Num::Int(1), Num::Float(1.0), Equal),
        (Num::Int(1), Num::Float(1.5), Less),
        (Num::Int(-1), Num::Float(-1.5), Greater),
        (Num::Int(0), Num::Float(-0.0), Equal),
        (
            Num::Int(i128::MAX),
            Num::Float(170_141_183_460_469_231_731_687_303_715_884_105_728.0),
            Less,
        ),
        (
            Num::Int(i128::MIN),
            Num::Float(-170_141_183_460_469_231_731_687_303_715_884_105_728.0),
            Equal,
        ),
        (Num::Int(i128::MAX), Num::Float(f64::INFINITY), Less),
        (Num::Int(i128::MIN), Num::Float(f64::NEG_INFINITY), Greater),
        (Num::Int(i128::MIN), Num::Float(f64::MIN), Greater),
        (
            Num::from_u128(u128::MAX),
            Num::Float(u128::MAX as f64),
            Less,
        ),
        (Num::from_u128(u128::MAX), Num::Float(1e30), Greater),
        (Num::from_u128(u128::MAX), Num::Float(-1.0), Greater),
        (
            Num::from_u128(1 << 127),
            Num::Float(170_141_183_460_469_231_731_687_303_715_884_105_728.0),
            Equal,
        ),
        (Num::from_u128(u128::MAX), Num::Int(i128::MAX), Greater),
        (Num::Float(0.5), Num::Float(0.25), Greater),
    ];
    for (a, b, order) in table {
        assert_eq!(a.compare(&b), Some(order), "{a} {b}");
        assert_eq!(b.compare(&a), Some(order.reverse()), "{b} {a}");
    }
    for num in [
        Num::Int(0),
        Num::from_u128(u128::MAX),
        Num::Float(0.0),
        Num::Float(f64::NAN),
    ] {
        assert_eq!(num.compare(&Num::Float(f64::NAN)), None);
        assert_eq!(Num::Float(f64::NAN).compare(&num), None);
    }
}

#[test]
fn multiples_are_those_of_the_decimals() {
    let yes: &[(Num, Num)] = &[
        (Num::Int(0), Num::Int(7)),
        (Num::Int(i128::MIN), Num::Int(-1)),
        (Num::from_u128(u128::MAX), Num::Int(5)),
        (Num::Float(0.3), Num::Float(0.1)),
        (Num::Float(-4.35), Num::Float(0.01)),
        (Num::Float(1e300), Num::Float(1e-300)),
        (Num::Float(5e-324), Num::Float(5e-324)),
        (Num::Int(7), Num::Float(0.5)),
        (Num::Float(1e30), Num::from_u128(1 << 30)),
        (Num::Float(7.5), Num::Float(-2.5)),
        (Num::Float(9.0), Num::Int(3)),
        (Num::Float(0.0), Num::Float(1e300)),
        (Num::Float(f64::MAX), Num::Float(f64::MAX)),
    ];
    let no: &[(Num, Num)] = &[
        (Num::Int(7), Num::Int(0)),
        (Num::Float(0.0), Num::Float(0.0)),
        (Num::Float(0.35), Num::Float(0.1)),
        (Num::Float(1e-300), Num::Float(1e300)),
        (Num::Float(9.5), Num::Int(3)),
        (Num::Float(f64::NAN), Num::Float(1.0)),
        (Num::Float(f64::INFINITY), Num::Float(1.0)),
        (Num::Int(1), Num::Float(f64::INFINITY)),
        (Num::Float(1e30), Num::from_u128(u128::MAX)),
    ];
    for (value, step) in yes {
        assert!(value.is_multiple_of(step), "{value} {step}");
    }
    for (value, step) in no {
        assert!(!value.is_multiple_of(step), "{value} {step}");
    }
}

#[test]
fn they_read_as_people_write_them() {
    let table = [
        (Num::Int(-3), "-3"),
        (
            Num::from_u128(u128::MAX),
            "340282366920938463463374607431768211455",
        ),
        (Num::Float(0.0), "0"),
        (Num::Float(2.0), "2"),
        (Num::Float(0.00001), "0.00001"),
        (Num::Float(1e-9), "1e-9"),
        (Num::Float(1e300), "1e300"),
        (Num::Float(-123_456.75), "-123456.75"),
    ];
    for (num, text) in table {
        assert_eq!(num.to_string(), text);
    }
}

#[test]
fn in_json_they_are_numbers() {
    assert_eq!(Value::from(Num::Int(-3)), json!(-3));
    assert_eq!(Value::from(Num::Int(u64::MAX.into())), json!(u64::MAX));
    assert_eq!(Value::from(Num::Float(0.5)), json!(0.5));
    assert_eq!(Value::from(Num::Int(i128::MAX)), json!(i128::MAX as f64));
    assert_eq!(Value::from(Num::Float(f64::NAN)), Value::Null);
}
