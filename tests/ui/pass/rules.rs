//! Every rule on what it fits, edges of the types included.

use hybrid::prelude::*;

const NAME_MAX: usize = 40;

fn even(n: &u64) -> Result<(), String> {
    if n % 2 == 0 { Ok(()) } else { Err("must be even".to_owned()) }
}

fn first() -> u64 {
    2
}

#[get("/numbers")]
fn numbers(
    #[query(ge = -170141183460469231731687303715884105728)] lowest: i128,
    #[query(le = 340282366920938463463374607431768211455)] highest: u128,
    #[query(gt = 0, lt = 1.5, multiple_of = 0.5, default = 1)] float: f64,
    #[query(ge = 0xff, le = 1_000)] hex: u32,
    #[query(one_of = [1, 2, -3])] listed: Option<i8>,
    #[query(custom = even, default_with = first)] custom: u64,
    #[query(ge = 1)] each: Vec<u8>,
) -> String {
    format!("{lowest}{highest}{float}{hex}{listed:?}{custom}{each:?}")
}

#[get("/texts")]
async fn texts(
    #[query(min_length = 1, max_length = NAME_MAX, regex = r"^\w+$", default = "x")] name: String,
    #[query(format = "date-time", example = "2026-01-01T00:00:00Z", deprecated)] at: Option<String>,
    #[query(default = true)] flag: bool,
    #[query(default = 'x')] letter: char,
    #[query(default = "y", description = "Both are said")] both: Option<String>,
    #[query(default = ["a", "b"], max_items = 2)] list: Vec<String>,
    #[query(default = [1], le = i16::MAX)] numbers: Option<std::collections::BTreeSet<i32>>,
) -> String {
    format!("{name}{at:?}{flag}{letter}{both:?}{list:?}{numbers:?}")
}

fn main() {
    let _ = App::new().routes(routes![numbers, texts]);
}
