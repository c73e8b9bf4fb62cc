
/// An order.
#[derive(Deserialize, Validate, ToSchema)]
pub struct OrderNUMBER {
    #[validate(length(min = 1, max = 50))]
    name: String,
    #[validate(range(min = 1, max = 1000))]
    count: u32,
    #[validate(range(min = 0.0))]
    price: f64,
    #[validate(length(max = 10))]
    tags: Vec<String>,
    #[validate(email)]
    mail: Option<String>,
}

/// Places an order.
#[utoipa::path(
    post,
    path = "/post/NUMBER",
    request_body = OrderNUMBER,
    responses((status = 200, body = Placed))
)]
pub async fn post_NUMBER(Json(order): Json<OrderNUMBER>) -> Result<Json<Placed>, Refused> {
    order.validate()?;
    let number = NUMBER + CHANGED;
    Ok(Json(Placed {
        name: order.name,
        total: order.price * f64::from(order.count),
        tags: order.tags,
        mail: order.mail,
        number,
    }))
}
