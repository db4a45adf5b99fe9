//! A decision from its name and its value, as the API gives it and the database keeps it. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{LateSuccess, NegativeBalance, PlatformFee, Policies, RefundFee, SecondCharge};
use crate::words::{Currency, Money};

/// A year: what is not delivered by then is a matter for people.
const MAX_DAYS: u16 = 365;
const MAX_PPM: u32 = 1_000_000;

/// A value that breaks a rule. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{param} {rule}")]
pub struct Fault {
    /// The field, as the caller wrote it.
    pub param: String,
    /// The rule it breaks, to be read after the field.
    pub rule: String,
}

fn fault(param: impl Into<String>, rule: impl Into<String>) -> Fault {
    Fault { param: param.into(), rule: rule.into() }
}

impl Policies {
    /// Every name, as the API and the database write it.
    pub(super) const NAMES: [&str; 7] = [
        "late_success",
        "second_charge",
        "refund_fee",
        "fulfill_after_days",
        "platform_fee",
        "payout_approval_above",
        "negative_balance",
    ];

    /// Decides `name`; null is the default.
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        match name {
            "late_success" => self.late_success = word(name, value, LateSuccess::parse, "\"accept\" or \"refund\"")?,
            "second_charge" => {
                self.second_charge = word(name, value, SecondCharge::parse, "\"refund\" or \"review\"")?;
            }
            "refund_fee" => self.refund_fee = word(name, value, RefundFee::parse, "\"return\" or \"keep\"")?,
            "negative_balance" => {
                self.negative_balance = word(name, value, NegativeBalance::parse, "\"allow\" or \"refuse\"")?;
            }
            "fulfill_after_days" => self.fulfill_after_days = days(name, value)?,
            "platform_fee" => self.platform_fee = fee(value)?.unwrap_or_default(),
            "payout_approval_above" => self.payout_approval_above = amounts(name, value)?,
            _ => return Err(fault(name, "is not the name of a policy")),
        }
        Ok(())
    }

    /// The value of `name`, as [`Self::set`] takes it.
    pub(super) fn value(&self, name: &str) -> Value {
        match name {
            "late_success" => json!(self.late_success.as_str()),
            "second_charge" => json!(self.second_charge.as_str()),
            "refund_fee" => json!(self.refund_fee.as_str()),
            "negative_balance" => json!(self.negative_balance.as_str()),
            "fulfill_after_days" => json!(self.fulfill_after_days),
            "platform_fee" => fee_value(&self.platform_fee),
            "payout_approval_above" => amounts_value(&self.payout_approval_above),
            _ => Value::Null,
        }
    }
}

/// The fee as it is written.
pub(super) fn fee_value(fee: &PlatformFee) -> Value {
    json!({ "fixed": amounts_value(&fee.fixed), "ppm": fee.ppm })
}

pub(super) fn amounts_value(amounts: &BTreeMap<Currency, Money>) -> Value {
    amounts.iter().map(|(currency, amount)| (currency.code().to_owned(), json!(amount))).collect::<Map<_, _>>().into()
}

fn word<T: Default>(param: &str, value: &Value, parse: fn(&str) -> Option<T>, words: &str) -> Result<T, Fault> {
    if value.is_null() {
        return Ok(T::default());
    }
    value.as_str().and_then(parse).ok_or_else(|| fault(param, format!("must be {words}")))
}

fn days(param: &str, value: &Value) -> Result<Option<u16>, Fault> {
    if value.is_null() {
        return Ok(None);
    }
    let days = value.as_u64().and_then(|days| u16::try_from(days).ok()).filter(|days| *days <= MAX_DAYS);
    days.map(Some).ok_or_else(|| fault(param, format!("must be a whole number from 0 to {MAX_DAYS}, or null")))
}

/// A fee, or none when it is null.
pub(super) fn fee(value: &Value) -> Result<Option<PlatformFee>, Fault> {
    const NAME: &str = "platform_fee";
    if value.is_null() {
        return Ok(None);
    }
    let rule = || fault(NAME, "must be an object with `fixed` (amounts by currency) and `ppm` (parts per million)");
    let object = value.as_object().ok_or_else(rule)?;
    if let Some(other) = object.keys().find(|key| !["fixed", "ppm"].contains(&key.as_str())) {
        return Err(fault(format!("{NAME}.{other}"), "is not known: a fee has `fixed` and `ppm`"));
    }
    let fixed = amounts("platform_fee.fixed", object.get("fixed").unwrap_or(&Value::Null))?;
    let ppm = match object.get("ppm").unwrap_or(&Value::Null) {
        Value::Null => 0,
        ppm => ppm.as_u64().and_then(|ppm| u32::try_from(ppm).ok()).filter(|ppm| *ppm <= MAX_PPM).ok_or_else(|| {
            fault("platform_fee.ppm", format!("must be a whole number of parts per million from 0 to {MAX_PPM}"))
        })?,
    };
    Ok(Some(PlatformFee { fixed, ppm }))
}

pub(super) fn amounts(param: &str, value: &Value) -> Result<BTreeMap<Currency, Money>, Fault> {
    if value.is_null() {
        return Ok(BTreeMap::new());
    }
    let rule = || fault(param, "must be an object of amounts by currency, such as {\"USD\": \"0.30\"}");
    let mut amounts = BTreeMap::new();
    for (code, amount) in value.as_object().ok_or_else(rule)? {
        let at = format!("{param}.{code}");
        let currency = Currency::parse(code)
            .map_err(|_| fault(&at, "is not named by a currency of ISO 4217 in three upper-case letters"))?;
        let text = amount.as_str().ok_or_else(|| fault(&at, "must be a decimal string"))?;
        let amount = Money::parse(text, currency).map_err(|error| fault(&at, error.to_string()))?;
        amounts.insert(currency, amount);
    }
    Ok(amounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &Value) -> Result<Policies, Fault> {
        let mut policies = Policies::default();
        policies.set(name, value).map(|()| policies)
    }

    #[test]
    fn every_name_is_read_as_it_is_written() {
        let fee = json!({"fixed": {"KRW": "300", "USD": "0.30"}, "ppm": 29_000});
        for (name, value) in [
            ("late_success", json!("refund")),
            ("second_charge", json!("review")),
            ("refund_fee", json!("keep")),
            ("fulfill_after_days", json!(7)),
            ("platform_fee", fee),
            ("payout_approval_above", json!({"KWD": "1000.000"})),
            ("negative_balance", json!("refuse")),
        ] {
            assert!(Policies::NAMES.contains(&name));
            let policies = set(name, &value).unwrap();
            assert_ne!(policies, Policies::default());
            assert_eq!(policies.value(name), value);
            let mut undone = policies;
            undone.set(name, &Value::Null).unwrap();
            assert_eq!(undone, Policies::default());
        }
        assert_eq!(Policies::default().value("fulfill_after_days"), Value::Null);
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        for (name, value, param) in [
            ("late_success", json!("Accept"), "late_success"),
            ("second_charge", json!("accept"), "second_charge"),
            ("refund_fee", json!(true), "refund_fee"),
            ("fulfill_after_days", json!(366), "fulfill_after_days"),
            ("fulfill_after_days", json!(-1), "fulfill_after_days"),
            ("fulfill_after_days", json!(1.5), "fulfill_after_days"),
            ("platform_fee", json!([]), "platform_fee"),
            ("platform_fee", json!({"percent": 3}), "platform_fee.percent"),
            ("platform_fee", json!({"ppm": 1_000_001}), "platform_fee.ppm"),
            ("platform_fee", json!({"ppm": "3"}), "platform_fee.ppm"),
            ("platform_fee", json!({"fixed": {"USD": "0.3"}}), "platform_fee.fixed.USD"),
            ("platform_fee", json!({"fixed": {"USD": 1}}), "platform_fee.fixed.USD"),
            ("payout_approval_above", json!({"usd": "1.00"}), "payout_approval_above.usd"),
            ("payout_approval_above", json!("1.00"), "payout_approval_above"),
            ("nonsense", json!(1), "nonsense"),
        ] {
            assert_eq!(set(name, &value).unwrap_err().param, param);
        }
    }
}
