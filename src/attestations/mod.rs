//! What two people say that a PSP has confirmed, where it does not answer us: an attempt, a refund, a capture or a payout
//! that was given up with its outcome unknown.
//!
//! Promises that one person states it with a reason and another agrees, that it is then settled by the one verb that a
//! PSP's own answer goes through, with its books and events, and that the dead letter is resolved with it. Only work that
//! was given up can be attested: while a machine still asks, its answer is the better one. Refuses to know who may do this;
//! whoever calls writes it into the audit log.

mod settle;
mod store;

pub use store::{find, of_object};

use crate::db::{DbError, Tx};
use crate::payments::{PaymentError, jobs};
use crate::payouts::{self, PayoutError};
use crate::queue::{DeadJob, letters};
use crate::wallets::WalletError;
use crate::words::{AttestationId, Tenant, Timestamp};

/// Characters of a reason.
pub const REASON: usize = 500;
/// Characters of a PSP's reference.
pub const REFERENCE: usize = 200;

/// Where an attestation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits for a second person.
    Asked,
    /// Agreed to, and settled.
    Settled,
    /// Turned down.
    Refused,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Settled => "settled",
            Self::Refused => "refused",
        }
    }
}

/// What the PSP confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It was done; this is the PSP's name for it.
    Done(String),
    /// It was not done, and will not be.
    NotDone,
}

/// A statement about one object whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// Its id.
    pub id: AttestationId,
    /// Whose the object is.
    pub tenant: Tenant,
    /// The kind of the job that was given up.
    pub kind: String,
    /// The object: an attempt, a refund, a capture or a payout.
    pub object: String,
    /// What the PSP confirmed.
    pub confirmed: Confirmed,
    /// How the person knows.
    pub reason: String,
    /// Where it stands.
    pub status: Status,
    /// Who stated it.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// Who agreed or turned it down.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

/// Why nothing was attested. The transaction must not be committed then.
#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    /// Nothing with an unknown outcome was given up with this letter, or no longer.
    #[error("this dead letter is not about anything whose outcome is unknown")]
    NothingUnknown,
    /// The reason or the reference breaks a rule.
    #[error("a reason has 1 to {REASON} characters, and what was done has the PSP's reference of 1 to {REFERENCE}")]
    Words,
    /// Another statement about it waits already.
    #[error("a statement about it waits for a second person")]
    Waits,
    /// The first person cannot be the second one.
    #[error("somebody else than who stated it has to agree")]
    SamePerson,
    /// It was agreed to or turned down already.
    #[error("it is decided already")]
    Decided,
    /// The payment was paid by another attempt meanwhile: this one's money must be given back at the PSP.
    #[error("the payment is paid by another attempt")]
    PaidTwice,
    /// Payments refuse.
    #[error(transparent)]
    Payment(PaymentError),
    /// Payouts refuse.
    #[error(transparent)]
    Payout(PayoutError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<PaymentError> for AttestationError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::SecondCharge { .. } => Self::PaidTwice,
            PaymentError::Overtaken => Self::NothingUnknown,
            PaymentError::Db(error) | PaymentError::Books(WalletError::Db(error)) => Self::Db(error),
            other => Self::Payment(other),
        }
    }
}

impl From<PayoutError> for AttestationError {
    fn from(error: PayoutError) -> Self {
        match error {
            PayoutError::Overtaken => Self::NothingUnknown,
            PayoutError::Db(error) => Self::Db(error),
            other => Self::Payout(other),
        }
    }
}

/// What a person states about the work of a dead letter.
#[derive(Debug, Clone)]
pub struct Stated {
    /// What the PSP confirmed.
    pub confirmed: Confirmed,
    /// How the person knows.
    pub reason: String,
    /// Who: an operator's e-mail.
    pub by: String,
}

/// Whether the work of this kind asks somebody for something whose outcome a person could learn instead.
#[must_use]
pub fn is_about_an_outcome(kind: &str) -> bool {
    matches!(kind, jobs::RECOVER | jobs::REFUND | jobs::CAPTURE | jobs::VOID | payouts::jobs::CARRY_OUT)
}

/// Takes on a statement about the object of an open dead letter; nothing is settled before somebody else agrees.
///
/// # Errors
/// [`AttestationError`], and then the transaction must not be committed.
pub async fn ask(
    tx: &mut Tx,
    letter: &DeadJob,
    stated: &Stated,
    now: Timestamp,
) -> Result<Attestation, AttestationError> {
    let is_text = |text: &str, most| (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let reason = stated.reason.trim();
    let named = match &stated.confirmed {
        Confirmed::Done(reference) => is_text(reference, REFERENCE),
        Confirmed::NotDone => true,
    };
    if !named || !is_text(reason, REASON) {
        return Err(AttestationError::Words);
    }
    let open = letters::find(&mut *tx, &letter.id).await?.filter(|letter| letter.resolved.is_none());
    let (Some(letter), Some(tenant)) = (open, &letter.tenant) else { return Err(AttestationError::NothingUnknown) };
    if !settle::is_unknown(tx, &letter.kind, &letter.key).await? {
        return Err(AttestationError::NothingUnknown);
    }
    let attestation = Attestation {
        id: AttestationId::new(),
        tenant: tenant.clone(),
        kind: letter.kind,
        object: letter.key,
        confirmed: stated.confirmed.clone(),
        reason: reason.to_owned(),
        status: Status::Asked,
        asked_by: stated.by.clone(),
        asked_at: now,
        decided_by: None,
        decided_at: None,
    };
    match store::insert(tx, &attestation).await {
        Err(error) if error.is_unique_violation() => Err(AttestationError::Waits),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(attestation),
    }
}

/// Settles what somebody else stated, and resolves the dead letters of it.
///
/// # Errors
/// [`AttestationError`], and then the transaction must not be committed.
pub async fn agree(
    app: &crate::app::App,
    tx: &mut Tx,
    attestation: &Attestation,
    by: &str,
    now: Timestamp,
) -> Result<(), AttestationError> {
    if by == attestation.asked_by {
        return Err(AttestationError::SamePerson);
    }
    if !store::decide(tx, &attestation.id, Status::Settled, by, now).await? {
        return Err(AttestationError::Decided);
    }
    let Attestation { kind, object, .. } = attestation;
    let note: String = format!("Settled by hand: {}", attestation.reason).chars().take(REASON).collect();
    letters::resolve_all(tx, kind, object, by, &note, now).await?;
    settle::settle(app, tx, attestation, now).await
}

/// Turns a statement down; whoever made it may do so too.
///
/// # Errors
/// [`AttestationError::Decided`] when it is decided already.
pub async fn refuse(tx: &mut Tx, attestation: &Attestation, by: &str, now: Timestamp) -> Result<(), AttestationError> {
    let refused = store::decide(tx, &attestation.id, Status::Refused, by, now).await?;
    if refused { Ok(()) } else { Err(AttestationError::Decided) }
}
