//! `custom` and `message`: what a check is shown, in which order violations come, and what they say.

use hybrid_validate::inspect::read_json;
use hybrid_validate::{Report, Source};

use crate::facade::{json, model, query};

fn even(n: &u32) -> Result<(), &'static str> {
    if n.is_multiple_of(2) {
        Ok(())
    } else {
        Err("must be even")
    }
}

fn lower(text: &str) -> Result<(), &'static str> {
    if text.to_lowercase() == text {
        Ok(())
    } else {
        Err("must be lower case")
    }
}

#[model(crate = crate::facade)]
#[derive(Debug)]
#[allow(dead_code)]
struct Order {
    #[field(custom = even, ge = 5)]
    first: u32,
    #[field(ge = 5, custom = even, message = "must be an even number above 4")]
    worded: Option<u32>,
    #[field(custom = even)]
    each: Option<Vec<u32>>,
    #[field(custom = lower, max_length = 2)]
    names: [String; 2],
}

fn short(all: &[u32]) -> Result<(), &'static str> {
    if all.len() < 2 {
        Ok(())
    } else {
        Err("too long")
    }
}

fn there(text: &Option<String>) -> Result<(), &'static str> {
    text.as_ref().map(|_| ()).ok_or("must be there")
}

fn named<'a>(text: &'a str) -> Result<(), impl std::fmt::Display + use<'a>> {
    if text == "x" { Err(text) } else { Ok(()) }
}

#[model(crate = crate::facade)]
#[derive(Debug)]
#[allow(dead_code)]
struct ByWhatChecksTake {
    /// The whole, where that is what the check takes.
    #[field(custom = there)]
    whole: Option<String>,
    #[field(custom = short)]
    list: Option<Vec<u32>>,
    #[field(custom = named)]
    text: Option<String>,
    #[field(custom = named)]
    texts: Option<Vec<String>>,
    #[field(custom = even)]
    boxed: Option<Box<u32>>,
}

#[test]
fn a_check_is_shown_what_it_takes() {
    assert_eq!(
        json::<ByWhatChecksTake>(r#"{"list":[1,2],"text":"x","texts":["a","x"],"boxed":1}"#)
            .unwrap_err(),
        [
            "whole custom",
            "list custom",
            "text custom",
            "texts.1 custom",
            "boxed custom"
        ]
    );
    assert!(json::<ByWhatChecksTake>(r#"{"whole":"a","list":[1]}"#).is_ok());
}

#[test]
fn custom_gets_what_is_in_an_option_or_a_list() {
    assert_eq!(
        json::<Order>(r#"{"first":6,"each":[1,2,3],"names":["a","B"]}"#).unwrap_err(),
        ["each.0 custom", "each.2 custom", "names.1 custom"]
    );
    assert_eq!(
        query::<Order>("first=6&each=3&names=a&names=b").unwrap_err(),
        ["each.0 custom"]
    );
}

#[test]
fn violations_of_a_value_come_in_the_order_of_its_rules() {
    assert_eq!(
        json::<Order>(r#"{"first":3,"worded":3,"names":["ABC","a"]}"#).unwrap_err(),
        [
            "first custom",
            "first ge",
            "worded ge",
            "worded custom",
            "names.0 custom",
            "names.0 max_length",
        ]
    );
}

#[test]
fn a_message_stands_for_every_rule_and_not_for_the_type() {
    let messages = |text: &str| -> Vec<String> {
        let mut report = Report::new(Source::Body);
        let read = read_json::<Order>(text.as_bytes(), &mut report);
        assert!(matches!(read, Ok(None)));
        let all = report.into_violations();
        all.into_iter().map(|violation| violation.message).collect()
    };
    let worded = "must be an even number above 4";
    assert_eq!(
        messages(r#"{"first":6,"worded":3,"names":["a","b"]}"#),
        [worded, worded]
    );
    assert_eq!(
        messages(r#"{"first":6,"worded":"x","names":["a","b"]}"#),
        ["expected an integer"]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug)]
#[allow(dead_code)]
struct Named {
    #[field(custom = lower, min_length = 2)]
    name: String,
}

#[test]
fn a_check_of_str_reads_a_string_also_as_the_first_rule() {
    assert_eq!(
        json::<Named>(r#"{"name":"A"}"#).unwrap_err(),
        ["name custom", "name min_length"]
    );
}
