//! A key as the API shows it: everything but the key, unless it was just made.

use serde_json::{Value, json};

use super::{Key, Token, token};

/// The public shape; `secret` is the key itself for its one showing, else null.
#[must_use]
pub fn view(key: &Key, shown: Option<&Token>) -> Value {
    json!({
        "id": key.id,
        "object": "api_key",
        "livemode": key.tenant.mode.is_live(),
        "created_at": key.created_at,
        "kind": key.kind,
        "scopes": key.scopes,
        "name": key.name,
        "hint": hint(key),
        "secret": shown.map(Token::expose),
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "replaced_by": key.replaced_by,
    })
}

/// What a key may be recognized by without showing it: its prefix and its last four characters.
#[must_use]
pub fn hint(key: &Key) -> String {
    format!("{}...{}", token::prefix(key.kind, key.tenant.mode), key.last4)
}
