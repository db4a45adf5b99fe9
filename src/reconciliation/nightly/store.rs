//! The SQL of what was done about which business day.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Tried;
use crate::db::{DbError, On, query};

/// Every business day of a source since `from` that was tried in earnest.
pub(super) async fn tried(on: impl Into<On<'_>>, source: &str, from: Date) -> Result<BTreeMap<Date, Tried>, DbError> {
    let rows = query(
        "select business_date, max(started_at) as last, max(case when status = 'completed' then started_at end) as done,
             count(case when status = 'failed' then 1 end) as failures
         from reconciliation_runs where source = $1 and not dry and business_date >= $2 group by business_date",
    )
    .bind(source)
    .bind(from.to_string())
    .all(on)
    .await?;
    rows.iter()
        .map(|row| {
            let day: String = row.get("business_date")?;
            let day = day.parse().map_err(|_| DbError::corrupt("business_date", "not what a run holds"))?;
            let failures = u32::try_from(row.get::<i64>("failures")?).unwrap_or(u32::MAX);
            Ok((day, Tried { done: row.get("done")?, last: row.get("last")?, failures }))
        })
        .collect()
}
