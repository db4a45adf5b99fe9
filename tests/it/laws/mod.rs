//! The laws of money as properties: whatever is done, in whatever order, they hold after every step; and a crash in the
//! middle of any step, after which clients ask for everything again that they ever asked for, ends in the same books.

mod act;
mod hold;
mod op;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tollgate::db::Db;
use tollgate::ledger::seals;
use tollgate::sabotage::Protection;
use tollgate::words::Currency;

use crate::steps::actor::Actor;
use crate::steps::calm::{calm, end};
use crate::steps::laws;
use crate::steps::model_psp::{Became, Mishap};
use crate::steps::picture::{difference, picture};
use crate::steps::stage::{Stage, alone};
use crate::support::{Database, Engine};
use act::act;
use hold::Cut;
use op::{Card, Op, ops};

/// Cases of the run that belongs to the suite; more with `TOLLGATE_LAWS_CASES`. PostgreSQL gets a third.
const CASES: u32 = 24;
/// Each step of shrinking is a run of its own.
const SHRINKS: u32 = 200;
/// Where the sequences of the suite come from; others with `TOLLGATE_LAWS_SEED`.
const SEED: u64 = 1;
/// A step of an operation at which it dies; few take more.
const STEPS: std::ops::Range<usize> = 0..40;

fn setting<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The suite plays the same sequences each time, so that it says the same each time; others are one variable away.
fn runner(engine: Engine, max_shrink_iters: u32) -> TestRunner {
    let (cases, seed) = (setting("TOLLGATE_LAWS_CASES", CASES), setting("TOLLGATE_LAWS_SEED", SEED));
    let cases = if engine == Engine::Postgres { cases.div_ceil(3) } else { cases };
    println!("{cases} sequences from the seed {seed}");
    let config = Config { cases, failure_persistence: None, max_shrink_iters, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// With as many decimals as there are.
fn currencies() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["USD", "KRW", "KWD"])
}

/// A sequence on a database of its own, gone afterwards.
fn on_stage(
    engine: Engine,
    currency: &str,
    play: impl AsyncFnOnce(Stage) -> Result<(), String>,
) -> Result<(), TestCaseError> {
    alone(async {
        let database = Database::create(engine).await;
        let db = Db::open(&database.url, 2).await.unwrap();
        if let Db::Sqlite { write, .. } = &db {
            sqlx::query("pragma synchronous = off").execute(write).await.unwrap();
        }
        let currency = Currency::parse(currency).unwrap();
        let mut stage = Stage::new(db.clone()).await;
        stage.currency = currency;
        stage.psp.record().currency = Some(currency);
        let played = play(stage).await;
        db.close().await;
        database.remove().await;
        played.map_err(TestCaseError::fail)
    })
}

fn right(at: &str, wrong: &[String]) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(format!("{at}: {}", wrong.join("; "))) }
}

/// Until nothing is in flight: what the bank thinks over is decided at once, and the PSP's webhooks come until they are taken.
async fn rest(stage: &Stage) -> Result<(), String> {
    stage.psp.hurry(Some(Became::Taken));
    stage.hear_of_everything().await;
    calm(stage).await?;
    stage.psp.hurry(None);
    Ok(())
}

async fn finish(stage: &Stage) -> Result<(), String> {
    rest(stage).await?;
    right("at rest", &laws::broken(stage).await)?;
    end(stage).await?;
    right("at the end", &laws::broken(stage).await)?;
    let _ = seals::seal(&stage.app.db, &stage.app.keyring, &seals::Head::default(), stage.app.now()).await;
    let walk = seals::walk(&stage.app.db, &[], &[]).await.unwrap();
    right("in the chain", &walk.findings.iter().map(|finding| format!("{finding:?}")).collect::<Vec<_>>())
}

async fn plays(stage: Stage, ops: &[Op], cut: Cut) -> Result<(), String> {
    acts(&stage, ops, cut).await?;
    finish(&stage).await?;
    right("in the end", &hold::statements_disagree(&stage, cut).await)
}

/// Everything that must hold holds after each of `ops`.
async fn acts(stage: &Stage, ops: &[Op], cut: Cut) -> Result<(), String> {
    for (at, op) in ops.iter().enumerate() {
        let before = hold::before(stage).await;
        let told = act(stage.clone(), at, op.clone()).await;
        stage.psp.record().mishaps.clear();
        let mut wrong = laws::always(stage).await;
        wrong.extend(hold::unlawful(stage, &before).await);
        wrong.extend(hold::statements_disagree(stage, cut).await);
        right(&format!("after {op:?}, answered {told}"), &wrong)?;
    }
    Ok(())
}

/// Plays `ops`; the one at `crash` dies before its `step`-th step if it has so many, and is asked again, and with it
/// everything that was asked before, under its keys: at once, when keys may still be taken, and once more at rest. There
/// the world comes to rest, with a crash or without, so that what comes later finds it alike.
async fn plays_on(stage: Stage, ops: &[Op], crash: usize, step: Option<usize>) -> Result<Vec<String>, String> {
    for (at, op) in ops.iter().enumerate() {
        match step {
            Some(step) if at == crash && op.can_die() => dies_and_is_asked_again(&stage, at, op, step).await,
            _ => drop(act(stage.clone(), at, op.clone()).await),
        }
        stage.psp.record().mishaps.clear();
        if at == crash {
            right("after the crash", &laws::always(&stage).await)?;
            if step.is_some() {
                stage.ask_all_again().await;
                right("asked again", &laws::always(&stage).await)?;
            }
            rest(&stage).await?;
            right("after the crash, at rest", &laws::broken(&stage).await)?;
            if step.is_some() {
                stage.ask_all_again().await;
                rest(&stage).await?;
                right("asked again at rest", &laws::broken(&stage).await)?;
            }
        }
    }
    finish(&stage).await?;
    let mut end = picture(&stage.app.db).await;
    end.extend(stage.psp.record().moved());
    end.sort();
    Ok(end)
}

async fn dies_and_is_asked_again(stage: &Stage, at: usize, op: &Op, step: usize) {
    let before = act::attempts_at(stage, op).await;
    let mut actor = Actor::begin("it", act(stage.clone(), at, op.clone())).await;
    for _ in 0..step {
        if actor.is_over() {
            return;
        }
        actor.go().await;
    }
    if actor.is_over() {
        return;
    }
    actor.die();
    // A shopper looks first: whoever finds an attempt does not pay again.
    if before == act::attempts_at(stage, op).await
        && let Some(again) = op.again()
    {
        act(stage.clone(), at, again).await;
    }
}

fn laws_hold_after_every_step(engine: Engine) {
    let cases = (ops(), 0..1_000_u32, 0..1_000_u32, currencies());
    let checked = runner(engine, SHRINKS).run(&cases, |(ops, from, to, currency)| {
        on_stage(engine, currency, async |stage| plays(stage, &ops, Cut(from, to)).await)
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
}

fn a_crash_anywhere_ends_in_the_same_books(engine: Engine) {
    let cases = (ops(), any::<prop::sample::Index>(), STEPS, currencies());
    let checked = runner(engine, SHRINKS).run(&cases, |(ops, crash, step, currency)| {
        let crash = crash.index(ops.len());
        let mut pictures = Vec::new();
        for step in [None, Some(step)] {
            on_stage(engine, currency, async |stage| {
                pictures.push(plays_on(stage, &ops, crash, step).await?);
                Ok(())
            })?;
        }
        if pictures[0] == pictures[1] {
            return Ok(());
        }
        let op = &ops[crash];
        let differs = difference(&pictures[0], &pictures[1]);
        Err(TestCaseError::fail(format!("{op:?} (number {crash}) dies and the books end otherwise:\n{differs}")))
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
}

/// Without `protection` some sequence breaks a law, and what is said of it holds `what`.
fn chance_shows(protection: Protection, what: &str) {
    let cases = (ops(), 0..1_000_u32, 0..1_000_u32);
    let checked = runner(Engine::Sqlite, 0).run(&cases, |(ops, from, to)| {
        on_stage(Engine::Sqlite, "USD", async |stage| protection.without(plays(stage, &ops, Cut(from, to))).await)
    });
    let wrong = checked.expect_err("nobody misses it").to_string();
    assert!(wrong.contains(what), "{wrong}");
}

#[test]
fn wallets_that_stay_as_they_were_are_found() {
    chance_shows(Protection::Wallets, "the wallet");
}

#[test]
fn a_payout_under_a_fresh_key_each_time_is_found() {
    chance_shows(Protection::PayoutKey, "the bank was told to send");
}

#[test]
fn an_order_that_is_sent_again_without_a_look_is_found() {
    chance_shows(Protection::LookFirst, "the bank was told to send");
}

/// Chance finds it in payouts first.
#[test]
fn a_refund_that_is_sent_again_without_a_look_is_found() {
    let ops = [
        Op::Open { cents: 1_000, two_sellers: false, manual: false },
        Op::Pay { of: 0, card: Card::Good, mishap: None },
        Op::Refund { of: 0, cents: 100, mishap: Some(Mishap::AnswerLost) },
        Op::Away,
    ];
    let played = |protection: Protection| {
        let play = async |stage| protection.without(plays(stage, &ops[..], Cut(0, 0))).await;
        on_stage(Engine::Sqlite, "USD", play)
    };
    let wrong = played(Protection::LookFirst).expect_err("nobody misses it").to_string();
    assert!(wrong.contains("was taken and given back"), "{wrong}");
    on_stage(Engine::Sqlite, "USD", async |stage| plays(stage, &ops[..], Cut(0, 0)).await).unwrap();
}

/// By one sequence that is the same each time: chance seldom sets a limit and then asks for more.
#[test]
fn a_payout_that_waits_for_no_second_person_is_found() {
    let limit = Op::Policies {
        late: false,
        review: false,
        keep_fee: false,
        refuse: false,
        days: None,
        ppm: 0,
        approve_above: Some(100),
    };
    let ops = [
        limit,
        Op::Open { cents: 1_000, two_sellers: false, manual: false },
        Op::Pay { of: 0, card: Card::Good, mishap: None },
        Op::Fulfill { of: 0, order: 0 },
        Op::PayOut { second: false, cents: 101, mishap: None },
    ];
    let played = |protection: Option<Protection>| {
        on_stage(Engine::Sqlite, "USD", async |stage| match protection {
            Some(protection) => protection.without(plays(stage, &ops[..], Cut(0, 0))).await,
            None => acts(&stage, &ops[..], Cut(0, 0)).await,
        })
    };
    let wrong = played(Some(Protection::ApprovalGate)).expect_err("nobody misses it").to_string();
    assert!(wrong.contains("needs a second person"), "{wrong}");
    played(None).unwrap();
}

#[test]
fn a_refund_that_holds_nothing_is_found() {
    chance_shows(Protection::RefundHold, "refund");
}

macro_rules! on_both {
    ($($name:ident),+) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                super::$name(super::Engine::Sqlite);
            }

            #[test]
            fn postgres() {
                super::$name(super::Engine::Postgres);
            }
        }
    )+};
}

on_both!(laws_hold_after_every_step, a_crash_anywhere_ends_in_the_same_books);
