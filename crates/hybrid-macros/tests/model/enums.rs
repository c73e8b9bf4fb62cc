//! Enums in each of serde's four forms, with rules on the fields of their variants.

use crate::facade::{json, model, query};

#[model(crate = crate::facade)]
#[derive(Debug, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Level {
    VeryLow,
    #[serde(alias = "top")]
    High,
    #[serde(skip)]
    #[allow(dead_code)]
    Secret,
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
enum External {
    Nothing,
    Circle {
        #[field(gt = 0)]
        radius: f64,
        level: Option<Level>,
    },
    Count(#[field(le = 9)] u8),
    Pair(#[field(ge = 1)] u8, String),
}

#[model(deny_unknown, crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(tag = "kind")]
enum Internal {
    Point,
    Circle {
        #[field(gt = 0)]
        radius: f64,
    },
    Other(Polygon),
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Polygon {
    #[field(ge = 3)]
    corners: u8,
}

#[model(deny_unknown, crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Nothing,
    Count(#[field(le = 9)] u8),
    Circle {
        #[field(gt = 0)]
        radius: f64,
    },
    Other(Polygon),
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
#[serde(untagged)]
enum Untagged {
    Number(#[field(le = 9)] u8),
    Circle { radius: f64 },
    Text(String),
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Holder<T> {
    it: T,
    n: u8,
}

fn faults<T>(text: &str) -> Vec<String>
where
    T: serde::de::DeserializeOwned
        + hybrid_validate::inspect::Inspect
        + std::fmt::Debug
        + hybrid_validate::__private::Inside,
{
    // Something else is wrong as well, so that the second pass has to judge the first field either way.
    let text = format!(r#"{{"it":{text}}}"#);
    let mut faults = json::<Holder<T>>(&text).expect_err("`n` is not there");
    assert_eq!(faults.pop().as_deref(), Some("n missing"));
    faults
}

#[test]
fn words_are_names() {
    assert_eq!(json::<Level>(r#""very-low""#).unwrap(), Level::VeryLow);
    assert_eq!(json::<Level>(r#""top""#).unwrap(), Level::High);
    assert_eq!(json::<Level>(r#"{"high":null}"#).unwrap(), Level::High);
    assert_eq!(faults::<Level>(r#"{"high":null}"#), [""; 0]);
    assert_eq!(faults::<Level>(r#""Secret""#), ["it one_of"]);
    assert_eq!(faults::<Level>(r#""secret""#), ["it one_of"]);
    assert_eq!(faults::<Level>("3"), ["it type"]);
    assert_eq!(
        query::<Holder<Level>>("it=top&n=1").unwrap().it,
        Level::High
    );
    assert_eq!(
        query::<Holder<Level>>("it=x&n=1").unwrap_err(),
        ["it one_of"]
    );
}

#[test]
fn a_name_outside() {
    assert_eq!(json::<External>(r#""nothing""#).unwrap(), External::Nothing);
    let circle = External::Circle {
        radius: 1.0,
        level: None,
    };
    assert_eq!(
        json::<External>(r#"{"circle":{"radius":1}}"#).unwrap(),
        circle
    );
    assert_eq!(
        json::<External>(r#"{"pair":[1,"a"]}"#).unwrap(),
        External::Pair(1, "a".into())
    );

    assert_eq!(
        faults::<External>(r#"{"circle":{"radius":0,"level":"no"}}"#),
        ["it.circle.radius gt", "it.circle.level one_of"]
    );
    assert_eq!(
        json::<External>(r#"{"circle":{"radius":0}}"#).unwrap_err(),
        ["circle.radius gt"]
    );
    assert_eq!(
        faults::<External>(r#"{"circle":[1,null]}"#),
        ["it.circle type"]
    );
    assert_eq!(
        json::<External>(r#"{"circle":[1,null]}"#).unwrap_err(),
        ["circle type"]
    );
    assert_eq!(faults::<External>(r#"{"count":10}"#), ["it.count le"]);
    assert_eq!(
        faults::<External>(r#"{"pair":[0,1]}"#),
        ["it.pair.0 ge", "it.pair.1 type"]
    );
    assert_eq!(faults::<External>(r#"{"pair":[1]}"#), ["it.pair type"]);
    assert_eq!(
        faults::<External>(r#"{"count":1,"pair":[1,"a"]}"#),
        ["it type"]
    );
    assert_eq!(faults::<External>(r#""count""#), ["it type"]);
    assert_eq!(faults::<External>(r#"{"nothing":1}"#), ["it.nothing type"]);
    assert_eq!(faults::<External>(r#"{"square":1}"#), ["it one_of"]);
}

#[test]
fn a_tag_inside() {
    assert_eq!(
        json::<Internal>(r#"{"kind":"Point"}"#).unwrap(),
        Internal::Point
    );
    let circle = Internal::Circle { radius: 2.0 };
    assert_eq!(
        json::<Internal>(r#"{"radius":2,"kind":"Circle"}"#).unwrap(),
        circle
    );
    let other = Internal::Other(Polygon { corners: 3 });
    assert_eq!(
        json::<Internal>(r#"{"kind":"Other","corners":3}"#).unwrap(),
        other
    );

    assert_eq!(
        faults::<Internal>(r#"{"kind":"Circle","radius":-1,"x":1}"#),
        ["it.radius gt", "it.x unknown_field"]
    );
    assert_eq!(
        faults::<Internal>(r#"{"kind":"Other","corners":2}"#),
        ["it.corners ge"]
    );
    assert_eq!(faults::<Internal>(r#"{"radius":1}"#), ["it.kind missing"]);
    assert_eq!(faults::<Internal>(r#"{"kind":7}"#), ["it.kind type"]);
    assert_eq!(faults::<Internal>(r#"{"kind":"Line"}"#), ["it.kind one_of"]);
    assert_eq!(faults::<Internal>(r#"["Circle",1]"#), ["it type"]);
    assert_eq!(json::<Internal>(r#"["Circle",1]"#).unwrap_err(), [" type"]);
    assert_eq!(query::<Internal>("kind=Circle&radius=2").unwrap(), circle);
    assert_eq!(
        query::<Internal>("kind=Circle&radius=0").unwrap_err(),
        ["radius gt"]
    );
}

#[test]
fn a_tag_beside() {
    assert_eq!(
        json::<Adjacent>(r#"{"t":"Nothing"}"#).unwrap(),
        Adjacent::Nothing
    );
    assert_eq!(
        json::<Adjacent>(r#"{"c":9,"t":"Count"}"#).unwrap(),
        Adjacent::Count(9)
    );
    assert_eq!(faults::<Adjacent>(r#"{"t":"Count","c":10}"#), ["it.c le"]);
    assert_eq!(faults::<Adjacent>(r#"{"t":"Count"}"#), ["it.c missing"]);
    assert_eq!(
        faults::<Adjacent>(r#"{"t":"Circle","c":{"radius":"x"},"d":1}"#),
        ["it.c.radius type", "it.d unknown_field"]
    );
    assert_eq!(
        faults::<Adjacent>(r#"{"t":"Other","c":{"corners":1}}"#),
        ["it.c.corners ge"]
    );
    assert_eq!(
        json::<Adjacent>(r#"{"t":"Circle","c":{"radius":0}}"#).unwrap_err(),
        ["c.radius gt"]
    );
}

#[test]
fn no_tag_is_one_violation() {
    assert_eq!(json::<Untagged>("9").unwrap(), Untagged::Number(9));
    assert_eq!(
        json::<Untagged>(r#"{"radius":1}"#).unwrap(),
        Untagged::Circle { radius: 1.0 }
    );
    assert_eq!(
        json::<Untagged>(r#""9""#).unwrap(),
        Untagged::Text("9".into())
    );
    assert_eq!(faults::<Untagged>("[]"), ["it type"]);
    assert_eq!(faults::<Untagged>(r#"{"radius":"x","n":1}"#), ["it type"]);
    assert_eq!(faults::<Untagged>("10"), ["it le"]);
    assert_eq!(
        query::<Holder<Untagged>>("it=abc&n=1").unwrap().it,
        Untagged::Text("abc".into())
    );
    assert_eq!(
        query::<Holder<Untagged>>("it=4&n=1").unwrap().it,
        Untagged::Number(4)
    );
}

#[test]
fn unknown_keys_are_refused_beside_the_tag_of_a_variant_without_fields() {
    assert_eq!(json(r#"{"kind":"Point"}"#), Ok(Internal::Point));
    assert_eq!(
        json::<Internal>(r#"{"kind":"Point","q":1}"#).unwrap_err(),
        ["q unknown_field"]
    );
    // serde itself knows of the rule, so nothing gets round it.
    assert!(serde_json::from_str::<Internal>(r#"{"q":1,"kind":"Point"}"#).is_err());
    assert_eq!(
        query::<Internal>("kind=Point&q=1").unwrap_err(),
        ["q unknown_field"]
    );
    let text = serde_json::to_string(&Internal::Point).unwrap();
    assert_eq!(text, r#"{"kind":"Point"}"#);
}
