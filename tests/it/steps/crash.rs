//! Crash points: an operation dies before each of its steps in turn, and what follows must end as if it had gone well, or as
//! if it had never been.

use super::actor::{Actor, At, Work};
use super::calm::{calm, end};
use super::laws;
use super::picture::{counts, difference, picture};
use super::stage::{Prepare, Stage, Template};
use tollgate::steps::Step;

/// What its client does after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Asks again, with the same idempotency key where there is one.
    AsksAgain,
    /// Looks, and asks again when nothing has happened: a shopper whose card may be declined.
    AsksAgainIfNothingHappened,
    /// Never gives up: a PSP sends its webhook until it is taken.
    NeverGone,
}

/// One operation, on a stage that was prepared for it.
pub struct Operation {
    pub name: &'static str,
    pub prepare: Prepare,
    pub work: Work,
    pub client: Client,
}

/// How many crash points there were.
#[derive(Debug, Clone, Copy, Default)]
pub struct Died {
    pub points: usize,
    /// So many different states they left behind.
    pub states: usize,
}

/// Lets the operation die before every one of its steps. Those that leave the same behind have one future, which is lived
/// once.
///
/// # Errors
/// What came of the first crash that did not end well.
pub async fn every_crash(operation: &Operation) -> Result<Died, String> {
    let template = Template::make(operation.prepare).await;
    let (steps, done) = undisturbed(&template, operation).await?;
    assert!(steps > 3, "{}: only {steps} steps are seen", operation.name);
    let (untouched, never) = not_at_all(&template).await?;
    let (mut died, mut left, mut last) = (Died::default(), None, Step::Commit);
    for step in 1..=steps {
        died.points += 1;
        for comes_back in [false, true] {
            let stage = template.stage().await;
            let before = die_before(&stage, operation.work, step).await;
            let context = format!(
                "{}, dead before step {step} ({before:?}), and its client {}",
                operation.name,
                if comes_back { "comes back" } else { "is gone" }
            );
            if !comes_back {
                // Nothing lasts but what was committed, and what the PSP did.
                let changes = matches!(last, Step::Commit | Step::Call(_));
                let leaves = Some(left_behind(&stage).await);
                last = before;
                if !changes {
                    if leaves != left {
                        return Err(format!("{context}: what was never committed is there all the same"));
                    }
                    break;
                }
                left = leaves;
                died.states += 1;
            }
            lives_on(&stage, operation, comes_back, &untouched).await.map_err(|wrong| format!("{context}: {wrong}"))?;
            let now = picture(&stage.app.db).await;
            let comes_back = comes_back || operation.client == Client::NeverGone;
            if now != done && (comes_back || now != never) {
                let differs = difference(&done, &now);
                return Err(format!("{context}: it ends otherwise than without the crash:\n{differs}"));
            }
        }
    }
    Ok(died)
}

/// Everything that outlives a crash: our rows, and what the PSP knows.
async fn left_behind(stage: &Stage) -> (Vec<String>, String) {
    let mut rows = picture(&stage.app.db).await;
    rows.extend(counts(&stage.app.db).await);
    (rows, format!("{:?}", stage.psp.record().counts()))
}

/// What follows a crash, with every law kept at every rest.
async fn lives_on(stage: &Stage, operation: &Operation, comes_back: bool, untouched: &[String]) -> Result<(), String> {
    right(&laws::always(stage).await)?;
    calm(stage).await?;
    let comes_back = comes_back || operation.client == Client::NeverGone;
    if operation.client == Client::NeverGone {
        (operation.work)(stage.clone()).await;
        calm(stage).await?;
    }
    let nothing_happened = || async { picture(&stage.app.db).await == untouched };
    if comes_back && (operation.client != Client::AsksAgainIfNothingHappened || nothing_happened().await) {
        right(&laws::broken(stage).await)?;
        (operation.work)(stage.clone()).await;
    }
    end(stage).await?;
    right(&laws::broken(stage).await)
}

fn right(wrong: &[String]) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Dies before its `n`-th step; says which that was.
async fn die_before(stage: &Stage, work: Work, n: usize) -> Step {
    let mut actor = Actor::begin("it", work(stage.clone())).await;
    for _ in 1..n {
        actor.go().await;
    }
    let At::Before(step) = actor.at.clone() else { panic!("it takes fewer steps than the first time") };
    actor.die();
    step
}

/// How many steps it takes, and how it ends.
async fn undisturbed(template: &Template, operation: &Operation) -> Result<(usize, Vec<String>), String> {
    let stage = template.stage().await;
    let mut actor = Actor::begin("it", (operation.work)(stage.clone())).await;
    let mut steps = 0;
    while !actor.is_over() {
        steps += 1;
        actor.go().await;
    }
    let undisturbed = |wrong| format!("{}, undisturbed: {wrong}", operation.name);
    right(&actor.wrong()).map_err(undisturbed)?;
    end(&stage).await.map_err(undisturbed)?;
    right(&laws::broken(&stage).await).map_err(undisturbed)?;
    Ok((steps, picture(&stage.app.db).await))
}

/// How it is, and how it ends, when the operation never takes place.
async fn not_at_all(template: &Template) -> Result<(Vec<String>, Vec<String>), String> {
    let stage = template.stage().await;
    calm(&stage).await?;
    let untouched = picture(&stage.app.db).await;
    end(&stage).await?;
    Ok((untouched, picture(&stage.app.db).await))
}
