//! What a caller may ask for, and how it is executed inside the one transaction that also stores the answer.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::record::{Attempt, Payment, Refund};
use super::settle::{self, Verdict};
use super::{confirm, money, returned, store, view};
use crate::simulator::cards::DeclineCode;
use crate::simulator::disputes::{self, AcceptBody, EvidenceBody};
use crate::simulator::faults::WebhookFaults;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::store::Tx;
use crate::simulator::webhooks::{self, Kind};
use crate::words::Currency;

/// Body of `POST /v1/payments`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    pub order_ids: Vec<String>,
    pub reference: String,
    #[serde(default)]
    pub capture: CaptureMode,
    /// Where the shopper goes back to.
    #[serde(default, rename = "return")]
    pub return_to: ReturnTo,
}

/// When the money is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    #[default]
    Automatic,
    Manual,
}

/// Where a challenge goes when it is over and no page frames it, and which origin frames it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnTo {
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub origin: Option<String>,
}

/// Body of `POST /v1/payments/{id}/confirm`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBody {
    pub payment_method: String,
    /// What the caller believes it takes, in minor units; refused when it differs from what was registered.
    #[serde(default)]
    pub amount: Option<i64>,
    #[serde(default)]
    pub currency: Option<String>,
    /// Whether the card is to be kept, to be charged again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub save: bool,
    /// Whether a kept card is charged without its holder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off_session: bool,
}

/// Body of capture (the amount defaults to all).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureBody {
    #[serde(default)]
    pub amount: Option<i64>,
}

/// Body of void: an empty object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoidBody {}

/// Body of refund (the amount defaults to what is left; the charge, an attempt's id, to the payment's first).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundBody {
    #[serde(default)]
    pub amount: Option<i64>,
    #[serde(default)]
    pub reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
}

/// One call, parsed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Register(RegisterBody),
    Confirm(String, ConfirmBody),
    Capture(String, CaptureBody),
    Void(String, VoidBody),
    Refund(String, RefundBody),
    Evidence(String, EvidenceBody),
    Accept(String, AcceptBody),
}

/// An answer as it is stored: the status and the exact text of the body.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn new(status: StatusCode, body: &Value) -> Self {
        Self { status: status.as_u16(), body: body.to_string() }
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Performed {
    /// `None` while the answer is still to come.
    pub answer: Option<Answer>,
    pub payment_id: String,
    pub events: Vec<String>,
    /// The card says that the answer gets lost.
    pub lose_answer: bool,
}

impl Performed {
    /// An answer to be stored, with the events of what was done.
    pub fn answered(payment: &Payment, answer: Answer, events: Vec<String>) -> Self {
        Self { answer: Some(answer), payment_id: payment.id.clone(), events, lose_answer: false }
    }

    /// A definite no, which is stored like any other answer.
    pub fn refused(sim: &Sim, payment: &Payment, refusal: &Refusal) -> Self {
        let mut body = refusal.body();
        body["payment"] = view::payment(&sim.public_url, payment, None);
        Self::answered(payment, Answer::new(refusal.status(), &body), Vec::new())
    }
}

impl Command {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::Confirm(..) => "confirm",
            Self::Capture(..) => "capture",
            Self::Void(..) => "void",
            Self::Refund(..) => "refund",
            Self::Evidence(..) => "evidence",
            Self::Accept(..) => "accept",
        }
    }

    /// Two calls are the same when this is.
    ///
    /// # Errors
    /// Never in practice: a parsed command always has a JSON form.
    pub fn fingerprint(&self) -> Result<String, Refusal> {
        Ok(hex::encode(Sha256::digest(serde_json::to_vec(self)?)))
    }

    /// Executes the command. Everything it writes belongs to `tx`.
    pub async fn perform(self, sim: &Sim, tx: &mut Tx, key: &str, faults: WebhookFaults) -> Result<Performed, Refusal> {
        match self {
            Self::Register(body) => register(sim, tx, key, body).await,
            Self::Confirm(id, body) => {
                let payment = existing(tx, &id).await?;
                confirm::perform(sim, tx, key, payment, &body, faults).await
            }
            Self::Capture(id, body) => {
                let payment = existing(tx, &id).await?;
                capture(sim, tx, key, payment, body, faults).await
            }
            Self::Void(id, _) => {
                let payment = existing(tx, &id).await?;
                void(sim, tx, payment, faults).await
            }
            Self::Refund(id, body) => {
                let payment = existing(tx, &id).await?;
                refund(sim, tx, key, payment, body, faults).await
            }
            Self::Evidence(id, body) => disputes::perform(sim, tx, key, &id, &body, faults).await,
            Self::Accept(id, _) => disputes::accept(sim, tx, key, &id, faults).await,
        }
    }
}

async fn existing(tx: &mut Tx, id: &str) -> Result<Payment, Refusal> {
    store::payment(&mut **tx, id).await?.ok_or_else(|| Refusal::not_found("payment"))
}

async fn register(sim: &Sim, tx: &mut Tx, key: &str, body: RegisterBody) -> Result<Performed, Refusal> {
    check(sim, key, &body)?;
    let now = sim.now();
    let payment = Payment {
        id: sim.new_id("spay"),
        client_token: sim.new_id("sct"),
        register_key: key.to_owned(),
        reference: body.reference,
        order_ids: serde_json::to_string(&body.order_ids)?,
        amount: body.amount,
        currency: body.currency,
        capture: match body.capture {
            CaptureMode::Automatic => "automatic".to_owned(),
            CaptureMode::Manual => "manual".to_owned(),
        },
        parent_origin: body.return_to.origin,
        return_url: body.return_to.url,
        status: "registered".to_owned(),
        captured_amount: 0,
        refunded_amount: 0,
        disputed_amount: 0,
        created_at: now,
        updated_at: now,
    };
    store::insert_payment(tx, &payment).await?;
    let shown = view::payment(&sim.public_url, &payment, None);
    Ok(Performed::answered(&payment, Answer::new(StatusCode::CREATED, &shown), Vec::new()))
}

fn check(sim: &Sim, key: &str, body: &RegisterBody) -> Result<(), Refusal> {
    if !(1..=1_000_000_000_000_000).contains(&body.amount) {
        return Err(Refusal::invalid("amount", "minor units, 1 to 1000000000000000"));
    }
    if Currency::parse(&body.currency).is_err() {
        return Err(Refusal::invalid("currency", "an ISO 4217 code in capitals"));
    }
    if body.order_ids.is_empty() || body.order_ids.len() > 100 {
        return Err(Refusal::invalid("order_ids", "1 to 100 ids"));
    }
    if body.order_ids.iter().any(|id| id.is_empty() || id.len() > 100) {
        return Err(Refusal::invalid("order_ids", "each id has 1 to 100 characters"));
    }
    if !body.order_ids.iter().any(|id| key.contains(id.as_str())) {
        return Err(Refusal::invalid("Idempotency-Key", "the key must contain the id of an order of this payment"));
    }
    if body.reference.is_empty() || body.reference.len() > 200 {
        return Err(Refusal::invalid("reference", "1 to 200 characters"));
    }
    if let Some(origin) = &body.return_to.origin
        && !sim.frames(origin)
    {
        return Err(Refusal::invalid("return.origin", "not one of the registered parent origins"));
    }
    if let Some(url) = &body.return_to.url {
        let web = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !web || url.len() > 2000 {
            return Err(Refusal::invalid("return.url", "an http or https URL of at most 2000 characters"));
        }
    }
    Ok(())
}

async fn capture(
    sim: &Sim,
    tx: &mut Tx,
    key: &str,
    mut payment: Payment,
    body: CaptureBody,
    faults: WebhookFaults,
) -> Result<Performed, Refusal> {
    let amount = body.amount.unwrap_or(payment.amount);
    let refusal = match payment.status.as_str() {
        "authorized" if (1..=payment.amount).contains(&amount) => None,
        "authorized" => Some(Refusal::conflict("amount_too_large", "more than was authorized, or nothing")),
        "succeeded" => Some(Refusal::conflict("already_captured", "the payment was captured before")),
        _ => Some(Refusal::conflict("not_authorized", "there is nothing to capture")),
    };
    if let Some(refusal) = refusal {
        return refused(sim, tx, &payment, &refusal).await;
    }
    let now = sim.now();
    "succeeded".clone_into(&mut payment.status);
    payment.captured_amount = amount;
    payment.updated_at = now;
    store::update_payment(tx, &payment).await?;
    store::insert_capture(tx, &sim.new_id("scap"), &payment, key, amount, money::sale_fee(amount), now).await?;
    let attempt = store::latest_attempt(&mut **tx, &payment.id).await?;
    if let Some(attempt) = &attempt {
        disputes::schedule(sim, tx, &payment, attempt).await?;
    }
    finish(sim, tx, Kind::Captured, &payment, attempt.as_ref(), None, faults).await
}

/// A no to a capture or void shows what was taken, so that the caller sees how the hold stands.
async fn refused(sim: &Sim, tx: &mut Tx, payment: &Payment, refusal: &Refusal) -> Result<Performed, Refusal> {
    let mut body = refusal.body();
    body["payment"] = view::payment(&sim.public_url, payment, None);
    body["payment"]["captures"] = store::captures(&mut **tx, &payment.id).await?.iter().map(view::capture).collect();
    Ok(Performed::answered(payment, Answer::new(refusal.status(), &body), Vec::new()))
}

async fn void(sim: &Sim, tx: &mut Tx, mut payment: Payment, faults: WebhookFaults) -> Result<Performed, Refusal> {
    let refusal = match payment.status.as_str() {
        "succeeded" => Some(Refusal::conflict("already_captured", "captured money is refunded, not voided")),
        "voided" => Some(Refusal::conflict("payment_voided", "the payment was voided before")),
        "processing" => Some(Refusal::conflict("payment_processing", "a confirm call is being executed")),
        _ => None,
    };
    if let Some(refusal) = refusal {
        return refused(sim, tx, &payment, &refusal).await;
    }
    let now = sim.now();
    let mut attempt = store::latest_attempt(&mut **tx, &payment.id).await?;
    if let Some(open) = attempt.as_mut().filter(|attempt| attempt.status == "requires_action") {
        settle::decide(&mut payment, open, Verdict::Decline(DeclineCode::Voided), now);
        store::update_attempt(tx, open).await?;
    }
    "voided".clone_into(&mut payment.status);
    payment.updated_at = now;
    store::update_payment(tx, &payment).await?;
    finish(sim, tx, Kind::Voided, &payment, attempt.as_ref(), None, faults).await
}

async fn refund(
    sim: &Sim,
    tx: &mut Tx,
    key: &str,
    mut payment: Payment,
    body: RefundBody,
    faults: WebhookFaults,
) -> Result<Performed, Refusal> {
    if body.reference.as_ref().is_some_and(|reference| reference.len() > 200) {
        return Err(Refusal::invalid("reference", "at most 200 characters"));
    }
    let named = match &body.charge {
        Some(charge) => named_charge(tx, &payment, charge).await?,
        None => Charge::First,
    };
    let further = match named {
        Charge::First => None,
        Charge::Further { attempt, left } => Some((attempt, left)),
        Charge::Unknown => {
            let unknown = Refusal::conflict("no_such_charge", "this payment has no such charge");
            return Ok(Performed::refused(sim, &payment, &unknown));
        }
    };
    let left = further.as_ref().map_or_else(|| disputes::contestable(&payment), |(_, left)| *left);
    let amount = body.amount.unwrap_or(left);
    let refusal = if payment.captured_amount == 0 {
        Some(Refusal::conflict("not_captured", "there is nothing to refund"))
    } else if !(1..=left).contains(&amount) {
        Some(Refusal::conflict("amount_too_large", "more than is left to refund, or nothing"))
    } else {
        None
    };
    if let Some(refusal) = refusal {
        return Ok(Performed::refused(sim, &payment, &refusal));
    }
    let now = sim.now();
    let attempt = store::latest_attempt(&mut **tx, &payment.id).await?;
    let returns = attempt.is_some_and(|attempt| attempt.card == returned::CARD);
    if further.is_none() {
        payment.refunded_amount = payment.refunded_amount.saturating_add(amount);
    }
    payment.updated_at = now;
    let refund = Refund {
        id: sim.new_id("sref"),
        payment_id: payment.id.clone(),
        key: key.to_owned(),
        amount,
        reference: body.reference,
        charge: further.map(|(attempt, _)| attempt),
        created_at: now,
        failed_at: None,
        failure_code: None,
        returns_at: returns.then(|| sim.machine_after(returned::AFTER)),
    };
    store::update_payment(tx, &payment).await?;
    store::insert_refund(tx, &refund).await?;
    finish(sim, tx, Kind::Refunded, &payment, None, Some(&refund), faults).await
}

/// Which charge of a payment is to be given back.
enum Charge {
    /// The first one, whose account is the payment's; so is that of a hold.
    First,
    /// One beside it, and what is left of it.
    Further { attempt: String, left: i64 },
    /// None of this payment's.
    Unknown,
}

/// The charge of `payment` that the attempt with this id made.
async fn named_charge(tx: &mut Tx, payment: &Payment, attempt: &str) -> Result<Charge, Refusal> {
    let named = store::attempt(&mut **tx, attempt).await?.filter(|it| it.payment_id == payment.id);
    let Some(named) = named.filter(|it| matches!(it.status.as_str(), "succeeded" | "authorized")) else {
        return Ok(Charge::Unknown);
    };
    let captures = store::captures(&mut **tx, &payment.id).await?;
    let Some(capture) = captures.iter().skip(1).find(|capture| capture.key == named.key) else {
        return Ok(Charge::First);
    };
    let left = capture.amount.saturating_sub(store::returned_of_charge(tx, &named.id).await?);
    Ok(Charge::Further { attempt: named.id, left })
}

/// The event and the answer of a call that went through.
async fn finish(
    sim: &Sim,
    tx: &mut Tx,
    kind: Kind,
    payment: &Payment,
    attempt: Option<&Attempt>,
    refund: Option<&Refund>,
    faults: WebhookFaults,
) -> Result<Performed, Refusal> {
    let event = webhooks::append(sim, tx, kind, payment, attempt, refund, faults).await?;
    let mut shown = view::payment(&sim.public_url, payment, attempt);
    shown["captures"] = store::captures(&mut **tx, &payment.id).await?.iter().map(view::capture).collect();
    let body = refund.map_or_else(
        || shown.clone(),
        |refund| json!({"object": "refund_result", "refund": view::refund(refund), "payment": shown}),
    );
    Ok(Performed::answered(payment, Answer::new(StatusCode::OK, &body), vec![event]))
}
