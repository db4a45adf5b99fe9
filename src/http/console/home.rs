//! The first page: a few truths that say whether somebody has to do something now.

use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::books::{Answer, Books};
use super::components::{ModeTag, Tone, grouped};
use super::frame::{self, Frame, Place};
use super::payments::SILENCE;
use super::refusal::Refusal;
use super::session::SignedIn;
use super::store::{self, Approvals, Figures};
use crate::app::App;
use crate::integrity::{self, State as Found};
use crate::ledger;
use crate::words::Timestamp;

/// The page.
#[derive(Template)]
#[template(path = "console/home.html")]
pub struct Home {
    frame: Frame,
    tiles: Vec<Tile>,
    today: Vec<Day>,
    checks: Vec<Check>,
}

/// One figure that links to the list behind it.
struct Tile {
    name: &'static str,
    figure: String,
    note: String,
    tone: Tone,
    href: &'static str,
}

/// One currency's day.
struct Day {
    currency: String,
    mode: ModeTag,
    opened: String,
    paid: String,
    failed: String,
    taken: String,
}

/// One invariant of the books.
struct Check {
    name: &'static str,
    word: &'static str,
    class: &'static str,
    note: String,
}

/// `GET /console`
pub async fn show(
    State(app): State<App>,
    Extension(books): Extension<Books>,
    who: SignedIn,
) -> Result<Response, Refusal> {
    let now = app.now();
    let answer = books.answer(&app).await;
    let figures = store::figures(&app.db, midnight(now), now.minus(DAY), now.minus(SILENCE)).await?;
    let view = Home {
        frame: who.frame("Home", Place::Home, now),
        tiles: tiles(answer.as_ref(), &figures, now),
        today: figures.today.iter().map(day).collect(),
        checks: answer.iter().flat_map(|(_, report)| &report.checks).map(check).collect(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

const DAY: Duration = Duration::from_hours(24);

/// The start of the present day in UTC.
fn midnight(now: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(now.unix_seconds().saturating_sub(now.unix_seconds().rem_euclid(86_400)))
}

fn tiles(answer: Option<&Answer>, figures: &Figures, now: Timestamp) -> Vec<Tile> {
    let tile = |name, figure, note, tone, href| Tile { name, figure, note, tone, href };
    let count = |n: i64| grouped(&n.to_string());
    let sum = |of: fn(&store::Day) -> i64| figures.today.iter().map(of).fold(0_i64, i64::saturating_add);
    let opened = format!("{} paid, {} failed", count(sum(|day| day.paid)), count(sum(|day| day.failed)));
    let oldest = figures.unknown_since.map_or_else(
        || "every attempt and refund has its outcome".to_owned(),
        |since| {
            let oldest = format!("the oldest for {}", frame::span(now.since(since)));
            match figures.unknown_refunds {
                0 => oldest,
                refunds => format!("{} of them refunds, {oldest}", count(refunds)),
            }
        },
    );
    let unknown = figures.unknown.saturating_add(figures.unknown_refunds);
    let quiet = |n: i64, tone| if n == 0 { Tone::Good } else { tone };
    let failing = figures.retrying.saturating_add(figures.given_up);
    let (tone_failing, note_failing) = if figures.given_up > 0 {
        (Tone::Bad, format!("{} given up in the last day", count(figures.given_up)))
    } else {
        (quiet(failing, Tone::Warn), if failing == 0 { "every webhook arrives" } else { "being retried" }.to_owned())
    };
    let dead_note = if figures.dead == 0 { "nothing was given up" } else { "waiting for a person" };
    vec![
        books_tile(answer, now),
        tile("Payments today", count(sum(|day| day.opened)), opened, Tone::Idle, "/console/payments"),
        tile("Outcome unknown", count(unknown), oldest, quiet(unknown, Tone::Warn), "/console/payments?status=unknown"),
        tile(
            "Deliveries failing",
            count(failing),
            note_failing,
            tone_failing,
            if figures.given_up > 0 {
                "/console/deliveries?status=failed"
            } else {
                "/console/deliveries?status=retrying"
            },
        ),
        tile(
            "Dead letters",
            count(figures.dead),
            dead_note.to_owned(),
            quiet(figures.dead, Tone::Bad),
            "/console/dead-letters",
        ),
        second_person(&figures.approvals),
    ]
}

/// What one person has asked for and another has to decide, with the way to the first of it.
fn second_person(approvals: &Approvals) -> Tile {
    let kinds = [
        (approvals.payouts, "payout", "/console/payouts?status=needs_approval"),
        (approvals.corrections, "correction", "/console/corrections"),
        (approvals.breaks, "difference", "/console/reconciliation/breaks?status=open"),
        (approvals.limits, "limit", "/console/policies"),
    ];
    let waiting: Vec<_> = kinds.into_iter().filter(|(count, ..)| *count > 0).collect();
    let told = waiting.iter().map(|(count, kind, _)| format!("{count} {kind}{}", if *count == 1 { "" } else { "s" }));
    let note = told.collect::<Vec<_>>().join(", ");
    Tile {
        name: "For a second person",
        figure: grouped(&waiting.iter().map(|(count, ..)| *count).fold(0, i64::saturating_add).to_string()),
        note: if note.is_empty() { "nothing waits to be approved".to_owned() } else { note },
        tone: if waiting.is_empty() { Tone::Good } else { Tone::Wait },
        href: waiting.first().map_or("/console/payouts?status=needs_approval", |(_, _, href)| *href),
    }
}

fn ago(span: Duration) -> String {
    if span < Duration::from_secs(1) { "just now".to_owned() } else { format!("{} ago", frame::span(span)) }
}

fn books_tile(answer: Option<&Answer>, now: Timestamp) -> Tile {
    let (figure, note, tone) = match answer {
        None => ("Asking", "the books are large; look again in a moment".to_owned(), Tone::Wait),
        Some((at, report)) => {
            let holding = report.checks.iter().filter(|check| check.state == Found::Holds).count();
            let asked = report.checks.iter().filter(|check| check.state != Found::NotChecked).count();
            let (figure, tone) = if report.is_sound() { ("Hold", Tone::Good) } else { ("Broken", Tone::Bad) };
            (figure, format!("{holding} of {asked} checks, asked {}", ago(now.since(*at))), tone)
        }
    };
    Tile { name: "Books", figure: figure.to_owned(), note, tone, href: "#integrity" }
}

fn day(day: &store::Day) -> Day {
    let count = |n: i64| grouped(&n.to_string());
    Day {
        currency: day.currency.code().to_owned(),
        mode: day.mode.into(),
        opened: count(day.opened),
        paid: count(day.paid),
        failed: count(day.failed),
        taken: grouped(&ledger::minor_text(day.taken, day.currency)),
    }
}

fn check(check: &integrity::Check) -> Check {
    let (word, class) = match check.state {
        Found::Holds => ("Holds", "holds"),
        Found::Broken => ("Broken", "broken"),
        Found::NotChecked => ("Not asked", "unasked"),
    };
    let looked = grouped(&check.checked.to_string());
    let findings: Vec<String> =
        check.findings.iter().map(|f| format!("{} {}", f.subject, f.detail).trim().to_owned()).collect();
    let note = match check.state {
        Found::Holds => format!("{looked} looked at"),
        Found::Broken => format!("{} of {looked}: {}", grouped(&check.broken.to_string()), findings.join("; ")),
        Found::NotChecked => findings.join("; "),
    };
    Check { name: check.statement, word, class, note }
}

impl Home {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Home", Place::Home),
            tiles: vec![
                Tile {
                    name: "Books",
                    figure: "Hold".into(),
                    note: "7 of 7 invariants".into(),
                    tone: Tone::Good,
                    href: "#integrity",
                },
                Tile {
                    name: "Payments today",
                    figure: "1,284".into(),
                    note: "1,190 paid, 31 failed".into(),
                    tone: Tone::Idle,
                    href: "/console/payments",
                },
                Tile {
                    name: "Outcome unknown",
                    figure: "2".into(),
                    note: "oldest for 4 min".into(),
                    tone: Tone::Warn,
                    href: "/console/payments?status=unknown",
                },
                Tile {
                    name: "Deliveries failing",
                    figure: "5".into(),
                    note: "being retried".into(),
                    tone: Tone::Warn,
                    href: "/console/deliveries?status=retrying",
                },
                Tile {
                    name: "Dead letters",
                    figure: "0".into(),
                    note: "nothing was given up".into(),
                    tone: Tone::Good,
                    href: "/console/dead-letters",
                },
                second_person(&Approvals { payouts: 2, corrections: 1, ..Approvals::default() }),
            ],
            today: vec![Day {
                currency: "KRW".into(),
                mode: ModeTag { live: false },
                opened: "1,284".into(),
                paid: "1,190".into(),
                failed: "31".into(),
                taken: "48,230,500".into(),
            }],
            checks: vec![
                Check { name: "Debits equal credits", word: "Holds", class: "holds", note: "5,950 looked at".into() },
                Check {
                    name: "Wallets equal the ledger",
                    word: "Broken",
                    class: "broken",
                    note: "1 of 12: sel_1 KRW differs".into(),
                },
                Check {
                    name: "What the PSP captured is what we posted",
                    word: "Not asked",
                    class: "unasked",
                    note: "needs the settlement file".into(),
                },
            ],
        }
    }
}
