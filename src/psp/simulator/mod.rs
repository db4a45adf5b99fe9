//! The adapter of the stand-in PSP: our trait in front, its HTTP calls behind.
//!
//! Promises that idempotency keys travel as they are, that every answer is read for no more than it says, and that a
//! webhook is believed only when its signature holds. Its wire shapes stay in this folder. It takes no live payments.

mod calls;
mod disputes;
mod list;
mod notice;
mod payouts;
mod reading;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use url::Url;

use super::{
    CaptureRequest, ConfirmRequest, EvidenceOutcome, EvidenceRequest, Finding, Hold, ListPage, ListRequest, NotDone,
    NoticeRefused, Outcome, PageOrigins, Psp, PspDispute, PspNotice, RefundOutcome, RefundRequest, RegisterRequest,
    Registered, VoidRequest,
};
use crate::config::SimulatorPsp;
use crate::outbound::Door;
use crate::words::{Mode, PaymentOrderId, Secret, Timestamp};

/// A stand-in PSP somewhere.
#[derive(Debug, Clone)]
pub struct Simulator {
    base: String,
    origin: String,
    secret_key: Secret<String>,
    webhook_secret: Secret<String>,
    door: Door,
}

impl Simulator {
    /// The stand-in at the configured address, reached through `door`.
    pub fn new(settings: &SimulatorPsp, door: Door) -> Self {
        Self {
            base: settings.url.as_str().trim_end_matches('/').to_owned(),
            origin: origin_of(&settings.url),
            secret_key: settings.secret_key.clone(),
            webhook_secret: settings.webhook_secret.clone(),
            door,
        }
    }
}

fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[async_trait]
impl Psp for Simulator {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn takes(&self, mode: Mode) -> bool {
        !mode.is_live()
    }

    fn key_lifetime(&self) -> Option<Duration> {
        None
    }

    fn page_origins(&self) -> PageOrigins {
        // The form and the challenge are frames; their scripts and calls are their own origin's affair.
        PageOrigins { frame: vec![self.origin.clone()], ..PageOrigins::default() }
    }

    async fn register(&self, request: &RegisterRequest) -> Result<Registered, NotDone> {
        let body = wire::Register {
            amount: request.amount.minor(),
            currency: request.amount.currency().code(),
            order_ids: request.orders.iter().map(PaymentOrderId::as_str).collect(),
            reference: request.payment.as_str(),
            capture: if request.hold { "manual" } else { "automatic" },
        };
        let answer = self.post("/v1/payments", Some(&request.key), &body).await;
        reading::registered(answer)
    }

    async fn confirm(&self, request: &ConfirmRequest) -> Result<Outcome, NotDone> {
        let Some(payment) = path_segment(&request.psp_payment) else {
            return Err(not_an_id());
        };
        let body = wire::Confirm {
            payment_method: request.method.expose(),
            amount: request.amount.minor(),
            currency: request.amount.currency().code(),
            save: request.save,
            off_session: request.off_session,
        };
        let answer = self.post(&format!("/v1/payments/{payment}/confirm"), Some(&request.key), &body).await;
        reading::outcome(answer)
    }

    async fn look_up(&self, psp_payment: &str, key: &str) -> Result<Finding, NotDone> {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("key", key).finish();
        reading::finding(self.get(&format!("/v1/payments?{query}")).await, psp_payment)
    }

    async fn abandon(&self, psp_payment: &str, key: &str) -> Result<Finding, NotDone> {
        let Some(payment) = path_segment(psp_payment) else {
            return Ok(Finding::NotFound);
        };
        let path = format!("/v1/payments/{payment}/abandon");
        reading::finding(self.post(&path, None, &wire::Abandon { key }).await, psp_payment)
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<Hold, NotDone> {
        let Some(payment) = path_segment(&request.psp_payment) else { return Err(not_an_id()) };
        let body = wire::Amount { amount: request.amount.minor() };
        reading::changed_hold(self.post(&format!("/v1/payments/{payment}/capture"), Some(&request.key), &body).await)
    }

    async fn void(&self, request: &VoidRequest) -> Result<Hold, NotDone> {
        let Some(payment) = path_segment(&request.psp_payment) else { return Err(not_an_id()) };
        let path = format!("/v1/payments/{payment}/void");
        reading::changed_hold(self.post(&path, Some(&request.key), &wire::Nothing {}).await)
    }

    async fn look_up_hold(&self, psp_payment: &str) -> Result<Hold, NotDone> {
        let Some(payment) = path_segment(psp_payment) else { return Err(not_an_id()) };
        reading::hold(self.get(&format!("/v1/payments/{payment}")).await)
    }

    async fn refund(&self, request: &RefundRequest) -> Result<RefundOutcome, NotDone> {
        let Some(payment) = path_segment(&request.psp_payment) else { return Err(not_an_id()) };
        let body = wire::Refund { amount: request.amount.minor(), charge: request.charge.as_deref() };
        reading::refund(self.post(&format!("/v1/payments/{payment}/refund"), Some(&request.key), &body).await)
    }

    async fn look_up_refund(&self, psp_payment: &str, key: &str) -> Result<Finding<RefundOutcome>, NotDone> {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("key", key).finish();
        reading::found_refund(self.get(&format!("/v1/refunds?{query}")).await, psp_payment, key)
    }

    fn refunds_one_charge(&self) -> bool {
        true
    }

    fn tells_of_refund(&self, kind: &str) -> bool {
        kind == "payment.refunded"
    }

    fn tells_of_failed_refund(&self, kind: &str) -> bool {
        kind == "refund.failed"
    }

    fn tells_of_dispute(&self, kind: &str) -> bool {
        kind.starts_with("dispute.")
    }

    async fn disputes(&self, psp_payment: &str) -> Result<Vec<PspDispute>, NotDone> {
        let Some(payment) = path_segment(psp_payment) else { return Err(not_an_id()) };
        disputes::list(self.get(&format!("/v1/disputes?payment_id={payment}")).await)
    }

    async fn disputes_since(&self, since: Timestamp) -> Result<Vec<PspDispute>, NotDone> {
        disputes::list(self.get(&format!("/v1/disputes?opened_since={since}")).await)
    }

    async fn submit_evidence(&self, request: &EvidenceRequest) -> Result<EvidenceOutcome, NotDone> {
        let Some(dispute) = path_segment(&request.dispute) else { return Err(not_an_id()) };
        let body = disputes::Evidence::of(request);
        disputes::taken(self.post(&format!("/v1/disputes/{dispute}/evidence"), Some(&request.key), &body).await)
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, NotDone> {
        list::page(request, self.get_long(&list::path(request)).await)
    }

    async fn accept_dispute(&self, dispute: &str, key: &str) -> Result<EvidenceOutcome, NotDone> {
        let Some(dispute) = path_segment(dispute) else { return Err(not_an_id()) };
        disputes::taken(self.post(&format!("/v1/disputes/{dispute}/accept"), Some(key), &disputes::Acceptance {}).await)
    }

    fn verify_notice(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<PspNotice, NoticeRefused> {
        notice::verify(self.webhook_secret.expose(), headers, body, now)
    }
}

fn not_an_id() -> NotDone {
    NotDone::Refused { code: "not_an_id".to_owned(), reason: "not an id this PSP gives".to_owned() }
}

/// An id as part of a path: it came from the PSP, yet it is not let out of its place.
fn path_segment(id: &str) -> Option<&str> {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then_some(id)
}
