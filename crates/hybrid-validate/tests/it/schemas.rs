//! Rules as JSON Schema keywords, in the shapes of types.

use std::collections::{BTreeMap, HashMap};
use std::num::{NonZeroI32, NonZeroU8};

use hybrid_validate::{Format, FromTexts, Num, Param, Pattern, field, query};
use serde_json::{Value, json};

static LOWER: Pattern = Pattern::new("^[a-z]+$");

#[test]
fn shapes_of_types() {
    assert_eq!(
        <u8 as FromTexts>::schema(),
        json!({ "type": "integer", "minimum": 0, "maximum": 255 })
    );
    assert_eq!(
        <Option<i32> as FromTexts>::schema(),
        json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX, "format": "int32" })
    );
    assert_eq!(
        <u128 as FromTexts>::schema(),
        json!({ "type": "integer", "minimum": 0 })
    );
    assert_eq!(<i128 as FromTexts>::schema(), json!({ "type": "integer" }));
    assert_eq!(
        <NonZeroU8 as FromTexts>::schema(),
        json!({ "type": "integer", "minimum": 1, "maximum": 255 })
    );
    assert_eq!(
        <NonZeroI32 as FromTexts>::schema()["not"],
        json!({ "const": 0 })
    );
    assert_eq!(<f32 as FromTexts>::schema(), json!({ "type": "number" }));
    assert_eq!(<bool as FromTexts>::schema(), json!({ "type": "boolean" }));
    assert_eq!(
        <Vec<String> as FromTexts>::schema(),
        json!({ "type": "array", "items": { "type": "string" } })
    );
}

#[test]
fn keywords_of_numbers() {
    static N: Param<u32> = query("n")
        .gt(2)
        .lt(10)
        .multiple_of(2)
        .one_of_numbers(&[Num::Int(4)]);
    assert_eq!(
        N.schema(json!({ "type": "integer" })),
        json!({
            "type": "integer",
            "exclusiveMinimum": 2,
            "exclusiveMaximum": 10,
            "multipleOf": 2,
            "enum": [4],
        })
    );
}

/// `ge = -5` on an unsigned integer does not make it signed.
#[test]
fn the_tighter_bound_wins() {
    static N: Param<u8> = query("n").ge(-5).le(300);
    let shape = <u8 as FromTexts>::schema();
    assert_eq!(N.schema(shape.clone()), shape);
    static M: Param<u8> = query("n").ge(5).le(30);
    assert_eq!(
        M.schema(shape),
        json!({ "type": "integer", "minimum": 5, "maximum": 30 })
    );
}

#[test]
fn keywords_of_texts() {
    static S: Param<String> = query("s")
        .min_length(1)
        .max_length(9)
        .regex(&LOWER)
        .format(Format::DateTime)
        .one_of_text(&["a"])
        .description("A word.")
        .example("7")
        .deprecated();
    assert_eq!(
        S.schema(json!({ "type": "string" })),
        json!({
            "type": "string",
            "minLength": 1,
            "maxLength": 9,
            "pattern": "^[a-z]+$",
            "format": "date-time",
            "enum": ["a"],
            "description": "A word.",
            "examples": ["7"],
            "deprecated": true,
        })
    );
}

#[test]
fn keywords_of_lists_and_of_what_they_hold() {
    static IDS: Param<Vec<i64>> = query("ids")
        .ge(1)
        .min_items(1)
        .max_items(3)
        .unique_items()
        .example("[1,2]");
    assert_eq!(
        IDS.schema(json!({ "type": "array", "items": { "type": "integer" } })),
        json!({
            "type": "array",
            "items": { "type": "integer", "minimum": 1 },
            "minItems": 1,
            "maxItems": 3,
            "uniqueItems": true,
            "examples": [[1, 2]],
        })
    );
    static PAIR: Param<[u8; 2]> = field("p").le(3);
    assert_eq!(
        PAIR.schema(json!({ "type": "array", "prefixItems": [{}, { "maximum": 2 }] })),
        json!({ "type": "array", "prefixItems": [{ "maximum": 3 }, { "maximum": 2 }] })
    );
}

#[test]
fn keywords_of_maps() {
    static M: Param<HashMap<String, u8>> = field("m").le(9).min_items(1).max_items(2);
    assert_eq!(
        M.schema(json!({ "type": "object", "additionalProperties": { "type": "integer" } })),
        json!({
            "type": "object",
            "additionalProperties": { "type": "integer", "maximum": 9 },
            "minProperties": 1,
            "maxProperties": 2,
        })
    );
    static BARE: Param<BTreeMap<String, Vec<String>>> = field("m").max_length(9);
    assert_eq!(
        BARE.schema(json!({ "type": "object", "additionalProperties": { "type": "array" } })),
        json!({
            "type": "object",
            "additionalProperties": { "type": "array", "items": { "maxLength": 9 } },
        })
    );
}

#[test]
fn keywords_beside_null() {
    static S: Param<Option<String>> = field("s").max_length(9).one_of_text(&["a"]);
    assert_eq!(
        S.schema(json!({ "type": ["string", "null"] })),
        json!({ "type": ["string", "null"], "maxLength": 9, "enum": ["a", null] })
    );
    assert_eq!(
        S.schema(json!({ "anyOf": [{ "$ref": "#/$defs/S" }, { "type": "null" }] })),
        json!({
            "anyOf": [{ "$ref": "#/$defs/S", "maxLength": 9, "enum": ["a"] }, { "type": "null" }],
        })
    );
    static L: Param<Option<Vec<u8>>> = field("l").max_items(2).ge(1);
    assert_eq!(
        L.schema(
            json!({ "type": ["array", "null"], "items": { "type": "integer", "minimum": 0 } })
        ),
        json!({
            "type": ["array", "null"],
            "items": { "type": "integer", "minimum": 1 },
            "maxItems": 2,
        })
    );
}

/// What a shape does not say is left unsaid: `true` is a schema too.
#[test]
fn a_shape_without_constraints() {
    static N: Param<u8> = field("n").ge(1);
    assert_eq!(N.schema(Value::Bool(true)), json!({ "minimum": 1 }));
}

/// No JSON number of 64 bits holds such a bound. What is written refuses nothing that passes.
#[test]
fn bounds_of_more_than_64_bits_are_rounded_away_from_what_passes() {
    let written = |schema: &Value, keyword: &str| schema[keyword].as_f64().unwrap();
    static N: Param<i128> = field("n").gt(i128::MIN).le(i128::MAX - 1);
    let schema = N.schema(json!({ "type": "integer" }));
    assert_eq!(
        schema["$comment"],
        "must be greater than -170141183460469231731687303715884105728; \
         must be at most 170141183460469231731687303715884105726"
    );
    // As decimals: what is above in magnitude is longer, or later in the order of digits.
    assert_eq!(
        written(&schema, "exclusiveMinimum").to_string(),
        "-170141183460469270000000000000000000000"
    );
    assert_eq!(
        written(&schema, "maximum").to_string(),
        "170141183460469270000000000000000000000"
    );
    static SMALL: Param<i128> = field("n").ge(-5).le(18_446_744_073_709_551_615);
    let schema = SMALL.schema(json!({ "type": "integer" }));
    assert_eq!(
        schema,
        json!({ "type": "integer", "minimum": -5, "maximum": u64::MAX })
    );
}

#[test]
fn shapes_say_what_is_read() {
    let mut shape = json!({
        "type": ["array", "null"],
        "uniqueItems": true,
        "items": { "type": "integer", "format": "uint32", "minimum": 1 },
    });
    hybrid_validate::schema::complete(&mut shape);
    assert_eq!(
        shape,
        json!({
            "type": ["array", "null"],
            "items": { "type": "integer", "format": "uint32", "minimum": 1, "maximum": u32::MAX },
        })
    );
}
