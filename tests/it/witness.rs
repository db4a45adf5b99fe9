//! The chain's end written down outside, and held against the chain by whoever has the file: as the commands do it.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use tollgate::db::query;
use tollgate::ledger::seals;
use tollgate::worker::Worker;

use crate::support::shop::Shop;
use crate::support::{Engine, World, both_databases, eventually};

const KEY: &str = "the master key of these tests, forty characters";
const NEXT_KEY: &str = "another master key after this one was changed";

/// Runs `tollgate` on this database; with no master key when `key` is empty.
fn tollgate(world: &World, key: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments)
        .env("TOLLGATE_DATABASE__URL", &world.database_url)
        .env("TOLLGATE_MASTER_KEY", key)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// A paid checkout whose journals are sealed, and the file where the end of the chain stands.
async fn sealed(world: &World) -> (tempfile::TempDir, String) {
    Shop::open(world.clone()).await.paid().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books.jsonl").display().to_string();
    let (code, told) = tollgate(world, KEY, &["seal", "--out", &file]);
    assert_eq!(code, Some(0), "{told}");
    (folder, file)
}

async fn raw(world: &World, statements: &[&'static str]) {
    let mut tx = world.db.begin().await.unwrap();
    for statement in statements {
        query(statement).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Takes all blocks away and lets their journals wait to be sealed anew.
async fn replace_the_end(world: &World) {
    let unguard: &[&'static str] = match world.engine {
        Engine::Sqlite => &["drop trigger ledger_blocks_refuse_delete", "drop trigger sealed_journals_refuse_delete"],
        Engine::Postgres => {
            &["alter table ledger_blocks disable trigger all", "alter table sealed_journals disable trigger all"]
        }
    };
    raw(world, unguard).await;
    raw(world, &[
        "insert into unsealed_journals (journal_id, merchant_id, livemode) select journal_id, merchant_id, livemode from sealed_journals",
        "delete from sealed_journals",
        "delete from ledger_blocks",
        "delete from account_balances",
        "delete from balance_buckets",
        "delete from sealed_times",
        "update ledger_chain set blocks = 0, positions = 0",
    ])
    .await;
}

async fn an_auditor_needs_the_file_and_no_secret(world: World) {
    let (_folder, file) = sealed(&world).await;
    let line = std::fs::read_to_string(&file).unwrap();
    let anchor: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
    let public = anchor["public_key"].as_str().unwrap();

    let (code, told) = tollgate(&world, KEY, &["verify"]);
    assert!(code == Some(0) && told.contains("no outside witness was given (--anchor)"), "{told}");
    let (code, told) = tollgate(&world, KEY, &["verify", "--anchor", &file]);
    assert!(code == Some(0) && told.contains("1 block(s) are as they were written down outside"), "{told}");
    let (code, told) = tollgate(&world, "", &["verify", "--anchor", &file]);
    assert!(code == Some(0) && told.contains("the signatures were not looked at"), "{told}");
    let (code, told) = tollgate(&world, "", &["verify", "--anchor", &file, "--public-key", public]);
    assert!(code == Some(0) && !told.contains("not looked at: that needs"), "{told}");
    let (code, told) = tollgate(&world, "", &["verify", "--public-key", "12"]);
    assert!(code == Some(2) && told.contains("64 hexadecimal digits"), "{told}");

    // The master key was changed: what was signed before stays ours for who says so.
    let (code, told) = tollgate(&world, NEXT_KEY, &["verify"]);
    assert!(code == Some(1) && told.contains("it was made by somebody else"), "{told}");
    let (code, told) = tollgate(&world, NEXT_KEY, &["verify", "--anchor", &file, "--public-key", public]);
    assert_eq!(code, Some(0), "{told}");

    // A crash while a line was written spoils neither the file nor what is written after it.
    std::fs::write(&file, format!("{line}{}", &line[..40])).unwrap();
    let (code, told) = tollgate(&world, KEY, &["verify", "--anchor", &file]);
    assert!(code == Some(0) && told.contains("1 line(s) of the anchor file were not written to their end"), "{told}");
}

async fn a_chain_that_was_replaced_is_not_signed_again(world: World) {
    let (_folder, file) = sealed(&world).await;
    replace_the_end(&world).await;
    let (code, told) = tollgate(&world, KEY, &["seal", "--out", &file]);
    assert!(code == Some(1) && told.contains("the chain was cut or replaced"), "{told}");
    let (code, told) = tollgate(&world, KEY, &["verify", "--anchor", &file]);
    assert!(code == Some(1) && told.contains("is gone: the chain was cut"), "{told}");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
}

async fn a_touched_row_is_named_by_the_command(world: World) {
    let (_folder, file) = sealed(&world).await;
    raw(&world, &[world.db.pick("drop trigger transfers_refuse_update", "alter table transfers disable trigger all")])
        .await;
    raw(&world, &["update transfers set amount = amount + 1"]).await;
    let (code, told) = tollgate(&world, KEY, &["verify", "--anchor", &file]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("BROKEN       books_are_sealed") && told.contains("first: jrn_"), "{told}");
    assert!(told.contains("its transfer 0 was changed"), "{told}");
}

async fn the_gateway_writes_its_chain_down(world: World) {
    let shop = Shop::open(world).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books.jsonl");
    let mut app = shop.app.clone();
    let mut config = (*app.config).clone();
    config.ledger.anchor_file = Some(file.clone());
    app.config = Arc::new(config);
    shop.paid().await;
    let worker = Worker::start(&app);
    let read = async |file: &Path| seals::read_file(file).await.unwrap().anchors.pop();
    let anchor = eventually("an anchor is written", async || read(&file).await).await;
    let walk = seals::walk(&app.db, &[app.keyring.public_key()], &[anchor]).await.unwrap();
    assert!(walk.findings.is_empty() && walk.witnessed && walk.anchors == 1, "{walk:?}");
    worker.stop(std::time::Duration::from_secs(5)).await;
}

both_databases!(
    an_auditor_needs_the_file_and_no_secret,
    a_chain_that_was_replaced_is_not_signed_again,
    a_touched_row_is_named_by_the_command,
    the_gateway_writes_its_chain_down,
);
