//! Rows, read by column name into the program's own types; what cannot be is an error, not a guess.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Type};

use super::error::DbError;
use crate::words::{
    AttemptId, AttestationId, AuditId, BreakId, CallId, CaptureId, CorrectionId, Currency, DeliveryId, DisputeId,
    EndpointId, EventId, EvidenceId, FileId, JobId, JournalId, KeyId, LimitProposalId, LineId, MerchantId, Mode,
    OperatorId, PaymentId, PaymentMethodId, PaymentOrderId, PayoutId, PspEventId, RefundId, RequestId, RunId, SellerId,
    SessionId, Timestamp,
};

/// A row of either database.
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

impl Row {
    /// The value of `column`.
    pub fn get<T: Column>(&self, column: &str) -> Result<T, DbError> {
        T::read(self, column)
    }

    /// A sum that may be wider than 64 bits, which is all that both databases add up. Ask for `sum(x >> 40)` as `{sum}_high` and for
    /// `sum(x & 1099511627775)` as `{sum}_low`: the parts of many amounts fit, whatever their sum.
    pub fn wide(&self, sum: &str) -> Result<i128, DbError> {
        let part = |name: &str| self.get::<i64>(&format!("{sum}_{name}")).map(i128::from);
        Ok((part("high")? << 40_u32).saturating_add(part("low")?))
    }

    /// `None` for a null. SQLite's driver reads a null as zero or nothing unless it is asked for an `Option`.
    fn raw<T>(&self, column: &str) -> Result<Option<T>, DbError>
    where
        T: for<'r> Decode<'r, sqlx::Sqlite> + Type<sqlx::Sqlite>,
        T: for<'r> Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>,
    {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }
}

/// A type that a column can be read as.
pub trait Column: Sized {
    /// Reads `column` of `row`.
    fn read(row: &Row, column: &str) -> Result<Self, DbError>;
}

macro_rules! plain_columns {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn read(row: &Row, column: &str) -> Result<Self, DbError> {
                row.raw(column)?.ok_or_else(|| DbError::corrupt(column, NULL))
            }
        }
        impl Column for Option<$type> {
            fn read(row: &Row, column: &str) -> Result<Self, DbError> {
                row.raw(column)
            }
        }
    )*};
}

plain_columns!(i64, bool, String, Vec<u8>);

macro_rules! made_columns {
    ($($type:ty: $raw:ty, $make:expr;)*) => {$(
        impl Column for $type {
            fn read(row: &Row, column: &str) -> Result<Self, DbError> {
                Option::<Self>::read(row, column)?.ok_or_else(|| DbError::corrupt(column, NULL))
            }
        }
        impl Column for Option<$type> {
            fn read(row: &Row, column: &str) -> Result<Self, DbError> {
                let make = |raw| -> Result<$type, _> { ($make)(raw) };
                row.raw::<$raw>(column)?.map(make).transpose().map_err(|reason| DbError::corrupt(column, &reason.to_string()))
            }
        }
    )*};
}

const NULL: &str = "nothing stands there";

made_columns! {
    Timestamp: i64, |micros| Ok::<_, std::convert::Infallible>(Timestamp::from_micros(micros));
    Mode: bool, |livemode| Ok::<_, std::convert::Infallible>(Mode::of(livemode));
    Currency: String, |code: String| Currency::parse(&code);
}

macro_rules! id_columns {
    ($($type:ty),*) => {
        made_columns! { $($type: String, |text: String| <$type>::parse(&text);)* }
    };
}

id_columns!(
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
