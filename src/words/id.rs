//! Ids: a prefix that names the kind, and a time-ordered tail nobody can guess.
//!
//! The tail is a UUID version 7 (RFC 9562: 48 bits of milliseconds, 74 random bits) in 26 characters of Crockford's
//! base32, lower case, so that text order is time order in every collation.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Builder;

use super::clock::{Clock, SystemClock, Timestamp};
use super::secret::random_bytes;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TAIL: usize = 26;

/// Text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_<26 lower-case letters and digits>")]
pub struct InvalidId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn new_tail() -> String {
    tail(SystemClock.now(), &random_bytes::<10>())
}

fn tail(at: Timestamp, random: &[u8; 10]) -> String {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    let uuid = Builder::from_unix_timestamp_millis(millis, random).into_uuid().as_u128();
    // 26 characters hold 130 bits: the first one carries the top 3 bits of 128.
    (0..TAIL).rev().map(|place| char::from(ALPHABET[((uuid >> (place * 5)) & 31) as usize])).collect()
}

fn is_tail(tail: &str) -> bool {
    tail.len() == TAIL && tail.as_bytes()[0] <= b'7' && tail.bytes().all(|byte| ALPHABET.contains(&byte))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh id.
            #[expect(clippy::new_without_default, reason = "a default id would hide that each one is new")]
            pub fn new() -> Self {
                Self(format!(concat!($prefix, "_{}"), new_tail()))
            }

            /// The first id in order that may have been made at `at` or later.
            pub fn earliest(at: Timestamp) -> Self {
                Self(format!(concat!($prefix, "_{}"), tail(at, &[0; 10])))
            }

            /// Reads an id, refusing any other kind.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                match text.strip_prefix(concat!($prefix, "_")) {
                    Some(tail) if is_tail(tail) => Ok(Self(text.to_owned())),
                    _ => Err(InvalidId { prefix: $prefix }),
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }
    )*};
}

ids! {
    /// Integrates through API keys; owns sellers, endpoints and a ledger.
    MerchantId = "mrc";
    /// Who is paid.
    SellerId = "sel";
    /// One change of what a merchant has decided.
    PolicyChangeId = "plc";
    /// A wish for a looser limit, which waits for a second person.
    LimitProposalId = "lpr";
    /// An API key (not its secret).
    KeyId = "key";
    /// A checkout session.
    SessionId = "cs";
    /// The money side of one checkout.
    PaymentId = "pay";
    /// One seller's share of a payment.
    PaymentOrderId = "po";
    /// One try at one PSP.
    AttemptId = "att";
    /// An order to take money that a card holds, or to let it go.
    CaptureId = "cap";
    /// A saved card.
    PaymentMethodId = "pm";
    /// Money given back.
    RefundId = "re";
    /// Money sent to a seller's bank.
    PayoutId = "out";
    /// Money contested by a shopper's bank.
    DisputeId = "dp";
    /// Evidence handed in for a dispute.
    EvidenceId = "evd";
    /// A fact merchants are told.
    EventId = "evt";
    /// One business fact in the ledger.
    JournalId = "jrn";
    /// A mistake in the books put right by another journal.
    CorrectionId = "cor";
    /// What two people say that a PSP has confirmed.
    AttestationId = "ats";
    /// Where a merchant wants to be told.
    EndpointId = "we";
    /// The telling of one event to one endpoint.
    DeliveryId = "dlv";
    /// Work that is due at some time.
    JobId = "job";
    /// One HTTP request to us.
    RequestId = "req";
    /// A person who may use the console.
    OperatorId = "opr";
    /// One entry of the audit log.
    AuditId = "aud";
    /// One call of ours to a PSP.
    CallId = "call";
    /// One webhook a PSP sent us.
    PspEventId = "pev";
    /// A PSP's or a bank's file.
    FileId = "rcf";
    /// A line of such a file.
    LineId = "rcl";
    /// One time that a source was held against ours.
    RunId = "rcr";
    /// A difference that somebody must close.
    BreakId = "brk";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_reads_back_and_no_other_kind_does() {
        let id = PaymentId::new();
        assert_eq!(PaymentId::parse(id.as_str()), Ok(id.clone()));
        assert_eq!(SellerId::parse(id.as_str()), Err(InvalidId { prefix: "sel" }));
    }

    #[test]
    fn ids_of_later_milliseconds_sort_later() {
        let first = EventId::new();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(first < EventId::new());
    }

    #[test]
    fn odd_tails_are_refused() {
        for text in [
            "pay_",
            "pay_01h455vb4pex5vsknk084sn02",
            "pay_81h455vb4pex5vsknk084sn02q",
            "pay_01H455VB4PEX5VSKNK084SN02Q",
            "pay-01h455vb4pex5vsknk084sn02q",
            "pay_01h455vb4pex5vsknk084sn02\u{e9}",
        ] {
            assert!(PaymentId::parse(text).is_err(), "{text}");
        }
        assert!(PaymentId::parse("pay_01h455vb4pex5vsknk084sn02q").is_ok());
    }
}
