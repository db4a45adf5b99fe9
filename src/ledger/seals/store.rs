//! The SQL of the chain. Times and texts are read as they stand: a row that somebody changed must be hashed, not refused.

use super::super::sums::parts;
use super::block::Block;
use super::canonical::{JournalRow, TransferRow};
use super::change::{AccountKey, Change, Moved};
use super::merkle::Hash;
use crate::db::{Db, DbError, On, Row, Tx, Value, insert_many, query};
use crate::words::{JournalId, Tenant, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of one insert.
const ROWS: usize = 500;

/// How far the chain has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    pub blocks: i64,
    pub positions: i64,
}

/// A journal's place as the chain keeps it, and the journal as it stands now.
#[derive(Debug)]
pub(super) struct Place {
    pub position: i64,
    pub block: i64,
    pub journal_id: String,
    pub leaf: Vec<u8>,
    pub marks: Vec<u8>,
    /// Nothing when it is gone.
    pub journal: Option<JournalRow>,
}

pub(super) async fn chain(on: impl Into<On<'_>>) -> Result<Chain, DbError> {
    let row = query("select blocks, positions from ledger_chain where id = 1").one(on).await?;
    Ok(Chain { blocks: row.get("blocks")?, positions: row.get("positions")? })
}

/// Moves the chain on by this block, if nobody else has moved it: the update is the lock.
pub(super) async fn advance(tx: &mut Tx, from: &Chain, block: &Block) -> Result<bool, DbError> {
    let moved =
        query("update ledger_chain set blocks = $1, positions = $2 where id = 1 and blocks = $3 and positions = $4")
            .bind(block.number)
            .bind(block.last_position)
            .bind(from.blocks)
            .bind(from.positions)
            .execute(tx)
            .await?;
    Ok(moved == 1)
}

/// The journals that wait longest, with their transfers. One that waits and is gone is left for [`super::walk`] to name.
pub(super) async fn waiting(on: impl Into<On<'_>>, limit: i64) -> Result<Vec<JournalRow>, DbError> {
    let rows = query(
        "select j.merchant_id, j.livemode, j.id as found, j.kind, j.source_id, j.payment_id, j.transfer_count, j.control_total, \
         j.created_at, t.line, t.debit_account, t.credit_account, t.amount, t.currency, t.created_at as moved_at \
         from (select journal_id, merchant_id, livemode from unsealed_journals order by journal_id limit $1) u \
         join journals j on j.merchant_id = u.merchant_id and j.livemode = u.livemode and j.id = u.journal_id \
         left join transfers t on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id \
         order by u.journal_id, u.merchant_id, u.livemode, t.line",
    )
    .bind(limit)
    .all(on)
    .await?;
    let mut journals: Vec<JournalRow> = Vec::new();
    for row in &rows {
        let Some(next) = journal(row)? else { continue };
        match journals
            .last_mut()
            .filter(|last| (&last.id, &last.merchant, last.livemode) == (&next.id, &next.merchant, next.livemode))
        {
            Some(last) => last.transfers.extend(next.transfers),
            None => journals.push(next),
        }
    }
    Ok(journals)
}

/// How many journals wait, and when the oldest of them was posted.
pub(super) async fn behind(on: impl Into<On<'_>>) -> Result<(i64, Option<Timestamp>), DbError> {
    let row = query(
        "select (select count(*) from unsealed_journals) as n, \
         (select j.created_at from unsealed_journals u join journals j on j.merchant_id = u.merchant_id \
             and j.livemode = u.livemode and j.id = u.journal_id order by u.journal_id limit 1) as oldest",
    )
    .one(on)
    .await?;
    Ok((row.get("n")?, row.get("oldest")?))
}

pub(super) async fn block(on: impl Into<On<'_>>, number: i64) -> Result<Option<Block>, DbError> {
    let row = query("select * from ledger_blocks where number = $1").bind(number).optional(on).await?;
    row.as_ref().map(read_block).transpose()
}

/// The next blocks after this one.
pub(super) async fn blocks(db: &Db, after: i64, limit: i64) -> Result<Vec<Block>, DbError> {
    let rows = query("select * from ledger_blocks where number > $1 order by number limit $2")
        .bind(after)
        .bind(limit)
        .all(db)
        .await?;
    rows.iter().map(read_block).collect()
}

fn read_block(row: &Row) -> Result<Block, DbError> {
    let hash = |column: &str| -> Result<Hash, DbError> {
        row.get::<Vec<u8>>(column)?.try_into().map_err(|_| DbError::corrupt(column, "not 32 bytes"))
    };
    Ok(Block {
        number: row.get("number")?,
        first_position: row.get("first_position")?,
        last_position: row.get("last_position")?,
        transfers: row.get("transfers")?,
        first_at: row.get("first_at")?,
        until_at: row.get("until_at")?,
        reach: row.get("reach")?,
        sealed_at: row.get("sealed_at")?,
        previous: hash("previous")?,
        root: hash("root")?,
        hash: hash("hash")?,
        signature: row.get("signature")?,
    })
}

pub(super) async fn insert_block(tx: &mut Tx, block: &Block) -> Result<(), DbError> {
    query(
        "insert into ledger_blocks (number, first_position, last_position, transfers, first_at, until_at, reach, sealed_at, \
         previous, root, hash, signature) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(block.number)
    .bind(block.first_position)
    .bind(block.last_position)
    .bind(block.transfers)
    .bind(block.first_at)
    .bind(block.until_at)
    .bind(block.reach)
    .bind(block.sealed_at)
    .bind(&block.previous[..])
    .bind(&block.root[..])
    .bind(&block.hash[..])
    .bind(&block.signature[..])
    .execute(tx)
    .await
    .map(drop)
}

/// Gives the journals their places.
pub(super) async fn insert_sealed(tx: &mut Tx, block: i64, leaves: &[(i64, Hash, &JournalRow)]) -> Result<(), DbError> {
    for some in leaves.chunks(ROWS) {
        let rows = some
            .iter()
            .map(|(position, leaf, journal)| {
                vec![
                    Value::from(*position),
                    block.into(),
                    (&journal.merchant).into(),
                    journal.livemode.into(),
                    (&journal.id).into(),
                    leaf.to_vec().into(),
                    journal.marks().into(),
                ]
            })
            .collect();
        insert_many(
            "insert into sealed_journals (position, block, merchant_id, livemode, journal_id, leaf, marks)",
            rows,
            "",
        )
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// Takes the journals of this block from those that wait; false when not all of them were there.
pub(super) async fn no_longer_waits(tx: &mut Tx, block: &Block) -> Result<bool, DbError> {
    let gone = query(
        "delete from unsealed_journals where (journal_id, merchant_id, livemode) in \
         (select journal_id, merchant_id, livemode from sealed_journals where position between $1 and $2)",
    )
    .bind(block.first_position)
    .bind(block.last_position)
    .execute(tx)
    .await?;
    let count = block.last_position.saturating_sub(block.first_position).saturating_add(1);
    Ok(i64::try_from(gone) == Ok(count))
}

/// When the sealed journals are dated.
pub(super) async fn insert_times(tx: &mut Tx, times: &BTreeSet<(&str, bool, i64, &str)>) -> Result<(), DbError> {
    let rows: Vec<_> = times
        .iter()
        .map(|(merchant, livemode, at, journal)| {
            vec![Value::from(*merchant), (*livemode).into(), (*at).into(), (*journal).into()]
        })
        .collect();
    for some in rows.chunks(ROWS) {
        insert_many("insert into sealed_times (merchant_id, livemode, posted_at, journal_id)", some.to_vec(), "")
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// The rows of [`change_balances`]; `None` when a sum is too large to be kept.
pub(super) fn balances(changes: &BTreeMap<AccountKey, Change>) -> Option<Vec<Vec<Value>>> {
    changes.iter().map(|(key, change)| account_row(key, &[change.first_at], &change.whole)).collect()
}

/// The rows of [`change_buckets`]; `None` when a sum is too large to be kept.
pub(super) fn buckets(changes: &BTreeMap<AccountKey, Change>) -> Option<Vec<Vec<Value>>> {
    let stretches = changes.iter().flat_map(|(key, change)| change.stretches.iter().map(move |it| (key, it)));
    stretches.map(|(key, ((width, start), moved))| account_row(key, &[i64::from(*width), *start], moved)).collect()
}

fn account_row(key: &AccountKey, what: &[i64], moved: &Moved) -> Option<Vec<Value>> {
    let (debits_high, debits_low) = parts(moved.debits)?;
    let (credits_high, credits_low) = parts(moved.credits)?;
    let mut row = vec![Value::from(&key.merchant), key.livemode.into(), (&key.currency).into(), (&key.account).into()];
    row.extend(what.iter().chain(&[debits_high, debits_low, credits_high, credits_low]).map(|it| Value::from(*it)));
    Some(row)
}

/// Adds to what stands on the accounts. Low parts that are full go over into the high ones.
pub(super) async fn change_balances(tx: &mut Tx, rows: &[Vec<Value>]) -> Result<(), DbError> {
    for some in rows.chunks(ROWS) {
        insert_many(
            "insert into account_balances as kept (merchant_id, livemode, currency, account, first_at, debits_high, debits_low, \
             credits_high, credits_low)",
            some.to_vec(),
            "on conflict (merchant_id, livemode, currency, account) do update set \
             first_at = case when excluded.first_at < kept.first_at then excluded.first_at else kept.first_at end, \
             debits_high = kept.debits_high + excluded.debits_high + ((kept.debits_low + excluded.debits_low) >> 40), \
             debits_low = (kept.debits_low + excluded.debits_low) & 1099511627775, \
             credits_high = kept.credits_high + excluded.credits_high + ((kept.credits_low + excluded.credits_low) >> 40), \
             credits_low = (kept.credits_low + excluded.credits_low) & 1099511627775",
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Adds to what moved on the accounts within stretches of time, in the same way.
pub(super) async fn change_buckets(tx: &mut Tx, rows: &[Vec<Value>]) -> Result<(), DbError> {
    for some in rows.chunks(ROWS) {
        insert_many(
            "insert into balance_buckets as kept (merchant_id, livemode, currency, account, width, start_at, debits_high, debits_low, \
             credits_high, credits_low)",
            some.to_vec(),
            "on conflict (merchant_id, livemode, currency, account, width, start_at) do update set \
             debits_high = kept.debits_high + excluded.debits_high + ((kept.debits_low + excluded.debits_low) >> 40), \
             debits_low = (kept.debits_low + excluded.debits_low) & 1099511627775, \
             credits_high = kept.credits_high + excluded.credits_high + ((kept.credits_low + excluded.credits_low) >> 40), \
             credits_low = (kept.credits_low + excluded.credits_low) & 1099511627775",
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// The places from `first` to `last` and what stands in the books for each of them now.
pub(super) async fn places(db: &Db, first: i64, last: i64) -> Result<Vec<Place>, DbError> {
    let rows = query(
        "select s.position, s.block, s.merchant_id, s.livemode, s.journal_id, s.leaf, s.marks, j.id as found, j.kind, j.source_id, \
         j.payment_id, j.transfer_count, j.control_total, j.created_at, t.line, t.debit_account, t.credit_account, t.amount, \
         t.currency, t.created_at as moved_at from sealed_journals s \
         left join journals j on j.merchant_id = s.merchant_id and j.livemode = s.livemode and j.id = s.journal_id \
         left join transfers t on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
         where s.position between $1 and $2 order by s.position, t.line",
    )
    .bind(first)
    .bind(last)
    .all(db)
    .await?;
    let mut places: Vec<Place> = Vec::new();
    for row in &rows {
        let position: i64 = row.get("position")?;
        let next = journal(row)?;
        if let Some(last) = places.last_mut().filter(|last| last.position == position) {
            if let (Some(journal), Some(next)) = (&mut last.journal, next) {
                journal.transfers.extend(next.transfers);
            }
            continue;
        }
        places.push(Place {
            position,
            block: row.get("block")?,
            journal_id: row.get("journal_id")?,
            leaf: row.get("leaf")?,
            marks: row.get("marks")?,
            journal: next,
        });
    }
    Ok(places)
}

/// The journal of a row, with the one transfer that stands in it; nothing when there is no journal.
fn journal(row: &Row) -> Result<Option<JournalRow>, DbError> {
    let Some(id) = row.get::<Option<String>>("found")? else { return Ok(None) };
    let transfers = match row.get::<Option<i64>>("line")? {
        None => Vec::new(),
        Some(line) => vec![TransferRow {
            line,
            debit: row.get("debit_account")?,
            credit: row.get("credit_account")?,
            amount: row.get("amount")?,
            currency: row.get("currency")?,
            created_at: row.get("moved_at")?,
        }],
    };
    Ok(Some(JournalRow {
        merchant: row.get("merchant_id")?,
        livemode: row.get("livemode")?,
        id,
        kind: row.get("kind")?,
        source_id: row.get("source_id")?,
        payment_id: row.get("payment_id")?,
        transfer_count: row.get("transfer_count")?,
        control_total: row.get("control_total")?,
        created_at: row.get("created_at")?,
        transfers,
    }))
}

/// Places that no block holds: after the last one.
pub(super) async fn places_beyond(db: &Db, last: i64) -> Result<Option<(i64, String)>, DbError> {
    let row = query("select position, journal_id from sealed_journals where position > $1 order by position limit 1")
        .bind(last)
        .optional(db)
        .await?;
    row.as_ref().map(|row| Ok((row.get("position")?, row.get("journal_id")?))).transpose()
}

/// Journals that neither are sealed nor wait to be, and those that wait and are gone.
pub(super) async fn strays(db: &Db, limit: i64) -> Result<Vec<(String, String)>, DbError> {
    let rows = query(
        "select subject, detail from ( \
         select j.id as subject, 'it was added, and not by this program: it is neither sealed nor waits to be' as detail from journals j \
         left join sealed_journals s on s.merchant_id = j.merchant_id and s.livemode = j.livemode and s.journal_id = j.id \
         left join unsealed_journals u on u.merchant_id = j.merchant_id and u.livemode = j.livemode and u.journal_id = j.id \
         where s.position is null and u.journal_id is null \
         union all select u.journal_id, 'it waited to be sealed and was taken away' from unsealed_journals u \
         left join journals j on j.merchant_id = u.merchant_id and j.livemode = u.livemode and j.id = u.journal_id \
         where j.id is null \
         union all select u.journal_id, 'it is sealed and waits to be sealed again' from unsealed_journals u \
         join sealed_journals s on s.merchant_id = u.merchant_id and s.livemode = u.livemode and s.journal_id = u.journal_id \
         ) x order by subject limit $1",
    )
    .bind(limit)
    .all(db)
    .await?;
    rows.iter().map(|row| Ok((row.get("subject")?, row.get("detail")?))).collect()
}

/// Where a journal stands in the chain: its position and its block.
pub(super) async fn place_of(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    journal: &JournalId,
) -> Result<Option<(i64, i64)>, DbError> {
    let row = query(
        "select position, block from sealed_journals where merchant_id = $1 and livemode = $2 and journal_id = $3",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(journal)
    .optional(on)
    .await?;
    row.as_ref().map(|row| Ok((row.get("position")?, row.get("block")?))).transpose()
}

/// The leaves of a block in their order.
pub(super) async fn leaves(on: impl Into<On<'_>>, first: i64, last: i64) -> Result<Vec<Hash>, DbError> {
    let rows = query("select leaf from sealed_journals where position between $1 and $2 order by position")
        .bind(first)
        .bind(last)
        .all(on)
        .await?;
    rows.iter()
        .map(|row| row.get::<Vec<u8>>("leaf")?.try_into().map_err(|_| DbError::corrupt("leaf", "not 32 bytes")))
        .collect()
}
