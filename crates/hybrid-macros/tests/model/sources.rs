//! Whole sources of text into what is no model: `Path<(u32, u32)>`, `Query<HashMap<..>>` and their like.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::facade::{model, query};

#[test]
fn one_entry_may_become_a_single_value() {
    assert_eq!(query::<u64>("id=7").unwrap(), 7);
    assert_eq!(query::<u64>("id=x").unwrap_err(), ["id type"]);
    assert_eq!(query::<u64>("").unwrap_err(), [" missing"]);
    assert_eq!(query::<u64>("a=1&b=2").unwrap_err(), [" type"]);
    assert_eq!(
        query::<IpAddr>("ip=::1").unwrap(),
        "::1".parse::<IpAddr>().unwrap()
    );
}

#[test]
fn a_tuple_takes_the_values_in_order() {
    assert_eq!(
        query::<(u32, String)>("a=1&b=x").unwrap(),
        (1, "x".to_owned())
    );
    assert_eq!(
        query::<(u32, u32)>("a=x&b=y").unwrap_err(),
        ["a type", "b type"]
    );
    assert_eq!(query::<(u32, u32)>("a=1&b=2&c=3").unwrap_err(), [" type"]);
    assert_eq!(query::<[u8; 2]>("a=1&b=2").unwrap(), [1, 2]);
}

#[test]
fn lists_take_the_pairs() {
    let pairs: Vec<(String, u8)> = query("a=1&b=2&a=3").unwrap();
    assert_eq!(
        pairs,
        [
            ("a".to_owned(), 1),
            ("b".to_owned(), 2),
            ("a".to_owned(), 3)
        ]
    );
    assert_eq!(
        query::<Vec<(String, u8)>>("a=1&b=x").unwrap_err(),
        ["1.1 type"]
    );
    assert_eq!(query::<Vec<u8>>("a=1&b=2").unwrap(), [1, 2]);
}

#[test]
fn maps_take_the_keys() {
    let map: HashMap<String, String> = query("a=1&b=2").unwrap();
    assert_eq!(map["b"], "2");
    let map: BTreeMap<String, Vec<u8>> = query("a=1&a=2&b=3").unwrap();
    assert_eq!(map["a"], [1, 2]);
    assert_eq!(
        query::<BTreeMap<String, u8>>("a=1&b=x&a=2").unwrap_err(),
        ["a duplicate", "b type"]
    );
    assert_eq!(
        query::<BTreeMap<u8, u8>>("1=1&x=2").unwrap_err(),
        ["x type"]
    );
}

#[model(input, crate = crate::facade)]
#[derive(Debug, PartialEq)]
struct Filter {
    on: bool,
    #[field(default = 20, le = 100)]
    limit: u32,
    age: Option<u8>,
    name: Option<String>,
    #[field(style = csv, max_items = 3)]
    ids: Vec<u8>,
    tags: Option<BTreeSet<String>>,
    letter: Option<char>,
    foreign: Option<Foreign>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Foreign {
    Up,
    Down,
}

#[test]
fn text_is_read_as_parameters_are() {
    let filter: Filter =
        query("on=YES&ids=1,2&age=&name=&tags=b&tags=a&letter=ä&foreign=up").unwrap();
    assert_eq!((filter.on, filter.limit, filter.age), (true, 20, None));
    assert_eq!(
        (filter.name.as_deref(), filter.letter),
        (Some(""), Some('ä'))
    );
    assert_eq!(
        (filter.ids, filter.foreign),
        (vec![1, 2], Some(Foreign::Up))
    );
    assert_eq!(filter.tags.unwrap().len(), 2);
    assert_eq!(
        query::<Filter>("on=maybe&limit=101&age=256&ids=1,x,3,4&letter=ab&foreign=left")
            .unwrap_err(),
        [
            "on type",
            "limit le",
            "age type",
            "ids.1 type",
            "letter type",
            "foreign type"
        ]
    );
    assert_eq!(
        query::<Filter>("on=1&ids=1,2,3,4").unwrap_err(),
        ["ids max_items"]
    );
    assert_eq!(
        query::<Filter>("on=1&on=0").unwrap_err(),
        ["on duplicate", "ids missing"]
    );
}

#[test]
fn headers_are_matched_in_any_case() {
    #[model(input, crate = crate::facade)]
    struct Head {
        #[field(alias = "X-Request-ID", min_length = 2)]
        id: String,
        #[field(style = csv)]
        accept: Vec<String>,
    }
    let pairs = [
        ("x-request-id".into(), "a".into()),
        ("accept".into(), "a , b".into()),
    ];
    let mut report = hybrid_validate::Report::new(hybrid_validate::Source::Header);
    let input = hybrid_validate::inspect::Input::Pairs(&pairs);
    let head = <Head as hybrid_validate::inspect::Inspect>::inspect(input, &mut report).unwrap();
    assert_eq!(
        (head.id.as_str(), head.accept),
        ("a", vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(crate::facade::list(report), ["X-Request-ID min_length"]);
}
