//! The contract for machines, held against whatever the API answers in whichever test.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::source;

/// `openapi.json`, as it is served.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read_to_string(source::root().join("src/http/api/openapi.json")).unwrap();
    serde_json::from_str(&text).unwrap()
});

/// Asserts that an answer of the API is one that the contract tells of: successes and conflicts by their status and shape,
/// whatever is listed of events by the message that tells it. What is refused otherwise is told once for all of them.
#[track_caller]
pub fn assert_told(path: &str, status: u16, json: &Value) {
    let Some(methods) = of_path(path) else { return };
    let said: Vec<String> = match status {
        200..300 | 409 => {
            methods.values().filter_map(|method| wrong(&method["responses"][status.to_string()], json)).collect()
        }
        _ => return,
    };
    assert!(said.len() < methods.len(), "{path}, {status}:\n{}\n{json}", said.join("\n"));
    let events = if json["object"] == "event" {
        std::slice::from_ref(json)
    } else {
        json["data"].as_array().map_or(&[][..], Vec::as_slice)
    };
    for event in events.iter().filter(|event| event["object"] == "event") {
        let wrong = wrong_message(event);
        assert!(wrong.is_empty(), "{}:\n{}\n{event}", event["type"], wrong.join("\n"));
    }
}

/// The operations at a path.
fn of_path(path: &str) -> Option<&'static serde_json::Map<String, Value>> {
    let path = path.split('?').next().unwrap_or_default();
    let fits = |told: &str| {
        let (told, path): (Vec<_>, Vec<_>) = (told.split('/').collect(), path.split('/').collect());
        told.len() == path.len() && told.iter().zip(path).all(|(told, part)| told.starts_with('{') || *told == part)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let exact = paths.get(path).or_else(|| paths.iter().find(|(told, _)| fits(told)).map(|(_, methods)| methods));
    exact.and_then(Value::as_object)
}

/// What is wrong with an answer that should be this one; none when nothing is.
fn wrong(response: &'static Value, json: &Value) -> Option<String> {
    if response.is_null() {
        return Some("its status is not told of".to_owned());
    }
    let content = &resolved(response)["content"];
    let schema = ["application/json", "application/problem+json"].iter().find_map(|kind| content.get(*kind));
    let mut wrong = Vec::new();
    if let Some(schema) = schema
        && !json.is_null()
    {
        check(&schema["schema"], json, "", &mut wrong);
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

/// What is wrong with the message that tells this event.
fn wrong_message(event: &Value) -> Vec<String> {
    let told = &DOCUMENT["webhooks"][event["type"].as_str().unwrap_or_default()]["post"]["requestBody"]["content"];
    let schema = &told["application/json"]["schema"];
    if schema.is_null() {
        return vec!["no webhook of this type is told of".to_owned()];
    }
    let data = json!({"sequence": event["sequence"], "object": event["data"]["object"]});
    let message = json!({"type": event["type"], "timestamp": event["created_at"], "data": data});
    let mut wrong = Vec::new();
    check(schema, &message, "message", &mut wrong);
    wrong
}

fn resolved(value: &'static Value) -> &'static Value {
    value["$ref"].as_str().map_or(value, target)
}

fn target(name: &str) -> &'static Value {
    DOCUMENT.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} is not there"))
}

/// As much of JSON Schema as the document uses for answers.
pub fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        return check(target(name), value, at, wrong);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let tried = choices.iter().map(|choice| {
            let mut wrong = Vec::new();
            check(choice, value, at, &mut wrong);
            wrong
        });
        // The nearest of them says what is wrong.
        wrong.extend(tried.min_by_key(Vec::len).into_iter().flatten());
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = &schema["type"];
    if !(types.is_null() || types == kind || types.as_array().is_some_and(|types| types.contains(&json!(kind)))) {
        wrong.push(format!("{at}: {value} is no {types}"));
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema["enum"].as_array().is_some_and(|all| !all.contains(value))
    {
        wrong.push(format!("{at}: {value} is not told of"));
    }
    if let (Some(prefix), Some(text)) =
        (schema["pattern"].as_str().and_then(|p| p.strip_prefix('^')?.split('[').next()), value.as_str())
        && !text.starts_with(prefix)
    {
        wrong.push(format!("{at}: {text} does not begin with {prefix}"));
    }
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            check(&schema["items"], item, &format!("{at}[{index}]"), wrong);
        }
    }
    let Some(object) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            wrong.push(format!("{at}.{name} is missing"));
        }
    }
    for (name, member) in object {
        match schema["properties"].get(name) {
            Some(told) => check(told, member, &format!("{at}.{name}"), wrong),
            None if schema["additionalProperties"] == false => wrong.push(format!("{at}.{name} is not told of")),
            None => {}
        }
    }
}
