//! The SQL of lists and figures of breaks.

use std::time::Duration;

use super::super::super::words::{Class, Outcome};
use super::super::{Break, store::read};
use super::{Filter, Standing};
use crate::db::{DbError, List, On, query};
use crate::words::{Page, Slice, Tenant, Timestamp};

/// A page of a tenant's breaks (of all tenants' without one), the newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: Option<&Tenant>,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Break>, DbError> {
    let rows = List::of("breaks", tenant)
        .when("status <> 'resolved'", filter.resolved == Some(false))
        .when("status = 'resolved'", filter.resolved == Some(true))
        .of_one("run_id", &filter.run)
        .only("class", filter.class.map(Class::as_str))
        .only("type", filter.outcome.map(Outcome::as_str))
        .only("source", &filter.source)
        .having("opened_at", "<", filter.before)
        .page(page)
        .all(on)
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// Breaks about an object of ours, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_object(on: impl Into<On<'_>>, object: &str) -> Result<Vec<Break>, DbError> {
    let rows = query("select * from breaks where object_id = $1 order by id limit 50").bind(object).all(on).await?;
    rows.iter().map(read).collect()
}

/// What is not closed, by source, type, class and currency; of one tenant, or of all.
///
/// # Errors
/// When the database fails.
pub async fn standing(
    on: impl Into<On<'_>>,
    tenant: Option<&Tenant>,
    now: Timestamp,
) -> Result<Vec<Standing>, DbError> {
    let before = |days: u64| now.minus(Duration::from_hours(days * 24));
    let rows = query(
        "select source, type, class, currency, count(*) as n, min(opened_at) as oldest, cast(sum(at_risk) as bigint) as at_risk,
             count(case when opened_at < $3 then 1 end) as week, count(case when opened_at < $4 then 1 end) as month
         from breaks where status <> 'resolved' and (merchant_id = $1 or $1 is null) and (livemode = $2 or $2 is null)
         group by source, type, class, currency order by source, type, class, currency",
    )
    .bind(tenant.map(|tenant| tenant.merchant.as_str().to_owned()))
    .bind(tenant.map(|tenant| tenant.mode.is_live()))
    .bind(before(7))
    .bind(before(30))
    .all(on)
    .await?;
    let bad = |column: &str| DbError::corrupt(column, "not what a break holds");
    rows.iter()
        .map(|row| {
            Ok(Standing {
                source: row.get("source")?,
                outcome: Outcome::parse(&row.get::<String>("type")?).ok_or_else(|| bad("type"))?,
                class: Class::parse(&row.get::<String>("class")?).ok_or_else(|| bad("class"))?,
                currency: row.get("currency")?,
                count: row.get("n")?,
                oldest: row.get("oldest")?,
                at_risk: row.get("at_risk")?,
                old: [row.get("week")?, row.get("month")?],
            })
        })
        .collect()
}
