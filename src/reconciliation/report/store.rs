//! The SQL of reports.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::super::breaks::signed;
use super::super::missing::OVERDUE;
use super::super::postings::EXCHANGED;
use super::super::words::{Class, Outcome};
use super::About;
use crate::db::{Db, DbError, Row, query};
use crate::ledger::minor_text;
use crate::words::{Currency, Mode, Timestamp};

type Count = (Outcome, Currency, i64, i64);

/// Lines of a day or of a file; each is found by an index of its own.
macro_rules! counted {
    ($of:literal) => {
        concat!(
            "select result as type, currency, count(*) as n, cast(sum(gross) as bigint) as amount from settlement_lines
             where source = $1 and ",
            $of,
            " = $2 and result is not null group by result, currency"
        )
    };
}

macro_rules! exchanged {
    ($of:literal) => {
        concat!(
            "select l.presented_currency, l.currency, count(*) as n, cast(sum(l.presented_amount) as bigint) as paid,
                 cast(sum(l.gross) as bigint) as settled
             from settlement_lines l
             where l.source = $1 and l.",
            $of,
            " = $2 and l.presented_currency is not null
                 and (exists (select 1 from journals j where j.merchant_id = l.merchant_id and j.livemode = l.livemode
                         and j.kind = $3 and j.source_id = l.id)
                     or exists (select 1 from settlement_lines b where b.landed_by = l.id and b.currency = l.presented_currency))
             group by l.presented_currency, l.currency order by l.presented_currency, l.currency"
        )
    };
}

/// Lines by what came of them.
pub(super) async fn lines(db: &Db, source: &str, about: &About) -> Result<Vec<Count>, DbError> {
    let (sql, of) = match about {
        About::Day(day) => (counted!("business_date"), day.to_string()),
        About::File(file) => (counted!("file_id"), file.to_string()),
    };
    query(sql).bind(source).bind(of).all(db).await?.iter().map(count).collect()
}

/// What was settled in another currency than it was paid in, and agrees: from and into which currency, how many lines, and what they
/// come to in both.
pub(super) async fn exchanged(
    db: &Db,
    source: &str,
    about: &About,
) -> Result<Vec<(Currency, Currency, i64, i64, i64)>, DbError> {
    let (sql, of) = match about {
        About::Day(day) => (exchanged!("business_date"), day.to_string()),
        About::File(file) => (exchanged!("file_id"), file.to_string()),
    };
    let rows = query(sql).bind(source).bind(of).bind(EXCHANGED).all(db).await?;
    let read = |row: &Row| {
        Ok((row.get("presented_currency")?, row.get("currency")?, row.get("n")?, row.get("paid")?, row.get("settled")?))
    };
    rows.iter().map(read).collect()
}

/// Movements of ours of one day, known by the day by which they should have been told, that no line tells.
pub(super) async fn without_line(db: &Db, source: &str, expected_by: Date) -> Result<Vec<Count>, DbError> {
    query(
        "select type, currency, count(*) as n, cast(coalesce(sum(expected), 0) as bigint) as amount from breaks
         where source = $1 and expected_by = $2 and line_id is null and coalesce(resolution, '') <> $3
         group by type, currency",
    )
    .bind(source)
    .bind(expected_by.to_string())
    .bind(OVERDUE)
    .all(db)
    .await?
    .iter()
    .map(count)
    .collect()
}

fn count(row: &Row) -> Result<Count, DbError> {
    let text: String = row.get("type")?;
    let outcome = Outcome::parse(&text).ok_or_else(|| DbError::corrupt("type", &text))?;
    Ok((outcome, row.get("currency")?, row.get("n")?, row.get("amount")?))
}

/// What is open of a source.
pub(super) struct Open {
    /// How many of each class.
    pub classes: Value,
    /// When the oldest was found.
    pub oldest: Option<Timestamp>,
    /// What may be lost, by currency.
    pub at_risk: Value,
}

pub(super) async fn open_breaks(db: &Db, source: &str) -> Result<Open, DbError> {
    let rows = query(
        "select class, currency, count(*) as n, cast(sum(at_risk) as bigint) as at_risk, min(opened_at) as oldest
         from breaks where source = $1 and status <> 'resolved' group by class, currency",
    )
    .bind(source)
    .all(db)
    .await?;
    let mut classes: Map<String, Value> =
        Class::ALL.iter().map(|class| (class.as_str().to_owned(), 0.into())).collect();
    let mut at_risk: std::collections::BTreeMap<&'static str, (Currency, i64)> = std::collections::BTreeMap::new();
    let mut oldest: Option<Timestamp> = None;
    for row in &rows {
        let (class, n): (String, i64) = (row.get("class")?, row.get("n")?);
        let before = classes.get(&class).and_then(Value::as_i64).unwrap_or(0);
        classes.insert(class, before.saturating_add(n).into());
        let currency: Currency = row.get("currency")?;
        let sum = at_risk.entry(currency.code()).or_insert((currency, 0));
        sum.1 = sum.1.saturating_add(row.get("at_risk")?);
        let first: Timestamp = row.get("oldest")?;
        oldest = Some(oldest.map_or(first, |before| before.min(first)));
    }
    let at_risk =
        at_risk.into_iter().map(|(code, (currency, minor))| (code.to_owned(), signed(minor, currency).into()));
    Ok(Open { classes: classes.into(), oldest, at_risk: Value::Object(at_risk.collect()) })
}

/// A PSP's account in one currency, explained: minor units, above zero is owed to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountOf {
    /// Of the amounts.
    pub currency: Currency,
    /// What the books say that the PSP owes.
    pub balance: i128,
    /// What of it is in no file yet.
    pub not_in_a_file: i128,
    /// What of it the PSP's files have told, and the bank has not received.
    pub not_landed: i128,
    /// What of all that waits in suspense for a person.
    pub parked: i128,
}

impl AccountOf {
    /// What nothing explains: nothing, as long as all is well.
    #[must_use]
    pub const fn difference(&self) -> i128 {
        self.balance.saturating_sub(self.not_in_a_file).saturating_sub(self.not_landed)
    }

    pub(super) fn view(&self, psp: &str) -> Value {
        let text = |minor: i128| minor_text(minor, self.currency);
        json!({
            "psp": psp,
            "currency": self.currency,
            "balance": text(self.balance),
            "not_in_a_file": text(self.not_in_a_file),
            "not_landed": text(self.not_landed),
            "parked": text(self.parked),
            "difference": text(self.difference()),
        })
    }
}

/// The account of a PSP over the books of all merchants of one mode, by currency. `sources` are those that tell of this PSP.
///
/// What stands on it is what the sealer keeps, and what waits for the sealer. What is in no file is asked of each movement.
pub async fn psp_account(db: &Db, psp: &str, mode: Mode, sources: &[String]) -> Result<Vec<AccountOf>, DbError> {
    let sql = "select currency,
             cast(sum(balance_high) as bigint) as balance_high, cast(sum(balance_low) as bigint) as balance_low,
             cast(sum(pending >> 40) as bigint) as pending_high, cast(sum(pending & 1099511627775) as bigint) as pending_low,
             cast(sum(landing >> 40) as bigint) as landing_high, cast(sum(landing & 1099511627775) as bigint) as landing_low,
             cast(sum(parked >> 40) as bigint) as parked_high, cast(sum(parked & 1099511627775) as bigint) as parked_low from (
             select a.currency, a.debits_high - a.credits_high as balance_high, a.debits_low - a.credits_low as balance_low,
                     0 as pending, 0 as landing, 0 as parked
                 from account_balances a where a.account = $1 and a.livemode = $2 and a.account >= 'psp:' and a.account < 'psp;'
             union all select t.currency, t.amount >> 40, t.amount & 1099511627775, 0, 0, 0 from unsealed_journals u cross join transfers t
                 where t.merchant_id = u.merchant_id and t.livemode = u.livemode and t.journal_id = u.journal_id
                 and t.debit_account = $1 and t.livemode = $2
             union all select t.currency, -(t.amount >> 40), -(t.amount & 1099511627775), 0, 0, 0 from unsealed_journals u cross join transfers t
                 where t.merchant_id = u.merchant_id and t.livemode = u.livemode and t.journal_id = u.journal_id
                 and t.credit_account = $1 and t.livemode = $2
             union all select m.currency, 0, 0, m.amount, 0, 0 from (
                 select 'charge' as kind, p.id, p.currency, p.captured as amount from payments p
                     where p.psp = $3 and p.livemode = $2 and p.captured > 0
                 union all select 'charge', a.id, p.currency, a.second_charge_amount from attempts a join payments p on p.id = a.payment_id
                     where a.psp = $3 and a.livemode = $2 and a.second_charged_at is not null
                 union all select 'refund', r.id, r.currency, -r.amount from refunds r
                     where r.psp = $3 and r.livemode = $2 and r.succeeded_at is not null
                 union all select 'refund_failure', r.id, r.currency, r.amount from refunds r
                     where r.psp = $3 and r.livemode = $2 and r.succeeded_at is not null and r.status = 'failed'
                 union all select 'dispute', d.id, d.currency, -d.amount - d.fee from disputes d where d.psp = $3 and d.livemode = $2
                 union all select 'dispute_reversal', d.id, d.currency, d.amount from disputes d
                     where d.psp = $3 and d.livemode = $2 and d.status = 'won'
             ) m where not exists (select 1 from settlement_lines l where l.object_id = m.id and l.object_kind = m.kind
                     and l.standing <> 'new')
                 and not exists (select 1 from breaks b where b.object_id = m.id and b.object_kind = m.kind
                     and b.type = 'missing_at_psp' and b.journal_id is not null)
             union all select l.currency, 0, 0, 0, l.net, 0 from settlement_lines l
                 where l.source in (select value from json_each($4))
                     and l.side = 'psp' and l.kind <> 'payout' and l.landed_by is null and l.standing <> 'new'
             union all select k.currency, 0, 0, 0, 0, k.amount from break_parkings k join breaks b on b.id = k.break_id
                 where not k.released and k.livemode = $2
                     and b.source in (select value from json_each($4))
         ) x group by currency order by currency";
    query(sql)
        .bind(format!("psp:{psp}"))
        .bind(mode)
        .bind(psp)
        .bind(json!(sources).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            Ok(AccountOf {
                currency: row.get("currency")?,
                balance: row.wide("balance")?,
                not_in_a_file: row.wide("pending")?,
                not_landed: row.wide("landing")?,
                parked: row.wide("parked")?,
            })
        })
        .collect()
}
