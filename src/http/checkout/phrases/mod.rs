//! Every sentence of the hosted page, in each language it speaks.
//!
//! One struct, so a language that lacks a sentence does not compile. Sentences that hold a name or an amount are functions.

mod en;
mod ko;

use super::locale::Locale;
use crate::psp::DeclineCode;

/// The page's sentences in one language.
#[derive(Debug)]
#[expect(missing_docs, reason = "each field's name is where its sentence stands on the page")]
pub struct Phrases {
    pub lang: &'static str,
    pub title: fn(&str) -> String,
    pub skip: &'static str,
    pub test_mode: &'static str,
    pub test_label: &'static str,
    pub language: &'static str,
    pub back: &'static str,
    pub powered_by: &'static str,
    pub close: &'static str,

    pub summary: &'static str,
    pub total: &'static str,
    pub show_items: &'static str,
    pub hide_items: &'static str,
    pub reference: &'static str,
    /// After the first item's name: how many others there are.
    pub others: fn(usize) -> String,
    pub sold_by: fn(&str) -> String,

    pub pay_title: &'static str,
    pub pay: fn(&str) -> String,
    pub card_form: &'static str,
    pub loading: &'static str,
    pub assurance: &'static str,
    pub save_consent: fn(&str) -> String,
    pub cancel: &'static str,
    pub cancel_busy: &'static str,
    pub noscript: &'static str,

    pub invalid_cvc: &'static str,
    pub form_network: &'static str,
    pub check_entry: &'static str,
    pub not_sent: &'static str,
    pub offline: &'static str,
    pub slow: &'static str,

    pub declined_title: &'static str,
    /// Said for every refusal whose reason is nobody's business but the card's owner and the bank: lost, stolen, suspected fraud.
    pub declined: &'static str,
    pub insufficient_funds: &'static str,
    pub expired_card: &'static str,
    pub do_not_honor: &'static str,
    pub authentication_failed: &'static str,
    pub authentication_abandoned: &'static str,
    pub not_processed: &'static str,

    pub processing_title: &'static str,
    pub processing: &'static str,
    pub action_title: &'static str,
    pub action: &'static str,
    pub action_open: &'static str,
    pub action_other: &'static str,
    pub unknown_title: &'static str,
    pub unknown: &'static str,
    pub unknown_asking: &'static str,
    pub succeeded_title: &'static str,
    pub succeeded: &'static str,
    pub succeeded_link: &'static str,
    pub already_title: &'static str,
    pub already: &'static str,
    pub expired_title: &'static str,
    pub expired: &'static str,
    pub returned_title: &'static str,
    pub returned: &'static str,
    pub canceled_title: &'static str,
    pub canceled: &'static str,
    pub unreachable_title: &'static str,
    pub unreachable: &'static str,
    pub retry: &'static str,

    pub not_found_title: &'static str,
    pub not_found: &'static str,
    pub trouble_title: &'static str,
    pub trouble: &'static str,
}

impl Phrases {
    /// The sentences for a language.
    pub fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::Ko => &ko::PHRASES,
            Locale::En => &en::PHRASES,
        }
    }

    /// Why the bank refused, in words a shopper can use.
    ///
    /// Reasons that would tell a thief something (lost, stolen, suspected fraud, our own risk rules) get the general sentence.
    pub fn refusal(&self, code: DeclineCode) -> &'static str {
        match code {
            DeclineCode::InsufficientFunds => self.insufficient_funds,
            DeclineCode::ExpiredCard => self.expired_card,
            DeclineCode::DoNotHonor => self.do_not_honor,
            DeclineCode::IncorrectCvc => self.invalid_cvc,
            DeclineCode::AuthenticationFailed | DeclineCode::AuthenticationRequired => self.authentication_failed,
            DeclineCode::AuthenticationAbandoned => self.authentication_abandoned,
            DeclineCode::ProcessingError | DeclineCode::NotSent => self.not_processed,
            DeclineCode::LostCard
            | DeclineCode::StolenCard
            | DeclineCode::SuspectedFraud
            | DeclineCode::RiskRefused
            | DeclineCode::Generic => self.declined,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_thief_learns_nothing() {
        use DeclineCode::{LostCard, RiskRefused, StolenCard, SuspectedFraud};
        for locale in Locale::ALL {
            let words = Phrases::of(locale);
            for code in [LostCard, StolenCard, SuspectedFraud, RiskRefused] {
                assert_eq!(words.refusal(code), words.refusal(DeclineCode::Generic));
            }
        }
    }

    #[test]
    fn reasons_a_shopper_can_act_on_are_told_apart() {
        use DeclineCode::{AuthenticationFailed, DoNotHonor, ExpiredCard, Generic, InsufficientFunds};
        let codes = [InsufficientFunds, ExpiredCard, DoNotHonor, AuthenticationFailed, Generic];
        for locale in Locale::ALL {
            let said: HashSet<_> = codes.iter().map(|code| Phrases::of(locale).refusal(*code)).collect();
            assert_eq!(said.len(), codes.len());
        }
    }
}
