//! The SQL of payouts and sellers over all merchants.

use crate::db::{DbError, On, Row, query};
use crate::ledger::{Journal, Line};
use crate::words::{Currency, Mode, Money, Page, PayoutId, SellerId, Slice, Tenant, Timestamp};

/// One line of the list.
#[derive(Debug, Clone)]
pub struct PayoutRow {
    pub id: PayoutId,
    pub seller_id: SellerId,
    pub seller: String,
    pub merchant: String,
    pub mode: Mode,
    pub amount: Money,
    pub status: String,
    pub failure_code: Option<String>,
    pub period: Option<String>,
    pub asked_at: Timestamp,
}

macro_rules! listed {
    ($order:literal) => {
        concat!(
            "select o.id, o.seller_id, o.livemode, o.currency, o.amount, o.status, o.failure_code, o.period, o.created_at,
                 s.name as seller_name, m.name as merchant_name
             from payouts o join sellers s on s.id = o.seller_id join merchants m on m.id = o.merchant_id
             where (o.status = $1 or $1 is null) and (o.livemode = $2 or $2 is null)
                 and ($3 = '' or o.id = $4 or s.id = $4 or lower(s.name) like $3 escape '\\')",
            $order
        )
    };
}

/// One page of payouts, newest first. `words` is a `like` pattern in lower case for sellers' names, `id` a payout's or a
/// seller's id; both empty for all.
pub async fn payouts(
    on: impl Into<On<'_>>,
    status: Option<&str>,
    mode: Option<Mode>,
    (words, id): (&str, &str),
    page: &Page,
) -> Result<Slice<PayoutRow>, DbError> {
    let statement = if page.is_backwards() {
        query(listed!(" and o.id > $5 order by o.id limit $6"))
    } else {
        query(listed!(" and o.id < $5 order by o.id desc limit $6"))
    };
    let rows = statement
        .bind(status.map(str::to_owned))
        .bind(mode)
        .bind(words)
        .bind(id)
        .bind(page.cursor())
        .bind(page.fetch())
        .all(on)
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn read(row: &Row) -> Result<PayoutRow, DbError> {
    let currency: Currency = row.get("currency")?;
    Ok(PayoutRow {
        id: row.get("id")?,
        seller_id: row.get("seller_id")?,
        seller: row.get("seller_name")?,
        merchant: row.get("merchant_name")?,
        mode: row.get("livemode")?,
        amount: Money::of(row.get("amount")?, currency).ok_or_else(|| DbError::corrupt("amount", "no amount"))?,
        status: row.get("status")?,
        failure_code: row.get("failure_code")?,
        period: row.get("period")?,
        asked_at: row.get("created_at")?,
    })
}

/// The journals of a payout, first to last.
pub async fn journals_of_payout(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    payout: &PayoutId,
) -> Result<Vec<Journal>, DbError> {
    let rows = query(
        "select j.id, j.kind, j.source_id, j.payment_id, j.created_at, t.debit_account, t.credit_account, t.amount, t.currency
         from journals j cross join transfers t
         where t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id
             and j.merchant_id = $1 and j.livemode = $2 and j.source_id = $3
             and j.kind in ('payout_asked', 'payout_paid', 'payout_failed', 'payout_returned')
         order by j.created_at, j.id, t.line",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(payout)
    .all(on)
    .await?;
    rows.iter()
        .map(|row| {
            let (amount, currency): (i64, Currency) = (row.get("amount")?, row.get("currency")?);
            let line = |account, amount| Line { account, amount, currency };
            Ok(Journal {
                id: row.get("id")?,
                kind: row.get("kind")?,
                source_id: row.get("source_id")?,
                payment: row.get("payment_id")?,
                created_at: row.get("created_at")?,
                lines: vec![
                    line(row.get("debit_account")?, amount),
                    line(row.get("credit_account")?, amount.saturating_neg()),
                ],
            })
        })
        .collect()
}

/// One currency of one turn of a seller's schedule.
#[derive(Debug, Clone)]
pub struct TurnRow {
    pub period: String,
    pub currency: Currency,
    pub available: i64,
    pub payable: i64,
    pub outcome: String,
    pub payout: Option<String>,
}

/// The latest turns of a seller's schedule.
pub async fn turns(on: impl Into<On<'_>>, tenant: &Tenant, seller: &SellerId) -> Result<Vec<TurnRow>, DbError> {
    let rows = query(
        "select * from payout_batches where merchant_id = $1 and livemode = $2 and seller_id = $3
         order by period desc, currency limit 20",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(seller)
    .all(on)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(TurnRow {
                period: row.get("period")?,
                currency: row.get("currency")?,
                available: row.get("available")?,
                payable: row.get("payable")?,
                outcome: row.get("outcome")?,
                payout: row.get("payout_id")?,
            })
        })
        .collect()
}
