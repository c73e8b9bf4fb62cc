//! hybrid with the four workloads: JSON from another service, a database, a template, an image.
//! Handlers that await are `async fn`, handlers that compute are plain `fn`.

use std::{env, io::Cursor, net::SocketAddr};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use http_body_util::{BodyExt as _, Empty};
use hybrid::prelude::*;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use image::{DynamicImage, ImageFormat, RgbImage, imageops::FilterType};
use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};
use tokio_postgres::NoTls;

use super::{HELLO, Message};

/// The folder of PostgreSQL's socket. Without it, the routes that need it do not exist.
pub const DATABASE: &str = "BENCH_DATABASE";
/// The address of the other service.
pub const DOWNSTREAM: &str = "BENCH_DOWNSTREAM";

/// Connections to the database: one for each client of the load.
const DATABASE_CONNECTIONS: usize = 64;

pub(super) async fn serve(listener: tokio::net::TcpListener) -> hybrid::Result<()> {
    let mut app = App::new()
        .state(Photo::new())
        .routes(routes![light, thumbnail]);
    if let Some(addr) = env::var(DOWNSTREAM).ok().and_then(|addr| addr.parse().ok()) {
        app = app.state(Service::new(addr)).routes(routes![profile]);
    }
    if let Ok(socket) = env::var(DATABASE) {
        let site = Site::new().map_err(hybrid::BoxError::from);
        app = app
            .state_with(move || connect(&socket))
            .state_with(move || site)
            .routes(routes![people, page]);
    }
    app.serve(listener).await
}

#[get("/light")]
async fn light() -> Json<Message> {
    Json(HELLO)
}

// === JSON from another service ===

type HttpClient = Client<HttpConnector, Empty<Bytes>>;

#[derive(Clone)]
struct Service {
    client: HttpClient,
    addr: SocketAddr,
}

impl Service {
    fn new(addr: SocketAddr) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            addr,
        }
    }
}

#[model]
struct Profile {
    id: u64,
    name: String,
    tags: Vec<String>,
    score: f64,
}

#[get("/profile")]
async fn profile(State(service): State<Service>) -> Result<Json<Profile>> {
    let uri = format!("http://{}/profile", service.addr).parse()?;
    let answer = service.client.get(uri).await?;
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(Json(serde_json::from_slice(&body)?))
}

// === A database ===

const QUERY: &str = "WITH pause AS MATERIALIZED (SELECT pg_sleep(0.01)) \
    SELECT number, 'person ' || number FROM pause, generate_series(1, 20) AS number";

#[model(output)]
struct Person {
    id: i32,
    name: String,
}

fn connect(socket: &str) -> Result<Pool, deadpool_postgres::BuildError> {
    let mut config = tokio_postgres::Config::new();
    config.host(socket).user("bench").dbname("postgres");
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = Manager::from_config(config, NoTls, recycling);
    Pool::builder(manager)
        .max_size(DATABASE_CONNECTIONS)
        .build()
}

async fn query(pool: &Pool) -> Result<Vec<Person>> {
    let client = pool.get().await?;
    let statement = client.prepare_cached(QUERY).await?;
    let rows = client.query(&statement, &[]).await?;
    let people = rows.iter().map(|row| {
        Ok(Person {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
        })
    });
    people.collect()
}

#[get("/people")]
async fn people(State(pool): State<Pool>) -> Result<Json<Vec<Person>>> {
    Ok(Json(query(&pool).await?))
}

// === A template with data from it ===

const PAGE: &str = "<!doctype html><title>{{ title }}</title><h1>{{ title }}</h1>\n<ul>\n\
    {% for person in people %}<li class=\"{{ loop.cycle('odd', 'even') }}\">\
    <a href=\"/people/{{ person.id }}\">{{ person.name }}</a></li>\n{% endfor %}</ul>\n";

#[derive(Clone)]
struct Site(&'static Environment<'static>);

impl Site {
    /// Made once and leaked, because it lives as long as the program.
    fn new() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.add_template("page.html", PAGE)?;
        Ok(Self(Box::leak(Box::new(environment))))
    }
}

#[derive(Serialize, Deserialize)]
struct Shown {
    id: i32,
    name: String,
}

#[get("/page")]
fn page(State(pool): State<Pool>, State(site): State<Site>) -> Result<Html<String>> {
    let people = hybrid::block_on(query(&pool))?;
    let people: Vec<_> = people
        .into_iter()
        .map(|Person { id, name }| Shown { id, name })
        .collect();
    let page = site.0.get_template("page.html")?;
    Ok(Html(page.render(context! { title => "People", people })?))
}

// === An image ===

/// A generated image that stands for a photograph.
#[derive(Clone)]
struct Photo(Bytes);

impl Photo {
    fn new() -> Self {
        let pixels = RgbImage::from_fn(800, 600, |x, y| {
            let grain = (x * 7919 + y * 104_729) % 23;
            let shade = |a: u32, b: u32| ((x * a + y * b) / 8 + grain) as u8;
            image::Rgb([shade(2, 1), shade(1, 3), shade(3, 2)])
        });
        let mut jpeg = Cursor::new(Vec::new());
        DynamicImage::from(pixels)
            .write_to(&mut jpeg, ImageFormat::Jpeg)
            .expect("a picture in memory can be encoded into memory");
        Self(jpeg.into_inner().into())
    }
}

#[get("/thumbnail")]
fn thumbnail(State(photo): State<Photo>) -> Result<Vec<u8>> {
    let photo = image::load_from_memory_with_format(&photo.0, ImageFormat::Jpeg)?;
    let small = photo.resize(160, 120, FilterType::Triangle);
    let mut jpeg = Cursor::new(Vec::new());
    small.write_to(&mut jpeg, ImageFormat::Jpeg)?;
    Ok(jpeg.into_inner())
}
