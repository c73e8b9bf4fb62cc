//! The framework's extractors inside types of a program: they judge and refuse alike.

use hybrid::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
}

#[get("/colors/{color}")]
async fn color(Path(color): Path<Color>) -> &'static str {
    match color {
        Color::Red => "red",
    }
}

#[get("/ratio/{ratio}/{on}")]
async fn ratio(Path((ratio, on)): Path<(f64, bool)>) -> String {
    format!("{ratio} {on}")
}

#[test]
fn what_was_sent_is_never_echoed_and_texts_are_read_alike() {
    let client = TestClient::new(App::new().routes(routes![color, ratio]));
    assert_eq!(client.get("/colors/red").send().text(), "red");
    let response = client.get("/colors/%3Cscript%3E").send();
    assert_eq!(response.status(), 422);
    assert!(!response.text().contains("script"), "{}", response.text());
    assert_eq!(client.get("/ratio/0.5/on").send().text(), "0.5 true");
    assert_eq!(client.get("/ratio/NaN/on").send().status(), 422);
}

struct Wrapped(Value);

impl FromRequest for Wrapped {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self> {
        let Json(value) = Json::<Value>::from_request(request).await?;
        Ok(Self(value))
    }
}

#[post("/wrapped")]
async fn wrapped(Wrapped(value): Wrapped) -> String {
    value.as_array().map_or(0, Vec::len).to_string()
}

#[test]
fn json_as_a_building_block_judges_like_an_argument() {
    let client = TestClient::new(App::new().routes(routes![wrapped]));
    let large = vec![1_000_000; 10_000];
    assert_eq!(client.post("/wrapped").json(&large).send().text(), "10000");
    assert_eq!(
        client.post("/wrapped").form(&[("a", "1")]).send().status(),
        415
    );
    let problem: Value = client.post("/wrapped").send().json();
    assert_eq!(problem["errors"][0]["code"], json!("missing"));
}

#[test]
fn a_header_of_a_part_that_never_ends_is_refused() {
    #[post("/parts")]
    async fn parts(mut parts: Multipart) -> Result<String> {
        let mut names = Vec::new();
        while let Some(part) = parts.next_field().await? {
            names.push(part.name().to_owned());
        }
        Ok(names.join(" "))
    }

    let client = TestClient::new(App::new().routes(routes![parts]));
    let head = "--B\r\ncontent-disposition: form-data; name=\"a\"; filename=\"";
    let body = format!("{head}{}\"\r\n\r\nx\r\n--B--\r\n", "x".repeat(10_000));
    let request = client
        .post("/parts")
        .header("content-type", "multipart/form-data; boundary=B");
    assert_eq!(request.body(body).send().status(), 400);
}
