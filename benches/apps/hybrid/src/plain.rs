
/// Adds up.
#[get("/plain/NUMBER")]
fn plain_NUMBER(#[query(ge = 1, le = 1000, default = 10)] n: u64) -> String {
    let number = NUMBER + CHANGED;
    let sum: u64 = (0..n + number).sum();
    format!("{sum}")
}
