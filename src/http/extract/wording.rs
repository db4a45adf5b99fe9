//! A deserializer's complaint in the merchant's words: which field, which rule, under a stable code.

use serde_json::error::Error as JsonError;

use crate::http::problem::{Problem, capitalized};

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
    if let Some((found, wanted)) = mistaken(message, "invalid type: ") {
        let number = matches!(found, "a number") && wanted.starts_with("a string");
        let hint = if number { " Write it as a JSON string, in quotes." } else { "" };
        return ("parameter_wrong_type", at.to_owned(), format!("Expected {wanted} and got {found}.{hint}"));
    }
    if let Some((_, wanted)) = mistaken(message, "invalid value: ") {
        return ("parameter_invalid", at.to_owned(), format!("Expected {wanted}."));
    }
    ("parameter_invalid", at.to_owned(), format!("{}.", capitalized(message).trim_end_matches('.')))
}

/// What was found and what was wanted, in the words of JSON: a caller knows nothing of our types, and what it sent may be
/// something that is better not said again.
fn mistaken<'a>(message: &'a str, kind: &str) -> Option<(&'static str, &'a str)> {
    let (found, wanted) = message.strip_prefix(kind)?.split_once(", expected ")?;
    let found = match found.split([' ', '`']).next().unwrap_or_default() {
        "map" => "an object",
        "sequence" => "a list",
        "string" => "a string",
        "integer" | "floating" => "a number",
        "boolean" => "true or false",
        "null" | "unit" => "null",
        _ => "something else",
    };
    let wanted = match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative and not too large",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number that is not too large",
        "a map" => "an object",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        it if it.starts_with("struct ") => "an object",
        it => it,
    };
    Some((found, wanted))
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
        assert_eq!(detail, "Expected a string and got a number. Write it as a JSON string, in quotes.");
        let (code, param, detail) = told(r#"{"currency":"USD","lines":[{"amount":"1","quantity":-1}]}"#);
        assert_eq!((code, param.as_str()), ("parameter_invalid", "lines[0].quantity"));
        assert_eq!(detail, "Expected a whole number, not negative and not too large.");
        let (code, param, detail) = told(r#"{"currency":"USD","lines":["4242"]}"#);
        assert_eq!((code, param.as_str()), ("parameter_wrong_type", "lines[0]"));
        assert_eq!(detail, "Expected an object and got a string.");
        let (code, param, _) = told(r#"{"currency":"USD","lines":[],"kind":"weekly"}"#);
        assert_eq!((code, param.as_str()), ("parameter_invalid", "kind"));
    }
}
