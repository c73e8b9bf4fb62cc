
/// An order.
#[model(input)]
pub struct OrderNUMBER {
    #[field(min_length = 1, max_length = 50)]
    name: String,
    #[field(ge = 1, le = 1000)]
    count: u32,
    #[field(ge = 0.0)]
    price: f64,
    #[field(max_items = 10)]
    tags: Vec<String>,
    #[field(format = "email")]
    mail: Option<String>,
}

/// Places an order.
#[post("/post/NUMBER")]
async fn post_NUMBER(Json(order): Json<OrderNUMBER>) -> Json<Placed> {
    let number = NUMBER + CHANGED;
    Json(Placed {
        name: order.name,
        total: order.price * f64::from(order.count),
        tags: order.tags,
        mail: order.mail,
        number,
    })
}
