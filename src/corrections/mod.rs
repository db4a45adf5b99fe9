//! Putting a mistake in the books right: by another journal, never by changing one.
//!
//! Promises: a correction has a reason and the names of two people, one who asked and another who agreed; it is posted once; it
//! takes nothing from a seller that the seller does not have; what it moves of pending money it moves of an order too; the
//! merchant is told by an event. A merchant's key may ask, and a person of who runs the gateway agrees. Refuses to decide what
//! is right.

pub mod pending;
mod store;
mod view;

pub use store::{find, get, list, of_tenant};
pub use view::view;

use crate::db::{DbError, MayRetry, Tx};
use crate::events::{self, NewEvent};
use crate::ledger::{self, Account, Posting, Transfer};
use crate::merchants::sellers;
use crate::payments;
use crate::wallets::{self, WalletError};
use crate::words::{CorrectionId, JournalId, PaymentId, Tenant, Timestamp};

/// Characters of a reason.
pub const REASON: usize = 500;
/// Transfers of one correction.
pub const TRANSFERS: usize = 20;
/// The kind of its journal.
const KIND: &str = "correction";

/// Where a correction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits for a second person.
    Asked,
    /// In the books.
    Posted,
    /// Turned down; nothing was posted.
    Refused,
}

impl Status {
    /// As the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Posted => "posted",
            Self::Refused => "refused",
        }
    }
}

/// A correction of one merchant's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// `cor_...`, the source of its journal.
    pub id: CorrectionId,
    /// Whose books.
    pub tenant: Tenant,
    /// Why.
    pub reason: String,
    /// The journal that it puts right, if it is one.
    pub corrects: Option<JournalId>,
    /// The payment that it belongs to, if to one.
    pub payment: Option<PaymentId>,
    /// What it moves.
    pub transfers: Vec<Transfer>,
    /// Where it stands.
    pub status: Status,
    /// Who asked for it.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// Who agreed or refused.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Its journal, once it is posted.
    pub journal: Option<JournalId>,
}

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Why: 1 to 500 characters.
    pub reason: String,
    /// The journal that it puts right, if it is one.
    pub corrects: Option<JournalId>,
    /// The payment that it belongs to, if to one; without it that of the journal.
    pub payment: Option<PaymentId>,
    /// 1 to 20.
    pub transfers: Vec<Transfer>,
    /// The name of who asks.
    pub by: String,
}

/// Why a correction was not taken on or not posted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionError {
    /// Nobody could tell later why it was done.
    #[error("a reason has 1 to {REASON} characters and no control characters")]
    Reason,
    /// Too few or too many transfers, nothing to move, or an account against itself.
    #[error("a correction has 1 to {TRANSFERS} transfers, each above zero and between two different accounts")]
    Transfers,
    /// The journal is not in these books.
    #[error("the journal to be corrected is not in these books")]
    NoSuchJournal,
    /// The payment is not this merchant's.
    #[error("the payment is not one of this merchant's")]
    NoSuchPayment,
    /// The account belongs to payouts, refunds or disputes, which have ends of their own.
    #[error("{0} is money on its way, held or contested: it moves when its payout, refund or dispute ends")]
    Held(String),
    /// Pending money always belongs to an order.
    #[error("what {0} has pending belongs to an order: name its payment")]
    PendingOfNoPayment(String),
    /// The order is delivered, was never paid, or has less pending than would be taken.
    #[error(
        "the payment has no order of {0} that waits for delivery with so much pending: what is delivered is corrected in what is available"
    )]
    NothingPending(String),
    /// The seller is not this merchant's.
    #[error("{0} is not a seller of this merchant")]
    NoSuchSeller(String),
    /// One person alone may not move money by hand.
    #[error("a correction must be agreed to by somebody else than who asked for it")]
    SamePerson,
    /// Somebody has decided already.
    #[error("it is decided already")]
    Decided,
    /// The books or the wallets refuse it.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MayRetry for CorrectionError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Wallet(error) => error.may_retry(),
            Self::Db(error) => error.may_retry(),
            _ => false,
        }
    }
}

/// Takes on a correction; it waits for a second person.
///
/// # Errors
/// [`CorrectionError`], and then nothing was written.
pub async fn ask(tx: &mut Tx, tenant: &Tenant, asked: &Asked, now: Timestamp) -> Result<Correction, CorrectionError> {
    let reason = asked.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON || reason.chars().any(char::is_control) {
        return Err(CorrectionError::Reason);
    }
    let sound = |transfer: &Transfer| !transfer.amount.is_zero() && transfer.debit != transfer.credit;
    if !(1..=TRANSFERS).contains(&asked.transfers.len()) || !asked.transfers.iter().all(sound) {
        return Err(CorrectionError::Transfers);
    }
    // What puts a journal right belongs where that does, or a payment's story would lack it.
    let mut payment = asked.payment.clone();
    if let Some(journal) = &asked.corrects {
        let its = ledger::payment_of(&mut *tx, tenant, journal).await?;
        payment = payment.or(its.ok_or(CorrectionError::NoSuchJournal)?);
    }
    if let Some(payment) = &payment
        && payments::store::get(&mut *tx, tenant, payment).await?.is_none()
    {
        return Err(CorrectionError::NoSuchPayment);
    }
    for account in asked.transfers.iter().flat_map(|transfer| [&transfer.debit, &transfer.credit]) {
        if matches!(account, Account::PayingOut(_) | Account::Reserved(_) | Account::Disputes) {
            return Err(CorrectionError::Held(account.to_string()));
        }
        if let Some((seller, _)) = Account::pocket(account)
            && sellers::get(&mut *tx, tenant, seller).await?.is_none()
        {
            return Err(CorrectionError::NoSuchSeller(seller.to_string()));
        }
    }
    pending::check(tx, tenant, payment.as_ref(), &asked.transfers).await?;
    let correction = Correction {
        id: CorrectionId::new(),
        tenant: tenant.clone(),
        reason: reason.to_owned(),
        corrects: asked.corrects.clone(),
        payment,
        transfers: asked.transfers.clone(),
        status: Status::Asked,
        asked_by: asked.by.clone(),
        asked_at: now,
        decided_by: None,
        decided_at: None,
        journal: None,
    };
    store::insert(tx, &correction).await?;
    Ok(correction)
}

/// Posts a correction that somebody else asked for.
///
/// # Errors
/// [`CorrectionError`], and then the transaction must not be committed.
pub async fn agree(
    tx: &mut Tx,
    correction: &Correction,
    by: &str,
    now: Timestamp,
) -> Result<Correction, CorrectionError> {
    if by == correction.asked_by {
        return Err(CorrectionError::SamePerson);
    }
    if correction.status != Status::Asked {
        return Err(CorrectionError::Decided);
    }
    pending::put_right(tx, correction.payment.as_ref(), &correction.transfers, now).await?;
    let posting = Posting {
        kind: KIND,
        source_id: correction.id.to_string(),
        tenant: correction.tenant.clone(),
        payment: correction.payment.clone(),
        transfers: correction.transfers.clone(),
        now,
    };
    let entries = wallets::post(tx, &[posting]).await?;
    let journal = entries.into_iter().next().filter(|entry| entry.new).ok_or(CorrectionError::Decided)?.journal;
    let posted = Correction {
        status: Status::Posted,
        decided_by: Some(by.to_owned()),
        decided_at: Some(now),
        journal: Some(journal),
        ..correction.clone()
    };
    if !store::decide(tx, &posted).await? {
        return Err(CorrectionError::Decided);
    }
    let event = NewEvent {
        tenant: &posted.tenant,
        kind: "ledger.corrected",
        object_id: posted.id.as_str(),
        data: view(&posted),
        now,
    };
    events::append(tx, event).await?;
    Ok(posted)
}

/// Turns a correction down; whoever asked may do so too.
///
/// # Errors
/// [`CorrectionError::Decided`] when it is decided already.
pub async fn refuse(tx: &mut Tx, correction: &Correction, by: &str, now: Timestamp) -> Result<(), CorrectionError> {
    let refused = Correction {
        status: Status::Refused,
        decided_by: Some(by.to_owned()),
        decided_at: Some(now),
        ..correction.clone()
    };
    if store::decide(tx, &refused).await? { Ok(()) } else { Err(CorrectionError::Decided) }
}
