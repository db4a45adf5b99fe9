//! The limits that are asked, with defaults that stop card testing and slips of the keyboard but no honest shopper.

use crate::words::{Currency, Money};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How many attempts may be made within how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The attempt after this many is refused.
    pub attempts: u32,
    /// The length of the window, in seconds.
    pub seconds: u32,
}

impl Window {
    /// The length of the window.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

/// The limits; `None` means that nothing is limited, and then payments need not count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskRules {
    /// The largest amount of one payment, by currency code, as a decimal string. Currencies not named have no limit.
    pub largest_amount: BTreeMap<String, String>,
    /// How often a shopper may try in one checkout session, however long it lasts.
    pub attempts_per_session: Option<u32>,
    /// How often the same customer e-mail address may be tried at one merchant.
    pub attempts_per_email: Option<Window>,
    /// How often anybody may try at one merchant. Off by default: what is normal differs too much.
    pub attempts_per_merchant: Option<Window>,
}

impl Default for RiskRules {
    fn default() -> Self {
        let largest = [
            ("KRW", "100000000"),
            ("JPY", "10000000"),
            ("USD", "100000.00"),
            ("EUR", "100000.00"),
            ("GBP", "100000.00"),
        ];
        Self {
            largest_amount: largest.map(|(currency, amount)| (currency.to_owned(), amount.to_owned())).into(),
            attempts_per_session: Some(10),
            attempts_per_email: Some(Window { attempts: 20, seconds: 3600 }),
            attempts_per_merchant: None,
        }
    }
}

impl RiskRules {
    /// The first thing that is wrong with the rules as somebody wrote them, in words for that person.
    ///
    /// # Errors
    /// A sentence naming the setting.
    pub fn check(&self) -> Result<(), String> {
        for (code, amount) in &self.largest_amount {
            let currency = Currency::parse(code).map_err(|error| format!("largest_amount: `{code}` is {error}"))?;
            Money::parse(amount, currency).map_err(|error| format!("largest_amount.{code}: {error}"))?;
        }
        Ok(())
    }

    /// The largest amount of a payment in `currency`, if there is a limit.
    #[must_use]
    pub fn largest(&self, currency: Currency) -> Option<Money> {
        self.largest_amount.get(currency.code()).and_then(|amount| Money::parse(amount, currency).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(RiskRules::default().check(), Ok(()));
        let krw = Currency::parse("KRW").unwrap();
        assert_eq!(RiskRules::default().largest(krw), Money::of(100_000_000, krw));
    }

    #[test]
    fn a_wrong_limit_is_named() {
        let with = |code: &str, amount: &str| RiskRules {
            largest_amount: [(code.to_owned(), amount.to_owned())].into(),
            ..RiskRules::default()
        };
        assert!(with("KRW", "1.00").check().unwrap_err().starts_with("largest_amount.KRW"));
        assert!(with("won", "1").check().unwrap_err().contains("`won`"));
    }
}
