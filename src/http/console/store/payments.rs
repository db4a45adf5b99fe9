//! The SQL of the list of payments and its search.

use crate::db::{DbError, On, Query, Row, query};
use crate::http::console::search::{Terms, currencies};
use crate::words::{Currency, Mode, Money, Page, PaymentId, Slice, Timestamp};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub terms: Option<Terms>,
    pub status: Option<String>,
    /// Only those with an attempt or a refund whose outcome is not known.
    pub unknown: bool,
    pub mode: Option<Mode>,
    pub merchant: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Attempts and refunds older than this and not heard of since count as unknown.
    pub silent_since: Timestamp,
}

/// One line of the list.
#[derive(Debug, Clone)]
pub struct PaymentRow {
    pub id: PaymentId,
    pub merchant: String,
    pub mode: Mode,
    pub status: String,
    /// The state of the last attempt.
    pub attempt: Option<String>,
    pub amount: Option<Money>,
    pub reference: Option<String>,
    pub shopper: Option<String>,
    pub psp: Option<String>,
    pub card_brand: Option<String>,
    pub card_last4: Option<String>,
    pub opened_at: Timestamp,
}

macro_rules! listed {
    ($search:literal, $order:literal) => {
        concat!(
            "select p.id, p.livemode, p.status, p.currency, p.amount, p.reference, p.customer_email, p.psp, p.created_at,
                 m.name as merchant_name, a.state as attempt_state, a.card_brand, a.card_last4
             from payments p join merchants m on m.id = p.merchant_id
             left join attempts a on a.id = (select max(last.id) from attempts last where last.payment_id = p.id)
             where (p.status = $1 or $1 is null) and (p.livemode = $2 or $2 is null)
               and (p.merchant_id = $3 or $3 is null)
               and (p.created_at >= $4 or $4 is null) and (p.created_at < $5 or $5 is null)
               and (not $6 or a.state = 'unknown' or (a.state in ('sent', 'pending') and a.sent_at < $7)
                   or exists (select 1 from refunds r
                              where r.payment_id = p.id and r.status = 'pending' and r.created_at < $7))",
            $search,
            $order
        )
    };
}

/// Each part finds by one index; what was typed is only ever a value.
macro_rules! found {
    () => {
        " and p.id in (
            select id from payments where id = $10
            union select id from payments where checkout_id = $10
            union select payment_id from payment_orders where payment_order_id = $10
            union select payment_id from attempts where id = $10
            union select payment_id from refunds where id = $10
            union select id from payments where lower(reference) like $11 escape '\\'
            union select id from payments where lower(customer_email) like $11 escape '\\'
            union select id from payments where psp_payment like $12 escape '\\'
            union select payment_id from attempts where psp_reference like $12 escape '\\'
            union select payment_id from attempts where second_charge like $12 escape '\\'
            union select id from payments where payment_method_id = $10
            union select payment_id from disputes where psp_reference like $12 escape '\\'
            union select payment_id from refunds where psp_reference like $12 escape '\\'
            union select id from payments where amount in ($13, $14, $15) and (currency = $16 or $16 is null)
                and amount = case when $17 like '%' || currency || '%' then $13
                    when $18 like '%' || currency || '%' then $15 else $14 end)"
    };
}

macro_rules! statement {
    ($asked:ident, $page:ident) => {
        match ($asked.terms.is_some(), $page.is_backwards()) {
            (false, false) => query(listed!("", " and p.id < $8 order by p.id desc limit $9")),
            (false, true) => query(listed!("", " and p.id > $8 order by p.id limit $9")),
            (true, false) => query(searched!(" and p.id < $8 order by p.id desc limit $9")),
            (true, true) => query(searched!(" and p.id > $8 order by p.id limit $9")),
        }
    };
}

macro_rules! searched {
    ($order:literal) => {
        concat!(listed!("", ""), found!(), $order)
    };
}

/// One page of the payments asked for, newest first.
pub async fn payments(on: impl Into<On<'_>>, asked: &Asked, page: &Page) -> Result<Slice<PaymentRow>, DbError> {
    let mut statement = statement!(asked, page)
        .bind(asked.status.as_deref())
        .bind(asked.mode)
        .bind(asked.merchant.as_deref())
        .bind(asked.since)
        .bind(asked.until)
        .bind(asked.unknown)
        .bind(asked.silent_since)
        .bind(page.cursor())
        .bind(page.fetch());
    if let Some(terms) = &asked.terms {
        statement = bind_terms(statement, terms);
    }
    let rows = statement.all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn bind_terms(statement: Query, terms: &Terms) -> Query {
    let [whole, hundredths, thousandths] = terms.minor;
    statement
        .bind(terms.id.as_str())
        .bind(terms.words.as_str())
        .bind(terms.at_psp.as_str())
        .bind(whole)
        .bind(hundredths)
        .bind(thousandths)
        .bind(terms.currency)
        .bind(currencies(0))
        .bind(currencies(3))
}

fn read(row: &Row) -> Result<PaymentRow, DbError> {
    let currency: Currency = row.get("currency")?;
    Ok(PaymentRow {
        id: row.get("id")?,
        merchant: row.get("merchant_name")?,
        mode: row.get("livemode")?,
        status: row.get("status")?,
        attempt: row.get("attempt_state")?,
        amount: Money::of(row.get("amount")?, currency),
        reference: row.get("reference")?,
        shopper: row.get("customer_email")?,
        psp: row.get("psp")?,
        card_brand: row.get("card_brand")?,
        card_last4: row.get("card_last4")?,
        opened_at: row.get("created_at")?,
    })
}

/// Ids and names of merchants by name, for a choice box.
pub async fn merchants(on: impl Into<On<'_>>) -> Result<Vec<(String, String)>, DbError> {
    let rows = query("select id, name from merchants order by lower(name), id limit 500").all(on).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}
