//! The schema's history: made from nothing, left alone when it is there, and refused when it is newer than the program.

use tollgate::db::{Db, DbError, GATEWAY};

use crate::support::{Database, Engine, World, both_databases};

both_databases!(
    a_database_newer_than_the_program_is_refused,
    a_database_whose_history_was_altered_is_refused,
    migrating_twice_changes_nothing,
);

async fn a_database_newer_than_the_program_is_refused(world: World) {
    assert!(world.db.is_current(&GATEWAY).await.unwrap());
    let mut tx = world.db.begin().await.unwrap();
    let added = world.db.pick(
        "insert into _sqlx_migrations values (9999, 'from the future', '2030-01-01', true, x'00', 1)",
        "insert into _sqlx_migrations values (9999, 'from the future', '2030-01-01', true, '\\x00', 1)",
    );
    tollgate::db::query(added).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();

    let refusal = world.db.migrate(&GATEWAY).await.unwrap_err();
    assert!(matches!(refusal, DbError::Newer(9999)), "{refusal}");
    assert!(refusal.to_string().contains("newer"), "says what is wrong: {refusal}");
    assert!(!world.db.is_current(&GATEWAY).await.unwrap());
}

async fn a_database_whose_history_was_altered_is_refused(world: World) {
    let mut tx = world.db.begin().await.unwrap();
    let altered = world.db.pick(
        "update _sqlx_migrations set checksum = x'00' where version = (select min(version) from _sqlx_migrations)",
        "update _sqlx_migrations set checksum = '\\x00' where version = (select min(version) from _sqlx_migrations)",
    );
    assert_eq!(tollgate::db::query(altered).execute(&mut tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let refusal = world.db.migrate(&GATEWAY).await.unwrap_err();
    assert!(matches!(refusal, DbError::Altered(_)), "{refusal}");
}

async fn migrating_twice_changes_nothing(world: World) {
    let empty = Database::empty(world.engine).await;
    let db = Db::open(&empty.url, 2).await.unwrap();
    for _ in 0..2 {
        db.migrate(&GATEWAY).await.unwrap();
        assert!(db.is_current(&GATEWAY).await.unwrap());
    }
    db.close().await;
    empty.remove().await;
}

/// Two processes that start at once on one PostgreSQL: one migrates, the other waits and finds it done.
#[test]
fn two_processes_may_migrate_at_once() {
    crate::support::run(Engine::Postgres, async |world: World| {
        let empty = Database::empty(world.engine).await;
        let (one, two) = (Db::open(&empty.url, 2).await.unwrap(), Db::open(&empty.url, 2).await.unwrap());
        let (first, second) = tokio::join!(one.migrate(&GATEWAY), two.migrate(&GATEWAY));
        first.unwrap();
        second.unwrap();
        one.close().await;
        two.close().await;
        empty.remove().await;
    });
}

/// Text in the order of a language would leave accounts out of balances without a word.
#[test]
fn a_database_that_orders_text_by_a_language_is_refused() {
    crate::support::run(Engine::Postgres, async |_world: World| {
        let english = Database::in_language("en-US").await;
        let refusal = Db::open(&english.url, 2).await.unwrap_err();
        assert!(matches!(refusal, DbError::Collation), "{refusal}");
        assert!(refusal.to_string().contains("locale 'C'"), "says what to do: {refusal}");
        english.remove().await;
    });
}
