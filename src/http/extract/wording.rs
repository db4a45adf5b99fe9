//! A deserializer's complaint in the merchant's words: which field, which rule, under a stable code.

use serde_json::error::Error as JsonError;

use crate::http::problem::Problem;

/// Turns "unknown field `x`, expected ..." and its kin into a problem that names the field.
pub fn problem(error: &serde_path_to_error::Error<JsonError>) -> Problem {
    let path = error.path().to_string();
    let message = error.inner().to_string();
    let (code, param, detail) = sort_out(&path, &message);
    let problem = Problem::bad_request(code, detail);
    if param.is_empty() { problem } else { problem.param(param) }
}

fn sort_out(path: &str, message: &str) -> (&'static str, String, String) {
    let at = if path == "." { "" } else { path };
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let name = between_ticks(rest);
        return (
            "parameter_unknown",
            within(at, name),
            format!("There is no parameter `{name}` here; {}.", known(rest)),
        );
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        let name = between_ticks(rest);
        return ("parameter_missing", within(at, name), format!("`{name}` is required."));
    }
    if let Some(rest) = message.strip_prefix("invalid type: ") {
        let hint = match rest.split_once(", expected ") {
            Some((found, wanted))
                if wanted.starts_with("a string")
                    && (found.starts_with("integer") || found.starts_with("floating")) =>
            {
                " Write it as a JSON string, in quotes."
            }
            _ => "",
        };
        return ("parameter_wrong_type", at.to_owned(), format!("Wrong type: {rest}.{hint}"));
    }
    ("parameter_invalid", at.to_owned(), format!("{}.", capitalized(message).trim_end_matches('.')))
}

/// Some versions of the path already end in the field's own name.
fn within(path: &str, name: &str) -> String {
    if path.is_empty() {
        return name.to_owned();
    }
    if path == name || path.strip_suffix(name).is_some_and(|parent| parent.ends_with('.')) {
        return path.to_owned();
    }
    format!("{path}.{name}")
}

fn between_ticks(text: &str) -> &str {
    text.split('`').nth(1).unwrap_or_default()
}

fn known(rest: &str) -> &str {
    rest.split_once(", ").map_or("none is known", |(_, known)| known)
}

fn capitalized(text: &str) -> String {
    let mut out = text.to_owned();
    if let Some(first) = out.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    out
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its refusals are looked at")]
    struct Order {
        currency: String,
        lines: Vec<Line>,
        kind: Option<Kind>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its refusals are looked at")]
    struct Line {
        amount: String,
        quantity: u32,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        OneTime,
    }

    fn told(body: &str) -> (&'static str, String, String) {
        let value: serde_json::Value = serde_json::from_str(body).unwrap();
        let error = serde_path_to_error::deserialize::<_, Order>(value).unwrap_err();
        sort_out(&error.path().to_string(), &error.inner().to_string())
    }

    #[test]
    fn names_the_field_and_the_rule() {
        let (code, param, detail) = told(r#"{"currency":"USD","lines":[{"amount":"1","quantity":1,"colour":2}]}"#);
        assert_eq!((code, param.as_str()), ("parameter_unknown", "lines[0].colour"), "{detail}");
        let (code, param, _) = told(r#"{"currency":"USD","line":[]}"#);
        assert_eq!((code, param.as_str()), ("parameter_unknown", "line"));
        let (code, param, _) = told(r#"{"currency":"USD","lines":[{"amount":"1"}]}"#);
        assert_eq!((code, param.as_str()), ("parameter_missing", "lines[0].quantity"));
        let (code, param, detail) = told(r#"{"currency":"USD","lines":[{"amount":12,"quantity":1}]}"#);
        assert_eq!((code, param.as_str()), ("parameter_wrong_type", "lines[0].amount"));
        assert!(detail.contains("in quotes"), "{detail}");
        let (code, param, _) = told(r#"{"currency":"USD","lines":[{"amount":"1","quantity":-1}]}"#);
        assert_eq!((code, param.as_str()), ("parameter_invalid", "lines[0].quantity"));
        let (code, param, _) = told(r#"{"currency":"USD","lines":[],"kind":"weekly"}"#);
        assert_eq!((code, param.as_str()), ("parameter_invalid", "kind"));
    }
}
