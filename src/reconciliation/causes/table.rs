//! The causes that are built in.

use super::super::line::{LineKind, Side};
use super::super::matching::Circumstance as Way;
use super::super::words::{Class, Outcome};
use super::{Cause, Repair};

/// A built-in row.
pub struct Row {
    name: &'static str,
    side: Option<Side>,
    kinds: &'static [LineKind],
    outcome: Outcome,
    ways: &'static [Way],
    class: Class,
    repair: Repair,
    explanation: &'static str,
}

impl Row {
    pub(super) fn cause(&self) -> Cause {
        Cause {
            name: self.name.to_owned(),
            side: self.side,
            kinds: self.kinds.to_vec(),
            outcome: self.outcome,
            circumstances: self.ways.to_vec(),
            text: None,
            sources: Vec::new(),
            currencies: Vec::new(),
            at_most: None,
            older_than_days: None,
            class: self.class,
            repair: self.repair,
            explanation: self.explanation.to_owned(),
            added: false,
        }
    }
}

macro_rules! rows {
    ($($name:literal: $side:expr, [$($kind:ident),*], $outcome:ident, [$($way:ident),*] => $class:ident, $repair:ident, $explanation:literal;)*) => {
        /// The built-in table; the first row that fits counts.
        pub const BUILT_IN: &[Row] = &[$(Row {
            name: $name,
            side: $side,
            kinds: &[$(LineKind::$kind),*],
            outcome: Outcome::$outcome,
            ways: &[$(Way::$way),*],
            class: Class::$class,
            repair: Repair::$repair,
            explanation: $explanation,
        }),*];
    };
}

const PSP: Option<Side> = Some(Side::Psp);
const BANK: Option<Side> = Some(Side::Bank);

rows! {
    "not_in_the_file_yet": PSP, [], Late, [] => Automatic, Wait,
        "Time zones, cut-offs and weekends: the PSP will tell it in a later file. It is waited for until the expected date.";
    "payout_on_its_way": BANK, [], Late, [] => Automatic, Wait,
        "The payout was sent and the bank has not shown it yet. It is waited for until the expected date.";
    "lost_webhook": PSP, [Charge, ChargeReversal], StateDiffers, [UnderWay] => Automatic, AskPsp,
        "The PSP took the money and we did not hear of it. The PSP is asked, and the payment is settled as its webhook would have settled it.";
    "refund_finished": PSP, [Refund], StateDiffers, [UnderWay] => Automatic, AskPsp,
        "The PSP gave the money back and we did not hear of it. The PSP is asked, and the refund is settled.";
    "refund_came_back": PSP, [RefundFailure], StateDiffers, [] => Automatic, AskPsp,
        "The shopper's bank sent a refund back. The PSP is asked, and the money is put back where it was.";
    "dispute_moved_on": PSP, [Dispute, DisputeReversal], StateDiffers, [] => Automatic, AskPsp,
        "A dispute was opened, won or lost and we did not hear of it. The PSP is asked, and the dispute is settled.";
    "dispute_not_heard_of": PSP, [Dispute, DisputeReversal], MissingHere, [OfOurPayment] => Automatic, AskPsp,
        "A payment of ours is contested and we did not hear of it. The PSP is asked, and the dispute is opened.";
    "seller_payout_moved_on": BANK, [], StateDiffers, [] => Automatic, AskPsp,
        "The bank shows a payout to a seller, or its return, of which we did not hear. The provider is asked.";
    "taken_after_it_was_given_up": PSP, [Charge, ChargeReversal], StateDiffers, [GivenUp] => Automatic, AskPsp,
        "The PSP took money for a payment that was given up here. The PSP is asked; if it stays so, a person decides whether the money goes back.";
    "refund_failed_here_only": PSP, [Refund], StateDiffers, [GivenUp] => Investigate, None,
        "The PSP says that it gave the money back; here the refund has failed. Ask the PSP which of the two is true.";
    "state_differs": None, [], StateDiffers, [] => Investigate, None,
        "The other side says that it happened, and here it did not.";
    "rounding": PSP, [], AmountDiffers, [WithinRounding] => Automatic, BookRounding,
        "A converted amount was rounded differently. The difference is within the limit and is booked as rounding.";
    "payout_is_not_its_batch": PSP, [Payout], AmountDiffers, [] => Manual, None,
        "The PSP's payout is not the sum of its lines: something was held back, carried over, or is missing from the file.";
    "bank_received_another_amount": BANK, [], AmountDiffers, [] => Manual, None,
        "The bank received another amount than the PSP sent: a bank's charge, or a payout that was split.";
    "told_after_it_was_written_off": None, [], AmountDiffers, [WrittenOff] => Manual, None,
        "It was not told in time and two people took it out of the books; now it is told after all. Book it back to where it was taken from.";
    "amount_differs": None, [], AmountDiffers, [] => Investigate, None,
        "The PSP settled another amount than was taken here. Compare the three sides; the difference waits in suspense.";
    "fee_above_the_limit": PSP, [], FeeDiffers, [AboveLimit] => Manual, None,
        "The PSP kept more than a row's fee may be (fee_at_most of the source). It is booked as it was kept: ask what it is for, and claim back what is not owed.";
    "fee_not_as_contracted": PSP, [], FeeDiffers, [] => Manual, None,
        "The PSP kept another fee than the contract says. It is booked as it was kept: claim it back, or correct the contract in the settings.";
    "fee_differs": None, [], FeeDiffers, [] => Manual, None,
        "A fee is not what was expected. It is booked as it was kept.";
    "settled_in_another_currency": PSP, [], CurrencyDiffers, [] => Manual, None,
        "The PSP settled in another currency than the payment's. Both amounts wait in suspense until somebody books the exchange.";
    "currency_differs": None, [], CurrencyDiffers, [] => Manual, None,
        "The money is in another currency than ours. Both amounts wait in suspense until somebody books the exchange.";
    "charged_twice": PSP, [Charge], Duplicate, [] => Investigate, None,
        "The PSP tells the same charge twice. If the shopper paid twice, give the second one back.";
    "duplicate": None, [], Duplicate, [] => Investigate, None,
        "The same movement is told twice: the second one waits in suspense.";
    "refund_made_elsewhere": PSP, [Refund], MissingHere, [OfOurPayment] => Manual, None,
        "Somebody gave money back in the PSP's own dashboard. Book it against the seller, or ask for it.";
    "of_our_payment": PSP, [], MissingHere, [OfOurPayment] => Manual, None,
        "A movement of a payment of ours that was not made through this gateway.";
    "not_from_here": None, [], MissingHere, [] => Investigate, None,
        "Nothing in the line names anything of ours: a charge from the PSP's dashboard, or from another system on the same account.";
    "payout_not_in_bank": BANK, [], MissingAtPsp, [] => Manual, None,
        "A payout was sent and the bank has not shown it within the time that it may take. Ask whoever sent it.";
    "psp_does_not_know_it": None, [], MissingAtPsp, [] => Investigate, None,
        "We believe that the PSP took or gave this money, and within the time that it may take the PSP has not told it. Ask the PSP at once.";
    "overdue": None, [], Late, [] => Investigate, None,
        "It was waited for, and it did not come.";
    "held_back_or_put_right": PSP, [Adjustment], Unknown, [] => Manual, None,
        "The PSP held money back, let it go, or put something right. Its text says what; book it as that.";
    "payout_failed": PSP, [PayoutReversal], Unknown, [] => Manual, None,
        "A payout of the PSP came back to it. See whether the bank has sent the money back.";
    "unknown": None, [], Unknown, [] => Investigate, None,
        "Nobody can say what this is. It waits in suspense until somebody finds out.";
}
