//! Which handler a request reaches, and with which values.

use hybrid::{TrailingSlash, prelude::*};

use crate::harness::Server;

macro_rules! named {
    ($($method:ident $name:ident $path:literal;)*) => {
        $(
            #[$method($path)]
            async fn $name() -> &'static str {
                stringify!($name)
            }
        )*
    };
}

named! {
    get root "/";
    get mine "/users/me";
    get mine_too "/users/me/posts";
    get empty "/empty/";
    put put_user "/users/me";
    head only_head "/heads";
    get beside_head "/heads";
    options own_options "/own-options";
    patch patched "/patched";
    delete deleted "/patched";
    get accented "/zürich";
    get spaced "/a%20b";
}

#[get("/users/{id}")]
async fn user(id: String) -> String {
    format!("user {id}")
}

#[get("/users/{id}/posts/{post}")]
fn post_of_user(post: u8, id: String) -> String {
    format!("post {post} of {id}")
}

#[get("/files/{*rest}")]
async fn file(rest: String) -> String {
    format!("file {rest}")
}

#[get("/files/index")]
async fn index() -> &'static str {
    "index"
}

#[route("/several", methods = [GET, POST, DELETE])]
async fn several(method: Method) -> String {
    method.to_string()
}

#[get("/{any}")]
async fn any(any: String) -> String {
    format!("any {any}")
}

fn app() -> App {
    App::new().routes(routes![
        root,
        mine,
        mine_too,
        empty,
        put_user,
        only_head,
        beside_head,
        own_options,
        patched,
        deleted,
        accented,
        spaced,
        user,
        post_of_user,
        file,
        index,
        several,
        any
    ])
}

#[test]
fn static_segments_beat_dynamic_ones() {
    let client = TestClient::new(app());
    let check = |path: &str, expected: &str| {
        let answer = client.get(path).send();
        assert_eq!(
            (answer.status().as_u16(), answer.text()),
            (200, expected),
            "{path}"
        );
    };
    check("/", "root");
    check("/users/me", "mine");
    check("/users/mee", "user mee");
    check("/users/me/posts", "mine_too");
    check("/users/me/posts/7", "post 7 of me");
    check("/users/you/posts/7", "post 7 of you");
    check("/files/index", "index");
    check("/files/index/more", "file index/more");
    check("/files/indexes", "file indexes");
    check("/files/a//b/", "file a//b/");
    check("/users", "any users");
    check("/empty/", "empty");
    let nothing = |path: &str| assert_eq!(client.get(path).send().status(), 404, "{path}");
    nothing("/users/you/posts");
    nothing("/users/me/");
    nothing("/users/me/posts/7/");
    nothing("/a/b/c");
    nothing("//");
}

#[test]
fn values_are_decoded_once_and_stay_in_their_segment() {
    let server = Server::start(app());
    let check = |path: &str, status: u16, expected: &str| {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.text()), (status, expected), "{path}");
    };
    check("/users/a%20b%C3%BC", 200, "user a bü");
    check("/users/a%2Fb", 200, "user a/b");
    check("/users/a%2fb/posts/1", 200, "post 1 of a/b");
    check("/users/a%252Fb", 200, "user a%2Fb");
    check("/users/a+b", 200, "user a+b");
    check("/users/100%25", 200, "user 100%");
    check("/users/%6D%65", 200, "mine");
    check("/users%2Fme", 200, "any users/me");
    check("/files/a%2Fb/c", 200, "file a/b/c");
    check("/z%C3%BCrich", 200, "accented");
    check("/a%20b", 200, "spaced");
    for malformed in [
        "/users/%zz",
        "/users/%",
        "/users/%4",
        "/users/%ff",
        "/users/%00",
    ] {
        assert_eq!(server.get(malformed).status, 400, "{malformed}");
    }
}

#[test]
fn methods_have_their_own_handlers_and_405_names_them() {
    let client = TestClient::new(app());
    let check = |method: &str, path: &str, expected: Result<&str, &str>| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = client.request(method.clone(), path).send();
        let found = match answer.status().as_u16() {
            405 => Err(answer.header("allow").unwrap()),
            status => {
                assert_eq!(status, 200, "{method} {path}");
                Ok(answer.text())
            }
        };
        assert_eq!(found, expected, "{method} {path}");
    };
    check("PUT", "/users/me", Ok("put_user"));
    check("POST", "/users/me", Err("GET, PUT, HEAD"));
    check("DELETE", "/patched", Ok("deleted"));
    check("GET", "/patched", Err("PATCH, DELETE"));
    check("HEAD", "/patched", Err("PATCH, DELETE"));
    check("POST", "/several", Ok("POST"));
    check("DELETE", "/several", Ok("DELETE"));
    check("PUT", "/several", Err("GET, POST, DELETE, HEAD"));
    check("OPTIONS", "/own-options", Ok("own_options"));
    check("OPTIONS", "/several", Err("GET, POST, DELETE, HEAD"));
    check("PROPFIND", "/several", Err("GET, POST, DELETE, HEAD"));
    check("HEAD", "/users/me", Ok(""));
    check("HEAD", "/heads", Ok(""));
}

#[test]
fn head_is_answered_from_get_unless_it_has_its_own() {
    let client = TestClient::new(app());
    let answer = client.head("/users/me").send();
    assert_eq!(
        (answer.header("content-length"), answer.text()),
        (Some("4"), "")
    );
    // Its own handler's text is as long as its name, and is not sent either.
    assert_eq!(
        client.head("/heads").send().header("content-length"),
        Some("9")
    );
    assert_eq!(client.get("/heads").send().text(), "beside_head");
}

#[test]
fn a_trailing_slash_is_another_path_or_a_redirect() {
    let strict = TestClient::new(app());
    let redirect = TestClient::new(app().trailing_slash(TrailingSlash::Redirect));
    let check = |path: &str, expected: Option<&str>| {
        assert_eq!(strict.get(path).send().status(), 404, "{path}");
        let answer = redirect.get(path).send();
        let status = if expected.is_some() { 308 } else { 404 };
        assert_eq!(
            (answer.status().as_u16(), answer.header("location")),
            (status, expected)
        );
    };
    check("/users/me/", Some("/users/me"));
    check("/users/me/?a=1&b", Some("/users/me?a=1&b"));
    check("/users/you/", Some("/users/you"));
    check("/users/a%20b/", Some("/users/a%20b"));
    check("/z%C3%BCrich/", Some("/z%C3%BCrich"));
    check("/no/such/thing/", None);
    // `//evil.example` would be another host.
    check("//evil.example/", None);
    check("//evil.example", None);
    let answer = redirect.post("/several/").send();
    assert_eq!(
        (answer.status().as_u16(), answer.header("location")),
        (308, Some("/several"))
    );
    let added = TestClient::new(
        App::new()
            .routes(routes![empty])
            .trailing_slash(TrailingSlash::Redirect),
    );
    assert_eq!(
        added.get("/empty").send().header("location"),
        Some("/empty/")
    );
}

#[test]
fn a_fallback_answers_what_no_route_takes() {
    let app = App::new()
        .routes(routes![mine])
        .fallback(|request: Request| async move {
            (StatusCode::IM_A_TEAPOT, request.uri().path().to_owned())
        });
    let client = TestClient::new(app);
    let answer = client.get("/no/where").send();
    assert_eq!(
        (answer.status().as_u16(), answer.text()),
        (418, "/no/where")
    );
    assert_eq!(client.get("/users/me").send().text(), "mine");
    // The path is known: that is no matter of the fallback.
    assert_eq!(client.post("/users/me").send().status(), 405);
}

// === Groups ===

#[get("/")]
async fn tenant(#[path] tenant: String) -> String {
    format!("tenant {tenant}")
}

#[get("/users/{id}")]
fn user_of_tenant(id: u64, #[path(max_length = 5)] tenant: String) -> String {
    format!("user {id} of {tenant}")
}

#[post("/small")]
async fn small(#[body] text: String) -> String {
    text
}

#[post("/small-by-route", body_limit = 8)]
async fn small_by_route(#[body] text: String) -> String {
    text
}

#[test]
fn groups_nest_and_their_prefixes_hold_parameters() {
    let api = |group: Group| {
        group
            .tags(["tenants"])
            .body_limit(4)
            .routes(routes![tenant, user_of_tenant, small, small_by_route])
            .group("/deep", |group| {
                group.body_limit(2).routes(routes![small, mine])
            })
    };
    let client = TestClient::new(App::new().group("/v1", |v1| v1.group("/tenants/{tenant}", api)));
    let check = |path: &str, status: u16, expected: &str| {
        let answer = client.get(path).send();
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.text().contains(expected), "{}", answer.text());
    };
    check("/v1/tenants/acme", 200, "tenant acme");
    check("/v1/tenants/acme/", 404, "not_found");
    check("/v1/tenants/acme/users/7", 200, "user 7 of acme");
    check("/v1/tenants/a%2Fb/users/7", 200, "user 7 of a/b");
    check(
        "/v1/tenants/too-long/users/x",
        422,
        r#"[{"loc":["path","id"],"code":"type""#,
    );
    check(
        "/v1/tenants/too-long/users/x",
        422,
        r#"{"loc":["path","tenant"],"code":"max_length""#,
    );
    check("/v1/tenants/acme/deep/users/me", 200, "mine");
    let post = |path: &str, length: usize| {
        client
            .post(format!("/v1/tenants/acme{path}"))
            .body("x".repeat(length))
            .send()
            .status()
    };
    assert_eq!(
        (post("/small", 4), post("/small", 5)),
        (StatusCode::OK, StatusCode::PAYLOAD_TOO_LARGE)
    );
    assert_eq!(post("/small-by-route", 8), StatusCode::OK);
    assert_eq!(post("/deep/small", 3), StatusCode::PAYLOAD_TOO_LARGE);
}

fn named(name: &'static str) -> impl Fn(Request, Next) -> Answer + Send + Sync + 'static {
    move |request, next| {
        Box::pin(async move {
            let mut response = next.run(request).await;
            response
                .headers_mut()
                .insert("x-group", HeaderValue::from_static(name));
            response
        })
    }
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

#[test]
fn the_longest_prefix_covers_what_is_not_found() {
    let app = App::new()
        .group("/api", |group| group.middleware(named("api")))
        .group("/api/{tenant}", |group| group.middleware(named("tenant")))
        .group("/api/fixed", |group| group.middleware(named("fixed")));
    let client = TestClient::new(app);
    let check = |path: &str, expected: Option<&str>| {
        let response = client.get(path).send();
        assert_eq!(
            (response.status().as_u16(), response.header("x-group")),
            (404, expected),
            "{path}"
        );
    };
    check("/api", Some("api"));
    check("/api/", Some("api"));
    check("/api/acme/x", Some("tenant"));
    check("/api/fixed/x", Some("fixed"));
    check("/apis", None);
}
