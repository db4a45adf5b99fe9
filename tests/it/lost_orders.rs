//! Orders that the PSP never saw: sent again only while somebody waits for the money, and settled as not done otherwise.

use std::time::Duration;

use tollgate::payments::{self, AttemptState, Opened, PaymentStatus, Standing, attempts};
use tollgate::psp::{DeclineCode, Finding, NotDone};

use crate::support::scripted_psp::{Answer, approved, declined};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

both_databases!(
    nothing_is_ordered_for_what_another_card_has_paid,
    nothing_is_ordered_days_after_the_shopper_pressed_pay,
    nothing_is_ordered_when_the_sessions_time_is_over,
    what_the_psp_refuses_to_repeat_was_not_done,
    what_the_psp_has_seen_is_not_settled_as_not_done,
);

/// The shopper presses pay and the gateway dies before the order has left.
async fn dies(shop: &Shop, opened: &Opened) {
    shop.psp.will_say(Answer::Dies);
    shop.pay(opened).await;
}

/// After so long the PSP is asked, and has never seen it.
async fn never_seen(shop: &Shop, after: Duration) {
    shop.world.clock.advance(after);
    shop.psp.knows(Finding::NotFound);
    shop.sweep().await;
    shop.psp.look_ups.lock().unwrap().clear();
}

async fn standing(shop: &Shop, opened: &Opened) -> Standing {
    payments::standing_of(&shop.app, &opened.payment.id).await.unwrap()
}

const NOT_SENT: Standing = Standing::Declined { code: DeclineCode::NotSent };

async fn nothing_is_ordered_for_what_another_card_has_paid(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    shop.pay(&opened).await;
    let first = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    dies(&shop, &opened).await;
    payments::settle(&shop.app, &first.id, &approved()).await.unwrap();
    shop.psp.will(approved());
    never_seen(&shop, Duration::from_secs(61)).await;
    assert_eq!(shop.psp.confirmed().len(), 2, "each card was ordered once");
    let all = attempts::of_payment(&shop.world.db, &opened.payment.id).await.unwrap();
    assert_eq!((all[1].state, all[1].decline), (AttemptState::Declined, Some(DeclineCode::NotSent)));
    shop.assert_paid_once(&opened).await;
}

async fn nothing_is_ordered_days_after_the_shopper_pressed_pay(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    dies(&shop, &opened).await;
    shop.psp.will(approved());
    never_seen(&shop, Duration::from_hours(72)).await;
    assert_eq!(shop.psp.confirmed().len(), 1);
    shop.sweep_only().await;
    let over = payments::store::find(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(over.status, PaymentStatus::Expired);
    shop.assert_sound().await;
}

async fn nothing_is_ordered_when_the_sessions_time_is_over(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.world.clock.set(opened.session.expires_at.minus(Duration::from_secs(30)));
    dies(&shop, &opened).await;
    shop.psp.will(approved());
    never_seen(&shop, Duration::from_secs(61)).await;
    assert_eq!((shop.psp.confirmed().len(), standing(&shop, &opened).await), (1, NOT_SENT));
}

async fn what_the_psp_refuses_to_repeat_was_not_done(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    dies(&shop, &opened).await;
    let used = NotDone::Refused { code: "token_used".to_owned(), reason: "a token pays once".to_owned() };
    shop.psp.will_say(Answer::Says(Err(used)));
    never_seen(&shop, Duration::from_secs(61)).await;
    assert_eq!(shop.psp.confirmed().len(), 2);
    assert_eq!(standing(&shop, &opened).await, Standing::Unknown, "the first may be under way there");
    never_seen(&shop, Duration::from_secs(61)).await;
    assert_eq!(shop.psp.confirmed().len(), 2);
    assert_eq!(standing(&shop, &opened).await, Standing::Declined { code: DeclineCode::ProcessingError });
    let settled = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(settled.psp_code.as_deref(), Some("token_used"));
    shop.psp.will(approved());
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    shop.assert_paid_once(&opened).await;
}

async fn what_the_psp_has_seen_is_not_settled_as_not_done(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(tollgate::psp::Outcome::Pending);
    shop.pay(&opened).await;
    never_seen(&shop, Duration::from_hours(1)).await;
    assert_eq!((shop.psp.confirmed().len(), standing(&shop, &opened).await), (1, Standing::Unknown));
}
