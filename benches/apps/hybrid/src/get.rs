
/// Reads an item.
#[get("/get/NUMBER/{id}")]
async fn get_NUMBER(
    #[path(ge = 1)] id: u64,
    #[query(min_length = 2, max_length = 20)] q: Option<String>,
    #[query(ge = 1, le = 100, default = 10)] limit: u32,
    #[header("x-trace", default = "none")] trace: String,
) -> Json<Found> {
    let number = NUMBER + CHANGED;
    Json(Found {
        id,
        q: q.unwrap_or_default(),
        limit,
        trace,
        number,
    })
}
