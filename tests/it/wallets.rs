//! Wallets: always the sum of their accounts, never below nothing, whoever comes at once.

use tollgate::db::{Db, query, retrying};
use tollgate::integrity::{self, Scope, State};
use tollgate::ledger::seals::{self, Sealed};
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::wallets::{self, Wallet, WalletError};
use tollgate::words::{Currency, MerchantId, Mode, Money, SellerId, Tenant, Timestamp};

use crate::ledger::{krw, sale, seller, tenant};
use crate::support::{World, both_databases};

async fn post(db: &Db, postings: &[Posting]) -> Result<usize, WalletError> {
    retrying(|| async {
        let mut tx = db.begin().await?;
        let entries = wallets::post(&mut tx, postings).await?;
        tx.commit().await?;
        Ok(entries.iter().filter(|entry| entry.new).count())
    })
    .await
}

fn posting(tenant: &Tenant, kind: &'static str, source: &str, transfers: Vec<Transfer>) -> Posting {
    let now = Timestamp::from_unix_seconds(1_760_000_000);
    Posting { kind, source_id: source.to_owned(), tenant: tenant.clone(), payment: None, transfers, now }
}

fn moved(debit: Account, credit: Account, amount: Money) -> Vec<Transfer> {
    vec![Transfer { debit, credit, amount }]
}

/// A delivery: pending money of the seller becomes available.
fn delivery(tenant: &Tenant, seller: &SellerId, source: &str, amount: i64) -> Posting {
    let (debit, credit) = (Account::Pending(seller.clone()), Account::Available(seller.clone()));
    posting(tenant, "delivery", source, moved(debit, credit, krw(amount)))
}

async fn wallet(world: &World, tenant: &Tenant, seller: &SellerId) -> (i64, i64, i64, i64) {
    let wallets = wallets::of_seller(&world.db, tenant, seller).await.unwrap();
    assert_eq!(wallets.len(), 1, "{wallets:?}");
    let Wallet { pending, available, paying_out, reserved, .. } = wallets[0];
    (pending, available, paying_out, reserved)
}

/// Books and wallets agree. The other invariants are about payments and payouts, of which there are none here.
async fn assert_sound(world: &World) {
    let report = integrity::check(&world.db, Scope::Everything).await.unwrap();
    let books = ["debits_equal_credits", "wallets_equal_ledger", "books_are_guarded"];
    for check in report.checks.iter().filter(|check| books.contains(&check.name)) {
        assert_eq!(check.state, State::Holds, "{check:#?}");
        assert!(check.checked > 0, "{check:#?}");
    }
}

async fn a_sale_is_pending_and_only_once(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let sale = sale(&tenant, &seller, 100, 3);
    assert_eq!(post(&world.db, std::slice::from_ref(&sale)).await.unwrap(), 1);
    assert_eq!(post(&world.db, &[sale.clone(), sale]).await.unwrap(), 0);
    assert_eq!(wallet(&world, &tenant, &seller).await, (97, 0, 0, 0));
    assert_sound(&world).await;
}

async fn money_goes_from_pocket_to_pocket(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let pocket = |make: fn(SellerId) -> Account| make(seller.clone());
    let payout = moved(pocket(Account::Available), pocket(Account::PayingOut), krw(30));
    let refund = moved(pocket(Account::Available), pocket(Account::Reserved), krw(20));
    let paid = moved(pocket(Account::PayingOut), Account::Bank, krw(10));
    // Several facts of one wallet in one batch, later ones standing on earlier ones.
    let facts = [
        sale(&tenant, &seller, 100, 0),
        delivery(&tenant, &seller, "po_1", 60),
        posting(&tenant, "payout", "out_1", payout),
        posting(&tenant, "refund", "re_1", refund),
        posting(&tenant, "payout_paid", "out_1", paid),
    ];
    post(&world.db, &facts).await.unwrap();
    assert_eq!(wallet(&world, &tenant, &seller).await, (40, 10, 20, 20));
    assert_sound(&world).await;
}

async fn nobody_takes_what_is_not_there(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let other = crate::ledger::seller(&world, &tenant).await;
    post(&world.db, &[sale(&tenant, &seller, 100, 0), sale(&tenant, &other, 500, 0)]).await.unwrap();
    for (broken, who) in [
        (vec![delivery(&tenant, &seller, "po_1", 101)], &seller),
        (vec![delivery(&tenant, &other, "po_2", 1), delivery(&tenant, &seller, "po_3", 101)], &seller),
    ] {
        let error = post(&world.db, &broken).await.unwrap_err();
        assert!(matches!(&error, WalletError::NotEnough { seller, .. } if *seller == who.to_string()), "{error}");
    }
    assert_eq!(wallet(&world, &tenant, &seller).await, (100, 0, 0, 0));
    assert_eq!(wallet(&world, &tenant, &other).await, (500, 0, 0, 0));

    // A seller who never sold has no wallet to take from.
    let newcomer = crate::ledger::seller(&world, &tenant).await;
    assert!(matches!(
        post(&world.db, &[delivery(&tenant, &newcomer, "po_4", 1)]).await,
        Err(WalletError::NotEnough { .. })
    ));
    assert_sound(&world).await;
}

async fn many_at_once_never_take_too_much(world: World) {
    let (tenant, seller) = tenant(&world).await;
    post(&world.db, &[sale(&tenant, &seller, 100, 0)]).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|turn| {
            let (db, fact) = (world.db.clone(), delivery(&tenant, &seller, &format!("po_{turn}"), 9));
            tokio::spawn(async move { post(&db, &[fact]).await })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(new) => taken += new,
            Err(WalletError::NotEnough { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(taken, 11, "eleven times nine fit into a hundred");
    assert_eq!(wallet(&world, &tenant, &seller).await, (1, 99, 0, 0));
    assert_sound(&world).await;
}

async fn batches_of_the_same_wallets_do_not_wait_in_a_circle(world: World) {
    let (tenant, one) = tenant(&world).await;
    let two = seller(&world, &tenant).await;
    let tasks: Vec<_> = (0..16)
        .map(|turn| {
            let mut batch = vec![sale(&tenant, &one, 10, 0), sale(&tenant, &two, 10, 0)];
            if turn % 2 == 0 {
                batch.reverse();
            }
            let db = world.db.clone();
            tokio::spawn(async move { post(&db, &batch).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 2);
    }
    assert_eq!(wallet(&world, &tenant, &one).await, (160, 0, 0, 0));
    assert_eq!(wallet(&world, &tenant, &two).await, (160, 0, 0, 0));
}

async fn a_balance_beyond_64_bits_is_an_error(world: World) {
    let (tenant, seller) = tenant(&world).await;
    post(&world.db, &[sale(&tenant, &seller, 1, 0)]).await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    query("update wallets set pending = 9223372036854775807").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(post(&world.db, &[sale(&tenant, &seller, 1, 0)]).await, Err(WalletError::Db(_))));
    assert_eq!(wallet(&world, &tenant, &seller).await.0, i64::MAX);
}

async fn a_wallet_belongs_to_a_seller_of_its_tenant(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let mut live = sale(&tenant, &seller, 1, 0);
    live.tenant.mode = Mode::Live;
    let elsewhere = sale(&Tenant::new(MerchantId::new(), Mode::Test), &seller, 1, 0);
    let nobody = sale(&tenant, &SellerId::new(), 1, 0);
    for posting in [live, elsewhere, nobody] {
        assert!(matches!(post(&world.db, &[posting]).await, Err(WalletError::Db(_))));
    }
    assert_eq!(wallets::of_seller(&world.db, &tenant, &seller).await.unwrap(), []);
}

async fn each_currency_has_its_wallet(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let usd = Money::of(250, Currency::parse("USD").unwrap()).unwrap();
    let sold = moved(Account::Psp("simulator".into()), Account::Pending(seller.clone()), usd);
    post(&world.db, &[sale(&tenant, &seller, 100, 0), posting(&tenant, "sale", "po_usd", sold)]).await.unwrap();
    let wallets = wallets::of_seller(&world.db, &tenant, &seller).await.unwrap();
    let balances: Vec<_> = wallets.iter().map(|wallet| (wallet.currency.code(), wallet.pending)).collect();
    assert_eq!(balances, [("KRW", 100), ("USD", 250)]);

    let all = wallets::of_tenant(&world.db, &tenant, None, 10).await.unwrap();
    assert_eq!(all, wallets);
    let after_the_first = Some((&wallets[0].seller, wallets[0].currency));
    assert_eq!(wallets::of_tenant(&world.db, &tenant, after_the_first, 10).await.unwrap(), wallets[1..]);
}

/// A law: whatever is asked, in whatever order and however often, wallets stay the sum of the ledger and never fall below nothing.
async fn wallets_follow_the_ledger_through_anything(world: World) {
    let (tenant, one) = tenant(&world).await;
    let two = seller(&world, &tenant).await;
    let mut random = Lottery(0x2545_f491_4f6c_dd1d);
    for step in 0..150 {
        let batch: Vec<Posting> = (0..=random.below(3))
            .map(|part| {
                let who = if random.below(2) == 0 { &one } else { &two };
                let pockets: [Account; 6] = [
                    Account::Psp("simulator".into()),
                    Account::Pending(who.clone()),
                    Account::Available(who.clone()),
                    Account::PayingOut(who.clone()),
                    Account::Reserved(who.clone()),
                    Account::Bank,
                ];
                let from = usize::try_from(random.below(6)).unwrap();
                let to = (from + 1 + usize::try_from(random.below(5)).unwrap()) % 6;
                let amount = krw(i64::try_from(random.below(50)).unwrap() + 1);
                let source = format!("{}_{part}", if random.below(4) == 0 { step / 2 } else { step });
                posting(&tenant, "step", &source, moved(pockets[from].clone(), pockets[to].clone(), amount))
            })
            .collect();
        match post(&world.db, &batch).await {
            Ok(_) | Err(WalletError::NotEnough { .. } | WalletError::Flaw(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    let wallets = wallets::of_tenant(&world.db, &tenant, None, 10).await.unwrap();
    assert!(
        wallets.iter().all(|w| w.pending >= 0 && w.available >= 0 && w.paying_out >= 0 && w.reserved >= 0),
        "{wallets:?}"
    );
    assert!(wallets.iter().any(|w| w.pending + w.available + w.paying_out + w.reserved > 0), "something moved");
    assert_sound(&world).await;
}

/// Numbers that are the same in every run, so that a failure can be looked at again (xorshift).
struct Lottery(u64);

/// The kinds and objects of what a seller's merchant was told of the wallet, first to last.
async fn news(world: &World, tenant: &Tenant, seller: &SellerId) -> Vec<serde_json::Value> {
    let events = tollgate::events::of_object(&world.db, tenant, seller.as_str()).await.unwrap();
    assert!(events.iter().all(|event| event.kind == "wallet.updated"));
    assert!(events.iter().zip(1..).all(|(event, number)| event.sequence == number));
    events.into_iter().map(|event| event.object).collect()
}

async fn what_changed_is_told_after_it_is_sealed_and_the_last_word_is_the_wallet(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let keyring = tollgate::keyring::Keyring::derive(&tollgate::words::Secret::new("x".repeat(40)));
    let seal_and_tell = async || {
        while let Sealed::Block(_) =
            seals::seal(&world.db, &keyring, &seals::Head::default(), world.now()).await.unwrap()
        {}
        let both = futures_util::future::join(
            retrying(async || wallets::tell(&world.db, world.now()).await),
            retrying(async || wallets::tell(&world.db, world.now()).await),
        );
        let (one, other) = both.await;
        assert!(!one.unwrap() && !other.unwrap(), "nothing is left to read");
    };
    seal_and_tell().await;
    assert!(news(&world, &tenant, &seller).await.is_empty(), "nothing has changed");

    post(&world.db, &[sale(&tenant, &seller, 100, 3)]).await.unwrap();
    assert!(!wallets::tell(&world.db, world.now()).await.unwrap());
    assert!(news(&world, &tenant, &seller).await.is_empty(), "the payment itself writes no such event");
    seal_and_tell().await;
    let told = news(&world, &tenant, &seller).await;
    assert_eq!(told.len(), 1, "one, however many tell at once: {told:?}");
    assert_eq!((&told[0]["object"], &told[0]["id"]), (&"wallet".into(), &seller.as_str().into()));
    assert_eq!(told[0]["balances"][0]["pending"], "97");

    post(&world.db, &[delivery(&tenant, &seller, "1", 40)]).await.unwrap();
    post(&world.db, &[delivery(&tenant, &seller, "2", 7)]).await.unwrap();
    seal_and_tell().await;
    seal_and_tell().await;
    let told = news(&world, &tenant, &seller).await;
    assert_eq!(told.len(), 2, "changes within a moment are told together, and once: {told:?}");
    let balances = &told[1]["balances"][0];
    assert_eq!((&balances["pending"], &balances["available"]), (&"50".into(), &"47".into()));
    assert_eq!(wallet(&world, &tenant, &seller).await, (50, 47, 0, 0));
}

impl Lottery {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

both_databases!(
    a_sale_is_pending_and_only_once,
    money_goes_from_pocket_to_pocket,
    nobody_takes_what_is_not_there,
    many_at_once_never_take_too_much,
    batches_of_the_same_wallets_do_not_wait_in_a_circle,
    a_balance_beyond_64_bits_is_an_error,
    a_wallet_belongs_to_a_seller_of_its_tenant,
    each_currency_has_its_wallet,
    wallets_follow_the_ledger_through_anything,
    what_changed_is_told_after_it_is_sealed_and_the_last_word_is_the_wallet,
);
