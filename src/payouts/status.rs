//! Where a payout stands, and what hearing of it changes. Pure.

use crate::psp::PayoutOutcome;

/// Where a payout stands. In each of the first three its money is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayoutStatus {
    /// Above the limit: a second person must let it go.
    NeedsApproval,
    /// About to be ordered.
    Pending,
    /// Ordered; the provider may or may not have it.
    Processing,
    /// The seller's bank has it.
    Paid,
    /// Not sent; the money is the seller's again.
    Failed,
    /// Paid and sent back by the seller's bank; the money is the seller's again.
    Returned,
    /// Taken back before it was ordered; the money is the seller's again.
    Canceled,
}

/// What follows from what was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing, or nothing yet.
    Nothing,
    /// The provider has it: it is not silent any more.
    Seen,
    /// The money has left.
    Paid,
    /// The money has left and come back, and we hear of both at once.
    PaidAndReturned,
    /// The money that left has come back.
    Returned,
    /// The money never left.
    Failed,
    /// The provider says that it sent money which we gave back to the seller: a person must look.
    Contradiction,
}

impl PayoutStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NeedsApproval,
        Self::Pending,
        Self::Processing,
        Self::Paid,
        Self::Failed,
        Self::Returned,
        Self::Canceled,
    ];

    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsApproval => "needs_approval",
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Returned => "returned",
            Self::Canceled => "canceled",
        }
    }

    /// The status written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether its money is held and its end not known.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::NeedsApproval | Self::Pending | Self::Processing)
    }

    /// What follows when the provider says `outcome`.
    ///
    /// A transfer that a provider first calls paid and then failed has come back: that is how banks return money. What
    /// was never ordered cannot be sent, so whoever says so contradicts us.
    #[must_use]
    pub const fn heard(self, outcome: &PayoutOutcome) -> Change {
        use PayoutOutcome as Said;
        match (self, outcome) {
            (_, Said::Unknown { .. })
            | (Self::Paid, Said::Paid { .. } | Said::Processing { .. })
            | (Self::Returned, _)
            | (Self::Failed | Self::Canceled | Self::NeedsApproval | Self::Pending, Said::Failed { .. })
            | (Self::Failed, Said::Returned { .. }) => Change::Nothing,
            (Self::Processing, Said::Processing { .. }) => Change::Seen,
            (Self::Processing, Said::Paid { .. }) => Change::Paid,
            (Self::Processing, Said::Returned { .. }) => Change::PaidAndReturned,
            (Self::Processing, Said::Failed { .. }) => Change::Failed,
            (Self::Paid, Said::Returned { .. } | Said::Failed { .. }) => Change::Returned,
            (Self::NeedsApproval | Self::Pending | Self::Failed | Self::Canceled, _) => Change::Contradiction,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Change::{Contradiction as No, Failed, Nothing as Same, Paid, PaidAndReturned, Returned, Seen};
    use super::*;
    use crate::psp::Doubt;

    #[test]
    fn every_state_meets_every_answer() {
        let reference = || "r".to_owned();
        let code = || "c".to_owned();
        let said = [
            PayoutOutcome::Unknown(Doubt::of("reset")),
            PayoutOutcome::Processing { reference: reference() },
            PayoutOutcome::Paid { reference: reference() },
            PayoutOutcome::Failed { code: code(), of_destination: false },
            PayoutOutcome::Returned { reference: reference(), code: code() },
        ];
        for (status, changes) in [
            (PayoutStatus::NeedsApproval, [Same, No, No, Same, No]),
            (PayoutStatus::Pending, [Same, No, No, Same, No]),
            (PayoutStatus::Processing, [Same, Seen, Paid, Failed, PaidAndReturned]),
            (PayoutStatus::Paid, [Same, Same, Same, Returned, Returned]),
            (PayoutStatus::Failed, [Same, No, No, Same, Same]),
            (PayoutStatus::Returned, [Same, Same, Same, Same, Same]),
            (PayoutStatus::Canceled, [Same, No, No, Same, No]),
        ] {
            for (outcome, change) in said.iter().zip(changes) {
                assert_eq!(status.heard(outcome), change, "{} hears {outcome:?}", status.as_str());
            }
        }
    }

    #[test]
    fn a_status_reads_back() {
        for status in PayoutStatus::ALL {
            assert_eq!(PayoutStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(PayoutStatus::parse("lost"), None);
    }
}
