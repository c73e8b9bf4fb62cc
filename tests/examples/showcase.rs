//! Every endpoint of the showcase, its rules, and what it says of itself.

use std::time::{Duration, Instant};

use hybrid::{TestRequest, prelude::*};
use serde_json::{Value, json};

use crate::answers::refused;
use crate::programs::showcase::{Gateway, app};

fn client() -> TestClient {
    TestClient::new(app())
}

/// The answer, its status 200 and its lane as said.
#[track_caller]
fn answer(request: TestRequest<'_>, lane: Lane) -> Value {
    let answer = request.send();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.lane(), lane);
    answer.json()
}

/// Sends it, and says how long that took. A machine that has other things to do
/// gets three tries to stay below `most`.
#[expect(
    clippy::disallowed_methods,
    reason = "a test looks at the clock as a user would"
)]
fn timed(client: &TestClient, path: &str, least: u64, most: u64) -> Value {
    let mut took = Vec::new();
    while took.len() < 3 {
        let started = Instant::now();
        let answer = client.get(path).send();
        took.push(started.elapsed());
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(
            took.last() >= Some(&Duration::from_millis(least)),
            "{path}: {took:?}"
        );
        if took.last() < Some(&Duration::from_millis(most)) {
            return answer.json();
        }
    }
    panic!("{path} took {took:?}, not {least} to {most} ms");
}

/// The number in `0.200s` or `55.5%`.
#[track_caller]
fn number(value: &Value) -> f64 {
    let text = value.as_str().expect("a text");
    let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    number
        .parse()
        .unwrap_or_else(|_| panic!("no number: {text}"))
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[test]
fn both_kinds_say_where_they_ran() {
    let client = client();
    let sync = answer(client.get("/sync"), Lane::Pool);
    assert_eq!(sync, json!({"type": "sync", "execution": "thread_pool"}));
    let event = answer(client.get("/async"), Lane::Event);
    assert_eq!(event, json!({"type": "async", "execution": "event_loop"}));
}

#[test]
fn primes_within_their_bounds() {
    let client = client();
    let primes = answer(client.get("/compute-prime").query("n", 12), Lane::Pool);
    assert_eq!(primes["primes"], json!([2, 3, 5, 7, 11]));
    assert_eq!(primes["count"], 5);
    assert_eq!(primes["handler_type"], "sync");
    assert_eq!(primes["execution"], "thread_pool");
    assert!(number(&primes["execution_time"]) >= 0.0);

    assert_eq!(
        answer(client.get("/compute-prime"), Lane::Pool)["count"],
        25,
        "100 by default"
    );
    assert_eq!(
        answer(client.get("/compute-prime?n=2"), Lane::Pool)["count"],
        0
    );
    assert_eq!(
        answer(client.get("/compute-prime?n=10000"), Lane::Pool)["count"],
        1229
    );

    let n = r#"["query","n"]"#;
    assert_eq!(
        refused(client.get("/compute-prime?n=1")),
        [format!("{n} ge")]
    );
    assert_eq!(
        refused(client.get("/compute-prime?n=-7")),
        [format!("{n} ge")]
    );
    assert_eq!(
        refused(client.get("/compute-prime?n=10001")),
        [format!("{n} le")]
    );
    assert_eq!(
        refused(client.get("/compute-prime?n=abc")),
        [format!("{n} type")]
    );
    assert_eq!(
        refused(client.get("/compute-prime?n=")),
        [format!("{n} type")]
    );
    assert_eq!(
        refused(client.get("/compute-prime?n=3&n=4")),
        [format!("{n} duplicate")]
    );
}

#[test]
fn a_refusal_is_told_as_the_wire_has_it() {
    let client = client();
    let answer = client.get("/compute-prime?n=1").send();
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let expected = json!({
        "type": "urn:hybrid:validation_failed",
        "title": "Validation failed",
        "status": 422,
        "code": "validation_failed",
        "detail": "1 value was refused",
        "errors": [{
            "loc": ["query", "n"],
            "code": "ge",
            "message": "must be at least 2",
            "params": {"ge": 2},
        }],
    });
    assert_eq!(answer.json::<Value>(), expected);
}

#[test]
fn data_is_processed() {
    let client = client();
    let body = json!({"data": [{"id": 1, "value": 2.5, "name": "a"}, {"id": 2, "value": 4}]});
    let done = answer(client.post("/process-data").json(&body), Lane::Pool);
    let expected = json!({
        "processed_items": [
            {"id": 1, "processed_value": 3.75, "category": "processed", "score": 5.0, "name": "a"},
            {"id": 2, "processed_value": 6.0, "category": "processed", "score": 8.0, "name": null},
        ],
        "total": 2,
        "processing_type": "standard",
        "handler_type": "sync",
        "validation": "automatic",
    });
    assert_eq!(done, expected);
}

#[test]
fn all_faults_of_a_body_come_in_one_answer() {
    let client = client();
    let body = json!({
        "data": [
            {"id": 0, "value": 1},
            {"id": 1, "value": 2},
            {"id": "x", "value": -1, "name": "n".repeat(101)},
            {"value": "3"},
        ],
        "processing_type": "cheap",
    });
    let expected = [
        r#"["body","data",0,"id"] ge"#,
        r#"["body","data",2,"id"] type"#,
        r#"["body","data",2,"value"] ge"#,
        r#"["body","data",2,"name"] max_length"#,
        r#"["body","data",3,"id"] missing"#,
        r#"["body","data",3,"value"] type"#,
        r#"["body","processing_type"] regex"#,
    ];
    assert_eq!(refused(client.post("/process-data").json(&body)), expected);

    let data = r#"["body","data"]"#;
    let post = || client.post("/process-data");
    assert_eq!(
        refused(post().json(&json!({"data": []}))),
        [format!("{data} min_items")]
    );
    assert_eq!(
        refused(post().json(&json!({}))),
        [format!("{data} missing")]
    );
    assert_eq!(refused(post()), [r#"["body"] missing"#]);
    let many = vec![json!({"id": 1, "value": 1}); 1001];
    assert_eq!(
        refused(post().json(&json!({"data": many}))),
        [format!("{data} max_items")]
    );
}

#[test]
fn bodies_that_are_no_json_are_told_apart() {
    let client = client();
    let post = |content_type: &str, body: &str| {
        let request = client
            .post("/process-data")
            .header("content-type", content_type);
        request.body(body.to_owned()).send()
    };
    let malformed = post("application/json", "{\"data\": [\n  {\"id\": 1,, }]}");
    assert_eq!(malformed.status(), 400);
    let problem: Value = malformed.json();
    assert_eq!(problem["code"], "malformed_json");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("line 2") && detail.contains("column"),
        "{detail}"
    );

    let form = post("text/plain", "{}");
    assert_eq!(form.status(), 415);
    assert_eq!(form.json::<Value>()["code"], "unsupported_media_type");

    let large = post("application/json", &" ".repeat(3 << 20));
    assert_eq!(large.status(), 413);
    assert_eq!(large.json::<Value>()["code"], "payload_too_large");
}

#[test]
fn a_user_is_fetched_concurrently() {
    let client = client();
    // Of 0.2 s, not of 0.45.
    let user = timed(&client, "/fetch-user-data?user_id=7", 200, 430);
    assert_eq!(user["user"], json!({"id": 7, "name": "User 7"}));
    assert_eq!(user["posts"][2], json!({"id": 2, "title": "Post 2"}));
    assert_eq!(
        user["external"],
        json!({"external_score": 95, "verified": true})
    );
    assert_eq!(user["handler_type"], "async");
    assert_eq!(user["execution"], "concurrent");
    let (total, sequential) = (
        number(&user["total_time"]),
        number(&user["sequential_would_be"]),
    );
    assert!((0.2..0.43).contains(&total) && sequential >= 0.45, "{user}");
    let gain = (sequential - total) / sequential * 100.0;
    assert!(
        (number(&user["performance_gain"]) - gain).abs() < 2.0,
        "{user}"
    );

    let id = r#"["query","user_id"]"#;
    assert_eq!(
        refused(client.get("/fetch-user-data")),
        [format!("{id} missing")]
    );
    assert_eq!(
        refused(client.get("/fetch-user-data?user_id=0")),
        [format!("{id} ge")]
    );
    assert_eq!(
        refused(client.get("/fetch-user-data?user_id=1.5")),
        [format!("{id} type")]
    );
}

#[test]
fn notifications_are_sent_together() {
    let client = client();
    let one =
        |id: u32, kind: &str| json!({"id": id, "type": kind, "recipient": "r", "message": "m"});
    let body: Vec<_> = (1..=50).map(|id| one(id, "sms")).collect();
    let request = client
        .post("/send-notifications")
        .json(&json!({"notifications": body}));
    let sent = answer(request, Lane::Event);
    assert_eq!(sent["sent"], 50);
    assert_eq!(sent["execution"], "concurrent");
    assert_eq!(sent["handler_type"], "async");
    assert_eq!(sent["validation"], "automatic");
    let last = json!({"id": 50, "status": "sent", "type": "sms", "recipient": "r"});
    assert_eq!(sent["results"][49], last);

    let mut bad = one(0, "fax");
    bad["message"] = json!("");
    bad["recipient"] = json!("r".repeat(256));
    let body = json!({"notifications": [one(1, "email"), bad]});
    let expected = ["id", "type", "recipient", "message"]
        .into_iter()
        .zip(["ge", "regex", "max_length", "min_length"])
        .map(|(field, rule)| format!(r#"["body","notifications",1,"{field}"] {rule}"#));
    let refused = refused(client.post("/send-notifications").json(&body));
    assert_eq!(refused, expected.collect::<Vec<_>>());
}

#[test]
fn a_user_is_analysed() {
    let client = client();
    let user = answer(client.get("/analyze-user?user_id=3"), Lane::Event);
    let expected = json!({
        "user_id": 3,
        "analysis": {"pattern": "active_user", "score": 85},
        "recommendations": ["recommendation_1", "recommendation_2"],
        "handler_type": "async",
    });
    assert_eq!(user, expected);
    let id = r#"["query","user_id"] ge"#;
    assert_eq!(refused(client.get("/analyze-user?user_id=-1")), [id]);
}

#[test]
fn a_report_is_made() {
    let client = client();
    let body = json!({
        "title": "Sales",
        "data_points": [{"value": 3}, {"value": 4, "region": "north"}, {}],
        "report_type": "daily",
        "filters": {"region": "north"},
    });
    let report = answer(client.post("/process-report").json(&body), Lane::Pool);
    let expected = json!({
        "statistics": {"total": 14, "average": 14.0 / 3.0, "count": 3},
        "processed_items": 3,
        "report_title": "Sales",
        "report_type": "daily",
        "saved_to": "report_daily.json",
        "handler_type": "sync",
        "validation": "automatic",
    });
    assert_eq!(report, expected);

    let bad = json!({"title": "", "data_points": [1], "report_type": "hourly", "filters": 5});
    let expected = [
        r#"["body","title"] min_length"#,
        r#"["body","data_points",0] type"#,
        r#"["body","report_type"] regex"#,
        r#"["body","filters"] type"#,
    ];
    assert_eq!(refused(client.post("/process-report").json(&bad)), expected);

    let text = json!({"title": "t", "data_points": [{"value": "3"}], "report_type": "daily"});
    let answer = client.post("/process-report").json(&text).send();
    assert_eq!(answer.status(), 422);
    assert_eq!(answer.json::<Value>()["code"], "unprocessable");
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test looks at the clock as a user would"
)]
async fn a_hundred_requests_wait_together() {
    let client = client();
    let request = |number: usize| {
        client
            .get("/concurrent-demo")
            .header("X-Request-ID", format!("r{number}"))
            .send_async()
    };
    let started = Instant::now();
    let answers = futures_util::future::join_all((0..100).map(request)).await;
    let took = started.elapsed();
    assert!(
        took >= Duration::from_millis(500) && took < Duration::from_secs(5),
        "{took:?} for 100 times 0.5 s"
    );
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer.lane(), Lane::Event);
        let told: Value = answer.json();
        assert_eq!(told["request_id"], format!("r{number}"));
        assert_eq!(told["message"], "This request didn't block others!");
        assert_eq!(told["handler_type"], "async");
    }
    let unnamed = client.get("/concurrent-demo").send_async().await;
    assert_eq!(unnamed.json::<Value>()["request_id"], "unknown");
}

#[test]
fn errors_are_the_same_from_both_kinds() {
    let client = client();
    for (path, kind, lane) in [
        ("/sync-error-demo", "Sync", Lane::Pool),
        ("/async-error-demo", "Async", Lane::Event),
    ] {
        let fine = answer(client.get(path), lane);
        assert_eq!(fine, json!({"message": format!("{kind} success")}));
        for yes in ["true", "1", "YES", "on"] {
            let failed = client.get(path).query("should_fail", yes).send();
            assert_eq!(failed.status(), 400);
            let expected = json!({"error": format!("{kind} error occurred")});
            assert_eq!(failed.json::<Value>(), expected);
        }
        let maybe = client.get(path).query("should_fail", "maybe");
        assert_eq!(refused(maybe), [r#"["query","should_fail"] type"#]);
    }
}

#[test]
fn both_shapes_are_measured() {
    let client = client();
    let compared = answer(client.get("/performance-comparison"), Lane::Event);
    assert_eq!(
        keys(&compared),
        ["conclusion", "feature", "framework", "results"]
    );
    let io = &compared["results"]["io_bound"];
    let (sync, concurrent) = (number(&io["sync_would_take"]), number(&io["async_actual"]));
    assert!(
        sync >= 0.3 && concurrent >= 0.1 && concurrent < sync,
        "{io}"
    );
    assert!(number(&io["improvement"]) > 20.0, "{io}");
    let cpu = &compared["results"]["cpu_bound"];
    assert!(
        number(&cpu["async_overhead"]) >= number(&cpu["sync_optimal"]),
        "{cpu}"
    );
    assert_eq!(cpu["recommendation"], "Use sync for CPU-bound tasks");
}

#[test]
fn dashboards_differ_in_time_alone() {
    let client = client();
    let first = timed(&client, "/user-dashboard?user_id=5", 300, 60_000);
    let second = timed(&client, "/user-dashboard-v2?user_id=5", 100, 290);
    assert_eq!(first["version"], "v1_sync");
    assert_eq!(second["version"], "v2_async");
    assert!(
        second["performance"]
            .as_str()
            .unwrap()
            .ends_with("x faster with concurrent I/O")
    );
    for field in ["user", "posts", "stats"] {
        assert_eq!(first[field], second[field]);
    }
    assert_eq!(first["stats"], json!({"posts": 3, "followers": 100}));
    for path in ["/user-dashboard", "/user-dashboard-v2"] {
        let request = client.get(path).query("user_id", 0);
        assert_eq!(refused(request), [r#"["query","user_id"] ge"#]);
    }
}

#[test]
fn taxes_are_the_same_on_both_lanes() {
    let client = client();
    let versions = [
        ("/calculate-tax", "forced_async", Lane::Event),
        ("/calculate-tax-v2", "optimized_sync", Lane::Pool),
    ];
    for (path, version, lane) in versions {
        let low = answer(client.post(path).query("income", 50_000), lane);
        assert_eq!(low["tax"], 7500.0);
        assert_eq!(low["version"], version);
        assert_eq!(
            answer(client.post(path).query("income", 60_000.0), lane)["tax"],
            15_000.0
        );
        assert_eq!(
            answer(client.post(path).query("income", 0), lane)["tax"],
            0.0
        );
        let income = r#"["query","income"]"#;
        assert_eq!(
            refused(client.post(path).query("income", -1)),
            [format!("{income} ge")]
        );
        assert_eq!(
            refused(client.post(path).query("income", "NaN")),
            [format!("{income} type")]
        );
        assert_eq!(refused(client.post(path)), [format!("{income} missing")]);
        assert_eq!(client.get(path).send().status(), 405);
    }
}

#[test]
fn practices_are_measured() {
    let client = client();
    let profile = answer(client.get("/profile"), Lane::Pool);
    assert!(profile["execution_time"].as_str().unwrap().ends_with("ms"));
    assert!(number(&profile["execution_time"]) >= 100.0);

    let good = timed(&client, "/good-pattern", 100, 290);
    let bad = timed(&client, "/bad-pattern", 300, 60_000);
    assert_eq!(good, bad);
    assert_eq!(good["combined"][2], json!({"data": "from_service_3"}));
}

#[test]
fn a_pipeline_runs_on_both_lanes() {
    let client = client();
    let body = json!([{"value": 1}, {"name": "x"}, {"value": 2.5}]);
    let done = answer(client.post("/process-pipeline").json(&body), Lane::Event);
    assert_eq!(done, json!({"processed": 3, "save_result": {"saved": 3}}));
    let bad = client.post("/process-pipeline").json(&json!([{}, 5, "x"]));
    assert_eq!(refused(bad)[0], r#"["body",1] type"#);
    assert_eq!(
        answer(
            client.post("/process-pipeline").json(&json!([])),
            Lane::Event
        )["processed"],
        0
    );
}

#[test]
fn handlers_know_their_threads() {
    let client = client();
    let event = answer(client.get("/debug-execution"), Lane::Event);
    let sync = answer(client.get("/debug-execution-sync"), Lane::Pool);
    assert_eq!(event["handler_type"], "async");
    assert_eq!(sync["handler_type"], "sync");
    assert_eq!(sync["execution_context"], "thread_pool");
    assert!(
        event["event_loop"]
            .as_str()
            .unwrap()
            .starts_with("hybrid-loop-"),
        "{event}"
    );
    assert!(event["thread_id"].as_u64().unwrap() > 0 && event["thread_id"] != sync["thread_id"]);
    for context in [event, sync] {
        assert_eq!(context["is_main_thread"], false);
    }
}

mod gateway {
    use super::*;

    #[get("/{service}")]
    async fn backend(service: String) -> Response {
        match service.as_str() {
            "text" => "no json".into_response(),
            _ => Json(json!({"service": service})).into_response(),
        }
    }

    #[tokio::test]
    async fn hands_on_what_a_service_says() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let template = format!("http://{}/{{service}}", listener.local_addr().unwrap());
        let backend = App::new().routes(routes![backend]).serve(listener);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served =
            tokio::spawn(async move { backend.until(async { drop(stopped.await) }).await });

        let gateway = Gateway::new(&template).unwrap();
        let client = client().replace_state(gateway);
        let answer = client.get("/api-gateway/users").send_async().await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.json::<Value>(), json!({"service": "users"}));

        let answer = client.get("/api-gateway/text").send_async().await;
        assert_eq!(answer.status(), 500);
        assert!(answer.json::<Value>()["error"].is_string());

        drop(stop);
        served.await.unwrap().unwrap();
    }

    #[test]
    fn a_service_that_is_not_there_is_told() {
        // Nothing listens on the port of a listener that is gone.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let gateway = Gateway::new(&format!("http://127.0.0.1:{port}/{{service}}")).unwrap();
        let client = client().replace_state(gateway);
        let answer = client.get("/api-gateway/users").send();
        assert_eq!(answer.status(), 500);
        let told: Value = answer.json();
        assert!(
            told["error"]
                .as_str()
                .is_some_and(|error| error.contains("refused")),
            "{told}"
        );
    }

    #[test]
    fn a_name_cannot_reach_elsewhere() {
        let client = client();
        for name in ["127.0.0.1:22%2f", "a.b", "evil@host", "A", "%20", "a%0ab"] {
            let request = client.get(format!("/api-gateway/{name}"));
            assert_eq!(refused(request), [r#"["path","service"] regex"#], "{name}");
        }
        assert!(Gateway::new("https://{service}.internal").is_err());
        assert!(Gateway::new("http://fixed.internal").is_err());
    }
}

/// Real numbers: they follow the requests that were sent.
#[test]
fn handlers_are_counted_and_their_requests_measured() {
    let client = client();
    let before = answer(client.get("/handler-stats"), Lane::Pool);
    let count = |key: &str| before[key].as_u64().expect("a count");
    let (sync, event) = (count("sync_handlers"), count("async_handlers"));
    assert_eq!(count("total_handlers"), sync + event);
    assert!(sync > 5 && event > 5, "{before}");
    assert!(
        before["performance"]
            .as_str()
            .expect("a text")
            .starts_with("1 requests, 0 failed, "),
        "{before}"
    );

    for _ in 0..3 {
        answer(client.get("/compute-prime?n=10000"), Lane::Pool);
        answer(client.get("/good-pattern"), Lane::Event);
    }
    let refused = client.get("/sync-error-demo?should_fail=yes").send();
    assert_eq!(refused.status(), 400);
    let after = answer(client.get("/performance-metrics"), Lane::Pool);
    let metrics = &after["metrics"];
    // With the one above and this one.
    assert_eq!(metrics["total_requests"], 9);
    assert!(number(&metrics["avg_response_time"]) > 30.0, "{after}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let sync = text(&metrics["sync_handlers_performance"]);
    assert!(sync.starts_with("6 requests, 0 failed, "), "{sync}");
    let event = text(&metrics["async_handlers_performance"]);
    assert!(event.starts_with("3 requests, 0 failed, 1"), "{event}");
    let advice = &after["recommendations"];
    assert_eq!(text(&advice["async_handlers"]), "wait: good_pattern");
    assert!(
        text(&advice["sync_handlers"]).contains("compute_prime"),
        "{after}"
    );
    assert!(
        text(&advice["hybrid_benefit"]).starts_with("6 requests"),
        "{after}"
    );
}

#[test]
fn an_operator_finds_the_admin_endpoints() {
    let client = client();
    answer(client.get("/sync"), Lane::Pool);
    let routes: Vec<Value> = client.get("/_hybrid/routes").send().json();
    let sync = routes.iter().find(|route| route["path"] == "/sync");
    assert_eq!(sync.expect("it is listed")["requests"], 1);
    for path in ["lanes", "metrics", "health/live", "health/ready"] {
        assert_eq!(client.get(format!("/_hybrid/{path}")).send().status(), 200);
    }
}
