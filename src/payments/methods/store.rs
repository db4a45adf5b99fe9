//! The SQL of saved cards.

use super::PaymentMethod;
use crate::db::{DbError, List, On, Row, Tx, query};
use crate::psp::Card;
use crate::words::{Page, PaymentId, PaymentMethodId, Slice, Tenant, Timestamp};

/// Writes a saved card with its sealed token, and names it on the payment it was saved with. False when that payment has
/// one already.
pub(super) async fn insert(tx: &mut Tx, method: &PaymentMethod, token: Vec<u8>) -> Result<bool, DbError> {
    let inserted = query(
        "insert into payment_methods (id, merchant_id, livemode, psp, card_brand, card_last4, customer_email, payment_id,
             token, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (payment_id) do nothing",
    )
    .bind(&method.id)
    .bind(&method.tenant.merchant)
    .bind(method.tenant.mode)
    .bind(&method.psp)
    .bind(&method.card.brand)
    .bind(&method.card.last4)
    .bind(&method.customer_email)
    .bind(&method.payment)
    .bind(token)
    .bind(method.created_at)
    .execute(tx)
    .await?;
    if inserted == 1 {
        query("update payments set payment_method_id = $2 where id = $1")
            .bind(&method.payment)
            .bind(&method.id)
            .execute(tx)
            .await?;
    }
    Ok(inserted == 1)
}

/// The saved card, detached or not, if it is this tenant's.
pub async fn get(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    id: &PaymentMethodId,
) -> Result<Option<PaymentMethod>, DbError> {
    let row = query("select * from payment_methods where id = $1 and merchant_id = $2 and livemode = $3")
        .bind(id)
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The sealed token of a saved card; none once it is detached.
pub(super) async fn sealed(on: impl Into<On<'_>>, id: &PaymentMethodId) -> Result<Option<Vec<u8>>, DbError> {
    let row = query("select token from payment_methods where id = $1").bind(id).optional(on).await?;
    row.map_or(Ok(None), |row| row.get("token"))
}

/// Forgets the token of a saved card; says whether there was one.
pub(super) async fn detach(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &PaymentMethodId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let detached = query(
        "update payment_methods set token = null, detached_at = $4
         where id = $1 and merchant_id = $2 and livemode = $3 and detached_at is null",
    )
    .bind(id)
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(detached == 1)
}

/// A page of a tenant's saved cards that are not detached, newest first; of one shopper's address when it is named.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    customer_email: Option<&str>,
    page: &Page,
) -> Result<Slice<PaymentMethod>, DbError> {
    let rows = List::of("payment_methods", tenant)
        .when("detached_at is null", true)
        .of_one("customer_email", customer_email)
        .page(page)
        .all(on)
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn read(row: &Row) -> Result<PaymentMethod, DbError> {
    Ok(PaymentMethod {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        psp: row.get("psp")?,
        card: Card { brand: row.get("card_brand")?, last4: row.get("card_last4")? },
        customer_email: row.get("customer_email")?,
        payment: row.get::<PaymentId>("payment_id")?,
        created_at: row.get("created_at")?,
        detached_at: row.get("detached_at")?,
    })
}
