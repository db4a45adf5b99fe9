//! Gathers the facts that the risk rules ask for, and asks them.

use super::attempts::{Count, count_since};
use super::error::PaymentError;
use super::payment::Payment;
use crate::app::App;
use crate::risk::{self, Facts, Verdict};
use crate::words::Timestamp;

/// The name of the rule that refuses an attempt on `payment`; `None` when it may be made.
pub(super) async fn refusal(app: &App, payment: &Payment) -> Result<Option<&'static str>, PaymentError> {
    let rules = &app.config.risk;
    let now = app.now();
    let count = async |what: Count<'_>, since: Timestamp| -> Result<u32, PaymentError> {
        let made = count_since(&app.db, &payment.tenant, what, since).await?;
        Ok(u32::try_from(made).unwrap_or(u32::MAX))
    };
    let mut facts =
        Facts { amount: payment.amount, attempts_in_session: 0, attempts_by_email: 0, attempts_at_merchant: 0 };
    if rules.attempts_per_session.is_some() {
        facts.attempts_in_session = count(Count::Payment(&payment.id), payment.created_at).await?;
    }
    if let (Some(window), Some(email)) = (rules.attempts_per_email, &payment.customer_email) {
        facts.attempts_by_email = count(Count::Email(email), now.minus(window.length())).await?;
    }
    if let Some(window) = rules.attempts_per_merchant {
        facts.attempts_at_merchant = count(Count::Merchant, now.minus(window.length())).await?;
    }
    Ok(match risk::assess(&facts, rules) {
        Verdict::Allow => None,
        Verdict::Refuse(rule) => Some(rule.as_str()),
    })
}
