//! Money that is held and not taken yet: both sides must say the same of it.

use super::{Findings, Witnesses};

pub(super) fn compare(witnesses: &Witnesses, found: &mut Findings) {
    for our in witnesses.payments.iter().filter(|our| our.manual) {
        let theirs = witnesses.record.statuses.get(&our.id).map_or("nothing", String::as_str);
        let same = match our.status.as_str() {
            "authorized" => theirs == "authorized",
            "succeeded" => theirs == "succeeded",
            // Let go before anything was held, or after: what counts is that nothing is held any more.
            _ => !matches!(theirs, "authorized" | "succeeded"),
        };
        if !same {
            found.holds_that_differ.push(format!("{}: we say {}, the PSP {theirs}", our.id, our.status));
        }
    }
}
