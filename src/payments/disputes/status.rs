//! Which news about a dispute change what. Pure.

use crate::psp::DisputeStatus::{self, Lost, NeedsResponse, UnderReview, Won};

/// What news mean to a dispute that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It stands here now.
    To(DisputeStatus),
    /// Known, or overtaken by what is known.
    Nothing,
    /// The PSP takes back how it ended: a person must look, for money has moved.
    Contradiction,
}

/// What hearing `said` means to a dispute that stands at `was`.
#[expect(clippy::match_same_arms, reason = "a table is read row by row")]
pub(super) const fn news(was: DisputeStatus, said: DisputeStatus) -> News {
    match (was, said) {
        (Won, Lost) | (Lost, Won) => News::Contradiction,
        (Won | Lost, _) => News::Nothing,
        (_, Won | Lost) => News::To(said),
        (NeedsResponse, UnderReview) => News::To(said),
        // An older answer, or a bank that asks for more: the deadline it set counts no more.
        (UnderReview, NeedsResponse) => News::Nothing,
        (NeedsResponse, NeedsResponse) | (UnderReview, UnderReview) => News::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_news() {
        let table = [
            // was, needs_response, under_review, won, lost
            ("needs_response", ["-", "under_review", "won", "lost"]),
            ("under_review", ["-", "-", "won", "lost"]),
            ("won", ["-", "-", "-", "!"]),
            ("lost", ["-", "-", "!", "-"]),
        ];
        assert_eq!(table.len(), DisputeStatus::ALL.len());
        for (was, wanted) in table {
            for (said, wanted) in DisputeStatus::ALL.iter().zip(wanted) {
                let next = match news(DisputeStatus::parse(was).unwrap(), *said) {
                    News::To(status) => status.as_str(),
                    News::Nothing => "-",
                    News::Contradiction => "!",
                };
                assert_eq!(next, wanted, "{was} hears {}", said.as_str());
            }
        }
    }
}
