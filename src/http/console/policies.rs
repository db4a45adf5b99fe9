//! What each merchant has decided about its money, all of them below each other.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::components::{ModeTag, Pager, Sum};
use super::frame::{self, Frame, Place};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::terms;
use crate::app::App;
use crate::merchants;
use crate::merchants::policies::{self, PlatformFee, Policies as Decided};
use crate::merchants::sellers;
use crate::words::{Currency, MerchantId, Mode, Money, Page, Tenant};

/// Merchants of one page.
const ROWS: u32 = 20;
/// Sellers with a fee of their own that are named in a row; the API knows the others.
const SELLERS: usize = 20;

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The last merchant of the page before.
    after: String,
}

/// `GET /console/policies`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let after = MerchantId::parse(&asked.after).ok();
    let page = after.as_ref().map_or(Page::newest(ROWS), |id| Page::after(ROWS, id.to_string()));
    let slice = merchants::list(&app.db, &page).await?;
    let older = slice.onward().map(|last| format!("/console/policies?after={}", last.id));
    let mut rows = Vec::new();
    for merchant in &slice.items {
        for mode in [Mode::Live, Mode::Test] {
            let tenant = Tenant::new(merchant.id.clone(), mode);
            let decided = policies::of(&app.db, &tenant).await?;
            let mut own = Vec::new();
            for (id, fee) in policies::of_sellers(&app.db, &tenant).await?.into_iter().take(SELLERS) {
                let name =
                    sellers::get(&app.db, &tenant, &id).await?.map_or_else(|| id.to_string(), |seller| seller.name);
                own.push(format!("{name}: {}", fee_in_words(&fee)));
            }
            rows.push(row(&merchant.name, &tenant, &decided, own));
        }
    }
    let view = Policies {
        frame: who.frame("Policies", Place::Policies, app.now()),
        rows,
        pager: Pager { newer: after.map(|_| "/console/policies".to_owned()), older },
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn row(merchant: &str, tenant: &Tenant, decided: &Decided, sellers: Vec<String>) -> Row {
    let fulfilled = match decided.fulfill_after_days {
        Some(days) => format!("after {days} days by itself"),
        None => "when the merchant says so".to_owned(),
    };
    Row {
        merchant: merchant.to_owned(),
        mode: tenant.mode.into(),
        change: terms::path(tenant),
        fee: fee_in_words(&decided.platform_fee),
        sellers,
        refund_fee: decided.refund_fee.as_str(),
        fulfilled,
        late_success: decided.late_success.as_str(),
        second_charge: decided.second_charge.as_str(),
        negative_balance: decided.negative_balance.as_str(),
        approval: amounts(&decided.payout_approval_above),
    }
}

fn fee_in_words(fee: &PlatformFee) -> String {
    let share = rust_decimal::Decimal::new(i64::from(fee.ppm), 4).normalize();
    let parts = [amounts(&fee.fixed), if fee.ppm == 0 { String::new() } else { format!("{share} %") }];
    let said: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(" and ") }
}

fn amounts(amounts: &BTreeMap<Currency, Money>) -> String {
    amounts.values().map(|amount| Sum::of(*amount).plain()).collect::<Vec<_>>().join(", ")
}

/// The page.
#[derive(Template)]
#[template(path = "console/policies.html")]
pub struct Policies {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

/// One merchant in one mode.
struct Row {
    merchant: String,
    mode: ModeTag,
    /// Where it is changed.
    change: String,
    fee: String,
    /// Sellers with a fee of their own.
    sellers: Vec<String>,
    refund_fee: &'static str,
    fulfilled: String,
    late_success: &'static str,
    second_charge: &'static str,
    negative_balance: &'static str,
    approval: String,
}

impl Policies {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let usd = Currency::parse("USD").ok().and_then(|usd| Money::of(30, usd));
        let fee = PlatformFee { fixed: usd.map(|usd| (usd.currency(), usd)).into_iter().collect(), ppm: 29_000 };
        let decided = Decided { platform_fee: fee, fulfill_after_days: Some(7), ..Decided::default() };
        let tenant = |mode| Tenant::new(MerchantId::new(), mode);
        Self {
            frame: Frame::sample("Policies", Place::Policies),
            rows: vec![
                row("Hangang Market", &tenant(Mode::Live), &decided, vec!["Namsan Books <b>: 1 %".to_owned()]),
                row("Hangang Market", &tenant(Mode::Test), &Decided::default(), Vec::new()),
            ],
            pager: Pager::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_told_as_people_say_it() {
        let fee = |minor: Option<i64>, ppm| PlatformFee {
            fixed: minor
                .map(|minor| Money::of(minor, Currency::parse("USD").unwrap()).unwrap())
                .map(|amount| (amount.currency(), amount))
                .into_iter()
                .collect(),
            ppm,
        };
        assert_eq!(fee_in_words(&fee(Some(30), 29_000)), "0.30 USD and 2.9 %");
        assert_eq!(fee_in_words(&fee(None, 1)), "0.0001 %");
        assert_eq!(fee_in_words(&fee(None, 0)), "nothing");
    }
}
