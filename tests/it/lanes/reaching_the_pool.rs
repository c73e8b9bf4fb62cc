//! Guards, bodies and middleware that send closures to the pool, and limits that no clock
//! reaches.

use std::time::Duration;

use hybrid::prelude::*;

async fn computed() -> Result<u32> {
    Ok(hybrid::run_on_pool(|| 6 * 7).await?)
}

struct Computed(u32);

impl FromRequestParts for Computed {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts) -> Result<Self> {
        computed().await.map(Self)
    }
}

#[get("/guard")]
async fn guard(Computed(value): Computed) -> String {
    value.to_string()
}

struct Body(u32);

impl FromRequest for Body {
    type Rejection = Problem;

    async fn from_request(_: Request) -> Result<Self> {
        computed().await.map(Self)
    }
}

#[post("/body")]
fn body(Body(value): Body) -> String {
    value.to_string()
}

async fn computing(request: Request, next: Next) -> Result<Response> {
    let value = computed().await?;
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-computed", value.into());
    Ok(response)
}

#[test]
fn guards_bodies_and_middleware_may_use_the_pool() {
    let app = App::new()
        .middleware(computing)
        .routes(routes![guard, body]);
    let client = TestClient::new(app);
    let response = client.get("/guard").send();
    assert_eq!(
        (response.text(), response.header("x-computed")),
        ("42", Some("42"))
    );
    assert_eq!(client.post("/body").body("x").send().text(), "42");
}

#[get("/forever")]
async fn forever() -> &'static str {
    "answered"
}

#[test]
fn a_limit_beyond_the_clock_is_none() {
    let app = App::new().group("/g", |group| {
        let group = group.timeout(Duration::MAX).max_concurrency(usize::MAX);
        group.routes(routes![forever])
    });
    assert_eq!(
        TestClient::new(app).get("/g/forever").send().text(),
        "answered"
    );
}
