//! What a PSP may keep: of a charge by contract, of every other row up to a limit. Pure.

use std::collections::BTreeMap;

use super::super::line::LineKind;
use super::decide::Circumstance;
use super::told::Told;
use crate::config::reconciliation::{ContractFee, Source};
use crate::words::{Currency, Money};

/// What a line says that the PSP kept: of rows that are nothing but a fee, all of it.
pub fn kept(line: &Told) -> i64 {
    if line.kind == LineKind::Fee { line.net.saturating_neg() } else { line.fee }
}

/// What the PSP may keep of a line, and what is wrong when it keeps something else, or more: the contract's fee of a charge, else
/// the limit for one row. `None` where nothing was agreed.
pub fn allowed(source: &Source, line: &Told) -> Option<(i64, Circumstance)> {
    let contract = source.fee.as_ref().filter(|_| line.kind == LineKind::Charge);
    if let Some(fee) = contract.and_then(|contract| by_contract(contract, line.gross, line.currency)) {
        return Some((fee, Circumstance::OtherFee));
    }
    Some((amount(&source.fee_at_most, line.currency)?, Circumstance::AboveLimit))
}

/// What is wrong with the fee of a line, if something is.
pub fn wrong(source: &Source, line: &Told) -> Option<Circumstance> {
    let (allowed, wrong) = allowed(source, line)?;
    let kept = kept(line);
    let fine = if wrong == Circumstance::OtherFee { kept == allowed } else { kept <= allowed };
    (!fine).then_some(wrong)
}

fn amount(of: &BTreeMap<String, String>, currency: Currency) -> Option<i64> {
    Some(Money::parse(of.get(currency.code())?, currency).ok()?.minor())
}

/// Both parts of `contract` for a charge of `gross` minor units, each rounded half up; `None` when the sum cannot be said.
fn by_contract(contract: &ContractFee, gross: i64, currency: Currency) -> Option<i64> {
    let part = i128::from(gross).checked_mul(i128::from(contract.ppm))?.checked_add(500_000)?.div_euclid(1_000_000);
    let fixed = amount(&contract.fixed, currency).unwrap_or(0);
    i64::try_from(part).ok()?.checked_add(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_added_and_rounded_half_up() {
        let usd = Currency::parse("USD").unwrap();
        let contract = ContractFee { ppm: 29_000, fixed: [("USD".to_owned(), "0.30".to_owned())].into() };
        assert_eq!(by_contract(&contract, 10_000, usd), Some(320));
        assert_eq!(by_contract(&contract, 50, usd), Some(31));
        assert_eq!(by_contract(&contract, 10_000, Currency::parse("KRW").unwrap()), Some(290));
    }
}
