//! What a merchant decides about its money: named changes, all or none, kept apart by merchant and mode, and on record.

use serde_json::{Value, json};
use tollgate::db::query;
use tollgate::merchants::keys::Kind;
use tollgate::merchants::policies::{self, LateSuccess, Policies};
use tollgate::merchants::{Scope, sellers};

use crate::support::door::Door;
use crate::support::{World, both_databases};

both_databases!(
    a_change_names_what_it_changes_and_leaves_the_rest,
    only_a_secret_key_decides,
    a_seller_may_have_a_fee_of_its_own,
    what_breaks_a_rule_changes_nothing,
    a_key_tightens_the_limit_of_payouts_and_never_loosens_it,
);

const PATH: &str = "/v1/policies";

async fn a_change_names_what_it_changes_and_leaves_the_rest(world: World) {
    let door = Door::start(&world).await;
    let shop = door.merchant("Shop").await;
    let other = door.merchant("Other").await;
    let defaults = door.get(PATH, &shop.key).await.json;
    assert_eq!(
        defaults,
        json!({
            "object": "policies", "livemode": false, "late_success": "accept", "second_charge": "refund", "refund_fee": "return",
            "fulfill_after_days": null, "platform_fee": {"fixed": {}, "ppm": 0}, "payout_approval_above": {},
            "negative_balance": "allow",
        })
    );
    let wanted = json!({"late_success": "refund", "fulfill_after_days": 7, "platform_fee": {"ppm": 29_000}});
    let changed = door.post(PATH, &shop.key, &wanted).await.json;
    assert_eq!(changed["fulfill_after_days"], 7);
    let changed = door.post(PATH, &shop.key, &json!({"fulfill_after_days": null})).await.json;
    assert_eq!(changed["fulfill_after_days"], Value::Null);
    assert_eq!(changed["late_success"], "refund", "what is not named stays");
    assert_eq!(door.get(PATH, &shop.key).await.json, changed);
    let read = policies::of(&world.db, &shop.test).await.unwrap();
    assert_eq!((read.late_success, read.platform_fee.ppm), (LateSuccess::Refund, 29_000));

    // Nobody else's, and not the other mode's.
    assert_eq!(door.get(PATH, &other.key).await.json, defaults);
    assert_eq!(door.get(PATH, &shop.live_key).await.json["late_success"], "accept");
    let changes =
        query("select name, before_value, after_value, changed_by from policy_changes order by changed_at, name")
            .all(&world.db)
            .await
            .unwrap();
    let mut names: Vec<String> = changes.iter().map(|row| row.get("name").unwrap()).collect();
    names.sort();
    assert_eq!(names, ["fulfill_after_days", "fulfill_after_days", "late_success", "platform_fee"]);
    let undone = |row: &&tollgate::db::Row| row.get::<Option<String>>("after_value").unwrap().is_none();
    let last = changes.iter().find(undone).unwrap();
    assert_eq!(last.get::<Option<String>>("before_value").unwrap().as_deref(), Some("7"));
    assert!(last.get::<String>("changed_by").unwrap().starts_with("key_"));
}

async fn only_a_secret_key_decides(world: World) {
    let door = Door::start(&world).await;
    let shop = door.merchant("Shop").await;
    let key = door.key(&shop, Kind::Restricted, &[Scope::Read, Scope::Write, Scope::Refund]).await;
    assert_eq!(door.get(PATH, &key).await.status, 200);
    door.post(PATH, &key, &json!({"refund_fee": "keep"})).await.problem(403, "secret_key_required");
    assert_eq!(policies::of(&world.db, &shop.test).await.unwrap(), Policies::default());
}

async fn a_seller_may_have_a_fee_of_its_own(world: World) {
    let door = Door::start(&world).await;
    let shop = door.merchant("Shop").await;
    let stranger = door.merchant("Other").await;
    let seller = sellers::self_seller(&world.db, &shop.test).await.unwrap().id;
    let path = format!("/v1/sellers/{seller}/policies");
    assert_eq!(door.get(&path, &shop.key).await.json["platform_fee"], Value::Null);
    let own = json!({"platform_fee": {"fixed": {"KRW": "100"}, "ppm": 5}});
    assert_eq!(door.post(&path, &shop.key, &own).await.json["platform_fee"], own["platform_fee"]);
    assert_eq!(door.post(&path, &shop.key, &json!({})).await.json["platform_fee"], own["platform_fee"]);
    assert_eq!(policies::of_sellers(&world.db, &shop.test).await.unwrap()[&seller].ppm, 5);
    for key in [&stranger.key, &shop.live_key] {
        door.get(&path, key).await.problem(404, "resource_not_found");
        door.post(&path, key, &own).await.problem(404, "resource_not_found");
    }
    door.post(&path, &shop.key, &json!({"platform_fee": null})).await;
    assert!(policies::of_sellers(&world.db, &shop.test).await.unwrap().is_empty());
}

async fn what_breaks_a_rule_changes_nothing(world: World) {
    let door = Door::start(&world).await;
    let shop = door.merchant("Shop").await;
    for (body, param) in [
        (json!({"late_success": "refund", "refund_fee": "no"}), "refund_fee"),
        (json!({"platform_fee": {"fixed": {"USD": "0.3"}}}), "platform_fee.fixed.USD"),
        (json!({"platform_fee": {"ppm": 1_000_001}}), "platform_fee.ppm"),
        (json!({"fulfill_after_days": 366}), "fulfill_after_days"),
        (json!({"payout_approval_above": {"XXX": "1"}}), "payout_approval_above.XXX"),
    ] {
        let refused = door.post(PATH, &shop.key, &body).await;
        assert_eq!(refused.problem(400, "parameter_invalid")["param"], param);
    }
    assert_eq!(policies::of(&world.db, &shop.test).await.unwrap(), Policies::default());
}

async fn a_key_tightens_the_limit_of_payouts_and_never_loosens_it(world: World) {
    let door = Door::start(&world).await;
    let shop = door.merchant("Shop").await;
    let limit = |limits: Value| json!({"payout_approval_above": limits, "fulfill_after_days": 3});
    for stricter in [json!({"USD": "100.00"}), json!({"USD": "50.00"}), json!({"KRW": "1000", "USD": "50.00"})] {
        assert_eq!(door.post(PATH, &shop.key, &limit(stricter.clone())).await.json["payout_approval_above"], stricter);
    }
    let held = door.get(PATH, &shop.key).await.json;
    for (looser, currency) in [
        (json!({"KRW": "1000", "USD": "50.01"}), "USD"),
        (json!({"USD": "1.00"}), "KRW"),
        (json!({}), "KRW"),
        (Value::Null, "KRW"),
    ] {
        let wanted = json!({"payout_approval_above": looser, "fulfill_after_days": 9});
        let refused = door.post(PATH, &shop.key, &wanted).await;
        let problem = refused.problem(403, "second_person_required");
        assert_eq!(problem["param"], format!("payout_approval_above.{currency}"));
        assert_eq!(door.get(PATH, &shop.key).await.json, held, "nothing else is changed either");
    }
    assert_eq!(door.post(PATH, &shop.key, &limit(held["payout_approval_above"].clone())).await.json, held);
}
