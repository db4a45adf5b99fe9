//! The sessions' rows.

use std::collections::BTreeMap;

use super::Filter;
use super::line::{LineItem, shares, times};
use super::session::{Capture, Language, Session, Status};
use crate::db::{DbError, List, On, Row, Tx, Value, insert_many, query};
use crate::words::{Currency, MerchantId, Mode, Money, Page, SessionId, Slice, Tenant, Timestamp};

/// Writes a new session and its lines.
pub async fn insert(tx: &mut Tx, tenant: &Tenant, session: &Session) -> Result<(), DbError> {
    query(
        "insert into checkout_sessions (id, merchant_id, livemode, status, currency, amount, application_fee,
             success_url, cancel_url, reference, customer_email, locale, capture, metadata, page_token, payment_id,
             created_at, expires_at, completed_at, expired_at, save_payment_method)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
    )
    .bind(&session.id)
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(session.status.as_str())
    .bind(session.currency())
    .bind(session.amount.to_string())
    .bind(session.application_fee.map(|fee| fee.to_string()))
    .bind(session.success_url.as_str())
    .bind(session.cancel_url.clone())
    .bind(session.reference.clone())
    .bind(session.customer_email.clone())
    .bind(session.language.as_str())
    .bind(session.capture.as_str())
    .bind(serde_json::json!(session.metadata).to_string())
    .bind(session.page_token.as_str())
    .bind(&session.payment)
    .bind(session.created_at)
    .bind(session.expires_at)
    .bind(session.completed_at)
    .bind(session.expired_at)
    .bind(session.save_payment_method)
    .execute(tx)
    .await?;
    let lines = (0_i64..).zip(&session.line_items).map(|(position, line)| line_row(session, position, line)).collect();
    insert_many(
        "insert into checkout_line_items
             (session_id, position, merchant_id, livemode, name, unit_amount, quantity, seller_id)",
        lines,
        "",
    )
    .execute(tx)
    .await?;
    Ok(())
}

fn line_row(session: &Session, position: i64, line: &LineItem) -> Vec<Value> {
    vec![
        (&session.id).into(),
        position.into(),
        (&session.tenant.merchant).into(),
        session.tenant.mode.into(),
        line.name.as_str().into(),
        line.unit_amount.to_string().into(),
        line.quantity.into(),
        (&line.seller).into(),
    ]
}

/// One of this tenant's sessions.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &SessionId) -> Result<Option<Session>, DbError> {
    let rows = query(
        "select s.*, l.name, l.unit_amount, l.quantity, l.seller_id
         from checkout_sessions s join checkout_line_items l on l.session_id = s.id
         where s.merchant_id = $1 and s.livemode = $2 and s.id = $3
         order by l.position",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .all(on)
    .await?;
    Ok(read(&rows)?.pop())
}

/// The session whose page has this token. The one read without a tenant: the shopper has no key, only the address.
pub async fn by_page_token(on: impl Into<On<'_>>, token: &str) -> Result<Option<Session>, DbError> {
    let rows = query(
        "select s.*, l.name, l.unit_amount, l.quantity, l.seller_id
         from checkout_sessions s join checkout_line_items l on l.session_id = s.id
         where s.page_token = $1
         order by l.position",
    )
    .bind(token)
    .all(on)
    .await?;
    Ok(read(&rows)?.pop())
}

/// A page of this tenant's sessions, newest first.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Session>, DbError> {
    let rows = List::of("checkout_sessions", tenant)
        .only("status", filter.status.map(Status::as_str))
        .of_one("reference", &filter.reference)
        .created(">=", filter.created_from)
        .created("<=", filter.created_to)
        .page_with(
            "l.name, l.unit_amount, l.quantity, l.seller_id",
            "checkout_line_items l on l.session_id = page.id",
            "l.position",
            page,
        )
        .all(on)
        .await?;
    Ok(page.cut(read(&rows)?))
}

/// Marks a session as paid; `false` when it was already. A session that expired in the meantime is completed all the
/// same: the money has been taken, and the session must say so.
pub async fn complete(tx: &mut Tx, tenant: &Tenant, id: &SessionId, now: Timestamp) -> Result<bool, DbError> {
    let touched = query(
        "update checkout_sessions set status = 'complete', completed_at = $4
         where merchant_id = $1 and livemode = $2 and id = $3 and status in ('open', 'expired')",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Ends an open session unpaid; `false` when it was not open any more.
pub async fn mark_expired(tx: &mut Tx, tenant: &Tenant, id: &SessionId, now: Timestamp) -> Result<bool, DbError> {
    let touched = query(
        "update checkout_sessions set status = 'expired', expired_at = $4
         where merchant_id = $1 and livemode = $2 and id = $3 and status = 'open'",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

fn tenant(row: &Row) -> Result<Tenant, DbError> {
    Ok(Tenant::new(row.get::<MerchantId>("merchant_id")?, row.get::<Mode>("livemode")?))
}

/// Sessions from rows of one line each, those of one session together.
fn read(rows: &[Row]) -> Result<Vec<Session>, DbError> {
    let mut sessions: Vec<Session> = Vec::new();
    for row in rows {
        let id: SessionId = row.get("id")?;
        if sessions.last().is_none_or(|session| session.id != id) {
            sessions.push(session(row, id)?);
        }
        if let Some(session) = sessions.last_mut() {
            session.line_items.push(line(row, session.currency())?);
        }
    }
    for session in &mut sessions {
        session.shares =
            shares(&session.line_items).ok_or_else(|| corrupt("amount", "the lines are beyond any amount"))?;
        let sum = session.shares.iter().try_fold(0_i64, |sum, (_, share)| sum.checked_add(share.minor()));
        if sum != Some(session.amount.minor()) {
            return Err(corrupt("amount", "it is not the sum of the lines"));
        }
    }
    Ok(sessions)
}

fn session(row: &Row, id: SessionId) -> Result<Session, DbError> {
    let currency: Currency = row.get("currency")?;
    Ok(Session {
        id,
        tenant: tenant(row)?,
        status: named(row, "status", Status::parse)?,
        amount: money(&row.get::<String>("amount")?, currency, "amount")?,
        application_fee: row
            .get::<Option<String>>("application_fee")?
            .map(|fee| money(&fee, currency, "application_fee"))
            .transpose()?,
        line_items: Vec::new(),
        shares: Vec::new(),
        success_url: row.get("success_url")?,
        cancel_url: row.get("cancel_url")?,
        reference: row.get("reference")?,
        customer_email: row.get("customer_email")?,
        language: named(row, "locale", Language::parse)?,
        capture: named(row, "capture", Capture::parse)?,
        save_payment_method: row.get("save_payment_method")?,
        metadata: metadata(&row.get::<String>("metadata")?)?,
        page_token: row.get("page_token")?,
        payment: row.get("payment_id")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        completed_at: row.get("completed_at")?,
        expired_at: row.get("expired_at")?,
    })
}

fn line(row: &Row, currency: Currency) -> Result<LineItem, DbError> {
    let unit_amount = money(&row.get::<String>("unit_amount")?, currency, "unit_amount")?;
    let quantity = row.get("quantity")?;
    Ok(LineItem {
        name: row.get("name")?,
        unit_amount,
        quantity,
        amount: times(unit_amount, quantity).ok_or_else(|| corrupt("quantity", "beyond any amount"))?,
        seller: row.get("seller_id")?,
    })
}

fn named<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| corrupt(column, "no such value"))
}

fn money(text: &str, currency: Currency, column: &str) -> Result<Money, DbError> {
    Money::parse(text, currency).map_err(|error| corrupt(column, &error))
}

fn metadata(text: &str) -> Result<BTreeMap<String, String>, DbError> {
    serde_json::from_str(text).map_err(|error| corrupt("metadata", &error))
}

fn corrupt(column: &str, reason: &(impl ToString + ?Sized)) -> DbError {
    DbError::Corrupt { column: column.to_owned(), reason: reason.to_string() }
}
