//! The invariants can fail: each is broken here by hand, as somebody with full access to the database could, and must be named.

use tollgate::db::query;
use tollgate::integrity::{self, Check, Scope, State};
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::payments::Opened;
use tollgate::words::{Currency, MerchantId, Mode, Money, Tenant};

use crate::ledger::{sale, tenant};
use crate::support::shop::Shop;
use crate::support::{Engine, World, both_databases};

const FORGED: &str = "insert into transfers select merchant_id, livemode, journal_id, 2, debit_account, credit_account, 1, currency, \
                      created_at from transfers where line = 0";

/// Statements of an administrator with bad intentions, and no guard in the way.
async fn tamper(world: &World, statements: &[&'static str]) {
    let unguard: &[&'static str] = match world.engine {
        Engine::Sqlite => &[
            "drop trigger if exists journals_refuse_update",
            "drop trigger if exists journals_refuse_delete",
            "drop trigger if exists journals_refuse_replace",
            "drop trigger if exists transfers_refuse_update",
            "drop trigger if exists transfers_refuse_delete",
            "drop trigger if exists transfers_refuse_replace",
        ],
        Engine::Postgres => &["alter table journals disable trigger all", "alter table transfers disable trigger all"],
    };
    raw(world, unguard).await;
    raw(world, statements).await;
}

async fn raw(world: &World, statements: &[&'static str]) {
    let mut tx = world.db.begin().await.unwrap();
    for statement in statements {
        query(statement).execute(&mut tx).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    tx.commit().await.unwrap();
}

async fn look(world: &World, scope: Scope<'_>) -> Vec<Check> {
    integrity::check(&world.db, scope).await.unwrap().checks
}

fn named<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name == name).unwrap()
}

/// One merchant with one sale, and another merchant that must not be drawn into it.
async fn with_a_sale(world: &World) -> (Tenant, String) {
    let (tenant, seller) = tenant(world).await;
    let mut tx = world.db.begin().await.unwrap();
    let entries = tollgate::wallets::post(&mut tx, &[sale(&tenant, &seller, 100, 3)]).await.unwrap();
    tx.commit().await.unwrap();
    (tenant, entries[0].journal.to_string())
}

async fn sound_books_hold(world: World) {
    let (tenant, _) = with_a_sale(&world).await;
    for scope in [Scope::Everything, Scope::Tenant(&tenant)] {
        let checks = look(&world, scope).await;
        for name in ["debits_equal_credits", "wallets_equal_ledger", "books_are_guarded"] {
            assert_eq!(named(&checks, name).state, State::Holds, "{checks:#?}");
            assert!(named(&checks, name).checked > 0, "{name} looked at something");
        }
        let provider = named(&checks, "provider_agrees");
        assert_eq!(provider.state, State::NotChecked);
        assert!(!provider.findings[0].detail.is_empty());
    }
}

async fn a_changed_amount_is_named(world: World) {
    let (tenant, journal) = with_a_sale(&world).await;
    tamper(&world, &["update transfers set amount = 98 where line = 0"]).await;
    let checks = look(&world, Scope::Tenant(&tenant)).await;
    let books = named(&checks, "debits_equal_credits");
    assert_eq!((books.state, books.broken), (State::Broken, 1));
    assert_eq!(books.findings[0].subject, journal);
    // The wallet no longer agrees either.
    assert_eq!(named(&checks, "wallets_equal_ledger").state, State::Broken);
}

async fn every_way_to_touch_a_journal_is_named(world: World) {
    let (_, journal) = with_a_sale(&world).await;
    tamper(&world, &[]).await;
    let one_line_less = "delete from transfers where line = 1";
    let no_lines = "delete from transfers";
    let one_line_more = FORGED;
    let exchanged = "update transfers set debit_account = credit_account where line = 0";
    let unknown_account = "update transfers set credit_account = 'pocket' where line = 1";
    let backdated = "update transfers set created_at = created_at - 1 where line = 1";
    for attack in [one_line_less, no_lines, one_line_more, exchanged, unknown_account, backdated] {
        let mut tx = world.db.begin().await.unwrap();
        // The attack may break a rule that the table itself keeps; that is as good as being found.
        let Ok(_) = query(attack).execute(&mut tx).await else { continue };
        tx.commit().await.unwrap();
        let checks = look(&world, Scope::Everything).await;
        let books = named(&checks, "debits_equal_credits");
        assert_eq!(books.state, State::Broken, "{attack}");
        assert_eq!(books.findings[0].subject, journal, "{attack}");
        restore(&world).await;
        let checks = look(&world, Scope::Everything).await;
        assert_eq!(named(&checks, "debits_equal_credits").state, State::Holds, "after {attack}");
    }
}

async fn an_order_that_lies_about_its_delivery_is_named(world: World) {
    let shop = Shop::open(world.clone()).await;
    let opened = shop.paid().await;
    let order = opened.orders[0].id.as_str();
    shop.assert_sound().await;
    raw(&world, &["update payment_orders set pending = pending - 1"]).await;
    assert_broken(&world, "orders_wait_for_delivery", order).await;
    raw(&world, &["update payment_orders set pending = pending + 1, fulfilled_at = 1"]).await;
    assert_broken(&world, "orders_wait_for_delivery", order).await;
    raw(&world, &["update payment_orders set pending = 0"]).await;
    assert_broken(&world, "orders_wait_for_delivery", order).await;
}

/// Puts the transfers of the one sale back.
async fn restore(world: &World) {
    raw(
        world,
        &[
            "delete from transfers",
            "insert into transfers select j.merchant_id, j.livemode, j.id, 0, 'psp:simulator', \
             'seller:' || (select min(seller_id) from wallets) || ':pending', 97, 'KRW', j.created_at from journals j",
            "insert into transfers select j.merchant_id, j.livemode, j.id, 1, 'psp:simulator', 'fees:platform', 3, 'KRW', j.created_at \
             from journals j",
        ],
    )
    .await;
}

async fn a_transfer_without_a_journal_is_named(world: World) {
    let (_, journal) = with_a_sale(&world).await;
    match world.engine {
        // With the foreign keys out of the way, as a careless repair tool would have them.
        Engine::Sqlite => {
            tamper(&world, &[]).await;
            let tollgate::db::Db::Sqlite { write, .. } = &world.db else { unreachable!() };
            for statement in ["pragma foreign_keys = off", "delete from journals", "pragma foreign_keys = on"] {
                sqlx::query(statement).execute(write).await.unwrap();
            }
        }
        Engine::Postgres => tamper(&world, &["delete from journals"]).await,
    }
    let checks = look(&world, Scope::Everything).await;
    let books = named(&checks, "debits_equal_credits");
    assert_eq!(books.state, State::Broken);
    assert_eq!(books.findings[0].subject, journal);
}

async fn a_wallet_that_was_touched_is_named(world: World) {
    let (tenant, _) = with_a_sale(&world).await;
    raw(&world, &["update wallets set available = 1"]).await;
    let checks = look(&world, Scope::Tenant(&tenant)).await;
    let wallets = named(&checks, "wallets_equal_ledger");
    assert_eq!((wallets.state, wallets.broken), (State::Broken, 1));
    assert!(wallets.findings[0].subject.ends_with(":available"), "{wallets:?}");

    raw(&world, &["delete from wallets"]).await;
    let checks = look(&world, Scope::Tenant(&tenant)).await;
    assert!(named(&checks, "wallets_equal_ledger").findings[0].subject.ends_with(":pending"));
}

async fn a_missing_guard_is_named(world: World) {
    with_a_sale(&world).await;
    let (guard, off) = match world.engine {
        Engine::Sqlite => ("transfers_refuse_update", "drop trigger transfers_refuse_update"),
        Engine::Postgres => {
            ("transfers_refuse_change", "alter table transfers disable trigger transfers_refuse_change")
        }
    };
    raw(&world, &[off]).await;
    let checks = look(&world, Scope::Everything).await;
    let guards = named(&checks, "books_are_guarded");
    assert_eq!((guards.state, guards.broken), (State::Broken, 1));
    assert_eq!(guards.findings[0].subject, guard);
}

async fn a_guard_that_lets_everything_pass_is_named(world: World) {
    with_a_sale(&world).await;
    let broken = async || {
        let checks = look(&world, Scope::Everything).await;
        named(&checks, "books_are_guarded").findings.iter().map(|it| it.subject.clone()).collect::<Vec<_>>()
    };
    assert_eq!(broken().await, Vec::<String>::new());
    match world.engine {
        Engine::Sqlite => {
            raw(
                &world,
                &[
                    "drop trigger transfers_refuse_update",
                    "create trigger transfers_refuse_update before update on transfers begin select 1; end",
                ],
            )
            .await;
            assert_eq!(broken().await, ["transfers_refuse_update"]);
        }
        Engine::Postgres => {
            raw(&world, &[
                "drop trigger transfers_refuse_change on transfers",
                "create trigger transfers_refuse_change before update or delete on transfers for each row when (false) \
                 execute function ledger_refuses()",
                "alter table transfers enable always trigger transfers_refuse_change",
            ])
            .await;
            assert_eq!(broken().await, ["transfers_refuse_change"]);
            raw(
                &world,
                &["create or replace function ledger_refuses() returns trigger language plpgsql as \
                 $$ begin return coalesce(new, old); end $$"],
            )
            .await;
            assert_eq!(broken().await.len(), 8);
        }
    }
}

async fn sums_beyond_64_bits_are_a_break_not_a_crash(world: World) {
    with_a_sale(&world).await;
    tamper(&world, &["update transfers set amount = 9223372036854775807"]).await;
    let checks = look(&world, Scope::Everything).await;
    assert_eq!(named(&checks, "debits_equal_credits").state, State::Broken);
}

/// Nobody is told that the books are broken because the database is.
async fn what_the_database_does_not_answer_is_no_break(world: World) {
    with_a_sale(&world).await;
    raw(&world, &["alter table wallets rename to wallets_away"]).await;
    let asked = tollgate::integrity::check(&world.db, Scope::Everything).await;
    assert!(asked.is_err(), "{asked:?}");
    raw(&world, &["alter table wallets_away rename to wallets"]).await;
    assert_eq!(named(&look(&world, Scope::Everything).await, "wallets_equal_ledger").state, State::Holds);
}

async fn a_merchant_sees_only_its_own_breaks(world: World) {
    with_a_sale(&world).await;
    raw(&world, &["update wallets set available = 1"]).await;
    let (other, _) = with_a_sale(&world).await;
    let live = Tenant::new(other.merchant.clone(), Mode::Live);
    let stranger = Tenant::new(MerchantId::new(), Mode::Test);
    for tenant in [&other, &live, &stranger] {
        let checks = look(&world, Scope::Tenant(tenant)).await;
        assert_eq!(named(&checks, "wallets_equal_ledger").state, State::Holds);
    }
    assert_eq!(named(&look(&world, Scope::Everything).await, "wallets_equal_ledger").broken, 1);
}

/// A shop with one paid checkout, everything in order.
async fn paid(world: &World) -> (Shop, Opened) {
    let shop = Shop::open(world.clone()).await;
    let opened = Box::pin(shop.paid()).await;
    tollgate::ledger::seals::seal(
        &shop.app.db,
        &shop.app.keyring,
        &tollgate::ledger::seals::Head::default(),
        shop.app.now(),
    )
    .await
    .unwrap();
    let checks = look(world, Scope::Tenant(&shop.tenant)).await;
    for check in checks.iter().filter(|check| !["provider_agrees", "chain_goes_on"].contains(&check.name)) {
        assert_eq!(check.state, State::Holds, "{check:#?}");
        assert!(check.checked > 0 || check.name == "payouts_are_posted", "{check:#?}");
    }
    (shop, opened)
}

/// The check of this name is broken and names `subject` first.
async fn assert_broken(world: &World, name: &str, subject: &str) {
    let checks = look(world, Scope::Everything).await;
    let check = named(&checks, name);
    assert_eq!(check.state, State::Broken, "{name}");
    assert_eq!(check.findings[0].subject, subject, "{check:#?}");
}

async fn an_order_that_is_not_posted_is_named(world: World) {
    let (_, opened) = paid(&world).await;
    let order = opened.orders[0].id.as_str();
    tamper(&world, &["update journals set kind = 'gift'"]).await;
    assert_broken(&world, "orders_are_posted", order).await;
    tamper(&world, &["update journals set kind = 'sale', payment_id = 'pay_other'"]).await;
    assert_broken(&world, "orders_are_posted", order).await;
    tamper(&world, &["update journals set payment_id = (select id from payments), control_total = 999"]).await;
    assert_broken(&world, "orders_are_posted", order).await;
}

async fn an_order_that_is_posted_and_not_paid_is_named(world: World) {
    let (_, opened) = paid(&world).await;
    let order = opened.orders[0].id.as_str();
    raw(
        &world,
        &["update payment_orders set payment_order_status = 'NOT_STARTED', wallet_updated = false, ledger_updated = false"],
    )
    .await;
    assert_broken(&world, "orders_are_posted", order).await;
    raw(&world, &["delete from payment_orders"]).await;
    assert_broken(&world, "orders_are_posted", order).await;
}

async fn a_refund_above_the_capture_is_named(world: World) {
    let (shop, opened) = paid(&world).await;
    let seller = opened.orders[0].seller.clone();
    let usd = |minor| Money::of(minor, Currency::parse("USD").unwrap()).unwrap();
    let other = Account::Reserved(seller.clone());
    let held = |source: &str, from: Account, to: Account, minor| Posting {
        kind: "refund",
        source_id: source.to_owned(),
        tenant: shop.tenant.clone(),
        payment: Some(opened.payment.id.clone()),
        transfers: vec![Transfer { debit: from, credit: to, amount: usd(minor) }],
        now: world.now(),
    };
    let post = async |posting: Posting| {
        let mut tx = world.db.begin().await.unwrap();
        tollgate::wallets::post(&mut tx, &[posting]).await.unwrap();
        tx.commit().await.unwrap();
    };
    // All of it is held, half comes back, and that half is held again: never more than the whole.
    post(held("re_1", Account::Pending(seller.clone()), other.clone(), 1000)).await;
    post(held("re_2", other.clone(), Account::Pending(seller.clone()), 500)).await;
    post(held("re_3", Account::Pending(seller), other.clone(), 500)).await;
    let checks = look(&world, Scope::Everything).await;
    assert_eq!(named(&checks, "refunds_within_captured").state, State::Holds);
    post(held("re_4", Account::Suspense, other, 1)).await;
    assert_broken(&world, "refunds_within_captured", opened.payment.id.as_str()).await;
}

async fn a_capture_that_is_not_what_its_payment_says_is_named(world: World) {
    let shop = Shop::open(world.clone()).await;
    let opened = shop.held().await;
    let payment = opened.payment.id.as_str();
    let sound = async || look(&world, Scope::Everything).await.iter().all(|check| check.state != State::Broken);
    assert!(sound().await);
    // Nobody asked the PSP for what it says is under way.
    raw(&world, &["update payments set pending_operation = 'capture'"]).await;
    assert_broken(&world, "one_capture_per_checkout", payment).await;
    raw(&world, &["update payments set pending_operation = null"]).await;
    let new = tollgate::payments::captures::NewCapture { payment: opened.payment.id.clone(), amount: None };
    let mut tx = world.db.begin().await.unwrap();
    tollgate::payments::captures::capture(&mut tx, &shop.tenant, &new, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop.run_jobs().await;
    assert!(sound().await);
    raw(&world, &["update captures set amount = amount - 1"]).await;
    assert_broken(&world, "one_capture_per_checkout", payment).await;
    raw(&world, &["update captures set amount = amount + 1", "update payment_orders set captured = '10.01'"]).await;
    assert_broken(&world, "orders_are_posted", opened.orders[0].id.as_str()).await;
}

async fn a_second_capture_is_named(world: World) {
    let (_, opened) = paid(&world).await;
    let payment = opened.payment.id.as_str();
    raw(&world, &["update payments set captured = captured - 1"]).await;
    assert_broken(&world, "one_capture_per_checkout", payment).await;
    raw(&world, &["update payments set captured = amount", "drop index attempts_one_approved"]).await;
    let again = "insert into attempts (id, payment_id, merchant_id, livemode, psp, psp_key, method, state, psp_reference, \
                 sent_at, deadline_at, settled_at) select 'att_again', payment_id, merchant_id, livemode, psp, 'again', \
                 method, state, psp_reference, sent_at, deadline_at, settled_at from attempts";
    raw(&world, &[again]).await;
    assert_broken(&world, "one_capture_per_checkout", payment).await;
}

async fn a_state_that_nobody_was_told_of_is_named(world: World) {
    let (_, opened) = paid(&world).await;
    raw(&world, &["delete from events where kind = 'checkout.session.completed'"]).await;
    assert_broken(&world, "final_states_are_told", opened.session.id.as_str()).await;
    raw(&world, &["delete from events where kind = 'payment.succeeded'"]).await;
    let checks = look(&world, Scope::Everything).await;
    assert_eq!(named(&checks, "final_states_are_told").broken, 2);
}

/// What was planned for a handful of rows (PostgreSQL has no statistics of new tables) must not loop through all of them for each.
async fn many_rows_are_checked_in_one_pass(world: World) {
    paid(&world).await;
    raw(
        &world,
        &[
            "insert into payments (id, merchant_id, livemode, status, currency, amount, captured, capture, description, metadata, \
             created_at, updated_at, succeeded_at) \
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) \
             select 'pay_' || n.i, merchant_id, livemode, status, currency, amount, captured, capture, description, metadata, \
             created_at, updated_at, succeeded_at from payments, n",
            "insert into payment_orders (payment_order_id, payment_id, merchant_id, livemode, seller_account, amount, fee, currency, \
             payment_order_status, captured, captured_fee, wallet_updated, ledger_updated, created_at, updated_at, pending, paid_at) \
             select 'po_' || p.id, p.id, o.merchant_id, o.livemode, o.seller_account, o.amount, o.fee, o.currency, \
             o.payment_order_status, o.captured, o.captured_fee, o.wallet_updated, o.ledger_updated, o.created_at, o.updated_at, \
             o.pending, o.paid_at \
             from payment_orders o, payments p where p.id <> o.payment_id",
            "insert into journals (merchant_id, livemode, id, kind, source_id, payment_id, transfer_count, control_total, created_at) \
             select j.merchant_id, j.livemode, 'jrn_' || p.id, j.kind, 'po_' || p.id, p.id, j.transfer_count, j.control_total, \
             j.created_at from journals j, payments p where p.id <> j.payment_id",
            "insert into transfers (merchant_id, livemode, journal_id, line, debit_account, credit_account, amount, currency, created_at) \
             select t.merchant_id, t.livemode, j.id, t.line, t.debit_account, t.credit_account, t.amount, t.currency, t.created_at \
             from transfers t, journals j where j.id <> t.journal_id",
            "insert into events (id, merchant_id, livemode, kind, object_id, sequence, data, created_at) \
             select 'evt_' || p.id, e.merchant_id, e.livemode, e.kind, p.id, 1, e.data, e.created_at \
             from events e, payments p where e.kind = 'payment.succeeded' and e.object_id <> p.id",
            "update wallets set pending = pending * 5001",
        ],
    )
    .await;
    let begun = std::time::Instant::now();
    let checks = look(&world, Scope::Everything).await;
    let took = begun.elapsed();
    for check in checks.iter().filter(|check| check.number != Some(7) && check.name != "chain_goes_on") {
        assert_eq!(check.state, State::Holds, "{check:#?}");
    }
    assert_eq!(named(&checks, "orders_are_posted").checked, 5001);
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}

both_databases!(
    an_order_that_lies_about_its_delivery_is_named,
    sound_books_hold,
    a_changed_amount_is_named,
    every_way_to_touch_a_journal_is_named,
    a_transfer_without_a_journal_is_named,
    a_wallet_that_was_touched_is_named,
    a_missing_guard_is_named,
    a_guard_that_lets_everything_pass_is_named,
    sums_beyond_64_bits_are_a_break_not_a_crash,
    what_the_database_does_not_answer_is_no_break,
    a_merchant_sees_only_its_own_breaks,
    an_order_that_is_not_posted_is_named,
    an_order_that_is_posted_and_not_paid_is_named,
    a_capture_that_is_not_what_its_payment_says_is_named,
    a_refund_above_the_capture_is_named,
    a_second_capture_is_named,
    a_state_that_nobody_was_told_of_is_named,
    many_rows_are_checked_in_one_pass,
);
