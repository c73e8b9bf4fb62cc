//! What a parameter says of itself, and what its default does.

use hybrid_validate::{Param, Pattern, Report, Rule, Source, Style, field, file, param, query};

use super::{faults, read};

static LOWER: Pattern = Pattern::new("^[a-z]+$");

#[test]
fn a_default_stands_for_absence_only() {
    static N: Param<u32> = query("n").ge(2).default(|| 100);
    assert_eq!(read(&N, &[]), Ok(100));
    assert_eq!(read(&N, &["5"]), Ok(5));
    assert_eq!(faults(&N, &[""]), ["query.n type: expected an integer"]);
    static MAYBE: Param<Option<u32>> = query("n").default(|| Some(3));
    assert_eq!(read(&MAYBE, &[]), Ok(Some(3)));
    assert_eq!(read(&MAYBE, &[""]), Ok(None));
}

#[test]
fn a_default_that_breaks_its_rules_is_told_at_the_start() {
    static S: Param<String> = query("s")
        .regex(&LOWER)
        .max_length(2)
        .default(|| "A".to_owned());
    let violations = S.default_violations();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].to_string(), "query.s: must match ^[a-z]+$");
    static GOOD: Param<u32> = query("n").ge(2).default(|| 2);
    assert!(GOOD.default_violations().is_empty());
    static NONE: Param<u32> = query("n").ge(2);
    assert!(NONE.default_violations().is_empty());
}

#[test]
fn it_describes_itself() {
    static N: Param<Vec<u32>> = query("n")
        .ge(1)
        .max_items(2)
        .custom(|_, _| ())
        .description("Numbers.")
        .example("1,2")
        .deprecated()
        .csv();
    assert_eq!(N.name(), "n");
    assert_eq!(N.source(), Source::Query);
    assert_eq!(N.style(), Style::Csv);
    assert_eq!(
        N.rules().map(Rule::name).collect::<Vec<_>>(),
        ["ge", "max_items"]
    );
    assert!(N.is_required() && !N.has_default() && N.default_value().is_none());
    assert_eq!(N.description_text(), Some("Numbers."));
    assert_eq!(N.example_text(), Some("1,2"));
    assert!(N.is_deprecated());
    assert!(format!("{N:?}").starts_with("Param { source: Query, name: \"n\""));
    static MAYBE: Param<Option<u32>> = file("f");
    assert!(!MAYBE.is_required());
    static DEFAULT: Param<u32> = field("f").default(|| 1);
    assert!(!DEFAULT.is_required());
    assert_eq!(
        (DEFAULT.source(), DEFAULT.default_value()),
        (Source::Body, Some(1))
    );
}

/// A parameter of a type that is neither `Send` nor `Sync` still lives in a `static`, and any type has one.
#[test]
fn a_static_of_any_type() {
    struct Odd(#[expect(dead_code, reason = "never made")] std::rc::Rc<u8>);
    static ODD: Param<Odd> = query("odd").custom(|_, report| param::custom(Err("no"), report));
    assert_eq!(ODD.rules().count(), 0);
}

#[test]
fn custom_checks_see_the_value() {
    static N: Param<u32> = query::<u32>("n").custom(|n, report| {
        let answer = match n % 2 {
            0 => Ok(()),
            _ => Err(format!("{} is missing to be even", 1)),
        };
        param::custom(answer, report);
    });
    assert_eq!(read(&N, &["4"]), Ok(4));
    assert_eq!(
        faults(&N, &["3"]),
        ["query.n custom: 1 is missing to be even"]
    );
}

#[test]
fn custom_checks_see_what_an_option_or_a_list_holds() {
    fn even(n: &u32) -> Result<(), &'static str> {
        if n.is_multiple_of(2) {
            Ok(())
        } else {
            Err("must be even")
        }
    }
    type List = Option<Vec<u32>>;
    static LIST: Param<List> = query::<List>("n").custom(|list, report| {
        hybrid_validate::__private::check_each!(even, List, list, report);
    });
    assert_eq!(faults(&LIST, &[]), Vec::<String>::new());
    assert_eq!(
        faults(&LIST, &["1", "2", "3"]),
        [
            "query.n.0 custom: must be even",
            "query.n.2 custom: must be even"
        ]
    );
}

#[test]
fn a_message_stands_for_the_text_of_every_rule_and_of_nothing_else() {
    static N: Param<Vec<u32>> = query::<Vec<u32>>("n")
        .ge(2)
        .max_items(2)
        .custom(|_, report| param::custom(Err("no"), report))
        .message("takes two numbers above 1");
    assert_eq!(
        faults(&N, &["1", "2", "3"]),
        [
            "query.n.0 ge: takes two numbers above 1",
            "query.n max_items: takes two numbers above 1",
            "query.n custom: takes two numbers above 1",
        ]
    );
    assert_eq!(faults(&N, &[]), ["query.n missing: is required"]);
    assert_eq!(faults(&N, &["x"]), ["query.n.0 type: expected an integer"]);
    let mut report = Report::new(Source::Query);
    N.read(&["1".into()], &mut report);
    let first = &report.into_violations()[0];
    assert_eq!(
        first.params.as_ref().map(|params| params["ge"].clone()),
        Some(2.into())
    );
}
