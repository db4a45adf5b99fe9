//! A merchant: made with its own seller in both modes, so that it can be paid from the first session on.

use super::{sellers, store};
use crate::db::{DbError, On, Tx};
use crate::words::{MerchantId, Mode, Page, Slice, Tenant, Timestamp};

/// Who integrates with us.
#[derive(Debug, Clone)]
pub struct Merchant {
    /// `mrc_...`
    pub id: MerchantId,
    /// As shown on the checkout page.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Makes a merchant with its own seller in test and in live mode. Keys are [issued](super::keys::issue) apart.
pub async fn create(tx: &mut Tx, name: &str, now: Timestamp) -> Result<Merchant, DbError> {
    let merchant = Merchant { id: MerchantId::new(), name: name.to_owned(), created_at: now };
    store::insert_merchant(tx, &merchant).await?;
    for mode in [Mode::Test, Mode::Live] {
        let tenant = Tenant::new(merchant.id.clone(), mode);
        sellers::create_self(tx, &tenant, name, now).await?;
    }
    Ok(merchant)
}

/// Looks one up.
pub async fn get(on: impl Into<On<'_>>, id: &MerchantId) -> Result<Option<Merchant>, DbError> {
    store::merchant(on, id).await
}

/// All merchants of this installation, for its operator.
pub async fn list(on: impl Into<On<'_>>, page: &Page) -> Result<Slice<Merchant>, DbError> {
    store::merchants(on, page).await
}
