//! What is to be posted, and the rules it must keep before the database is asked.

use super::account::{Account, is_psp_name};
use crate::words::{Money, PaymentId, Tenant, Timestamp};
use std::collections::HashMap;

/// One movement of money from one account to another. It cannot be out of balance, and it has one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The account that is debited.
    pub debit: Account,
    /// The account that is credited.
    pub credit: Account,
    /// How much, always above zero.
    pub amount: Money,
}

/// One fact of business with the transfers it causes. Within a tenant a fact is known by its kind and its source's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// What happened, for example `sale`.
    pub kind: &'static str,
    /// The id of the object that it happened to; with the kind it makes the fact unique.
    pub source_id: String,
    /// Whose books.
    pub tenant: Tenant,
    /// The payment it belongs to, if to one.
    pub payment: Option<PaymentId>,
    /// At least one; their order is kept.
    pub transfers: Vec<Transfer>,
    /// When it was posted.
    pub now: Timestamp,
}

/// A posting that breaks a rule of the books. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A fact that moves no money has no place in the books.
    #[error("{0} has no transfers")]
    Empty(Fact),
    /// Amounts are above zero; the direction is said by the accounts.
    #[error("{0} has a transfer whose amount is not above zero")]
    NotPositive(Fact),
    /// Money cannot move from an account to itself.
    #[error("{0} has a transfer with the same account on both sides")]
    SameAccount(Fact),
    /// A provider's name is lower-case letters, digits and underscores.
    #[error("{0} has a transfer with a provider whose name cannot be written as an account")]
    BadAccount(Fact),
    /// The amounts of the fact do not fit into 64 bits.
    #[error("{0} is too large to be added up")]
    Overflow(Fact),
    /// The fact is in the books already, with other transfers.
    #[error("{0} is already posted with different contents")]
    Contradiction(Fact),
}

/// How messages name a fact.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fact {
    /// Its kind.
    pub kind: String,
    /// The id of its source.
    pub source_id: String,
}

impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.kind, self.source_id)
    }
}

impl Posting {
    /// How messages name it.
    #[must_use]
    pub fn fact(&self) -> Fact {
        Fact { kind: self.kind.to_owned(), source_id: self.source_id.clone() }
    }

    /// The sum of all amounts in minor units, whatever their currencies: a control total, not a balance.
    pub(super) fn control_total(&self) -> Option<i64> {
        self.transfers.iter().try_fold(0_i64, |sum, transfer| sum.checked_add(transfer.amount.minor()))
    }

    /// Refuses what the books must not hold.
    pub(super) fn check(&self) -> Result<(), Flaw> {
        if self.transfers.is_empty() {
            return Err(Flaw::Empty(self.fact()));
        }
        for Transfer { debit, credit, amount } in &self.transfers {
            if amount.minor() <= 0 {
                return Err(Flaw::NotPositive(self.fact()));
            }
            if debit == credit {
                return Err(Flaw::SameAccount(self.fact()));
            }
            if [debit, credit].into_iter().any(|account| matches!(account, Account::Psp(name) if !is_psp_name(name))) {
                return Err(Flaw::BadAccount(self.fact()));
            }
        }
        self.control_total().map(|_| ()).ok_or_else(|| Flaw::Overflow(self.fact()))
    }

    /// Whether it says just this, so that posting it again is only a repetition. When it was said does not matter.
    pub(super) fn says(&self, payment: Option<&PaymentId>, transfers: &[Transfer]) -> bool {
        self.payment.as_ref() == payment && self.transfers == transfers
    }
}

/// Finds facts that stand twice in one batch: for each posting the index of the first one that says the same.
pub(super) fn repetitions(postings: &[Posting]) -> Result<Vec<Option<usize>>, Flaw> {
    let mut first: HashMap<(&Tenant, &str, &str), usize> = HashMap::with_capacity(postings.len());
    postings
        .iter()
        .enumerate()
        .map(|(index, posting)| match first.get(&(&posting.tenant, posting.kind, posting.source_id.as_str())) {
            Some(&earlier) if posting.says(postings[earlier].payment.as_ref(), &postings[earlier].transfers) => {
                Ok(Some(earlier))
            }
            Some(_) => Err(Flaw::Contradiction(posting.fact())),
            None => {
                first.insert((&posting.tenant, posting.kind, &posting.source_id), index);
                Ok(None)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Currency, MerchantId, Mode};

    fn sale(minor: i64) -> Posting {
        let amount = Money::of(minor, Currency::parse("USD").unwrap()).unwrap();
        Posting {
            kind: "sale",
            source_id: "po_1".into(),
            tenant: Tenant::new(MerchantId::new(), Mode::Test),
            payment: None,
            transfers: vec![Transfer { debit: Account::Psp("simulator".into()), credit: Account::Bank, amount }],
            now: Timestamp::from_micros(1),
        }
    }

    #[test]
    fn a_sound_posting_passes() {
        assert_eq!(sale(1).check(), Ok(()));
        assert_eq!(sale(7).control_total(), Some(7));
    }

    #[test]
    fn each_flaw_is_named() {
        let mut posting = sale(1);
        posting.transfers.clear();
        assert_eq!(posting.check(), Err(Flaw::Empty(posting.fact())));
        let posting = sale(0);
        assert_eq!(posting.check(), Err(Flaw::NotPositive(posting.fact())));
        let mut posting = sale(1);
        posting.transfers[0].debit = Account::Bank;
        assert_eq!(posting.check(), Err(Flaw::SameAccount(posting.fact())));
        let mut posting = sale(1);
        posting.transfers[0].debit = Account::Psp("a:b".into());
        assert_eq!(posting.check(), Err(Flaw::BadAccount(posting.fact())));
    }

    #[test]
    fn a_total_beyond_64_bits_is_refused_not_wrapped() {
        let mut posting = sale(999_999_999_999_999);
        posting.transfers = vec![posting.transfers[0].clone(); 10_000];
        assert_eq!(posting.check(), Err(Flaw::Overflow(posting.fact())));
    }

    #[test]
    fn a_fact_twice_in_one_batch_is_one_fact() {
        let one = sale(1);
        let mut later = one.clone();
        later.now = Timestamp::from_micros(2);
        let mut other_mode = one.clone();
        other_mode.tenant.mode = Mode::Live;
        assert_eq!(repetitions(&[one.clone(), later, other_mode]), Ok(vec![None, Some(0), None]));

        let mut lie = one.clone();
        lie.transfers[0].amount = Money::of(2, lie.transfers[0].amount.currency()).unwrap();
        assert_eq!(repetitions(&[one, lie.clone()]), Err(Flaw::Contradiction(lie.fact())));
    }
}
