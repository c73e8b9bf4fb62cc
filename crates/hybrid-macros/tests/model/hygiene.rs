//! Names that a user may give: those that generated code uses itself, keywords, none at all.

#![allow(non_snake_case, non_camel_case_types)]

use crate::facade::{json, model, query};

#[model(deny_unknown, crate = crate::facade)]
#[derive(Debug)]
struct Names {
    #[field(ge = 1)]
    report: u8,
    input: u8,
    fields: u8,
    mark: u8,
    #[field(ge = 1)]
    value: u8,
    h: u8,
    g: u8,
    from: u8,
    #[field(ge = 1)]
    r#match: u8,
    _0: u8,
    a: u8,
    A: u8,
    #[field(default = 3, ge = 1)]
    __value: u8,
    #[field(default = 3, ge = 1)]
    _value: u8,
}

/// Types of the user that bear the names of the prelude.
mod shadows {
    use crate::facade::model;

    pub(super) struct Result;
    pub(super) struct Some;
    pub(super) struct Vec;
    pub(super) struct String;
    pub(super) struct Ok;

    #[model(crate = crate::facade)]
    #[derive(Debug)]
    #[serde(tag = "t")]
    pub(super) enum Option {
        None,
        Some {
            #[field(ge = 1)]
            it: u8,
        },
    }

    pub(super) fn used() -> (Result, Some, Vec, String, Ok) {
        (Result, Some, Vec, String, Ok)
    }
}

#[test]
fn no_name_of_the_user_meets_one_of_ours() {
    let all = "report input fields mark value h g from match _0 a A";
    let text = all
        .split(' ')
        .map(|key| format!("{key}=1"))
        .collect::<Vec<_>>()
        .join("&");
    let names: Names = query(&text).unwrap();
    assert_eq!((names.r#match, names.__value, names._value), (1, 3, 3));
    assert_eq!(
        query::<Names>(&text.replace('1', "0")).unwrap_err(),
        ["report ge", "value ge", "match ge"]
    );
    let _ = shadows::used();
    assert_eq!(
        json::<shadows::Option>(r#"{"t":"Some","it":0}"#).unwrap_err(),
        ["it ge"]
    );
}

#[test]
fn models_may_stand_in_functions() {
    #[model(crate = crate::facade)]
    struct Local {
        #[field(ge = 1)]
        n: u8,
    }
    assert_eq!(
        json::<Local>(r#"{"n":0}"#)
            .map(|local| local.n)
            .unwrap_err(),
        ["n ge"]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Borrowing<'a, const N: usize> {
    #[field(max_length = 3)]
    text: std::borrow::Cow<'a, str>,
    #[field(ge = 1)]
    list: Vec<u8>,
    #[serde(skip)]
    count: std::marker::PhantomData<[u8; N]>,
}

#[test]
fn lifetimes_and_constants_are_parameters_too() {
    let value: Borrowing<'static, 2> = json(r#"{"text":"a\nb","list":[1,2]}"#).unwrap();
    assert_eq!(value.list, [1, 2]);
    assert_eq!(
        json::<Borrowing<'static, 2>>(r#"{"text":"abcd","list":[0,1]}"#).unwrap_err(),
        ["text max_length", "list.0 ge"]
    );
}
