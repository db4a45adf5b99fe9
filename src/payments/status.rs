//! The state machines, as pure tables: every pair of state and event is either allowed or refused, and nothing moves
//! backwards.

use crate::psp::Outcome;

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$state_doc:meta])* $state:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$state_doc])* $state,)* }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$state),*];

            /// As it stands in the database and the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$state => $text,)* }
            }

            /// The state written so; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$state),)* _ => None }
            }
        }
    };
}

states! {
    /// Where a payment stands.
    PaymentStatus {
        /// Waits for the shopper to pay, or to try another card.
        RequiresPayment = "requires_payment",
        /// An attempt is under way whose outcome is not known yet.
        Processing = "processing",
        /// The money is held and waits to be captured.
        Authorized = "authorized",
        /// The money is taken.
        Succeeded = "succeeded",
        /// It cannot be taken any more.
        Failed = "failed",
        /// The merchant called it off.
        Canceled = "canceled",
        /// The shopper did not pay in time.
        Expired = "expired",
    }
}

states! {
    /// Where one seller's share stands, in the words of the payment order.
    OrderStatus {
        /// No attempt is under way.
        NotStarted = "NOT_STARTED",
        /// An attempt is under way.
        Executing = "EXECUTING",
        /// Paid: ledger and wallet say so too. Nothing leaves it.
        Success = "SUCCESS",
        /// Will not be paid.
        Failed = "FAILED",
    }
}

states! {
    /// What is known of an attempt.
    AttemptState {
        /// Written down, and perhaps sent: after a crash the two cannot be told apart, so they are one state.
        Sent = "sent",
        /// The shopper must prove who they are.
        ActionRequired = "action_required",
        /// The PSP has it and will say later.
        Pending = "pending",
        /// Sent, and no answer that can be trusted came back.
        Unknown = "unknown",
        /// The money was taken.
        Approved = "approved",
        /// It was not and will not be.
        Declined = "declined",
    }
}

impl AttemptState {
    /// Whether the outcome is still to come, so that no other attempt may be made.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Approved | Self::Declined)
    }

    /// The state after hearing `outcome`; `None` when it changes nothing.
    ///
    /// A late "declined" or "pending" after an approval is ignored; a late approval after a decline is believed, for the
    /// money is gone from the shopper's account.
    #[expect(clippy::match_same_arms, reason = "a table is read row by row")]
    pub const fn after(self, outcome: &Outcome) -> Option<Self> {
        match (self, outcome) {
            (Self::Approved, _) => None,
            (_, Outcome::Approved(_)) => Some(Self::Approved),
            (Self::Declined, _) => None,
            (_, Outcome::Declined(_)) => Some(Self::Declined),
            (Self::ActionRequired, Outcome::ActionRequired { .. }) | (Self::Pending, Outcome::Pending) => None,
            (_, Outcome::ActionRequired { .. }) => Some(Self::ActionRequired),
            (_, Outcome::Pending) => Some(Self::Pending),
            // Not knowing is no news to whoever knew more.
            (Self::Sent, Outcome::Unknown { .. }) => Some(Self::Unknown),
            (_, Outcome::Unknown { .. }) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psp::{Approval, Decline, DeclineCode, Doubt};

    fn outcomes() -> [(&'static str, Outcome); 5] {
        [
            ("approved", Outcome::Approved(Approval { reference: "ch".into(), card: None, saved: None })),
            (
                "declined",
                Outcome::Declined(Decline { code: DeclineCode::Generic, psp_code: String::new(), card: None }),
            ),
            ("action", Outcome::ActionRequired { url: "https://psp.example/3ds".parse().unwrap(), card: None }),
            ("pending", Outcome::Pending),
            ("unknown", Outcome::Unknown(Doubt::of("reset"))),
        ]
    }

    #[test]
    fn every_pair_of_state_and_outcome() {
        let table = [
            // state, approved, declined, action, pending, unknown
            ("sent", "approved", "declined", "action_required", "pending", "unknown"),
            ("action_required", "approved", "declined", "-", "pending", "-"),
            ("pending", "approved", "declined", "action_required", "-", "-"),
            ("unknown", "approved", "declined", "action_required", "pending", "-"),
            ("approved", "-", "-", "-", "-", "-"),
            ("declined", "approved", "-", "-", "-", "-"),
        ];
        assert_eq!(table.len(), AttemptState::ALL.len());
        for (from, approved, declined, action, pending, unknown) in table {
            let state = AttemptState::parse(from).unwrap();
            let wanted = [approved, declined, action, pending, unknown];
            for ((name, outcome), wanted) in outcomes().into_iter().zip(wanted) {
                let next = state.after(&outcome).map_or("-", AttemptState::as_str);
                assert_eq!(next, wanted, "{from} after {name}");
            }
        }
    }

    #[test]
    fn texts_read_back() {
        for state in PaymentStatus::ALL {
            assert_eq!(PaymentStatus::parse(state.as_str()), Some(*state));
        }
        for state in OrderStatus::ALL {
            assert_eq!(OrderStatus::parse(state.as_str()), Some(*state));
        }
        assert_eq!(AttemptState::parse("APPROVED"), None);
    }
}
