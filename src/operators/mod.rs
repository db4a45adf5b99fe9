//! The people who run the gateway: who they are, whether they are signed in, and what they did.
//!
//! Promises: a password is kept only as an argon2id hash and costs a guesser more with every wrong try; a session ends when
//! its owner signs out or the password changes; the audit log only grows. Refuses to know cookies, pages and merchants.

mod audit;
mod password;
mod store;
mod throttle;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::db::{Db, DbError, On, Tx, retrying};
use crate::words::{OperatorId, Secret, Timestamp, random_base62};

pub use audit::{Entry, NewEntry, entries, record};

/// The operator that is made when there is none.
pub const FIRST_EMAIL: &str = "admin@localhost";

/// How long a session lasts at most.
pub const SESSION: Duration = Duration::from_hours(8);

/// Characters of a generated password: 20 of base62 are 119 bits.
const GENERATED: usize = 20;

/// A person who may use the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its id.
    pub id: OperatorId,
    /// Its e-mail, by which it signs in.
    pub email: String,
}

/// What went wrong with an operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The e-mail has no `@`, or is too long.
    #[error("the e-mail must look like name@host and have at most 254 characters")]
    Email,
    /// The password is too short or too long.
    #[error("the password must have 12 to 256 characters")]
    Password,
    /// There is an operator with this e-mail.
    #[error("there is an operator with this e-mail; use reset-password to give it another password")]
    Exists,
    /// There is no operator with this e-mail.
    #[error("there is no operator with this e-mail")]
    Unknown,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hash,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong password or unknown e-mail: which of the two is not told.
    #[error("wrong e-mail or password")]
    Wrong,
    /// Too many wrong passwords; this one was not even looked at.
    #[error("too many wrong passwords")]
    Throttled {
        /// When the next one is looked at.
        wait: Duration,
    },
    /// Something of ours failed.
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

impl From<DbError> for SignInError {
    fn from(error: DbError) -> Self {
        Self::Operator(error.into())
    }
}

/// Makes the first operator when there is none, and gives its e-mail and its password, which is told only here.
pub async fn ensure_first(db: &Db, now: Timestamp) -> Result<Option<(String, Secret<String>)>, OperatorError> {
    if store::any(db).await? {
        return Ok(None);
    }
    let password = Secret::new(random_base62(GENERATED));
    let hash = password::hash(password.clone()).await?;
    let mut tx = db.begin().await?;
    // Of several processes that start at once, the one whose row stands tells its password.
    if store::insert(&mut tx, &OperatorId::new(), FIRST_EMAIL, &hash, now).await? {
        tx.commit().await?;
        Ok(Some((FIRST_EMAIL.to_owned(), password)))
    } else {
        Ok(None)
    }
}

/// Makes an operator; without a password, one is made up. The answer is the only place where that one is told.
pub async fn create(
    db: &Db,
    email: &str,
    password: Option<Secret<String>>,
    now: Timestamp,
) -> Result<Secret<String>, OperatorError> {
    let email = readable_email(email)?;
    let (password, hash) = new_password(password).await?;
    let mut tx = db.begin().await?;
    let id = OperatorId::new();
    if !store::insert(&mut tx, &id, &email, &hash, now).await? {
        return Err(OperatorError::Exists);
    }
    record(&mut tx, &NewEntry::from_here("operator.create", now).about(id.as_str())).await?;
    tx.commit().await?;
    Ok(password)
}

/// Gives an operator another password and ends its sessions.
pub async fn reset_password(
    db: &Db,
    email: &str,
    password: Option<Secret<String>>,
    now: Timestamp,
) -> Result<Secret<String>, OperatorError> {
    let email = readable_email(email)?;
    let (password, hash) = new_password(password).await?;
    let mut tx = db.begin().await?;
    let Some((operator, _)) = store::by_email(&mut tx, &email).await? else {
        return Err(OperatorError::Unknown);
    };
    store::set_password(&mut tx, &operator.id, &hash, now).await?;
    store::end_sessions(&mut tx, &operator.id, now).await?;
    store::forget_failures(&mut tx, &throttle::operator_subject(&email)).await?;
    record(&mut tx, &NewEntry::from_here("operator.reset_password", now).about(operator.id.as_str())).await?;
    tx.commit().await?;
    Ok(password)
}

/// Lets an operator in: the session's id, which the caller puts into a signed token.
///
/// The try is counted before the password is looked at, so that many tries at once are no way around the waiting.
pub async fn sign_in(
    db: &Db,
    email: &str,
    password: Secret<String>,
    address: &str,
    now: Timestamp,
) -> Result<(Operator, String), SignInError> {
    // Control characters stand in no e-mail, and PostgreSQL takes no NUL in a text.
    let email: String = email.trim().to_lowercase().chars().filter(|c| !c.is_control()).take(254).collect();
    let subjects = throttle::subjects(&email, address);
    let counted = retrying(|| async {
        let mut tx = db.begin().await?;
        let wait = store::count_try(&mut tx, &subjects, now).await?;
        let found = store::by_email(&mut tx, &email).await?;
        tx.commit().await?;
        Ok::<_, DbError>((wait, found))
    });
    let found = match counted.await? {
        (Some(wait), _) => return Err(SignInError::Throttled { wait }),
        (None, found) => found,
    };
    let (operator, hash) = match found {
        Some((operator, hash)) => (Some(operator), Some(hash)),
        None => (None, None),
    };
    let right = password::verify(password, hash.clone()).await?;
    let mut tx = db.begin().await?;
    // A password that was replaced while this one was looked at no longer counts.
    let present = store::by_email(&mut tx, &email).await?.map(|(_, hash)| hash);
    let right = right && present == hash;
    let Some(operator) = operator.clone().filter(|_| right) else {
        let mut entry = NewEntry::new("sign_in.refused", address, now);
        entry.operator = operator.map(|operator| operator.id);
        if entry.operator.is_some() { "wrong password" } else { "unknown e-mail" }.clone_into(&mut entry.note);
        record(&mut tx, &entry).await?;
        tx.commit().await?;
        return Err(SignInError::Wrong);
    };
    store::try_was_right(&mut tx, &subjects).await?;
    let session = random_base62(24);
    store::begin_session(&mut tx, &session, &operator.id, now, now.plus(SESSION)).await?;
    record(&mut tx, &NewEntry::new("sign_in", address, now).by(&operator.id)).await?;
    tx.commit().await?;
    Ok((operator, session))
}

/// Who a session belongs to, while it lasts.
pub async fn session(on: impl Into<On<'_>>, session: &str, now: Timestamp) -> Result<Option<Operator>, DbError> {
    store::session(on, session, now).await
}

/// By which name people know who did something: an operator's e-mail; keys and schedules have none but what is written down.
pub async fn known_as(on: impl Into<On<'_>>, actor: &str) -> Result<String, DbError> {
    Ok(store::email(on, actor).await?.unwrap_or_else(|| actor.to_owned()))
}

/// Ends one session.
pub async fn sign_out(
    tx: &mut Tx,
    operator: &OperatorId,
    session: &str,
    address: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    store::end_session(tx, session, now).await?;
    record(tx, &NewEntry::new("sign_out", address, now).by(operator)).await
}

fn readable_email(email: &str) -> Result<String, OperatorError> {
    let email = email.trim().to_lowercase();
    let sound = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if !sound || email.len() > 254 || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(OperatorError::Email);
    }
    Ok(email)
}

async fn new_password(given: Option<Secret<String>>) -> Result<(Secret<String>, String), OperatorError> {
    let password = given.unwrap_or_else(|| Secret::new(random_base62(GENERATED)));
    if !(12..=256).contains(&password.expose().chars().count()) {
        return Err(OperatorError::Password);
    }
    let hash = password::hash(password.clone()).await?;
    Ok((password, hash))
}
