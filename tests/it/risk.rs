//! Limits that refuse an attempt before the PSP hears of it, and let go again when their window has passed.

use std::sync::Arc;
use std::time::Duration;

use tollgate::config::{RiskRules, Window};
use tollgate::payments::{Opened, Standing, attempts};
use tollgate::psp::DeclineCode;

use crate::support::scripted_psp::{approved, declined};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

/// A shop with these limits and no others.
async fn shop(world: World, limit: impl FnOnce(&mut RiskRules)) -> Shop {
    let mut shop = Shop::open(world).await;
    let mut config = (*shop.app.config).clone();
    config.risk = RiskRules {
        largest_amount: [].into(),
        attempts_per_session: None,
        attempts_per_email: None,
        attempts_per_merchant: None,
    };
    limit(&mut config.risk);
    shop.app.config = Arc::new(config);
    shop
}

const TWO_A_MINUTE: Option<Window> = Some(Window { attempts: 2, seconds: 60 });

/// Asserts that the attempt was refused by `rule` and that the PSP was asked `asked` times so far.
async fn assert_refused(shop: &Shop, opened: &Opened, rule: &str, asked: usize) {
    assert_eq!(shop.pay(opened).await, Standing::Declined { code: DeclineCode::RiskRefused });
    let attempt = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(attempt.psp_code.as_deref(), Some(rule));
    assert_eq!(shop.psp.confirmed().len(), asked);
}

async fn an_amount_above_the_limit_never_reaches_the_psp(world: World) {
    let limited = shop(world.clone(), |rules| {
        rules.largest_amount.insert("USD".to_owned(), "9.99".to_owned());
    })
    .await;
    let opened = limited.checkout_of("a@shop.example").await;
    assert_refused(&limited, &opened, "largest_amount", 0).await;

    let just_enough = shop(world, |rules| {
        rules.largest_amount.insert("USD".to_owned(), "10.00".to_owned());
    })
    .await;
    just_enough.psp.will(approved());
    let opened = just_enough.checkout_of("a@shop.example").await;
    assert_eq!(just_enough.pay(&opened).await, Standing::Succeeded);
}

async fn an_email_is_tried_so_often_within_its_window(world: World) {
    let shop = shop(world, |rules| rules.attempts_per_email = TWO_A_MINUTE).await;
    // In different sessions: the address is what is counted.
    for _ in 0..2 {
        shop.psp.will(declined());
        shop.pay(&shop.checkout_of("thief@shop.example").await).await;
    }
    let third = shop.checkout_of("thief@shop.example").await;
    assert_refused(&shop, &third, "attempts_per_email", 2).await;

    shop.psp.will(approved());
    let somebody_else = shop.checkout_of("friend@shop.example").await;
    assert_eq!(shop.pay(&somebody_else).await, Standing::Succeeded);

    shop.world.clock.advance(Duration::from_secs(61));
    shop.psp.will(approved());
    assert_eq!(shop.pay(&third).await, Standing::Succeeded);
}

async fn a_merchant_is_tried_so_often_within_its_window(world: World) {
    let busy = shop(world.clone(), |rules| rules.attempts_per_merchant = TWO_A_MINUTE).await;
    for email in ["a@shop.example", "b@shop.example"] {
        busy.psp.will(approved());
        assert_eq!(busy.pay(&busy.checkout_of(email).await).await, Standing::Succeeded);
    }
    let third = busy.checkout_of("c@shop.example").await;
    assert_refused(&busy, &third, "attempts_per_merchant", 2).await;

    // Another merchant's attempts are its own.
    let quiet = shop(world, |rules| rules.attempts_per_merchant = TWO_A_MINUTE).await;
    quiet.psp.will(approved());
    assert_eq!(quiet.pay(&quiet.checkout_of("d@shop.example").await).await, Standing::Succeeded);
}

both_databases!(
    an_amount_above_the_limit_never_reaches_the_psp,
    an_email_is_tried_so_often_within_its_window,
    a_merchant_is_tried_so_often_within_its_window,
);
