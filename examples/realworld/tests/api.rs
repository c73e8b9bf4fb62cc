//! The suite's behaviour, without a socket: one test for each rule of the API.

use hybrid::prelude::*;
use realworld::{app, settings::Settings, store::Db};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Api {
    client: TestClient,
    _files: TempDir,
}

impl Api {
    fn new() -> Self {
        let files = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings {
            database: files.path().join("conduit.db").display().to_string(),
            connections: 2,
            token_days: 1,
            secret: "a secret of the tests".to_owned(),
        };
        let db = Db::open(settings.clone()).expect("a new database");
        let client = TestClient::new(app()).replace_state(settings).replace_state(db);
        Self { client, _files: files }
    }

    fn call(&self, method: Method, path: &str, token: &str, body: Value) -> (u16, Value) {
        let mut request = self.client.request(method, path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Token {token}"));
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send();
        let body = if response.bytes().is_empty() { Value::Null } else { response.json() };
        (response.status().as_u16(), body)
    }

    fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.call(Method::GET, path, token, Value::Null)
    }

    fn register(&self, name: &str) -> String {
        let user = json!({
            "username": name, "email": format!("{name}@jake.jake"), "password": "jakejake",
        });
        let (status, answer) = self.call(Method::POST, "/api/users", "", json!({ "user": user }));
        assert_eq!(status, 201, "{answer}");
        answer["user"]["token"].as_str().expect("a token").to_owned()
    }

    fn publish(&self, token: &str, title: &str, tags: &[&str]) -> String {
        let article = json!({ "title": title, "description": "d", "body": "b", "tagList": tags });
        let body = json!({ "article": article });
        let (status, answer) = self.call(Method::POST, "/api/articles", token, body);
        assert_eq!(status, 201, "{answer}");
        answer["article"]["slug"].as_str().expect("a slug").to_owned()
    }
}

#[test]
fn all_faults_of_a_registration_are_listed() {
    let api = Api::new();
    let user = json!({ "user": { "username": " ", "email": "jake", "password": "" } });
    let (status, answer) = api.call(Method::POST, "/api/users", "", user);
    assert_eq!(status, 422);
    let errors = &answer["errors"];
    assert_eq!(errors["username"], json!(["can't be blank"]));
    assert_eq!(errors["email"].as_array().map(Vec::len), Some(1), "{errors}");
    assert_eq!(errors["password"][0], "can't be blank");
    assert_eq!(errors["password"].as_array().map(Vec::len), Some(2), "{errors}");
}

#[test]
fn a_name_is_taken_once() {
    let api = Api::new();
    api.register("jake");
    let user = json!({ "username": "jake", "email": "a@jake.jake", "password": "jakejake" });
    let (status, answer) = api.call(Method::POST, "/api/users", "", json!({ "user": user }));
    assert_eq!((status, &answer["errors"]["username"][0]), (409, &json!("has already been taken")));
}

#[test]
fn a_login_needs_the_password_and_runs_on_the_pool() {
    let api = Api::new();
    api.register("jake");
    let login = |password: &str| {
        let user = json!({ "email": "jake@jake.jake", "password": password });
        api.client.post("/api/users/login").json(&json!({ "user": user })).send()
    };
    assert_eq!(login("jakejake").status(), 200);
    let refused = login("jakejak");
    assert_eq!((refused.status().as_u16(), refused.lane()), (401, Lane::Pool));
    assert_eq!(refused.json::<Value>(), json!({ "errors": { "credentials": ["invalid"] } }));
}

#[test]
fn a_guard_comes_before_the_body() {
    let api = Api::new();
    let body = json!({ "nonsense": 1 });
    let refused = api.call(Method::POST, "/api/articles", "", body);
    assert_eq!(refused, (401, json!({ "errors": { "token": ["is missing"] } })));
    assert_eq!(api.get("/api/articles", "nonsense").0, 401);
}

#[test]
fn null_empties_a_field_and_an_absent_field_stays() {
    let api = Api::new();
    let token = api.register("jake");
    let update = |user: Value| {
        let (status, answer) = api.call(Method::PUT, "/api/user", &token, json!({ "user": user }));
        (status, answer["user"]["bio"].clone(), answer["user"]["image"].clone())
    };
    let image = json!("https://example.org/jake.png");
    assert_eq!(update(json!({ "bio": "I", "image": image })), (200, json!("I"), image.clone()));
    assert_eq!(update(json!({ "bio": null })), (200, Value::Null, image));
    assert_eq!(update(json!({ "username": null })).0, 422);
}

#[test]
fn pages_go_from_the_newest_to_the_oldest() {
    let api = Api::new();
    let token = api.register("jake");
    let title = |n: i32| format!("How to  train your Dragon {n}?");
    let slugs: Vec<_> = (0..5).map(|n| api.publish(&token, &title(n), &["n"])).collect();
    assert!(slugs[3].starts_with("how-to-train-your-dragon-3-"), "{}", slugs[3]);
    let (_, answer) = api.get("/api/articles?tag=n&limit=2&offset=1", "");
    assert_eq!(answer["articlesCount"], 5);
    let articles = answer["articles"].as_array().expect("a list");
    let page: Vec<_> = articles.iter().map(|article| &article["slug"]).collect();
    assert_eq!(page, [&slugs[3], &slugs[2]]);
    let (status, answer) = api.get("/api/articles?limit=0&offset=-1", "");
    assert_eq!(status, 422);
    assert_eq!(answer["errors"].as_object().map(|errors| errors.len()), Some(2), "{answer}");
}

#[test]
fn an_article_belongs_to_its_author() {
    let api = Api::new();
    let (jake, anna) = (api.register("jake"), api.register("anna"));
    let path = format!("/api/articles/{}", api.publish(&jake, "Mine", &[]));
    let remove = |token: &str| api.call(Method::DELETE, &path, token, Value::Null).0;
    assert_eq!([remove(&anna), remove(&jake), remove(&jake)], [403, 204, 404]);
}

#[test]
fn an_update_changes_the_slug_with_the_title() {
    let api = Api::new();
    let token = api.register("jake");
    let path = format!("/api/articles/{}", api.publish(&token, "Old", &["a"]));
    let article = json!({ "title": "New", "tagList": ["b"] });
    let (_, answer) = api.call(Method::PUT, &path, &token, json!({ "article": article }));
    assert_eq!(answer["article"]["tagList"], json!(["b"]));
    assert_eq!(answer["article"]["body"], "b");
    assert!(answer["article"]["slug"].as_str().is_some_and(|slug| slug.starts_with("new-")));
    assert_eq!(api.get(&path, "").0, 404);
    let (_, answer) = api.get("/api/tags", "");
    assert_eq!(answer, json!({ "tags": ["b"] }));
}

#[test]
fn favorites_are_counted_once_a_user() {
    let api = Api::new();
    let token = api.register("jake");
    let path = format!("/api/articles/{}", api.publish(&token, "Mine", &[]));
    let favorite = format!("{path}/favorite");
    for (method, count) in [(Method::POST, 1), (Method::POST, 1), (Method::DELETE, 0)] {
        let (_, answer) = api.call(method, &favorite, &token, Value::Null);
        assert_eq!(answer["article"]["favoritesCount"], count);
        assert_eq!(answer["article"]["favorited"], count == 1);
    }
    let (_, answer) = api.get("/api/articles?favorited=jake", "");
    assert_eq!(answer["articlesCount"], 0);
}

#[test]
fn the_feed_has_the_authors_whom_the_user_follows() {
    let api = Api::new();
    let (jake, anna) = (api.register("jake"), api.register("anna"));
    api.publish(&jake, "From Jake", &[]);
    let feed = |token: &str| api.get("/api/articles/feed", token).1["articlesCount"].clone();
    let follow = |method| api.call(method, "/api/profiles/jake/follow", &anna, Value::Null);
    assert_eq!(feed(&anna), 0);
    assert_eq!(follow(Method::POST).1["profile"]["following"], true);
    assert_eq!((feed(&anna), feed(&jake)), (json!(1), json!(0)));
    assert_eq!(follow(Method::DELETE).1["profile"]["following"], false);
    assert_eq!(feed(&anna), 0);
    let itself = api.call(Method::POST, "/api/profiles/jake/follow", &jake, Value::Null);
    assert_eq!(itself, (422, json!({ "errors": { "profile": ["cannot be yourself"] } })));
}

#[test]
fn a_comment_belongs_to_its_author_and_its_article() {
    let api = Api::new();
    let (jake, anna) = (api.register("jake"), api.register("anna"));
    let path = format!("/api/articles/{}/comments", api.publish(&jake, "Mine", &[]));
    let other = format!("/api/articles/{}/comments", api.publish(&jake, "Other", &[]));
    let body = json!({ "comment": { "body": "Thanks" } });
    let (status, answer) = api.call(Method::POST, &path, &anna, body);
    assert_eq!((status, &answer["comment"]["author"]["username"]), (201, &json!("anna")));
    let id = &answer["comment"]["id"];
    assert_eq!(api.get(&path, "").1["comments"].as_array().map(Vec::len), Some(1));
    let remove = |path: &str, token: &str| {
        api.call(Method::DELETE, &format!("{path}/{id}"), token, Value::Null).0
    };
    assert_eq!(remove(&path, &jake), 403);
    assert_eq!(remove(&other, &anna), 404);
    assert_eq!(remove(&path, &anna), 204);
}

#[test]
fn a_program_without_a_secret_does_not_start() {
    let error = TestClient::new(app()).check().expect_err("no secret is set");
    let report = format!("{error:?}");
    assert!(report.contains("secret"), "{report}");
}
