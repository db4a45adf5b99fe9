//! The queue: a job is there exactly when its reason is, and runs on one worker at a time whatever dies.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use tollgate::db::{Db, query};
use tollgate::queue::{self, Job, NewJob, Room, Settled};
use tollgate::words::{MerchantId, Mode, Tenant, Timestamp};
use tollgate::worker::Worker;

use crate::support::{World, both_databases};

both_databases!(
    a_job_lives_and_dies_with_its_transaction,
    many_workers_run_each_job_once,
    a_lease_that_ended_passes_the_job_on_and_fences_the_slow_worker,
    a_lease_is_renewed_by_its_holder_alone,
    the_same_work_is_one_job_and_is_never_forgotten,
    a_dead_letter_is_out_of_the_way_until_somebody_revives_it,
    merchants_take_turns,
    lanes_do_not_mix,
    merchants_take_turns_however_much_of_one_is_waiting,
    room_is_left_for_whoever_has_nothing_running,
    a_job_that_kills_its_workers_is_buried_alone,
    a_job_whose_workers_died_of_something_else_is_done,
    deaths_do_not_count_as_failures,
    what_cannot_be_read_fails_by_itself,
    a_kind_that_only_a_newer_program_knows_waits_for_it,
    a_stopping_worker_claims_nothing_more,
);

const LEASE: Duration = Duration::from_secs(90);

fn job(key: &str, run_at: Timestamp) -> NewJob<'_> {
    NewJob { kind: "webhooks.nothing", key, payload: json!({"for": key}), run_at, tenant: None }
}

fn of<'a>(tenant: &'a Tenant, key: &'a str, run_at: Timestamp) -> NewJob<'a> {
    NewJob { tenant: Some(tenant), ..job(key, run_at) }
}

async fn enqueue(db: &Db, jobs: Vec<NewJob<'_>>) {
    let mut tx = db.begin().await.unwrap();
    queue::enqueue_all(&mut tx, &jobs).await.unwrap();
    tx.commit().await.unwrap();
}

async fn claim(db: &Db, limit: i64, now: Timestamp) -> Vec<Job> {
    let mut tx = db.begin().await.unwrap();
    let claimed = queue::claim(&mut tx, "webhooks", limit, now, LEASE).await.unwrap();
    tx.commit().await.unwrap();
    claimed
}

async fn done(db: &Db, job: &Job) -> Settled {
    let mut tx = db.begin().await.unwrap();
    let settled = queue::done(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    settled
}

/// Jobs by status, of all lanes.
async fn depth(db: &Db) -> BTreeMap<String, i64> {
    let mut all = BTreeMap::new();
    for (_, status, jobs) in queue::depth(db).await.unwrap() {
        *all.entry(status).or_default() += jobs;
    }
    all
}

async fn a_job_lives_and_dies_with_its_transaction(world: World) {
    let mut tx = world.db.begin().await.unwrap();
    queue::enqueue(&mut tx, job("a", world.now())).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(!queue::has_due(&world.db, "webhooks", world.now()).await.unwrap());

    enqueue(&world.db, vec![job("a", world.now().plus(LEASE))]).await;
    assert!(claim(&world.db, 1, world.now()).await.is_empty(), "it is not due yet");
    world.clock.advance(LEASE);
    assert!(queue::has_due(&world.db, "webhooks", world.now()).await.unwrap());
    let claimed = claim(&world.db, 5, world.now()).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].key.as_str(), claimed[0].tries), ("a", 1));
    assert_eq!(claimed[0].payload, Some(json!({"for": "a"})));
    assert_eq!(done(&world.db, &claimed[0]).await, Settled::Kept);
    assert!(depth(&world.db).await.is_empty(), "a finished job leaves nothing behind");
}

async fn many_workers_run_each_job_once(world: World) {
    let keys: Vec<String> = (0..150).map(|n| format!("job-{n}")).collect();
    enqueue(&world.db, keys.iter().map(|key| job(key, world.now())).collect()).await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        let (db, now) = (world.second_db().await, world.now());
        workers.push(tokio::spawn(async move {
            let mut ran = Vec::new();
            while queue::has_due(&db, "webhooks", now).await.unwrap() {
                for job in claim(&db, 7, now).await {
                    tokio::task::yield_now().await;
                    assert_eq!(done(&db, &job).await, Settled::Kept);
                    ran.push(job.key);
                }
            }
            db.close().await;
            ran
        }));
    }
    let mut ran = Vec::new();
    for worker in workers {
        ran.extend(worker.await.unwrap());
    }
    ran.sort();
    let mut keys = keys;
    keys.sort();
    assert_eq!(ran, keys);
}

async fn a_lease_that_ended_passes_the_job_on_and_fences_the_slow_worker(world: World) {
    enqueue(&world.db, vec![job("a", world.now())]).await;
    let slow = claim(&world.db, 1, world.now()).await.remove(0);
    assert!(claim(&world.db, 1, world.now()).await.is_empty(), "nobody else gets it while the lease holds");
    world.clock.advance(LEASE);
    let next = claim(&world.db, 1, world.now()).await.remove(0);
    assert_eq!((next.id.clone(), next.tries), (slow.id.clone(), 2));
    assert_eq!(done(&world.db, &slow).await, Settled::Lost);
    let mut tx = world.db.begin().await.unwrap();
    assert_eq!(queue::bury(&mut tx, &slow, world.now(), "late").await.unwrap(), Settled::Lost);
    assert_eq!(queue::again(&mut tx, &slow, world.now()).await.unwrap(), Settled::Lost);
    assert_eq!(queue::try_later(&mut tx, &slow, world.now(), world.now(), "late").await.unwrap(), Settled::Lost);
    tx.commit().await.unwrap();
    assert_eq!(done(&world.db, &next).await, Settled::Kept);
}

async fn a_lease_is_renewed_by_its_holder_alone(world: World) {
    enqueue(&world.db, vec![job("a", world.now())]).await;
    let held = claim(&world.db, 1, world.now()).await.remove(0);
    let renew = async |job: &Job| {
        let mut tx = world.db.begin().await.unwrap();
        let settled = queue::renew(&mut tx, job, world.now().plus(LEASE)).await.unwrap();
        tx.commit().await.unwrap();
        settled
    };
    world.clock.advance(LEASE / 2);
    assert_eq!(renew(&held).await, Settled::Kept);
    world.clock.advance(LEASE / 2);
    assert!(claim(&world.db, 1, world.now()).await.is_empty(), "the first lease would be over by now");
    world.clock.advance(LEASE / 2);
    let next = claim(&world.db, 1, world.now()).await.remove(0);
    assert_eq!(renew(&held).await, Settled::Lost, "somebody else has it");
    assert_eq!(done(&world.db, &next).await, Settled::Kept);
}

async fn the_same_work_is_one_job_and_is_never_forgotten(world: World) {
    let later = world.now().plus(LEASE);
    enqueue(&world.db, vec![job("a", later)]).await;
    enqueue(&world.db, vec![job("a", later.plus(LEASE))]).await;
    assert!(claim(&world.db, 1, world.now()).await.is_empty());
    // Asked for earlier: due earlier, still one job.
    enqueue(&world.db, vec![job("a", world.now())]).await;
    let running = claim(&world.db, 5, world.now()).await;
    assert_eq!(running.len(), 1);
    // Asked for while it runs: the handler may have read before the reason came, so it runs once more.
    enqueue(&world.db, vec![job("a", world.now())]).await;
    assert!(claim(&world.db, 1, world.now()).await.is_empty(), "never twice at once");
    assert_eq!(done(&world.db, &running[0]).await, Settled::Kept);
    let once_more = claim(&world.db, 1, world.now()).await.remove(0);
    assert_eq!(once_more.tries, 1);
    assert_eq!(done(&world.db, &once_more).await, Settled::Kept);
    assert!(depth(&world.db).await.is_empty());
}

async fn a_dead_letter_is_out_of_the_way_until_somebody_revives_it(world: World) {
    enqueue(&world.db, vec![job("a", world.now())]).await;
    let failing = claim(&world.db, 1, world.now()).await.remove(0);
    let mut tx = world.db.begin().await.unwrap();
    queue::try_later(&mut tx, &failing, world.now(), world.now().plus(LEASE), "first").await.unwrap();
    tx.commit().await.unwrap();
    assert!(claim(&world.db, 1, world.now()).await.is_empty());
    world.clock.advance(LEASE);
    let failing = claim(&world.db, 1, world.now()).await.remove(0);
    let mut tx = world.db.begin().await.unwrap();
    queue::bury(&mut tx, &failing, world.now(), &"x".repeat(9000)).await.unwrap();
    tx.commit().await.unwrap();

    world.clock.advance(LEASE * 100);
    assert!(claim(&world.db, 9, world.now()).await.is_empty());
    let dead = queue::dead(&world.db, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].tries, dead[0].key.as_str()), (1, 2, "a"));
    assert_eq!(dead[0].last_error.as_deref().map(str::len), Some(500));

    let revive = async || {
        let mut tx = world.db.begin().await.unwrap();
        let revived = queue::revive(&mut tx, &dead[0].id, world.now()).await.unwrap();
        tx.commit().await.unwrap();
        revived
    };
    // Its key is free: the same work may be wanted anew, and then the dead one stays where it is.
    enqueue(&world.db, vec![job("a", world.now())]).await;
    assert!(!revive().await);
    let fresh = claim(&world.db, 1, world.now()).await.remove(0);
    assert_eq!(done(&world.db, &fresh).await, Settled::Kept);
    assert!(revive().await);
    assert!(!revive().await, "it is alive");
    assert_eq!(claim(&world.db, 1, world.now()).await.remove(0).tries, 1);
}

async fn merchants_take_turns(world: World) {
    let (crowd, lone) = (Tenant::new(MerchantId::new(), Mode::Test), Tenant::new(MerchantId::new(), Mode::Test));
    let keys: Vec<String> = (0..40).map(|n| format!("crowd-{n}")).collect();
    enqueue(&world.db, keys.iter().map(|key| of(&crowd, key, world.now())).collect()).await;
    world.clock.advance(LEASE);
    enqueue(&world.db, vec![of(&lone, "lone", world.now())]).await;
    let claimed = claim(&world.db, 2, world.now()).await;
    assert_eq!(claimed.len(), 2);
    assert!(claimed.iter().any(|job| job.key == "lone"), "who came last need not wait for the crowd: {claimed:?}");

    // One of the crowd's is running now and one of the lone one's; two more of the crowd's, and the lone one is ahead.
    assert!(claim(&world.db, 2, world.now()).await.iter().all(|job| job.key.starts_with("crowd")));
    enqueue(&world.db, vec![of(&lone, "lone-2", world.now()), of(&lone, "lone-3", world.now())]).await;
    let claimed = claim(&world.db, 2, world.now()).await;
    let keys: BTreeSet<&str> = claimed.iter().map(|job| job.key.as_str()).collect();
    assert_eq!(keys, BTreeSet::from(["lone-2", "lone-3"]), "who has less running comes first");
}

async fn lanes_do_not_mix(world: World) {
    enqueue(&world.db, vec![NewJob { kind: "payments.nothing", ..job("a", world.now()) }]).await;
    assert!(claim(&world.db, 1, world.now()).await.is_empty());
    assert!(queue::has_due(&world.db, "payments", world.now()).await.unwrap());
}

async fn merchants_take_turns_however_much_of_one_is_waiting(world: World) {
    let (crowd, lone) = (Tenant::new(MerchantId::new(), Mode::Test), Tenant::new(MerchantId::new(), Mode::Test));
    let keys: Vec<String> = (0..3000).map(|n| format!("crowd-{n}")).collect();
    enqueue(&world.db, keys.iter().map(|key| of(&crowd, key, world.now())).collect()).await;
    world.clock.advance(LEASE);
    enqueue(&world.db, vec![of(&lone, "lone", world.now()), job("ours", world.now())]).await;
    let keys = |claimed: &[Job]| claimed.iter().map(|job| job.key.clone()).collect::<BTreeSet<_>>();
    let first = keys(&claim(&world.db, 3, world.now()).await);
    assert!(first.contains("lone") && first.contains("ours") && first.len() == 3, "{first:?}");
    assert_eq!(claim(&world.db, 40, world.now()).await.len(), 40, "what is free is not left unused");

    // The gateway's own work counts as running, too.
    enqueue(&world.db, vec![job("ours-2", world.now()), job("ours-3", world.now())]).await;
    enqueue(&world.db, vec![of(&lone, "lone-2", world.now()), of(&lone, "lone-3", world.now())]).await;
    let next = keys(&claim(&world.db, 2, world.now()).await);
    assert!(next.len() == 2 && !next.iter().any(|key| key.starts_with("crowd")), "{next:?}");
    assert!(next.iter().any(|key| key.starts_with("ours")), "{next:?}");
}

async fn room_is_left_for_whoever_has_nothing_running(world: World) {
    let (slow, next) = (Tenant::new(MerchantId::new(), Mode::Test), Tenant::new(MerchantId::new(), Mode::Test));
    let keys: Vec<String> = (0..20).map(|n| format!("slow-{n}")).collect();
    enqueue(&world.db, keys.iter().map(|key| of(&slow, key, world.now())).collect()).await;
    let claim = async |room: Room| {
        let mut tx = world.db.begin().await.unwrap();
        let claimed = queue::claim(&mut tx, "webhooks", room, world.now(), LEASE).await.unwrap();
        tx.commit().await.unwrap();
        claimed.into_iter().map(|job| job.key).collect::<Vec<_>>()
    };
    assert_eq!(claim(Room { open: 6, spare: 4 }).await.len(), 6, "the spare room is not for the seventh of one");
    let spare = Room { open: 0, spare: 4 };
    assert!(claim(spare).await.is_empty());
    let keys: Vec<String> = (0..5).map(|n| format!("next-{n}")).collect();
    enqueue(&world.db, keys.iter().map(|key| of(&next, key, world.now())).collect()).await;
    let claimed = claim(spare).await;
    assert!(claimed.len() == 2 && claimed.iter().all(|key| key.starts_with("next")), "{claimed:?}");
}

async fn claim_suspect(db: &Db, now: Timestamp) -> Option<Job> {
    let mut tx = db.begin().await.unwrap();
    let claimed = queue::claim_suspect(&mut tx, "webhooks", now, LEASE).await.unwrap();
    tx.commit().await.unwrap();
    claimed
}

/// A running worker, until `settled` is true of the queue.
async fn work_until(world: &World, settled: impl AsyncFn() -> bool) {
    let worker = Worker::start(&world.app());
    for _ in 0..200 {
        if settled().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(worker.stop(Duration::from_secs(10)).await);
}

/// A worker that is killed says nothing; the tries it began are counted all the same, but not against those beside it.
async fn a_job_that_kills_its_workers_is_buried_alone(world: World) {
    let keys = ["a", "b", "c", "d", "poison"];
    enqueue(&world.db, keys.iter().map(|key| job(key, world.now())).collect()).await;
    for deaths in 0..2 {
        let claimed = claim(&world.db, 9, world.now()).await;
        assert!(claimed.len() == 5 && claimed.iter().all(|job| job.deaths == deaths), "{claimed:?}");
        world.clock.advance(LEASE);
    }
    // Each is alone from here on, and all but one say a word.
    let mut alone = 0;
    while let Some(taken) = claim_suspect(&world.db, world.now()).await {
        assert!(claim(&world.db, 9, world.now()).await.is_empty(), "they are not claimed with others any more");
        if taken.key == "poison" {
            alone += 1;
            if alone == 3 {
                break;
            }
            world.clock.advance(LEASE);
        } else {
            assert_eq!(done(&world.db, &taken).await, Settled::Kept);
        }
    }
    world.clock.advance(LEASE);
    work_until(&world, async || depth(&world.db).await.contains_key("dead")).await;
    let dead = queue::dead(&world.db, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].key.as_str(), dead[0].tries), ("poison", 6));
    assert_eq!(dead[0].last_error.as_deref(), Some("every try ended with the worker itself"));
}

async fn a_job_whose_workers_died_of_something_else_is_done(world: World) {
    let gone = NewJob { kind: "webhooks.deliver", ..job("dlv_00000000000000000000000000", world.now()) };
    enqueue(&world.db, vec![gone]).await;
    for _ in 0..2 {
        assert_eq!(claim(&world.db, 1, world.now()).await.len(), 1);
        world.clock.advance(LEASE);
    }
    for _ in 0..2 {
        assert!(claim_suspect(&world.db, world.now()).await.is_some());
        world.clock.advance(LEASE);
    }
    work_until(&world, async || depth(&world.db).await.is_empty()).await;
    assert!(depth(&world.db).await.is_empty(), "{:?}", queue::dead(&world.db, 10).await.unwrap());
}

async fn deaths_do_not_count_as_failures(world: World) {
    // Its handler fails, for the key is no delivery's.
    enqueue(&world.db, vec![NewJob { kind: "webhooks.deliver", ..job("nothing", world.now()) }]).await;
    for _ in 0..2 {
        assert_eq!(claim(&world.db, 1, world.now()).await.len(), 1);
        world.clock.advance(LEASE);
    }
    let failed = async || counted(&world.db, "select count(*) as n from jobs where failures = 1 and unheard = 0").await;
    work_until(&world, async || failed().await == 1).await;
    assert_eq!(depth(&world.db).await, BTreeMap::from([("waiting".to_owned(), 1)]), "it is tried again");
    let job = counted(&world.db, "select count(*) as n from job_failures where number = 1").await;
    assert_eq!(job, 1, "what it said is kept");
}

async fn what_cannot_be_read_fails_by_itself(world: World) {
    enqueue(&world.db, vec![job("torn", world.now())]).await;
    let gone = NewJob { kind: "webhooks.deliver", ..job("dlv_00000000000000000000000000", world.now()) };
    enqueue(&world.db, vec![gone]).await;
    let mut tx = world.db.begin().await.unwrap();
    query("update jobs set payload = '{' where key = 'torn'").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let only_dead = || BTreeMap::from([("dead".to_owned(), 1)]);
    work_until(&world, async || depth(&world.db).await == only_dead()).await;
    assert_eq!(depth(&world.db).await, only_dead(), "the other was done");
    assert_eq!(queue::dead(&world.db, 10).await.unwrap()[0].key, "torn");
}

async fn a_kind_that_only_a_newer_program_knows_waits_for_it(world: World) {
    enqueue(&world.db, vec![job("new", world.now())]).await;
    for _ in 0..5 {
        let later = "select count(*) as n from jobs where status = 'waiting' and failures = 0 and due_at > $1";
        let put_back = async || {
            let row = query(later).bind(world.now()).one(&world.db).await.unwrap();
            row.get::<i64>("n").unwrap() == 1
        };
        work_until(&world, put_back).await;
        assert!(put_back().await);
        world.clock.advance(LEASE);
    }
}

async fn counted(db: &Db, sql: &'static str) -> i64 {
    query(sql).one(db).await.unwrap().get("n").unwrap()
}

async fn a_stopping_worker_claims_nothing_more(world: World) {
    let app = world.app();
    let worker = Worker::start(&app);
    assert!(worker.stop(Duration::from_secs(10)).await);
    enqueue(&world.db, vec![job("a", world.now())]).await;
    app.wake.notify_one();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(depth(&world.db).await, BTreeMap::from([("waiting".to_owned(), 1)]));
}
