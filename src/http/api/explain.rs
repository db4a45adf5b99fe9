//! `POST /v1/payments/explain`: what would become of a payment. Nothing is written, so it needs no `Idempotency-Key`, and a
//! key that may only read may ask.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::checkout_sessions::refused;
use crate::app::App;
use crate::checkout::{Asked, AskedLine, Capture, Fault, NewSession, OpenError};
use crate::http::extract::{AnyKey, Strict, require};
use crate::http::problem::Problem;
use crate::ledger::{Posting, posting_lines};
use crate::merchants::Scope;
use crate::payments::{self, ExplainError, Explained, Share};
use crate::payouts::{self, Coming, Forecast};
use crate::words::{Money, Tenant};

/// The fields of a session, or an amount of one seller; what a session needs for its page may be left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    currency: String,
    #[serde(default)]
    line_items: Vec<AskedLine>,
    amount: Option<String>,
    seller: Option<String>,
    application_fee: Option<String>,
    capture: Option<String>,
    customer_email: Option<String>,
    reference: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    success_url: Option<String>,
    cancel_url: Option<String>,
    locale: Option<String>,
    expires_in: Option<i64>,
}

/// Never visited: nothing is opened.
const NOWHERE: &str = "https://explained.invalid/";

/// Says what would become of a payment.
pub async fn explain(
    State(app): State<App>,
    AnyKey(principal): AnyKey,
    Strict(wanted): Strict<Wanted>,
) -> Result<Json<Value>, Problem> {
    require(&principal, Scope::Read)?;
    let by_amount = wanted.line_items.is_empty();
    let asked = asked(wanted)?;
    let faults = |faults: Vec<Fault>| refused(faults.into_iter().map(|fault| renamed(fault, by_amount)).collect());
    let new = NewSession::check(asked).map_err(faults)?;
    let explained = payments::explain(&app, &principal.tenant, new, app.now()).await.map_err(|error| match error {
        ExplainError::Open(OpenError::Fault(fault)) => faults(vec![fault]),
        ExplainError::Open(OpenError::Db(error)) | ExplainError::Db(error) => error.into(),
        ExplainError::Payment(error) => Problem::internal(&error),
    })?;
    let mut orders = Vec::with_capacity(explained.shares.len());
    for share in &explained.shares {
        orders.push(order(&app, &principal.tenant, &explained, share).await?);
    }
    Ok(Json(view(&principal.tenant, &explained, &orders)))
}

/// One seller's share, and when it could leave for their bank: payouts know that, which payments do not know of.
async fn order(app: &App, tenant: &Tenant, explained: &Explained, share: &Share) -> Result<Value, Problem> {
    let net = share.amount.checked_sub(share.fee).unwrap_or(Money::zero(share.amount.currency()));
    let coming = Coming { seller: share.seller.clone(), net, fulfilled_at: explained.fulfilled_at };
    let payout = payouts::forecast(&app.db, tenant, &explained.policies, &coming, app.now()).await?;
    Ok(json!({
        "seller": share.seller,
        "amount": share.amount,
        "application_fee": share.fee,
        "fee_by": share.fee_by.as_str(),
        "net": net,
        "currency": net.currency(),
        "available_at": explained.fulfilled_at,
        "payout": payout.as_ref().map(forecast),
    }))
}

fn forecast(payout: &Forecast) -> Value {
    let reasons = payout.reasons.iter().map(|reason| json!({ "code": reason.code(), "detail": reason.to_string() }));
    json!({
        "interval": payout.interval,
        "earliest_at": payout.earliest_at,
        "expected_at": payout.expected_at,
        "amount": payout.amount,
        "reasons": reasons.collect::<Vec<_>>(),
    })
}

fn asked(wanted: Wanted) -> Result<Asked, Problem> {
    let line_items = match (wanted.line_items, wanted.amount) {
        (lines, None) if !lines.is_empty() && wanted.seller.is_none() => lines,
        (lines, Some(unit_amount)) if lines.is_empty() => {
            vec![AskedLine { name: "Payment".to_owned(), unit_amount, quantity: 1, seller: wanted.seller }]
        }
        (lines, _) if lines.is_empty() => {
            return Err(Problem::invalid("amount", "Name either `line_items` or an `amount`."));
        }
        _ => return Err(Problem::invalid("amount", "With `line_items`, `amount` and `seller` follow from them.")),
    };
    Ok(Asked {
        line_items,
        currency: wanted.currency,
        success_url: wanted.success_url.unwrap_or_else(|| NOWHERE.to_owned()),
        cancel_url: wanted.cancel_url,
        reference: wanted.reference,
        customer_email: wanted.customer_email,
        locale: wanted.locale,
        capture: wanted.capture,
        expires_in: wanted.expires_in,
        application_fee: wanted.application_fee,
        save_payment_method: None,
        metadata: wanted.metadata,
    })
}

/// A fault by the name of the field that was written.
fn renamed(fault: Fault, by_amount: bool) -> Fault {
    if !by_amount {
        return fault;
    }
    let param = match fault.param.as_str() {
        "line_items[0].seller" => "seller".to_owned(),
        param if param.starts_with("line_items") => "amount".to_owned(),
        _ => fault.param,
    };
    Fault { param, ..fault }
}

fn view(tenant: &Tenant, explained: &Explained, orders: &[Value]) -> Value {
    let mode = tenant.mode.as_str();
    let psp = explained
        .psp
        .map(|name| json!({ "name": name, "reason": format!("the first configured PSP that takes {mode} payments") }));
    let currency = explained.amount.currency();
    let fee = Money::sum(currency, explained.shares.iter().map(|share| share.fee));
    json!({
        "object": "payment_explanation",
        "livemode": tenant.mode.is_live(),
        "amount": explained.amount,
        "currency": currency,
        "capture": explained.capture.as_str(),
        "psp": psp,
        "risk": {
            "verdict": if explained.refused_by.is_some() { "refuse" } else { "allow" },
            "rule": explained.refused_by,
        },
        "application_fee": fee,
        "orders": orders,
        "posted": match explained.capture {
            Capture::Automatic => "when the card is approved",
            Capture::Manual => "when it is captured",
        },
        "journals": explained.postings.iter().map(journal).collect::<Vec<_>>(),
        "payable_out": match explained.policies.fulfill_after_days {
            Some(days) => format!("once it is fulfilled: by the merchant's word, or by itself {days} days after it was paid"),
            None => "once the merchant says that it is fulfilled".to_owned(),
        },
    })
}

fn journal(posting: &Posting) -> Value {
    json!({ "kind": posting.kind, "lines": posting_lines(posting) })
}
