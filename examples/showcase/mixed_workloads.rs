//! Mixed Workloads: choose the signature by the main part of the work.

use std::time::Duration;

use hybrid::{Routes, prelude::*};
use serde_json::{Map, Number, Value, json};
use tokio::time::sleep;

pub(crate) fn routes() -> Routes {
    routes![analyze_user, process_report]
}

// === Mostly I/O: async ===

struct Action {
    #[expect(dead_code, reason = "the analysis counts, a real one would look")]
    action: String,
}

#[model(output)]
struct Analysis {
    pattern: &'static str,
    score: usize,
}

#[model(output)]
struct AnalyzedUser {
    user_id: i64,
    analysis: Analysis,
    recommendations: [&'static str; 2],
    handler_type: &'static str,
}

/// Analyses the activity of a user.
#[get("/analyze-user")]
async fn analyze_user(
    #[query(ge = 1, description = "User ID to analyze")] user_id: i64,
) -> Json<AnalyzedUser> {
    let user_id = fetch_user(user_id).await;
    let activity = fetch_activity(user_id).await;
    Json(AnalyzedUser {
        user_id,
        analysis: analyze(&activity),
        recommendations: ["recommendation_1", "recommendation_2"],
        handler_type: "async",
    })
}

async fn fetch_user(id: i64) -> i64 {
    sleep(Duration::from_millis(100)).await;
    id
}

async fn fetch_activity(_user_id: i64) -> Vec<Action> {
    sleep(Duration::from_millis(150)).await;
    (1..=5)
        .map(|number| Action {
            action: format!("action_{number}"),
        })
        .collect()
}

fn analyze(activity: &[Action]) -> Analysis {
    let pattern = if activity.len() >= 5 {
        "active_user"
    } else {
        "quiet_user"
    };
    Analysis {
        pattern,
        score: (activity.len() * 17).min(100),
    }
}

// === Mostly computing: a plain fn ===

/// Report data model with validation.
#[model]
struct ReportData {
    /// Report title.
    #[field(min_length = 1, max_length = 200)]
    title: String,
    /// Data points.
    #[field(min_items = 1, max_items = 10_000)]
    data_points: Vec<Map<String, Value>>,
    /// Report type.
    #[field(regex = r"^(daily|weekly|monthly|yearly)$")]
    report_type: String,
    /// Optional filters.
    filters: Option<Map<String, Value>>,
}

#[model(output)]
struct Statistics {
    total: Number,
    average: f64,
    count: usize,
}

#[model(output)]
struct Report {
    statistics: Statistics,
    processed_items: usize,
    report_title: String,
    report_type: String,
    saved_to: String,
    handler_type: &'static str,
    validation: &'static str,
}

/// Makes a report from data points.
#[post("/process-report")]
fn process_report(Json(data): Json<ReportData>) -> Result<Json<Report>> {
    let values = data
        .data_points
        .iter()
        .map(doubled)
        .collect::<Result<Vec<_>>>()?;
    let statistics = statistics(&values);
    let saved_to = save(&json!({
        "title": data.title,
        "type": data.report_type,
        "filters": data.filters,
        "data": values,
        "stats": statistics,
    }));
    Ok(Json(Report {
        statistics,
        processed_items: values.len(),
        report_title: data.title,
        report_type: data.report_type,
        saved_to,
        handler_type: "sync",
        validation: "automatic",
    }))
}

/// Twice the `value` of a data point; a missing `value` counts as 0.
pub(crate) fn doubled(point: &Map<String, Value>) -> Result<Number> {
    let refused = || Problem::unprocessable("the `value` of a data point is no number");
    match point.get("value") {
        None => Ok(Number::from(0)),
        Some(Value::Number(value)) => double(value).ok_or_else(refused),
        Some(_) => Err(refused()),
    }
}

/// An integer stays an integer while it fits.
fn double(value: &Number) -> Option<Number> {
    let integer = value.as_i64().and_then(|value| value.checked_mul(2));
    integer
        .map(Number::from)
        .or_else(|| Number::from_f64(value.as_f64()? * 2.0))
}

fn statistics(values: &[Number]) -> Statistics {
    let integers = values
        .iter()
        .try_fold(0_i64, |sum, value| sum.checked_add(value.as_i64()?));
    let sum = values.iter().filter_map(Number::as_f64).sum::<f64>();
    let total = integers.map(Number::from).or_else(|| Number::from_f64(sum));
    Statistics {
        total: total.unwrap_or_else(|| Number::from(0)),
        average: sum / values.len() as f64,
        count: values.len(),
    }
}

/// Stands for writing the report; returns the name of the file.
fn save(report: &Value) -> String {
    let _written = report.to_string();
    format!(
        "report_{}.json",
        report["type"].as_str().unwrap_or("unknown")
    )
}
