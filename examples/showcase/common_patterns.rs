//! Common Patterns: a gateway, and a pipeline of async and sync steps.

use std::{env, error::Error, iter, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Empty, Limited};
use hybrid::{BoxError, Routes, prelude::*, run_on_pool};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Map, Number, Value};
use tokio::time::{sleep, timeout};

use super::mixed_workloads::doubled;

pub(crate) fn routes() -> Routes {
    routes![api_gateway, process_pipeline]
}

/// Calls the services behind the gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    client: Client<HttpConnector, Empty<Bytes>>,
    template: Arc<str>,
}

/// The longest time that a service may take, and the largest response that it may send.
const TIME_MAX: Duration = Duration::from_secs(5);
const BYTES_MAX: usize = 1 << 20;

impl Gateway {
    /// A gateway with the address in `GATEWAY_TEMPLATE`, or `http://{service}.internal`.
    pub fn from_env() -> Result<Self, String> {
        let template = env::var("GATEWAY_TEMPLATE");
        Self::new(template.as_deref().unwrap_or("http://{service}.internal"))
    }

    /// A gateway that puts the name of the service into `template`.
    pub fn new(template: &str) -> Result<Self, String> {
        if !(template.starts_with("http://") && template.contains("{service}")) {
            return Err(format!(
                "`{template}` must be `http://` and hold `{{service}}`"
            ));
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self {
            client,
            template: template.into(),
        })
    }

    async fn fetch(&self, service: &str) -> Result<Value, BoxError> {
        let target: Uri = self.template.replace("{service}", service).parse()?;
        let answer = self.client.get(target).await?;
        let body = Limited::new(answer.into_body(), BYTES_MAX)
            .collect()
            .await?;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    }
}

#[model(output)]
struct Failure {
    error: String,
}

/// Calls a service and returns its JSON.
///
/// The client chooses only the name of the service: the rule accepts no dot, colon or slash,
/// and the gateway follows no redirects. Every failure is a 500 with its reason. A real
/// gateway would respond with 502 and put the reason only into its log.
#[get("/api-gateway/{service}")]
async fn api_gateway(
    #[path(regex = "^[a-z0-9-]+$", max_length = 63)] service: String,
    State(gateway): State<Gateway>,
) -> Result<Json<Value>, (StatusCode, Json<Failure>)> {
    let failed = |error: BoxError| {
        let error = with_causes(&*error);
        (StatusCode::INTERNAL_SERVER_ERROR, Json(Failure { error }))
    };
    let answer = timeout(TIME_MAX, gateway.fetch(&service)).await;
    answer
        .map_err(|elapsed| failed(elapsed.into()))?
        .map(Json)
        .map_err(failed)
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

type Item = Map<String, Value>;

#[model(output)]
struct Processed {
    processed: bool,
    value: Number,
}

#[model(output)]
struct Saved {
    saved: usize,
}

#[model(output)]
struct Pipeline {
    processed: usize,
    save_result: Saved,
}

/// Fetches, computes and saves: each step runs on the lane that fits it.
#[post("/process-pipeline")]
async fn process_pipeline(Json(data): Json<Vec<Item>>) -> Result<Json<Pipeline>> {
    let enriched = enrich(data).await;
    let processed = run_on_pool(move || process(&enriched)).await??;
    let save_result = save(&processed).await;
    Ok(Json(Pipeline {
        processed: processed.len(),
        save_result,
    }))
}

async fn enrich(mut data: Vec<Item>) -> Vec<Item> {
    sleep(Duration::from_millis(100)).await;
    for item in &mut data {
        item.entry("enriched").or_insert(Value::Bool(true));
    }
    data
}

fn process(enriched: &[Item]) -> Result<Vec<Processed>> {
    let process = |item| {
        Ok(Processed {
            processed: true,
            value: doubled(item)?,
        })
    };
    enriched.iter().map(process).collect()
}

async fn save(processed: &[Processed]) -> Saved {
    sleep(Duration::from_millis(100)).await;
    Saved {
        saved: processed.len(),
    }
}
