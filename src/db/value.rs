//! What may be bound to a statement: no float and no decimal, so that money can only travel as integer or text.

use crate::words::{
    AttemptId, AttestationId, AuditId, BreakId, CallId, CaptureId, CorrectionId, Currency, DeliveryId, DisputeId,
    EndpointId, EventId, EvidenceId, FileId, JobId, JournalId, KeyId, LimitProposalId, LineId, MerchantId, Mode,
    OperatorId, PaymentId, PaymentMethodId, PaymentOrderId, PayoutId, PspEventId, RefundId, RequestId, RunId, SellerId,
    SessionId, Timestamp,
};

/// A parameter of a statement; `None` inside keeps its type, which PostgreSQL wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A bigint.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// A boolean.
    Bool(Option<bool>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// Whether there is no value.
    pub const fn is_null(&self) -> bool {
        match self {
            Self::Int(value) => value.is_none(),
            Self::Text(value) => value.is_none(),
            Self::Bool(value) => value.is_none(),
            Self::Bytes(value) => value.is_none(),
        }
    }
}

macro_rules! values {
    ($($type:ty => $variant:ident, $map:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Some(($map)(value)))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map($map))
            }
        }
    )*};
}

values! {
    i64 => Int, |value| value;
    Timestamp => Int, Timestamp::micros;
    bool => Bool, |value| value;
    Mode => Bool, Mode::is_live;
    String => Text, |value| value;
    &str => Text, str::to_owned;
    &String => Text, String::clone;
    Currency => Text, |value: Currency| value.code().to_owned();
    Vec<u8> => Bytes, |value| value;
    &[u8] => Bytes, <[u8]>::to_vec;
}

macro_rules! id_values {
    ($($type:ty),*) => {$(
        values! {
            &$type => Text, |value: &$type| value.as_str().to_owned();
            $type => Text, |value: $type| value.as_str().to_owned();
        }
        impl From<&Option<$type>> for Value {
            fn from(value: &Option<$type>) -> Self {
                Self::Text(value.as_ref().map(|id| id.as_str().to_owned()))
            }
        }
    )*};
}

id_values!(
    AttemptId,
    AuditId,
    BreakId,
    CallId,
    CaptureId,
    AttestationId,
    LimitProposalId,
    CorrectionId,
    DeliveryId,
    DisputeId,
    EndpointId,
    EventId,
    EvidenceId,
    FileId,
    JobId,
    JournalId,
    KeyId,
    LineId,
    MerchantId,
    OperatorId,
    PaymentId,
    PaymentMethodId,
    PaymentOrderId,
    PayoutId,
    PspEventId,
    RefundId,
    RequestId,
    RunId,
    SellerId,
    SessionId
);

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}
