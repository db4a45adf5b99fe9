//! Every sentence of the pages, in Korean and English. Pages are written with them and the scripts read the same ones.

use axum::http::{HeaderMap, header};
use serde::Serialize;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    Ko,
    En,
}

impl Locale {
    /// The one asked for, else the browser's, else English.
    pub fn choose(asked: Option<&str>, headers: &HeaderMap) -> Self {
        match asked {
            Some("ko") => return Self::Ko,
            Some("en") => return Self::En,
            _ => {}
        }
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        accepted
            .split(',')
            .map(|entry| entry.trim().get(..2).unwrap_or_default().to_ascii_lowercase())
            .find_map(|language| match language.as_str() {
                "ko" => Some(Self::Ko),
                "en" => Some(Self::En),
                _ => None,
            })
            .unwrap_or(Self::En)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    pub fn texts(self) -> &'static Texts {
        match self {
            Self::Ko => &KOREAN,
            Self::En => &ENGLISH,
        }
    }
}

macro_rules! texts {
    ($($key:ident: $en:literal, $ko:literal;)*) => {
        /// The sentences of one language.
        #[derive(Debug, Serialize)]
        pub struct Texts { $(pub $key: &'static str,)* }

        static ENGLISH: Texts = Texts { $($key: $en,)* };
        static KOREAN: Texts = Texts { $($key: $ko,)* };
    };
}

texts! {
    form_title: "Card details", "카드 정보";
    number: "Card number", "카드 번호";
    expiry: "Expiry (MM / YY)", "유효기간(MM / YY)";
    cvc: "Security code", "보안 코드(CVC)";
    cvc_hint: "3 digits on the back, or 4 on the front (Amex)", "뒷면 3자리 (Amex는 앞면 4자리)";
    missing_number: "Enter the card number.", "카드 번호를 입력해 주세요.";
    missing_expiry: "Enter the expiry date.", "유효기간을 입력해 주세요.";
    missing_cvc: "Enter the security code.", "보안 코드를 입력해 주세요.";
    invalid_number: "This card number is not valid. Please check the digits.", "올바른 카드 번호가 아니에요. 숫자를 확인해 주세요.";
    invalid_expiry: "This date is not valid. Enter month and year, such as 08 / 30.", "올바른 유효기간이 아니에요. 08 / 30처럼 월과 연도를 입력해 주세요.";
    expired_card: "This card has expired. Please use another card.", "유효기간이 지난 카드예요. 다른 카드를 사용해 주세요.";
    invalid_cvc: "This security code is not complete.", "보안 코드의 자릿수가 맞지 않아요.";
    network: "We could not reach the card company. Check your connection and try again.", "카드사에 연결하지 못했어요. 네트워크를 확인하고 다시 시도해 주세요.";
    challenge_title: "Confirm it is you", "본인 확인";
    challenge_question: "Your bank asks whether you are making this payment.", "카드사가 이 결제를 본인이 하는지 확인하고 있어요.";
    amount: "Amount", "금액";
    card: "Card", "카드";
    approve: "Approve", "승인하기";
    fail: "Fail the check", "인증 실패";
    abandon: "Cancel", "취소하고 닫기";
    stand_in: "This page stands in for your bank's: choose how the check ends.", "이 화면은 카드사 화면을 대신해요. 인증 결과를 선택하세요.";
    challenge_sending: "One moment, please.", "잠시만 기다려 주세요.";
    challenge_done: "Thank you. You are being taken back.", "확인했어요. 결제 화면으로 돌아갑니다.";
    challenge_over: "This check has ended already.", "이미 끝난 인증이에요.";
    refused_title: "This page cannot be shown", "이 화면을 열 수 없어요";
    refused_parent: "The page around this form is not registered here.", "이 화면을 여는 페이지가 등록되어 있지 않아요.";
    refused_unknown: "There is no such payment.", "해당하는 결제를 찾을 수 없어요.";
    refused_over: "This payment takes no card any more.", "이 결제는 더 이상 카드를 받지 않아요.";
}

/// Both languages as a script module, so that the pages need no inline script.
pub fn script() -> String {
    let both = serde_json::json!({"en": ENGLISH, "ko": KOREAN});
    format!("export const texts = {both};\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_asked_for_or_the_browsers() {
        let mut headers = HeaderMap::new();
        assert_eq!(Locale::choose(None, &headers), Locale::En);
        headers.insert(header::ACCEPT_LANGUAGE, "fr-FR,ko-KR;q=0.9,en;q=0.8".parse().unwrap());
        assert_eq!(Locale::choose(None, &headers), Locale::Ko);
        assert_eq!(Locale::choose(Some("en"), &headers), Locale::En);
        headers.insert(header::ACCEPT_LANGUAGE, "한".parse().unwrap_or_else(|_| "*".parse().unwrap()));
        assert_eq!(Locale::choose(Some("xx"), &headers), Locale::En);
    }

    #[test]
    fn every_sentence_is_said_in_both_languages() {
        let en = serde_json::to_value(&ENGLISH).unwrap();
        let ko = serde_json::to_value(&KOREAN).unwrap();
        for (key, text) in en.as_object().unwrap() {
            assert!(!text.as_str().unwrap().is_empty() && !ko[key].as_str().unwrap().is_empty(), "{key}");
            assert_ne!(text, &ko[key], "{key} is not translated");
        }
    }
}
