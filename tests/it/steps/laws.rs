//! What must hold whenever nothing is in flight: our books, and the PSP's own record beside them.

use std::collections::BTreeMap;

use tollgate::db::{Row, query};
use tollgate::integrity::{self, Scope};

use super::model_psp::Sent;
use super::stage::Stage;

/// What is wrong; nothing is what one wants.
pub async fn broken(stage: &Stage) -> Vec<String> {
    let mut wrong = always(stage).await;
    wrong.extend(psp_disagrees(stage).await);
    wrong.extend(second_charges_disagree(stage).await);
    wrong.extend(bank_disagrees(stage).await);
    wrong.extend(contested_otherwise(stage).await);
    for row in query(LEFT).all(&stage.app.db).await.unwrap() {
        wrong.push(row.get("what").unwrap());
    }
    wrong
}

/// What must hold after every commit, whatever is in flight.
pub async fn always(stage: &Stage) -> Vec<String> {
    let report = integrity::check(&stage.app.db, Scope::Everything).await.unwrap();
    let mut wrong = Vec::new();
    for check in report.checks.iter().filter(|check| check.broken > 0) {
        wrong.push(format!("{}: {:?}", check.name, check.findings));
    }
    for row in query(ALWAYS).all(&stage.app.db).await.unwrap() {
        wrong.push(row.get("what").unwrap());
    }
    for (psp_payment, n) in taken_more_than_once(stage) {
        wrong.push(format!("the PSP took the money of {psp_payment} {n} times"));
    }
    wrong.extend(sent_without_a_payout(stage).await);
    wrong.extend(let_go_by_nobody(stage).await);
    wrong
}

/// Every order that the bank ever had is one of our payouts, and of its amount.
async fn sent_without_a_payout(stage: &Stage) -> Vec<String> {
    let rows = query("select id, amount from payouts").all(&stage.app.db).await.unwrap();
    let ours: BTreeMap<String, i64> =
        rows.iter().map(|row| (row.get("id").unwrap(), row.get("amount").unwrap())).collect();
    let record = stage.psp.record();
    let strange = record.transfers.iter().filter(|(key, transfer)| ours.get(*key) != Some(&transfer.amount));
    strange.map(|(key, transfer)| format!("the bank was told to send {} as {key}", transfer.amount)).collect()
}

/// What is above the limit waits until a second person has let it go.
async fn let_go_by_nobody(stage: &Stage) -> Vec<String> {
    let Some(limit) = stage.limit else { return Vec::new() };
    let above = query(
        "select id from payouts where amount > $1 and decided_by is null and status not in ('needs_approval', 'canceled')",
    );
    let above = above.bind(limit).all(&stage.app.db).await.unwrap();
    above.iter().map(|row| format!("{} was let go by nobody", row.get::<String>("id").unwrap())).collect()
}

/// Payout by payout: what the bank sent, and what it had sent back, against what we say.
async fn bank_disagrees(stage: &Stage) -> Vec<String> {
    let rows = query("select id, status from payouts").all(&stage.app.db).await.unwrap();
    let record = stage.psp.record();
    let mut wrong = Vec::new();
    for row in rows {
        let (id, status): (String, String) = (row.get("id").unwrap(), row.get("status").unwrap());
        let theirs = record.transfers.get(&id).map(|transfer| transfer.sent);
        let agrees = match status.as_str() {
            "needs_approval" | "canceled" => theirs.is_none(),
            "failed" => matches!(theirs, None | Some(Sent::Rejected)),
            "paid" => theirs == Some(Sent::Arrived),
            "returned" => theirs == Some(Sent::CameBack),
            _ => false,
        };
        if !agrees {
            wrong.push(format!("{id}: we say {status}, the bank {theirs:?}"));
        }
    }
    wrong
}

/// Dispute by dispute: how it stands at the PSP, and here.
async fn contested_otherwise(stage: &Stage) -> Vec<String> {
    let rows = query("select psp_reference, status, amount from disputes order by psp_reference");
    let text = |row: &Row, column: &str| row.get::<String>(column).unwrap();
    let rows = rows.all(&stage.app.db).await.unwrap();
    let ours: BTreeMap<String, (String, i64)> = rows
        .iter()
        .map(|row| (text(row, "psp_reference"), (text(row, "status"), row.get("amount").unwrap())))
        .collect();
    let record = stage.psp.record();
    let theirs = record
        .contests
        .iter()
        .map(|contest| (contest.reference.clone(), (contest.status.as_str().to_owned(), contest.amount.minor())));
    let theirs: BTreeMap<_, _> = theirs.collect();
    if ours == theirs { Vec::new() } else { vec![format!("we say {ours:?} is contested, the PSP {theirs:?}")] }
}

/// More often than the PSP itself decided: a decline that was none is not ours.
fn taken_more_than_once(stage: &Stage) -> Vec<(String, usize)> {
    let record = stage.psp.record();
    let taken = record.registered.values().map(|psp_payment| (psp_payment.clone(), record.taken(psp_payment).1));
    taken.filter(|(psp_payment, n)| *n > 1 + usize::from(record.regretted.contains(psp_payment))).collect()
}

/// Payment by payment: what the PSP took and gave back against what we say.
async fn psp_disagrees(stage: &Stage) -> Vec<String> {
    let rows = query(
        "select p.id, p.psp_payment, p.captured, p.amount, p.capture,
             (select count(*) from attempts a where a.payment_id = p.id and a.second_charge is not null) as second_charges,
             (select cast(coalesce(sum(r.amount), 0) as bigint) from refunds r
              where r.payment_id = p.id and r.status = 'succeeded') as refunded
         from payments p where p.psp_payment is not null",
    );
    let rows = rows.all(&stage.app.db).await.unwrap();
    let record = stage.psp.record();
    let mut wrong = Vec::new();
    for row in rows {
        let (id, psp_payment): (String, String) = (row.get("id").unwrap(), row.get("psp_payment").unwrap());
        let mut ours: (i64, i64) = (row.get("captured").unwrap(), row.get("refunded").unwrap());
        // A second charge is none of the payment's, and yet known. A hold ends once, however many cards hold it.
        if row.get::<String>("capture").unwrap() == "automatic" {
            ours.0 += row.get::<i64>("amount").unwrap() * row.get::<i64>("second_charges").unwrap();
        }
        let theirs = (record.taken(&psp_payment).0, record.returned(&psp_payment));
        if ours != theirs {
            wrong.push(format!("{id}: we say {ours:?} was taken and given back, the PSP {theirs:?}"));
        }
    }
    wrong
}

/// Charge by charge: what was taken beside what paid goes back by its own name, whole and once; or a person knows of it.
async fn second_charges_disagree(stage: &Stage) -> Vec<String> {
    let rows = query(
        "select a.id, a.second_charge, (select cast(coalesce(sum(r.amount), 0) as bigint) from refunds r
             where r.attempt_id = a.id and r.status = 'succeeded') as returned
         from attempts a where a.second_charge is not null",
    );
    let rows = rows.all(&stage.app.db).await.unwrap();
    let record = stage.psp.record();
    let mut wrong = Vec::new();
    for row in rows {
        let (charge, ours): (String, i64) = (row.get("second_charge").unwrap(), row.get("returned").unwrap());
        let theirs = record.returned_of(&charge);
        if ours != theirs {
            wrong.push(format!("we say that {ours} of {charge} was given back, the PSP {theirs}"));
        }
    }
    wrong
}

/// Final states are told once; money is with exactly the sessions that say so; nobody owes what they never had.
const ALWAYS: &str = "select kind || ' of ' || object_id || ' is told ' || count(*) || ' times' as what from events
         where kind not in ('payment.attempt_declined', 'payment.charged_twice', 'dispute.evidence_refused', 'dispute.acceptance_refused') group by kind, object_id having count(*) > 1
     union all select s.id || ' is ' || s.status || ' and its payment ' || p.status
         from checkout_sessions s join payments p on p.id = s.payment_id
         where s.status = 'complete' and p.status not in ('succeeded', 'authorized', 'canceled')
            or s.status <> 'complete' and p.status in ('succeeded', 'authorized')
                and not exists (select 1 from refunds r where r.payment_id = p.id and r.reason = 'late_success')
                and not exists (select 1 from captures c where c.payment_id = p.id and c.reason = 'late_success')
            or s.status = 'expired' and p.status in ('requires_payment', 'processing')
     union all select 'the wallet of ' || seller_id || ' is below nothing' from wallets
         where pending < 0 or reserved < 0 or paying_out < 0";

/// Once it is quiet there is no work left for a person, and nothing held.
const LEFT: &str = "select 'a person has to look at ' || kind || ': ' || coalesce(last_error, '') as what from jobs
         where status = 'dead' and not exists (select 1 from attempts a where a.id = jobs.key and a.second_charge is not null)
     union all select id || ' was charged for a second time, and nobody is told' from attempts
         where second_charge is not null and not exists (select 1 from jobs j
             where j.kind = 'payments.recover' and j.key = attempts.id and j.status = 'dead')
             and not exists (select 1 from refunds r where r.attempt_id = attempts.id and r.status = 'succeeded')
     union all select 'nothing is refunded, yet ' || reserved || ' is reserved for ' || seller_id from wallets
         where reserved <> 0 and not exists (select 1 from refunds where status = 'pending')
             and not exists (select 1 from disputes where status in ('needs_response', 'under_review'))
     union all select 'nothing is on its way, yet ' || paying_out || ' is held for ' || seller_id from wallets
         where paying_out <> 0 and not exists (select 1 from payouts
             where status in ('needs_approval', 'pending', 'processing'))";
