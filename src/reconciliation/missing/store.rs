//! The SQL of what nobody has told: movements of ours without a line, in the order in which they happened.

use jiff::civil::Date;
use serde_json::json;

use super::super::line::Side;
use super::super::matching::Context;
use super::super::words::ObjectKind;
use crate::db::{DbError, On, Tx, query};
use crate::words::{Currency, Tenant, Timestamp};

/// A kind of movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unheard {
    /// Money taken.
    Charges,
    /// Money taken beside what paid.
    SecondCharges,
    /// Money given back.
    Refunds,
    /// Refunds that came back.
    Returned,
    /// Money contested.
    Disputes,
    /// Disputes won.
    Won,
    /// Payouts to sellers.
    Payouts,
    /// Payouts that came back.
    PayoutReturns,
}

impl Unheard {
    /// The movements that a side must tell.
    pub const fn of(side: Side) -> &'static [Self] {
        match side {
            Side::Psp => {
                &[Self::Charges, Self::SecondCharges, Self::Refunds, Self::Returned, Self::Disputes, Self::Won]
            }
            Side::Bank => &[Self::Payouts, Self::PayoutReturns],
        }
    }
}

/// A movement of ours.
#[derive(Debug, Clone)]
pub struct Movement {
    /// What it is.
    pub kind: ObjectKind,
    /// Of which object.
    pub id: String,
    /// In whose books.
    pub tenant: Tenant,
    /// Of the amount.
    pub currency: Currency,
    /// Minor units, signed as a line's gross is.
    pub amount: i64,
    /// When it happened here.
    pub at: Timestamp,
}

/// The first business day that a source has told, or was asked about: one that never tells anything must be noticed too.
pub(super) async fn first_day(on: impl Into<On<'_>>, source: &str) -> Result<Option<Date>, DbError> {
    let row = query(
        "select min(day) as day from (
             select min(business_date) as day from settlement_lines where source = $1
             union all select min(business_date) from reconciliation_runs where source = $1 and not dry) x",
    )
    .bind(source)
    .one(on)
    .await?;
    row.get::<Option<String>>("day")?.as_deref().map(read_day).transpose()
}

/// The business days after `day` that were tried in earnest, in their order.
pub(super) async fn tried_after(on: impl Into<On<'_>>, source: &str, day: Date) -> Result<Vec<Date>, DbError> {
    query(
        "select distinct business_date from reconciliation_runs
         where source = $1 and not dry and business_date > $2 order by business_date",
    )
    .bind(source)
    .bind(day.to_string())
    .all(on)
    .await?
    .iter()
    .map(|row| read_day(&row.get::<String>("business_date")?))
    .collect()
}

fn read_day(text: &str) -> Result<Date, DbError> {
    text.parse().map_err(|_| DbError::corrupt("business_date", text))
}

/// Whether one of `sources` has told a movement by now, or the money of a PSP's batch has landed.
pub(super) async fn is_told(
    tx: &mut Tx,
    (kind, id): (ObjectKind, &str),
    currency: Currency,
    sources: &[String],
) -> Result<bool, DbError> {
    let asked = if kind == ObjectKind::Batch {
        query(
            "select not exists (select 1 from settlement_lines where batch = $1 and currency = $2 and landed_by is null
                 and side = 'psp' and kind <> 'payout' and source in (select value from json_each($3))) as told",
        )
        .bind(id)
        .bind(currency)
        .bind(json!(sources).to_string())
    } else {
        query(
            "select exists (select 1 from settlement_lines where object_id = $1 and object_kind = $2)
                 or exists (select 1 from settlement_line_members where object_id = $1 and object_kind = $2) as told",
        )
        .bind(id)
        .bind(kind.as_str())
    };
    asked.one(tx).await?.get("told")
}

/// The next movements of a PSP without a line, after an instant and an id and before `until`.
pub(super) async fn unheard(
    context: &Context<'_>,
    what: Unheard,
    psp: &str,
    after: &(Timestamp, String),
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Movement>, DbError> {
    let sql = match what {
        Unheard::Charges => {
            "select 'charge' as kind, p.id, p.merchant_id, p.livemode, p.currency, p.captured as amount, p.succeeded_at as at
             from payments p where p.psp = $1 and p.livemode = $2 and p.succeeded_at < $5
                 and (p.succeeded_at, p.id) > ($3, $4)
                 and not exists (select 1 from settlement_lines l where l.object_id = p.id and l.object_kind = 'charge')
             order by p.succeeded_at, p.id limit $6"
        }
        Unheard::SecondCharges => {
            "select 'charge' as kind, a.id, a.merchant_id, a.livemode, p.currency, a.second_charge_amount as amount, a.second_charged_at as at
             from attempts a join payments p on p.id = a.payment_id where a.psp = $1 and a.livemode = $2 and a.second_charged_at < $5
                 and (a.second_charged_at, a.id) > ($3, $4)
                 and not exists (select 1 from settlement_lines l where l.object_id = a.id and l.object_kind = 'charge')
             order by a.second_charged_at, a.id limit $6"
        }
        Unheard::Refunds => {
            "select 'refund' as kind, r.id, r.merchant_id, r.livemode, r.currency, -r.amount as amount, r.succeeded_at as at
             from refunds r where r.psp = $1 and r.livemode = $2 and r.succeeded_at < $5
                 and (r.succeeded_at, r.id) > ($3, $4)
                 and not exists (select 1 from settlement_lines l where l.object_id = r.id and l.object_kind = 'refund')
             order by r.succeeded_at, r.id limit $6"
        }
        Unheard::Returned => {
            "select 'refund_failure' as kind, r.id, r.merchant_id, r.livemode, r.currency, r.amount, r.settled_at as at
             from refunds r where r.psp = $1 and r.livemode = $2 and r.settled_at < $5
                 and (r.settled_at, r.id) > ($3, $4) and r.status = 'failed' and r.succeeded_at is not null
                 and not exists (select 1 from settlement_lines l where l.object_id = r.id and l.object_kind = 'refund_failure')
             order by r.settled_at, r.id limit $6"
        }
        Unheard::Disputes => {
            "select 'dispute' as kind, d.id, d.merchant_id, d.livemode, d.currency, -d.amount as amount, d.opened_at as at
             from disputes d where d.psp = $1 and d.livemode = $2 and d.opened_at < $5 and (d.opened_at, d.id) > ($3, $4)
                 and not exists (select 1 from settlement_lines l where l.object_id = d.id and l.object_kind = 'dispute')
             order by d.opened_at, d.id limit $6"
        }
        Unheard::Won => {
            "select 'dispute_reversal' as kind, d.id, d.merchant_id, d.livemode, d.currency, d.amount, d.closed_at as at
             from disputes d where d.psp = $1 and d.livemode = $2 and d.closed_at < $5 and (d.closed_at, d.id) > ($3, $4)
                 and d.status = 'won' and not exists (
                     select 1 from settlement_lines l where l.object_id = d.id and l.object_kind = 'dispute_reversal')
             order by d.closed_at, d.id limit $6"
        }
        Unheard::Payouts => {
            "select 'payout' as kind, o.id, o.merchant_id, o.livemode, o.currency, -o.amount as amount, o.settled_at as at
             from payouts o where o.provider = $1 and o.livemode = $2 and o.settled_at < $5
                 and (o.settled_at, o.id) > ($3, $4) and o.status in ('paid', 'returned')
                 and not exists (select 1 from settlement_lines l where l.object_id = o.id and l.object_kind = 'payout')
                 and not exists (select 1 from settlement_line_members m where m.object_id = o.id and m.object_kind = 'payout')
             order by o.settled_at, o.id limit $6"
        }
        Unheard::PayoutReturns => {
            "select 'payout_return' as kind, o.id, o.merchant_id, o.livemode, o.currency, o.amount, o.returned_at as at
             from payouts o where o.provider = $1 and o.livemode = $2 and o.returned_at < $5
                 and (o.returned_at, o.id) > ($3, $4)
                 and not exists (select 1 from settlement_lines l where l.object_id = o.id and l.object_kind = 'payout_return')
                 and not exists (select 1 from settlement_line_members m where m.object_id = o.id and m.object_kind = 'payout_return')
             order by o.returned_at, o.id limit $6"
        }
    };
    query(sql)
        .bind(psp)
        .bind(context.owner.mode)
        .bind(after.0)
        .bind(&after.1)
        .bind(until)
        .bind(limit)
        .all(&context.app.db)
        .await?
        .iter()
        .map(|row| {
            let kind: String = row.get("kind")?;
            Ok(Movement {
                kind: ObjectKind::parse(&kind).ok_or_else(|| DbError::corrupt("kind", &kind))?,
                id: row.get("id")?,
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                currency: row.get("currency")?,
                amount: row.get("amount")?,
                at: row.get("at")?,
            })
        })
        .collect()
}
