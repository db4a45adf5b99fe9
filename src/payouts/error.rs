//! Why a verb of payouts did not do what was asked.

use super::gate::Closed;
use crate::db::{DbError, MayRetry};
use crate::psp::NotDone;
use crate::wallets::WalletError;
use crate::words::PayoutId;

/// Why a payout was not taken on. Nothing was written then, if the caller's transaction is not committed.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No such seller, or not this tenant's.
    #[error("there is no such seller")]
    NoSeller,
    /// Nobody sends money of this mode.
    #[error("no payout provider is configured that sends {0} money")]
    NoProvider(&'static str),
    /// Nothing may be paid out to this seller now.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// Not an amount of the currency.
    #[error("{0}")]
    BadAmount(String),
    /// The books refuse: the seller has less than that available.
    #[error(transparent)]
    Books(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why nothing was decided about a payout.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// No such payout, or not this tenant's.
    #[error("there is no such payout")]
    NotFound,
    /// It is past that.
    #[error("a payout that is {0} can no longer be decided about")]
    TooLate(&'static str),
    /// A second person is asked for, and this is the first one.
    #[error("whoever asked for a payout may not approve it")]
    SamePerson,
    /// The books refuse.
    #[error(transparent)]
    Books(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A failure of a payout's job. None of them leaves anything half done.
#[derive(Debug, thiserror::Error)]
pub enum PayoutError {
    /// The provider that has it is not configured any more.
    #[error("the payout provider {0} is not configured")]
    NoProvider(String),
    /// The provider did nothing, and said so.
    #[error(transparent)]
    Provider(#[from] NotDone),
    /// The provider says that it sent money which we gave back to the seller.
    #[error("{provider} says that it has {id}, which is {status} here and whose money is the seller's again")]
    Contradiction {
        /// The payout.
        id: PayoutId,
        /// As it stands here.
        status: &'static str,
        /// Who says so.
        provider: String,
    },
    /// Somebody else changed the payout between our look and our write: look again.
    #[error("the payout changed meanwhile")]
    Overtaken,
    /// The books refuse.
    #[error(transparent)]
    Books(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MayRetry for PayoutError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Db(error) => error.may_retry(),
            Self::Books(error) => error.may_retry(),
            _ => false,
        }
    }
}

impl MayRetry for DecideError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Db(error) => error.may_retry(),
            Self::Books(error) => error.may_retry(),
            _ => false,
        }
    }
}
