//! `/v1/checkout/sessions`: what shoppers are asked to pay on the hosted page.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields;
use crate::app::App;
use crate::checkout::{self, Asked, Fault, Filter, NewSession, OpenError, Session, Status};
use crate::http::extract::{Authenticated, Keyed, NoFields, PageQuery, Strict};
use crate::http::idempotent::{Done, WorkError, idempotent};
use crate::http::problem::{FieldError, Problem};
use crate::payments::{self, PaymentError};
use crate::words::{SessionId, Tenant};

const PATH: &str = "/v1/checkout/sessions";

/// Opens a session with its payment and one payment order per seller.
pub async fn create(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    request: Keyed<Asked>,
) -> Result<Response, Problem> {
    let new = NewSession::check(request.body).map_err(refused)?;
    let (tenant, now, shown) = (principal.tenant.clone(), app.now(), app.clone());
    let payable = app.psps.taking(tenant.mode).is_some();
    idempotent(app, principal.tenant, request.once, StatusCode::CREATED, async move |tx| {
        let opened = payments::open(tx, &tenant, new.clone(), now).await.map_err(not_opened)?;
        // Rolled back: a session nobody could pay is not opened.
        if !payable {
            return Err(no_psp().into());
        }
        let view = payments::session_view(&shown, &opened.session, &opened.orders);
        Ok(Done::about(&opened.payment.id, view))
    })
    .await
}

/// What a list may be narrowed by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrowed {
    status: Option<String>,
    reference: Option<String>,
    #[serde(rename = "created[gte]")]
    from: Option<String>,
    #[serde(rename = "created[gt]")]
    after: Option<String>,
    #[serde(rename = "created[lte]")]
    to: Option<String>,
    #[serde(rename = "created[lt]")]
    before: Option<String>,
}

/// The merchant's sessions, newest first.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Narrowed>,
) -> Result<Json<Value>, Problem> {
    let filter = filter(&query.filters)?;
    if let Some(id) = query.cursor(SessionId::parse)? {
        checkout::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let slice = checkout::list(&app.db, &principal.tenant, &filter, &query.page).await?;
    let mut data = Vec::with_capacity(slice.items.len());
    for session in &slice.items {
        data.push(view(&app, session).await?);
    }
    Ok(Json(json!({ "object": "list", "data": data, "has_more": slice.has_more, "url": PATH })))
}

/// One session.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let session = find(&app, &principal.tenant, &id).await?;
    Ok(Json(view(&app, &session).await?))
}

/// Ends a session now, unless it is paid or being paid. Ending it again answers the same, so no key is asked for.
pub async fn expire(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(NoFields {}): Strict<NoFields>,
) -> Result<Json<Value>, Problem> {
    let session = find(&app, &principal.tenant, &id).await?;
    match payments::expire(&app, &principal.tenant, &session.id).await {
        Ok(session) => Ok(Json(view(&app, &session).await?)),
        Err(PaymentError::NotExpirable(why)) => Err(Problem::conflict(
            "session_not_open",
            format!("The session cannot be expired: {why}. Look at its payment instead."),
        )),
        Err(PaymentError::NotFound) => Err(Problem::not_found("checkout session")),
        Err(PaymentError::Db(error)) => Err(error.into()),
        Err(error) => Err(Problem::internal(&error)),
    }
}

async fn find(app: &App, tenant: &Tenant, id: &str) -> Result<Session, Problem> {
    let missing = || Problem::not_found("checkout session");
    let id = SessionId::parse(id).map_err(|_| missing())?;
    checkout::get(&app.db, tenant, &id).await?.ok_or_else(missing)
}

async fn view(app: &App, session: &Session) -> Result<Value, Problem> {
    let orders = payments::store::orders(&app.db, &session.payment).await?;
    Ok(payments::session_view(app, session, &orders))
}

fn no_psp() -> Problem {
    Problem::conflict("livemode_unavailable", "No PSP of this gateway takes live payments. Use a test key.")
}

pub(super) fn refused(faults: Vec<Fault>) -> Problem {
    Problem::invalid_fields(faults.into_iter().map(field_error).collect())
}

fn field_error(fault: Fault) -> FieldError {
    let detail = format!("`{}` {}.", fault.param, fault.rule);
    FieldError { code: "parameter_invalid", param: fault.param, detail }
}

fn not_opened(error: OpenError) -> WorkError {
    match error {
        OpenError::Fault(fault) => refused(vec![fault]).into(),
        OpenError::Db(error) => error.into(),
    }
}

fn filter(asked: &Narrowed) -> Result<Filter, Problem> {
    let status = asked.status.as_deref().map(|text| {
        let rule = "`status` must be \"open\", \"complete\" or \"expired\".";
        Status::parse(text).ok_or_else(|| Problem::invalid("status", rule))
    });
    let (created_from, created_to) =
        fields::created(asked.from.as_deref(), asked.after.as_deref(), asked.to.as_deref(), asked.before.as_deref())?;
    Ok(Filter { status: status.transpose()?, reference: asked.reference.clone(), created_from, created_to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Timestamp;

    fn asked(pairs: &[(&str, &str)]) -> Result<Filter, Problem> {
        let map: serde_json::Map<_, _> = pairs.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        filter(&serde_json::from_value(Value::Object(map)).unwrap())
    }

    #[test]
    fn bounds_are_the_narrowest_asked_for() {
        let at = |seconds| Timestamp::from_unix_seconds(seconds);
        let both = asked(&[("created[gte]", "1970-01-01T00:00:10Z"), ("created[gt]", "1970-01-01T00:00:05Z")]).unwrap();
        assert_eq!(both.created_from, Some(at(10)));
        let after = asked(&[("created[gt]", "1970-01-01T00:00:10Z")]).unwrap();
        assert!(after.created_from > Some(at(10)));
        let before =
            asked(&[("created[lt]", "1970-01-01T00:00:10Z"), ("created[lte]", "1970-01-01T00:00:10Z")]).unwrap();
        assert!(before.created_to < Some(at(10)) && before.created_to.is_some());
        assert_eq!(asked(&[]).unwrap(), Filter::default());
    }

    #[test]
    fn odd_filters_are_refused_by_name() {
        for (name, value) in [("status", "paid"), ("created[gte]", "yesterday"), ("created[lt]", "1760000000")] {
            assert_eq!(asked(&[(name, value)]).unwrap_err().code(), "parameter_invalid");
        }
    }
}
