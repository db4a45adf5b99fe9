//! Every refusal as RFC 9457 problem details, with the extensions merchants' code reads.
//!
//! `code` is the stable, documented name; `title` and `type` follow from it, so the same kind of problem always has the same
//! title. `detail` is for people. Nothing internal is ever put into one: causes go to the log, once, here.

use std::error::Error as StdError;
use std::fmt::Write as _;

use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::db::DbError;
use crate::http::request_id;

/// The media type of every error answer of the API.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Text longer than this says nothing more to its reader, and a field's name may be as long as a body.
const MAX_DETAIL: usize = 500;

/// One refusal. Boxed so that `Result<_, Problem>` stays one word wide.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: String,
    param: Option<String>,
    decline_code: Option<String>,
    retryable: bool,
    errors: Vec<FieldError>,
    headers: HeaderMap,
}

/// One broken rule among several in the same request.
#[derive(Debug, Clone)]
pub struct FieldError {
    /// Stable name of the rule, as in the problem's own `code`.
    pub code: &'static str,
    /// The field in merchant's notation: `line_items[0].unit_amount`.
    pub param: String,
    /// The rule in words.
    pub detail: String,
}

impl Problem {
    /// A problem of any status; `code` is stable and of the form `body_too_large`.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            detail: shortened(detail.into()),
            param: None,
            decline_code: None,
            retryable: false,
            errors: Vec::new(),
            headers: HeaderMap::new(),
        }))
    }

    /// 400: the request as a whole cannot be understood.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400 `parameter_invalid`: one field breaks a rule.
    #[must_use]
    pub fn invalid(param: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::bad_request("parameter_invalid", detail).param(param)
    }

    /// 400 for several broken rules at once; the first one also fills `param` and `detail`.
    #[must_use]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let mut problem = match errors.first() {
            Some(first) => Self::bad_request(first.code, first.detail.clone()).param(first.param.clone()),
            None => Self::bad_request("parameter_invalid", "The request breaks a rule."),
        };
        problem.0.errors = errors;
        problem
    }

    /// 404 `<what>_not_found`: no such object for this merchant and mode; a foreign object looks exactly the same.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "resource_not_found",
            format!("There is no such {what} for this key's merchant and mode."),
        )
    }

    /// 409: the object is in a state that does not allow the call.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: understood, but not doable as asked.
    #[must_use]
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 500 without any cause in the answer; the cause and its chain go to the log.
    #[must_use]
    pub fn internal(cause: &(dyn StdError + 'static)) -> Self {
        tracing::error!(error = %chain(cause), "the request failed inside");
        Self::internal_silent()
    }

    /// 500 whose cause somebody else has logged already.
    #[must_use]
    pub fn internal_silent() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong on our side. Repeat the request with the same Idempotency-Key, or quote the request id to the operator.",
        )
        .retryable()
    }

    /// 503 with `Retry-After`: nothing was done, try again in `seconds`.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: impl Into<String>, seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(seconds)
    }

    /// Names the field the problem is about.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(shortened(param.into()));
        self
    }

    /// Carries the issuer's reason for a declined card.
    #[must_use]
    pub fn decline_code(mut self, decline_code: impl Into<String>) -> Self {
        self.0.decline_code = Some(decline_code.into());
        self
    }

    /// The field the problem is about, if it is about one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// The sentence for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The same request may succeed when sent again unchanged.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Retryable, and not before `seconds` have passed.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.retryable().header(axum::http::header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The stable name, for tests and for callers that choose by it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// A problem for an answer that the framework made by itself (404, 405, 415, ...).
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("route_not_found", "No route of this server has this path."),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method_not_allowed", "This path does not answer this method; see the Allow header.")
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("content_type_unsupported", "Send the body as application/json."),
            StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "The body is larger than this server accepts."),
            StatusCode::REQUEST_TIMEOUT => ("body_too_slow", "The request did not arrive in time."),
            s if s.is_server_error() => return Self::internal_silent().with_status(s),
            _ => ("request_refused", "The request cannot be understood."),
        };
        Self::new(status, code, detail)
    }

    fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    fn body(&self) -> Value {
        let parts = &self.0;
        let request_id = request_id::current();
        let mut body = Map::new();
        body.insert("type".into(), format!("urn:tollgate:problem:{}", parts.code).into());
        body.insert("title".into(), title(parts.code).into());
        body.insert("status".into(), parts.status.as_u16().into());
        body.insert("detail".into(), parts.detail.clone().into());
        body.insert("instance".into(), request_id.as_ref().map(|id| format!("urn:request:{id}")).into());
        body.insert("code".into(), parts.code.into());
        body.insert("param".into(), parts.param.clone().into());
        body.insert("decline_code".into(), parts.decline_code.clone().into());
        body.insert("request_id".into(), request_id.map(|id| id.to_string()).into());
        body.insert("retryable".into(), parts.retryable.into());
        if !parts.errors.is_empty() {
            let errors: Vec<Value> = parts
                .errors
                .iter()
                .map(|e| json!({"code": e.code, "param": shortened(e.param.clone()), "pointer": shortened(pointer(&e.param)), "detail": shortened(e.detail.clone())}))
                .collect();
            body.insert("errors".into(), errors.into());
        }
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.body().to_string();
        let mut response = (self.0.status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response.extensions_mut().insert(ProblemCode(self.0.code));
        response
    }
}

/// Left on the answer for the access log: which rule refused the request.
#[derive(Debug, Clone, Copy)]
pub struct ProblemCode(pub &'static str);

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        if error.is_retryable() || error.is_busy() {
            tracing::warn!(error = %chain(&error), "the database is busy");
            return Self::unavailable("database_busy", "The database is busy. Nothing was changed; try again.", 1);
        }
        if error.is_unreachable() {
            tracing::error!(error = %chain(&error), "the database cannot be reached");
            let detail = "The database cannot be reached. Repeat the request with the same Idempotency-Key.";
            return Self::unavailable("database_unreachable", detail, 5);
        }
        Self::internal(&error)
    }
}

/// An error's own words as the sentence of a `detail`: they begin small and end without a full stop.
pub fn sentence(error: &impl ToString) -> String {
    capitalized(&error.to_string()) + "."
}

/// The text with a capital at its front, unless an id or an account stands there: those are told as they are written.
pub fn capitalized(text: &str) -> String {
    if text.split(' ').next().is_some_and(|word| word.contains(['_', ':'])) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `body_too_large` -> `Body too large`: one title per code, without a second table to keep in step.
fn title(code: &str) -> String {
    capitalized(&code.replace('_', " ").replace("api key", "API key").replace("url ", "URL "))
}

/// `line_items[0].name` -> `#/line_items/0/name`, the JSON pointer form of RFC 9457's example.
fn pointer(param: &str) -> String {
    let mut pointer = String::from("#");
    for part in param.split(['.', '[']).map(|p| p.trim_end_matches(']')).filter(|p| !p.is_empty()) {
        pointer.push('/');
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

fn shortened(mut detail: String) -> String {
    if detail.len() > MAX_DETAIL {
        let cut = (0..=MAX_DETAIL).rev().find(|at| detail.is_char_boundary(*at)).unwrap_or(0);
        detail.truncate(cut);
        detail.push_str(" ...");
    }
    detail
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_is_made_of_the_code() {
        assert_eq!(title("body_too_large"), "Body too large");
        assert_eq!(title("api_key_revoked"), "API key revoked");
        assert_eq!(title(""), "");
    }

    #[test]
    fn a_sentence_leaves_ids_and_accounts_as_they_are_written() {
        assert_eq!(sentence(&"the payout is paid"), "The payout is paid.");
        assert_eq!(sentence(&"sel_01 is not a seller"), "sel_01 is not a seller.");
        assert_eq!(sentence(&"seller:sel_01:reserved is held"), "seller:sel_01:reserved is held.");
    }

    #[test]
    fn pointer_follows_the_path() {
        assert_eq!(pointer("line_items[12].unit_amount"), "#/line_items/12/unit_amount");
        assert_eq!(pointer("metadata.a/b"), "#/metadata/a~1b");
    }

    #[test]
    fn body_has_every_member_even_when_empty() {
        let body = Problem::invalid("currency", "Unknown currency.").body();
        assert_eq!(body["type"], "urn:tollgate:problem:parameter_invalid");
        assert_eq!(body["title"], "Parameter invalid");
        assert_eq!(body["status"], 400);
        assert_eq!(body["param"], "currency");
        assert_eq!(body["decline_code"], Value::Null);
        assert_eq!(body["retryable"], false);
        assert!(body.get("errors").is_none());
    }

    #[test]
    fn several_broken_rules_are_all_listed() {
        let errors = vec![
            FieldError { code: "parameter_missing", param: "currency".into(), detail: "Needed.".into() },
            FieldError {
                code: "parameter_invalid",
                param: "line_items[0].quantity".into(),
                detail: "At least 1.".into(),
            },
        ];
        let body = Problem::invalid_fields(errors).body();
        assert_eq!(body["code"], "parameter_missing");
        assert_eq!(body["errors"][1]["pointer"], "#/line_items/0/quantity");
    }

    #[test]
    fn long_details_are_cut_between_characters() {
        let body = Problem::invalid("name", "가".repeat(400)).body();
        let detail = body["detail"].as_str().unwrap_or_default();
        assert!(detail.len() <= MAX_DETAIL + 4 && detail.ends_with(" ..."));
    }

    #[test]
    fn a_database_in_trouble_is_told_from_a_mistake_of_ours() {
        let of = |error: sqlx::Error| {
            let problem = Problem::from(DbError::from(error));
            (problem.status().as_u16(), problem.code(), problem.0.retryable)
        };
        assert_eq!(of(sqlx::Error::PoolTimedOut), (503, "database_busy", true));
        assert_eq!(of(sqlx::Error::Io(std::io::Error::other("reset"))), (503, "database_unreachable", true));
        assert_eq!(of(sqlx::Error::RowNotFound).1, "internal_error");
        let told = Problem::from(DbError::from(sqlx::Error::Protocol("the password is hush".into()))).body();
        assert!(!told.to_string().contains("hush"), "{told}");
    }
}
