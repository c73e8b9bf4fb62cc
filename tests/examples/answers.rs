//! What the tests say of answers.

use hybrid::TestRequest;
use serde_json::Value;

/// What of a request is refused: `["query","n"] ge`, in the order of the answer.
#[track_caller]
pub(crate) fn refused(request: TestRequest<'_>) -> Vec<String> {
    let answer = request.send();
    assert_eq!(answer.status(), 422, "{}", answer.text());
    let problem: Value = answer.json();
    let errors = problem["errors"].as_array().expect("violations").iter();
    let told = |error: &Value| Some(format!("{} {}", error["loc"], error["code"].as_str()?));
    errors.map(|error| told(error).expect("a code")).collect()
}
