//! From what a merchant asks to what can be opened: every rule in one place, each refusal naming its field.

use std::collections::BTreeMap;
use std::time::Duration;

use super::line::times;
use super::session::{Capture, Language};
use super::{Asked, AskedLine, Fault, place};
use crate::words::{Currency, Money, SellerId};

const MAX_LINES: usize = 100;
const MAX_TEXT: usize = 200;
const MAX_QUANTITY: i64 = 10_000;
/// Ten digits of minor units: above what any card is good for, far below what sums can hold.
const MAX_TOTAL: i64 = 9_999_999_999;
const MAX_EMAIL: usize = 254;
const EXPIRES_IN: std::ops::RangeInclusive<i64> = 1_800..=86_400;
const DEFAULT_EXPIRES_IN: i64 = 3_600;

/// A session that may be opened: all of it checked but whether its sellers exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// What is bought.
    pub line_items: Vec<NewLine>,
    /// The sum of the lines.
    pub amount: Money,
    /// The platform's part of it.
    pub application_fee: Option<Money>,
    /// Where the shopper goes after paying.
    pub success_url: String,
    /// Where the shopper goes who would rather not pay.
    pub cancel_url: Option<String>,
    /// The merchant's own name for the order.
    pub reference: Option<String>,
    /// The shopper's address.
    pub customer_email: Option<String>,
    /// The page's language.
    pub language: Language,
    /// Whether approval takes the money at once.
    pub capture: Capture,
    /// Whether the card is kept when it has paid.
    pub save_payment_method: bool,
    /// Until its time is over.
    pub expires_in: Duration,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
}

/// One position, its seller not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// What the shopper reads.
    pub name: String,
    /// The price of one.
    pub unit_amount: Money,
    /// 1 to 10 000.
    pub quantity: i64,
    /// Unit price times quantity.
    pub amount: Money,
    /// The merchant itself when absent.
    pub seller: Option<SellerId>,
}

impl NewSession {
    /// Checks everything that can be checked without looking anything up. All broken rules are told at once.
    pub fn check(asked: Asked) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let currency = faults.take("currency", currency(&asked.currency));
        let lines = currency.and_then(|currency| lines(&asked.line_items, currency, &mut faults));
        let amount = lines.as_deref().and_then(|lines| faults.take("line_items", total(lines)));
        let fee = match (&asked.application_fee, amount) {
            (Some(text), Some(amount)) => faults.take("application_fee", fee(text, amount)),
            _ => None,
        };
        faults.take("success_url", place::check(&asked.success_url));
        if let Some(url) = &asked.cancel_url {
            faults.take("cancel_url", place::check(url));
        }
        if let Some(reference) = &asked.reference {
            faults.take("reference", text(reference));
        }
        if let Some(email) = &asked.customer_email {
            faults.take("customer_email", email_address(email));
        }
        let language = faults.take("locale", language(asked.locale.as_deref()));
        let capture = faults.take("capture", capture(asked.capture.as_deref()));
        let expires_in = faults.take("expires_in", expires_in(asked.expires_in));
        let metadata = asked.metadata.unwrap_or_default();
        check_metadata(&metadata, &mut faults);

        match (lines, amount, language, capture, expires_in) {
            (Some(line_items), Some(amount), Some(language), Some(capture), Some(expires_in))
                if faults.0.is_empty() =>
            {
                Ok(Self {
                    line_items,
                    amount,
                    application_fee: fee,
                    success_url: asked.success_url,
                    cancel_url: asked.cancel_url,
                    reference: asked.reference,
                    customer_email: asked.customer_email,
                    language,
                    capture,
                    save_payment_method: asked.save_payment_method.unwrap_or_default(),
                    expires_in,
                    metadata,
                })
            }
            _ => Err(faults.0),
        }
    }
}

/// The broken rules found so far.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn take<T>(&mut self, param: impl Into<String>, checked: Result<T, impl Into<String>>) -> Option<T> {
        checked.map_err(|rule| self.0.push(Fault::new(param, rule))).ok()
    }
}

fn currency(code: &str) -> Result<Currency, &'static str> {
    Currency::parse(code).map_err(|_| "must be a currency of ISO 4217 in three upper-case letters, such as \"KRW\"")
}

fn lines(asked: &[AskedLine], currency: Currency, faults: &mut Faults) -> Option<Vec<NewLine>> {
    if asked.is_empty() || asked.len() > MAX_LINES {
        faults.0.push(Fault::new("line_items", format!("must have 1 to {MAX_LINES} items")));
        return None;
    }
    let lines: Vec<_> = asked.iter().enumerate().filter_map(|(at, item)| line(at, item, currency, faults)).collect();
    (lines.len() == asked.len()).then_some(lines)
}

fn line(at: usize, asked: &AskedLine, currency: Currency, faults: &mut Faults) -> Option<NewLine> {
    let param = |field: &str| format!("line_items[{at}].{field}");
    let name = faults.take(param("name"), text(&asked.name));
    let unit = faults.take(param("unit_amount"), Money::parse(&asked.unit_amount, currency).map_err(|e| e.to_string()));
    let quantity = faults.take(param("quantity"), quantity(asked.quantity));
    let seller = faults.take(param("seller"), asked.seller.as_deref().map(seller).transpose());
    let (unit_amount, quantity) = (unit?, quantity?);
    let amount = faults.take(
        param("unit_amount"),
        times(unit_amount, quantity).ok_or("is too large: times the quantity it is more than an amount can hold"),
    );
    name?;
    Some(NewLine { name: asked.name.clone(), unit_amount, quantity, amount: amount?, seller: seller? })
}

fn quantity(quantity: i64) -> Result<i64, String> {
    if (1..=MAX_QUANTITY).contains(&quantity) {
        return Ok(quantity);
    }
    Err(format!("must be a whole number from 1 to {MAX_QUANTITY}"))
}

fn seller(text: &str) -> Result<SellerId, &'static str> {
    SellerId::parse(text).map_err(|_| "must be the id of one of your sellers (sel_...)")
}

fn total(lines: &[NewLine]) -> Result<Money, String> {
    let too_large = || format!("must total at most {MAX_TOTAL} minor units of the currency");
    let mut sum = lines.first().map(|line| line.amount).ok_or_else(too_large)?;
    for line in lines.iter().skip(1) {
        sum = sum.checked_add(line.amount).ok_or_else(too_large)?;
    }
    match sum.minor() {
        0 => Err("must total more than zero".to_owned()),
        1..=MAX_TOTAL => Ok(sum),
        _ => Err(too_large()),
    }
}

fn fee(text: &str, amount: Money) -> Result<Money, String> {
    let fee = Money::parse(text, amount.currency()).map_err(|e| e.to_string())?;
    if fee.minor() > amount.minor() {
        return Err(format!("must be at most the session's amount, {amount}"));
    }
    Ok(fee)
}

fn text(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.chars().count() > MAX_TEXT {
        return Err(format!("must have 1 to {MAX_TEXT} characters"));
    }
    if text.chars().any(is_unseen) {
        return Err("must not contain control characters or marks that turn the direction of text".to_owned());
    }
    Ok(())
}

/// Controls, and the bidirectional marks by which a text can read as something else than it is.
fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn email_address(text: &str) -> Result<(), &'static str> {
    const RULE: &str = "must be an e-mail address such as \"name@example.com\"";
    let (local, domain) = text.rsplit_once('@').ok_or(RULE)?;
    let plain = |c: char| !c.is_whitespace() && !is_unseen(c) && !"<>()[]\\,;:\"@".contains(c);
    let label = |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-');
    let fits = text.len() <= MAX_EMAIL && (1..=64).contains(&local.len());
    if fits
        && local.chars().all(plain)
        && domain.contains('.')
        && domain.split('.').all(label)
        && domain.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.')
    {
        return Ok(());
    }
    Err(RULE)
}

fn language(asked: Option<&str>) -> Result<Language, &'static str> {
    Language::parse(asked.unwrap_or("auto")).ok_or("must be \"ko\", \"en\" or \"auto\"")
}

fn capture(asked: Option<&str>) -> Result<Capture, &'static str> {
    Capture::parse(asked.unwrap_or("automatic")).ok_or("must be \"automatic\" or \"manual\"")
}

fn expires_in(asked: Option<i64>) -> Result<Duration, String> {
    let seconds = asked.unwrap_or(DEFAULT_EXPIRES_IN);
    let rule = || format!("must be from {} to {} seconds", EXPIRES_IN.start(), EXPIRES_IN.end());
    if !EXPIRES_IN.contains(&seconds) {
        return Err(rule());
    }
    u64::try_from(seconds).map(Duration::from_secs).map_err(|_| rule())
}

fn check_metadata(metadata: &BTreeMap<String, String>, faults: &mut Faults) {
    if metadata.len() > 50 {
        faults.0.push(Fault::new("metadata", "must have at most 50 entries"));
        return;
    }
    for (name, value) in metadata {
        if name.is_empty() || name.chars().count() > 40 {
            faults.0.push(Fault::new("metadata", "must have names of 1 to 40 characters"));
        } else if value.chars().count() > 500 {
            faults.0.push(Fault::new(format!("metadata.{name}"), "must have at most 500 characters"));
        }
    }
}

#[cfg(test)]
mod tests;
