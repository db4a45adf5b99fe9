//! The facade against a real SQLite file; the integration tests repeat what matters on both databases.

use super::*;

async fn open() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display()), 3).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    query("create table t (id text primary key, n bigint, yes boolean, raw blob)").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    (folder, db)
}

#[tokio::test]
async fn values_come_back_as_they_were_bound_and_nulls_keep_their_type() {
    let (_folder, db) = open().await;
    let mut tx = db.begin().await.unwrap();
    let rows = vec![
        vec!["a".into(), 7_i64.into(), true.into(), vec![1_u8, 2].into()],
        vec!["b".into(), Value::Int(None), Value::Bool(None), Value::Bytes(None)],
    ];
    assert_eq!(insert_many("insert into t (id, n, yes, raw)", rows, "").execute(&mut tx).await.unwrap(), 2);
    let row = query("select * from t where id = $1").bind("a").one(&mut tx).await.unwrap();
    assert_eq!(row.get::<i64>("n").unwrap(), 7);
    assert!(row.get::<bool>("yes").unwrap());
    assert_eq!(row.get::<Vec<u8>>("raw").unwrap(), [1, 2]);
    let row = query("select * from t where id = $1").bind("b").one(&mut tx).await.unwrap();
    assert_eq!(row.get::<Option<i64>>("n").unwrap(), None);
    assert!(row.get::<i64>("n").is_err());
}

#[tokio::test]
async fn a_second_row_with_the_same_key_is_a_unique_violation_and_the_dropped_transaction_never_was() {
    let (_folder, db) = open().await;
    let mut tx = db.begin().await.unwrap();
    query("insert into t (id) values ($1)").bind("a").execute(&mut tx).await.unwrap();
    let again = query("insert into t (id) values ($1)").bind("a").execute(&mut tx).await.unwrap_err();
    assert!(again.is_unique_violation() && !again.is_retryable());
    drop(tx);
    assert!(query("select id from t").all(&db).await.unwrap().is_empty());
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_folder, db) = open().await;
    assert!(query("insert into t (id) values ('x') returning id").all(&db).await.is_err());
}
