//! The SQL of sellers over all merchants.

use crate::db::{DbError, On, Row, query};
use crate::words::{Mode, Page, Slice, Timestamp};

/// One seller of a list.
#[derive(Debug, Clone)]
pub struct SellerRow {
    pub id: String,
    pub name: String,
    pub merchant: String,
    pub mode: Mode,
    pub verification: String,
    pub has_destination: bool,
    pub bank_name: Option<String>,
    pub last4: Option<String>,
    /// Money did not arrive there.
    pub failed: bool,
    /// How often the schedule pays.
    pub interval: String,
}

/// A page of sellers, newest first. `words` is a `like` pattern in lower case for names, `id` a seller's id; both empty for
/// all.
pub async fn sellers(
    on: impl Into<On<'_>>,
    (words, id): (&str, &str),
    mode: Option<Mode>,
    page: &Page,
) -> Result<Slice<SellerRow>, DbError> {
    let sql = if page.is_backwards() {
        "select s.*, m.name as merchant_name from sellers s join merchants m on m.id = s.merchant_id
         where ($1 = '' or s.id = $2 or lower(s.name) like $1 escape '\\') and (s.livemode = $3 or $3 is null)
           and s.id > $4 order by s.id limit $5"
    } else {
        "select s.*, m.name as merchant_name from sellers s join merchants m on m.id = s.merchant_id
         where ($1 = '' or s.id = $2 or lower(s.name) like $1 escape '\\') and (s.livemode = $3 or $3 is null)
           and s.id < $4 order by s.id desc limit $5"
    };
    let rows = query(sql).bind(words).bind(id).bind(mode).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn read(row: &Row) -> Result<SellerRow, DbError> {
    let schedule: serde_json::Value = serde_json::from_str(&row.get::<String>("payout_schedule")?)
        .map_err(|_| DbError::corrupt("payout_schedule", "not JSON"))?;
    Ok(SellerRow {
        id: row.get("id")?,
        name: row.get("name")?,
        merchant: row.get("merchant_name")?,
        mode: row.get("livemode")?,
        verification: row.get("verification")?,
        has_destination: row.get::<Option<String>>("payout_destination")?.is_some(),
        bank_name: row.get("payout_bank_name")?,
        last4: row.get("payout_last4")?,
        failed: row.get::<Option<Timestamp>>("payout_failed_at")?.is_some(),
        interval: schedule["interval"].as_str().unwrap_or_default().to_owned(),
    })
}
