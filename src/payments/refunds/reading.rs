//! Reading: what the PSP's word means for a refund. Pure.

use crate::payments::send;
use crate::psp::{Doubt, NotDone, RefundOutcome};
use crate::queue::retry::Class;

/// What a refund has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Became {
    /// Given back.
    Done {
        /// The PSP's own name for it.
        reference: String,
        /// Why it has come back since, if it has.
        returned: Option<String>,
    },
    /// Not given back and not going to be.
    Failed {
        /// Why, in the PSP's words.
        code: String,
    },
    /// Not known yet: ask again.
    Unknown {
        /// What was seen, for people.
        reason: String,
        /// What kind of failure it is that it is not known.
        class: Class,
    },
}

/// What `heard` says of a refund.
pub(super) fn read(heard: Result<RefundOutcome, NotDone>) -> Became {
    match heard {
        Ok(RefundOutcome::Done { reference }) => Became::Done { reference, returned: None },
        Ok(RefundOutcome::Returned { reference, psp_code }) => Became::Done { reference, returned: Some(psp_code) },
        Ok(RefundOutcome::Failed { psp_code: code }) | Err(NotDone::Refused { code, .. }) => Became::Failed { code },
        Ok(RefundOutcome::Pending) => Became::Unknown {
            reason: "the PSP has it and says nothing yet".to_owned(),
            class: Class::Unclear { after: None },
        },
        Ok(RefundOutcome::Unknown(Doubt { reason, after })) => {
            Became::Unknown { reason, class: Class::Unclear { after } }
        }
        Err(not_done @ NotDone::Unreachable { .. }) => {
            Became::Unknown { class: send::class(&not_done), reason: not_done.to_string() }
        }
    }
}
