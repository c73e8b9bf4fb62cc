//! Best Practices: measure, and wait for several things concurrently.

use std::{thread, time::Duration};

use hybrid::{Routes, prelude::*};
use tokio::time::sleep;

use super::measure::timed_call;

pub(crate) fn routes() -> Routes {
    routes![profile, good_pattern, bad_pattern]
}

const WORK: Duration = Duration::from_millis(100);

#[model(output)]
struct Profile {
    execution_time: String,
}

/// Returns how long its work took.
#[get("/profile")]
fn profile() -> Json<Profile> {
    let ((), took) = timed_call(|| thread::sleep(WORK));
    Json(Profile {
        execution_time: format!("{:.2}ms", took.as_secs_f64() * 1000.0),
    })
}

#[model(output)]
struct Data {
    data: String,
}

#[model(output)]
struct Combined {
    combined: [Data; 3],
}

/// Calls three services concurrently.
#[get("/good-pattern")]
async fn good_pattern() -> Json<Combined> {
    let (first, second, third) = tokio::join!(fetch(1), fetch(2), fetch(3));
    Json(Combined {
        combined: [first, second, third],
    })
}

/// Calls three services, one after another.
#[get("/bad-pattern")]
async fn bad_pattern() -> Json<Combined> {
    let first = fetch(1).await;
    let second = fetch(2).await;
    let third = fetch(3).await;
    Json(Combined {
        combined: [first, second, third],
    })
}

async fn fetch(service: u8) -> Data {
    sleep(WORK).await;
    Data {
        data: format!("from_service_{service}"),
    }
}
