//! The public shape of the books, as the API shows it.

use super::account::Account;
use super::posting::Posting;
use super::read::{Balance, Journal, Line};
use crate::words::Tenant;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// A journal with its signed lines: debits above zero, credits below, the sum is zero.
#[must_use]
pub fn journal_view(tenant: &Tenant, journal: &Journal) -> Value {
    json!({
        "id": journal.id,
        "object": "journal",
        "livemode": tenant.mode.is_live(),
        "created_at": journal.created_at,
        "kind": journal.kind,
        "source": journal.source_id,
        "payment": journal.payment,
        "lines": journal.lines.iter().map(line_view).collect::<Vec<_>>(),
        "metadata": {},
    })
}

fn line_view(line: &Line) -> Value {
    json!({
        "account": line.account,
        "direction": if line.amount > 0 { "debit" } else { "credit" },
        "amount": decimal(line.amount.into(), line.currency.exponent()),
        "currency": line.currency,
    })
}

/// The signed lines that a posting would have, in the shape of [`journal_view`].
#[must_use]
pub fn posting_lines(posting: &Posting) -> Vec<Value> {
    let sides = posting.transfers.iter().flat_map(|transfer| {
        let (minor, currency) = (transfer.amount.minor(), transfer.amount.currency());
        let line = |account: &Account, amount| Line { account: account.to_string(), amount, currency };
        [line(&transfer.debit, minor), line(&transfer.credit, minor.saturating_neg())]
    });
    sides.map(|line| line_view(&line)).collect()
}

/// An account with its sums, named by its currency and code; `balance` is counted in the direction in which the account grows.
#[must_use]
pub fn balance_view(tenant: &Tenant, balance: &Balance) -> Value {
    let class = balance.account.parse::<Account>().map(|account| account.class()).ok();
    let debits = i128::from(balance.debits);
    let credits = i128::from(balance.credits);
    let net = if class.is_none_or(super::Class::grows_by_debit) { debits - credits } else { credits - debits };
    let exponent = balance.currency.exponent();
    json!({
        "id": format!("{}:{}", balance.currency, balance.account),
        "object": "balance",
        "livemode": tenant.mode.is_live(),
        "account": balance.account,
        "class": class.map(super::Class::as_str),
        "currency": balance.currency,
        "debits": decimal(debits, exponent),
        "credits": decimal(credits, exponent),
        "balance": decimal(net, exponent),
    })
}

fn decimal(minor: i128, exponent: u32) -> String {
    Decimal::from_i128_with_scale(minor, exponent).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Currency, JournalId, MerchantId, Mode, SellerId, Timestamp};

    fn tenant() -> Tenant {
        Tenant::new(MerchantId::new(), Mode::Test)
    }

    #[test]
    fn lines_are_signed_decimals() {
        let usd = Currency::parse("USD").unwrap();
        let line = |account: &str, amount| Line { account: account.into(), amount, currency: usd };
        let journal = Journal {
            id: JournalId::new(),
            kind: "sale".into(),
            source_id: "po_1".into(),
            payment: None,
            created_at: Timestamp::from_micros(0),
            lines: vec![line("psp:simulator", 9705), line("fees:platform", -9705)],
        };
        let view = journal_view(&tenant(), &journal);
        assert_eq!(
            view["lines"][0],
            json!({"account": "psp:simulator", "direction": "debit", "amount": "97.05", "currency": "USD"})
        );
        assert_eq!(
            view["lines"][1],
            json!({"account": "fees:platform", "direction": "credit", "amount": "-97.05", "currency": "USD"})
        );
        assert_eq!(view["payment"], Value::Null);
    }

    #[test]
    fn a_balance_is_counted_the_way_its_account_grows() {
        let krw = Currency::parse("KRW").unwrap();
        let view =
            |account: String| balance_view(&tenant(), &Balance { account, currency: krw, debits: 10, credits: 25 });
        assert_eq!(view(format!("seller:{}:pending", SellerId::new()))["balance"], "15");
        assert_eq!(view("psp:simulator".into())["balance"], "-15");
        assert_eq!(view("fees:platform".into())["class"], "income");
    }
}
