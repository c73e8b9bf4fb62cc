//! Larger examples: databases, tokens, nested groups.

use hybrid::prelude::*;
use jsonwebtoken::{EncodingKey, Header as TokenHeader, encode};
use serde_json::{Value, json};

use crate::answers::refused;
use crate::programs::{crud, crud_async, groups, jwt};

/// The same story for both drivers.
fn check_notes(app: App, lane: Lane) {
    let client = TestClient::new(app);
    assert_eq!(client.get("/notes").send().json::<Value>(), json!([]));
    for number in 1..=5 {
        let draft = json!({"text": format!("note {number}"), "done": number % 2 == 0});
        let created = client.post("/notes").json(&draft).send();
        assert_eq!(
            (created.status().as_u16(), created.lane()),
            (201, lane),
            "{}",
            created.text()
        );
        assert_eq!(created.json::<Value>()["id"], number);
    }
    let ids = |query: &str| {
        let notes = client
            .get(format!("/notes{query}"))
            .send()
            .json::<Vec<Value>>();
        notes
            .iter()
            .map(|note| note["id"].as_u64().expect("an id"))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(""), [1, 2, 3, 4, 5]);
    assert_eq!(ids("?size=2&page=2"), [3, 4]);
    assert_eq!(ids("?done=yes"), [2, 4]);
    assert_eq!(ids("?done=no&size=2&page=2"), [5]);
    assert_eq!(ids("?page=4294967295&size=100"), [0_u64; 0]);

    let one = json!({"id": 2, "text": "note 2", "done": true});
    assert_eq!(client.get("/notes/2").send().json::<Value>(), one);
    let changed = client
        .put("/notes/2")
        .json(&json!({"text": "changed"}))
        .send();
    assert_eq!(
        changed.json::<Value>(),
        json!({"id": 2, "text": "changed", "done": false})
    );
    assert_eq!(
        client.get("/notes/2").send().json::<Value>()["text"],
        "changed"
    );
    assert_eq!(client.delete("/notes/2").send().status(), 204);
    assert_eq!(client.get("/notes/2").send().status(), 404);
    assert_eq!(client.delete("/notes/2").send().status(), 404);
    let gone = client.put("/notes/2").json(&json!({"text": "x"})).send();
    assert_eq!((gone.status().as_u16(), gone.lane()), (404, lane));

    let list = client.get("/notes?size=101&page=0&done=maybe");
    let expected = [
        r#"["query","page"] ge"#,
        r#"["query","size"] le"#,
        r#"["query","done"] type"#,
    ];
    assert_eq!(refused(list), expected);
    let draft = client.put("/notes/x").json(&json!({"text": "", "done": 1}));
    let expected = [
        r#"["path","id"] type"#,
        r#"["body","text"] min_length"#,
        r#"["body","done"] type"#,
    ];
    assert_eq!(refused(draft), expected);
}

#[test]
fn notes_by_a_driver_that_blocks() {
    let folder = tempfile::tempdir().unwrap();
    check_notes(crud::app(folder.path().join("notes.db")), Lane::Pool);
}

#[test]
fn notes_by_an_async_driver() {
    let folder = tempfile::tempdir().unwrap();
    check_notes(crud_async::app(folder.path().join("notes.db")), Lane::Event);
}

#[test]
fn a_database_that_cannot_be_opened_ends_the_start() {
    for app in [
        crud::app("/no/such/folder/notes.db"),
        crud_async::app("/no/such/folder/notes.db"),
    ] {
        let report = format!("{:?}", TestClient::new(app).check().unwrap_err());
        assert!(report.contains("unable to open database file"), "{report}");
        assert!(report.contains("examples/crud"), "{report}");
    }
}

#[test]
fn tokens_are_looked_at_before_anything_else() {
    const SECRET: &str = "secret";
    const FAR: u64 = 4_000_000_000;
    let client = TestClient::new(jwt::app()).replace_state(jwt::Key::new(SECRET));
    let token = |secret: &str, exp: u64, admin: bool| {
        let claims = jwt::Claims {
            sub: "ada".to_owned(),
            exp,
            admin,
        };
        let token = encode(
            &TokenHeader::default(),
            &claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        );
        format!("Bearer {}", token.unwrap())
    };
    let (ada, admin) = (token(SECRET, FAR, false), token(SECRET, FAR, true));

    assert_eq!(
        client
            .get("/me")
            .header("authorization", &ada)
            .send()
            .text(),
        "ada"
    );
    assert_eq!(
        client.get("/").header("authorization", &ada).send().text(),
        "Hello, ada!"
    );
    assert_eq!(client.get("/").send().text(), "Hello, stranger!");
    let forged = [
        token("other", FAR, true),
        token(SECRET, 1, true),
        "Basic x".to_owned(),
    ];
    for authorization in forged {
        // The query is wrong as well; nothing is said of it.
        let refused = client
            .post("/transfers?cents=0")
            .header("authorization", authorization)
            .send();
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        let problem: Value = refused.json();
        assert_eq!(
            (&problem["code"], &problem["errors"]),
            (&json!("unauthorized"), &Value::Null)
        );
    }
    assert_eq!(client.post("/transfers?cents=0").send().status(), 401);
    let known = client
        .post("/transfers?cents=0")
        .header("authorization", &ada)
        .send();
    assert_eq!(known.status(), 403);
    let bad = client
        .post("/transfers?cents=0")
        .header("authorization", &admin);
    assert_eq!(refused(bad), [r#"["query","cents"] ge"#]);
    let good = client
        .post("/transfers?cents=5")
        .header("authorization", &admin)
        .send();
    assert_eq!((good.text(), good.lane()), ("5 cents, by ada", Lane::Pool));
}

#[test]
fn groups_nest_and_their_prefixes_hold_parameters() {
    let client = TestClient::new(groups::app());
    let projects = "/api/tenants/acme/projects";
    let list = client
        .get(projects)
        .query("page", 2)
        .query("search", "a")
        .send();
    assert_eq!(
        list.text(),
        r#"page 2 of 20 projects of acme with Some("a")"#
    );
    assert_eq!(
        client.get(format!("{projects}/7")).send().text(),
        "project 7 of acme"
    );
    assert_eq!(client.get("/api/health").send().text(), "fine");
    let created = client.post(projects).json(&json!({"name": "x"})).send();
    assert_eq!(
        (created.status().as_u16(), created.text()),
        (201, "x of acme")
    );

    let bad = client.get("/api/tenants/ACME/projects?page=0&size=101&search=");
    let expected = [
        r#"["path","tenant"] regex"#,
        r#"["query","page"] ge"#,
        r#"["query","size"] le"#,
        r#"["query","search"] min_length"#,
    ];
    assert_eq!(refused(bad), expected);
    let large = client
        .post(projects)
        .json(&json!({"name": "x".repeat(1024)}))
        .send();
    assert_eq!(large.status(), 413);
    assert_eq!(client.get("/api/tenants/acme").send().status(), 404);
    assert_eq!(client.get(format!("{projects}/")).send().status(), 404);
}
