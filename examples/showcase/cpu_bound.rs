//! CPU-Bound Operations: plain handlers on the pool.

use hybrid::{Routes, prelude::*};

use super::measure::{execution, seconds, timed_call};

pub(crate) fn routes() -> Routes {
    routes![compute_prime, process_large_dataset]
}

#[model(output)]
struct Primes {
    primes: Vec<i64>,
    count: usize,
    execution_time: String,
    handler_type: &'static str,
    execution: &'static str,
}

/// Lists the primes below a number.
#[get("/compute-prime")]
fn compute_prime(
    #[query(
        ge = 2,
        le = 10_000,
        default = 100,
        description = "Number to check for primality"
    )]
    n: i64,
) -> Json<Primes> {
    let (primes, took) = timed_call(|| primes_below(n));
    Json(Primes {
        count: primes.len(),
        primes,
        execution_time: seconds(took),
        handler_type: "sync",
        execution: execution(),
    })
}

/// The primes below `n`, by trial division.
pub(crate) fn primes_below(n: i64) -> Vec<i64> {
    (2..n).filter(|&number| is_prime(number)).collect()
}

fn is_prime(number: i64) -> bool {
    (2..)
        .take_while(|divisor| divisor * divisor <= number)
        .all(|divisor| number % divisor != 0)
}

/// Data item model with validation.
#[model]
struct DataItem {
    /// Item ID.
    #[field(ge = 1)]
    id: i64,
    /// Item value.
    #[field(ge = 0)]
    value: f64,
    /// Item name.
    #[field(max_length = 100)]
    name: Option<String>,
}

/// Request model for data processing.
#[model]
struct ProcessDataRequest {
    /// Data items to process.
    #[field(min_items = 1, max_items = 1000)]
    data: Vec<DataItem>,
    #[field(default = "standard", regex = r"^(standard|advanced|premium)$")]
    processing_type: String,
}

#[model(output)]
struct ProcessedItem {
    id: i64,
    processed_value: f64,
    category: &'static str,
    score: f64,
    name: Option<String>,
}

#[model(output)]
struct ProcessedData {
    processed_items: Vec<ProcessedItem>,
    total: usize,
    processing_type: String,
    handler_type: &'static str,
    validation: &'static str,
}

/// Processes data items. hybrid has checked them before.
#[post("/process-data")]
fn process_large_dataset(Json(request): Json<ProcessDataRequest>) -> Json<ProcessedData> {
    let processed_items: Vec<_> = request
        .data
        .into_iter()
        .map(|item| ProcessedItem {
            id: item.id,
            processed_value: item.value * 1.5,
            category: "processed",
            score: item.value * 2.0,
            name: item.name,
        })
        .collect();
    Json(ProcessedData {
        total: processed_items.len(),
        processed_items,
        processing_type: request.processing_type,
        handler_type: "sync",
        validation: "automatic",
    })
}
