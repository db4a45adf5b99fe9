//! The caller's API key, checked, and what it is allowed to do.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::http::access_log;
use crate::http::problem::Problem;
use crate::merchants::keys::{self, Kind};
use crate::merchants::{AuthError, Principal, Scope, authenticate};

/// A caller whose key allows what the method suggests: `read` for GET and HEAD, `write` for the rest.
///
/// So a route that forgets to ask for a scope is still guarded; one that gives or sends money asks for
/// [`Scope::Refund`] or [`Scope::Payout`] with [`require`] on [`AnyKey`] instead.
#[derive(Debug, Clone)]
pub struct Authenticated(pub Principal);

/// A caller with a secret key: what a restricted key may never do, such as making keys.
#[derive(Debug, Clone)]
pub struct Keyholder(pub Principal);

/// A caller with any valid key, publishable ones too; the handler decides with [`require`].
#[derive(Debug, Clone)]
pub struct AnyKey(pub Principal);

impl<S> FromRequestParts<S> for AnyKey
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let presented = presented(parts)?;
        let principal = authenticate(&app.db, &presented, app.now()).await.map_err(refused)?;
        access_log::name_tenant(&principal.tenant);
        note_use(&app, &principal);
        Ok(Self(principal))
    }
}

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AnyKey(principal) = AnyKey::from_request_parts(parts, state).await?;
        let reading = matches!(parts.method, Method::GET | Method::HEAD);
        require(&principal, if reading { Scope::Read } else { Scope::Write })?;
        Ok(Self(principal))
    }
}

impl<S> FromRequestParts<S> for Keyholder
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AnyKey(principal) = AnyKey::from_request_parts(parts, state).await?;
        if principal.kind == Kind::Secret {
            return Ok(Self(principal));
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "secret_key_required", "Only a secret key (sk_) may do this."))
    }
}

/// Refuses a caller whose key lacks `scope`, naming it.
pub fn require(principal: &Principal, scope: Scope) -> Result<(), Problem> {
    if principal.may(scope) {
        return Ok(());
    }
    let detail = match principal.kind {
        Kind::Publishable => "A publishable key (pk_) may not do this: use a secret key, from a server.".to_owned(),
        _ => format!("This key lacks the scope `{}`, which the call needs.", scope.as_str()),
    };
    Err(Problem::new(StatusCode::FORBIDDEN, "scope_missing", detail).param(scope.as_str()))
}

/// The key of `Authorization: Bearer <key>`, or of Basic with the key as the user name and an empty password.
fn presented(parts: &Parts) -> Result<String, Problem> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(unauthorized("api_key_missing", "Send the API key as `Authorization: Bearer <key>`."));
    };
    let bad = || unauthorized("authorization_malformed", "Send the API key as `Authorization: Bearer <key>`.");
    let text = value.to_str().map_err(|_| bad())?;
    let (scheme, rest) = text.trim().split_once(' ').ok_or_else(bad)?;
    if values.next().is_some() {
        return Err(bad());
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(rest.trim()).map_err(|_| bad())?;
        let pair = String::from_utf8(decoded).map_err(|_| bad())?;
        let (user, password) = pair.split_once(':').ok_or_else(bad)?;
        return if password.is_empty() { Ok(user.to_owned()) } else { Err(bad()) };
    }
    Err(bad())
}

fn refused(error: AuthError) -> Problem {
    let (code, detail) = match error {
        AuthError::Malformed => ("api_key_malformed", "This is not an API key: it is cut off or mistyped."),
        AuthError::Unknown => ("api_key_unknown", "No such API key was issued by this server."),
        AuthError::Revoked => ("api_key_revoked", "The API key was revoked."),
        AuthError::Expired => ("api_key_expired", "The API key has expired."),
        AuthError::Db(error) => return error.into(),
    };
    // Attempts are logged by their kind alone: the key itself never is.
    tracing::info!(code, "an API key was refused");
    unauthorized(code, detail)
}

fn unauthorized(code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tollgate\", Basic realm=\"tollgate\""))
}

/// Notes the key's use at most once a minute, beside the request and not in its way.
fn note_use(app: &App, principal: &Principal) {
    let now = app.now();
    if principal.last_used_at.is_some_and(|at| at > now.minus(keys::USE_GRAIN)) {
        return;
    }
    let (db, tenant, key) = (app.db.clone(), principal.tenant.clone(), principal.key.clone());
    app.tasks.spawn(async move {
        let noted = async {
            let mut tx = db.begin().await?;
            keys::note_use(&mut tx, &tenant, &key, now).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::debug!(error = %error, "the last use of a key was not noted");
        }
    });
}
