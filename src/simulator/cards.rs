//! The magic cards: one table that drives what the stand-in PSP does and that the demo and the documents print.
//!
//! Numbers whose meaning is the same elsewhere in the trade are the well-known public test numbers; the others are ours.

use super::card_number::Brand;

/// What the stand-in PSP does with a card when a payment is confirmed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Succeeds at once.
    Approve,
    /// The issuer says no, with this code.
    Decline(DeclineCode),
    /// The shopper must pass a 3-D Secure challenge; its page decides.
    Challenge,
    /// The challenge may be passed, and then the issuer declines all the same.
    ChallengeThenDecline,
    /// The answer to the confirm call takes about eight seconds; until then the payment is `processing`.
    Slow,
    /// The answer comes at once and says `processing`; the payment succeeds three seconds later, by webhook only.
    Pending,
    /// Succeeds while the shopper is there; saved and charged without them, the issuer says no.
    DeclineOffSession,
    /// Succeeds, but the connection is closed without an answer: the caller cannot know.
    LostAnswer,
    /// Succeeds, and two seconds after the capture its owner contests it, for this reason.
    Disputed(&'static str),
}

/// Why an issuer declined, in the words of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclineCode {
    /// Not enough money or credit.
    InsufficientFunds,
    /// Reported lost.
    LostCard,
    /// Reported stolen.
    StolenCard,
    /// Past its date at the issuer.
    ExpiredCard,
    /// The security code is wrong.
    IncorrectCvc,
    /// Taken for fraud.
    SuspectedFraud,
    /// The issuer gives no reason.
    DoNotHonor,
    /// The issuer could not process it.
    ProcessingError,
    /// The issuer wants a challenge, and the card was charged without its holder.
    AuthenticationRequired,
    /// The challenge was failed.
    AuthenticationFailed,
    /// The challenge was left.
    AuthenticationAbandoned,
    /// The challenge was not answered in time.
    AuthenticationExpired,
    /// The payment was voided while the challenge was open.
    Voided,
}

impl DeclineCode {
    /// The stable word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient_funds",
            Self::LostCard => "lost_card",
            Self::StolenCard => "stolen_card",
            Self::ExpiredCard => "expired_card",
            Self::IncorrectCvc => "incorrect_cvc",
            Self::SuspectedFraud => "suspected_fraud",
            Self::DoNotHonor => "do_not_honor",
            Self::ProcessingError => "processing_error",
            Self::AuthenticationRequired => "authentication_required",
            Self::AuthenticationFailed => "authentication_failed",
            Self::AuthenticationAbandoned => "authentication_abandoned",
            Self::AuthenticationExpired => "authentication_expired",
            Self::Voided => "voided",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct MagicCard {
    /// The name of the row, stored with a token so that the number itself need not be.
    pub name: &'static str,
    /// The number a shopper types. Any future expiry date and any security code of the right length go with it.
    pub number: &'static str,
    /// What happens.
    pub behaviour: Behaviour,
    /// One line for people.
    pub meaning: &'static str,
}

impl MagicCard {
    /// A token that works for every payment and stands for this card, for callers that have no browser.
    #[must_use]
    pub fn test_token(&self) -> String {
        format!("tok_sim_{}", self.name)
    }

    /// The scheme of the number.
    #[must_use]
    pub fn brand(&self) -> Brand {
        Brand::of(self.number)
    }

    /// The four digits that may be kept and shown.
    #[must_use]
    pub fn last4(&self) -> &'static str {
        self.number.get(self.number.len().saturating_sub(4)..).unwrap_or_default()
    }
}

const fn card(name: &'static str, number: &'static str, behaviour: Behaviour, meaning: &'static str) -> MagicCard {
    MagicCard { name, number, behaviour, meaning }
}

/// Every magic card. A valid number that is not listed here is approved.
pub const MAGIC_CARDS: &[MagicCard] = &[
    card("approve", "4242424242424242", Behaviour::Approve, "Visa, approved"),
    card("approve_mastercard", "5555555555554444", Behaviour::Approve, "Mastercard, approved"),
    card("approve_amex", "378282246310005", Behaviour::Approve, "American Express (4-digit code), approved"),
    card("approve_jcb", "3566002020360505", Behaviour::Approve, "JCB, approved"),
    card("approve_diners", "30569309025904", Behaviour::Approve, "Diners Club (14 digits), approved"),
    card("approve_discover", "6011111111111117", Behaviour::Approve, "Discover, approved"),
    card("approve_unionpay", "6205500000000000004", Behaviour::Approve, "UnionPay (19 digits), approved"),
    card("approve_korean_local", "9410123400000001", Behaviour::Approve, "Korean domestic card, approved"),
    card("do_not_honor", "4000000000000002", Behaviour::Decline(DeclineCode::DoNotHonor), "declined: do not honour"),
    card(
        "insufficient_funds",
        "4000000000009995",
        Behaviour::Decline(DeclineCode::InsufficientFunds),
        "declined: insufficient funds",
    ),
    card("lost_card", "4000000000009987", Behaviour::Decline(DeclineCode::LostCard), "declined: reported lost"),
    card("stolen_card", "4000000000009979", Behaviour::Decline(DeclineCode::StolenCard), "declined: reported stolen"),
    card(
        "expired_card",
        "4000000000000069",
        Behaviour::Decline(DeclineCode::ExpiredCard),
        "declined: expired at the issuer",
    ),
    card(
        "incorrect_cvc",
        "4000000000000127",
        Behaviour::Decline(DeclineCode::IncorrectCvc),
        "declined: wrong security code",
    ),
    card(
        "suspected_fraud",
        "4100000000000019",
        Behaviour::Decline(DeclineCode::SuspectedFraud),
        "declined: suspected fraud",
    ),
    card(
        "processing_error",
        "4000000000000119",
        Behaviour::Decline(DeclineCode::ProcessingError),
        "declined: error at the issuer",
    ),
    card("challenge", "4000002760003184", Behaviour::Challenge, "3-D Secure: approve, fail or abandon on its page"),
    card(
        "challenge_then_decline",
        "4000008400001629",
        Behaviour::ChallengeThenDecline,
        "3-D Secure passes, then declined: do not honour",
    ),
    card(
        "decline_off_session",
        "4000000000000341",
        Behaviour::DeclineOffSession,
        "approved, but declined (insufficient funds) when it is saved and charged later",
    ),
    card("slow", "4000000000008088", Behaviour::Slow, "approved, but the answer takes about 8 seconds"),
    card("pending", "4000000000006017", Behaviour::Pending, "processing at first, approved 3 seconds later by webhook"),
    card(
        "refund_returned",
        "4000000000005126",
        Behaviour::Approve,
        "approved; a refund of it succeeds and comes back 3 seconds later",
    ),
    card("lost_answer", "4000000000009094", Behaviour::LostAnswer, "approved, but the answer is lost on the way back"),
    card(
        "disputed",
        "4000000000000259",
        Behaviour::Disputed("fraudulent"),
        "approved, and contested as fraudulent 2 seconds after the capture",
    ),
    card(
        "disputed_not_received",
        "4000000000002685",
        Behaviour::Disputed("product_not_received"),
        "approved, and contested as not received 2 seconds after the capture",
    ),
];

/// What a card number does. Numbers that are not in the table are approved.
#[must_use]
pub fn behaviour_name(digits: &str) -> &'static str {
    MAGIC_CARDS.iter().find(|card| card.number == digits).map_or("approve", |card| card.name)
}

/// The row with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static MagicCard> {
    MAGIC_CARDS.iter().find(|card| card.name == name)
}

/// The card a documented test token (`tok_sim_approve`, ..) stands for.
#[must_use]
pub fn by_test_token(token: &str) -> Option<&'static MagicCard> {
    token.strip_prefix("tok_sim_").and_then(by_name)
}

#[cfg(test)]
mod tests {
    use super::super::card_number;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_magic_number_passes_the_checks_of_the_form() {
        for card in MAGIC_CARDS {
            assert_eq!(card_number::parse(card.number).as_deref(), Some(card.number), "{}", card.name);
            assert_ne!(card.brand(), Brand::Unknown, "{}", card.name);
        }
    }

    #[test]
    fn the_document_tells_of_every_card() {
        let document = include_str!("../../docs/psp-simulator.md");
        for card in MAGIC_CARDS {
            let row = format!("| `{}` | `{}` | {} |", card.number, card.test_token(), card.meaning);
            assert!(document.contains(&row), "docs/psp-simulator.md lacks the row:\n{row}");
        }
        assert_eq!(document.matches("| `tok_sim_").count(), MAGIC_CARDS.len());
    }

    #[test]
    fn names_and_numbers_are_unique() {
        let names: BTreeSet<_> = MAGIC_CARDS.iter().map(|card| card.name).collect();
        let numbers: BTreeSet<_> = MAGIC_CARDS.iter().map(|card| card.number).collect();
        assert_eq!((names.len(), numbers.len()), (MAGIC_CARDS.len(), MAGIC_CARDS.len()));
    }

    #[test]
    fn a_token_leads_back_to_its_card_and_a_stranger_is_approved() {
        for card in MAGIC_CARDS {
            assert_eq!(by_test_token(&card.test_token()).map(|found| found.name), Some(card.name));
            assert_eq!(behaviour_name(card.number), card.name);
        }
        assert_eq!(behaviour_name("4111111111111111"), "approve");
        assert!(by_test_token("tok_other_approve").is_none());
    }
}
