//! Work that was given up: seen, tried again or resolved by whom it concerns, and by nobody else.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::db::{Db, query};
use tollgate::dead_letters;
use tollgate::queue::{self, DeadJob, NewJob};
use tollgate::webhooks;
use tollgate::words::{Tenant, Timestamp};
use tollgate::worker::Worker;

use crate::console::{EMAIL, Visitor, actions, header};
use crate::support::door::Door;
use crate::support::{World, both_databases, eventually};

both_databases!(
    a_merchant_sees_its_own_and_nobody_elses,
    a_resolved_one_keeps_its_row_and_counts_no_more,
    one_is_tried_again_unless_its_work_was_asked_for_anew,
    asked_for_anew_at_the_same_moment_is_one_job,
    a_webhook_whose_job_died_is_given_up_and_open_again_with_its_job,
    a_person_reads_resolves_and_retries_and_the_log_says_so,
    all_of_a_kind_come_alive_once_each,
    a_merchant_reads_how_one_failed_and_retries_all_of_its_own,
);

const LEASE: Duration = Duration::from_secs(90);

fn job<'a>(kind: &'static str, key: &'a str, tenant: Option<&'a Tenant>, run_at: Timestamp) -> NewJob<'a> {
    NewJob { kind, key, payload: Value::Null, run_at, tenant }
}

/// A job that died; its lane, the first word of its kind, is best one that no worker works in.
async fn died(db: &Db, kind: &'static str, key: &str, tenant: Option<&Tenant>, now: Timestamp) -> DeadJob {
    let lane = kind.split('.').next().unwrap();
    let mut tx = db.begin().await.unwrap();
    queue::enqueue(&mut tx, job(kind, key, tenant, now)).await.unwrap();
    let claimed = queue::claim(&mut tx, lane, 1, now, LEASE).await.unwrap().remove(0);
    queue::bury(&mut tx, &claimed, now, "it <b>broke</b>").await.unwrap();
    let letter = dead_letters::find(&mut tx, &claimed.id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    letter
}

async fn a_merchant_sees_its_own_and_nobody_elses(world: World) {
    let door = Door::start(&world).await;
    let (own, other) = (door.merchant("Own").await, door.merchant("Other").await);
    let now = world.now();
    let mut mine = Vec::new();
    for key in ["re_1", "re_2", "re_3"] {
        mine.push(died(&world.db, "nothing.done", key, Some(&own.test), now).await.id.to_string());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    mine.reverse();
    let live = died(&world.db, "nothing.done", "re_4", Some(&own.live), now).await;
    died(&world.db, "nothing.done", "pev_1", None, now).await;
    let old = died(&world.db, "nothing.done", "re_5", Some(&own.test), now).await;
    let mut tx = world.db.begin().await.unwrap();
    query("update jobs set livemode = null where id = $1").bind(&old.id).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();

    let listed = async |path: &str, key: &str| -> Vec<String> {
        let list = door.get(path, key).await.ok();
        list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed("/v1/dead_letters", &own.key).await, mine);
    assert_eq!(listed("/v1/dead_letters", &own.live_key).await, [live.id.to_string()]);
    assert_eq!(listed("/v1/dead_letters", &other.key).await, Vec::<String>::new());
    let next = format!("/v1/dead_letters?limit=1&starting_after={}", mine[0]);
    assert_eq!(listed(&next, &own.key).await, mine[1..2]);
    let before = format!("/v1/dead_letters?ending_before={}", mine[2]);
    assert_eq!(listed(&before, &own.key).await, mine[..2]);
    let foreign = format!("/v1/dead_letters?starting_after={}", live.id);
    assert_eq!(door.get(&foreign, &own.key).await.refused(400), "cursor_unknown");
    assert_eq!(door.get("/v1/dead_letters?status=dead", &own.key).await.refused(400), "parameter_invalid");

    for (id, key) in [(&mine[0], &other.key), (&mine[0], &own.live_key), (&old.id.to_string(), &own.key)] {
        let path = format!("/v1/dead_letters/{id}");
        assert_eq!(door.post(&format!("{path}/retry"), key, &json!({})).await.refused(404), "resource_not_found");
        let resolved = door.post(&format!("{path}/resolve"), key, &json!({"reason": "x"})).await;
        assert_eq!(resolved.refused(404), "resource_not_found");
    }
    assert_eq!(queue::dead(&world.db, 10).await.unwrap().len(), 6, "nothing was changed");
}

async fn a_resolved_one_keeps_its_row_and_counts_no_more(world: World) {
    let door = Door::start(&world).await;
    let own = door.merchant("Own").await;
    let letter = died(&world.db, "nothing.done", "re_1", Some(&own.test), world.now()).await;
    let path = format!("/v1/dead_letters/{}", letter.id);
    for (body, code) in [
        (json!({}), "parameter_missing"),
        (json!({"reason": " "}), "parameter_invalid"),
        (json!({"reason": "x".repeat(501)}), "parameter_invalid"),
        (json!({"reason": "x", "by": "me"}), "parameter_unknown"),
    ] {
        assert_eq!(door.post(&format!("{path}/resolve"), &own.key, &body).await.refused(400), code, "{body}");
    }
    assert_eq!(queue::dead(&world.db, 10).await.unwrap().len(), 1);

    world.clock.advance(LEASE);
    let reason = "가".repeat(500);
    let resolved = door.post(&format!("{path}/resolve"), &own.key, &json!({"reason": reason})).await.ok();
    assert_eq!((resolved["status"].as_str(), resolved["reason"].as_str()), (Some("resolved"), Some(&*reason)));
    assert!(resolved["resolved_by"].as_str().unwrap().starts_with("key_"), "{resolved}");
    assert_eq!(resolved["resolved_at"], world.now().to_string());
    assert!(!resolved.to_string().contains("broke"), "our inner errors are not the merchant's to read");

    // What the metrics and the first page count.
    assert!(queue::dead(&world.db, 10).await.unwrap().is_empty());
    assert!(queue::depth(&world.db).await.unwrap().is_empty());
    assert_eq!(door.get("/v1/dead_letters", &own.key).await.ok()["data"], json!([]));
    assert_eq!(door.get("/v1/dead_letters?status=resolved", &own.key).await.ok()["data"], json!([resolved]));

    let again = door.post(&format!("{path}/resolve"), &own.key, &json!({"reason": "other"})).await;
    assert_eq!(again.refused(409), "dead_letter_resolved");
    let retried = door.post(&format!("{path}/retry"), &own.key, &json!({})).await;
    assert_eq!(retried.refused(409), "dead_letter_resolved");
    let kept = dead_letters::find(&world.db, &letter.id).await.unwrap().unwrap();
    assert_eq!((kept.resolved.unwrap().reason, kept.tries), (reason, 1));
}

async fn one_is_tried_again_unless_its_work_was_asked_for_anew(world: World) {
    let door = Door::start(&world).await;
    let own = door.merchant("Own").await;
    let letter = died(&world.db, "nothing.done", "re_1", Some(&own.test), world.now()).await;
    let path = format!("/v1/dead_letters/{}/retry", letter.id);
    let mut tx = world.db.begin().await.unwrap();
    queue::enqueue(&mut tx, job("nothing.done", "re_1", Some(&own.test), world.now())).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(door.post(&path, &own.key, &json!({})).await.refused(409), "dead_letter_superseded");

    let mut tx = world.db.begin().await.unwrap();
    let fresh = queue::claim(&mut tx, "nothing", 9, world.now(), LEASE).await.unwrap().remove(0);
    queue::done(&mut tx, &fresh).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(door.post(&path, &own.key, &json!({})).await.ok()["status"], "retrying");
    assert_eq!(door.post(&path, &own.key, &json!({})).await.refused(404), "resource_not_found", "it is alive");
    let mut tx = world.db.begin().await.unwrap();
    let alive = queue::claim(&mut tx, "nothing", 9, world.now(), LEASE).await.unwrap().remove(0);
    assert_eq!((alive.id, alive.tries), (letter.id, 1));
    tx.rollback().await.unwrap();
}

/// The same work is enqueued while somebody clicks, and neither sees the other yet.
async fn asked_for_anew_at_the_same_moment_is_one_job(world: World) {
    let door = Door::start(&world).await;
    let own = door.merchant("Own").await;
    let letter = died(&world.db, "nothing.done", "re_1", Some(&own.test), world.now()).await;
    let path = format!("/v1/dead_letters/{}/retry", letter.id);
    let mut tx = world.db.begin().await.unwrap();
    queue::enqueue(&mut tx, job("nothing.done", "re_1", Some(&own.test), world.now())).await.unwrap();
    let nothing = json!({});
    let (answer, ()) = futures_util::future::join(door.post(&path, &own.key, &nothing), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tx.commit().await.unwrap();
    })
    .await;
    assert_eq!(answer.refused(409), "dead_letter_superseded");
    assert_eq!(queue::dead(&world.db, 10).await.unwrap().len(), 1);
}

async fn a_webhook_whose_job_died_is_given_up_and_open_again_with_its_job(world: World) {
    let door = Door::start(&world).await;
    let own = door.merchant("Own").await;
    let hooks = json!({"url": "https://shop.example/hooks"});
    let endpoint = door.post("/v1/webhook_endpoints", &own.key, &hooks).await.ok();
    let test = format!("/v1/webhook_endpoints/{}/test", endpoint["id"].as_str().unwrap());
    let delivery = door.post(&test, &own.key, &json!({})).await.ok();
    let path = format!("/v1/webhook_deliveries/{}", delivery["id"].as_str().unwrap());
    // A job that takes its workers down with it.
    for deaths in 0..5 {
        let mut tx = world.db.begin().await.unwrap();
        let now = world.now();
        let claimed = match deaths {
            0 | 1 => queue::claim(&mut tx, "webhooks", 1, now, LEASE).await.unwrap().pop(),
            _ => queue::claim_suspect(&mut tx, "webhooks", now, LEASE).await.unwrap(),
        };
        assert_eq!(claimed.unwrap().deaths, deaths);
        tx.commit().await.unwrap();
        world.clock.advance(LEASE);
    }
    let worker = Worker::start(&door.app);
    let letter = eventually("the job dies", async || queue::dead(&world.db, 1).await.unwrap().pop()).await;
    assert!(worker.stop(Duration::from_secs(10)).await);
    assert_eq!((letter.kind.as_str(), letter.tenant.as_ref()), (webhooks::DELIVER, Some(&own.test)));
    let given_up = door.get(&path, &own.key).await.ok();
    assert_eq!((given_up["status"].as_str(), &given_up["next_attempt_at"]), (Some("failed"), &Value::Null));
    assert!(given_up["last_error"].as_str().unwrap().contains("its job was given up"), "{given_up}");

    let retry = format!("/v1/dead_letters/{}/retry", letter.id);
    door.post(&retry, &own.key, &json!({})).await.ok();
    assert_eq!(door.get(&path, &own.key).await.ok()["status"], "pending");
    assert!(queue::has_due(&world.db, "webhooks", world.now()).await.unwrap());

    // Sending the webhook again by hand deals with the letter too.
    let mut tx = world.db.begin().await.unwrap();
    let again = queue::claim(&mut tx, "webhooks", 1, world.now(), LEASE).await.unwrap().remove(0);
    queue::bury(&mut tx, &again, world.now(), "it broke").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(queue::dead(&world.db, 10).await.unwrap().len(), 1);
    door.post(&format!("{path}/resend"), &own.key, &json!({})).await.ok();
    assert!(queue::dead(&world.db, 10).await.unwrap().is_empty());
    let resolved = dead_letters::find(&world.db, &letter.id).await.unwrap().unwrap().resolved.unwrap();
    assert!(resolved.by.starts_with("key_"), "{resolved:?}");
}

async fn a_person_reads_resolves_and_retries_and_the_log_says_so(world: World) {
    let gateway = world.gateway().await;
    let (db, now) = (&gateway.app.db, gateway.app.now());
    let payment = gateway.paid_payment().await;
    let first = died(db, "nothing.done", &payment, Some(&gateway.tenant), now).await;
    let second = died(db, "nothing.done", "pev_1", None, now).await;
    let kim = Visitor::operator(&gateway).await;
    let list = kim.page("/console/dead-letters").await;
    assert!(list.contains(first.id.as_str()) && list.contains(second.id.as_str()), "{list}");
    let path = format!("/console/dead-letters/{}", first.id);
    let page = kim.page(&path).await;
    assert!(page.contains(&format!("href=\"/console/payments/{payment}\"")), "{page}");
    assert!(page.contains("Test shop") && page.contains("broke") && !page.contains("it <b>"), "{page}");

    let csrf = kim.csrf().await;
    let resolve = format!("{path}/resolve");
    assert_eq!(kim.post(&resolve, &[("reason", "why")]).await.status, 403);
    assert_eq!(kim.post(&format!("{path}/retry"), &[]).await.status, 403);
    assert_eq!(kim.post("/console/dead-letters/retry-all", &[("kind", "nothing.done")]).await.status, 403);
    for reason in ["", "  ", "a\nb", &"x".repeat(501)] {
        let answer = kim.post(&resolve, &[("csrf", &csrf), ("reason", reason)]).await;
        assert_eq!(header(&answer, "location"), format!("{path}?refused=reason"));
    }
    assert_eq!(queue::dead(db, 10).await.unwrap().len(), 2, "nothing was changed");

    let answer = kim.post(&resolve, &[("csrf", &csrf), ("reason", "paid <b>in cash</b>")]).await;
    assert_eq!((answer.status, header(&answer, "location")), (303, path.clone()));
    let page = kim.page(&path).await;
    assert!(page.contains(EMAIL) && page.contains("in cash") && !page.contains("paid <b>"), "{page}");
    assert!(!page.contains("Retry now"), "{page}");
    assert!(!kim.page("/console/dead-letters").await.contains(first.id.as_str()));
    assert!(kim.page("/console/dead-letters?status=resolved").await.contains(first.id.as_str()));
    let late = kim.post(&format!("{path}/retry"), &[("csrf", &csrf)]).await;
    assert_eq!(header(&late, "location"), format!("{path}?refused=state"));

    let retry = format!("/console/dead-letters/{}/retry", second.id);
    assert_eq!(header(&kim.post(&retry, &[("csrf", &csrf)]).await, "location"), "/console/dead-letters?retried=1");
    assert!(queue::has_due(db, "nothing", gateway.app.now()).await.unwrap());
    assert_eq!(kim.post(&retry, &[("csrf", &csrf)]).await.status, 404);
    let log = actions(&gateway).await;
    let count = |action: &str| log.iter().filter(|it| *it == action).count();
    assert_eq!((count("dead_letter.resolve"), count("dead_letter.retry")), (1, 1), "{log:?}");
    let audit = kim.page("/console/audit").await;
    assert!(audit.contains(first.id.as_str()) && audit.contains("in cash"), "{audit}");
    gateway.stop().await;
}

async fn all_of_a_kind_come_alive_once_each(world: World) {
    let gateway = world.gateway().await;
    let (db, now) = (&gateway.app.db, gateway.app.now());
    for key in ["a", "b", "b"] {
        died(db, "nothing.done", key, None, now).await;
    }
    died(db, "nothing.else", "a", None, now).await;
    let resolved = died(db, "nothing.done", "c", None, now).await;
    let mut tx = db.begin().await.unwrap();
    assert!(dead_letters::resolve(&mut tx, &resolved.id, "kim", "done by hand", now).await.unwrap());
    tx.commit().await.unwrap();

    let kim = Visitor::operator(&gateway).await;
    let fields = [("csrf", kim.csrf().await), ("kind", "nothing.done".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = kim.post("/console/dead-letters/retry-all", &fields).await;
    assert_eq!(header(&answer, "location"), "/console/dead-letters?retried=2");
    let left: Vec<(String, String)> =
        queue::dead(db, 10).await.unwrap().into_iter().map(|letter| (letter.kind, letter.key)).collect();
    let pair = |kind: &str, key: &str| (kind.to_owned(), key.to_owned());
    assert_eq!(left, [pair("nothing.done", "b"), pair("nothing.else", "a")]);
    // The other b is the same work as the one that is alive now.
    let again = kim.post("/console/dead-letters/retry-all", &fields).await;
    assert_eq!(header(&again, "location"), "/console/dead-letters?retried=0");
    let log = actions(&gateway).await;
    assert_eq!(log.iter().filter(|action| *action == "dead_letter.retry_all").count(), 1);
    gateway.stop().await;
}

async fn a_merchant_reads_how_one_failed_and_retries_all_of_its_own(world: World) {
    let door = Door::start(&world).await;
    let (own, other) = (door.merchant("Own").await, door.merchant("Other").await);
    let now = world.now();
    let mut tx = world.db.begin().await.unwrap();
    queue::enqueue(&mut tx, job("nothing.done", "re_1", Some(&own.test), now)).await.unwrap();
    for n in 1..=25 {
        let held = queue::claim_one(&mut tx, "nothing.done", "re_1", now, LEASE).await.unwrap().unwrap();
        queue::try_later(&mut tx, &held, now, now, &format!("failure {n} of 4242424242424242")).await.unwrap();
    }
    let held = queue::claim_one(&mut tx, "nothing.done", "re_1", now, LEASE).await.unwrap().unwrap();
    queue::bury(&mut tx, &held, now, "the last").await.unwrap();
    tx.commit().await.unwrap();
    let path = format!("/v1/dead_letters/{}", held.id);
    assert_eq!(door.get(&path, &other.key).await.refused(404), "resource_not_found");
    assert_eq!(door.get(&path, &own.live_key).await.refused(404), "resource_not_found");
    let failures = door.get(&path, &own.key).await.ok()["failures"].as_array().unwrap().clone();
    assert_eq!((failures.len(), &failures[19]["number"], &failures[19]["error"]), (20, &json!(26), &json!("the last")));
    assert!(!failures[0].to_string().contains("4242424242424242"), "{failures:?}");

    for (tenant, key) in [(&own.test, "re_2"), (&own.live, "re_3"), (&other.test, "re_4")] {
        died(&world.db, "nothing.done", key, Some(tenant), now).await;
    }
    let all = json!({"kind": "nothing.done"});
    assert_eq!(door.post("/v1/dead_letters/retry_all", &own.key, &all).await.ok()["retried"], 2);
    let left: Vec<String> = queue::dead(&world.db, 10).await.unwrap().into_iter().map(|letter| letter.key).collect();
    assert_eq!(left, ["re_3", "re_4"]);
    assert_eq!(door.post("/v1/dead_letters/retry_all", &own.key, &all).await.ok()["retried"], 0);
}
