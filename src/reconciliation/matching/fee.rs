//! What a PSP may take of a charge by contract. Pure.

use crate::config::reconciliation::ContractFee;
use crate::words::{Currency, Money};

/// Both parts of `contract` for a charge of `gross` minor units, each rounded half up; `None` when the sum cannot be said.
pub fn by_contract(contract: &ContractFee, gross: i64, currency: Currency) -> Option<i64> {
    let part = i128::from(gross).checked_mul(i128::from(contract.ppm))?.checked_add(500_000)?.div_euclid(1_000_000);
    let fixed = match contract.fixed.get(currency.code()) {
        Some(text) => Money::parse(text, currency).ok()?.minor(),
        None => 0,
    };
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
