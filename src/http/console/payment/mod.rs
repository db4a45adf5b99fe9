//! One payment's whole story on one page.

mod sample;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::captures::Clicked;
use super::components::{Chip, Fact, ModeTag, Moment, Resend, Sum, Tone};
use super::disputes::reason;
use super::frame::{self, Frame, Place};
use super::give_back::{self, GiveBack};
use super::records::Records;
use super::refusal::Refusal;
use super::second_charges_told::{self, SecondCharge};
use super::session::SignedIn;
use super::story::{StoryMoment, in_order};
use super::{captures_told, chips, refunds_told, telling};
use crate::app::App;
use crate::payments::disputes;
use crate::words::PaymentId;

/// `GET /console/payments/{id}`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(clicked): Query<Clicked>,
    Query(given_back): Query<give_back::Clicked>,
) -> Result<Response, Refusal> {
    let id = PaymentId::parse(&id).map_err(|_| Refusal::NotFound("payment"))?;
    let records = Records::load(&app.db, &id).await?.ok_or(Refusal::NotFound("payment"))?;
    let amount = Sum::of(records.payment.amount);
    let mut frame = who.frame(format!("Payment of {}", amount.plain()), Place::Payments, app.now());
    frame.notice = clicked.notice().or_else(|| given_back.notice());
    let view = Payment {
        frame,
        id: id.to_string(),
        amount,
        status: telling::status(&records),
        mode: records.payment.tenant.mode.into(),
        truths: telling::truths(&records),
        second_charges: second_charges_told::rows(&records),
        booked: second_charges_told::booked(&records),
        facts: telling::facts(&records),
        orders: telling::orders(&records),
        open: captures_told::open(&records),
        captures: captures_told::rows(&records),
        refunds: refunds_told::rows(&records),
        disputes: records.disputes.iter().map(disputed).collect(),
        give_back: GiveBack::of(&records),
        journals: records.journals.iter().map(|journal| telling::journal(journal, &records.sellers)).collect(),
        deliveries: telling::deliveries(&records, &who.csrf),
        moments: in_order(telling::happenings(&records)),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// The page.
#[derive(Template)]
#[template(path = "console/payment.html")]
pub struct Payment {
    frame: Frame,
    id: String,
    amount: Sum,
    status: Chip,
    mode: ModeTag,
    truths: Vec<Truth>,
    second_charges: Vec<SecondCharge>,
    /// The PSP's name for the charge that paid.
    booked: String,
    moments: Vec<StoryMoment>,
    facts: Vec<Fact>,
    orders: Vec<Order>,
    open: Option<Open>,
    captures: Vec<CaptureRow>,
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
    give_back: Option<GiveBack>,
    journals: Vec<Journal>,
    deliveries: Vec<Told>,
}

/// How far the payment got, one step.
pub(super) struct Truth {
    pub name: &'static str,
    pub word: String,
    pub tone: Tone,
}

/// One seller's share.
pub(super) struct Order {
    pub id: String,
    pub seller: String,
    pub status: Chip,
    pub wallet: Chip,
    pub ledger: Chip,
    pub amount: Sum,
    pub fee: Sum,
    /// When it was delivered; nothing of it is pending since.
    pub delivered: Option<Moment>,
    /// Whether it is paid and waits for the delivery.
    pub waits: bool,
}

/// What can be done about the payment.
pub(super) struct Open {
    /// What a card holds for it; none while nobody has paid.
    pub held: Option<Sum>,
    /// The same, as it is typed.
    pub amount: String,
    pub until: Option<Moment>,
}

/// Held money taken, or let go.
pub(super) struct CaptureRow {
    pub id: String,
    pub name: &'static str,
    pub status: Chip,
    pub reason: String,
    pub answer: String,
    pub asked: Moment,
    pub amount: Sum,
}

/// Money given back.
pub(super) struct Refund {
    pub id: String,
    pub status: Chip,
    pub reason: String,
    pub answer: String,
    pub asked: Moment,
    pub amount: Sum,
}

/// Money that the shopper's bank contests.
pub(super) struct Dispute {
    pub id: String,
    pub status: Chip,
    pub reason: String,
    pub reference: String,
    pub opened: Moment,
    pub due: Option<Moment>,
    pub amount: Sum,
}

fn disputed(dispute: &disputes::Dispute) -> Dispute {
    Dispute {
        id: dispute.id.to_string(),
        status: chips::dispute(dispute.status.as_str()),
        reason: reason(dispute.reason.as_str()),
        reference: dispute.psp_reference.clone(),
        opened: Moment::of(dispute.opened_at),
        due: dispute.evidence_due_by.filter(|_| dispute.closed_at.is_none()).map(Moment::of),
        amount: Sum::of(dispute.amount),
    }
}

/// One fact of the books.
pub(super) struct Journal {
    pub id: String,
    pub kind: String,
    pub at: Moment,
    pub lines: Vec<Line>,
    pub totals: Vec<Total>,
}

/// One side of a movement.
pub(super) struct Line {
    pub account: String,
    /// Whose it is, when it is a seller's.
    pub seller: String,
    pub debit: String,
    pub credit: String,
}

/// A journal's sums in one currency.
pub(super) struct Total {
    pub currency: String,
    pub debit: String,
    pub credit: String,
    pub balanced: bool,
}

/// One webhook to one endpoint.
pub(super) struct Told {
    pub id: String,
    pub event: String,
    pub url: String,
    pub status: Chip,
    pub tries: i64,
    pub answer: String,
    pub next: Option<Moment>,
    pub resend: Resend,
}
