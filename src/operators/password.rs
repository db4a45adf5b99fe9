//! Passwords: argon2id with the OWASP Password Storage Cheat Sheet's first choice (19 MiB, 2 passes, 1 lane), off the async threads
//! and only a few at a time, so that a flood of log-ins costs neither the shoppers' requests nor the memory.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use super::OperatorError;
use crate::words::{Secret, random_base62};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// What an unknown e-mail is checked against, so that it takes as long as a known one.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now(&random_base62(20)).ok());

/// The PHC string of `password`.
pub(super) async fn hash(password: Secret<String>) -> Result<String, OperatorError> {
    blocking(move || hash_now(password.expose())).await?
}

/// Whether `password` is the one of `hash`; without a hash it takes as long, and is not.
pub(super) async fn verify(password: Secret<String>, hash: Option<String>) -> Result<bool, OperatorError> {
    blocking(move || {
        let known = hash.is_some();
        // Made in either case, so that the first unknown e-mail does not stand out.
        let nobody = NOBODY.clone();
        let Some(hash) = hash.or(nobody) else { return Err(OperatorError::Hash) };
        let hash = PasswordHash::new(&hash).map_err(|_| OperatorError::Hash)?;
        let right = hasher()?.verify_password(password.expose().as_bytes(), &hash).is_ok();
        Ok(right && known)
    })
    .await?
}

fn hash_now(password: &str) -> Result<String, OperatorError> {
    let hash = hasher()?.hash_password(password.as_bytes()).map_err(|_| OperatorError::Hash)?;
    Ok(hash.to_string())
}

fn hasher() -> Result<Argon2<'static>, OperatorError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| OperatorError::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OperatorError> {
    let _permit = AT_ONCE.acquire().await.map_err(|_| OperatorError::Hash)?;
    tokio::task::spawn_blocking(work).await.map_err(|_| OperatorError::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_same_password_fits_and_the_hash_says_how_it_was_made() {
        let stored = hash(secret("correct horse battery")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify(secret("correct horse battery"), Some(stored.clone())).await.unwrap());
        assert!(!verify(secret("correct horse batterx"), Some(stored.clone())).await.unwrap());
        assert_ne!(stored, hash(secret("correct horse battery")).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        assert!(!verify(secret("anything at all"), None).await.unwrap());
    }
}
