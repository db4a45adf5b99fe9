//! Which language the page speaks.

use axum::http::{HeaderMap, header};

/// A language the page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Locale {
    /// Every language, in the order of the switch.
    pub const ALL: [Self; 2] = [Self::Ko, Self::En];

    /// The language itself, or one of its regional forms (`ko-KR`).
    pub fn parse(tag: &str) -> Option<Self> {
        let language = tag.split(['-', '_']).next().unwrap_or(tag);
        if language.eq_ignore_ascii_case("ko") {
            Some(Self::Ko)
        } else if language.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// Its tag in HTML and in addresses (BCP 47).
    pub fn code(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    /// In its own words, so that whoever needs it can read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ko => "한국어",
            Self::En => "English",
        }
    }

    /// The shopper's own choice first, then the merchant's, then the browser's, then English.
    pub fn choose(asked: Option<&str>, session: Option<Self>, headers: &HeaderMap) -> Self {
        asked
            .and_then(Self::parse)
            .or(session)
            .or_else(|| {
                let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
                Self::preferred(accepted)
            })
            .unwrap_or(Self::En)
    }

    /// The best of ours in an `Accept-Language` value (RFC 9110, section 12.5.4).
    fn preferred(accepted: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for item in accepted.split(',').take(20) {
            let mut parts = item.split(';');
            let locale = parts.next().map(str::trim).and_then(Self::parse);
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(1000, thousandths);
            if let Some(locale) = locale
                && weight > best.map_or(0, |(known, _)| known)
            {
                best = Some((weight, locale));
            }
        }
        best.map(|(_, locale)| locale)
    }
}

/// A quality value (`0.8`) in thousandths; anything else counts as none.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{fraction:0<3}");
    match (whole, digits.get(..3).map(str::parse::<u16>)) {
        ("1", _) => 1000,
        ("0", Some(Ok(value))) => value,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_heard_by_weight_and_order() {
        for (accepted, locale) in [
            ("ko-KR,ko;q=0.9,en-US;q=0.8", Some(Locale::Ko)),
            ("en-GB,en;q=0.9,ko;q=0.8", Some(Locale::En)),
            ("ja,en;q=0.5,ko;q=0.7", Some(Locale::Ko)),
            ("fr", None),
            ("ko;q=0", None),
            ("ko;q=zero, en;q=0.1", Some(Locale::En)),
            ("", None),
        ] {
            assert_eq!(Locale::preferred(accepted), locale, "{accepted}");
        }
    }

    #[test]
    fn the_shopper_outranks_the_merchant_who_outranks_the_browser() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, "ko".parse().unwrap());
        assert_eq!(Locale::choose(Some("en"), Some(Locale::Ko), &headers), Locale::En);
        assert_eq!(Locale::choose(None, Some(Locale::En), &headers), Locale::En);
        assert_eq!(Locale::choose(Some("xx"), None, &headers), Locale::Ko);
        assert_eq!(Locale::choose(None, None, &HeaderMap::new()), Locale::En);
    }
}
