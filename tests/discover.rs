//! Handlers that register themselves; with the feature `discover`.
#![cfg(feature = "discover")]

use hybrid::prelude::*;

#[get("/one")]
async fn one() -> &'static str {
    "one"
}

mod inner {
    use hybrid::prelude::*;

    #[get("/two")]
    fn two(State(text): State<&'static str>) -> &'static str {
        text
    }
}

#[test]
fn every_annotated_handler_is_found() {
    let client = TestClient::new(App::new().state("two").discover_exactly(2));
    assert_eq!(client.get("/one").send().text(), "one");
    assert_eq!(client.get("/two").send().text(), "two");
    assert_eq!(
        TestClient::new(App::new().state("").discover())
            .get("/one")
            .send()
            .text(),
        "one"
    );
}

#[test]
fn another_number_is_a_fault_of_the_start() {
    let error = TestClient::new(App::new().state("").discover_exactly(3))
        .check()
        .unwrap_err();
    let report = format!("{error:?}");
    assert!(
        report.contains("3 routes were expected, 2 found"),
        "{report}"
    );
    assert!(report.contains("tests/discover.rs:"), "{report}");
}

#[test]
fn found_handlers_are_checked_like_others() {
    let error = TestClient::new(App::new().discover()).check().unwrap_err();
    assert!(
        format!("{error:?}").contains("`two` takes `State<&str>`"),
        "{error:?}"
    );
}
