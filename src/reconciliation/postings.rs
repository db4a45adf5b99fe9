//! What reconciliation means for the books. Every amount is signed: above zero the first account is debited.

use super::words::ObjectKind;
use crate::ledger::{Account, Posting, Transfer};
use crate::words::{BreakId, Currency, LineId, Money, Tenant, Timestamp};

/// The kind of the journal of an exchange.
pub const EXCHANGED: &str = "fx";
/// The kind of the journal that parks a difference.
pub const PARKED: &str = "break_parked";
/// The kind of the journal that takes it out again, because it came right by itself.
pub const RELEASED: &str = "break_released";
/// The kind of the journal with which two people close a break.
pub const CLOSED: &str = "break_closed";

/// A movement between two accounts; none when nothing moves, or when it does not fit into an amount.
pub fn shift(to: Account, from: Account, minor: i64, currency: Currency) -> Option<Transfer> {
    let amount = Money::of(i64::try_from(minor.unsigned_abs()).ok()?, currency).filter(|money| !money.is_zero())?;
    let (debit, credit) = if minor > 0 { (to, from) } else { (from, to) };
    Some(Transfer { debit, credit, amount })
}

/// What the PSP kept of the lines of one tenant that were looked at together, the first of which names the fact.
pub fn fee(
    tenant: &Tenant,
    psp: &str,
    line: &LineId,
    minor: i64,
    currency: Currency,
    now: Timestamp,
) -> Option<Posting> {
    let transfer = shift(Account::PspFees, Account::Psp(psp.to_owned()), minor, currency)?;
    Some(of_line("psp_fee", tenant, line, vec![transfer], now))
}

/// What the PSP sent has arrived at the bank.
pub fn landed(
    tenant: &Tenant,
    psp: &str,
    line: &LineId,
    transfers: &[(Currency, i64)],
    now: Timestamp,
) -> Option<Posting> {
    let to = |&(currency, minor): &(Currency, i64)| shift(Account::Bank, Account::Psp(psp.to_owned()), minor, currency);
    let transfers: Vec<Transfer> = transfers.iter().filter_map(to).collect();
    (!transfers.is_empty()).then(|| of_line("psp_settlement", tenant, line, transfers, now))
}

/// What the PSP has exchanged: less of it is owed in one currency and more in another, and the account of exchange holds both
/// sides, so that no amount is ever turned into another.
pub fn exchanged(
    tenant: &Tenant,
    asset: &Account,
    line: &LineId,
    amounts: &[(Currency, i64)],
    now: Timestamp,
) -> Option<Posting> {
    let to = |&(currency, minor): &(Currency, i64)| shift(asset.clone(), Account::Exchange, minor, currency);
    let transfers: Vec<Transfer> = amounts.iter().filter_map(to).collect();
    (!transfers.is_empty()).then(|| of_line(EXCHANGED, tenant, line, transfers, now))
}

/// What a bank has exchanged of a PSP's payout, in the books of everybody who has a share in it: each gives its share, and gets in
/// proportion of what `arrived`. `None` where there is nothing to go by.
pub fn exchanged_payout(
    shares: &[(Tenant, i64)],
    sent: Currency,
    arrived: (Currency, i64),
    line: &LineId,
    now: Timestamp,
) -> Option<Vec<Posting>> {
    let (currency, whole) = arrived;
    let parts = in_proportion(whole, &shares.iter().map(|(_, share)| *share).collect::<Vec<_>>())?;
    let both = shares.iter().zip(parts).filter_map(|((tenant, share), part)| {
        exchanged(tenant, &Account::Bank, line, &[(currency, part), (sent, share.saturating_neg())], now)
    });
    Some(both.collect())
}

/// `whole` in proportion to shares, which may be below zero: what is rounded is carried on from one to the next, so that the parts
/// are the whole.
fn in_proportion(whole: i64, shares: &[i64]) -> Option<Vec<i64>> {
    let sum = shares.iter().try_fold(0_i128, |sum, share| sum.checked_add(i128::from(*share)))?;
    let (mut told, mut given) = (0_i128, 0_i128);
    let part = |share: &i64| {
        told = told.checked_add(i128::from(*share))?;
        let until = i128::from(whole).checked_mul(told)?.checked_div_euclid(sum)?;
        let part = until.checked_sub(std::mem::replace(&mut given, until))?;
        i64::try_from(part).ok()
    };
    shares.iter().map(part).collect()
}

/// A difference that is booked at once, for its cause is known.
pub fn booked(
    tenant: &Tenant,
    from: &Account,
    asset: &Account,
    line: &LineId,
    amounts: &[(Currency, i64)],
    now: Timestamp,
) -> Option<Posting> {
    let to = |&(currency, minor): &(Currency, i64)| shift(asset.clone(), from.clone(), minor, currency);
    let transfers: Vec<Transfer> = amounts.iter().filter_map(to).collect();
    (!transfers.is_empty()).then(|| of_line("difference_booked", tenant, line, transfers, now))
}

/// A difference of unknown cause: apart from everything else until somebody closes it. `change` is the number of the note that says
/// why it is no longer what it was when it was found.
pub fn parked(
    tenant: &Tenant,
    asset: &Account,
    of: &BreakId,
    change: Option<i64>,
    amounts: &[(Currency, i64)],
    now: Timestamp,
) -> Option<Posting> {
    let source_id = change.map_or_else(|| of.to_string(), |number| format!("{of}:{number}"));
    of_break(PARKED, tenant, asset, source_id, amounts, now)
}

/// The same the other way round, when it came right by itself.
pub fn released(
    tenant: &Tenant,
    asset: &Account,
    of: &BreakId,
    amounts: &[(Currency, i64)],
    now: Timestamp,
) -> Option<Posting> {
    let back: Vec<_> = amounts.iter().map(|&(currency, minor)| (currency, minor.saturating_neg())).collect();
    of_break(RELEASED, tenant, asset, of.to_string(), &back, now)
}

/// What stands in suspense leaves it for the account that says what it was, and the break is closed.
pub fn closed(
    tenant: &Tenant,
    to: &Account,
    of: &BreakId,
    amounts: &[(Currency, i64)],
    now: Timestamp,
) -> Option<Posting> {
    let out: Vec<_> = amounts.iter().map(|&(currency, minor)| (currency, minor.saturating_neg())).collect();
    of_break(CLOSED, tenant, to, of.to_string(), &out, now)
}

fn of_break(
    kind: &'static str,
    tenant: &Tenant,
    asset: &Account,
    source_id: String,
    amounts: &[(Currency, i64)],
    now: Timestamp,
) -> Option<Posting> {
    let to = |&(currency, minor): &(Currency, i64)| shift(asset.clone(), Account::Suspense, minor, currency);
    let transfers: Vec<Transfer> = amounts.iter().filter_map(to).collect();
    (!transfers.is_empty()).then(|| Posting { kind, source_id, tenant: tenant.clone(), payment: None, transfers, now })
}

fn of_line(kind: &'static str, tenant: &Tenant, line: &LineId, transfers: Vec<Transfer>, now: Timestamp) -> Posting {
    Posting { kind, source_id: line.to_string(), tenant: tenant.clone(), payment: None, transfers, now }
}

/// Which movements of ours are a bank's, not a PSP's.
pub const fn is_bank(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Payout | ObjectKind::PayoutReturn | ObjectKind::Batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_is_given_in_proportion_to_the_last_unit() {
        assert_eq!(in_proportion(133_000, &[9_680]), Some(vec![133_000]));
        assert_eq!(in_proportion(100, &[1, 1, 1]), Some(vec![33, 33, 34]));
        assert_eq!(in_proportion(-7, &[-2, -1]), Some(vec![-4, -3]));
        assert_eq!(in_proportion(100, &[300, -200]), Some(vec![300, -200]));
        assert_eq!(in_proportion(100, &[2, -2]), None);
        assert_eq!(
            in_proportion(i64::MAX, &[i64::MAX, i64::MAX]).unwrap().iter().map(|it| i128::from(*it)).sum::<i128>(),
            i128::from(i64::MAX)
        );
    }
}
