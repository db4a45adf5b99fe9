//! `tollgate verify`: asks whether the books can be believed.

use std::process::ExitCode;

use super::start::{self, Settings};
use crate::integrity::{self, Check, Report, Scope, State};

/// Prints how every invariant stands, over all merchants and modes; fails when one is broken.
pub async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let db = start::database(&settings.read()?, false).await?;
    let report = integrity::check(&db, Scope::Everything).await?;
    db.close().await;
    print!("{}", table(&report));
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
    let verdict = if report.is_sound() { "Nothing is broken." } else { "BROKEN: see above. Nothing was repaired." };
    lines.push(verdict.to_owned());
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
        assert!(text.ends_with("Nothing was repaired.\n"), "{text}");
    }
}
