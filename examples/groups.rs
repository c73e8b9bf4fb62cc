//! Nested groups, a parameter in a prefix, and settings of a group for all its routes.
//!
//! Run with: cargo run --example groups
//! Try: curl 'http://127.0.0.1:8000/api/tenants/acme/projects?page=2&search=a'
//!      curl http://127.0.0.1:8000/api/tenants/acme/projects/7
//!      curl -X POST http://127.0.0.1:8000/api/tenants/ACME/projects --json '{"name":""}'

use std::time::Duration;

use hybrid::prelude::*;

/// The page of a list.
#[model(input)]
struct Page {
    #[field(ge = 1, default = 1)]
    page: u32,
    #[field(ge = 1, le = 100, default = 20)]
    size: u32,
}

#[model(input)]
struct Project {
    #[field(min_length = 1)]
    name: String,
}

#[get("/")]
async fn list(
    #[path(regex = "^[a-z]+$")] tenant: String,
    Query(Page { page, size }): Query<Page>,
    #[query(min_length = 1)] search: Option<String>,
) -> String {
    format!("page {page} of {size} projects of {tenant} with {search:?}")
}

#[get("/{id}")]
async fn read(#[path] tenant: String, id: u64) -> String {
    format!("project {id} of {tenant}")
}

#[post("/", status = 201)]
fn create(#[path(regex = "^[a-z]+$")] tenant: String, Json(project): Json<Project>) -> String {
    format!("{} of {tenant}", project.name)
}

#[get("/health")]
async fn health() -> &'static str {
    "fine"
}

fn projects(group: Group) -> Group {
    group
        .tags(["projects"])
        .body_limit(1024)
        .routes(routes![list, read, create])
}

fn api(group: Group) -> Group {
    group
        .timeout(Duration::from_secs(2))
        .routes(routes![health])
        .group("/tenants/{tenant}", |tenant| {
            tenant.group("/projects", projects)
        })
}

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new().group("/api", api)
}

fn main() -> hybrid::Result<()> {
    app().run()
}
