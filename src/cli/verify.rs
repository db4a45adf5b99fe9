//! `tollgate verify`: asks whether the books can be believed, and walks their chain of seals.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::start::{self, Settings};
use crate::integrity::{self, Check, Report, Scope, State};
use crate::keyring::Keyring;
use crate::ledger::seals::{self, Walk, Witness};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Hold the chain against what was written down outside by `tollgate seal --out` or `ledger.anchor_file`
    #[arg(long, value_name = "FILE")]
    anchor: Option<PathBuf>,
    /// A public key that signed blocks, in hexadecimal digits: instead of the master key, or besides it that of a former one; may be
    /// given several times
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    public_key: Vec<PublicKey>,
}

/// The bytes of an Ed25519 key.
type PublicKey = [u8; 32];

fn public_key(text: &str) -> Result<PublicKey, String> {
    let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| "a public key has 64 hexadecimal digits, as in each line of an anchor file".to_owned())
}

/// Prints how every invariant stands, over all merchants and modes, and what the chain of seals says; fails when one is broken.
pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let config = settings.read()?;
    // Without any key the signatures cannot be looked at; all else can.
    let own = Some(&config.master_key).filter(|key| !key.expose().is_empty());
    let own = own.map(|key| Keyring::derive(key).public_key());
    let keys: Vec<Vec<u8>> = own.into_iter().chain(args.public_key.iter().map(|key| key.to_vec())).collect();
    let witness = match &args.anchor {
        None => Witness::default(),
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            let witness = seals::read_anchors(&text, &keys);
            witness.map_err(|reason| anyhow::anyhow!("{} cannot be believed: {reason}", file.display()))?
        }
    };
    let db = start::database(&config, false).await?;
    let walk = seals::walk(&db, &keys, &witness.anchors).await?;
    let report = integrity::check(&db, Scope::Everything).await?;
    db.close().await;
    print!("{}{}", table(&report), chain(&walk));
    if witness.torn > 0 {
        println!("     {} line(s) of the anchor file were not written to their end and say nothing", witness.torn);
    }
    let sound = report.is_sound() && walk.findings.is_empty();
    println!("{}", if sound { "Nothing is broken." } else { "BROKEN: see above. Nothing was repaired." });
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the walk says, the first touched row first.
fn chain(walk: &Walk) -> String {
    let state = if walk.findings.is_empty() { "holds" } else { "BROKEN" };
    let seen = format!("({} blocks, {} journals sealed, {} waiting)", walk.blocks, walk.journals, walk.waiting);
    let mut lines = vec![format!(
        "    {state:<12} {:<26} nothing was changed, added or taken away since it was sealed {seen}",
        "books_are_sealed"
    )];
    for (index, finding) in walk.findings.iter().enumerate() {
        let rank = if index == 0 { "first: " } else { "then:  " };
        lines.push(format!("     {rank}{}: {}", finding.subject, finding.detail));
    }
    if !walk.signatures {
        lines.push(
            "     the signatures were not looked at: that needs the gateway's master_key, or --public-key".to_owned(),
        );
    }
    if walk.witnessed {
        lines.push(format!("     {} block(s) are as they were written down outside", walk.anchors));
    } else {
        let blind = "no outside witness was given (--anchor): a chain that was cut at its end, or sealed anew with the gateway's own key, \
             would not be seen";
        lines.push(format!("     {blind}"));
    }
    lines.join("\n") + "\n"
}

fn table(report: &Report) -> String {
    let mut lines = Vec::new();
    for check in &report.checks {
        lines.push(line(check));
        for finding in &check.findings {
            let subject = if finding.subject.is_empty() { String::new() } else { format!("{}: ", finding.subject) };
            lines.push(format!("     {subject}{}", finding.detail));
        }
        lines.extend(unnamed(check).map(|more| format!("     and {more} more")));
    }
    lines.join("\n") + "\n"
}

fn line(check: &Check) -> String {
    let number = check.number.map_or_else(String::new, |number| number.to_string());
    let state = match check.state {
        State::Holds => "holds",
        State::Broken => "BROKEN",
        State::NotChecked => "not checked",
    };
    let seen = match check.state {
        State::NotChecked => String::new(),
        _ => format!(" ({} looked at, {} broken)", check.checked, check.broken),
    };
    format!("{number:>2}  {state:<12} {:<26} {}{seen}", check.name, check.statement)
}

fn unnamed(check: &Check) -> Option<i64> {
    let named = i64::try_from(check.findings.len()).ok()?;
    check.broken.checked_sub(named).filter(|more| *more > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::Finding;

    #[test]
    fn a_break_is_named_and_counted() {
        let check = Check {
            number: Some(2),
            name: "wallets_equal_ledger",
            statement: "a wallet equals the sum of its accounts' transfers",
            state: State::Broken,
            checked: 9,
            broken: 3,
            findings: vec![Finding { subject: "seller:x:pending".into(), detail: "differs".into() }],
        };
        let text = table(&Report { checks: vec![check] });
        assert!(text.contains(" 2  BROKEN"), "{text}");
        assert!(text.contains("(9 looked at, 3 broken)"), "{text}");
        assert!(text.contains("seller:x:pending: differs\n     and 2 more\n"), "{text}");
        let finding = |subject: &str| seals::Finding { subject: subject.into(), detail: "it was taken away".into() };
        let walk = Walk { blocks: 2, findings: vec![finding("jrn_1"), finding("block 2")], ..Walk::default() };
        let text = chain(&walk);
        assert!(text.contains("BROKEN       books_are_sealed") && text.contains("(2 blocks, "), "{text}");
        assert!(text.contains("first: jrn_1: it was taken away\n     then:  block 2"), "{text}");
        assert!(text.contains("     no outside witness was given (--anchor)"), "{text}");
        let text = chain(&Walk { witnessed: true, anchors: 2, ..Walk::default() });
        assert!(text.contains("     2 block(s) are as they") && !text.contains("no outside witness"), "{text}");
    }
}
