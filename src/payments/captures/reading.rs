//! Reading: what the PSP's word about held money means for the order we gave. Pure.

use super::{Capture, Operation};
use crate::payments::send;
use crate::psp::{Doubt, Hold, NotDone};
use crate::queue::retry::Class;

/// What a capture or void has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Became {
    /// Done.
    Done {
        /// The PSP's own name for it.
        reference: Option<String>,
    },
    /// Not done and not going to be; the money is still held.
    Failed {
        /// Why, in the PSP's words.
        code: String,
    },
    /// A capture came too late: the PSP holds nothing any more.
    Gone,
    /// Not known yet: ask again.
    Unknown {
        /// What was seen, for people.
        reason: String,
        /// What kind of failure it is that it is not known.
        class: Class,
    },
    /// What the PSP did is not what anybody here asked for: a person must look.
    Contradiction(String),
}

/// What `heard`, the standing of the hold, says of `asked`.
pub(super) fn read(asked: &Capture, heard: &Result<Hold, NotDone>) -> Became {
    match (asked.operation, heard) {
        (Operation::Capture, Ok(Hold::Captured { amount, reference })) if *amount == asked.amount => {
            Became::Done { reference: Some(reference.clone()) }
        }
        (Operation::Capture, Ok(Hold::Captured { amount, .. })) => {
            let wanted = asked.amount;
            Became::Contradiction(format!("the PSP says that it captured {amount} although {wanted} was asked for"))
        }
        (Operation::Capture, Ok(Hold::Released)) => Became::Gone,
        (Operation::Void, Ok(Hold::Released)) => Became::Done { reference: None },
        (Operation::Void, Ok(Hold::Captured { amount, .. })) => {
            Became::Contradiction(format!("the PSP says that it captured {amount}, which nobody here asked for"))
        }
        (_, Ok(Hold::Held)) => Became::Unknown {
            reason: "the PSP still holds the money".to_owned(),
            class: Class::Unclear { after: None },
        },
        (_, Ok(Hold::Unknown(Doubt { reason, after }))) => {
            Became::Unknown { reason: reason.clone(), class: Class::Unclear { after: *after } }
        }
        (_, Err(NotDone::Refused { code, .. })) => Became::Failed { code: code.clone() },
        (_, Err(not_done @ NotDone::Unreachable { reason, .. })) => {
            Became::Unknown { reason: reason.clone(), class: send::class(not_done) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::captures::{CaptureStatus, Reason};
    use crate::words::{CaptureId, Currency, MerchantId, Mode, Money, PaymentId, Tenant, Timestamp};

    fn won(minor: i64) -> Money {
        Money::of(minor, Currency::parse("KRW").unwrap()).unwrap()
    }

    fn asked(operation: Operation) -> Capture {
        Capture {
            id: CaptureId::new(),
            tenant: Tenant::new(MerchantId::new(), Mode::Test),
            payment: PaymentId::new(),
            operation,
            amount: won(60),
            reason: (operation == Operation::Void).then_some(Reason::RequestedByMerchant),
            status: CaptureStatus::Pending,
            psp: "psp".to_owned(),
            psp_reference: None,
            failure_code: None,
            created_at: Timestamp::from_micros(0),
            deadline_at: Timestamp::from_micros(0),
            settled_at: None,
        }
    }

    #[test]
    fn every_pair_of_order_and_standing() {
        let captured = |minor| Ok(Hold::Captured { amount: won(minor), reference: "ch".to_owned() });
        let refused = Err(NotDone::Refused { code: "no".to_owned(), reason: String::new() });
        let away = Err(NotDone::Unreachable { reason: String::new(), after: None });
        let doubt = Ok(Hold::Unknown(Doubt::of("reset")));
        let table = [
            // heard, a capture of 60, a void
            (captured(60), "done", "contradiction"),
            (captured(61), "contradiction", "contradiction"),
            (Ok(Hold::Released), "gone", "done"),
            (Ok(Hold::Held), "unknown", "unknown"),
            (doubt, "unknown", "unknown"),
            (refused, "failed", "failed"),
            (away, "unknown", "unknown"),
        ];
        for (heard, capture, void) in table {
            for (operation, wanted) in [(Operation::Capture, capture), (Operation::Void, void)] {
                let word = match read(&asked(operation), &heard) {
                    Became::Done { .. } => "done",
                    Became::Failed { .. } => "failed",
                    Became::Gone => "gone",
                    Became::Unknown { .. } => "unknown",
                    Became::Contradiction(_) => "contradiction",
                };
                assert_eq!(word, wanted, "{operation:?} {heard:?}");
            }
        }
    }
}
