//! The SQL of attempts.

use std::time::Duration;

use super::{Attempt, SHOWN};
use crate::db::{DbError, On, Row, Tx, query};
use crate::payments::status::AttemptState;
use crate::psp::{Card, DeclineCode};
use crate::words::{AttemptId, Money, PaymentId, Tenant, Timestamp};

/// Writes a new attempt. A unique violation means that another one is open, or that the payment is paid.
pub async fn insert(tx: &mut Tx, attempt: &Attempt) -> Result<(), DbError> {
    query(
        "insert into attempts (id, payment_id, merchant_id, livemode, psp, psp_key, method, state, sent_at, deadline_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&attempt.id)
    .bind(&attempt.payment)
    .bind(&attempt.tenant.merchant)
    .bind(attempt.tenant.mode)
    .bind(&attempt.psp)
    .bind(&attempt.psp_key)
    .bind(&attempt.method)
    .bind(attempt.state.as_str())
    .bind(attempt.sent_at)
    .bind(attempt.deadline_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what `attempt` has become, provided it is still in the state `was`; says whether it was.
pub async fn change(tx: &mut Tx, attempt: &Attempt, was: AttemptState) -> Result<bool, DbError> {
    let card = attempt.card.as_ref();
    let changed = query(
        "update attempts set state = $3, psp_reference = $4, decline_code = $5, psp_code = $6, card_brand = $7,
             card_last4 = $8, action_url = $9, note = $10, settled_at = $11
         where id = $1 and state = $2",
    )
    .bind(&attempt.id)
    .bind(was.as_str())
    .bind(attempt.state.as_str())
    .bind(&attempt.psp_reference)
    .bind(attempt.decline.map(DeclineCode::as_str))
    .bind(&attempt.psp_code)
    .bind(card.map(|card| card.brand.as_str()))
    .bind(card.map(|card| card.last4.as_str()))
    .bind(&attempt.action_url)
    .bind(&attempt.note)
    .bind(attempt.settled_at)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// The attempt; tenant-free, for work that starts from an id of our own.
pub async fn get(on: impl Into<On<'_>>, id: &AttemptId) -> Result<Option<Attempt>, DbError> {
    query("select * from attempts where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// The attempts of a payment, first to last.
pub async fn of_payment(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Vec<Attempt>, DbError> {
    query("select * from attempts where payment_id = $1 order by id")
        .bind(payment)
        .all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The last attempts of a payment, as many as merchants are shown, first to last.
pub async fn newest(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Vec<Attempt>, DbError> {
    let rows = query("select * from attempts where payment_id = $1 order by id desc limit $2")
        .bind(payment)
        .bind(SHOWN)
        .all(on)
        .await?;
    rows.iter().rev().map(read).collect()
}

/// The attempt that says how a payment stands: the open one, else the approved one, else the newest. Ids follow the clock,
/// and a clock that was set back gives the open one an older id than the one before it.
pub async fn latest(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Option<Attempt>, DbError> {
    let row = query(
        "select * from attempts where payment_id = $1
         order by case state when 'declined' then 2 when 'approved' then 1 else 0 end, id desc limit 1",
    )
    .bind(payment)
    .optional(on)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Marks the attempts that were sent more than `silence` ago and not heard of since, each once, and gives them with their
/// tenants. One that was sent in the future was sent before the clock was set back, nobody knows how long ago.
pub async fn claim_silent(tx: &mut Tx, now: Timestamp, silence: Duration) -> Result<Vec<(AttemptId, Tenant)>, DbError> {
    let rows = query(
        "update attempts set recovering = $3
         where id in (select id from attempts
                      where state in ('sent', 'action_required', 'pending', 'unknown') and not recovering
                          and (sent_at < $1 or sent_at > $2)
                      order by sent_at limit 500)
         and not recovering returning id, merchant_id, livemode",
    )
    .bind(now.minus(silence))
    .bind(now.plus(silence))
    .bind(true)
    .all(tx)
    .await?;
    rows.iter().map(|row| Ok((row.get("id")?, Tenant::new(row.get("merchant_id")?, row.get("livemode")?)))).collect()
}

/// Keeps under which name the PSP charged `id` although another attempt was approved, and gives the attempt; nothing when that is
/// known already.
pub async fn keep_second_charge(tx: &mut Tx, id: &AttemptId, reference: &str) -> Result<Option<Attempt>, DbError> {
    let row = query(
        "update attempts set second_charge = $2, recovering = $3 where id = $1 and second_charge is null returning *",
    )
    .bind(id)
    .bind(reference)
    .bind(true)
    .optional(tx)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Marks that `amount` of the second charge of `id` comes into the books; says whether it was not there before.
pub async fn book_second_charge(tx: &mut Tx, id: &AttemptId, amount: Money, now: Timestamp) -> Result<bool, DbError> {
    let booked = query(
        "update attempts set second_charge_amount = $2, second_charged_at = $3
         where id = $1 and second_charge is not null and second_charged_at is null",
    )
    .bind(id)
    .bind(amount.minor())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(booked == 1)
}

/// Counts one more question of the job that finds out what became of `id` which brought nothing; says how many there were.
pub async fn asked_in_vain(tx: &mut Tx, id: &AttemptId) -> Result<u32, DbError> {
    let row = query("update attempts set asks = asks + 1 where id = $1 returning asks").bind(id).one(tx).await?;
    Ok(u32::try_from(row.get::<i64>("asks")?).unwrap_or(u32::MAX))
}

/// When the oldest attempt was sent whose outcome is not known; one that waits for the shopper does not count, nor does a second
/// charge, which is known and waits for nothing.
pub async fn oldest_open(on: impl Into<On<'_>>) -> Result<Option<Timestamp>, DbError> {
    query(
        "select min(sent_at) as at from attempts
         where state in ('sent', 'action_required', 'pending', 'unknown') and state <> 'action_required'
             and second_charge is null",
    )
    .one(on)
    .await?
    .get("at")
}

/// What attempts are counted by.
#[derive(Debug, Clone, Copy)]
pub enum Count<'a> {
    /// Those of one payment.
    Payment(&'a PaymentId),
    /// Those for one customer's address.
    Email(&'a str),
    /// All of the merchant's.
    Merchant,
}

/// How many attempts were made since `since`.
pub async fn count_since(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    what: Count<'_>,
    since: Timestamp,
) -> Result<i64, DbError> {
    let asked = match what {
        // A payment's id says whose it is. With the tenant in the question SQLite would read all of its attempts instead.
        Count::Payment(payment) => query("select count(*) as n from attempts where payment_id = $1 and sent_at >= $2")
            .bind(payment)
            .bind(since),
        // The customer's payments first and by themselves, for the same reason.
        Count::Email(email) => query(
            "with theirs as materialized (select id, merchant_id, livemode from payments where customer_email = $4)
             select count(*) as n from theirs p cross join attempts a
             where a.payment_id = p.id and a.sent_at >= $3 and p.merchant_id = $1 and p.livemode = $2",
        )
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(since)
        .bind(email),
        Count::Merchant => {
            query("select count(*) as n from attempts where merchant_id = $1 and livemode = $2 and sent_at >= $3")
                .bind(&tenant.merchant)
                .bind(tenant.mode)
                .bind(since)
        }
    };
    asked.one(on).await?.get("n")
}

fn read(row: &Row) -> Result<Attempt, DbError> {
    let state: String = row.get("state")?;
    let card = match (row.get::<Option<String>>("card_brand")?, row.get::<Option<String>>("card_last4")?) {
        (Some(brand), Some(last4)) => Some(Card { brand, last4 }),
        _ => None,
    };
    Ok(Attempt {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        payment: row.get("payment_id")?,
        psp: row.get("psp")?,
        psp_key: row.get("psp_key")?,
        method: row.get("method")?,
        state: AttemptState::parse(&state).ok_or_else(|| DbError::corrupt("state", &state))?,
        psp_reference: row.get("psp_reference")?,
        decline: row.get::<Option<String>>("decline_code")?.and_then(|code| DeclineCode::parse(&code)),
        psp_code: row.get("psp_code")?,
        card,
        action_url: row.get("action_url")?,
        note: row.get("note")?,
        second_charge: row.get("second_charge")?,
        second_charged_at: row.get("second_charged_at")?,
        sent_at: row.get("sent_at")?,
        deadline_at: row.get("deadline_at")?,
        settled_at: row.get("settled_at")?,
    })
}
