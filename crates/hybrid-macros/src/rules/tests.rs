use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use super::Rules;
use crate::diag::Diagnostics;
use crate::options::Options;

fn check(ty: TokenStream, words: TokenStream, expected: &[&str]) {
    let mut diag = Diagnostics::new("f", "x");
    let shown = words.to_string();
    let mut options = Options::parse(words, &mut diag);
    let ty: Type = syn::parse2(ty).expect("a type");
    Rules::take(&mut options, &mut diag).check(&ty, &mut diag);
    options.reject_rest(super::WORDS, &mut diag);
    let got: Vec<String> = diag
        .messages()
        .iter()
        .map(|text| text.replace("f `x`: ", ""))
        .collect();
    assert_eq!(got, expected, "{shown}");
}

#[test]
fn sound_rules_say_nothing() {
    check(
        quote!(u32),
        quote!(ge = 1, le = 100, default = 20, description = "x"),
        &[],
    );
    check(
        quote!(Option<f64>),
        quote!(gt = 0, lt = 1.5, default = 1),
        &[],
    );
    check(
        quote!(Vec<String>),
        quote!(min_items = 1, max_length = 5, unique_items),
        &[],
    );
    check(quote!(Id), quote!(ge = 1, regex = "x"), &[]);
    check(
        quote!(i128),
        quote!(ge = -170141183460469231731687303715884105728),
        &[],
    );
    check(
        quote!(u128),
        quote!(le = 340282366920938463463374607431768211455),
        &[],
    );
    check(
        quote!(String),
        quote!(regex = "^(a|b)$", default = "a", one_of = ["a", "b"]),
        &[],
    );
    check(quote!(u8), quote!(ge = 0xff, one_of = [255, 1_0]), &[]);
    check(quote!(u64), quote!(ge = u32::MAX, le = std::u64::MAX), &[]);
    check(
        quote!(Vec<u8>),
        quote!(max_items = 2, le = 9, default = [1, 9]),
        &[],
    );
}

#[test]
fn contradictions_are_at_the_lower_bound() {
    check(
        quote!(u32),
        quote!(ge = 10, le = 5),
        &["`ge` (10) must not exceed `le` (5)"],
    );
    check(
        quote!(u32),
        quote!(lt = 5, gt = 5),
        &["`gt` (5) must be below `lt` (5)"],
    );
    check(
        quote!(String),
        quote!(min_length = 3, max_length = 2),
        &["`min_length` (3) must not exceed `max_length` (2)"],
    );
    check(
        quote!(u32),
        quote!(ge = 1, gt = 2),
        &["`ge` and `gt` bound the same side, keep one"],
    );
}

#[test]
fn rules_fit_their_type() {
    check(
        quote!(u32),
        quote!(regex = "x"),
        &["`regex` is about text, `u32` is a number: write `ge` and `le`, or make it a `String`"],
    );
    check(
        quote!(String),
        quote!(ge = 1),
        &[
            "`ge` compares numbers, `String` is text: for its length write `min_length` or `max_length`",
        ],
    );
    check(
        quote!(u32),
        quote!(min_items = 1),
        &["`min_items` is about lists, `u32` is one value: write `Vec<u32>`"],
    );
    check(
        quote!(Vec<u32>),
        quote!(min_length = 1),
        &["`min_length` counts characters, `Vec<u32>` has items: write `min_items`"],
    );
    check(
        quote!(u32),
        quote!(ge = 0.5),
        &["`ge` is 0.5 and `u32` an integer: write a whole number, such as `0`"],
    );
    check(
        quote!(u8),
        quote!(ge = 256),
        &["no `u8` keeps `ge = 256`, it goes from 0 to 255"],
    );
    check(
        quote!(u8),
        quote!(lt = 0),
        &["no `u8` keeps `lt = 0`, it goes from 0 to 255"],
    );
}

#[test]
fn defaults_keep_their_own_rules() {
    check(
        quote!(u32),
        quote!(ge = 1, default = 0),
        &["the default 0 breaks its own rule `ge = 1`, change one of them"],
    );
    check(
        quote!(f64),
        quote!(multiple_of = 0.1, default = 0.25),
        &["the default 0.25 breaks its own rule `multiple_of = 0.1`, change one of them"],
    );
    check(
        quote!(String),
        quote!(default = "c", one_of = ["a", "b"]),
        &["the default \"c\" breaks its own rule `one_of`, change one of them"],
    );
    check(
        quote!(Option<String>),
        quote!(default = "c", regex = "^a$"),
        &["the default \"c\" breaks its own rule `regex = \"^a$\"`, change one of them"],
    );
    check(
        quote!(String),
        quote!(default = "ää", max_length = 1),
        &["the default \"ää\" breaks its own rule `max_length = 1`, change one of them"],
    );
}

#[test]
fn lists_that_stand_in_are_judged_item_by_item() {
    check(
        quote!(Vec<u8>),
        quote!(max_items = 1, le = 9, default = [1, 10]),
        &[
            "the default of 2 items breaks its own rule `max_items = 1`, change one of them",
            "the default 10 breaks its own rule `le = 9`, change one of them",
        ],
    );
    check(
        quote!(Vec<String>),
        quote!(unique_items, default = ["a", "b", "a"]),
        &["the default of 3 items breaks its own rule `unique_items`, change one of them"],
    );
}

#[test]
fn a_message_belongs_to_a_rule() {
    check(quote!(u32), quote!(ge = 1, message = "x"), &[]);
    check(quote!(u32), quote!(custom = even, message = "x"), &[]);
    check(
        quote!(u32),
        quote!(message = "x"),
        &["`message` stands for the text of this value's rules, and it has none: add a rule"],
    );
    check(
        quote!(u32),
        quote!(ge = 1, message = " "),
        &["`message` must not be empty, say what is expected"],
    );
}

#[test]
fn words_and_values_are_judged() {
    check(
        quote!(u32),
        quote!(gee = 1),
        &["unknown option `gee`, did you mean `ge`?"],
    );
    check(
        quote!(String),
        quote!(regex = "("),
        &["the regex does not parse: unclosed group"],
    );
    check(
        quote!(String),
        quote!(format = "mail"),
        &["unknown format \"mail\", did you mean \"email\"?"],
    );
    check(
        quote!(u32),
        quote!(ge = "1"),
        &["`ge` takes a number: `ge = 1`, or `ge = 0.5` for a float"],
    );
    check(
        quote!(u32),
        quote!(multiple_of = 0),
        &["`multiple_of` takes a number above 0"],
    );
    check(
        quote!(String),
        quote!(one_of = []),
        &["`one_of` is empty, so that no value could be right: name at least one"],
    );
    check(
        quote!(u32),
        quote!(default = 1, default_with = x),
        &["`default` and `default_with` exclude each other, keep one"],
    );
}
