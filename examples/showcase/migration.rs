//! Migration Strategies: from sync to async, and back where sync fits better.

use std::{thread, time::Duration};

use hybrid::{Routes, prelude::*};
use tokio::time::sleep;

use super::{
    io_bound::{Post, User, posts, user},
    measure::timed,
};

pub(crate) fn routes() -> Routes {
    routes![
        user_dashboard_v1,
        user_dashboard_v2,
        calculate_tax_v1,
        calculate_tax_v2
    ]
}

/// The time of one simulated database call.
const QUERY: Duration = Duration::from_millis(100);

#[model(output)]
struct Stats {
    posts: u32,
    followers: u32,
}

#[model(output)]
struct DashboardV1 {
    user: User,
    posts: Vec<Post>,
    stats: Stats,
    version: &'static str,
}

/// Original sync version: three queries, one after another.
#[get("/user-dashboard")]
fn user_dashboard_v1(#[query(ge = 1, description = "User ID")] user_id: i64) -> Json<DashboardV1> {
    fn query<T>(made: T) -> T {
        thread::sleep(QUERY);
        made
    }
    Json(DashboardV1 {
        user: query(user(user_id)),
        posts: query(posts()),
        stats: query(Stats {
            posts: 3,
            followers: 100,
        }),
        version: "v1_sync",
    })
}

#[model(output)]
struct DashboardV2 {
    user: User,
    posts: Vec<Post>,
    stats: Stats,
    version: &'static str,
    performance: String,
}

/// Improved async version: the same three queries, concurrently.
#[get("/user-dashboard-v2")]
async fn user_dashboard_v2(
    #[query(ge = 1, description = "User ID")] user_id: i64,
) -> Json<DashboardV2> {
    async fn query<T>(made: T) -> T {
        sleep(QUERY).await;
        made
    }
    let queries = async {
        tokio::join!(
            timed(query(user(user_id))),
            timed(query(posts())),
            timed(query(Stats {
                posts: 3,
                followers: 100
            })),
        )
    };
    let ((user, posts, stats), total) = timed(queries).await;
    let sequential = user.1 + posts.1 + stats.1;
    let times = sequential.as_secs_f64() / total.as_secs_f64();
    Json(DashboardV2 {
        user: user.0,
        posts: posts.0,
        stats: stats.0,
        version: "v2_async",
        performance: format!("{times:.0}x faster with concurrent I/O"),
    })
}

#[model(output)]
struct TaxV1 {
    tax: f64,
    version: &'static str,
}

/// Forced async version: the handler sends its computation to the pool.
#[post("/calculate-tax")]
async fn calculate_tax_v1(
    #[query(ge = 0, description = "Annual income")] income: f64,
) -> Result<Json<TaxV1>> {
    let tax = hybrid::run_on_pool(move || tax(income)).await?;
    Ok(Json(TaxV1 {
        tax,
        version: "forced_async",
    }))
}

#[model(output)]
struct TaxV2 {
    tax: f64,
    version: &'static str,
    performance: &'static str,
}

/// Optimized sync version: the handler already runs on the pool.
#[post("/calculate-tax-v2")]
fn calculate_tax_v2(#[query(ge = 0, description = "Annual income")] income: f64) -> Json<TaxV2> {
    Json(TaxV2 {
        tax: tax(income),
        version: "optimized_sync",
        performance: "Simpler and just as fast",
    })
}

fn tax(income: f64) -> f64 {
    let rate = if income > 50_000.0 { 0.25 } else { 0.15 };
    income * rate
}
