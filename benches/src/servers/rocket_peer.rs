//! Rocket: its own rules for the query, the validator crate for the body, and `spawn_blocking`
//! for blocking work. It opens its socket itself and reports the address.

use std::net::{Ipv4Addr, SocketAddr};

use rocket::{
    Config, FromForm, Request, fairing::AdHoc, form, get, http::Status, outcome::Outcome, post,
    request::FromRequest, routes, serde::json::Json, tokio::task,
};

use super::{
    HELLO, Item, Message, Processed, TRIVIAL, announce,
    checked::{self, ProcessData},
};

pub(super) async fn serve(loops: usize) -> Result<(), rocket::Error> {
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        port: 0,
        workers: loops,
        log_level: rocket::config::LogLevel::Off,
        ..Config::release_default()
    };
    let said = AdHoc::on_liftoff("said", |rocket| {
        Box::pin(async {
            let config = rocket.config();
            announce(SocketAddr::new(config.address, config.port));
        })
    });
    let rocket = rocket::custom(config)
        .attach(said)
        .mount("/", routes![json, items, process, trivial, plain]);
    rocket.launch().await.map(drop)
}

#[get("/json")]
async fn json() -> Json<Message> {
    Json(HELLO)
}

#[derive(FromForm)]
struct ItemQuery {
    #[field(validate = len(1..=50))]
    q: String,
    #[field(validate = range(1..=100), default = 20)]
    limit: u32,
}

struct RequestId<'r>(&'r str);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RequestId<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> rocket::request::Outcome<Self, Self::Error> {
        let id = request.headers().get_one("x-request-id");
        Outcome::Success(Self(id.unwrap_or("unknown")))
    }
}

#[get("/items/<id>?<query..>")]
async fn items(
    id: u64,
    query: form::Result<'_, ItemQuery>,
    request_id: RequestId<'_>,
) -> Result<Json<Item>, (Status, String)> {
    let query = query.map_err(|errors| refused(errors.to_string()))?;
    if id < 1 {
        return Err(refused("id must be at least 1".to_owned()));
    }
    Ok(Json(Item {
        id,
        q: query.q,
        limit: query.limit,
        request_id: request_id.0.to_owned(),
    }))
}

#[post("/process", data = "<body>")]
async fn process(body: Json<ProcessData>) -> Result<Json<Processed>, (Status, String)> {
    checked::processed(body.into_inner())
        .map(Json)
        .map_err(refused)
}

fn refused(text: String) -> (Status, String) {
    (Status::UnprocessableEntity, text)
}

#[get("/async")]
async fn trivial() -> &'static str {
    TRIVIAL
}

#[get("/plain")]
async fn plain() -> Result<&'static str, Status> {
    let ended = task::spawn_blocking(|| TRIVIAL).await;
    ended.map_err(|_| Status::InternalServerError)
}
