//! A list's query: how many, from where, and the list's own filters; anything else is refused by name.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::wording;
use crate::http::problem::Problem;
use crate::words::Page;

const DEFAULT_LIMIT: u32 = 10;
const MAX_LIMIT: u32 = 100;

/// Where in a list, newest first, the caller wants to look, and the filters `F` of that list.
///
/// `F` is deserialized from strings and needs `#[serde(deny_unknown_fields)]`; ranges are named `created[gte]`.
#[derive(Debug)]
pub struct PageQuery<F = NoFilters> {
    /// `limit` (1 to 100, 10 unless told), `starting_after` and `ending_before`.
    pub page: Page,
    /// The list's own filters.
    pub filters: F,
}

/// For lists without filters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilters {}

impl<F: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for PageQuery<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default())
    }
}

impl<F> PageQuery<F> {
    /// The refusal of a cursor that names nothing of this tenant's.
    pub fn unknown_cursor(&self) -> Problem {
        let param = if self.page.is_backwards() { "ending_before" } else { "starting_after" };
        Problem::bad_request("cursor_unknown", format!("`{param}` names no object of this list.")).param(param)
    }

    /// The id the caller named to start from, read as `parse` reads it. Look it up, and refuse with
    /// [`PageQuery::unknown_cursor`] when it is not there: a foreign id must not look like an empty page.
    pub fn cursor<I, E>(&self, parse: impl Fn(&str) -> Result<I, E>) -> Result<Option<I>, Problem> {
        self.page.named().map(|id| parse(id).map_err(|_| self.unknown_cursor())).transpose()
    }
}

fn parse<F: DeserializeOwned>(query: &str) -> Result<PageQuery<F>, Problem> {
    let mut limit = DEFAULT_LIMIT;
    let mut starting_after = None;
    let mut ending_before = None;
    let mut filters = Map::new();
    let mut seen = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if seen.contains(&name) {
            return Err(Problem::invalid(name, "The parameter appears twice."));
        }
        match name.as_ref() {
            "limit" => limit = read_limit(&value)?,
            "starting_after" => starting_after = Some(value.into_owned()),
            "ending_before" => ending_before = Some(value.into_owned()),
            other => {
                filters.insert(other.to_owned(), Value::String(value.into_owned()));
            }
        }
        seen.push(name);
    }
    if starting_after.is_some() && ending_before.is_some() {
        return Err(Problem::invalid("ending_before", "Give `starting_after` or `ending_before`, not both."));
    }
    let filters = serde_path_to_error::deserialize(Value::Object(filters)).map_err(|e| wording::problem(&e))?;
    let page = match (starting_after, ending_before) {
        (Some(id), _) => Page::after(limit, id),
        (None, Some(id)) => Page::before(limit, id),
        (None, None) => Page::newest(limit),
    };
    Ok(PageQuery { page, filters })
}

fn read_limit(value: &str) -> Result<u32, Problem> {
    let bad = || Problem::invalid("limit", format!("`limit` is a whole number from 1 to {MAX_LIMIT}."));
    let limit = value.parse::<u32>().map_err(|_| bad())?;
    if (1..=MAX_LIMIT).contains(&limit) { Ok(limit) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> String {
        parse::<NoFilters>(query).map_or_else(|p| p.code().to_owned(), |p| (p.page.fetch() - 1).to_string())
    }

    #[test]
    fn reads_and_refuses() {
        assert_eq!(code(""), "10");
        assert_eq!(code("limit=100&starting_after=x"), "100");
        for bad in
            ["limit=0", "limit=101", "limit=-1", "limit=ten", "limit=1&limit=2", "starting_after=a&ending_before=b"]
        {
            assert_eq!(code(bad), "parameter_invalid", "{bad}");
        }
        assert_eq!(code("limits=3"), "parameter_unknown");
    }

    #[test]
    fn filters_are_the_lists_own() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Created {
            #[serde(rename = "created[gte]")]
            from: Option<String>,
        }
        let page = parse::<Created>("created%5Bgte%5D=2026-01-01T00:00:00Z").unwrap();
        assert_eq!(page.filters.from.as_deref(), Some("2026-01-01T00:00:00Z"));
    }
}
