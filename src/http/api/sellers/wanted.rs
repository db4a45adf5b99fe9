//! What is wanted of a seller, and the rules it keeps to: one reading for the API's bodies and the console's forms.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::http::api::fields;
use crate::http::problem::Problem;
use crate::merchants::sellers::{self, Change, NewDestination, NewSeller};
use crate::payouts;
use crate::words::Timestamp;

const NAME: usize = 200;
const BANK: usize = 100;

/// A bank account, by the token of the PSP or bank partner.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The partner's token.
    pub token: String,
    /// The bank's name, for people.
    pub bank_name: Option<String>,
    /// The last four characters of the account number, for people.
    pub last4: Option<String>,
}

impl Account {
    /// A destination that holds no account number in clear, in none of its fields.
    fn checked(self) -> Result<NewDestination, Problem> {
        let rule = |param: &str, error: &dyn std::fmt::Display| Problem::invalid(param, format!("`{param}` {error}."));
        sellers::check_token(&self.token).map_err(|error| rule("payout_destination.token", &error))?;
        let (bank, last4) = ("payout_destination.bank_name", "payout_destination.last4");
        fields::optional_text(bank, self.bank_name.as_deref(), BANK)?;
        if let Some(what) = self.bank_name.as_deref().and_then(sellers::account_in) {
            return Err(rule(bank, &format!("looks like {what}; it is a bank's name")));
        }
        let four = |text: &String| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.last4.as_ref().is_some_and(|text| !four(text)) {
            return Err(rule(last4, &"is the last four characters of the account number"));
        }
        Ok(NewDestination { token: self.token, bank_name: self.bank_name, last4: self.last4 })
    }
}

/// A new seller: what `POST /v1/sellers` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// As people call it.
    pub name: String,
    /// Where payouts go.
    pub payout_destination: Option<Account>,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

impl Create {
    /// The seller as it may be made.
    pub fn checked(self) -> Result<NewSeller, Problem> {
        fields::text("name", &self.name, NAME)?;
        let payout_destination = self.payout_destination.map(Account::checked).transpose()?;
        fields::metadata(&self.metadata)?;
        Ok(NewSeller { name: self.name, payout_destination, metadata: self.metadata })
    }
}

/// What `POST /v1/sellers/{id}` changes; what is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// As people call it.
    pub name: Option<String>,
    /// Another destination, or none any more.
    #[serde(default, deserialize_with = "named")]
    pub payout_destination: Option<Option<Account>>,
    /// Another schedule.
    pub payout_schedule: Option<Value>,
    /// All notes anew.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// A null that is named differs from a field that is absent.
#[expect(clippy::option_option, reason = "absent, null and named are three things")]
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl Changed {
    /// What of it is about where and when money goes, as the audit log calls it.
    pub fn acts(&self) -> Vec<&'static str> {
        let acts = [
            ("seller.payout_destination", self.payout_destination.is_some()),
            ("seller.payout_schedule", self.payout_schedule.is_some()),
        ];
        acts.into_iter().filter(|(_, named)| *named).map(|(act, _)| act).collect()
    }

    /// The change as it may be made.
    pub fn checked(self, now: Timestamp) -> Result<Change, Problem> {
        fields::optional_text("name", self.name.as_deref(), NAME)?;
        if let Some(metadata) = &self.metadata {
            fields::metadata(metadata)?;
        }
        let payout_destination = match self.payout_destination {
            Some(Some(account)) => Some(Some(account.checked()?)),
            Some(None) => Some(None),
            None => None,
        };
        let payout_schedule = self.payout_schedule.as_ref().map(|value| schedule(value, now)).transpose()?;
        Ok(Change { name: self.name, payout_destination, payout_schedule, metadata: self.metadata })
    }
}

/// A schedule as it is stored, and when it is first due.
fn schedule(value: &Value, now: Timestamp) -> Result<(Value, Option<Timestamp>), Problem> {
    let (schedule, shown) = payouts::schedule::read(value).map_err(|fault| {
        let param = format!("payout_schedule.{}", fault.param);
        let param = param.trim_end_matches('.');
        Problem::invalid(param, format!("`{param}` {}.", fault.rule))
    })?;
    Ok((shown, payouts::first_due(schedule.as_ref(), now)))
}
