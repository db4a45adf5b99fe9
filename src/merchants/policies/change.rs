//! Changing decisions: the named ones, all or none, with a record of who did it.

use serde_json::Value;

use super::limit::no_looser;
use super::reading::{Fault, fee};
use super::{PlatformFee, Policies, store};
use crate::db::{DbError, Tx};
use crate::words::{SellerId, Tenant, Timestamp};

/// Why nothing was changed. The caller's transaction must not be committed.
#[derive(Debug, thiserror::Error)]
pub enum Change {
    /// A value breaks a rule.
    #[error("{param} {rule}")]
    Fault {
        /// The field.
        param: String,
        /// The rule, to be read after the field.
        rule: String,
    },
    /// It would let more leave without a second person, which one alone may not decide.
    #[error("{param} is raised or removed by two people")]
    NeedsTwo {
        /// The field.
        param: String,
    },
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Fault> for Change {
    fn from(Fault { param, rule }: Fault) -> Self {
        Self::Fault { param, rule }
    }
}

/// Decides what is named in `wanted` (null: the default again) and leaves the rest; `by` is the key or the operator. The
/// limit of payouts is not raised here: that takes two people, [`super::limit::wish`].
pub async fn change(
    tx: &mut Tx,
    tenant: &Tenant,
    wanted: &[(&'static str, Value)],
    by: &str,
    now: Timestamp,
) -> Result<Policies, Change> {
    let before = store::of(&mut *tx, tenant).await?;
    let mut after = before.clone();
    for (name, value) in wanted {
        after.set(name, value)?;
    }
    no_looser(&before, &after)?;
    for (name, value) in wanted {
        write(tx, tenant, name, (&before.value(name), &after.value(name), value.is_null()), by, now).await?;
    }
    Ok(after)
}

/// Writes one decision that `was` and `is` something else now, or forgets it, with a record of who did it.
pub(super) async fn write(
    tx: &mut Tx,
    tenant: &Tenant,
    name: &str,
    (was, is, forget): (&Value, &Value, bool),
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    if was == is {
        return Ok(());
    }
    if forget {
        store::forget(tx, tenant, None, name).await?;
    } else {
        store::keep(tx, tenant, None, name, is, now).await?;
    }
    store::record(tx, tenant, None, name, (was, is), by, now).await
}

/// A seller's own fee as a caller writes it; null is none.
pub fn fee_of(wanted: &Value) -> Result<Option<PlatformFee>, Change> {
    Ok(fee(wanted)?)
}

/// Decides the platform's fee of one seller; none treats it like the others again.
pub async fn change_of_seller(
    tx: &mut Tx,
    tenant: &Tenant,
    seller: &SellerId,
    after: Option<PlatformFee>,
    by: &str,
    now: Timestamp,
) -> Result<Option<PlatformFee>, DbError> {
    const NAME: &str = "platform_fee";
    let before = store::of_sellers(&mut *tx, tenant).await?.remove(seller);
    if before != after {
        let value = |fee: Option<&PlatformFee>| fee.map_or(Value::Null, super::reading::fee_value);
        let (was, is) = (value(before.as_ref()), value(after.as_ref()));
        if after.is_some() {
            store::keep(tx, tenant, Some(seller), NAME, &is, now).await?;
        } else {
            store::forget(tx, tenant, Some(seller), NAME).await?;
        }
        store::record(tx, tenant, Some(seller), NAME, (&was, &is), by, now).await?;
    }
    Ok(after)
}
