//! Rules that the same field has on every resource, checked with the field's own name in the refusal.

use std::collections::BTreeMap;

use crate::events::KINDS;
use crate::http::problem::Problem;
use crate::webhooks::endpoints::TEST;
use crate::words::Timestamp;

/// Entries that `metadata` may have.
const METADATA_ENTRIES: usize = 50;
const METADATA_NAME: usize = 40;
const METADATA_VALUE: usize = 500;

/// Text of 1 to `most` characters that is not blank and holds no control characters.
pub fn text(param: &str, value: &str, most: usize) -> Result<(), Problem> {
    if value.trim().is_empty() || value.chars().count() > most {
        return Err(Problem::invalid(param, format!("`{param}` needs 1 to {most} characters.")));
    }
    if value.chars().any(char::is_control) {
        return Err(Problem::invalid(param, format!("`{param}` may not hold control characters.")));
    }
    Ok(())
}

/// As [`text`], for a field whose text may have several lines.
pub fn text_of_lines(param: &str, value: &str, most: usize) -> Result<(), Problem> {
    text(param, &value.replace(['\n', '\r', '\t'], " "), most)
}

/// As [`text`], for a field that may be absent.
pub fn optional_text(param: &str, value: Option<&str>, most: usize) -> Result<(), Problem> {
    value.map_or(Ok(()), |value| text(param, value, most))
}

/// An event type that something is narrowed to: a misspelled one would look as if nothing of the kind had happened.
pub fn event_type(param: &str, kind: Option<&str>) -> Result<(), Problem> {
    match kind {
        Some(kind) if kind != TEST && !KINDS.contains(&kind) => {
            Err(Problem::invalid(param, format!("`{param}` must be one of: {}.", KINDS.join(", "))))
        }
        _ => Ok(()),
    }
}

/// At most 50 entries, names of 1 to 40 characters, values of at most 500.
pub fn metadata(metadata: &BTreeMap<String, String>) -> Result<(), Problem> {
    if metadata.len() > METADATA_ENTRIES {
        return Err(Problem::invalid("metadata", format!("`metadata` may have {METADATA_ENTRIES} entries.")));
    }
    for (name, value) in metadata {
        if name.is_empty() || name.chars().count() > METADATA_NAME {
            let detail = format!("A name in `metadata` needs 1 to {METADATA_NAME} characters.");
            return Err(Problem::invalid("metadata", detail));
        }
        if value.chars().count() > METADATA_VALUE {
            let detail = format!("A value in `metadata` may have {METADATA_VALUE} characters.");
            return Err(Problem::invalid(format!("metadata.{name}"), detail));
        }
    }
    Ok(())
}

/// The earliest and the latest instant that `created[gte]`, `created[gt]`, `created[lte]` and `created[lt]` leave.
pub fn created(
    gte: Option<&str>,
    gt: Option<&str>,
    lte: Option<&str>,
    lt: Option<&str>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let moved = |at: Timestamp, by: i64| Timestamp::from_micros(at.micros().saturating_add(by));
    let from = instant("created[gte]", gte)?;
    let after = instant("created[gt]", gt)?.map(|at| moved(at, 1));
    let to = instant("created[lte]", lte)?;
    let before = instant("created[lt]", lt)?.map(|at| moved(at, -1));
    let latest = match (to, before) {
        (Some(to), Some(before)) => Some(to.min(before)),
        (one, other) => one.or(other),
    };
    Ok((from.max(after), latest))
}

fn instant(param: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let rule =
        || Problem::invalid(param, format!("`{param}` must be an RFC 3339 instant such as 2026-01-31T09:00:00Z."));
    text.map(|text| Timestamp::parse(text).ok_or_else(rule)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_and_include_their_ends() {
        assert!(text("name", &"가".repeat(200), 200).is_ok());
        assert!(text("name", &"가".repeat(201), 200).is_err());
        assert!(text("name", " ", 200).is_err());
        assert!(text("name", "a\nb", 200).is_err());
        assert!(text_of_lines("name", "a\nb", 3).is_ok());
        assert!(text_of_lines("name", "a\u{7}b", 3).is_err());
        assert!(optional_text("name", None, 1).is_ok());
    }

    #[test]
    fn metadata_is_bounded_in_every_direction() {
        let entry = |name: usize, value: usize| BTreeMap::from([("n".repeat(name), "v".repeat(value))]);
        assert!(metadata(&entry(40, 500)).is_ok());
        assert!(metadata(&entry(0, 1)).is_err());
        assert!(metadata(&entry(41, 1)).is_err());
        assert!(metadata(&entry(1, 501)).is_err());
        let many = |count: usize| (0..count).map(|i| (i.to_string(), String::new())).collect::<BTreeMap<_, _>>();
        assert!(metadata(&many(50)).is_ok());
        assert!(metadata(&many(51)).is_err());
    }
}
