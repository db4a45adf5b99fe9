//! The static files, carried inside the binary.
//!
//! Each has its content's hash in its address, so a browser may keep it for a year and a new release is fetched at once,
//! and an `integrity` value, so a file changed on the way is not run. Nothing here reads the disk.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha384};

/// One file as it is served.
#[derive(Debug)]
pub struct Asset {
    content_type: &'static str,
    bytes: &'static [u8],
    url: String,
    integrity: String,
}

impl Asset {
    fn new(name: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let hash = hex::encode(Sha256::digest(bytes));
        let short = hash.get(..16).unwrap_or(&hash);
        Self {
            content_type,
            bytes,
            url: format!("/static/{stem}.{short}.{extension}"),
            integrity: format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes))),
        }
    }

    /// Where the file is served, for ever: another content has another address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Subresource Integrity value (W3C SRI) of exactly these bytes.
    pub fn integrity(&self) -> &str {
        &self.integrity
    }
}

macro_rules! assets {
    ($($(#[$doc:meta])* $id:ident = $name:literal, $kind:literal;)*) => {
        $($(#[$doc])* pub static $id: LazyLock<Asset> = LazyLock::new(|| {
            Asset::new($name, $kind, include_bytes!(concat!("../../static/", $name)))
        });)*

        /// Every asset: what is not listed here is not served.
        pub fn all() -> Vec<&'static Asset> {
            vec![$(&*$id),*]
        }
    };
}

assets! {
    /// The mark in the browser's tab.
    MARK = "img/mark.svg", "image/svg+xml";
    /// Colours, type and the few elements that all pages share.
    BASE_CSS = "css/base.css", "text/css; charset=utf-8";
    /// The hosted checkout page.
    CHECKOUT_CSS = "css/checkout.css", "text/css; charset=utf-8";
    /// The console.
    CONSOLE_CSS = "css/console.css", "text/css; charset=utf-8";
    /// The console's few comforts.
    CONSOLE_JS = "js/console.js", "text/javascript; charset=utf-8";
    /// The hosted checkout page's behaviour.
    CHECKOUT_JS = "js/checkout.js", "text/javascript; charset=utf-8";
}

/// `GET /static/{*path}`
pub async fn serve(Path(path): Path<String>) -> Response {
    let wanted = format!("/static/{path}");
    match all().into_iter().find(|asset| asset.url == wanted) {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            asset.bytes,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_distinct_and_carry_the_content() {
        let urls: std::collections::HashSet<_> = all().into_iter().map(Asset::url).collect();
        assert_eq!(urls.len(), all().len());
        let other = Asset::new("css/base.css", "text/css", b"other");
        assert_ne!(other.url(), BASE_CSS.url());
        assert_ne!(other.integrity(), BASE_CSS.integrity());
    }

    #[test]
    fn integrity_is_the_sri_form() {
        // printf 'alert(1)' | openssl dgst -sha384 -binary | openssl base64 -A
        let asset = Asset::new("js/x.js", "text/javascript", b"alert(1)");
        assert_eq!(asset.integrity(), INTEGRITY_OF_ALERT);
        assert!(asset.url().starts_with("/static/js/x.") && asset.url().rsplit('.').next() == Some("js"));
    }

    const INTEGRITY_OF_ALERT: &str = "sha384-HT2E9NfWiuQ/w1PRai+hTyqW16NIoCGA/m8VQDUopfAtcz6YQjtsMmQd5uRbVDpW";
}
