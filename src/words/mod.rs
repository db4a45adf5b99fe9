//! The vocabulary: money, ids, time, secrets. No I/O, nothing of ours imported.
//!
//! Promises that a value which exists is valid: a [`Money`] fits its currency, an id carries its own prefix, a
//! [`Secret`] does not print. Refuses to know databases, HTTP, PSPs and merchants' settings.

mod clock;
mod currency;
mod id;
mod money;
mod page;
pub mod pan;
mod secret;
mod tenant;

pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use currency::{Currency, UnknownCurrency};
pub use id::{
    AttemptId, AttestationId, AuditId, BreakId, CallId, CaptureId, CorrectionId, DeliveryId, DisputeId, EndpointId,
    EventId, EvidenceId, FileId, InvalidId, JobId, JournalId, KeyId, LimitProposalId, LineId, MerchantId, OperatorId,
    PaymentId, PaymentMethodId, PaymentOrderId, PayoutId, PolicyChangeId, PspEventId, RefundId, RequestId, RunId,
    SellerId, SessionId,
};
pub use money::{AmountError, Money, split};
pub use page::{Page, Slice};
pub use secret::{Secret, random_base62, random_bytes};
pub use tenant::{Mode, Tenant};
