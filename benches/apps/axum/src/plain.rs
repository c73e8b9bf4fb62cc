
#[derive(Deserialize, Validate, IntoParams)]
pub struct PlainQueryNUMBER {
    #[validate(range(min = 1, max = 1000))]
    #[serde(default = "ten_long")]
    n: u64,
}

/// Adds up.
#[utoipa::path(
    get,
    path = "/plain/NUMBER",
    params(PlainQueryNUMBER),
    responses((status = 200, body = String))
)]
pub async fn plain_NUMBER(Query(query): Query<PlainQueryNUMBER>) -> Result<String, Refused> {
    query.validate()?;
    let n = query.n;
    let ended = tokio::task::spawn_blocking(move || {
        let number = NUMBER + CHANGED;
        let sum: u64 = (0..n + number).sum();
        format!("{sum}")
    });
    ended.await.map_err(|_| Refused::failed())
}
