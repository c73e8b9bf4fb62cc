//! Places and order are those of what was sent, and every element keeps its rules.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use crate::facade::{json, list, model, query};
use hybrid_validate::inspect::read_json;
use hybrid_validate::{Patch, Report, Source};

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Lists {
    #[field(ge = 1, min_items = 3)]
    #[serde(default = "three")]
    v: Vec<i64>,
    #[field(min_length = 2)]
    #[serde(default)]
    s: VecDeque<String>,
    #[field(ge = 1)]
    #[serde(default)]
    deep: Vec<Vec<Option<i64>>>,
    #[field(ge = 1)]
    #[serde(default)]
    array: [i64; 3],
}

fn three() -> Vec<i64> {
    vec![1, 1, 1]
}

#[test]
fn elements_beside_a_refused_one_keep_their_rules() {
    let good = r#","array":[1,1,1]}"#;
    let faults = |text: &str| json::<Lists>(&format!("{{{text}{good}")).unwrap_err();
    assert_eq!(faults(r#""v":["x",0,5]"#), ["v.0 type", "v.1 ge"]);
    assert_eq!(
        faults(r#""v":[0,"x",-1]"#),
        ["v.0 ge", "v.1 type", "v.2 ge"]
    );
    assert_eq!(faults(r#""v":[0]"#), ["v.0 ge", "v min_items"]);
    assert_eq!(
        faults(r#""s":["a",1,"bb"]"#),
        ["s.0 min_length", "s.1 type"]
    );
    assert_eq!(
        faults(r#""deep":[[null,0],["x",0,1],[1]]"#),
        ["deep.0.1 ge", "deep.1.0 type", "deep.1.1 ge"]
    );
    assert_eq!(
        json::<Lists>(r#"{"array":[0,"x",1]}"#).unwrap_err(),
        ["array.0 ge", "array.1 type"]
    );
    assert_eq!(
        query::<Lists>("v=x&v=0&v=5&array=1&array=1&array=0").unwrap_err(),
        ["v.0 type", "v.1 ge", "array.2 ge"]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Sets {
    #[field(ge = 1)]
    #[serde(default)]
    b: BTreeSet<i64>,
    #[field(min_length = 2)]
    #[serde(default)]
    h: HashSet<String>,
}

#[test]
fn the_index_in_a_set_is_that_of_what_was_sent() {
    assert_eq!(json::<Sets>(r#"{"b":[5,0,3]}"#).unwrap_err(), ["b.1 ge"]);
    assert_eq!(
        json::<Sets>(r#"{"b":[5,"x",5,-1]}"#).unwrap_err(),
        ["b.1 type", "b.3 ge"]
    );
    assert_eq!(
        json::<Sets>(r#"{"h":["bb","cc","dd","ee","ff","gg","hh","a"]}"#).unwrap_err(),
        ["h.7 min_length"]
    );
    assert_eq!(query::<Sets>("b=5&b=0&b=3").unwrap_err(), ["b.1 ge"]);
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Maps {
    #[field(le = 100)]
    #[serde(default)]
    h: HashMap<String, u32>,
    #[field(le = 100)]
    #[serde(default)]
    b: BTreeMap<String, u32>,
    #[field(le = 100, ge = 2)]
    #[serde(default)]
    lists: Option<HashMap<String, Vec<u32>>>,
}

#[test]
fn the_entries_of_a_map_are_listed_in_the_order_sent() {
    let entries = r#"{"z":101,"a":1,"k":102,"b":103,"y":104,"c":105,"x":106}"#;
    let listed = |name: &str| json::<Maps>(&format!(r#"{{"{name}":{entries}}}"#)).unwrap_err();
    let keys = |name: &str| -> Vec<String> {
        "zkbycx"
            .chars()
            .map(|key| format!("{name}.{key} le"))
            .collect()
    };
    assert_eq!(listed("h"), keys("h"));
    assert_eq!(listed("b"), keys("b"));
    assert_eq!(
        json::<Maps>(r#"{"h":{"z":101,"a":"x","k":102}}"#).unwrap_err(),
        ["h.z le", "h.a type", "h.k le"]
    );
    // Of a key that was sent twice the last counts.
    assert_eq!(
        json::<Maps>(r#"{"h":{"z":101,"a":500,"z":1}}"#).unwrap_err(),
        ["h.a le"]
    );
    assert_eq!(
        json::<Maps>(r#"{"lists":{"z":[2,1],"a":[101,1]}}"#).unwrap_err(),
        ["lists.a.0 le", "lists.z.1 ge", "lists.a.1 ge"]
    );
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Keys {
    #[serde(default)]
    flags: BTreeMap<bool, u8>,
    #[serde(default)]
    numbers: BTreeMap<i16, u8>,
}

#[test]
fn a_key_that_is_no_value_stands_at_its_place() {
    assert_eq!(
        json::<Keys>(r#"{"flags":{"yes":1}}"#).unwrap_err(),
        ["flags.yes type"]
    );
    assert_eq!(
        json::<Keys>(r#"{"flags":{"true":1,"yes":"x"},"numbers":{"01":1,"2":300}}"#).unwrap_err(),
        [
            "flags.yes type",
            "flags.yes type",
            "numbers.01 type",
            "numbers.2 type"
        ]
    );
    let keys = json::<Keys>(r#"{"flags":{"true":1},"numbers":{"-3":1}}"#).unwrap();
    assert_eq!(keys.numbers, BTreeMap::from([(-3, 1)]));
}

#[test]
fn more_violations_than_are_kept_are_counted() {
    let mut report = Report::new(Source::Body);
    let body = format!(r#"{{"array":[1,1,1],"v":[{}0]}}"#, "0,".repeat(19_999));
    let value = read_json::<Lists>(body.as_bytes(), &mut report).unwrap();
    assert_eq!(value, None);
    assert_eq!(report.found(), 20_000);
    assert_eq!(report.left_out(), 20_000 - Report::LIMIT);
    assert_eq!(list(report).len(), Report::LIMIT);

    let mut report = Report::new(Source::Body);
    let body = format!(r#"{{"array":[1,1,1],"v":[{}0]}}"#, r#""x","#.repeat(19_999));
    read_json::<Lists>(body.as_bytes(), &mut report).unwrap();
    assert_eq!(report.found(), 20_000);
}

fn odd(value: &i64) -> Result<(), String> {
    (value % 2 == 1)
        .then_some(())
        .ok_or_else(|| "must be odd".to_owned())
}

fn at_least_two(values: &BTreeSet<i64>) -> Result<(), String> {
    (values.len() >= 2)
        .then_some(())
        .ok_or_else(|| "must have two".to_owned())
}

#[model(crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Judged {
    #[field(ge = 1, custom = odd, message = "must be odd and positive")]
    #[serde(default)]
    set: BTreeSet<i64>,
    #[field(custom = odd)]
    #[serde(default)]
    list: Option<Vec<i64>>,
    #[field(custom = at_least_two)]
    #[serde(default = "two")]
    whole: BTreeSet<i64>,
    #[field(ge = 1)]
    #[serde(default)]
    patch: Patch<BTreeSet<i64>>,
}

fn two() -> BTreeSet<i64> {
    BTreeSet::from([1, 2])
}

#[test]
fn checks_and_messages_of_ones_own_hold_for_elements_as_sent() {
    assert_eq!(
        json::<Judged>(r#"{"set":[5,4,3]}"#).unwrap_err(),
        ["set.1 custom"]
    );
    assert_eq!(
        json::<Judged>(r#"{"set":[5,"x",0,4]}"#).unwrap_err(),
        ["set.1 type", "set.2 ge", "set.2 custom", "set.3 custom"]
    );
    assert_eq!(
        json::<Judged>(r#"{"list":[2,"x",4]}"#).unwrap_err(),
        ["list.0 custom", "list.1 type", "list.2 custom"]
    );
    assert_eq!(
        json::<Judged>(r#"{"whole":[1]}"#).unwrap_err(),
        ["whole custom"]
    );
    assert_eq!(
        json::<Judged>(r#"{"whole":[1,"x"]}"#).unwrap_err(),
        ["whole.1 type"]
    );
    assert_eq!(
        json::<Judged>(r#"{"patch":[3,0,1]}"#).unwrap_err(),
        ["patch.1 ge"]
    );
    let mut report = Report::new(Source::Body);
    let read = read_json::<Judged>(br#"{"set":[5,"x",0]}"#, &mut report);
    assert_eq!(read, Ok(None));
    let messages: Vec<String> = report
        .into_violations()
        .into_iter()
        .map(|violation| violation.message)
        .collect();
    let own = "must be odd and positive";
    assert_eq!(messages, ["expected an integer", own, own]);
}
