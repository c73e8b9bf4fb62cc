//! Arguments that bear the handler's name, raw names, unused ones, patterns.

use hybrid::prelude::*;

#[get("/orders/{orders}/{type}/{unused}/{_passed}")]
fn orders(orders: u64, r#type: String, _unused: u8, #[query] mut n: u8) -> String {
    n += 1;
    format!("{orders} {} {n}", r#type)
}

#[post("/r")]
async fn r#move(Json(body): Json<u32>, State(db): State<Db>, Query(page): Query<Vec<(String, u32)>>) -> String {
    format!("{body} {} {page:?}", db.0)
}

#[derive(Clone)]
struct Db(u8);

mod admin {
    use hybrid::prelude::*;

    /// In a module of its own.
    #[get("/admin")]
    pub(crate) async fn list() -> &'static str {
        "admin"
    }
}

fn main() {
    // A handler stays a function.
    assert_eq!(orders(1, "a".to_owned(), 2, 3), "1 a 4");
    let _ = App::new().state(Db(1)).routes(routes![orders, r#move, admin::list]);
    let _ = App::new().routes(routes![]);
}
