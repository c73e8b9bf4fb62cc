use hybrid::prelude::*;

#[model(validat = check)]
#[serde(rename_all = "camel")]
struct Order {
    #[field(ge = 5, le = 1)]
    id: u64,
    #[field(regx = "x")]
    name: &'static str,
}

/// Nothing is said about the handler: its model stands, if only as a stub.
#[post("/orders")]
async fn create(order: Json<Order>) -> Json<Order> {
    order
}

fn main() {
    let _ = App::new().routes(routes![create]);
}
