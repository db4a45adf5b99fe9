//! What each parser makes of a sound file.

use super::{ADYEN, CAMT, CAMT_02, MAPPED, SIMULATOR, STRIPE, TOSS, lines, refusal, source};
use crate::config::reconciliation::Format;
use crate::reconciliation::line::{Line, LineKind, Side};

fn amounts(line: &Line) -> (&str, i64, i64, i64) {
    (line.currency.code(), line.gross, line.fee, line.net)
}

fn at(line: &Line) -> String {
    line.occurred_at.unwrap().to_string()
}

#[test]
fn stripes_report() {
    let (lines, totals) = lines(&source(Format::Stripe), STRIPE);
    assert_eq!(amounts(&lines[0]), ("USD", 10_000, 320, 9680));
    assert_eq!((lines[0].number, lines[0].identity.as_str()), (1, "txn_1"));
    assert_eq!(
        (at(&lines[0]).as_str(), lines[0].business_date.to_string()),
        ("2025-10-06T01:00:00Z", "2025-10-06".to_owned())
    );
    let references = &lines[0].references;
    assert_eq!((references.psp_payment.as_deref(), references.psp_movement.as_deref()), (Some("pi_1"), Some("ch_1")));
    assert_eq!((references.ours.as_deref(), references.batch.as_deref()), (Some("pay_1"), Some("po_1")));
    let (currency, minor) = lines[1].presented.unwrap();
    assert_eq!((currency.code(), minor), ("EUR", -1850));
    let kinds: Vec<&LineKind> = lines.iter().map(|line| &line.kind).collect();
    let (charge, payout) = (&LineKind::Charge, &LineKind::Payout);
    assert_eq!(
        kinds,
        [charge, &LineKind::Refund, &LineKind::Dispute, payout, charge, &LineKind::ChargeReversal, payout]
    );
    assert_eq!(amounts(&lines[6]), ("KRW", -9565, 0, -9565));
    assert_eq!(totals.currencies["USD"].net, 0, "a payout takes all of its batch");
    assert_eq!((totals.first_day.as_deref(), totals.last_day.as_deref()), (Some("2025-10-06"), Some("2025-10-10")));
    assert!(lines[0].raw.contains(r#""balance_transaction_id":"txn_1""#), "{}", lines[0].raw);
}

#[test]
fn stripes_report_in_the_zone_for_which_it_was_run() {
    let text = STRIPE.replace("created_utc", "created");
    let mut seoul = source(Format::Stripe);
    "Asia/Seoul".clone_into(&mut seoul.zone);
    let (lines, _) = lines(&seoul, &text);
    assert_eq!(
        (at(&lines[0]).as_str(), lines[0].business_date.to_string()),
        ("2025-10-05T16:00:00Z", "2025-10-06".to_owned())
    );
}

#[test]
fn adyens_report() {
    let (lines, totals) = lines(&source(Format::Adyen), ADYEN);
    assert_eq!(amounts(&lines[0]), ("USD", 5200, 36, 5164));
    assert_eq!(at(&lines[0]), "2025-10-06T23:10:51Z", "the zone is the setting's, daylight saving time and all");
    assert_eq!(lines[0].references.psp_payment.as_deref(), Some("8815658961765250"));
    assert_eq!(lines[0].references.ours.as_deref(), Some("pay_1"));
    // Converted: the gross is what it came to, what the shopper paid stands beside it.
    assert_eq!(amounts(&lines[1]), ("USD", 570, 27, 543));
    assert_eq!(lines[1].presented.map(|(currency, minor)| (currency.code(), minor)), Some(("EUR", 535)));
    assert_eq!((&lines[2].kind, amounts(&lines[2])), (&LineKind::Refund, ("USD", -100, 0, -100)));
    assert_eq!(lines[2].references.ours.as_deref(), Some("re_1"));
    assert_eq!(lines[2].references.psp_movement.as_deref(), Some("8815658961765299"));
    assert_eq!((&lines[3].kind, amounts(&lines[3])), (&LineKind::Dispute, ("USD", -2000, 750, -2750)));
    assert_eq!((&lines[4].kind, amounts(&lines[4])), (&LineKind::Fee, ("USD", -180, 0, -180)));
    assert_eq!((&lines[5].kind, amounts(&lines[5])), (&LineKind::Payout, ("USD", -2677, 0, -2677)));
    assert_eq!(lines[5].references.texts, ["TX1000000001XT batch 7, ShopCoCOM"]);
    assert!(lines.iter().all(|line| line.references.batch.as_deref() == Some("ShopCoCOM/7")));
    assert_eq!(totals.currencies["USD"].net, 0);
}

#[test]
fn adyens_columns_in_another_order_and_its_words_in_another_case() {
    let turned: String = ADYEN
        .replace("\"TX1000000001XT batch 7, ShopCoCOM\"", "TX1")
        .lines()
        .map(|row| row.split(',').rev().collect::<Vec<_>>().join(",") + "\n")
        .collect();
    let (usual, other) = (lines(&source(Format::Adyen), ADYEN).0, lines(&source(Format::Adyen), &turned).0);
    assert_eq!(usual[0].identity, other[0].identity);
    assert_eq!(usual[1].net, other[1].net);
    let (shouted, _) = lines(&source(Format::Adyen), &ADYEN.replace("Settled", "SETTLED"));
    assert_eq!(shouted[0].kind, LineKind::Charge);
    let (unheard, _) = lines(&source(Format::Adyen), &ADYEN.replace("Refunded", "Unheard"));
    assert_eq!(unheard[2].kind, LineKind::Unknown("Unheard".to_owned()));
}

#[test]
fn toss_rows_with_either_sign_of_a_cancellation() {
    let (below, _) = lines(&source(Format::Tosspayments), TOSS);
    assert_eq!(amounts(&below[0]), ("KRW", 15000, 495, 14505));
    assert_eq!(
        (at(&below[0]).as_str(), below[0].business_date.to_string()),
        ("2025-10-09T14:59:10Z", "2025-10-09".to_owned())
    );
    assert_eq!((&below[1].kind, amounts(&below[1])), (&LineKind::Refund, ("KRW", -5000, -165, -4835)));
    assert_eq!(at(&below[1]), "2025-10-09T15:00:05Z", "when it was cancelled, not when it was approved");
    assert_eq!(amounts(&below[2]), ("USD", 1234, 50, 1184));
    assert_eq!(below[0].references.batch.as_deref(), Some("shopco/2025-10-13/KRW"));
    assert_eq!(below[1].references.psp_payment.as_deref(), Some("pk_1"));
    assert_eq!(below[1].identity, "tk_2");

    let above = TOSS.replace("-5000", "5000").replace("-150", "150").replace("-15,", "15,").replace("-4835", "4835");
    assert_ne!(above, TOSS);
    let (above, _) = lines(&source(Format::Tosspayments), &above);
    assert_eq!(amounts(&above[1]), amounts(&below[1]));
    assert_eq!(above[1].kind, LineKind::Refund);
}

#[test]
fn toss_pages_one_after_another() {
    let (all, totals) = lines(&source(Format::Tosspayments), &format!("{TOSS}\n[]\n"));
    assert_eq!((all.len(), totals.lines), (3, 3));
    assert_eq!(lines(&source(Format::Tosspayments), "[]").1.lines, 0);
}

#[test]
fn the_stand_ins_list() {
    let (lines, totals) = lines(&source(Format::Simulator), SIMULATOR);
    assert_eq!(amounts(&lines[0]), ("KRW", 15000, 435, 14565));
    assert_eq!(lines[0].references.our_key.as_deref(), Some("po_1:1"));
    assert_eq!((&lines[1].kind, lines[1].references.ours.as_deref()), (&LineKind::Refund, Some("re_1")));
    assert_eq!(lines[2].business_date.to_string(), "2025-10-10", "the list's own day");
    assert_eq!((&lines[3].kind, lines[3].net), (&LineKind::Payout, -10565));
    assert_eq!(lines[3].references.batch.as_deref(), Some("sba_2025-10-10_KRW"));
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(totals.currencies["KRW"].net, 0);
}

#[test]
fn a_banks_statement() {
    let (lines, totals) = lines(&source(Format::Camt053), CAMT);
    assert!(lines.iter().all(|line| line.side == Side::Bank && line.kind == LineKind::BankEntry));
    assert_eq!(amounts(&lines[0]), ("KRW", 38610, 0, 38610));
    assert_eq!(lines[0].identity, "110-000-000000/BNK20251010000017/CRDT");
    assert_eq!(lines[0].references.texts[..2], ["po_0001", "PSP PAYOUT po_0001 2025-10-09 & Co"]);
    assert!(!lines[0].reversal);
    // One entry, two transactions with amounts of their own.
    assert_eq!((lines[1].net, lines[2].net, lines[1].number, lines[2].number), (-2000, -310, 2, 2));
    assert_ne!(lines[1].identity, lines[2].identity);
    assert!(lines[1].reversal);
    assert_eq!((lines[1].references.ours.as_deref(), lines[2].references.ours.as_deref()), (Some("out_1"), None));
    assert_eq!(lines[1].references.texts[0], "out_1");
    assert_eq!(lines[2].references.texts[0], "second");
    assert_eq!(
        (at(&lines[1]).as_str(), lines[1].business_date.to_string()),
        ("2025-10-09T15:30:00Z", "2025-10-10".to_owned())
    );
    // What is pending is no line.
    assert_eq!((lines.len(), totals.skipped), (3, 1));
    let statement = &totals.statements[0];
    assert_eq!((statement.opening, statement.closing, statement.sequence), (1_000_000, 1_036_300, Some(283)));
}

#[test]
fn a_statement_of_the_oldest_version_with_prefixed_names() {
    let (lines, totals) = lines(&source(Format::Camt053), CAMT_02);
    assert_eq!(amounts(&lines[0]), ("EUR", 9680, 0, 9680));
    assert_eq!(lines[0].references.texts[..3], ["po_1", "RF18539007547034", "PSP Ltd"]);
    assert_eq!(lines[0].identity, "DE02120300000000202051/S1/#1/CRDT");
    assert_eq!(totals.statements[0].opening, -1000);
}

#[test]
fn every_version_from_02_to_13_and_no_other() {
    for version in 2..=13 {
        let text = CAMT.replace("camt.053.001.08", &format!("camt.053.001.{version:02}"));
        assert_eq!(lines(&source(Format::Camt053), &text).0.len(), 3, "{version}");
    }
    for other in ["camt.053.001.01", "camt.053.001.14", "camt.052.001.08", "pain.001.001.09"] {
        let refused = refusal(&source(Format::Camt053), &CAMT.replace("camt.053.001.08", other));
        assert_eq!(refused.field.as_deref(), Some("Document"), "{other}");
    }
}

#[test]
fn settings_name_where_a_banks_reference_stands() {
    let mut bank = source(Format::Camt053);
    bank.reference_fields = vec!["Ustrd".to_owned(), "NtryRef".to_owned()];
    let (lines, _) = lines(&bank, CAMT);
    assert_eq!(lines[0].references.texts, ["PSP PAYOUT po_0001 2025-10-09 & Co", "1"]);
    bank.reference_fields = vec!["Rmt".to_owned()];
    assert_eq!(refusal(&bank, CAMT).field.as_deref(), Some("Rmt"));
}

#[test]
fn what_a_bank_has_exchanged_is_told_in_both_currencies_or_not_at_all() {
    let amount = |name: &str, currency: &str, amount: &str| {
        let xchg = "<CcyXchg><SrcCcy>USD</SrcCcy><TrgtCcy>KRW</TrgtCcy><XchgRate>1379</XchgRate></CcyXchg>";
        format!("<{name}><Amt Ccy=\"{currency}\">{amount}</Amt>{xchg}</{name}>")
    };
    let sent = amount("InstdAmt", "USD", "28.00");
    let presented = |amounts: &str| {
        let begin = "<TxDtls><Refs><EndToEndId>po_0001";
        let text = CAMT.replace(begin, &format!("<TxDtls><AmtDtls>{amounts}</AmtDtls><Refs><EndToEndId>po_0001"));
        let told = lines(&source(Format::Camt053), &text).0[0].presented;
        told.map(|(currency, minor)| (currency.code(), minor))
    };
    let dollars = Some(("USD", 2_800));
    assert_eq!(presented(&sent), dollars);
    assert_eq!(presented(&amount("TxAmt", "USD", "28.00")), dollars);
    assert_eq!(presented(&format!("{sent}{}", amount("TxAmt", "KRW", "38610"))), dollars);
    assert_eq!(presented(&format!("{sent}{}", amount("CntrValAmt", "KRW", "38610"))), dollars);
    // Something was kept on the way, before the exchange or after it.
    assert_eq!(presented(&format!("{sent}{}", amount("TxAmt", "USD", "26.00"))), None);
    assert_eq!(presented(&format!("{sent}{}", amount("CntrValAmt", "KRW", "40000"))), None);
    assert_eq!(presented(&format!("{sent}{}", amount("TxAmt", "EUR", "26.00"))), None);
    // Nothing was exchanged, or what is told is no amount.
    assert_eq!(presented(&amount("InstdAmt", "KRW", "38610")), None);
    assert_eq!(presented(&amount("InstdAmt", "USD", "28.001")), None);
}

#[test]
fn one_entry_whose_transactions_have_no_amounts_is_one_line_with_all_their_texts() {
    let text = CAMT
        .replace("<Amt Ccy=\"KRW\">2000</Amt><CdtDbtInd>DBIT</CdtDbtInd>", "")
        .replace("<Amt Ccy=\"KRW\">310</Amt><CdtDbtInd>DBIT</CdtDbtInd>", "");
    let (lines, _) = lines(&source(Format::Camt053), &text);
    assert_eq!((lines.len(), lines[1].net), (2, -2310));
    for word in ["out_1", "first", "second"] {
        assert!(lines[1].references.texts.iter().any(|text| text == word), "{word}");
    }
}

#[test]
fn a_csv_that_the_settings_describe() {
    let (lines, _) = lines(&source(Format::Csv), MAPPED);
    assert_eq!(amounts(&lines[0]), ("EUR", 110_000, 320, 109_680));
    assert_eq!((&lines[0].kind, lines[0].business_date.to_string()), (&LineKind::Charge, "2025-10-06".to_owned()));
    assert_eq!((&lines[1].kind, lines[1].references.ours.as_deref()), (&LineKind::Refund, Some("pay_1")));
    assert_eq!(lines[2].kind, LineKind::Unknown("SONDER".to_owned()));
    assert!(lines[0].raw.contains(r#"ein \"Text\""#), "what is ignored is kept: {}", lines[0].raw);
}
