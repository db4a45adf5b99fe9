//! That nobody sets the ledger's chain back while it is being sealed.

use super::{Outline, Question};

pub(in crate::integrity) const LAW: Outline = Outline {
    number: None,
    name: "chain_goes_on",
    statement: "the ledger's chain descends from every block that the sealer has seen",
    question: Question::Sealer,
};

/// What is said where nobody can know.
pub(in crate::integrity) const UNASKED: &str =
    "said by the gateway that seals, which alone remembers: see GET /v1/integrity and its metrics";
