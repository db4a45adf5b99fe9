//! How settings are shown: every key, secrets as `***`.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Config;
use crate::words::Secret;

const HIDDEN: &str = "***";

impl Config {
    /// Every setting with its value as text, secrets hidden, sorted by key. Unset ones are empty.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        if let Ok(tree) = serde_json::to_value(self) {
            flatten(&tree, String::new(), &mut entries);
        }
        entries
    }
}

fn flatten(value: &Value, path: String, entries: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let longer = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(inner, longer, entries);
            }
        }
        Value::Null => entries.push((path, String::new())),
        Value::String(text) => entries.push((path, text.clone())),
        other => entries.push((path, other.to_string())),
    }
}

pub(super) fn secret<S: Serializer>(value: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if value.expose().is_empty() { "" } else { HIDDEN })
}

#[expect(clippy::ref_option, reason = "the signature that serde calls")]
pub(super) fn optional_secret<S: Serializer>(value: &Option<Secret<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(|_| HIDDEN).serialize(serializer)
}

/// A database's address is worth seeing; the password in it, or anything that cannot be read as an address, is not.
pub(super) fn url_without_password<S: Serializer>(value: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = value.expose();
    if text.starts_with("sqlite:") {
        return serializer.serialize_str(text);
    }
    let Ok(mut url) = url::Url::parse(text) else { return serializer.serialize_str(HIDDEN) };
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return serializer.serialize_str(HIDDEN);
    }
    // `?password=` and `?sslkey=` are legal too.
    if url.query().is_some() {
        url.set_query(Some(HIDDEN));
    }
    serializer.serialize_str(url.as_str())
}
