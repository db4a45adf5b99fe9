//! The statement as a file: camt.053.001.08, one `Stmt` per currency of the account.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;
use quick_xml::escape::escape;
use rust_decimal::Decimal;

use super::store::{Entry, Opening};
use crate::words::Currency;

/// The account of a gateway that has not moved any money yet is in this currency.
const FIRST_CURRENCY: &str = "KRW";
/// The day before the first statement, from which they are counted.
const EPOCH: Date = jiff::civil::date(2020, 1, 1);

/// The statement of a day. Opening balances and entries come in any order of currencies.
pub fn written(date: Date, openings: &[Opening], entries: &[Entry]) -> String {
    let mut accounts: BTreeMap<&str, (i64, Vec<&Entry>)> = BTreeMap::new();
    for opening in openings {
        accounts.entry(&opening.currency).or_default().0 = opening.balance;
    }
    for entry in entries {
        accounts.entry(&entry.currency).or_default().1.push(entry);
    }
    if accounts.is_empty() {
        accounts.insert(FIRST_CURRENCY, (0, Vec::new()));
    }
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    xml.push_str("\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\n");
    let made = format!("{date}T23:59:59+09:00");
    let _ = writeln!(xml, "<GrpHdr><MsgId>SIMBANK-{date}</MsgId><CreDtTm>{made}</CreDtTm></GrpHdr>");
    for (code, (opening, entries)) in accounts {
        statement(&mut xml, date, code, opening, &entries);
    }
    xml.push_str("</BkToCstmrStmt></Document>\n");
    xml
}

fn statement(xml: &mut String, date: Date, code: &str, opening: i64, entries: &[&Entry]) {
    let closing = entries.iter().fold(opening, |sum, entry| sum.saturating_add(entry.amount));
    let sequence = EPOCH.until(date).map_or(0, |span| span.get_days());
    // A statement of a day that is not over grows, so its name says how far it goes.
    let count = entries.len();
    let _ = writeln!(xml, "<Stmt><Id>SIMBANK-{date}-{code}-{count}</Id><ElctrncSeqNb>{sequence}</ElctrncSeqNb>");
    let _ = writeln!(xml, " <CreDtTm>{date}T23:59:59+09:00</CreDtTm>");
    let _ = writeln!(xml, " <Acct><Id><Othr><Id>110-000-{code}</Id></Othr></Id><Ccy>{code}</Ccy></Acct>");
    for (kind, minor) in [("OPBD", opening), ("CLBD", closing)] {
        let (amount, sign) = (major(minor, code), sign(minor));
        let _ = writeln!(
            xml,
            " <Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy=\"{code}\">{amount}</Amt>\
             <CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{date}</Dt></Dt></Bal>"
        );
    }
    for (number, entry) in (1_u64..).zip(entries) {
        booked(xml, date, number, entry);
    }
    xml.push_str("</Stmt>\n");
}

fn booked(xml: &mut String, date: Date, number: u64, entry: &Entry) {
    let (amount, sign, code) = (major(entry.amount, &entry.currency), sign(entry.amount), &entry.currency);
    let incoming = entry.amount >= 0;
    let (family, sub) = match entry.kind.as_str() {
        "psp_payout" if !incoming => ("RDDT", "OTHR"),
        "seller_return" => ("ICDT", "RRTN"),
        _ if incoming => ("RCDT", "DMCT"),
        _ => ("ICDT", "DMCT"),
    };
    let (id, end_to_end, words) = (escape(&entry.id), escape(&entry.end_to_end), escape(&entry.words));
    let (party, other) = (escape(&entry.party), if incoming { "Dbtr" } else { "Cdtr" });
    let returned = if entry.kind == "seller_return" { "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>" } else { "" };
    let _ = writeln!(
        xml,
        " <Ntry><NtryRef>{number}</NtryRef><Amt Ccy=\"{code}\">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>\
         <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{date}</Dt></BookgDt><ValDt><Dt>{date}</Dt></ValDt>\
         <AcctSvcrRef>{id}</AcctSvcrRef>\n  \
         <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn></BkTxCd>\n  \
         <NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>\
         <RltdPties><{other}><Pty><Nm>{party}</Nm></Pty></{other}></RltdPties>\
         <RmtInf><Ustrd>{words}</Ustrd></RmtInf>{returned}</TxDtls></NtryDtls></Ntry>"
    );
}

fn sign(minor: i64) -> &'static str {
    if minor < 0 { "DBIT" } else { "CRDT" }
}

/// The amount without its sign, with the currency's decimals.
fn major(minor: i64, code: &str) -> String {
    let exponent = Currency::parse(code).map_or(0, Currency::exponent);
    Decimal::new(minor.saturating_abs(), exponent).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, kind: &str, amount: i64, words: &str) -> Entry {
        Entry {
            id: id.to_owned(),
            kind: kind.to_owned(),
            end_to_end: format!("e2e-{id}"),
            words: words.to_owned(),
            party: "Simulated PSP".to_owned(),
            currency: "USD".to_owned(),
            amount,
        }
    }

    #[test]
    fn balances_and_entries_add_up_and_texts_are_escaped() {
        let openings = [Opening { currency: "USD".to_owned(), balance: -150 }];
        let entries =
            [entry("BNKP1", "psp_payout", 10_005, "<a> & b"), entry("BNKS1", "seller_payout", -5, "PAYOUT out_1")];
        let xml = written(jiff::civil::date(2025, 10, 10), &openings, &entries);
        for wanted in [
            "<Amt Ccy=\"USD\">1.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>",
            "<Amt Ccy=\"USD\">98.50</Amt><CdtDbtInd>CRDT</CdtDbtInd>",
            "<Amt Ccy=\"USD\">100.05</Amt><CdtDbtInd>CRDT</CdtDbtInd>",
            "<Amt Ccy=\"USD\">0.05</Amt><CdtDbtInd>DBIT</CdtDbtInd>",
            "<Ustrd>&lt;a&gt; &amp; b</Ustrd>",
            "<ElctrncSeqNb>2109</ElctrncSeqNb>",
        ] {
            assert!(xml.contains(wanted), "{wanted} in {xml}");
        }
        let mut reader = quick_xml::Reader::from_str(&xml);
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    }

    #[test]
    fn an_account_that_nothing_has_moved_has_a_statement_too() {
        let xml = written(jiff::civil::date(2025, 10, 10), &[], &[]);
        assert!(xml.contains("<Amt Ccy=\"KRW\">0</Amt><CdtDbtInd>CRDT</CdtDbtInd>"), "{xml}");
    }
}
