//! What must hold whenever nothing is in flight: our books, and the PSP's own record beside them.

use tollgate::db::query;
use tollgate::integrity::{self, Scope};

use super::stage::Stage;

/// What is wrong; nothing is what one wants.
pub async fn broken(stage: &Stage) -> Vec<String> {
    let mut wrong = always(stage).await;
    wrong.extend(psp_disagrees(stage).await);
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
    wrong
}

fn taken_more_than_once(stage: &Stage) -> Vec<(String, usize)> {
    let record = stage.psp.record();
    let taken = record.registered.values().map(|psp_payment| (psp_payment.clone(), record.taken(psp_payment).1));
    taken.filter(|(_, n)| *n > 1).collect()
}

/// Payment by payment: what the PSP took and gave back against what we say.
async fn psp_disagrees(stage: &Stage) -> Vec<String> {
    let rows = query(
        "select p.id, p.psp_payment, p.captured,
             (select cast(coalesce(sum(r.amount), 0) as bigint) from refunds r
              where r.payment_id = p.id and r.status = 'succeeded') as refunded
         from payments p where p.psp_payment is not null",
    );
    let rows = rows.all(&stage.app.db).await.unwrap();
    let record = stage.psp.record();
    let mut wrong = Vec::new();
    for row in rows {
        let (id, psp_payment): (String, String) = (row.get("id").unwrap(), row.get("psp_payment").unwrap());
        let ours: (i64, i64) = (row.get("captured").unwrap(), row.get("refunded").unwrap());
        let theirs = (record.taken(&psp_payment).0, record.returned(&psp_payment));
        if ours != theirs {
            wrong.push(format!("{id}: we say {ours:?} was taken and given back, the PSP {theirs:?}"));
        }
    }
    wrong
}

/// Final states are told once; money is with exactly the sessions that say so; nobody owes what they never had.
const ALWAYS: &str = "select kind || ' of ' || object_id || ' is told ' || count(*) || ' times' as what from events
         where kind <> 'payment.attempt_declined' group by kind, object_id having count(*) > 1
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
         where status = 'dead'
     union all select 'nothing is refunded, yet ' || reserved || ' is reserved for ' || seller_id from wallets
         where reserved <> 0 and not exists (select 1 from refunds where status = 'pending')";
