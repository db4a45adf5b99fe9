//! Operators on a SQLite file; the integration tests repeat the way through the console on both databases.

use super::*;
use crate::db::query;

const T0: Timestamp = Timestamp::from_unix_seconds(1_795_000_000);
const HOME: &str = "127.0.0.1";

async fn open() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display()), 3).await.unwrap();
    db.migrate(&crate::db::GATEWAY).await.unwrap();
    (folder, db)
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn the_first_operator_is_made_once_and_gets_in() {
    let (_folder, db) = open().await;
    let (email, password) = ensure_first(&db, T0).await.unwrap().unwrap();
    assert!(ensure_first(&db, T0).await.unwrap().is_none());
    let (operator, sid) = sign_in(&db, " ADMIN@localhost ", password, HOME, T0).await.unwrap();
    assert_eq!(operator.email, email);
    assert_eq!(session(&db, &sid, T0).await.unwrap(), Some(operator));
    assert_eq!(session(&db, &sid, T0.plus(SESSION)).await.unwrap(), None);
}

#[tokio::test]
async fn a_new_password_ends_every_session_and_the_old_one_no_longer_fits() {
    let (_folder, db) = open().await;
    let old = create(&db, "a@b.example", None, T0).await.unwrap();
    let (_, sid) = sign_in(&db, "a@b.example", old.clone(), HOME, T0).await.unwrap();
    let new = reset_password(&db, "a@b.example", None, T0).await.unwrap();
    assert_eq!(session(&db, &sid, T0).await.unwrap(), None);
    assert!(matches!(sign_in(&db, "a@b.example", old, HOME, T0).await, Err(SignInError::Wrong)));
    assert!(sign_in(&db, "a@b.example", new, HOME, T0).await.is_ok());
}

#[tokio::test]
async fn after_five_wrong_passwords_even_the_right_one_waits_its_turn() {
    let (_folder, db) = open().await;
    let right = create(&db, "a@b.example", None, T0).await.unwrap();
    for _ in 0..5 {
        let refused = sign_in(&db, "a@b.example", secret("wrong wrong wrong"), HOME, T0).await;
        assert!(matches!(refused, Err(SignInError::Wrong)), "{refused:?}");
    }
    let throttled = sign_in(&db, "a@b.example", right.clone(), HOME, T0).await;
    let Err(SignInError::Throttled { wait }) = throttled else { panic!("{throttled:?}") };
    assert_eq!(wait, Duration::from_secs(1));
    sign_in(&db, "a@b.example", right, HOME, T0.plus(wait)).await.unwrap();
}

#[tokio::test]
async fn bad_e_mails_and_passwords_are_refused_before_anything_is_written() {
    let (_folder, db) = open().await;
    for email in ["", "a", "@b", "a@", "a b@c", &format!("{}@b", "a".repeat(254))] {
        assert!(matches!(create(&db, email, None, T0).await, Err(OperatorError::Email)), "{email}");
    }
    let short = create(&db, "a@b", Some(secret("elevenchars")), T0).await;
    assert!(matches!(short, Err(OperatorError::Password)));
    create(&db, "a@b", None, T0).await.unwrap();
    assert!(matches!(create(&db, "A@B", None, T0).await, Err(OperatorError::Exists)));
    assert!(matches!(reset_password(&db, "x@y", None, T0).await, Err(OperatorError::Unknown)));
}

#[tokio::test]
async fn the_audit_log_tells_it_all_and_refuses_to_forget() {
    let (_folder, db) = open().await;
    let password = create(&db, "a@b.example", None, T0).await.unwrap();
    let _ = sign_in(&db, "a@b.example", secret("wrong wrong wrong"), HOME, T0).await;
    let (operator, sid) = sign_in(&db, "a@b.example", password, HOME, T0).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    sign_out(&mut tx, &operator.id, &sid, HOME, T0).await.unwrap();
    tx.commit().await.unwrap();
    let told = entries(&db, &crate::words::Page::newest(10)).await.unwrap().items;
    let mut actions: Vec<_> = told.iter().map(|entry| entry.action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["operator.create", "sign_in", "sign_in.refused", "sign_out"]);
    assert!(told.iter().all(|entry| entry.action == "operator.create" || entry.who.as_deref() == Some("a@b.example")));
    for sql in ["update audit_entries set note = 'x'", "delete from audit_entries"] {
        let mut tx = db.begin().await.unwrap();
        assert!(query(sql).execute(&mut tx).await.is_err(), "{sql}");
    }
}
