//! One checkout from the shop's order to the page's last word, with all the ways in which people press buttons.

use std::time::{Duration, Instant};

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};

use super::dice::Dice;
use super::disputes;
use super::holds;
use super::net::{How, Reply};
use super::payouts;
use super::refunds;
use super::saved;
use super::stage::Stage;
use super::store;
use super::told::Told;

/// How often each card of the stand-in comes up.
const CARDS: [(&str, u64); 10] = [
    ("approve", 46),
    (disputes::CARD, 6),
    ("lost_answer", 10),
    ("pending", 9),
    ("do_not_honor", 8),
    ("insufficient_funds", 6),
    ("challenge", 7),
    ("challenge_then_decline", 2),
    ("approve_jcb", 4),
    ("slow", 2),
];

/// How long a shopper looks at the page.
const WATCHES: Duration = Duration::from_secs(100);

/// How many cards one shopper tries.
const TRIES: u32 = 6;

/// A shopper at the hosted page.
struct Shopper<'s> {
    stage: &'s Stage,
    dice: Dice,
    told: Told,
    page: String,
    ticket: String,
    /// Whether every confirm call so far was answered: only then a "declined" is the last word.
    sure: bool,
    confirms: u32,
    /// A seller who is not the merchant itself, and its order.
    sold: Option<(String, String)>,
    /// Whether a card was tried whose owner contests what it paid.
    contested: bool,
    /// Whether the shop may keep the card.
    keeps: bool,
    /// What was said about a later charge of that card.
    later: Option<Told>,
}

/// Plays checkout `number`, and perhaps a later charge of the same card; says what everybody was told of each.
pub async fn play(stage: &Stage, number: u64) -> Vec<Told> {
    let mut shopper = Shopper {
        stage,
        dice: Dice::of(stage.seed, number),
        told: Told { number, ..Told::default() },
        page: String::new(),
        ticket: String::new(),
        sure: true,
        confirms: 0,
        sold: None,
        contested: false,
        keeps: false,
        later: None,
    };
    if let Err(error) = shopper.day().await {
        shopper.told.gave_up = Some(format!("checkout {number}: {error:#}"));
    }
    std::iter::once(shopper.told).chain(shopper.later).collect()
}

impl Shopper<'_> {
    async fn day(&mut self) -> anyhow::Result<()> {
        self.order().await?;
        if self.dice.percent(4) {
            return self.expire().await;
        }
        self.open_page().await?;
        if !self.register().await? {
            return Ok(());
        }
        if self.dice.percent(8) {
            let (stage, session, wait) = (self.stage, self.told.session.clone(), self.dice.millis(0, 1500));
            let time = async {
                tokio::time::sleep(wait).await;
                store::let_time_run_out(&stage.db, &session).await
            };
            let (paid, time) = tokio::join!(self.pay(), time);
            paid?;
            time?;
        } else {
            self.pay().await?;
        }
        // Who was left without an answer often leaves, and these are the ones the gateway has to look after alone.
        let leaves = if self.sure { 15 } else { 60 };
        if !self.told.last.contains("action") && self.dice.percent(leaves) {
            return Ok(()); // Closes the browser; the gateway is alone with what is open.
        }
        self.watch().await?;
        if self.told.paid && self.told.manual {
            return holds::decide(self.stage, &mut self.dice, &mut self.told).await;
        }
        if self.told.paid && self.dice.percent(50) {
            self.deliver().await?;
        }
        if self.told.paid && self.keeps && self.dice.percent(70) {
            self.later = saved::charge(self.stage, &mut self.dice, &mut self.told).await?;
        }
        if self.told.paid && self.contested {
            // A bank may contest between our look and our order; the stand-in would give back what is contested, too.
            return disputes::answer(self.stage, &mut self.dice, &mut self.told).await;
        }
        if self.told.paid && self.dice.percent(40) {
            refunds::give_back(self.stage, &mut self.dice, &mut self.told).await?;
        }
        Ok(())
    }

    /// The shop makes the session, often twice with one key.
    async fn order(&mut self) -> anyhow::Result<()> {
        let amount = self.dice.between(10, 900) * 100;
        let mut lines = vec![json!({ "name": "Tea", "unit_amount": amount.to_string(), "quantity": 1 })];
        self.told.amount = i64::try_from(amount)?;
        if self.dice.percent(30) {
            lines.push(
                json!({ "name": "Cup", "unit_amount": "500", "quantity": 2, "seller": self.dice.pick(&self.stage.sellers) }),
            );
            self.told.amount += 1000;
        }
        self.told.manual = self.dice.percent(self.stage.held);
        self.keeps = self.dice.percent(15);
        let capture = if self.told.manual { "manual" } else { "automatic" };
        let body = json!({ "line_items": lines, "currency": "KRW", "success_url": "https://shop.example/paid",
                           "capture": capture, "save_payment_method": self.keeps,
                           "reference": format!("order-{}", self.told.number) });
        let key = format!("chaos-session-{}", self.told.number);
        let first = if self.dice.percent(25) {
            let mut other = self.dice.clone();
            let (one, two) = tokio::join!(
                self.stage.api(&mut self.dice, "/v1/checkout/sessions", &key, &body),
                self.stage.api(&mut other, "/v1/checkout/sessions", &key, &body)
            );
            let (one, two) = (one?, two?);
            self.told.two_answers("POST /v1/checkout/sessions", &one, &two);
            one
        } else {
            self.stage.api(&mut self.dice, "/v1/checkout/sessions", &key, &body).await?
        };
        ensure!(first.status == 201, "no session: {} {}", first.status, first.text);
        if self.dice.percent(25) {
            let again = self.stage.api(&mut self.dice, "/v1/checkout/sessions", &key, &body).await?;
            self.told.two_answers("POST /v1/checkout/sessions", &first, &again);
        }
        (self.told.session, self.told.payment) = (first.text_of("id"), first.text_of("payment"));
        let orders = first.json["payment_orders"].as_array();
        let of_seller = |order: &&Value| self.stage.sellers.iter().any(|seller| order["seller"] == seller.as_str());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.sold = orders
            .and_then(|orders| orders.iter().find(of_seller))
            .map(|order| (text(&order["seller"]), text(&order["id"])));
        let url = first.text_of("url");
        self.page = format!("/pay/{}", url.rsplit('/').next().unwrap_or_default());
        Ok(())
    }

    /// The shop delivers what its seller sold.
    async fn deliver(&mut self) -> anyhow::Result<()> {
        let Some((seller, order)) = self.sold.clone() else { return Ok(()) };
        payouts::pay_out(self.stage, &mut self.dice, &mut self.told, &seller, &order).await
    }

    async fn open_page(&mut self) -> anyhow::Result<()> {
        let shown = self.stage.net.until_answered(&mut self.dice, Method::GET, &self.page, &How::default()).await?;
        let token = shown.text.split("data-page-token=\"").nth(1).and_then(|rest| rest.split('"').next());
        ensure!(shown.status == 200 && token.is_some(), "no page: {}", shown.status);
        token.unwrap_or_default().clone_into(&mut self.ticket);
        Ok(())
    }

    /// Says whether there is anything to pay.
    async fn register(&mut self) -> anyhow::Result<bool> {
        let path = format!("{}/register", self.page);
        let body = json!({});
        let how = How { bearer: Some(&self.ticket), body: Some(&body), ..How::default() };
        let reply = self.stage.net.until_answered(&mut self.dice, Method::POST, &path, &how).await?;
        ensure!(reply.status == 200, "not registered: {} {}", reply.status, reply.text);
        Ok(!reply.text_of("form_url").is_empty())
    }

    /// One click, a double click, two tabs with two cards, or a click while the shop ends the session.
    async fn pay(&mut self) -> anyhow::Result<()> {
        let first = self.card();
        match self.dice.between(0, 99) {
            0..50 => {
                let reply = self.confirm(&first).await;
                self.heard(reply.as_ref());
            }
            50..90 => {
                let second = if self.dice.percent(50) { first.clone() } else { self.card() };
                let (mut here, mut there) = (self.dice.clone(), Dice::of(self.dice.throw(), 1));
                self.confirms += 2;
                let (one, two) = tokio::join!(
                    self.sent(&mut here, &first, 0),
                    self.sent(&mut there, &second, self.told.number % 40)
                );
                self.sure &= is_answered(one.as_ref()) && is_answered(two.as_ref());
                // Which of the two was answered first is not known here, so neither is the later word.
                let paid = [&one, &two]
                    .into_iter()
                    .flatten()
                    .any(|it| it.text_of("state").ends_with("paid") || it.text_of("state") == "succeeded");
                if paid {
                    self.told.hear("succeeded");
                } else {
                    self.told.last = one.or(two).map(|it| it.text_of("state")).unwrap_or_default();
                }
            }
            _ => {
                let mut here = self.dice.clone();
                self.confirms += 1;
                let (path, body) = (format!("/v1/checkout/sessions/{}/expire", self.told.session), json!({}));
                let (reply, ended) = tokio::join!(self.sent(&mut here, &first, 5), self.stage.api_once(&path, &body));
                self.sure &= is_answered(reply.as_ref());
                self.heard(reply.as_ref());
                if ended.is_some_and(|ended| ended.status == 200) {
                    self.told.not_paid = true;
                }
            }
        }
        Ok(())
    }

    fn card(&mut self) -> String {
        let mut left = self.dice.between(0, 99);
        for (name, share) in CARDS {
            if left < share {
                self.contested |= name == disputes::CARD;
                return format!("tok_sim_{name}");
            }
            left -= share;
        }
        "tok_sim_approve".to_owned()
    }

    async fn confirm(&mut self, card: &str) -> Option<Reply> {
        self.confirms += 1;
        let mut dice = Dice::of(self.dice.throw(), 2);
        let reply = self.sent(&mut dice, card, 0).await;
        self.sure &= is_answered(reply.as_ref());
        reply
    }

    async fn sent(&self, dice: &mut Dice, card: &str, after: u64) -> Option<Reply> {
        tokio::time::sleep(Duration::from_millis(after)).await;
        let body = json!({ "payment_method": card });
        let how = How { bearer: Some(&self.ticket), body: Some(&body), ..How::default() };
        self.stage.net.once(dice, Method::POST, &format!("{}/confirm", self.page), &how).await
    }

    fn heard(&mut self, reply: Option<&Reply>) {
        if let Some(reply) = reply.filter(|reply| reply.status == 200) {
            let state = reply.text_of("state");
            self.told.hear(&state);
        }
    }

    /// Asks how it stands until there is a last word, proves who they are when asked, and tries another card.
    async fn watch(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < WATCHES {
            let how = How { bearer: Some(&self.ticket), ..How::default() };
            let path = format!("{}/status", self.page);
            let reply = self.stage.net.until_answered(&mut self.dice, Method::GET, &path, &how).await?;
            self.heard(Some(&reply));
            match self.told.last.as_str() {
                "succeeded" | "already_paid" if self.dice.percent(80) => return Ok(()),
                // Taken all the same, and given back: neither paid nor never charged.
                "returned" => return Ok(()),
                "expired" | "canceled" => {
                    self.told.not_paid = true;
                    return Ok(());
                }
                "declined" if self.confirms >= TRIES || self.dice.percent(40) => {
                    self.told.not_paid = self.sure;
                    return Ok(());
                }
                "declined" | "ready" => {
                    let card = self.card();
                    let reply = self.confirm(&card).await;
                    self.heard(reply.as_ref());
                }
                "processing" | "pending" | "unknown" if self.dice.percent(15) => self.end_while_open().await,
                "action_required" => self.challenge(&reply.text_of("challenge_url")).await,
                _ => {}
            }
            tokio::time::sleep(self.dice.millis(100, 900)).await;
        }
        Ok(())
    }

    async fn challenge(&mut self, url: &str) {
        let outcome = *self.dice.pick(&["approve", "approve", "approve", "fail", "abandon"]);
        let body: Value = json!({ "outcome": outcome });
        let address = url.split('?').next().unwrap_or(url);
        let how = How { body: Some(&body), ..How::default() };
        let _ = self.stage.net.send(Method::POST, address, &how).await;
    }

    /// The shop ends the session while it is being paid. It must not succeed, unless the payment came to nothing meanwhile.
    async fn end_while_open(&mut self) {
        let path = format!("/v1/checkout/sessions/{}/expire", self.told.session);
        let ended = self.stage.api_once(&path, &json!({})).await;
        self.told.not_paid |= ended.is_some_and(|ended| ended.status == 200);
    }

    async fn expire(&mut self) -> anyhow::Result<()> {
        let path = format!("/v1/checkout/sessions/{}/expire", self.told.session);
        let key = format!("chaos-expire-{}", self.told.number);
        let reply = self.stage.api(&mut self.dice, &path, &key, &json!({})).await?;
        ensure!(reply.status == 200, "not expired: {} {}", reply.status, reply.text);
        self.told.not_paid = true;
        Ok(())
    }
}

/// A confirm call that was refused for the moment did nothing; one without an answer may have done anything.
fn is_answered(reply: Option<&Reply>) -> bool {
    reply.is_some_and(|reply| reply.status < 500)
}
