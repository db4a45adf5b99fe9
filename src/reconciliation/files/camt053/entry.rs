//! One entry of a statement: a line, or as many lines as it has transactions with amounts of their own.

use jiff::civil::{Date, DateTime};

use super::leaves::Leaves;
use crate::config::reconciliation::Source;
use crate::reconciliation::calendar::Calendar;
use crate::reconciliation::files::amount::{major, shown};
use crate::reconciliation::files::bounded::LARGEST_FIELD;
use crate::reconciliation::files::refused::Refused;
use crate::reconciliation::files::taken::Out;
use crate::reconciliation::files::tosspayments::day;
use crate::reconciliation::line::{Line, LineKind, References, Side};
use crate::words::{Currency, Timestamp};

/// The fields in which a reference may stand, by the names that settings use, in the order of the search when they name none.
const FIELDS: &[&str] = &[
    "EndToEndId",
    "InstrId",
    "TxId",
    "PmtInfId",
    "MsgId",
    "UETR",
    "AcctOwnrTxId",
    "ClrSysRef",
    "Ref",
    "Ustrd",
    "AddtlTxInf",
    "AddtlNtryInf",
    "SplmtryData",
    "Nm",
    "NtryRef",
    "AcctSvcrRef",
];
/// Texts that are kept of a line.
const MOST_TEXTS: usize = 50;

/// Where an entry stands.
pub struct Of<'a> {
    pub source: &'a Source,
    pub calendar: &'a Calendar,
    pub account: &'a str,
    pub statement: &'a str,
    pub currency: Currency,
    /// Which entry of the file, from 1.
    pub row: u64,
    /// Which entry of its statement, from 1.
    pub number: u64,
}

impl Of<'_> {
    fn refuse(&self, field: &str, reason: impl Into<String>) -> Refused {
        Refused::field(self.row, field, reason)
    }
}

/// The settings name only fields that a statement has.
pub fn known_fields(source: &Source) -> Result<(), Refused> {
    match source.reference_fields.iter().find(|name| !FIELDS.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let reason = format!("the source's reference_fields name it; known are {}", FIELDS.join(", "));
            Err(Refused::whole(unknown, reason))
        }
    }
}

/// Reads an entry, and gives its signed amount in minor units; none when it is not booked.
pub fn read(of: &Of<'_>, leaves: &Leaves, out: &mut Out<'_>) -> Result<Option<i64>, Refused> {
    // Version 02 has the code in the element itself, later ones one level below.
    let status = leaves.at(0, "Sts/Cd").or_else(|| leaves.at(0, "Sts")).unwrap_or_default();
    match status {
        "BOOK" => {}
        "PDNG" | "INFO" | "FUTR" => return Ok(None),
        other => return Err(of.refuse("Sts", format!("{other:.40?} is neither booked nor to come"))),
    }
    let amount = signed(of, leaves, 0)?.ok_or_else(|| of.refuse("Amt", "nothing stands here"))?;
    let count = leaves.transactions();
    let parts: Option<Vec<i64>> =
        (1..=count).map(|it| signed(of, leaves, it).transpose()).collect::<Option<Result<_, _>>>().transpose()?;
    let sum = parts.as_ref().and_then(|parts| parts.iter().try_fold(0_i64, |sum, part| sum.checked_add(*part)));
    match parts {
        Some(parts) if parts.len() > 1 && sum == Some(amount) => {
            for (transaction, part) in (1_usize..).zip(parts) {
                out.line(line(of, leaves, transaction, part)?)?;
            }
        }
        // One transaction is the entry; several without amounts that come to it cannot be told apart.
        _ => out.line(line(of, leaves, usize::from(count == 1), amount)?)?,
    }
    Ok(Some(amount))
}

/// The amount of an entry (0) or of one of its transactions, with its direction's sign.
fn signed(of: &Of<'_>, leaves: &Leaves, transaction: usize) -> Result<Option<i64>, Refused> {
    let path = |name: &str| if transaction == 0 { name.to_owned() } else { format!("NtryDtls/TxDtls/{name}") };
    let Some(text) = leaves
        .at(transaction, &path("Amt"))
        .or_else(|| leaves.at(transaction, &path("AmtDtls/TxAmt/Amt")).filter(|_| transaction > 0))
    else {
        return Ok(None);
    };
    let code = leaves
        .at(transaction, &path("Amt@Ccy"))
        .or_else(|| leaves.at(transaction, &path("AmtDtls/TxAmt/Amt@Ccy")).filter(|_| transaction > 0));
    let code = code.ok_or_else(|| of.refuse("Amt", "an amount without a currency"))?;
    if code != of.currency.code() {
        // A transaction's own currency is told beside the entry's, which is the account's.
        let told = if transaction == 0 {
            Err(of.refuse("Amt", format!("in {code:.20}, of an account in {}", of.currency)))
        } else {
            Ok(None)
        };
        return told;
    }
    let amount = major(text, of.currency).map_err(|reason| of.refuse("Amt", reason))?;
    if amount < 0 {
        return Err(
            of.refuse("Amt", format!("{} is below zero; the direction is CdtDbtInd", shown(amount, of.currency)))
        );
    }
    let direction = leaves.at(transaction, &path("CdtDbtInd")).or_else(|| leaves.at(0, "CdtDbtInd"));
    match direction {
        Some("CRDT") => Ok(Some(amount)),
        Some("DBIT") => Ok(amount.checked_neg()),
        _ => Err(of.refuse("CdtDbtInd", "neither CRDT nor DBIT")),
    }
}

fn line(of: &Of<'_>, leaves: &Leaves, transaction: usize, amount: i64) -> Result<Line, Refused> {
    let reversal = leaves.at(0, "RvslInd") == Some("true") || leaves.at(0, "RvslInd") == Some("1");
    let (occurred_at, business_date) = when(of, leaves)?;
    let within = |name: &str| leaves.at(transaction, &format!("NtryDtls/TxDtls/{name}"));
    let end_to_end = within("Refs/EndToEndId").filter(|text| *text != "NOTPROVIDED");
    let presented = presented(of, leaves, transaction, amount);
    Ok(Line {
        number: of.row,
        identity: identity(of, leaves, transaction, amount, reversal),
        side: Side::Bank,
        kind: LineKind::BankEntry,
        occurred_at,
        business_date,
        currency: of.currency,
        gross: amount,
        fee: 0,
        net: amount,
        presented,
        reversal,
        references: References {
            psp_payment: None,
            psp_movement: reference(leaves, "AcctSvcrRef").map(str::to_owned),
            our_key: None,
            ours: end_to_end.map(str::to_owned),
            batch: leaves.at(0, "NtryDtls/Btch/PmtInfId").map(str::to_owned),
            texts: texts(of, leaves, transaction),
        },
        raw: leaves.raw(transaction),
    })
}

/// Words with which banks say that they have no reference.
const NO_REFERENCE: &[&str] = &["NONREF", "NOTPROVIDED", "NOREF", "NONE"];

/// A reference of the bank's, when it says something.
fn reference<'l>(leaves: &'l Leaves, name: &str) -> Option<&'l str> {
    let says_nothing = |text: &str| {
        NO_REFERENCE.iter().any(|word| word.eq_ignore_ascii_case(text)) || text.bytes().all(|byte| byte == b'0')
    };
    leaves.at(0, name).filter(|text| !says_nothing(text))
}

/// The bank's own reference; without one, the place in the statement. The direction belongs to it, for a bank may give an entry
/// and its reversal one reference.
fn identity(of: &Of<'_>, leaves: &Leaves, transaction: usize, amount: i64, reversal: bool) -> String {
    let direction = if amount < 0 { "DBIT" } else { "CRDT" };
    let reversal = if reversal { "/reversal" } else { "" };
    let part = if leaves.transactions() > 1 { format!("/{transaction}") } else { String::new() };
    let own = reference(leaves, "AcctSvcrRef").map_or_else(
        || {
            format!(
                "{}/{}",
                of.statement,
                reference(leaves, "NtryRef").map_or_else(|| format!("#{}", of.number), str::to_owned)
            )
        },
        str::to_owned,
    );
    format!("{}/{own}/{direction}{reversal}{part}", of.account)
}

/// The booking date; the instant too, where the bank tells it.
fn when(of: &Of<'_>, leaves: &Leaves) -> Result<(Option<Timestamp>, Date), Refused> {
    let bad = |name: &str, text: &str| of.refuse(name, format!("{text:.40?} is no date or time"));
    for name in ["BookgDt", "ValDt"] {
        if let Some(text) = leaves.at(0, &format!("{name}/Dt")) {
            // A date may carry a zone of its own, as in 2025-10-10+09:00, which changes nothing about which day it is.
            let date = text.get(..10).and_then(day).ok_or_else(|| bad(name, text))?;
            return Ok((None, date));
        }
        if let Some(text) = leaves.at(0, &format!("{name}/DtTm")) {
            let with_zone = Timestamp::parse(text);
            let local = || text.parse::<DateTime>().ok().and_then(|local| of.calendar.instant(local));
            let at = with_zone.or_else(local).ok_or_else(|| bad(name, text))?;
            let date = of.calendar.day_of(at).ok_or_else(|| bad(name, text))?;
            return Ok((Some(at), date));
        }
    }
    Err(of.refuse("BookgDt", "neither a booking date nor a value date"))
}

/// The amounts that a bank may tell of a transaction beside the entry's: what was instructed, what it was in, what that came to.
const AMOUNTS: [&str; 3] = ["AmtDtls/InstdAmt/Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt"];

/// What was exchanged for the entry, when that was in another currency. Nothing when what is told of it is not one amount, or when
/// what it came to is not the entry: something was kept on the way then, and that is no exchange.
fn presented(of: &Of<'_>, leaves: &Leaves, transaction: usize, amount: i64) -> Option<(Currency, i64)> {
    let text = |name: &str| {
        let within = leaves.at(transaction, &format!("NtryDtls/TxDtls/{name}"));
        within.or_else(|| leaves.at(0, name).filter(|_| name.starts_with("AmtDtls/")))
    };
    let mut exchanged = None;
    for name in AMOUNTS.into_iter().chain(["Amt"]) {
        let (Some(minor), Some(code)) = (text(name), text(&format!("{name}@Ccy"))) else { continue };
        let currency = Currency::parse(code).ok()?;
        let minor = major(minor, currency).ok()?;
        let told = (currency, if amount < 0 { minor.checked_neg()? } else { minor });
        let fits = if currency == of.currency { told.1 == amount } else { *exchanged.get_or_insert(told) == told };
        if !fits {
            return None;
        }
    }
    exchanged
}

/// Every text in which a reference may stand, in the order of the search.
fn texts(of: &Of<'_>, leaves: &Leaves, transaction: usize) -> Vec<String> {
    let named: Vec<&str> = of.source.reference_fields.iter().map(String::as_str).collect();
    let fields = if named.is_empty() { FIELDS } else { &named };
    let mut texts: Vec<String> = Vec::new();
    for field in fields {
        for leaf in leaves.of(transaction) {
            let ours = if *field == "SplmtryData" {
                leaf.path.contains("SplmtryData/")
            } else {
                leaf.path.rsplit('/').next() == Some(field)
            };
            let useful =
                ours && leaf.text != "NOTPROVIDED" && leaf.text.len() <= LARGEST_FIELD && texts.len() < MOST_TEXTS;
            if useful && !texts.contains(&leaf.text) {
                texts.push(leaf.text.clone());
            }
        }
    }
    texts
}
