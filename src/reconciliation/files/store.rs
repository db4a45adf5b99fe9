//! The SQL of files and their lines.

use std::collections::HashSet;

use jiff::civil::Date;

use super::file::{File, Status};
use super::refused::Refused;
use super::taken::{Statement, Totals};
use crate::config::reconciliation::Source;
use crate::db::{Db, DbError, On, Row, Tx, Value, insert_many, query};
use crate::reconciliation::line::Line;
use crate::words::{Currency, FileId, LineId, Page, Slice, Timestamp};

/// A file whose bytes are on their way. Until they are all there, `sha256` stands for no content.
pub(super) async fn begin(tx: &mut Tx, file: &File, sha256: &str) -> Result<(), DbError> {
    query(
        "insert into settlement_files (id, source, format, parser_version, name, sha256, bytes, status, received_at, received_by)
         values ($1, $2, $3, $4, $5, $6, 0, 'reading', $7, $8)",
    )
    .bind(&file.id)
    .bind(&file.source)
    .bind(&file.format)
    .bind(file.parser_version)
    .bind(&file.name)
    .bind(sha256)
    .bind(file.received_at)
    .bind(&file.received_by)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn add_part(tx: &mut Tx, file: &FileId, part: i64, bytes: &[u8]) -> Result<(), DbError> {
    query("insert into settlement_file_parts (file_id, part, bytes) values ($1, $2, $3)")
        .bind(file)
        .bind(part)
        .bind(bytes)
        .execute(tx)
        .await
        .map(drop)
}

/// The bytes of a file are all there.
pub(super) async fn arrived(tx: &mut Tx, file: &FileId, sha256: &str, bytes: i64) -> Result<(), DbError> {
    query("update settlement_files set sha256 = $2, bytes = $3 where id = $1")
        .bind(file)
        .bind(sha256)
        .bind(bytes)
        .execute(tx)
        .await
        .map(drop)
}

/// A file that is not to be kept, because it did not arrive whole or is there already.
pub(super) async fn forget(tx: &mut Tx, file: &FileId) -> Result<(), DbError> {
    query("delete from settlement_file_parts where file_id = $1").bind(file).execute(tx).await?;
    query("delete from settlement_files where id = $1 and status = 'reading'").bind(file).execute(tx).await.map(drop)
}

/// Files whose bytes never came to an end, last heard of before `before`.
pub(super) async fn abandoned(db: &Db, source: &str, before: Timestamp) -> Result<Vec<FileId>, DbError> {
    let rows = query(
        "select id from settlement_files where source = $1 and status = 'reading' and bytes = 0 and received_at < $2",
    )
    .bind(source)
    .bind(before)
    .all(db)
    .await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Files that are there and were not decided: whoever was at it has died.
pub(super) async fn undecided(db: &Db, source: &str) -> Result<Vec<File>, DbError> {
    let rows =
        query("select * from settlement_files where source = $1 and status = 'reading' and bytes > 0 order by id")
            .bind(source)
            .all(db)
            .await?;
    rows.iter().map(read).collect()
}

pub(super) async fn of_content(on: impl Into<On<'_>>, source: &str, sha256: &str) -> Result<Option<File>, DbError> {
    query("select * from settlement_files where source = $1 and sha256 = $2")
        .bind(source)
        .bind(sha256)
        .optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// A refused file is read once more, by a parser of another version.
pub(super) async fn reopen(tx: &mut Tx, file: &FileId, parser_version: i64) -> Result<(), DbError> {
    query(
        "update settlement_files set status = 'reading', parser_version = $2, refusal = null, row_number = null,
             decided_at = null
         where id = $1 and status = 'refused'",
    )
    .bind(file)
    .bind(parser_version)
    .execute(tx)
    .await
    .map(drop)
}

/// A file is not taken. Lines that a process wrote before it died go with it, for then the file was thought to be sound.
pub(super) async fn refuse(tx: &mut Tx, file: &FileId, refused: &Refused, now: Timestamp) -> Result<(), DbError> {
    query("delete from settlement_lines where file_id = $1 and standing = 'new'").bind(file).execute(&mut *tx).await?;
    let told = Refused { row: None, ..refused.clone() }.to_string();
    let told: String = told.chars().filter(|it| !it.is_control()).take(1_000).collect();
    query(
        "update settlement_files set status = 'refused', refusal = $2, row_number = $3, decided_at = $4
         where id = $1 and status = 'reading'",
    )
    .bind(file)
    .bind(told)
    .bind(refused.row.and_then(|row| i64::try_from(row).ok()))
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn accept(tx: &mut Tx, file: &FileId, totals: &Totals, now: Timestamp) -> Result<(), DbError> {
    let told = serde_json::to_string(totals).map_err(|_| DbError::corrupt("totals", "they cannot be written"))?;
    query(
        "update settlement_files set status = 'accepted', lines = $2, totals = $3, business_date = $4, decided_at = $5
         where id = $1 and status = 'reading'",
    )
    .bind(file)
    .bind(i64::try_from(totals.lines).unwrap_or(i64::MAX))
    .bind(told)
    .bind(&totals.last_day)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Whether a file of a source tells `day` or a later one, or came after `end`.
pub(super) async fn has_come(db: &Db, source: &str, day: Date, end: Timestamp) -> Result<bool, DbError> {
    query(
        "select exists (select 1 from settlement_files where source = $1 and status = 'accepted'
             and (business_date >= $2 or received_at >= $3)) as found",
    )
    .bind(source)
    .bind(day.to_string())
    .bind(end)
    .one(db)
    .await?
    .get("found")
}

/// The statements in the files of a bank that were taken last, the oldest of them first; but those of `file`, which another process
/// may just have taken.
pub(super) async fn statements(db: &Db, source: &str, file: &FileId, files: i64) -> Result<Vec<Statement>, DbError> {
    let rows = query(
        "select totals from settlement_files where source = $1 and status = 'accepted' and id <> $2 \
             order by received_at desc, id desc limit $3",
    )
    .bind(source)
    .bind(file)
    .bind(files)
    .all(db)
    .await?;
    let mut all = Vec::new();
    for row in rows.iter().rev() {
        all.extend(totals(row)?.statements);
    }
    Ok(all)
}

/// One piece of a file, if there is one.
pub(super) async fn part(db: &Db, file: &FileId, part: i64) -> Result<Option<Vec<u8>>, DbError> {
    let row = query("select bytes from settlement_file_parts where file_id = $1 and part = $2")
        .bind(file)
        .bind(part)
        .optional(db)
        .await?;
    row.map(|row| row.get("bytes")).transpose()
}

/// One file.
///
/// # Errors
/// When the database fails.
pub async fn find(on: impl Into<On<'_>>, id: &FileId) -> Result<Option<File>, DbError> {
    query("select * from settlement_files where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// A page of files, the newest first; of one source, or of all.
///
/// # Errors
/// When the database fails.
pub async fn list(on: impl Into<On<'_>>, source: Option<&str>, page: &Page) -> Result<Slice<File>, DbError> {
    let sql = if page.is_backwards() {
        "select * from settlement_files where id > $1 and (source = $2 or $2 is null) order by id limit $3"
    } else {
        "select * from settlement_files where id < $1 and (source = $2 or $2 is null) order by id desc limit $3"
    };
    let rows = query(sql).bind(page.cursor()).bind(source.map(str::to_owned)).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// Writes lines down, all but those whose identity stands there already: which were written?
pub(super) async fn insert_lines(
    tx: &mut Tx,
    file: &FileId,
    source: &Source,
    lines: &[(String, &Line)],
) -> Result<HashSet<String>, DbError> {
    let rows = lines.iter().map(|(identity, line)| values(file, source, identity, line)).collect();
    insert_many(
        "insert into settlement_lines (id, file_id, source, number, identity, side, kind, occurred_at, business_date, currency, gross,
             fee, net, presented_currency, presented_amount, reversal, psp_payment, psp_movement, our_key, ours, batch, texts, raw)",
        rows,
        "on conflict (source, identity) do nothing returning identity",
    )
    .all(tx)
    .await?
    .iter()
    .map(|row| row.get("identity"))
    .collect()
}

fn values(file: &FileId, source: &Source, identity: &str, line: &Line) -> Vec<Value> {
    let references = &line.references;
    vec![
        Value::from(LineId::new()),
        file.into(),
        source.name.as_str().into(),
        i64::try_from(line.number).unwrap_or(i64::MAX).into(),
        identity.into(),
        line.side.as_str().into(),
        line.kind.to_text().into(),
        line.occurred_at.into(),
        line.business_date.to_string().into(),
        line.currency.into(),
        line.gross.into(),
        line.fee.into(),
        line.net.into(),
        line.presented.map(|(currency, _)| currency).into(),
        line.presented.map(|(_, minor)| minor).into(),
        line.reversal.into(),
        (&references.psp_payment).into(),
        (&references.psp_movement).into(),
        (&references.our_key).into(),
        (&references.ours).into(),
        (&references.batch).into(),
        serde_json::Value::from(references.texts.clone()).to_string().into(),
        line.raw.as_str().into(),
    ]
}

/// What stands under an identity, as far as it tells whether a line is the same.
pub(super) struct Standing {
    pub file: FileId,
    pub number: i64,
    pub kind: String,
    pub currency: Currency,
    pub gross: i64,
    pub fee: i64,
    pub psp_payment: Option<String>,
    pub psp_movement: Option<String>,
    pub batch: Option<String>,
    pub landed: bool,
    pub business_date: String,
    pub texts: Vec<String>,
}

pub(super) async fn standing(tx: &mut Tx, source: &str, identity: &str) -> Result<Option<Standing>, DbError> {
    let row = query(
        "select file_id, number, kind, currency, gross, fee, psp_payment, psp_movement, batch, landed_by, business_date, texts
         from settlement_lines where source = $1 and identity = $2",
    )
    .bind(source)
    .bind(identity)
    .optional(tx)
    .await?;
    row.map(|row| {
        Ok(Standing {
            file: row.get("file_id")?,
            number: row.get("number")?,
            kind: row.get("kind")?,
            currency: row.get("currency")?,
            gross: row.get("gross")?,
            fee: row.get("fee")?,
            psp_payment: row.get("psp_payment")?,
            psp_movement: row.get("psp_movement")?,
            batch: row.get("batch")?,
            landed: row.get::<Option<LineId>>("landed_by")?.is_some(),
            business_date: row.get("business_date")?,
            texts: serde_json::from_str(&row.get::<String>("texts")?)
                .map_err(|error| DbError::corrupt("texts", &error.to_string()))?,
        })
    })
    .transpose()
}

/// A row that has not landed belongs to the batch that is told of it last.
pub(super) async fn join_batch(tx: &mut Tx, source: &str, line: &Line) -> Result<(), DbError> {
    query("update settlement_lines set batch = $3 where source = $1 and identity = $2 and landed_by is null")
        .bind(source)
        .bind(&line.identity)
        .bind(&line.references.batch)
        .execute(tx)
        .await
        .map(drop)
}

fn read(row: &Row) -> Result<File, DbError> {
    let status: String = row.get("status")?;
    Ok(File {
        id: row.get("id")?,
        source: row.get("source")?,
        format: row.get("format")?,
        parser_version: row.get("parser_version")?,
        name: row.get("name")?,
        sha256: row.get("sha256")?,
        bytes: row.get("bytes")?,
        business_date: row.get("business_date")?,
        status: Status::parse(&status).ok_or_else(|| DbError::corrupt("status", &status))?,
        refusal: row.get("refusal")?,
        row_number: row.get("row_number")?,
        lines: row.get("lines")?,
        totals: totals(row)?,
        received_at: row.get("received_at")?,
        decided_at: row.get("decided_at")?,
        received_by: row.get("received_by")?,
    })
}

fn totals(row: &Row) -> Result<Totals, DbError> {
    let text: String = row.get("totals")?;
    serde_json::from_str(&text).map_err(|error| DbError::corrupt("totals", &error.to_string()))
}
