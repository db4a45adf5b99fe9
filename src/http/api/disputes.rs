//! `/v1/disputes`: money that shoppers' banks contest, and what the merchant says against it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::fields;
use crate::app::App;
use crate::http::extract::{Authenticated, Keyed, NoFields, PageQuery};
use crate::http::idempotent::{Done, WorkError, idempotent};
use crate::http::list::envelope;
use crate::http::problem::{Problem, sentence};
use crate::payments::disputes::{self, Answered, Dispute, Filter, LONGEST, Texts};
use crate::psp::DisputeStatus;
use crate::words::{DisputeId, PaymentId, Slice};

/// What a list may be narrowed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    payment: Option<String>,
    status: Option<String>,
}

/// Evidence: at least one of these.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    product_description: Option<String>,
    shipping_carrier: Option<String>,
    shipping_tracking_number: Option<String>,
    customer_communication: Option<String>,
    refund_policy: Option<String>,
    explanation: Option<String>,
}

/// A page of disputes, newest first.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Filters>,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(DisputeId::parse)? {
        disputes::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let filter = Filter {
        payment: query.filters.payment.as_deref().map(payment_id).transpose()?,
        status: query.filters.status.as_deref().map(status).transpose()?,
    };
    let slice = disputes::list(&app.db, Some(&principal.tenant), &filter, &query.page).await?;
    let mut items = Vec::with_capacity(slice.items.len());
    for dispute in &slice.items {
        items.push(whole(&app, dispute).await?);
    }
    Ok(envelope("/v1/disputes", Slice { items, has_more: slice.has_more }, Value::clone))
}

/// One dispute.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = DisputeId::parse(&id).map_err(|_| missing())?;
    let dispute = disputes::get(&app.db, &principal.tenant, &id).await?.ok_or_else(missing)?;
    Ok(Json(whole(&app, &dispute).await?))
}

/// Takes on evidence. The answer says `sending`: a webhook or a look tells whether the PSP has it.
pub async fn answer(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    request: Keyed<Evidence>,
) -> Result<Response, Problem> {
    let id = DisputeId::parse(&id).map_err(|_| missing())?;
    let texts = checked(request.body)?;
    let (tenant, now, wake) = (principal.tenant.clone(), app.now(), app.wake.clone());
    let answer = idempotent(app, principal.tenant, request.once, StatusCode::OK, async move |tx| {
        let (dispute, evidence) = disputes::answer(tx, &tenant, &id, texts.clone(), now).await.map_err(refused)?;
        Ok(Done::about(&dispute.payment, disputes::view(&dispute, Some(&evidence))))
    })
    .await?;
    wake.notify_one();
    Ok(answer)
}

/// Takes on that the merchant gives in. The answer says `sending`: `dispute.closed` or a look tells when it is lost.
pub async fn accept(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    request: Keyed<NoFields>,
) -> Result<Response, Problem> {
    let id = DisputeId::parse(&id).map_err(|_| missing())?;
    let (tenant, now, wake) = (principal.tenant.clone(), app.now(), app.wake.clone());
    let answer = idempotent(app, principal.tenant, request.once, StatusCode::OK, async move |tx| {
        let (dispute, acceptance) = disputes::accept(tx, &tenant, &id, now).await.map_err(refused)?;
        Ok(Done::about(&dispute.payment, disputes::view(&dispute, Some(&acceptance))))
    })
    .await?;
    wake.notify_one();
    Ok(answer)
}

async fn whole(app: &App, dispute: &Dispute) -> Result<Value, Problem> {
    let evidence = disputes::evidence_of(&app.db, &dispute.id).await?;
    Ok(disputes::view(dispute, evidence.as_ref()))
}

fn checked(evidence: Evidence) -> Result<Texts, Problem> {
    let texts = [
        ("product_description", evidence.product_description),
        ("shipping_carrier", evidence.shipping_carrier),
        ("shipping_tracking_number", evidence.shipping_tracking_number),
        ("customer_communication", evidence.customer_communication),
        ("refund_policy", evidence.refund_policy),
        ("explanation", evidence.explanation),
    ];
    let given: Vec<(&'static str, String)> = texts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
    if given.is_empty() {
        return Err(Problem::invalid("explanation", "Evidence needs at least one text, such as `explanation`."));
    }
    for (name, text) in &given {
        fields::text_of_lines(name, text, LONGEST)?;
    }
    Ok(Texts(given))
}

fn payment_id(text: &str) -> Result<PaymentId, Problem> {
    PaymentId::parse(text).map_err(|_| Problem::invalid("payment", "`payment` must be the id of a payment (pay_...)."))
}

fn status(text: &str) -> Result<DisputeStatus, Problem> {
    DisputeStatus::parse(text)
        .ok_or_else(|| Problem::invalid("status", "`status` is one of: needs_response, under_review, won, lost."))
}

fn missing() -> Problem {
    Problem::not_found("dispute")
}

fn refused(error: Answered) -> WorkError {
    let conflict = |code| Problem::conflict(code, sentence(&error));
    match error {
        Answered::NoDispute => missing().into(),
        Answered::Closed(_) => conflict("dispute_closed").into(),
        Answered::Already => conflict("evidence_already_submitted").into(),
        Answered::GivenIn => conflict("dispute_accepted").into(),
        Answered::TooLate(_) => conflict("evidence_too_late").into(),
        Answered::Db(error) => error.into(),
    }
}
