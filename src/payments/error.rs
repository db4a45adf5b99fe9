//! Why a verb of the payment service did not do what was asked.

use crate::db::{DbError, MayRetry};
use crate::keyring::CannotOpen;
use crate::psp::NotDone;
use crate::wallets::WalletError;
use crate::words::{AttemptId, PaymentId, RefundId};

/// A failure of the payment service. None of them leaves anything half done.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// No such payment, or not this tenant's.
    #[error("there is no such payment")]
    NotFound,
    /// No PSP takes payments of this mode.
    #[error("no PSP is configured that takes {0} payments")]
    NoPsp(&'static str),
    /// The payment was not made known to a PSP yet, so there is no card form it could come from.
    #[error("the payment is not registered with a PSP yet")]
    NotRegistered,
    /// What should stand for a card does not look like a PSP's token.
    #[error("payment_method must be a token of 1 to 200 letters, digits, dashes or underscores")]
    BadMethod,
    /// Its session can no longer be expired: it is paid, or being paid.
    #[error("the session cannot be expired: {0}")]
    NotExpirable(&'static str),
    /// The PSP did nothing, and said so.
    #[error(transparent)]
    Psp(#[from] NotDone),
    /// The PSP says that it took money for a second time for one payment.
    #[error("{attempt} is approved although another attempt of its payment is")]
    SecondCharge {
        /// The attempt that should not have been.
        attempt: AttemptId,
    },
    /// Money that came too late could not be sent back: a person must do it.
    #[error("money that came too late cannot be given back: {0}")]
    NotGivenBack(String),
    /// The PSP says that money is contested which we do not know to be taken: that word is still on its way.
    #[error("{psp} reports dispute {reference} of {payment}, whose capture is not known yet")]
    DisputeEarly {
        /// Where.
        psp: String,
        /// The PSP's name for it.
        reference: String,
        /// Of which payment.
        payment: PaymentId,
    },
    /// The PSP says of a dispute what cannot be: more than was captured, or another end than the one it told before.
    #[error("{psp} reports dispute {reference} of {payment} as {said}, which contradicts what is known")]
    DisputeContradiction {
        /// Where.
        psp: String,
        /// The PSP's name for it.
        reference: String,
        /// What it says.
        said: String,
        /// Of which payment.
        payment: PaymentId,
    },
    /// The PSP says that it gave money back which is the seller's again here, because it had refused to: a person must look.
    #[error("{psp} says that it gave {refund} back, which failed here and whose money is the seller's again")]
    RefundContradiction {
        /// Where.
        psp: String,
        /// Which refund.
        refund: RefundId,
    },
    /// Somebody else changed the attempt between our look and our write: look again.
    #[error("the attempt changed meanwhile")]
    Overtaken,
    /// The saved card is gone.
    #[error("the saved card was detached")]
    Detached,
    /// The saved card's token cannot be read.
    #[error(transparent)]
    Sealed(#[from] CannotOpen),
    /// The books refused.
    #[error(transparent)]
    Books(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MayRetry for PaymentError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Db(error) => error.may_retry(),
            Self::Books(error) => error.may_retry(),
            _ => false,
        }
    }
}
