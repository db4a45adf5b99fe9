//! What one step may do to sellers' money, and what the statements of a seller must come to after it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::Value;
use tollgate::db::{Db, Row, query};
use tollgate::ledger::statements::{self, Period, Pockets, Summary};
use tollgate::wallets;
use tollgate::words::{Money, SellerId, Timestamp};

use crate::steps::stage::Stage;

/// Takes from what is available, and is refused where that is not there.
const MUST_BE_THERE: [&str; 2] = ["payout_asked", "correction"];
/// Nobody asks whether it is there: the shopper's bank has it already.
const IS_GONE: &str = "dispute_opened";
/// As the merchant decides.
const AS_DECIDED: &str = "refund_asked";

/// What stood before a step.
pub struct Before {
    /// Above so many minor units a payout needs a second person.
    limit: Option<i64>,
    payouts: BTreeSet<String>,
    available: BTreeMap<String, i64>,
    journals: BTreeSet<String>,
    batches: BTreeSet<String>,
    may_owe: bool,
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).unwrap()
}

fn number(row: &Row, column: &str) -> i64 {
    row.get(column).unwrap()
}

async fn available(db: &Db) -> BTreeMap<String, i64> {
    let rows = query("select seller_id, available from wallets").all(db).await.unwrap();
    rows.iter().map(|row| (text(row, "seller_id"), number(row, "available"))).collect()
}

pub async fn before(stage: &Stage) -> Before {
    let db = &stage.app.db;
    let journals = query("select id from journals").all(db).await.unwrap();
    let refuses = query("select count(*) as n from policies where name = 'negative_balance' and value = '\"refuse\"'");
    let limits = query("select value from policies where name = 'payout_approval_above'");
    let limits = limits.optional(db).await.unwrap().map(|row| text(&row, "value"));
    let limits: Option<Value> = limits.map(|limits| serde_json::from_str(&limits).unwrap());
    let limit = limits.as_ref().and_then(|limits| limits[stage.currency.code()].as_str());
    Before {
        limit: limit.map(|limit| Money::parse(limit, stage.currency).unwrap().minor()),
        payouts: payouts(db).await.into_iter().map(|(id, ..)| id).collect(),
        available: available(db).await,
        journals: journals.iter().map(|row| text(row, "id")).collect(),
        batches: batches(db).await.into_iter().map(|batch| batch.key).collect(),
        may_owe: number(&refuses.one(db).await.unwrap(), "n") == 0,
    }
}

/// What the step did that it must not do.
pub async fn unlawful(stage: &Stage, before: &Before) -> Vec<String> {
    let mut wrong = not_there(stage, before).await;
    wrong.extend(out_of_turn(stage, before).await);
    wrong.extend(unapproved(stage, before).await);
    wrong
}

/// What was taken from available money must have been there when it was taken, unless it was gone anyhow or the merchant
/// lets sellers owe.
async fn not_there(stage: &Stage, before: &Before) -> Vec<String> {
    let mut changes: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    for row in query(AVAILABLE).all(&stage.app.db).await.unwrap() {
        if !before.journals.contains(&text(&row, "journal_id")) {
            let seller = text(&row, "account").split(':').nth(1).unwrap().to_owned();
            changes.entry(seller).or_default().push((text(&row, "kind"), number(&row, "change")));
        }
    }
    let mut wrong = Vec::new();
    for (seller, changes) in changes {
        let was = before.available.get(&seller).copied().unwrap_or_default();
        let came: i64 = changes.iter().map(|(_, change)| *change).filter(|change| *change > 0).sum();
        let strict = |kind: &str| MUST_BE_THERE.contains(&kind) || (kind == AS_DECIDED && !before.may_owe);
        for (kind, _) in changes.iter().filter(|(_, change)| *change < 0) {
            if !strict(kind) && kind != IS_GONE && kind != AS_DECIDED {
                wrong.push(format!("{kind} takes what is available of {seller}"));
            }
        }
        let taken = changes.iter().filter(|(kind, change)| *change < 0 && strict(kind));
        let taken: i64 = taken.map(|(_, change)| -change).sum();
        if taken > was.max(0) + came {
            wrong.push(format!("{seller} had {was}, {came} came, and {taken} was taken: {changes:?}"));
        }
    }
    wrong
}

/// What each journal changed of each seller's available money.
const AVAILABLE: &str = "select x.journal_id, j.kind, x.account, cast(sum(x.change) as bigint) as change from (
     select journal_id, credit_account as account, amount as change from transfers where credit_account like '%:available'
     union all select journal_id, debit_account, -amount from transfers where debit_account like '%:available'
     ) x join journals j on j.id = x.journal_id group by x.journal_id, j.kind, x.account";

struct Batch {
    key: String,
    seller: String,
    period: String,
    available: i64,
    payable: i64,
    at: i64,
}

async fn batches(db: &Db) -> Vec<Batch> {
    let rows = query("select seller_id, period, available, payable, created_at from payout_batches").all(db).await;
    rows.unwrap()
        .iter()
        .map(|row| Batch {
            key: format!("{} {}", text(row, "seller_id"), text(row, "period")),
            seller: text(row, "seller_id"),
            period: text(row, "period"),
            available: number(row, "available"),
            payable: number(row, "payable"),
            at: number(row, "created_at"),
        })
        .collect()
}

/// A turn of a schedule comes on one of its days and not before its hour there, leaves what is too young and the reserve, and
/// pays no less than the minimum.
async fn out_of_turn(stage: &Stage, before: &Before) -> Vec<String> {
    let mut wrong = Vec::new();
    for batch in batches(&stage.app.db).await.into_iter().filter(|batch| !before.batches.contains(&batch.key)) {
        let row = query("select payout_schedule from sellers where id = $1").bind(&batch.seller);
        let schedule = text(&row.one(&stage.app.db).await.unwrap(), "payout_schedule");
        let schedule: Value = serde_json::from_str(&schedule).unwrap();
        let mut demand = |holds: bool, what: &str| {
            if !holds {
                let Batch { key, available, payable, .. } = &batch;
                wrong.push(format!("{key} is paid {payable} of {available} under {schedule}: {what}"));
            }
        };
        demand(is_a_day_of(&schedule, &batch), "this is none of its days, or it has not come yet");
        if batch.payable == 0 {
            continue;
        }
        let days = |name: &str| schedule[name].as_i64().unwrap();
        let left = batch.available - batch.payable;
        let young = delivered_within(stage, &batch, days("delay_days")).await;
        demand(left >= young, &format!("{young} is too young"));
        let of = match days("reserve_days") {
            0 => batch.available.max(0),
            days => delivered_within(stage, &batch, days).await,
        };
        let reserve = (i128::from(of) * i128::from(days("reserve_ppm")) + 999_999) / 1_000_000;
        demand(i128::from(left) >= reserve, &format!("the reserve is {reserve}"));
        let minimum = schedule["minimum"][stage.currency.code()].as_str();
        let minimum = minimum.map_or(0, |minimum| Money::parse(minimum, stage.currency).unwrap().minor());
        demand(batch.payable >= minimum, "that is below the minimum");
    }
    wrong
}

/// By the calendar itself.
fn is_a_day_of(schedule: &Value, batch: &Batch) -> bool {
    let date: Date = batch.period.parse().unwrap();
    let on_a_day = match schedule["interval"].as_str().unwrap() {
        "daily" => true,
        "weekly" => format!("{:?}", date.weekday()).to_lowercase() == schedule["weekday"].as_str().unwrap(),
        "monthly" => {
            i64::from(date.day()) == schedule["month_day"].as_i64().unwrap().min(i64::from(date.days_in_month()))
        }
        _ => false,
    };
    let hour = i8::try_from(schedule["hour"].as_i64().unwrap()).unwrap();
    let due = date.at(hour, 0, 0, 0).in_tz(schedule["time_zone"].as_str().unwrap()).unwrap();
    on_a_day && due.timestamp().as_microsecond() <= batch.at
}

/// What deliveries made available to a batch's seller within so many days before it.
async fn delivered_within(stage: &Stage, batch: &Batch, days: i64) -> i64 {
    let delivered = query(
        "select cast(coalesce(sum(t.amount), 0) as bigint) as n from transfers t join journals j on j.id = t.journal_id
         where j.kind = 'fulfillment' and t.credit_account = $1 and t.created_at > $2 and t.created_at < $3",
    );
    let since = batch.at - days * 24 * 60 * 60 * 1_000_000;
    let delivered = delivered.bind(format!("seller:{}:available", batch.seller)).bind(since).bind(batch.at);
    number(&delivered.one(&stage.app.db).await.unwrap(), "n")
}

/// Payouts with what they send and whether they wait for a second person.
async fn payouts(db: &Db) -> Vec<(String, i64, bool)> {
    let rows = query("select id, amount, status from payouts").all(db).await.unwrap();
    rows.iter().map(|row| (text(row, "id"), number(row, "amount"), text(row, "status") == "needs_approval")).collect()
}

/// What is taken on above the merchant's limit waits for a second person.
async fn unapproved(stage: &Stage, before: &Before) -> Vec<String> {
    let taken_on = payouts(&stage.app.db).await.into_iter().filter(|(id, ..)| !before.payouts.contains(id));
    let above = taken_on.filter(|(_, amount, waits)| before.limit.is_some_and(|limit| *amount > limit) && !waits);
    above.map(|(id, amount, _)| format!("{id} of {amount} needs a second person and waits for none")).collect()
}

/// Where statements are cut: so many of a thousandth of the instants at which something was posted.
#[derive(Debug, Clone, Copy)]
pub struct Cut(pub u32, pub u32);

const NEVER: Timestamp = Timestamp::from_micros(0);
const FOR_EVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// A seller's statements, of everything and of three periods that make it up, say the same as each other, as the wallet, and
/// as the payouts.
pub async fn statements_disagree(stage: &Stage, cut: Cut) -> Vec<String> {
    let rows = query("select distinct created_at from journals order by created_at").all(&stage.app.db).await.unwrap();
    let times: Vec<i64> = rows.iter().map(|row| number(row, "created_at")).collect();
    let at = |thousandth: u32| {
        let index = times.len() * thousandth as usize / 1_000;
        // Between two instants as well as at one.
        Timestamp::from_micros(times.get(index).copied().unwrap_or_default() + i64::from(thousandth % 2))
    };
    let (from, to) = (at(cut.0).min(at(cut.1)), at(cut.0).max(at(cut.1)));
    let mut wrong = Vec::new();
    for seller in [&stage.first, &stage.second] {
        let of = async |from, to| summary(stage, seller, from, to).await;
        let whole = of(NEVER, FOR_EVER).await;
        let parts = [of(NEVER, from).await, of(from, to).await, of(to, FOR_EVER).await];
        let told = one_disagrees(stage, seller, &whole, &parts).await;
        wrong.extend(told.into_iter().map(|told| format!("statement of {seller}: {told}")));
    }
    wrong
}

async fn summary(stage: &Stage, seller: &SellerId, from: Timestamp, to: Timestamp) -> Summary {
    let period = Period { seller: seller.clone(), currency: stage.currency, from, to };
    statements::summary(&mut stage.app.db.snapshot().await.unwrap(), &stage.tenant, &period).await.unwrap()
}

async fn one_disagrees(stage: &Stage, seller: &SellerId, whole: &Summary, parts: &[Summary; 3]) -> Vec<String> {
    let mut wrong: Vec<String> = Vec::new();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let wallet = wallets::of_seller(&stage.app.db, &stage.tenant, seller).await.unwrap();
    let wallet = wallet.first().map_or_else(Pockets::default, |wallet| Pockets {
        pending: wallet.pending,
        available: wallet.available,
        paying_out: wallet.paying_out,
        reserved: wallet.reserved,
    });
    demand(whole.opening.is_nothing(), "something was there before everything");
    demand(whole.closing == wallet, &format!("it does not end as the wallet, {wallet:?}"));
    let all = || parts.iter().chain([whole]);
    demand(all().all(|it| it.unexplained.is_nothing()), "something is not explained");
    demand(all().all(|it| sum(it.opening, it.changes) == it.closing), "opening and lines are not closing");
    demand(parts[0].opening == whole.opening, "the first period begins otherwise");
    demand(parts.windows(2).all(|two| two[0].closing == two[1].opening), "a period begins as no other ended");
    demand(parts[2].closing == whole.closing, "the last period ends otherwise");
    demand(parts.iter().map(|it| it.count).sum::<i64>() == whole.count, "lines are counted twice, or not at all");
    let amounts = |summary: &Summary| -> BTreeMap<String, i64> {
        summary.payouts.iter().map(|payout| (payout.source_id.clone(), payout.amount)).collect()
    };
    let of_parts: BTreeMap<String, i64> = parts.iter().flat_map(amounts).collect();
    let rows = query("select id, amount from payouts where seller_id = $1").bind(seller).all(&stage.app.db).await;
    let paid: BTreeMap<String, i64> =
        rows.unwrap().iter().map(|row| (text(row, "id"), number(row, "amount"))).collect();
    demand(amounts(whole) == paid && of_parts == paid, &format!("it does not tell the payouts {paid:?}"));
    for summary in all() {
        let mut carried = summary.opening.available;
        for payout in &summary.payouts {
            demand(payout.carried == carried, "a payout begins with something else than was left");
            demand(payout.carried + payout.lines == payout.amount + payout.remainder, "a payout is not its lines");
            carried = payout.remainder;
        }
    }
    if !wrong.is_empty() {
        wrong.push(format!("{whole:?} of {parts:?}"));
    }
    wrong
}

fn sum(one: Pockets, other: Pockets) -> Pockets {
    Pockets {
        pending: one.pending + other.pending,
        available: one.available + other.available,
        paying_out: one.paying_out + other.paying_out,
        reserved: one.reserved + other.reserved,
    }
}
