//! Addresses a shopper may be sent to.

use url::{Host, Url};

/// Longer addresses break in browsers and proxies.
const MAX: usize = 2048;

/// Checks that `text` is an absolute https address without a user name in it; plain http only to this very machine, for
/// development. Says the broken rule.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX {
        return Err(format!("must be at most {MAX} characters long"));
    }
    // The URL standard drops these silently; an address must be what it looks like.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("must not contain spaces, control characters or backslashes".to_owned());
    }
    let url = Url::parse(text)
        .map_err(|_| "must be an absolute https address such as \"https://shop.example/paid\"".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password".to_owned());
    }
    if url.host_str().is_some_and(|host| host.contains(['{', '}'])) {
        return Err("must not hold a placeholder in the name of the host".to_owned());
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if url.host().is_some_and(|host| is_loopback(&host)) => Ok(()),
        "http" => Err("must use https (http is accepted for localhost only)".to_owned()),
        _ => Err("must use https".to_owned()),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_addresses_pass() {
        for text in [
            "https://shop.example/paid?session={CHECKOUT_SESSION_ID}",
            "https://shop.example",
            "https://xn--9n2bp8q.example/%EA%B0%80#done",
            "http://localhost:4000/paid",
            "http://127.0.0.1/",
            "http://[::1]:8080/x",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn unsafe_addresses_are_refused() {
        let long = format!("https://shop.example/{}", "x".repeat(MAX));
        for text in [
            "",
            "/paid",
            "shop.example/paid",
            "//shop.example",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "ftp://shop.example",
            "http://shop.example",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "https://user@shop.example",
            "https://user:secret@shop.example",
            "https:\\\\shop.example",
            " https://shop.example",
            "https://{CHECKOUT_SESSION_ID}.example",
            "https://",
            &long,
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
