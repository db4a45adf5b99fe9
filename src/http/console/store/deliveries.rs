//! The SQL of webhook deliveries over all merchants.

use std::collections::HashMap;

use crate::db::{DbError, On, Row, query};
use crate::words::{DeliveryId, MerchantId, Mode, Page, Slice, Timestamp};

/// One line of the list.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    pub id: DeliveryId,
    pub kind: String,
    pub mode: Mode,
    pub status: String,
    pub url: String,
    pub merchant: String,
    pub attempts: i64,
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
    pub next_at: Option<Timestamp>,
    pub made_at: Timestamp,
}

macro_rules! listed {
    ($order:literal) => {
        concat!(
            "select d.id, d.kind, d.livemode, d.status, e.url, m.name as merchant_name, d.attempts, d.last_status,
                 d.last_error, d.next_attempt_at, d.created_at
             from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
             join merchants m on m.id = d.merchant_id
             where (d.status = $1 or $1 is null) and (not $2 or d.attempts > 0) and (d.livemode = $3 or $3 is null)",
            $order
        )
    };
}

/// One page of deliveries, newest first; `tried` leaves out those that were not tried yet.
pub async fn deliveries(
    on: impl Into<On<'_>>,
    status: Option<&str>,
    tried: bool,
    mode: Option<Mode>,
    page: &Page,
) -> Result<Slice<DeliveryRow>, DbError> {
    let statement = if page.is_backwards() {
        query(listed!(" and d.id > $4 order by d.id limit $5"))
    } else {
        query(listed!(" and d.id < $4 order by d.id desc limit $5"))
    };
    let rows = statement.bind(status).bind(tried).bind(mode).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn read(row: &Row) -> Result<DeliveryRow, DbError> {
    Ok(DeliveryRow {
        id: row.get("id")?,
        kind: row.get("kind")?,
        mode: row.get("livemode")?,
        status: row.get("status")?,
        url: row.get("url")?,
        merchant: row.get("merchant_name")?,
        attempts: row.get("attempts")?,
        last_status: row.get("last_status")?,
        last_error: row.get("last_error")?,
        next_at: row.get("next_attempt_at")?,
        made_at: row.get("created_at")?,
    })
}

/// Where a merchant's endpoints are, deleted ones too: their deliveries are still told of.
pub async fn endpoint_urls(
    on: impl Into<On<'_>>,
    merchant: &MerchantId,
    mode: Mode,
) -> Result<HashMap<String, String>, DbError> {
    let rows = query("select id, url from webhook_endpoints where merchant_id = $1 and livemode = $2")
        .bind(merchant)
        .bind(mode)
        .all(on)
        .await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("url")?))).collect()
}
