//! The first day: what is traded, what is planted in it, and what the first runs must find.

use std::fmt::Write as _;
use std::io::Cursor;

use jiff::civil::Date;
use serde_json::{Value, json};
use tollgate::reconciliation::What;

use super::table::{self, Found, Stands};
use super::town::{DISPUTE_FEE, FEE, GROSS, Landing, OUT, PART, Town};
use super::{EACH, fill};

/// The sum that the second list of the PSP sends to the bank, under a name of its own.
const CARD_BATCH: &str = "po_card_1";

/// What is remembered of it for the days after.
#[derive(Default)]
pub struct FirstDay {
    /// Told a day later: the movements.
    delayed: Vec<(Found, String)>,
    /// Settled by the PSP's other list.
    card: Vec<String>,
}

/// A movement of ours, and the row that tells it.
type Told = (String, String);

/// Movements of one kind, in the groups in which they are told wrong.
struct Movements<'a> {
    dropped: &'a [Told],
    delayed: &'a [Told],
    smaller: &'a [Told],
    in_dollars: &'a [Told],
    twice: &'a [Told],
    /// What the rows say, and what the PSP keeps with them.
    gross: i64,
    fee: i64,
    /// What of the fee is in our books before any row tells it.
    fee_booked: i64,
    found_twice: Found,
}

fn rows(of: &[Told]) -> impl Iterator<Item = &String> + Clone {
    of.iter().map(|(_, row)| row)
}

impl FirstDay {
    /// Trades `size` payments and everything else, plants what is wrong, and holds it against what is found.
    pub async fn play(town: &mut Town, size: usize) -> Self {
        let mut day = Self::default();
        let groups = 36;
        let mut paid = town.trade(groups * EACH).await.into_iter();
        fill::up_to(town, size).await;
        let mut group = || -> Vec<String> { paid.by_ref().take(EACH).collect() };
        let mut some = |count: usize| -> Vec<Vec<String>> { (0..count).map(|_| group()).collect() };
        let (charged, refunded, disputed, delivered) = (some(7), some(9), some(9), some(EACH).concat());
        day.charges(town, &charged).await;
        day.refunds(town, &refunded).await;
        day.disputes(town, &disputed).await;
        day.strangers(town, &some(1).concat()).await;
        day.payouts(town, &delivered).await;
        town.plant(
            "statement",
            json!({ "kind": "invent", "type": "other", "currency": "KRW",
            "gross": day.card_sum(), "reference": format!("CARD PAYOUT {CARD_BATCH}") }),
        )
        .await;
        let (date, landings) = town.close_day().await;
        day.reconcile(town, date, &landings["KRW"]).await;
        day
    }

    async fn reconcile(&self, town: &mut Town, date: Date, landing: &Landing) {
        town.plant("settlement", json!({ "kind": "alter", "row": landing.row, "gross": 1 - landing.amount })).await;
        town.expect(table::NOT_ITS_BATCH, &landing.row, Stands::WAITS);
        let at_bank = town.put_aside("bank");
        let in_other_list = town.put_aside("card");
        // What the other list will tell is waited for.
        let card = self.card.clone();
        town.expect_each(table::CHARGE_LATE, &card, &Stands::WAITS);
        let run = town.run("list", What::Day(date)).await;
        town.assert_found().await;
        town.assert_agree().await;
        // The same day again says the same and opens nothing.
        let again = town.run("list", What::Day(date)).await;
        assert_eq!(again.totals["types"], run.totals["types"]);
        town.assert_found().await;

        town.take_up(in_other_list);
        town.came_right(table::CHARGE_LATE, &card);
        let file = self.card_file(town).await;
        let name = "card.csv".to_owned();
        town.run("card", What::File { name, bytes: Box::new(Cursor::new(file.into_bytes())) }).await;
        town.assert_found().await;
        town.assert_agree().await;

        town.take_up(at_bank);
        town.run("bank", What::Day(date)).await;
        town.assert_found().await;
        town.assert_agree().await;
    }

    /// A day later.
    pub fn delayed_are_told(&self, town: &mut Town) {
        for (found, about) in &self.delayed {
            town.came_right(*found, [about]);
        }
    }

    /// Rows that are left out, told later, changed, in another currency, and told twice.
    async fn told_wrong(&mut self, town: &mut Town, of: Movements<'_>) {
        let Movements { gross, fee, fee_booked, .. } = of;
        town.plant_each("settlement", rows(of.dropped), &json!({ "kind": "drop" })).await;
        town.plant_each("settlement", rows(of.delayed), &json!({ "kind": "delay", "days": 1 })).await;
        town.plant_each("settlement", rows(of.smaller), &json!({ "kind": "alter", "gross": gross - 1_000 })).await;
        town.plant_each("settlement", rows(of.in_dollars), &json!({ "kind": "alter", "currency": "USD" })).await;
        town.plant_each("settlement", rows(of.twice), &json!({ "kind": "double" })).await;
        for (about, _) in of.dropped {
            town.expect(table::CHARGE_LATE, about, Stands::WAITS);
        }
        for (about, _) in of.delayed {
            self.delayed.push((table::CHARGE_LATE, about.clone()));
            town.expect(table::CHARGE_LATE, about, Stands::WAITS);
        }
        town.expect_each(table::OTHER_AMOUNT, rows(of.smaller), &Stands::with(-1_000));
        town.expect_each(table::OTHER_CURRENCY, rows(of.in_dollars), &Stands::between(gross, fee_booked - gross));
        town.expect_each(of.found_twice, rows(of.twice), &Stands::with(gross - fee));
    }

    async fn charges(&mut self, town: &mut Town, groups: &[Vec<String>]) {
        let mut unheard = Vec::new();
        for _ in 0..EACH {
            unheard.push(town.charge_unheard().await);
            unheard.push(town.capture_unheard().await);
        }
        let captures = town.captures().await;
        let told =
            |at: usize| -> Vec<Told> { groups[at].iter().map(|id| (id.clone(), captures[id].clone())).collect() };
        town.expect_each(table::LOST_WEBHOOK, unheard.iter().map(|id| &captures[id]), &Stands::Repaired);
        let (dropped, delayed, smaller, in_dollars, twice) = (told(0), told(1), told(2), told(3), told(4));
        let of = Movements {
            dropped: &dropped,
            delayed: &delayed,
            smaller: &smaller,
            in_dollars: &in_dollars,
            twice: &twice,
            gross: GROSS,
            fee: FEE,
            fee_booked: 0,
            found_twice: table::CHARGED_TWICE,
        };
        self.told_wrong(town, of).await;
        let other_fee = told(5);
        town.plant_each("settlement", rows(&other_fee), &json!({ "kind": "alter", "fee": FEE + 100 })).await;
        town.expect_each(table::OTHER_FEE, rows(&other_fee), &Stands::WAITS);
        // Converted, and told by the PSP's other list; the last of them by more than what rounding makes.
        self.card.clone_from(&groups[6]);
        town.plant_each("settlement", rows(&told(6)), &json!({ "kind": "drop" })).await;
        for (at, id) in self.card.iter().enumerate() {
            let row = format!("txn_{id}");
            match self.off(at) {
                1 => town.expect(table::ROUNDED, &row, Stands::Repaired),
                off => town.expect(table::TOO_FAR_TO_BE_ROUNDED, &row, Stands::with(off)),
            }
        }
    }

    /// By how much the other list settles more than was paid.
    fn off(&self, at: usize) -> i64 {
        if at + 1 == self.card.len() { 5 } else { 1 }
    }

    fn card_sum(&self) -> i64 {
        (0..self.card.len()).map(|at| GROSS + self.off(at) - FEE).sum()
    }

    /// The other list, as the PSP's dashboard gives it.
    async fn card_file(&self, town: &Town) -> String {
        let mut csv =
            "automatic_payout_id,balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,\
                       payment_intent_id,customer_facing_amount,customer_facing_currency\n"
                .to_owned();
        let at = town.world.now().to_string();
        let at = at[..19].replace('T', " ");
        for (place, id) in self.card.iter().enumerate() {
            let (gross, there) = (GROSS + self.off(place), town.psp_payment(id).await);
            let net = gross - FEE;
            writeln!(csv, "{CARD_BATCH},txn_{id},{at},krw,{gross},{FEE},{net},charge,{there},10.71,usd").unwrap();
        }
        let sum = -self.card_sum();
        writeln!(csv, "{CARD_BATCH},txn_payout,{at},krw,{sum},0,{sum},payout,,,").unwrap();
        csv
    }

    async fn refunds(&mut self, town: &mut Town, groups: &[Vec<String>]) {
        let mut told: Vec<Vec<Told>> = Vec::new();
        for group in &groups[..7] {
            let mut of = Vec::new();
            for payment in group {
                of.push(town.refund(payment).await);
            }
            told.push(of);
        }
        let of = Movements {
            dropped: &told[0],
            delayed: &told[1],
            smaller: &told[2],
            in_dollars: &told[3],
            twice: &told[4],
            gross: -PART,
            fee: 0,
            fee_booked: 0,
            found_twice: table::TOLD_TWICE,
        };
        self.told_wrong(town, of).await;
        // Some come back, and we do not hear of it; the rest of them agrees.
        for (_, row) in &told[5] {
            town.admin(&format!("/admin/refunds/{row}/return"), json!({})).await;
            town.expect(table::REFUND_CAME_BACK, &format!("{row}_returned"), Stands::Repaired);
        }
        for payment in &groups[7] {
            let (_, row) = town.refund_unheard(payment).await;
            town.expect(table::REFUND_FINISHED, &row, Stands::Repaired);
        }
        // Given back in the PSP's own dashboard.
        for payment in &groups[8] {
            let there = town.psp_payment(payment).await;
            let elsewhere =
                json!({ "kind": "invent", "type": "refund", "currency": "KRW", "gross": -2_000, "payment_id": there });
            let row = town.plant("settlement", elsewhere).await;
            town.expect(table::REFUND_ELSEWHERE, &row, Stands::with(-2_000));
        }
    }

    async fn disputes(&mut self, town: &mut Town, groups: &[Vec<String>]) {
        let mut told: Vec<Vec<Told>> = Vec::new();
        for group in &groups[..8] {
            let mut of = Vec::new();
            for payment in group {
                let there = town.dispute(payment).await;
                of.push((town.our_dispute(&there).await, there));
            }
            told.push(of);
        }
        let of = Movements {
            dropped: &told[0],
            delayed: &told[1],
            smaller: &told[2],
            in_dollars: &told[6],
            twice: &told[3],
            gross: -PART,
            fee: DISPUTE_FEE,
            fee_booked: DISPUTE_FEE,
            found_twice: table::TOLD_TWICE,
        };
        self.told_wrong(town, of).await;
        // Won and lost without our hearing of it; of what is lost no list says anything, and the rest agrees.
        for (_, row) in &told[4] {
            town.decide(row, "won").await;
            town.expect(table::DISPUTE_MOVED_ON, &format!("{row}_won"), Stands::Repaired);
        }
        for (_, row) in &told[5] {
            town.decide(row, "lost").await;
        }
        for payment in &groups[8] {
            let row = town.dispute_unheard(payment).await;
            town.expect(table::DISPUTE_UNHEARD, &row, Stands::Repaired);
        }
    }

    /// Rows of which nothing is ours.
    async fn strangers(&mut self, town: &mut Town, paid: &[String]) {
        let invented =
            |kind: &str, gross: i64| json!({ "kind": "invent", "type": kind, "currency": "KRW", "gross": gross });
        for n in 0..EACH {
            let mut charge = invented("sale", 7_000);
            (charge["fee"], charge["key"]) = (203.into(), format!("elsewhere_{n}").into());
            charge["payment_id"] = format!("spay_elsewhere_{n}").into();
            let row = town.plant("settlement", charge).await;
            town.expect(table::NOT_FROM_HERE, &row, Stands::with(7_000 - 203));
            let mut refund = invented("refund", -300);
            refund["payment_id"] = format!("spay_elsewhere_{n}").into();
            let row = town.plant("settlement", refund).await;
            town.expect(table::NOT_FROM_HERE, &row, Stands::with(-300));
            let row = town.plant("settlement", invented("mystery", -900)).await;
            town.expect(table::UNKNOWN, &row, Stands::with(-900));
            let row = town.plant("settlement", invented("adjustment", -50)).await;
            town.expect(table::HELD_BACK, &row, Stands::with(-50));
            // What the PSP charges for no single payment is believed.
            town.plant("settlement", invented("fee", -500)).await;
            // The PSP took money for what was given up here.
            let given_up = town.given_up().await;
            let mut charge = invented("sale", GROSS);
            (charge["fee"], charge["payment_id"]) = (FEE.into(), town.psp_payment(&given_up).await.into());
            let row = town.plant("settlement", charge).await;
            town.expect(table::GIVEN_UP_HERE, &row, Stands::with(GROSS - FEE));
        }
        // A payment of ours, and nothing that a list of it can be about.
        for payment in paid {
            let mut odd = invented("levy", -10);
            odd["payment_id"] = town.psp_payment(payment).await.into();
            let row = town.plant("settlement", odd).await;
            town.expect(table::UNKNOWN, &row, Stands::with(-10));
        }
        let mut gift = invented("other", 777);
        gift["reference"] = "A GIFT".into();
        let row = town.plant("statement", gift).await;
        town.expect(table::UNKNOWN_AT_BANK, &row, Stands::with(777));
    }

    /// Payouts to sellers, as the bank's statement tells them.
    async fn payouts(&mut self, town: &mut Town, delivered: &[String]) {
        let seller = town.seller_with(delivered).await;
        let plant = async |town: &Town, row: String, mistake: Value| {
            let mut mistake = mistake;
            mistake["row"] = row.into();
            town.plant("statement", mistake).await;
        };
        for _ in 0..EACH {
            // One that agrees, and one whose return agrees too.
            town.payout(&seller).await;
            let back = town.payout(&seller).await;
            town.comes_back(&back).await;
            town.look(&back, "returned").await;

            let dropped = town.payout(&seller).await;
            plant(town, dropped.out(), json!({ "kind": "drop" })).await;
            town.expect(table::ON_ITS_WAY, &dropped.id, Stands::WAITS);
            let delayed = town.payout(&seller).await;
            plant(town, delayed.out(), json!({ "kind": "delay", "days": 1 })).await;
            town.expect(table::ON_ITS_WAY, &delayed.id, Stands::WAITS);
            self.delayed.push((table::ON_ITS_WAY, delayed.id.clone()));
            let more = town.payout(&seller).await;
            plant(town, more.out(), json!({ "kind": "alter", "gross": -OUT - 50 })).await;
            town.expect(table::RECEIVED_OTHER_AMOUNT, &more.out(), Stands::with(-50));
            let dollars = town.payout(&seller).await;
            plant(town, dollars.out(), json!({ "kind": "alter", "currency": "USD" })).await;
            town.expect(table::RECEIVED_OTHER_CURRENCY, &dollars.out(), Stands::between(-OUT, OUT));
            let twice = town.payout(&seller).await;
            plant(town, twice.out(), json!({ "kind": "double" })).await;
            town.expect(table::BOOKED_TWICE, &twice.out(), Stands::with(-OUT));

            let unheard = town.payout_unheard(&seller).await;
            town.expect(table::PAYOUT_MOVED_ON, &unheard.out(), Stands::Repaired);
            let returned = town.payout(&seller).await;
            town.comes_back(&returned).await;
            town.expect(table::PAYOUT_MOVED_ON, &returned.back(), Stands::Repaired);
            let untold = town.payout(&seller).await;
            town.comes_back(&untold).await;
            town.look(&untold, "returned").await;
            plant(town, untold.back(), json!({ "kind": "drop" })).await;
            town.expect(table::ON_ITS_WAY, &untold.id, Stands::WAITS);

            // The bank refused one, and shows it all the same.
            let refused = town.payout_refused(&seller).await;
            let shown = json!({ "kind": "invent", "type": "other", "currency": "KRW", "gross": -OUT, "key": refused,
                                "reference": format!("PAYOUT {refused}") });
            let row = town.plant("statement", shown).await;
            town.expect(table::PAYOUT_FAILED_HERE, &row, Stands::with(-OUT));
        }
    }
}
