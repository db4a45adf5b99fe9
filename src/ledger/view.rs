//! The public shape of the books, as the API shows it.

use super::account::Account;
use super::balances::{Balance, Total};
use super::posting::Posting;
use super::read::{Journal, Line};
use super::statements::{Entry, Period, Pockets, Summary};
use crate::words::{Currency, Slice, Tenant, Timestamp};
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
        "direction": line.direction(),
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
    let Balance { debits, credits, .. } = *balance;
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

/// An amount of minor units that may be below zero, as a decimal string with the currency's decimals.
#[must_use]
pub fn minor_text(minor: impl Into<i128>, currency: Currency) -> String {
    decimal(minor.into(), currency.exponent())
}

/// The two columns of a trial balance, as decimal strings: one of them is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// What was debited more than credited.
    pub debit: String,
    /// What was credited more than debited.
    pub credit: String,
}

/// In which column an account stands, and with how much.
#[must_use]
pub fn columns(balance: &Balance) -> Columns {
    let net = balance.debits - balance.credits;
    let exponent = balance.currency.exponent();
    Columns { debit: decimal(net.max(0), exponent), credit: decimal((-net).max(0), exponent) }
}

/// One account of a trial balance.
#[must_use]
pub fn trial_line(balance: &Balance) -> Value {
    let class = balance.account.parse::<Account>().map(|account| account.class()).ok();
    let Columns { debit, credit } = columns(balance);
    json!({
        "id": format!("{}:{}", balance.currency, balance.account),
        "account": balance.account,
        "class": class.map(super::Class::as_str),
        "currency": balance.currency,
        "debit": debit,
        "credit": credit,
    })
}

/// A page of a trial balance with the sums over all of its accounts.
#[must_use]
pub fn trial_view(tenant: &Tenant, at: Timestamp, slice: &Slice<Balance>, totals: &[Total]) -> Value {
    json!({
        "object": "trial_balance",
        "livemode": tenant.mode.is_live(),
        "at": at,
        "data": slice.items.iter().map(trial_line).collect::<Vec<_>>(),
        "has_more": slice.has_more,
        "url": "/v1/ledger/trial_balance",
        "totals": totals.iter().map(|total| json!({
            "currency": total.currency,
            "debit": minor_text(total.debit, total.currency),
            "credit": minor_text(total.credit, total.currency),
            "balanced": total.debit == total.credit,
        })).collect::<Vec<_>>(),
    })
}

/// What is in a seller's pockets, with all of it together.
fn pockets_view(pockets: Pockets, currency: Currency) -> Value {
    let text = |minor| minor_text(minor, currency);
    json!({
        "pending": text(pockets.pending),
        "available": text(pockets.available),
        "paying_out": text(pockets.paying_out),
        "reserved": text(pockets.reserved),
        "total": pockets.total().map(text),
    })
}

/// One line of a seller's statement.
#[must_use]
pub fn statement_line(entry: &Entry, currency: Currency) -> Value {
    json!({
        "journal": entry.journal,
        "kind": entry.kind,
        "source": entry.source_id,
        "payment": entry.payment,
        "created_at": entry.created_at,
        "change": pockets_view(entry.change, currency),
    })
}

/// The sums of a statement.
#[must_use]
pub fn summary_view(summary: &Summary, currency: Currency) -> Value {
    let text = |minor| minor_text(minor, currency);
    json!({
        "opening": pockets_view(summary.opening, currency),
        "changes": pockets_view(summary.changes, currency),
        "closing": pockets_view(summary.closing, currency),
        "unexplained": pockets_view(summary.unexplained, currency),
        "lines": summary.count,
        "payouts": summary.payouts.iter().map(|payout| json!({
            "source": payout.source_id,
            "journal": payout.journal,
            "created_at": payout.asked_at,
            "carried_in": text(payout.carried),
            "lines": text(payout.lines),
            "line_count": payout.count,
            "amount": text(payout.amount),
            "remainder": text(payout.remainder),
        })).collect::<Vec<_>>(),
    })
}

/// A page of a seller's statement.
#[must_use]
pub fn statement_view(tenant: &Tenant, period: &Period, summary: &Summary, slice: &Slice<Entry>) -> Value {
    let mut view = summary_view(summary, period.currency);
    if let Some(view) = view.as_object_mut() {
        view.insert("object".into(), "seller_statement".into());
        view.insert("livemode".into(), tenant.mode.is_live().into());
        view.insert("seller".into(), json!(period.seller));
        view.insert("currency".into(), json!(period.currency));
        view.insert("from".into(), json!(period.from));
        view.insert("to".into(), json!(period.to));
        view.insert("url".into(), format!("/v1/sellers/{}/statement", period.seller).into());
        view.insert("has_more".into(), slice.has_more.into());
        let lines = slice.items.iter().map(|entry| statement_line(entry, period.currency));
        view.insert("data".into(), lines.collect());
    }
    view
}

fn decimal(minor: i128, exponent: u32) -> String {
    Decimal::from_i128_with_scale(minor, exponent).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{JournalId, MerchantId, Mode, SellerId};

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
