//! What makes each parser refuse a file, and where it says that the fault is.

use super::{ADYEN, CAMT, MAPPED, SIMULATOR, STRIPE, TOSS, refusal, samples, source};
use crate::config::reconciliation::Format::{self, Adyen, Camt053, Csv, Simulator, Stripe, Tosspayments};

/// A change of a sound file, and where it is seen: the row, the field, and a word of the reason.
type Case = (Format, &'static str, &'static str, &'static str, Option<u64>, Option<&'static str>, &'static str);

const CASES: &[Case] = &[
    // Columns that nobody knows, that are missing, or that stand there twice.
    (Stripe, STRIPE, "source_id", "sauce_id", None, Some("sauce_id"), "no such column"),
    (Stripe, STRIPE, "gross,fee", "gross,charge_id", None, Some("fee"), "missing"),
    (Stripe, STRIPE, "source_id", "gross", None, Some("gross"), "two columns"),
    (Adyen, ADYEN, "Reserved10", "Reserved11", None, Some("Reserved11"), "no such column"),
    (Adyen, ADYEN, "Batch Number", "ARN", None, Some("Batch Number"), "missing"),
    (Tosspayments, TOSS, "\"orderId\"", "\"ordered\"", Some(1), Some("ordered"), "no such field"),
    (Simulator, SIMULATOR, "\"key\":\"re_1\"", "\"cle\":\"re_1\"", Some(2), Some("cle"), "no such field"),
    (Simulator, SIMULATOR, "\"closed\"", "\"clothed\"", None, Some("clothed"), "no such field"),
    (Csv, MAPPED, "Notiz", "Notizen", None, Some("Notizen"), "no such column"),
    // Sums of a row.
    (Stripe, STRIPE, "100.00,3.20,96.80", "100.00,3.20,96.90", Some(1), Some("net"), "is not net 96.90 USD"),
    (Adyen, ADYEN, "51.64", "51.65", Some(1), Some("net"), "is not net"),
    (Adyen, ADYEN, "5.43", "5.53", Some(2), Some("Exchange Rate"), "is not net and fees"),
    (Tosspayments, TOSS, "14505", "14504", Some(1), Some("net"), "is not net"),
    (Tosspayments, TOSS, "\"fee\": 495", "\"fee\": 494", Some(1), Some("fees"), "come to"),
    (
        Tosspayments,
        TOSS,
        "\"cancelAmount\": 5000",
        "\"cancelAmount\": 4000",
        Some(2),
        Some("cancelAmount"),
        "the row is over",
    ),
    (Simulator, SIMULATOR, "14565", "14566", Some(1), Some("net"), "is not net"),
    (Csv, MAPPED, "1.096,80", "1.096,81", Some(1), Some("net"), "is not net"),
    // Sums of a batch, a day or a statement.
    (Stripe, STRIPE, "-31.80,0.00,-31.80", "-31.00,0.00,-31.00", None, Some("net"), "po_1"),
    (Adyen, ADYEN, "26.77", "26.78", None, Some("Net Credit (NC)"), "batch ShopCoCOM/7"),
    (Simulator, SIMULATOR, "\"count\":1,", "\"count\":2,", Some(4), None, "list changed"),
    (Camt053, CAMT, ">1036300<", ">1036301<", None, Some("Bal"), "closing 1036301 KRW"),
    // Currencies.
    (Stripe, STRIPE, ",usd,100.00", ",usx,100.00", Some(1), Some("currency"), "ISO 4217"),
    (Stripe, STRIPE, "2025-10-07 01:00:00,usd", "2025-10-07 01:00:00,eur", Some(2), Some("currency"), "is in USD"),
    (Adyen, ADYEN, "1,USD,1.00", "1,EUR,1.00", Some(3), Some("Net Currency"), "is in USD"),
    (Tosspayments, TOSS, "\"USD\"", "\"USDT\"", Some(3), Some("currency"), "ISO 4217"),
    (Camt053, CAMT, "<Amt Ccy=\"KRW\">38610", "<Amt Ccy=\"JPY\">38610", Some(1), Some("Amt"), "of an account in KRW"),
    (Camt053, CAMT, "<Amt Ccy=\"KRW\">1036300", "<Amt Ccy=\"JPY\">1036300", None, Some("Bal"), "of an account in KRW"),
    // Amounts that the currency does not have, and what is no amount.
    (Stripe, STRIPE, "15000,435,14565", "15000.5,435.5,14565", Some(5), Some("gross"), "decimals"),
    (Stripe, STRIPE, "3.20", "3.2O", Some(1), Some("fee"), "no decimal number"),
    (Tosspayments, TOSS, "12.34,", "12.345,", Some(3), Some("amount"), "decimals"),
    (Simulator, SIMULATOR, "\"gross\":15000", "\"gross\":15000.0", Some(1), Some("gross"), "whole number"),
    (Camt053, CAMT, ">38610<", ">38610.50<", Some(1), Some("Amt"), "decimals"),
    (Camt053, CAMT, ">38610<", ">-38610<", Some(1), Some("Amt"), "below zero"),
    // What must stand somewhere and does not.
    (Stripe, STRIPE, "txn_3", "", Some(3), Some("balance_transaction_id"), "nothing stands here"),
    (
        Tosspayments,
        TOSS,
        "\"transactionKey\": \"tk_3\"",
        "\"transactionKey\": null",
        Some(3),
        Some("transactionKey"),
        "nothing",
    ),
    (Adyen, ADYEN, "51.64", "", Some(1), Some("Net Credit (NC)"), "neither"),
    (Csv, MAPPED, "2;07", ";07", Some(2), Some("Nr"), "nothing stands here"),
    (Camt053, CAMT, "<Cd>CLBD</Cd>", "<Cd>CLAV</Cd>", None, Some("Bal"), "no booked closing"),
    (Camt053, CAMT, "<Cd>OPBD</Cd>", "<Cd>XPCN</Cd>", None, Some("Bal"), "no booked opening"),
    (Camt053, CAMT, "<CdtDbtInd>CRDT</CdtDbtInd><Sts>", "<Sts>", Some(1), Some("CdtDbtInd"), "neither"),
    (Camt053, CAMT, "<Sts><Cd>PDNG", "<Sts><Cd>WHAT", Some(3), Some("Sts"), "neither booked"),
    // What a database could not keep or find again.
    (Stripe, STRIPE, "ch_1,", "ch\0,", Some(1), Some("the PSP's movement"), "none"),
    (Stripe, STRIPE, "txn_1,", "txn\0,", Some(1), None, "NUL"),
    (Stripe, STRIPE, "2025-10-06 01:00:00", "-000001-10-06 01:00:00", Some(1), None, "outside the years"),
    // Dates.
    (Stripe, STRIPE, "2025-10-07 02:00:00", "07.10.2025 02:00", Some(3), Some("created_utc"), "no time"),
    (Adyen, ADYEN, "2025-10-07 11:00:00", "2025-10-37 11:00:00", Some(4), Some("Creation Date"), "no time"),
    (
        Tosspayments,
        TOSS,
        "\"soldDate\": \"2025-10-09\"",
        "\"soldDate\": \"20251009\"",
        Some(1),
        Some("soldDate"),
        "no day",
    ),
    (Camt053, CAMT, "<BookgDt><Dt>2025-10-10", "<BookgDt><Dt>2025-02-30", Some(1), Some("BookgDt"), "no date"),
    (Csv, MAPPED, "06.10.2025", "2025-10-06", Some(1), Some("Datum"), "no day"),
    // XML that is more than data.
    (Camt053, CAMT, "<Document ", "<!DOCTYPE Document [<!ENTITY a \"b\">]><Document ", None, None, "document type"),
    (Camt053, CAMT, "&amp;", "&a;", Some(1), None, "entity"),
    (Camt053, CAMT, "UTF-8", "ISO-8859-1", None, None, "UTF-8"),
    (Camt053, CAMT, "</Stmt>", "</Stmt><Stmt></Stmt>", None, Some("Bal"), "no booked"),
    (Camt053, CAMT, "</Ntry>", "</Entry>", Some(1), None, "not XML"),
    (Camt053, CAMT, "</Document>", "</Document><Document/>", Some(3), None, "more in it"),
    (Camt053, CAMT, "BkToCstmrStmt", "BkToCstmrNtfctn", None, None, "not a camt.053"),
];

#[test]
fn the_row_and_the_field_are_named() {
    for (format, sound, was, is, row, field, reason) in CASES {
        // The first place alone, and in the second case, where both ends must change, all of them.
        let everywhere = matches!(*was, "BkToCstmrStmt");
        let broken = if everywhere { sound.replace(was, is) } else { sound.replacen(was, is, 1) };
        assert_ne!(&broken, sound, "{was} does not stand in the sample");
        let refused = refusal(&source(*format), &broken);
        assert_eq!((refused.row, refused.field.as_deref()), (*row, *field), "{format:?} {was} -> {is}: {refused}");
        assert!(refused.reason.contains(reason), "{format:?} {was} -> {is}: {refused}");
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    for (source, text) in samples() {
        let whole = text.trim_end();
        for (end, _) in whole.char_indices().skip(1).step_by(3) {
            let cut = &whole[..end];
            let taken = super::read(&source, cut.as_bytes(), &mut |_| ()).is_ok();
            // Between two rows of a CSV file nothing shows that there were more, unless they add up: after a payout they do.
            let unseen = cut.ends_with('\n') && matches!(source.format, Csv | Stripe);
            assert!(!taken || unseen, "{:?} cut at {end} was taken", source.format);
        }
    }
}

#[test]
fn rows_that_are_left_out_are_missed() {
    for (source, text) in samples() {
        let summed = matches!(source.format, Stripe | Adyen);
        if !summed {
            continue;
        }
        let rows: Vec<&str> = text.lines().collect();
        for left_out in 1..rows.len() {
            let mut fewer = rows.clone();
            fewer.remove(left_out);
            let text = fewer.join("\n") + "\n";
            let taken = super::read(&source, text.as_bytes(), &mut |_| ()).is_ok();
            assert!(!taken, "{:?} without row {left_out} was taken", source.format);
        }
    }
    let without = SIMULATOR.replacen("{\"batch\":\"sba_2025-10-10_USD\"", "{\"batch\":\"x\"", 1);
    let start = without.find("{\"batch\":\"x\"").unwrap();
    let end = start + without[start..].find("},\n").unwrap() + 3;
    let refused = refusal(&source(Simulator), &format!("{}{}", &without[..start], &without[end..]));
    assert_eq!(refused.field.as_deref(), Some("totals"), "{refused}");
}

#[test]
fn a_statement_that_does_not_begin_where_the_former_ended() {
    let (start, end) = (CAMT.find("<Stmt>").unwrap(), CAMT.find("</Stmt>").unwrap() + "</Stmt>".len());
    let first = &CAMT[start..end];
    let next = first.replace(">283<", ">284<").replace("20251010-KRW-001", "20251011-KRW-001");
    let fits = next.replace(">1000000<", ">1036300<").replacen(
        ">1036300</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2025-10-10</Dt></Dt></Bal>\n  <Ntry>",
        ">1072600</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2025-10-10</Dt></Dt></Bal>\n  <Ntry>",
        1,
    );
    let file = |second: &str| CAMT.replacen(first, &format!("{first}{second}"), 1);
    assert_eq!(super::lines(&source(Camt053), &file(&fits)).1.statements.len(), 2);
    let refused = refusal(&source(Camt053), &file(&next));
    assert!(refused.reason.contains("before it closed with 1036300 KRW"), "{refused}");
    assert!(refusal(&source(Camt053), &file(first)).reason.contains("twice"));
}

#[test]
fn settings_that_say_nothing_are_named() {
    for (key, value, word) in [
        ("@units", "cents", "none of"),
        ("@delimiter", ":", "none of"),
        ("gros", "Betrag", "no such name"),
        ("@kind:X", "sale", "no kind"),
    ] {
        let mut odd = source(Csv);
        odd.columns.insert(key.to_owned(), value.to_owned());
        let refused = refusal(&odd, MAPPED);
        assert_eq!(refused.field, Some(format!("settings, columns.{key}")), "{refused}");
        assert!(refused.reason.contains(word), "{refused}");
    }
    for missing in ["identity", "currency", "date"] {
        let mut odd = source(Csv);
        odd.columns.remove(missing);
        assert_eq!(refusal(&odd, MAPPED).field, Some(format!("settings, columns.{missing}")));
    }
    let mut odd = source(Stripe);
    "Mars/Olympus".clone_into(&mut odd.zone);
    assert_eq!(refusal(&odd, STRIPE).field.as_deref(), Some("settings"));
}
