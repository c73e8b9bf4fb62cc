
#[derive(Deserialize, Validate, IntoParams)]
pub struct GetPathNUMBER {
    #[validate(range(min = 1))]
    id: u64,
}

#[derive(Deserialize, Validate, IntoParams)]
pub struct GetQueryNUMBER {
    #[validate(length(min = 2, max = 20))]
    q: Option<String>,
    #[validate(range(min = 1, max = 100))]
    #[serde(default = "ten")]
    limit: u32,
}

/// Reads an item.
#[utoipa::path(
    get,
    path = "/get/NUMBER/{id}",
    params(GetPathNUMBER, GetQueryNUMBER, ("x-trace" = Option<String>, Header)),
    responses((status = 200, body = Found))
)]
pub async fn get_NUMBER(
    Path(path): Path<GetPathNUMBER>,
    Query(query): Query<GetQueryNUMBER>,
    headers: HeaderMap,
) -> Result<Json<Found>, Refused> {
    path.validate()?;
    query.validate()?;
    let trace = match headers.get("x-trace") {
        Some(value) => value.to_str().map_err(|_| Refused::header("x-trace"))?,
        None => "none",
    };
    let number = NUMBER + CHANGED;
    Ok(Json(Found {
        id: path.id,
        q: query.q.unwrap_or_default(),
        limit: query.limit,
        trace: trace.to_owned(),
        number,
    }))
}
