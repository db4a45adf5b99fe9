//! Korean or English: what the shopper asked for, else what the browser prefers.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

/// The shop's two languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// 한국어
    Korean,
    /// English
    English,
}

impl Language {
    /// `asked` (the `lang` of the address) wins over the browser's list, which is read in its own order.
    pub fn of(asked: Option<&str>, headers: &HeaderMap) -> Self {
        let preferred = headers.get(ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok()).unwrap_or("");
        asked
            .into_iter()
            .chain(preferred.split(','))
            .find_map(|tag| match tag.trim().get(..2) {
                Some("ko") => Some(Self::Korean),
                Some("en") => Some(Self::English),
                _ => None,
            })
            .unwrap_or(Self::English)
    }

    /// Korean first, English second.
    pub fn pick<T: Copy>(self, [korean, english]: [T; 2]) -> T {
        match self {
            Self::Korean => korean,
            Self::English => english,
        }
    }

    /// The same for templates, which hand over text by reference.
    pub fn say(self, korean: &'static str, english: &'static str) -> &'static str {
        self.pick([korean, english])
    }

    /// For `<html lang>` and the session's `locale`.
    pub fn code(self) -> &'static str {
        self.pick(["ko", "en"])
    }

    /// For the switch in the header.
    pub fn other(self) -> Self {
        match self {
            Self::Korean => Self::English,
            Self::English => Self::Korean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_address_wins_then_the_browsers_first_known_language() {
        let browser = |list: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(list));
            headers
        };
        assert_eq!(Language::of(Some("en"), &browser("ko-KR,ko;q=0.9")), Language::English);
        assert_eq!(Language::of(None, &browser("fr;q=0.9, ko-KR;q=0.8, en")), Language::Korean);
        assert_eq!(Language::of(Some("xx"), &browser("de")), Language::English);
        assert_eq!(Language::of(Some("€"), &HeaderMap::new()), Language::English);
    }
}
