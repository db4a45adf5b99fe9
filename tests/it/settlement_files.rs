//! Files of PSPs and banks: kept as they came, taken whole or not at all, and only once.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tollgate::app::App;
use tollgate::config::reconciliation::{Format, Source};
use tollgate::db::query;
use tollgate::reconciliation::files::{self, Status, TakeInError, Taken};
use tollgate::reconciliation::progress::{Progress, Stage};
use tollgate::words::{Clock as _, Page, Slice, SystemClock};

use crate::support::{World, both_databases};

both_databases!(
    a_file_is_kept_and_becomes_lines,
    the_same_file_twice_changes_nothing,
    a_refused_file_leaves_no_line_and_says_where,
    a_refused_file_is_read_anew_when_its_settings_were_at_fault,
    what_a_later_file_repeats_is_one_line_and_what_it_changes_is_told_twice,
    a_row_that_a_file_has_twice_is_told_twice,
    a_file_whose_reader_died_is_gone_on_with,
    a_file_whose_reader_died_and_that_is_refused_now_leaves_no_line,
    a_file_that_cannot_be_read_to_its_end_is_forgotten,
    statements_follow_those_of_former_files,
    a_statement_that_is_missing_in_between_is_seen,
    an_account_is_the_source_that_has_told_it,
    entries_under_a_reference_that_says_nothing_are_all_kept,
    a_batch_that_is_told_later_than_its_row_is_the_rows,
    a_folder_is_read_file_by_file,
    the_stand_ins_lists_are_asked_for,
    a_long_file_is_written_in_batches_and_told_of,
);

const STRIPE: &str = include_str!("../fixtures/settlements/stripe.csv");
const CAMT: &str = include_str!("../fixtures/settlements/camt053.xml");

fn source(format: Format) -> Source {
    let zone = if format == Format::Camt053 { "Asia/Seoul" } else { "UTC" };
    Source {
        also_psps: Vec::new(),
        name: format.as_str().to_owned(),
        format,
        psp: "simulator".to_owned(),
        merchant: "mrc".to_owned(),
        livemode: false,
        zone: zone.to_owned(),
        cutoff: "00:00".to_owned(),
        at: "05:00".to_owned(),
        lag_days: 1,
        in_transit_days: 5,
        directory: None,
        fee: None,
        rounding_tolerance: 0,
        fee_at_most: BTreeMap::new(),
        reference_fields: Vec::new(),
        columns: BTreeMap::new(),
    }
}

async fn take(app: &App, source: &Source, name: &str, text: &str) -> Result<Taken, TakeInError> {
    let bytes = Cursor::new(text.as_bytes().to_vec());
    files::take_in(app, source, name, bytes, "test", &Progress::nobody()).await
}

async fn count(world: &World, sql: &'static str) -> i64 {
    query(sql).one(&world.db).await.unwrap().get("n").unwrap()
}

async fn lines(world: &World) -> i64 {
    count(world, "select count(*) as n from settlement_lines").await
}

async fn kept(world: &World) -> i64 {
    count(world, "select count(*) as n from settlement_files").await
}

async fn a_file_is_kept_and_becomes_lines(world: World) {
    let app = world.app();
    // Longer than one piece, so that pieces are put together in their order.
    let long = STRIPE.replacen("tollgate]\n", &format!("tollgate]\n{}", charges(5_000)), 1);
    let taken = take(&app, &source(Format::Stripe), "payout.csv", &long).await.unwrap();
    assert!(!taken.already);
    let file = files::find(&world.db, &taken.file).await.unwrap().unwrap();
    assert_eq!((file.status, file.lines, file.name.as_str()), (Status::Accepted, 5_007, "payout.csv"));
    assert_eq!(file.sha256, hex::encode(Sha256::digest(long.as_bytes())));
    assert_eq!((file.bytes, file.business_date.as_deref()), (i64::try_from(long.len()).unwrap(), Some("2025-10-10")));
    assert_eq!(file.totals.currencies["KRW"].net, 0);
    let parts = query("select bytes from settlement_file_parts where file_id = $1 order by part")
        .bind(&taken.file)
        .all(&world.db)
        .await
        .unwrap();
    assert!(parts.len() > 1);
    let bytes: Vec<u8> = parts.iter().flat_map(|row| row.get::<Vec<u8>>("bytes").unwrap()).collect();
    assert!(bytes == long.as_bytes(), "it is not kept as it came");

    let row = query("select * from settlement_lines where identity = 'txn_2'").one(&world.db).await.unwrap();
    assert_eq!(row.get::<i64>("gross").unwrap(), -2000);
    for (column, wanted) in [
        ("source", "stripe"),
        ("side", "psp"),
        ("kind", "refund"),
        ("business_date", "2025-10-07"),
        ("currency", "USD"),
        ("presented_currency", "EUR"),
        ("psp_payment", "pi_0"),
        ("psp_movement", "re_1"),
        ("batch", "po_1"),
        ("standing", "new"),
        ("texts", "[]"),
    ] {
        assert_eq!(row.get::<String>(column).unwrap(), wanted, "{column}");
    }
    let raw: serde_json::Value = serde_json::from_str(&row.get::<String>("raw").unwrap()).unwrap();
    assert_eq!(raw["reporting_category"], "refund");
    let Slice { items, .. } = files::list(&world.db, Some("stripe"), &Page::newest(10)).await.unwrap();
    assert_eq!(items.len(), 1);
}

/// Charges with a payout of their own that takes all of them.
fn charges(count: u32) -> String {
    let row = |n| format!("po_9,many_{n},2025-10-06 01:00:00,usd,1.00,0.10,0.90,charge,ch,pi_many_{n},,,\n");
    let rows = (1..count).map(row).collect::<Vec<_>>().concat();
    let all = (u64::from(count) - 1) * 90;
    let (whole, cents) = (all / 100, all % 100);
    let payout =
        format!("po_9,many_0,2025-10-06 01:00:00,usd,-{whole}.{cents:02},0,-{whole}.{cents:02},payout,po_9,,,,\n");
    rows + &payout
}

async fn the_same_file_twice_changes_nothing(world: World) {
    let app = world.app();
    let first = take(&app, &source(Format::Stripe), "payout.csv", STRIPE).await.unwrap();
    let again = take(&app, &source(Format::Stripe), "another name.csv", STRIPE).await.unwrap();
    assert_eq!((again.already, &again.file, &again.totals), (true, &first.file, &first.totals));
    assert_eq!((lines(&world).await, kept(&world).await), (7, 1));
    // Two at the same moment are one, too.
    let krw = CAMT.to_owned();
    let bank = source(Format::Camt053);
    let (one, other) = tokio::join!(take(&app, &bank, "a", &krw), take(&app, &bank, "b", &krw));
    assert_eq!(one.unwrap().file, other.unwrap().file);
    assert_eq!((lines(&world).await, kept(&world).await), (10, 2));
}

async fn a_refused_file_leaves_no_line_and_says_where(world: World) {
    let app = world.app();
    // The fault is in the last row: everything before it was sound.
    let broken = STRIPE.replace("-9565,0,-9565", "-9565,0,-9566");
    for _ in 0..2 {
        let Err(TakeInError::Refused(refused)) = take(&app, &source(Format::Stripe), "x.csv", &broken).await else {
            panic!("it was taken");
        };
        assert_eq!(refused.row, Some(7), "{refused}");
        assert!(refused.to_string().contains("net"), "{refused}");
    }
    assert_eq!((lines(&world).await, kept(&world).await), (0, 1));
    let row = query("select status, refusal, row_number from settlement_files").one(&world.db).await.unwrap();
    assert_eq!(row.get::<String>("status").unwrap(), "refused");
    assert_eq!(row.get::<i64>("row_number").unwrap(), 7);
    assert!(row.get::<String>("refusal").unwrap().contains("is not net -9566 KRW"));
    // An empty file has no piece, and is refused all the same.
    assert!(matches!(take(&app, &source(Format::Stripe), "", "").await, Err(TakeInError::Refused(_))));
}

async fn a_refused_file_is_read_anew_when_its_settings_were_at_fault(world: World) {
    let app = world.app();
    let settings = |format: &str| {
        let mut source = source(Format::Csv);
        for (name, is) in
            [("identity", "id"), ("currency", "=EUR"), ("date", "day"), ("net", "net"), ("@date_format", format)]
        {
            source.columns.insert(name.to_owned(), is.to_owned());
        }
        source
    };
    let text = "id,day,net\n1,06.10.2025,5.00\n";
    let Err(TakeInError::Refused(refused)) = take(&app, &settings("%Y-%m-%d"), "x.csv", text).await else {
        panic!("a date in another form was taken");
    };
    assert_eq!((refused.row, refused.field.as_deref()), (Some(1), Some("day")));
    // A rehearsal says what would be read now, and leaves the file as it is.
    let file = files::list(&world.db, None, &Page::newest(1)).await.unwrap().items.remove(0);
    let right = settings("%d.%m.%Y");
    let (sender, mut told) = tokio::sync::mpsc::channel(1);
    assert_eq!(files::rehearse(&app, &right, &file.id, sender).await.unwrap().lines, 1);
    assert_eq!(told.recv().await.unwrap().len(), 1);
    assert_eq!((lines(&world).await, file.status), (0, Status::Refused));
    assert!(!take(&app, &right, "x.csv", text).await.unwrap().already);
    assert_eq!((lines(&world).await, kept(&world).await), (1, 1));
}

async fn what_a_later_file_repeats_is_one_line_and_what_it_changes_is_told_twice(world: World) {
    let app = world.app();
    take(&app, &source(Format::Stripe), "monday.csv", STRIPE).await.unwrap();
    // The same rows, one of them new and one changed.
    let later = STRIPE.replace("15000,435,14565", "15100,535,14565").replace("txn_2,", "txn_8,");
    let taken = take(&app, &source(Format::Stripe), "tuesday.csv", &later).await.unwrap();
    assert!(!taken.already);
    let row =
        query("select identity, gross, standing from settlement_lines where file_id = $1 and identity like 'txn_5%'")
            .bind(&taken.file)
            .one(&world.db)
            .await
            .unwrap();
    assert_eq!((row.get::<i64>("gross").unwrap(), row.get::<String>("standing").unwrap().as_str()), (15_100, "new"));
    assert!(row.get::<String>("identity").unwrap().contains(" again "));
    assert_eq!(lines(&world).await, 9, "seven, one that is new, and one that says something else");
}

async fn a_row_that_a_file_has_twice_is_told_twice(world: World) {
    let app = world.app();
    let row = "po_2,txn_5,2025-10-08 16:00:00,krw,15000,435,14565,charge,ch_2,pi_2,,,\n";
    let twice = STRIPE.replace(row, &format!("{row}{row}")).replace("-9565,0,-9565", "-24130,0,-24130");
    take(&app, &source(Format::Stripe), "x.csv", &twice).await.unwrap();
    assert_eq!(lines(&world).await, 8);
    assert_eq!(
        count(&world, "select count(*) as n from settlement_lines where psp_payment = 'pi_2' and gross = 15000").await,
        2
    );
}

async fn a_file_whose_reader_died_is_gone_on_with(world: World) {
    let app = world.app();
    let taken = take(&app, &source(Format::Stripe), "x.csv", STRIPE).await.unwrap();
    // The process died while the lines were written: some are there, the file is not decided.
    let mut tx = world.db.begin().await.unwrap();
    query("delete from settlement_lines where number > 3").execute(&mut tx).await.unwrap();
    query("update settlement_files set status = 'reading', decided_at = null, lines = 0")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(lines(&world).await, 3);

    let other = STRIPE.replace("txn_", "later_").replace("po_", "po_l");
    take(&app, &source(Format::Stripe), "y.csv", &other).await.unwrap();
    let file = files::find(&world.db, &taken.file).await.unwrap().unwrap();
    assert_eq!((file.status, file.lines), (Status::Accepted, 7));
    assert_eq!(lines(&world).await, 14, "none is missing and none is there twice");
}

async fn a_file_whose_reader_died_and_that_is_refused_now_leaves_no_line(world: World) {
    let app = world.app();
    let ours = "ours,payment_metadata[tollgate]";
    let mut stripe = source(Format::Stripe);
    let (name, column) = ours.split_once(',').unwrap();
    stripe.columns.insert(name.to_owned(), column.to_owned());
    take(&app, &stripe, "x.csv", STRIPE).await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    query("update settlement_files set status = 'reading', decided_at = null, lines = 0")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // The settings were changed meanwhile.
    stripe.columns.insert("ours".to_owned(), "no such column".to_owned());
    let folder = tempfile::tempdir().unwrap();
    stripe.directory = Some(folder.path().to_owned());
    let day = "2025-10-10".parse().unwrap();
    let outcome = files::fetch(&app, &stripe, day, "test", &Progress::nobody()).await;
    assert!(matches!(outcome, Err(TakeInError::NotThere(..))), "{outcome:?}");
    assert_eq!(count(&world, "select count(*) as n from settlement_files where status = 'refused'").await, 1);
    assert_eq!(lines(&world).await, 0, "lines of a refused file would be matched");
}

async fn a_file_that_cannot_be_read_to_its_end_is_forgotten(world: World) {
    struct Breaks;
    impl Read for Breaks {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the stick was pulled out"))
        }
    }
    let app = world.app();
    let half = Cursor::new(STRIPE.as_bytes().to_vec()).chain(Breaks);
    let outcome = files::take_in(&app, &source(Format::Stripe), "x.csv", half, "test", &Progress::nobody()).await;
    assert!(matches!(outcome, Err(TakeInError::Broken(_))), "{outcome:?}");
    assert_eq!((lines(&world).await, kept(&world).await), (0, 0));
    assert_eq!(count(&world, "select count(*) as n from settlement_file_parts").await, 0);
}

async fn statements_follow_those_of_former_files(world: World) {
    let app = world.app();
    let bank = source(Format::Camt053);
    take(&app, &bank, "283.xml", CAMT).await.unwrap();
    let next =
        CAMT.replace(">283<", ">284<").replace("20251010-KRW-001", "20251011-KRW-001").replace("BNK2025", "BNK2026");
    let Err(TakeInError::Refused(refused)) = take(&app, &bank, "284.xml", &next).await else {
        panic!("a statement that does not begin where the former ended was taken");
    };
    assert!(refused.reason.contains("closed with 1036300 KRW"), "{refused}");
    let fits = next.replace(">1036300<", ">1072600<").replace(">1000000<", ">1036300<");
    take(&app, &bank, "284.xml", &fits).await.unwrap();
    // Banks send a statement twice: the copy changes nothing.
    take(&app, &bank, "283 again.xml", &CAMT.replace("T21:05", "T21:06")).await.unwrap();
    assert_eq!(lines(&world).await, 6);
    let other = CAMT.replace(">1000000<", ">1000001<").replace(">1036300<", ">1036301<");
    let Err(TakeInError::Refused(refused)) = take(&app, &bank, "283 other.xml", &other).await else {
        panic!("a statement that was told before was taken with other balances");
    };
    assert!(refused.reason.contains("other balances"), "{refused}");
}

async fn an_account_is_the_source_that_has_told_it(world: World) {
    let mut app = world.app();
    let (bank, mut beside) = (source(Format::Camt053), source(Format::Camt053));
    "beside".clone_into(&mut beside.name);
    "stripe".clone_into(&mut beside.psp);
    let mut config = (*app.config).clone();
    config.reconciliation.sources = vec![bank.clone(), beside.clone()];
    app.config = Arc::new(config);
    take(&app, &bank, "283.xml", CAMT).await.unwrap();
    let Err(TakeInError::Refused(refused)) = take(&app, &beside, "283.xml", CAMT).await else {
        panic!("what a stranger paid would be there twice");
    };
    assert!(refused.reason.contains("is the source camt053's") && refused.reason.contains("also_psps"), "{refused}");
    assert_eq!(lines(&world).await, 3);
    take(&app, &beside, "other.xml", &CAMT.replace("110-000-000000", "220-000-000000")).await.unwrap();
}

async fn a_statement_that_is_missing_in_between_is_seen(world: World) {
    let app = world.app();
    let bank = source(Format::Camt053);
    take(&app, &bank, "283.xml", CAMT).await.unwrap();
    let later = |number: &str| {
        CAMT.replace("<ElctrncSeqNb>283</ElctrncSeqNb>", number)
            .replace("20251010-KRW-001", "20251013-KRW-001")
            .replace("<Dt>2025-10-10<", "<Dt>2025-10-13<")
            .replace(">1036300<", ">1136300<")
            .replace(">1000000<", ">1100000<")
    };
    for number in ["<ElctrncSeqNb>285</ElctrncSeqNb>", ""] {
        let Err(TakeInError::Refused(refused)) = take(&app, &bank, "285.xml", &later(number)).await else {
            panic!("nobody missed the statement before it");
        };
        assert!(refused.reason.contains("closed with 1036300 KRW"), "{refused}");
    }
    // An older one is history, which is brought in later.
    let older = CAMT
        .replace(">283<", ">101<")
        .replace("20251010-KRW-001", "20250401-KRW-001")
        .replace("<Dt>2025-10-10<", "<Dt>2025-04-01<")
        .replace("BNK2025", "BNK2024");
    take(&app, &bank, "101.xml", &older).await.unwrap();
    assert_eq!(lines(&world).await, 6);
}

async fn entries_under_a_reference_that_says_nothing_are_all_kept(world: World) {
    let app = world.app();
    let bank = source(Format::Camt053);
    let unnamed = CAMT.replace("BNK20251010000017", "NONREF").replace("<NtryRef>1<", "<NtryRef>NOTPROVIDED<");
    take(&app, &bank, "283.xml", &unnamed).await.unwrap();
    let next = |from: &str| {
        from.replace(">283<", ">284<")
            .replace("20251010-KRW-001", "20251011-KRW-001")
            .replace(">1036300<", ">1072600<")
            .replace(">1000000<", ">1036300<")
    };
    take(&app, &bank, "284.xml", &next(&unnamed).replace("BNK2025", "BNK2026")).await.unwrap();
    assert_eq!(lines(&world).await, 6, "the same amount without a reference is another entry");
    // A reference that is used again on another day.
    let mut other = source(Format::Camt053);
    "other".clone_into(&mut other.name);
    take(&app, &other, "283.xml", CAMT).await.unwrap();
    take(&app, &other, "284.xml", &next(CAMT).replace("2025-10-10", "2025-10-11")).await.unwrap();
    assert_eq!(count(&world, "select count(*) as n from settlement_lines where source = 'other'").await, 6);
}

async fn a_batch_that_is_told_later_than_its_row_is_the_rows(world: World) {
    let app = world.app();
    let mut list = source(Format::Csv);
    for (name, is) in [("identity", "id"), ("currency", "=EUR"), ("date", "day"), ("net", "net"), ("batch", "batch")] {
        list.columns.insert(name.to_owned(), is.to_owned());
    }
    for (name, batch) in [("monday", ""), ("tuesday", "b1"), ("wednesday", "b2"), ("thursday", "")] {
        take(&app, &list, name, &format!("id,day,net,batch\n1,2025-10-06,5.00,{batch}\n")).await.unwrap();
    }
    let row = query("select batch, standing from settlement_lines").one(&world.db).await.unwrap();
    assert_eq!(row.get::<String>("batch").unwrap(), "b2");
    assert_eq!(lines(&world).await, 1);
}

async fn a_folder_is_read_file_by_file(world: World) {
    let app = world.app();
    let folder = tempfile::tempdir().unwrap();
    let mut stripe = source(Format::Stripe);
    stripe.directory = Some(folder.path().to_owned());
    let day = "2025-10-10".parse().unwrap();
    let fetch = async |source: &Source| files::fetch(&app, source, day, "test", &Progress::nobody()).await;
    assert!(matches!(fetch(&stripe).await, Err(TakeInError::NotThere(..))), "a day without its file passes for done");
    std::fs::write(folder.path().join("b.csv"), STRIPE).unwrap();
    std::fs::write(folder.path().join("a.csv"), STRIPE.replace(",3.20,", ",3.30,")).unwrap();
    std::fs::write(folder.path().join(".partial"), "no file yet").unwrap();
    let Err(TakeInError::Refused(refused)) = fetch(&stripe).await else { panic!("a wrong file was passed over") };
    assert!(refused.reason.contains("a.csv"), "{refused}");
    assert_eq!(lines(&world).await, 7, "the sound one beside it is taken");
    std::fs::remove_file(folder.path().join("a.csv")).unwrap();
    let taken = fetch(&stripe).await.unwrap();
    assert_eq!((taken.len(), taken[0].already), (1, true));

    stripe.directory = Some(folder.path().join("nowhere"));
    assert!(matches!(fetch(&stripe).await, Err(TakeInError::NoPlace(reason)) if reason.contains("nowhere")));
    stripe.directory = None;
    assert!(matches!(fetch(&stripe).await, Err(TakeInError::NoPlace(reason)) if reason.contains("directory")));
}

fn today_in_seoul() -> String {
    SystemClock.now().plus(Duration::from_hours(9)).to_string()[..10].to_owned()
}

async fn the_stand_ins_lists_are_asked_for(world: World) {
    let before = today_in_seoul();
    let gateway = world.gateway().await;
    gateway.paid_payment().await;
    gateway.paid_payment().await;
    let url = format!("{}/admin/settlements/close", gateway.simulator.base_url().trim_end_matches('/'));
    let closed =
        gateway.http.post(url).bearer_auth(&gateway.simulator_admin_key).json(&json!({})).send().await.unwrap();
    let closed: serde_json::Value = closed.json().await.unwrap();
    let day = closed["date"].as_str().unwrap().parse().unwrap();
    if today_in_seoul() != before {
        return; // Midnight in Seoul fell into the test.
    }

    let mut list = source(Format::Simulator);
    "Asia/Seoul".clone_into(&mut list.zone);
    let taken = files::fetch(&gateway.app, &list, day, "test", &Progress::nobody()).await.unwrap();
    assert_eq!((taken.len(), taken[0].totals.lines), (1, 3), "two sales and the payout");
    assert!(taken[0].totals.currencies.values().all(|sums| sums.net == 0));
    let again = files::fetch(&gateway.app, &list, day, "test", &Progress::nobody()).await.unwrap();
    assert!(again[0].already, "a closed day says the same for ever");

    let bank = source(Format::Camt053);
    let taken = files::fetch(&gateway.app, &bank, day, "test", &Progress::nobody()).await.unwrap();
    assert_eq!(taken[0].totals.statements.len(), 1);
    let row = query(
        "select p.net as sent, b.net as landed from settlement_lines p join settlement_lines b on b.side = 'bank'
         where p.side = 'psp' and p.kind = 'payout'",
    )
    .one(&world.db)
    .await
    .unwrap();
    assert_eq!(row.get::<i64>("sent").unwrap(), -row.get::<i64>("landed").unwrap());

    let mut elsewhere = source(Format::Simulator);
    "adyen".clone_into(&mut elsewhere.psp);
    let outcome = files::fetch(&gateway.app, &elsewhere, day, "test", &Progress::nobody()).await;
    assert!(matches!(outcome, Err(TakeInError::NoPlace(_))), "{outcome:?}");
    gateway.stop().await;
}

async fn a_long_file_is_written_in_batches_and_told_of(world: World) {
    let (read, written) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let progress = {
        let (read, written) = (Arc::clone(&read), Arc::clone(&written));
        Progress::to(move |stage, done, of| match stage {
            Stage::Reading => read.store(done, Ordering::SeqCst),
            Stage::Writing => {
                assert!(of.is_none_or(|of| done <= of));
                written.store(done, Ordering::SeqCst);
            }
            _ => {}
        })
    };
    let long = STRIPE.replacen("tollgate]\n", &format!("tollgate]\n{}", charges(2_500)), 1);
    let bytes = Cursor::new(long.into_bytes());
    let app = world.app();
    files::take_in(&app, &source(Format::Stripe), "x.csv", bytes, "test", &progress).await.unwrap();
    assert_eq!((read.load(Ordering::SeqCst), written.load(Ordering::SeqCst)), (2_507, 2_507));
    assert_eq!(lines(&world).await, 2_507);
}
