//! Every parser: what it reads, what it refuses and where it says the fault is, and that nothing makes it stumble.

mod bytes;
mod corpus;
mod formats;
mod refusals;

use std::collections::BTreeMap;

use super::{ReadError, Refused, Totals, read};
use crate::config::reconciliation::{Format, Source};
use crate::reconciliation::line::Line;

pub const STRIPE: &str = include_str!("../../../tests/fixtures/settlements/stripe.csv");
pub const ADYEN: &str = include_str!("../../../tests/fixtures/settlements/adyen.csv");
pub const TOSS: &str = include_str!("../../../tests/fixtures/settlements/tosspayments.json");
pub const SIMULATOR: &str = include_str!("../../../tests/fixtures/settlements/simulator.json");
pub const CAMT: &str = include_str!("../../../tests/fixtures/settlements/camt053.xml");
pub const CAMT_02: &str = include_str!("../../../tests/fixtures/settlements/camt053_02.xml");
pub const MAPPED: &str = include_str!("../../../tests/fixtures/settlements/mapped.csv");

/// Every sample with its source.
pub fn samples() -> Vec<(Source, &'static str)> {
    vec![
        (source(Format::Stripe), STRIPE),
        (source(Format::Adyen), ADYEN),
        (source(Format::Tosspayments), TOSS),
        (source(Format::Simulator), SIMULATOR),
        (source(Format::Camt053), CAMT),
        (source(Format::Camt053), CAMT_02),
        (source(Format::Csv), MAPPED),
    ]
}

pub fn source(format: Format) -> Source {
    let (zone, columns): (_, &[(&str, &str)]) = match format {
        Format::Stripe => ("UTC", &[("ours", "payment_metadata[tollgate]")]),
        Format::Adyen => ("America/Los_Angeles", &[]),
        Format::Csv => (
            "Europe/Berlin",
            &[
                ("identity", "Nr"),
                ("date", "Datum"),
                ("kind", "Art"),
                ("gross", "Betrag"),
                ("fee", "Gebühr"),
                ("net", "Auszahlung"),
                ("ours", "Referenz"),
                ("currency", "=EUR"),
                ("@delimiter", ";"),
                ("@decimal", ","),
                ("@date_format", "%d.%m.%Y"),
                ("@kind:VERKAUF", "charge"),
                ("@ignore", "Notiz"),
            ],
        ),
        _ => ("Asia/Seoul", &[]),
    };
    Source {
        also_psps: Vec::new(),
        name: "sample".to_owned(),
        format,
        psp: "simulator".to_owned(),
        merchant: "mrc_1".to_owned(),
        livemode: false,
        zone: zone.to_owned(),
        cutoff: "00:00".to_owned(),
        at: "05:00".to_owned(),
        lag_days: 1,
        in_transit_days: 5,
        directory: None,
        fee: None,
        rounding_tolerance: 0,
        fee_at_most: BTreeMap::new(),
        reference_fields: Vec::new(),
        columns: columns.iter().map(|(name, is)| ((*name).to_owned(), (*is).to_owned())).collect::<BTreeMap<_, _>>(),
    }
}

pub fn lines(source: &Source, text: &str) -> (Vec<Line>, Totals) {
    let mut lines = Vec::new();
    let totals = read(source, text.as_bytes(), &mut |line| lines.push(line)).unwrap();
    assert_eq!(totals.lines, u64::try_from(lines.len()).unwrap());
    (lines, totals)
}

pub fn refusal(source: &Source, text: &str) -> Refused {
    match read(source, text.as_bytes(), &mut |_| ()) {
        Err(ReadError::Refused(refused)) => refused,
        other => panic!("it was not refused: {other:?}"),
    }
}
