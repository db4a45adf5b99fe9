//! Who is calling: from the key presented to the merchant, the mode and what may be done.

use super::{Kind, Scope, Token, store};
use crate::db::{Db, DbError};
use crate::words::{KeyId, Tenant, Timestamp};

/// A caller who has shown a valid key.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Whose data it may reach.
    pub tenant: Tenant,
    /// With which key.
    pub key: KeyId,
    /// Of which kind.
    pub kind: Kind,
    /// What a restricted key may do.
    pub scopes: Vec<Scope>,
    /// When the key's use was last noted, to decide whether to note it again.
    pub last_used_at: Option<Timestamp>,
}

impl Principal {
    /// Whether this caller may do what needs `scope`.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        match self.kind {
            Kind::Secret => true,
            Kind::Restricted => self.scopes.contains(&scope),
            Kind::Publishable => false,
        }
    }
}

/// Why a key is refused. Told to the caller: who has the text of a key may know what became of it.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Not a key at all: unknown prefix, wrong length or wrong checksum. A typo, most likely.
    #[error("this is not an API key: it is cut off or mistyped")]
    Malformed,
    /// Well formed, but never issued here.
    #[error("no such API key was issued by this server")]
    Unknown,
    /// Taken back.
    #[error("the API key was revoked")]
    Revoked,
    /// Past its date, or replaced and past its overlap.
    #[error("the API key has expired")]
    Expired,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Checks a presented key: its checksum first, so that typos and scanners' noise never reach the database.
pub async fn authenticate(db: &Db, presented: &str, now: Timestamp) -> Result<Principal, AuthError> {
    let token = Token::parse(presented).ok_or(AuthError::Malformed)?;
    let key = store::by_hash(db, &token.hash()).await?.ok_or(AuthError::Unknown)?;
    if key.revoked_at.is_some() {
        return Err(AuthError::Revoked);
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(AuthError::Expired);
    }
    Ok(Principal {
        tenant: key.tenant,
        key: key.id,
        kind: key.kind,
        scopes: key.scopes,
        last_used_at: key.last_used_at,
    })
}
