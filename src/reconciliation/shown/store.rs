//! The SQL of what is shown: lines with what they say.

use crate::db::{DbError, On, Row, query};
use crate::words::{Currency, FileId, LineId, Timestamp};

/// Lines of a batch that are shown.
pub const MEMBERS: usize = 50;

/// A line of a file, as far as people need it beside ours.
#[derive(Debug, Clone)]
pub struct Told {
    /// `rcl_...`
    pub id: LineId,
    /// The file that brought it.
    pub file: FileId,
    /// Whose.
    pub source: String,
    /// Which row of the file.
    pub number: i64,
    /// `psp` or `bank`.
    pub side: String,
    /// What it says happened.
    pub kind: String,
    /// When.
    pub occurred_at: Option<Timestamp>,
    /// By the file's own calendar.
    pub business_date: String,
    /// The currency of the amounts.
    pub currency: Currency,
    /// Minor units, signed.
    pub gross: i64,
    /// Minor units.
    pub fee: i64,
    /// Minor units, signed.
    pub net: i64,
    /// The PSP's name of the payment.
    pub psp_payment: Option<String>,
    /// The PSP's name of the movement.
    pub psp_movement: Option<String>,
    /// Our key, as the file tells it.
    pub our_key: Option<String>,
    /// The payout or batch it belongs to.
    pub batch: Option<String>,
    /// `new`, `matched`, `open` or `closed`.
    pub standing: String,
    /// What came of holding it against ours.
    pub result: Option<String>,
    /// What of ours it is, as kind and id.
    pub object: Option<(String, String)>,
    /// The bank line with which its money landed.
    pub landed_by: Option<LineId>,
    /// The row as it stands in the file.
    pub raw: String,
}

/// One line.
///
/// # Errors
/// When the database fails.
pub async fn line(on: impl Into<On<'_>>, id: &LineId) -> Result<Option<Told>, DbError> {
    query("select * from settlement_lines where id = $1")
        .bind(id)
        .optional(on)
        .await?
        .as_ref()
        .map(read_line)
        .transpose()
}

/// Every line that was found to be about an object of ours, at most 50.
///
/// # Errors
/// When the database fails.
pub async fn lines_of(on: impl Into<On<'_>>, object: &str) -> Result<Vec<Told>, DbError> {
    let sql = "select * from settlement_lines where object_id = $1
             or id in (select line_id from settlement_line_members where object_id = $1) order by id limit 50";
    let rows = query(sql).bind(object).all(on).await?;
    rows.iter().map(read_line).collect()
}

/// The first lines of a batch of a source, at most [`MEMBERS`].
///
/// # Errors
/// When the database fails.
pub async fn lines_of_batch(on: impl Into<On<'_>>, source: &str, batch: &str) -> Result<Vec<Told>, DbError> {
    let rows = query("select * from settlement_lines where source = $1 and batch = $2 order by id limit $3")
        .bind(source)
        .bind(batch)
        .bind(i64::try_from(MEMBERS).unwrap_or(i64::MAX))
        .all(on)
        .await?;
    rows.iter().map(read_line).collect()
}

/// How many lines a batch has beside the payout's own, and what they come to, by currency.
///
/// # Errors
/// When the database fails.
pub async fn sums_of_batch(
    on: impl Into<On<'_>>,
    source: &str,
    batch: &str,
) -> Result<Vec<(Currency, i64, i64)>, DbError> {
    query(
        "select currency, count(*) as n, cast(sum(net) as bigint) as net from settlement_lines
         where source = $1 and batch = $2 and kind <> 'payout' group by currency order by currency",
    )
    .bind(source)
    .bind(batch)
    .all(on)
    .await?
    .iter()
    .map(|row| Ok((row.get("currency")?, row.get("n")?, row.get("net")?)))
    .collect()
}

fn read_line(row: &Row) -> Result<Told, DbError> {
    Ok(Told {
        id: row.get("id")?,
        file: row.get("file_id")?,
        source: row.get("source")?,
        number: row.get("number")?,
        side: row.get("side")?,
        kind: row.get("kind")?,
        occurred_at: row.get("occurred_at")?,
        business_date: row.get("business_date")?,
        currency: row.get("currency")?,
        gross: row.get("gross")?,
        fee: row.get("fee")?,
        net: row.get("net")?,
        psp_payment: row.get("psp_payment")?,
        psp_movement: row.get("psp_movement")?,
        our_key: row.get("our_key")?,
        batch: row.get("batch")?,
        standing: row.get("standing")?,
        result: row.get("result")?,
        object: row.get::<Option<String>>("object_kind")?.zip(row.get("object_id")?),
        landed_by: row.get("landed_by")?,
        raw: row.get("raw")?,
    })
}
