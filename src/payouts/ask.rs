//! Ask: a payout is written and its money held apart, all in the caller's transaction; a job orders it.

use super::{AskError, Payout, PayoutStatus, gate, jobs, postings, store, view};
use crate::app::App;
use crate::db::Tx;
use crate::events::{self, NewEvent};
use crate::merchants::{policies, sellers};
use crate::sabotage::Protection::{ApprovalGate, PayoutHold};
use crate::wallets;
use crate::words::{Currency, Money, PayoutId, SellerId, Tenant, Timestamp};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewPayout {
    /// Who is paid.
    pub seller: SellerId,
    /// How much, as the merchant wrote it.
    pub amount: String,
    /// In which currency.
    pub currency: Currency,
    /// The merchant's notes.
    pub metadata: serde_json::Value,
    /// The period of the seller's schedule, when that asks.
    pub period: Option<String>,
    /// Who asks: the id of a key or an operator, or `schedule`.
    pub asked_by: String,
}

/// Takes on a payout: from here on its money is held, and the provider will be asked until it says what became of it.
pub async fn ask(app: &App, tx: &mut Tx, tenant: &Tenant, new: NewPayout, now: Timestamp) -> Result<Payout, AskError> {
    let amount = Money::parse(&new.amount, new.currency).map_err(|error| AskError::BadAmount(error.to_string()))?;
    if amount.is_zero() {
        return Err(AskError::BadAmount("must be more than zero".to_owned()));
    }
    let provider = app.psps.paying_out(tenant.mode).ok_or(AskError::NoProvider(tenant.mode.as_str()))?.name();
    let seller = sellers::get(&mut *tx, tenant, &new.seller).await?.ok_or(AskError::NoSeller)?;
    let destination = gate(&seller, now)?.clone();
    let limit = policies::of(&mut *tx, tenant).await?.payout_approval_above.get(&new.currency).copied();
    let above = limit.is_some_and(|limit| amount.minor() > limit.minor()) && !ApprovalGate.is_absent();
    let payout = Payout {
        id: PayoutId::new(),
        tenant: tenant.clone(),
        seller: new.seller,
        amount,
        status: if above { PayoutStatus::NeedsApproval } else { PayoutStatus::Pending },
        provider: provider.to_owned(),
        destination: destination.token,
        bank_name: destination.bank_name,
        last4: destination.last4,
        provider_reference: None,
        failure_code: None,
        period: new.period,
        metadata: new.metadata,
        asked_by: new.asked_by,
        decided_by: None,
        decided_at: None,
        created_at: now,
        sent_at: None,
        seen_at: None,
        settled_at: None,
        returned_at: None,
    };
    store::insert(tx, &payout).await?;
    if !above {
        jobs::carry_out(tx, &payout, now).await?;
    }
    let (data, object_id) = (view(&payout), payout.id.as_str());
    events::append(tx, NewEvent { tenant, kind: "payout.created", object_id, data, now }).await?;
    if !PayoutHold.is_absent() {
        // The wallet's row is the lock: of two payouts that together are too much, one finds too little left.
        wallets::post(tx, &[postings::asked(&payout)]).await?;
    }
    Ok(payout)
}
