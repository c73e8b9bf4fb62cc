//! Guards made by functions, plain and async, with and without an error.

use hybrid::prelude::*;

struct User(String);

/// Who asks.
#[extractor]
async fn user(#[header] authorization: Option<String>, State(db): State<Db>) -> Result<User, Problem> {
    authorization.filter(|_| db.0).map(User).ok_or_else(|| Problem::unauthorized("who are you?"))
}

struct Page(u32);

#[extractor]
fn page(#[query(ge = 1, default = 1)] page: u32) -> Page {
    Page(page)
}

struct Tenant(String);

#[extractor]
async fn tenant(#[path] tenant: String) -> Tenant {
    Tenant(tenant)
}

#[derive(Clone)]
struct Db(bool);

#[get("/{_tenant}/me")]
async fn me(user: User, page: Page, tenant: Tenant, nobody: Option<User>) -> String {
    format!("{} {} {} {}", user.0, page.0, tenant.0, nobody.is_none())
}

fn main() {
    let _ = App::new().state(Db(true)).routes(routes![me]);
}
