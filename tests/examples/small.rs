//! The small examples, by what their headers say to try.

use hybrid::{TestRequest, prelude::*};
use serde_json::{Value, json};

use crate::answers::refused;
use crate::programs::{
    axum_side_by_side, errors, hello, middleware, models, params, state, testing,
};

#[test]
fn hello_greets_and_counts() {
    let client = TestClient::new(hello::app());
    let greeting = client.get("/hello/Ada").send();
    assert_eq!(
        (greeting.text(), greeting.lane()),
        ("Hello, Ada!", Lane::Event)
    );
    let primes = client.get("/primes?n=30").send();
    assert_eq!(
        primes.json::<Vec<u32>>(),
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    );
    assert_eq!(primes.lane(), Lane::Pool);
    assert_eq!(
        refused(client.get("/primes").query("n", 1)),
        [r#"["query","n"] ge"#]
    );
    assert_eq!(client.head("/hello/Ada").send().text(), "");
    let post = client.post("/hello/Ada").send();
    assert_eq!(
        (post.status().as_u16(), post.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

#[test]
fn params_come_from_everywhere() {
    let client = TestClient::new(params::app());
    let books = client
        .get("/shelves/3/books?tag=new&tag=red&ids=1,2&sort=by-title")
        .cookie("theme", "dark")
        .header("user-agent", "curl")
        .send();
    let expected = r#"[3, ["new", "red"], [1, 2], Some(ByTitle), 20, None, "dark"] for curl"#;
    assert_eq!(books.text(), expected);
    let bare = client.get("/shelves/3/books").send();
    assert_eq!(
        bare.text(),
        r#"[3, [], [], None, 20, None, "light"] for nobody"#
    );

    let bad = client
        .get("/shelves/0/books?tag=x&tag=red&ids=1,two&sort=by-weight&limit=0")
        .header("x-request-id", "7")
        .cookie("theme", "blue");
    let expected = [
        r#"["path","shelf"] ge"#,
        r#"["query","tag",0] min_length"#,
        r#"["query","ids",1] type"#,
        r#"["query","sort"] one_of"#,
        r#"["query","limit"] gt"#,
        r#"["header","x-request-id"] format"#,
        r#"["cookie","theme"] one_of"#,
    ];
    assert_eq!(refused(bad).map_names(), expected.map(str::to_owned));

    let twice = client.get("/shelves/1/books?ids=1,1");
    assert_eq!(refused(twice), [r#"["query","ids"] unique_items"#]);
}

/// Header names are compared without regard to case.
trait MapNames {
    fn map_names(self) -> Self;
}

impl MapNames for Vec<String> {
    fn map_names(self) -> Self {
        self.into_iter()
            .map(|text| text.replace("X-Request-ID", "x-request-id"))
            .collect()
    }
}

#[test]
fn forms_of_both_kinds_are_read() {
    let client = TestClient::new(params::app());
    let fields = [("title", "Emma & Co"), ("year", "1815")];
    for request in [
        client.post("/books").form(&fields),
        client.post("/books").multipart(&fields),
    ] {
        let added = request.send();
        assert_eq!(
            (added.status().as_u16(), added.text()),
            (201, "Emma & Co (1815)")
        );
    }
    let bad = client
        .post("/books")
        .form(&[("title", ""), ("year", "1066")]);
    assert_eq!(
        refused(bad),
        [
            r#"["form","title"] min_length"#,
            r#"["form","year"] custom"#
        ]
    );
    let json = client.post("/books").json(&json!({})).send();
    assert_eq!(json.status(), 415);
}

#[test]
fn models_are_checked_wherever_they_sit() {
    let client = TestClient::new(models::app());
    let stay = |email: &str, from: i32, to: i32, payment: Value| json!({"email": email, "nights": {"from": from, "to": to}, "payment": payment});
    let card = |number: &str| json!({"by": "card", "number": number});
    let good = json!([
        stay("ada@example.org", 3, 5, json!({"by": "cash"})),
        stay("bob@example.org", 1, 31, card("4111111111111111")),
    ]);
    let booked = client.post("/stays").json(&json!({"items": good})).send();
    assert_eq!(
        (booked.status().as_u16(), booked.json::<Value>()),
        (201, good)
    );

    let mut unknown = stay("a@b.org", 1, 2, json!({"by": "cheque"}));
    unknown["nights"]["late"] = json!(true);
    let items = json!([
        stay("ada", 5, 3, card("1")),
        stay("a@b.org", 0, 32, card("4111111111111111")),
        unknown,
    ]);
    let at = |path: &str| format!(r#"["body","items",{path}]"#);
    let expected = [
        at(r#"0,"email""#) + " format",
        at(r#"0,"nights""#) + " custom",
        at(r#"0,"payment","number""#) + " regex",
        at(r#"1,"nights","from""#) + " ge",
        at(r#"1,"nights","to""#) + " le",
        at(r#"2,"nights","late""#) + " unknown_field",
        at(r#"2,"payment","by""#) + " one_of",
    ];
    let bad = client.post("/stays").json(&json!({"items": items}));
    assert_eq!(refused(bad), expected);
    let none = client.post("/stays").json(&json!({"items": []}));
    assert_eq!(refused(none), [r#"["body","items"] min_items"#]);
}

#[test]
fn states_are_shared_and_shadowed() {
    let counter = state::Counter::default();
    let client = TestClient::new(state::app(counter.clone()));
    assert_eq!(client.get("/count").send().text(), "1");
    assert_eq!(client.get("/count").send().text(), "2");
    assert_eq!(format!("{counter:?}"), "Counter(2)");
    assert_eq!(client.get("/greeting").send().text(), "Hello!");
    assert_eq!(client.get("/fr/greeting").send().text(), "Bonjour !");
}

#[test]
fn a_replaced_state_replaces_what_was_started_with() {
    let client = TestClient::new(state::app(state::Counter::default()));
    let client = client.replace_state(state::Counter::default());
    assert_eq!(client.get("/count").send().text(), "1");
}

#[test]
fn middleware_and_layers_stand_around_their_routes() {
    let client = TestClient::new(middleware::app());
    for (path, status) in [
        ("/", 200),
        ("/nothing", 404),
        ("/api/numbers", 401),
        ("/api/x", 401),
    ] {
        let answer = client.get(path).header("x-request-id", "r1").send();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.header("x-request-id"), Some("r1"), "{path}");
    }
    let refused = client.get("/api/numbers").send();
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );

    let get = || client.get("/api/numbers").header("x-api-key", "k");
    let plain = get().send();
    assert_eq!(plain.json::<Vec<u32>>().len(), 1000);
    assert_eq!(
        (plain.lane(), plain.header("content-encoding")),
        (Lane::Pool, None)
    );
    let packed = get()
        .header("accept-encoding", "gzip")
        .header("origin", "http://a")
        .send();
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("access-control-allow-origin"), Some("*"));
    assert!(packed.bytes().len() < plain.bytes().len());

    let preflight = client.options("/api/numbers").header("origin", "http://a");
    let preflight = preflight
        .header("access-control-request-method", "GET")
        .send();
    assert_eq!(preflight.status(), 200);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("*"));
    let outside = client.get("/").header("origin", "http://a").send();
    assert_eq!(outside.header("access-control-allow-origin"), None);
}

#[test]
fn errors_keep_their_status() {
    let client = TestClient::new(errors::app(ErrorFormat::Problem));
    let check = |request: TestRequest<'_>, status: u16, expected: Value| {
        let answer = request.send();
        assert_eq!(answer.status(), status, "{}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let problem: Value = answer.json();
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(problem[field], *value, "{problem}");
        }
    };
    assert_eq!(client.get("/users/1").send().text(), "Ada");
    let missing =
        json!({"code": "no_user", "title": "No such user", "detail": "only user 1 is there"});
    check(client.get("/users/2"), 404, missing);
    let taken = json!({"code": "name_taken", "title": "The name is taken", "status": 409});
    check(client.post("/users?name=Ada"), 409, taken);
    assert_eq!(client.post("/users?name=Bob").send().status(), 201);
    assert_eq!(client.get("/sum/1+2").send().text(), "3");
    check(
        client.get("/sum/1+x"),
        400,
        json!({"code": "malformed_request"}),
    );
    check(
        client.get("/motto"),
        500,
        json!({"code": "internal_error", "detail": null}),
    );
    check(client.get("/nothing"), 404, json!({"code": "not_found"}));
    assert_eq!(
        refused(client.post("/users?name=")),
        [r#"["query","name"] min_length"#]
    );
}

#[test]
fn errors_are_written_as_fastapi_has_them() {
    let client = TestClient::new(errors::app(ErrorFormat::FastApi));
    let bad = client.post("/users?name=").send();
    assert_eq!(bad.status(), 422);
    assert_eq!(bad.header("content-type"), Some("application/json"));
    let expected = json!({"detail": [{
        "loc": ["query", "name"],
        "msg": "must have at least 1 character",
        "type": "min_length",
    }]});
    assert_eq!(bad.json::<Value>(), expected);
    let missing = client.get("/users/2").send();
    assert_eq!(
        missing.json::<Value>(),
        json!({"detail": "only user 1 is there"})
    );
}

#[test]
fn prices_are_told() {
    assert_eq!(
        TestClient::new(testing::app())
            .get("/price?item=tea")
            .send()
            .text(),
        "tea: 250 cents"
    );
}

#[test]
fn axum_serves_what_is_not_moved_yet() {
    let client = TestClient::new(axum_side_by_side::app());
    assert_eq!(client.get("/users/7").send().text(), "user 7, by axum");
    assert_eq!(client.get("/users").send().text(), "all users, by axum");
    assert_eq!(client.get("/users/x").send().status(), 400);
    let moved = client.get("/hash?text=abc").send();
    assert!(moved.text().ends_with(", by hybrid"));
    assert_eq!(moved.lane(), Lane::Pool);
    assert_eq!(
        refused(client.get("/hash?text=")),
        [r#"["query","text"] min_length"#]
    );
    // What hybrid has no method for goes to axum, which does not know the path.
    assert_eq!(client.post("/hash").send().status(), 404);
}

#[tokio::test]
async fn hybrid_serves_inside_axum() {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    let router = axum_side_by_side::router(axum_side_by_side::moved().unwrap());
    let call = async |target: &str| {
        let request = http::Request::get(target)
            .header("host", "test")
            .body(axum::body::Body::empty());
        let answer = router.clone().oneshot(request.unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            head.status.as_u16(),
            String::from_utf8(body.to_vec()).unwrap(),
        )
    };
    assert_eq!(call("/users/7").await, (200, "user 7, by axum".to_owned()));
    let (status, body) = call("/hash?text=abc").await;
    assert!(
        status == 200 && body.ends_with(", by hybrid"),
        "{status} {body}"
    );
    let (status, body) = call("/hash").await;
    assert!(status == 422 && body.contains("missing"), "{status} {body}");
    assert_eq!(call("/nothing").await.0, 404);
}
