//! API keys: made, shown once, checked, rotated, revoked.
//!
//! Only a hash is stored. Each use is looked up anew, so a revoked key is refused from the moment the revocation is
//! committed, in every process on the database.

mod authenticate;
mod scope;
mod store;
mod token;
mod view;

use std::time::Duration;

pub use authenticate::{AuthError, Principal, authenticate};
pub use scope::{Kind, Scope};
pub use store::{USE_GRAIN, get, list, note_use};
pub use token::Token;
pub use view::{hint, view};

use crate::db::{DbError, Tx};
use crate::words::{KeyId, Tenant, Timestamp};

/// The longest time an old key may go on working beside its successor.
pub const MAX_OVERLAP: Duration = Duration::from_hours(7 * 24);

/// What is known of a key: everything but the key.
#[derive(Debug, Clone)]
pub struct Key {
    /// `key_...`
    pub id: KeyId,
    /// Whose data it opens.
    pub tenant: Tenant,
    /// What it may be used for at all.
    pub kind: Kind,
    /// What a restricted key may do; empty for the other kinds.
    pub scopes: Vec<Scope>,
    /// The merchant's name for it.
    pub name: Option<String>,
    /// Its last four characters.
    pub last4: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Its successor after a rotation.
    pub replaced_by: Option<KeyId>,
}

/// What is wanted of a new key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it may be used for at all.
    pub kind: Kind,
    /// At least one for a restricted key, none for the others.
    pub scopes: Vec<Scope>,
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// From when on it is refused; in the future.
    pub expires_at: Option<Timestamp>,
}

/// Why a key was not made or not changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A restricted key without scopes, or another kind with them.
    #[error("a restricted key needs at least one scope, and only a restricted key has scopes")]
    Scopes,
    /// It would never have worked.
    #[error("the expiry has to be in the future")]
    ExpiryPast,
    /// Rotation of what is no longer in use.
    #[error("the key is revoked, expired or already rotated")]
    NotActive,
    /// The overlap of a rotation is too long.
    #[error("the old key may go on working for at most 168 hours")]
    Overlap,
    /// No such key of this tenant.
    #[error("there is no such key")]
    NotFound,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A key that was just made, with the only showing of its text.
#[derive(Debug)]
pub struct Issued {
    /// What is kept of it.
    pub key: Key,
    /// What its holder must keep.
    pub token: Token,
}

/// Makes a key.
pub async fn issue(tx: &mut Tx, tenant: &Tenant, mut new: NewKey, now: Timestamp) -> Result<Issued, KeyError> {
    if (new.kind == Kind::Restricted) == new.scopes.is_empty() {
        return Err(KeyError::Scopes);
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(KeyError::ExpiryPast);
    }
    new.scopes.sort_unstable();
    new.scopes.dedup();
    let token = Token::random(new.kind, tenant.mode);
    let key = Key {
        id: KeyId::new(),
        tenant: tenant.clone(),
        kind: new.kind,
        scopes: new.scopes,
        name: new.name,
        last4: token.last4(),
        created_at: now,
        last_used_at: None,
        expires_at: new.expires_at,
        revoked_at: None,
        replaced_by: None,
    };
    store::insert(tx, &key, &token.hash()).await?;
    Ok(Issued { key, token })
}

/// Refuses the key from now on; again and again changes nothing.
pub async fn revoke(tx: &mut Tx, tenant: &Tenant, id: &KeyId, now: Timestamp) -> Result<Key, KeyError> {
    store::revoke(tx, tenant, id, now).await?;
    store::get(tx, tenant, id).await?.ok_or(KeyError::NotFound)
}

/// Makes a successor with the same rights; the old key goes on working for `overlap`, then expires.
pub async fn rotate(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &KeyId,
    overlap: Duration,
    now: Timestamp,
) -> Result<Issued, KeyError> {
    if overlap > MAX_OVERLAP {
        return Err(KeyError::Overlap);
    }
    let old = store::get(&mut *tx, tenant, id).await?.ok_or(KeyError::NotFound)?;
    let new = NewKey { kind: old.kind, scopes: old.scopes, name: old.name, expires_at: None };
    let issued = issue(tx, tenant, new, now).await?;
    let ends = now.plus(overlap);
    let until = old.expires_at.map_or(ends, |expiry| expiry.min(ends));
    // The condition is repeated where it is written: of two rotations at once, one finds the key taken.
    if store::replace(tx, tenant, id, &issued.key.id, until, now).await? {
        Ok(issued)
    } else {
        Err(KeyError::NotActive)
    }
}
