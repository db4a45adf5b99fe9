//! Somebody with full access to the database, its guards dropped, touches the books: the walk over the chain names what was touched first.

use tollgate::db::query;
use tollgate::keyring::Keyring;
use tollgate::ledger::seals::{self, Anchor, Head, SealError, Sealed, Walk, climb};
use tollgate::words::{JournalId, Secret, SellerId, Tenant};
use tollgate::worker::Worker;
use tollgate::{ledger, wallets};

use crate::ledger::{sale, tenant};
use crate::support::shop::Shop;
use crate::support::{Engine, World, both_databases, eventually};

/// Six sales in three blocks of two.
struct Books {
    world: World,
    tenant: Tenant,
    seller: SellerId,
    keyring: Keyring,
    head: Head,
    journals: Vec<JournalId>,
}

fn keyring(secret: &str) -> Keyring {
    Keyring::derive(&Secret::new(secret.to_owned()))
}

/// What drops the guards of the books.
fn unguarded(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &[
            "drop trigger if exists journals_refuse_update",
            "drop trigger if exists journals_refuse_delete",
            "drop trigger if exists journals_refuse_replace",
            "drop trigger if exists transfers_refuse_update",
            "drop trigger if exists transfers_refuse_delete",
            "drop trigger if exists transfers_refuse_replace",
            "drop trigger if exists ledger_blocks_refuse_update",
            "drop trigger if exists ledger_blocks_refuse_delete",
            "drop trigger if exists sealed_journals_refuse_update",
            "drop trigger if exists sealed_journals_refuse_delete",
        ],
        Engine::Postgres => &[
            "alter table journals disable trigger all",
            "alter table transfers disable trigger all",
            "alter table ledger_blocks disable trigger all",
            "alter table sealed_journals disable trigger all",
        ],
    }
}

impl Books {
    async fn open(world: World) -> Self {
        let (tenant, seller) = tenant(&world).await;
        let keyring = keyring("a key for this test alone, forty characters");
        let mut books = Self { world, tenant, seller, keyring, head: Head::default(), journals: Vec::new() };
        for _ in 0..3 {
            books.post(2).await;
            books.seal().await;
        }
        assert_eq!(books.walk(&[]).await, Vec::<String>::new());
        books
    }

    async fn post(&mut self, count: i64) {
        let sales: Vec<_> = (1..=count).map(|n| sale(&self.tenant, &self.seller, 100 + n, 3)).collect();
        let mut tx = self.world.db.begin().await.unwrap();
        let mut entries = wallets::post(&mut tx, &sales).await.unwrap();
        tx.commit().await.unwrap();
        // Ids of one millisecond have no order; the chain's is by id.
        entries.sort_by(|a, b| a.journal.cmp(&b.journal));
        self.journals.extend(entries.into_iter().map(|entry| entry.journal));
    }

    async fn seal(&self) {
        let sealed = seals::seal(&self.world.db, &self.keyring, &self.head, self.world.now()).await.unwrap();
        assert!(matches!(sealed, Sealed::Block(_)), "{sealed:?}");
    }

    async fn anchor(&self) -> Anchor {
        seals::anchor(&self.world.db, &self.keyring).await.unwrap().unwrap()
    }

    async fn look(&self, anchors: &[Anchor]) -> Walk {
        seals::walk(&self.world.db, &[self.keyring.public_key()], anchors).await.unwrap()
    }

    /// What the walk names, in its order.
    async fn walk(&self, anchors: &[Anchor]) -> Vec<String> {
        let named = self.look(anchors).await.findings;
        named.into_iter().map(|finding| format!("{}: {}", finding.subject, finding.detail)).collect()
    }

    /// Statements of an administrator, the guards dropped first. `$j` is the journal at `index`.
    async fn tamper(&self, index: usize, statements: &[&str]) {
        let mut tx = self.world.db.begin().await.unwrap();
        for statement in unguarded(self.world.engine).iter().chain(statements) {
            let journal = self.journals[index].as_str();
            let statement: &'static str = Box::leak(statement.replace("$j", &format!("'{journal}'")).into_boxed_str());
            query(statement).execute(&mut tx).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
        tx.commit().await.unwrap();
    }

    /// The first thing named is this journal, and its story contains these words.
    async fn names(&self, index: usize, words: &str) {
        let named = self.walk(&[]).await;
        let first = named.first().unwrap_or_else(|| panic!("nothing is named"));
        assert!(first.starts_with(self.journals[index].as_str()) && first.contains(words), "{named:#?}");
    }
}

async fn a_changed_amount_is_named(world: World) {
    let books = Books::open(world).await;
    // Both the transfer and what the journal says of its total, so that they agree with each other.
    books
        .tamper(
            3,
            &[
                "update transfers set amount = amount + 5 where journal_id = $j and line = 1",
                "update journals set control_total = control_total + 5 where id = $j",
            ],
        )
        .await;
    books.names(3, "its own row was changed and its transfer 1 was changed after it was sealed in block 2").await;
    books.tamper(3, &["update journals set control_total = control_total - 5 where id = $j"]).await;
    books.names(3, "its transfer 1 was changed").await;
}

async fn every_column_of_a_journal_is_sealed(world: World) {
    let books = Books::open(world).await;
    for (change, back) in [
        ("source_id = source_id || 'x'", "source_id = substr(source_id, 1, length(source_id) - 1)"),
        ("created_at = created_at - 1", "created_at = created_at + 1"),
        ("kind = 'gift'", "kind = 'sale'"),
        ("payment_id = payment_id || 'x'", "payment_id = substr(payment_id, 1, length(payment_id) - 1)"),
    ] {
        books.tamper(2, &[&format!("update journals set {change} where id = $j")]).await;
        books.names(2, "its own row was changed").await;
        books.tamper(2, &[&format!("update journals set {back} where id = $j")]).await;
        assert_eq!(books.walk(&[]).await, Vec::<String>::new(), "{back}");
    }
}

async fn a_deleted_transfer_is_named(world: World) {
    let books = Books::open(world).await;
    books.tamper(4, &["delete from transfers where journal_id = $j and line = 1"]).await;
    books.names(4, "its transfer 1 was taken away").await;
}

async fn changed_marks_are_named(world: World) {
    let books = Books::open(world).await;
    books.tamper(2, &["update sealed_journals set marks = leaf where journal_id = $j"]).await;
    books.names(2, "the marks of its rows were changed").await;
}

async fn a_deleted_journal_is_named(world: World) {
    let books = Books::open(world).await;
    books.tamper(1, &["delete from transfers where journal_id = $j", "delete from journals where id = $j"]).await;
    books.names(1, "it was taken away after it was sealed in block 1").await;
}

async fn an_inserted_transfer_is_named(world: World) {
    let books = Books::open(world).await;
    books
        .tamper(
            0,
            &["insert into transfers select merchant_id, livemode, journal_id, 2, debit_account, credit_account, 1, currency, \
               created_at from transfers where journal_id = $j and line = 0"],
        )
        .await;
    books.names(0, "its transfer 2 was added").await;
}

async fn an_inserted_journal_is_named(world: World) {
    let books = Books::open(world).await;
    let forged = JournalId::new();
    let journal = format!(
        "insert into journals select merchant_id, livemode, '{forged}', kind, 'po_forged', payment_id, transfer_count, \
         control_total, created_at from journals where id = $j"
    );
    let transfers = format!(
        "insert into transfers select merchant_id, livemode, '{forged}', line, debit_account, credit_account, amount, currency, \
         created_at from transfers where journal_id = $j"
    );
    books.tamper(0, &[&journal, &transfers]).await;
    let named = books.walk(&[]).await;
    assert!(named[0].starts_with(&format!("{forged}: it was added")), "{named:#?}");
    // It stays named when the worker goes on.
    let mut books = books;
    books.post(1).await;
    books.seal().await;
    assert!(books.walk(&[]).await[0].starts_with(forged.as_str()));
}

async fn two_swapped_are_named(world: World) {
    let books = Books::open(world).await;
    books
        .tamper(
            2,
            &[
                "update transfers set line = 9 where journal_id = $j and line = 0",
                "update transfers set line = 0 where journal_id = $j and line = 1",
                "update transfers set line = 1 where journal_id = $j and line = 9",
            ],
        )
        .await;
    books.names(2, "its transfer 0 was changed").await;
}

async fn two_places_swapped_are_named(world: World) {
    let books = Books::open(world).await;
    books
        .tamper(
            0,
            &[
                "update sealed_journals set position = 99 where position = 1",
                "update sealed_journals set position = 1 where position = 4",
                "update sealed_journals set position = 4 where position = 99",
                "update sealed_journals set block = 1 where position = 1",
                "update sealed_journals set block = 2 where position = 4",
            ],
        )
        .await;
    books.names(3, "its place was changed").await;
}

async fn a_changed_block_is_named(world: World) {
    let books = Books::open(world).await;
    books.tamper(0, &["update ledger_blocks set sealed_at = sealed_at - 1 where number = 2"]).await;
    let named = books.walk(&[]).await;
    assert_eq!(named[0], "block 2: its own row was changed", "{named:#?}");
}

async fn a_block_taken_out_of_the_middle_is_named(world: World) {
    let books = Books::open(world).await;
    books
        .tamper(0, &["delete from ledger_blocks where number = 2", "delete from sealed_journals where block = 2"])
        .await;
    let named = books.walk(&[]).await;
    assert_eq!(named[0], "block 2: it was taken away", "{named:#?}");
}

async fn a_cut_chain_is_named(world: World) {
    let books = Books::open(world).await;
    let anchor = books.anchor().await;
    let cut = [
        "delete from transfers where journal_id in (select journal_id from sealed_journals where block = 3)",
        "delete from journals where id in (select journal_id from sealed_journals where block = 3)",
        "delete from ledger_blocks where number = 3",
        "delete from sealed_journals where block = 3",
    ];
    books.tamper(0, &cut).await;
    assert_eq!(books.walk(&[]).await[0], "block 3: it was taken away, and all up to block 3");
    // With the chain's own end set back as well, only the witness outside is left.
    books.tamper(0, &["update ledger_chain set blocks = 2, positions = 4"]).await;
    assert_eq!(books.walk(&[]).await, Vec::<String>::new());
    let named = books.walk(&[anchor]).await;
    assert!(named[0].starts_with("block 3: it was written down outside on "), "{named:#?}");
}

/// Everything from block 2 on is unsealed and changed, and waits to be sealed anew.
async fn replace_the_tail(books: &Books) {
    books
        .tamper(
            2,
            &[
                "insert into unsealed_journals select journal_id, merchant_id, livemode from sealed_journals where block >= 2",
                "delete from sealed_journals where block >= 2",
                "delete from ledger_blocks where number >= 2",
                "delete from account_balances",
                "delete from balance_buckets",
                "delete from sealed_times",
                "update ledger_chain set blocks = 1, positions = 2",
                "update transfers set amount = amount + 5 where journal_id = $j and line = 0",
                "update journals set control_total = control_total + 5 where id = $j",
            ],
        )
        .await;
}

/// Seals what waits with this key, by a sealer that has seen nothing of the chain before.
async fn seal_anew(books: &Books, keyring: &Keyring) {
    let head = Head::default();
    while let Sealed::Block(_) = seals::seal(&books.world.db, keyring, &head, books.world.now()).await.unwrap() {}
}

async fn a_sealer_signs_nothing_that_does_not_go_on_from_what_it_saw(world: World) {
    let books = Books::open(world).await;
    let anchor = books.anchor().await;
    replace_the_tail(&books).await;
    // The sealer that runs, and one that begins with the witness outside: neither signs what somebody else laid before it.
    for head in [&books.head, &Head::written(&[anchor])] {
        let refused = seals::seal(&books.world.db, &books.keyring, head, books.world.now()).await;
        assert!(matches!(refused, Err(SealError::Replaced(3))), "{refused:?}");
    }
    let walk = books.look(&[]).await;
    assert_eq!((walk.blocks, walk.waiting), (1, 4), "something was sealed: {walk:?}");
    // A chain as long as it was, of other blocks, is no better.
    seal_anew(&books, &books.keyring).await;
    books.tamper(0, &["update ledger_chain set positions = positions + 1"]).await;
    let counted = seals::seal(&books.world.db, &books.keyring, &books.head, books.world.now()).await;
    assert!(matches!(counted, Err(SealError::Counted(2))), "{counted:?}");
}

async fn a_sealer_follows_what_other_sealers_made(world: World) {
    let mut books = Books::open(world).await;
    for _ in 0..3 {
        books.post(1).await;
        seal_anew(&books, &books.keyring).await;
    }
    books.post(1).await;
    books.seal().await;
    assert_eq!(books.look(&[]).await.blocks, 7);
    // Between what it saw and the end, one block is not what it was.
    for _ in 0..2 {
        books.post(1).await;
        seal_anew(&books, &books.keyring).await;
    }
    books.tamper(0, &["update ledger_blocks set sealed_at = sealed_at + 1 where number = 8"]).await;
    let refused = seals::seal(&books.world.db, &books.keyring, &books.head, books.world.now()).await;
    assert!(matches!(refused, Err(SealError::Replaced(8))), "{refused:?}");
}

/// The running gateway: it says so where people look, and signs nothing into the file outside.
async fn a_gateway_whose_chain_is_replaced_tells_of_it(world: World) {
    use tollgate::integrity::{State, watch};
    let shop = Shop::open(world).await;
    shop.paid().await;
    let worker = Worker::start(&shop.app);
    let blocks = async || seals::walk(&shop.app.db, &[], &[]).await.unwrap().blocks;
    eventually("something is sealed", async || (blocks().await > 0).then_some(())).await;
    let chain = async || {
        let standing = watch::standing(&shop.app.db, &shop.app.whole_reads, &shop.tenant, shop.app.now()).await.ok()?;
        standing.laws.into_iter().find(|law| law.check.name == "chain_goes_on").map(|law| law.check)
    };
    assert_eq!(chain().await.unwrap().state, State::Holds);
    let mut tx = shop.app.db.begin().await.unwrap();
    for statement in unguarded(shop.world.engine).iter().copied().chain([
        "delete from sealed_journals",
        "delete from ledger_blocks",
        "update ledger_chain set blocks = 0, positions = 0",
    ]) {
        query(statement).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let broken = async || chain().await.filter(|check| check.state == State::Broken);
    assert!(eventually("it is said", broken).await.findings[0].detail.contains("was cut or replaced"));
    let counted = watch::counts(&shop.app.db).await.unwrap();
    assert!(counted.contains(&("chain_goes_on", 1)), "{counted:?}");
    worker.stop(std::time::Duration::from_secs(5)).await;
}

async fn a_tail_replaced_with_another_key_is_named(world: World) {
    let books = Books::open(world).await;
    replace_the_tail(&books).await;
    seal_anew(&books, &keyring("the key of somebody who only holds the database")).await;
    let named = books.walk(&[]).await;
    assert!(named[0].starts_with("block 2: it was not signed by this gateway's key"), "{named:#?}");
    // Without the key nobody can tell; that is what the verdict says.
    let blind = seals::walk(&books.world.db, &[], &[]).await.unwrap();
    assert!(blind.findings.is_empty() && !blind.signatures, "{blind:?}");
}

async fn a_tail_replaced_with_our_own_key_needs_the_witness_outside(world: World) {
    let books = Books::open(world).await;
    let first = seals::anchor(&books.world.db, &books.keyring).await.unwrap().unwrap();
    replace_the_tail(&books).await;
    seal_anew(&books, &books.keyring).await;
    assert_eq!(books.walk(&[]).await, Vec::<String>::new());
    let named = books.walk(&[first]).await;
    assert!(named[0].starts_with("block 3: it was written down outside"), "{named:#?}");
}

async fn a_leaf_changed_with_its_rows_is_named_by_its_block(world: World) {
    let books = Books::open(world).await;
    books
        .tamper(
            4,
            &["update sealed_journals set leaf = (select leaf from sealed_journals where position = 1), marks = \
        (select marks from sealed_journals where position = 1) where journal_id = $j"],
        )
        .await;
    books.names(4, "its own row was changed").await;
}

async fn what_is_kept_of_a_balance_is_checked(world: World) {
    use tollgate::integrity::{Scope, State, check};
    let books = Books::open(world).await;
    let state = async || {
        let report = check(&books.world.db, Scope::Everything).await.unwrap();
        report.checks.into_iter().find(|check| check.name == "balances_equal_transfers").unwrap()
    };
    let sound = state().await;
    assert!(sound.state == State::Holds && sound.checked == 9, "{sound:#?}");
    let (fees, journal) = ("KRW:fees:platform", books.journals[0].as_str());
    for (table, column, by, place, named) in [
        ("balance_buckets", "credits_low", 1, "account = 'fees:platform' and width = 28", fees),
        ("balance_buckets", "credits_low", 1, "account = 'fees:platform' and width = 36", fees),
        ("balance_buckets", "debits_high", 1, "account = 'fees:platform' and width = 44", fees),
        ("account_balances", "credits_low", 1, "account = 'fees:platform'", fees),
        ("account_balances", "first_at", 1, "account = 'fees:platform'", fees),
        ("account_balances", "first_at", 1_i64 << 40, "account = 'fees:platform'", fees),
        ("sealed_times", "posted_at", 1, "journal_id = $j", journal),
    ] {
        let moved = |sign| format!("update {table} set {column} = {column} {sign} {by} where {place}");
        books.tamper(0, &[&moved('+')]).await;
        let broken = state().await;
        assert_eq!(broken.state, State::Broken, "{table}.{column} by {by}");
        assert!(
            broken.findings.iter().all(|finding| finding.subject == named),
            "{table}.{column} by {by}: {broken:#?}"
        );
        books.tamper(0, &[&moved('-')]).await;
        assert_eq!(state().await.state, State::Holds, "{table}.{column} by {by}");
    }
}

async fn a_journal_that_commits_late_is_sealed_all_the_same(world: World) {
    if world.engine == Engine::Sqlite {
        return; // There is one writer: nothing commits late.
    }
    let mut books = Books::open(world).await;
    let mut late = books.world.db.begin().await.unwrap();
    let posted = ledger::post(&mut late, &[sale(&books.tenant, &books.seller, 7, 0)]).await.unwrap();
    books.post(2).await;
    books.seal().await;
    late.commit().await.unwrap();
    assert!(seals::proof(&books.world.db, &books.tenant, &posted[0].journal).await.unwrap().is_none());
    books.seal().await;
    assert_eq!(books.walk(&[]).await, Vec::<String>::new());
    let proof = seals::proof(&books.world.db, &books.tenant, &posted[0].journal).await.unwrap().unwrap();
    assert_eq!((proof.position, proof.block.number), (9, 5));
}

async fn many_sealers_make_one_chain(world: World) {
    let mut books = Books::open(world).await;
    books.post(20).await;
    let sealers: Vec<_> = (0..4)
        .map(|_| {
            let (db, keyring, now) = (books.world.db.clone(), books.keyring.clone(), books.world.now());
            tokio::spawn(async move { seals::seal(&db, &keyring, &seals::Head::default(), now).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for sealer in sealers {
        made += usize::from(matches!(sealer.await.unwrap(), Sealed::Block(_)));
    }
    assert_eq!(made, 1);
    let walk = books.look(&[]).await;
    assert_eq!((walk.blocks, walk.journals, walk.waiting, walk.findings.len()), (4, 26, 0, 0));
}

async fn a_proof_shows_one_journal_and_no_other(world: World) {
    let mut books = Books::open(world).await;
    books.post(7).await;
    books.seal().await;
    for journal in &books.journals {
        let proof = seals::proof(&books.world.db, &books.tenant, journal).await.unwrap().unwrap();
        let index = usize::try_from(proof.position - proof.block.first_position).unwrap();
        let count = usize::try_from(proof.block.last_position - proof.block.first_position + 1).unwrap();
        assert_eq!(climb(&proof.leaf, index, count, &proof.path), Some(proof.block.root));
        assert_eq!(proof.block.digest(), proof.block.hash);
    }
    let (stranger, _) = tenant(&books.world).await;
    assert_eq!(seals::proof(&books.world.db, &stranger, &books.journals[0]).await.unwrap(), None);
}

both_databases!(
    a_changed_amount_is_named,
    every_column_of_a_journal_is_sealed,
    a_deleted_transfer_is_named,
    changed_marks_are_named,
    a_deleted_journal_is_named,
    an_inserted_transfer_is_named,
    an_inserted_journal_is_named,
    two_swapped_are_named,
    two_places_swapped_are_named,
    a_changed_block_is_named,
    a_block_taken_out_of_the_middle_is_named,
    a_cut_chain_is_named,
    a_tail_replaced_with_another_key_is_named,
    a_sealer_signs_nothing_that_does_not_go_on_from_what_it_saw,
    a_sealer_follows_what_other_sealers_made,
    a_gateway_whose_chain_is_replaced_tells_of_it,
    a_tail_replaced_with_our_own_key_needs_the_witness_outside,
    a_leaf_changed_with_its_rows_is_named_by_its_block,
    what_is_kept_of_a_balance_is_checked,
    a_journal_that_commits_late_is_sealed_all_the_same,
    many_sealers_make_one_chain,
    a_proof_shows_one_journal_and_no_other,
);
