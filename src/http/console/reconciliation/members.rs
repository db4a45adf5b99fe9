//! What stands in a batch of a PSP: the lines that together are one payout.

use super::one::money;
use crate::app::App;
use crate::http::console::refusal::Refusal;
use crate::reconciliation::breaks::Break;
use crate::reconciliation::shown::{self, MEMBERS, Told};
use crate::reconciliation::words::ObjectKind;

/// A batch and its lines.
pub(super) struct Batch {
    pub name: String,
    pub source: String,
    /// How many lines there are and what they come to, by currency.
    pub sums: Vec<String>,
    pub lines: Vec<Member>,
    /// Whether there are more lines than are shown.
    pub more: bool,
}

/// A line of a batch.
pub(super) struct Member {
    pub what: String,
    pub result: String,
    pub about: String,
    pub payment: Option<String>,
    pub gross: String,
    pub fee: String,
    pub net: String,
}

/// The batches that a difference is about: named by what it is of, by what has landed, or by the payout's own row.
pub(super) async fn batches(app: &App, it: &Break, lines: &[Told]) -> Result<Vec<Batch>, Refusal> {
    let text = |path: &str| it.evidence.pointer(path).and_then(serde_json::Value::as_str);
    let mut named: Vec<(String, String)> = Vec::new();
    if let (Some((ObjectKind::Batch, batch)), Some(source)) = (&it.object, text("/psp_source")) {
        named.push((source.to_owned(), batch.clone()));
    }
    for batch in it.evidence.get("batches").and_then(serde_json::Value::as_array).into_iter().flatten() {
        let text = |name: &str| batch.get(name)?.as_str().map(str::to_owned);
        named.extend(text("source").zip(text("batch")));
    }
    let payouts = lines.iter().filter(|line| line.side == "psp" && line.kind == "payout");
    named.extend(payouts.filter_map(|line| Some((line.source.clone(), line.batch.clone()?))));
    named.sort();
    named.dedup();
    let mut found = Vec::with_capacity(named.len());
    for (source, name) in named {
        let sums = shown::sums_of_batch(&app.db, &source, &name).await?;
        let lines = shown::lines_of_batch(&app.db, &source, &name).await?;
        found.push(Batch {
            sums: sums.iter().map(|(of, count, net)| format!("{count} lines, {} in all", money(*net, *of))).collect(),
            more: lines.len() == MEMBERS,
            lines: lines.iter().map(Member::of).collect(),
            name,
            source,
        });
    }
    Ok(found)
}

impl Member {
    fn of(line: &Told) -> Self {
        let about = line.object.as_ref().map(|(kind, id)| format!("{} {id}", kind.replace('_', " ")));
        let amount = |minor: i64| money(minor, line.currency);
        Self {
            what: line.kind.replace('_', " "),
            result: line.result.as_deref().unwrap_or("not looked at yet").replace('_', " "),
            payment: line.object.as_ref().filter(|(kind, _)| kind == "charge").map(|(_, id)| id.clone()),
            about: about.or_else(|| line.psp_payment.clone()).unwrap_or_default(),
            gross: amount(line.gross),
            fee: amount(line.fee),
            net: amount(line.net),
        }
    }

    pub(super) fn sample() -> Self {
        Self {
            what: "charge".into(),
            result: "matched".into(),
            about: "charge pay_01jq8w3k5n7p9r2t4v6x8z0a1b <b>".into(),
            payment: Some("pay_01jq8w3k5n7p9r2t4v6x8z0a1b".into()),
            gross: "15,000 KRW".into(),
            fee: "435 KRW".into(),
            net: "14,565 KRW".into(),
        }
    }
}
