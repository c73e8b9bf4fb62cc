
/// Reads the shared state.
#[get("/state/NUMBER/{key}")]
async fn state_NUMBER(State(shared): State<Shared>, Path(key): Path<String>) -> Json<Found> {
    let number = NUMBER + CHANGED;
    Json(Found {
        id: shared.names.len() as u64,
        q: key,
        limit: 10,
        trace: shared.label,
        number,
    })
}
