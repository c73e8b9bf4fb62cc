//! Sentences for the errors of the `validator` crate, which has only codes.

use serde_json::Value;
use validator::ValidationError;

/// The author's message, or a sentence made from the code and the parameters.
pub(super) fn of(error: &ValidationError) -> String {
    if let Some(message) = &error.message {
        return message.to_string();
    }
    match &*error.code {
        "length" => length(error),
        "range" => range(error),
        "email" => "must be an email address".to_owned(),
        "url" => "must be a URL".to_owned(),
        "must_match" => "must match the other field".to_owned(),
        "contains" => with_needle(
            error,
            "must contain",
            "lacks something that it must contain",
        ),
        "does_not_contain" => with_needle(
            error,
            "must not contain",
            "contains something that it must not",
        ),
        "regex" => "must match the pattern of this field".to_owned(),
        "required" => "is required".to_owned(),
        "credit_card" => "must be a credit card number".to_owned(),
        "non_control_character" => "must not contain control characters".to_owned(),
        "ip" => "must be an IP address".to_owned(),
        "ipv4" | "ip_v4" => "must be an IPv4 address".to_owned(),
        "ipv6" | "ip_v6" => "must be an IPv6 address".to_owned(),
        // A check of the author's, of which only the name is known.
        code => format!("does not pass the check `{code}`"),
    }
}

fn length(error: &ValidationError) -> String {
    let bound = |name| error.params.get(name).map(show);
    match (bound("equal"), bound("min"), bound("max")) {
        (Some(equal), ..) => format!("must have a length of exactly {equal}"),
        (None, Some(min), Some(max)) => format!("must have a length between {min} and {max}"),
        (None, Some(min), None) => format!("must have a length of at least {min}"),
        (None, None, Some(max)) => format!("must have a length of at most {max}"),
        (None, None, None) => "has the wrong length".to_owned(),
    }
}

fn range(error: &ValidationError) -> String {
    let words = [
        ("min", "at least"),
        ("exclusive_min", "greater than"),
        ("max", "at most"),
        ("exclusive_max", "less than"),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter_map(|(name, word)| Some(format!("{word} {}", show(error.params.get(*name)?))))
        .collect();
    if parts.is_empty() {
        return "is out of range".to_owned();
    }
    format!("must be {}", parts.join(" and "))
}

fn with_needle(error: &ValidationError, verb: &str, otherwise: &str) -> String {
    match error.params.get("needle") {
        Some(needle) => format!("{verb} {}", show(needle)),
        None => otherwise.to_owned(),
    }
}

/// `validator` stores the bounds of a float field as floats. `1.0` is shown as `1`.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or_else(|| number.to_string(), |float| float.to_string()),
        other => other.to_string(),
    }
}
