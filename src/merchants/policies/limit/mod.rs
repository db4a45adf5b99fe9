//! The limit above which payouts need a second person. To lower it or to name one more currency is anybody's who decides
//! about policies; to raise or remove it takes two people, for whoever could do so alone would need no second person.

mod store;

use std::collections::BTreeMap;

use serde_json::Value;

use super::change::write;
use super::{Change, Policies};
use crate::db::{DbError, On, Tx};
use crate::words::{Currency, LimitProposalId, Money, OperatorId, Tenant, Timestamp};

/// The decision's name.
pub(super) const LIMIT: &str = "payout_approval_above";

/// What one person asks for, until another has decided.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// Its id.
    pub id: LimitProposalId,
    /// Whose limit.
    pub tenant: Tenant,
    /// What held when it was asked for.
    pub before: BTreeMap<Currency, Money>,
    /// What is to hold.
    pub after: BTreeMap<Currency, Money>,
    /// Who asks.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
}

/// What became of the wish for another limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wished {
    /// It holds from now on: it is stricter.
    Holds,
    /// It waits for a second person.
    Waits(LimitProposalId),
}

/// Why nothing was asked for or decided. The caller's transaction must not be committed.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// The value breaks a rule.
    #[error(transparent)]
    Value(#[from] Change),
    /// Another wish waits.
    #[error("another limit waits for a second person; it has to be decided first")]
    OneWaits,
    /// No such wish, or it is decided.
    #[error("it is decided already")]
    Decided,
    /// Who asked may not agree.
    #[error("whoever asked for it may not agree to it")]
    SamePerson,
    /// The limit that was shown is not the one that holds.
    #[error("the limit has changed since it was asked for; turn it down and ask again")]
    Changed,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The first currency in which `after` lets more leave without a second person than `before`.
pub(super) fn loosened(before: &BTreeMap<Currency, Money>, after: &BTreeMap<Currency, Money>) -> Option<Currency> {
    let looser = |(currency, limit): (&Currency, &Money)| {
        after.get(currency).is_none_or(|after| after.minor() > limit.minor()).then_some(*currency)
    };
    before.iter().find_map(looser)
}

/// Refuses a change that would let more leave without a second person.
pub(super) fn no_looser(before: &Policies, after: &Policies) -> Result<(), Change> {
    let looser = loosened(&before.payout_approval_above, &after.payout_approval_above);
    looser.map_or(Ok(()), |currency| Err(Change::NeedsTwo { param: format!("{LIMIT}.{}", currency.code()) }))
}

/// Asks for another limit, for the operator with this id and e-mail. A stricter one holds at once; any other waits for a
/// second person.
pub async fn wish(
    tx: &mut Tx,
    tenant: &Tenant,
    wanted: &Value,
    (operator, email): (&OperatorId, &str),
    now: Timestamp,
) -> Result<Wished, LimitError> {
    let before = super::of(&mut *tx, tenant).await?;
    let mut after = before.clone();
    after.set(LIMIT, wanted).map_err(Change::from)?;
    if loosened(&before.payout_approval_above, &after.payout_approval_above).is_none() {
        put(tx, tenant, (&before, &after), operator.as_str(), now).await?;
        return Ok(Wished::Holds);
    }
    if store::waiting(&mut *tx, tenant).await?.is_some() {
        return Err(LimitError::OneWaits);
    }
    let proposal = Proposal {
        id: LimitProposalId::new(),
        tenant: tenant.clone(),
        before: before.payout_approval_above,
        after: after.payout_approval_above,
        asked_by: email.to_owned(),
        asked_at: now,
    };
    store::insert(tx, &proposal).await?;
    Ok(Wished::Waits(proposal.id))
}

/// The wish that waits for a second person, if one does.
pub async fn waiting(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Option<Proposal>, DbError> {
    store::waiting(on, tenant).await
}

/// Makes what somebody else asked for hold. The record of changes names the wish, which names both of them.
pub async fn agree(tx: &mut Tx, proposal: &Proposal, by: &str, now: Timestamp) -> Result<(), LimitError> {
    if proposal.asked_by == by {
        return Err(LimitError::SamePerson);
    }
    if !store::decide(tx, &proposal.id, "agreed", by, now).await? {
        return Err(LimitError::Decided);
    }
    let before = super::of(&mut *tx, &proposal.tenant).await?;
    if before.payout_approval_above != proposal.before {
        return Err(LimitError::Changed);
    }
    let after = Policies { payout_approval_above: proposal.after.clone(), ..before.clone() };
    Ok(put(tx, &proposal.tenant, (&before, &after), proposal.id.as_str(), now).await?)
}

/// Turns down what somebody asked for; who asked may take it back.
pub async fn refuse(tx: &mut Tx, proposal: &Proposal, by: &str, now: Timestamp) -> Result<(), LimitError> {
    if store::decide(tx, &proposal.id, "refused", by, now).await? { Ok(()) } else { Err(LimitError::Decided) }
}

async fn put(
    tx: &mut Tx,
    tenant: &Tenant,
    (before, after): (&Policies, &Policies),
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let none = after.payout_approval_above.is_empty();
    write(tx, tenant, LIMIT, (&before.value(LIMIT), &after.value(LIMIT), none), by, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(pairs: &[(&str, i64)]) -> BTreeMap<Currency, Money> {
        let money = |(code, minor): &(&str, i64)| Money::of(*minor, Currency::parse(code).unwrap()).unwrap();
        pairs.iter().map(money).map(|amount| (amount.currency(), amount)).collect()
    }

    #[test]
    fn to_raise_or_to_remove_is_looser_and_to_lower_or_to_add_is_not() {
        let usd = Some(Currency::parse("USD").unwrap());
        let before = limits(&[("KRW", 10), ("USD", 500)]);
        for (after, loosest) in [
            (limits(&[("KRW", 10), ("USD", 500)]), None),
            (limits(&[("KRW", 10), ("USD", 499)]), None),
            (limits(&[("EUR", 1), ("KRW", 0), ("USD", 500)]), None),
            (limits(&[("KRW", 10), ("USD", 501)]), usd),
            (limits(&[("KRW", 10)]), usd),
        ] {
            assert_eq!(loosened(&before, &after), loosest);
        }
        assert_eq!(loosened(&limits(&[]), &before), None);
    }
}
