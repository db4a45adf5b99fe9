//! The shopper without a browser: the same requests that the pages' scripts make.

use anyhow::{Context as _, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::super::town::Town;
use crate::outbound::{Answer, Call, Door};
use crate::simulator::cards::{self, MagicCard};
use crate::words::{Clock as _, SystemClock};

/// What was asked for.
pub struct Bought {
    /// `cs_...`
    pub id: String,
    /// `pay_...`
    pub payment: String,
    /// Decimal text.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// One per seller.
    pub orders: usize,
    /// Of the hosted page.
    pub url: String,
}

/// The hosted page: where it is, and its own token.
pub struct Page {
    url: String,
    token: String,
}

/// What stands for the card.
pub struct CardToken {
    token: String,
    /// Such as `visa`.
    pub brand: String,
    /// The last four digits.
    pub last4: String,
}

/// Somebody with a card.
pub struct Buyer<'t> {
    town: &'t Town,
    door: &'t Door,
    card: &'static MagicCard,
}

impl<'t> Buyer<'t> {
    /// With the first card of the table, which is approved.
    pub fn new(town: &'t Town) -> Self {
        Self { town, door: town.app.outbound.psp(), card: &cards::MAGIC_CARDS[0] }
    }

    /// Presses "Buy them all", follows the redirect, and reads the session back through the API.
    pub async fn order(&self) -> anyhow::Result<Bought> {
        let url = format!("{}/buy", self.town.addresses.shop);
        let body = "lang=en&jar=1&cups=2&tangerines=1".to_owned().into_bytes();
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let answer = self.door.send(Call { headers, body, ..Call::new(Method::POST, &url) }).await?;
        ensure!(answer.status == 303, "the shop answered {} instead of sending the shopper to the page", answer.status);
        let page = answer.headers.get("location").and_then(|it| it.to_str().ok()).context("no address to go to")?;
        let placed = self.town.shop.orders.newest(1).pop().context("the shop has noted no order")?;
        let session = self.town.shop.api.read(&format!("/v1/checkout/sessions/{}", placed.session)).await?;
        ensure!(session["status"] == "open", "the session is {}", session["status"]);
        ensure!(session["url"] == page, "the shop sent the shopper to another page than the session's");
        Ok(Bought {
            id: placed.session,
            payment: text(&session, "payment")?,
            amount: text(&session, "amount")?,
            currency: text(&session, "currency")?,
            orders: session["payment_orders"].as_array().map_or(0, Vec::len),
            url: page.to_owned(),
        })
    }

    /// Opens the hosted page.
    pub async fn open_page(&self, url: &str) -> anyhow::Result<Page> {
        let answer = self.door.send(Call { read_limit: 1024 * 1024, ..Call::new(Method::GET, url) }).await?;
        ensure!(answer.status == 200, "the page answered {}", answer.status);
        let html = String::from_utf8_lossy(&answer.body);
        let token = html.split("data-page-token=\"").nth(1).and_then(|rest| rest.split('"').next());
        let token = token.filter(|it| !it.is_empty()).context("the page carries no token")?.to_owned();
        Ok(Page { url: url.to_owned(), token })
    }

    /// Has the payment registered with the PSP; gives the card form's address.
    pub async fn register(&self, page: &Page) -> anyhow::Result<String> {
        let answer = self.step(page, "register", &json!({})).await?;
        let form = text(&answer, "form_url")?;
        ensure!(form.starts_with(&self.town.addresses.psp), "the card form {form} is not the PSP's");
        Ok(form)
    }

    /// Opens the card form and types the card, straight to the PSP.
    pub async fn type_card(&self, form: &str) -> anyhow::Result<CardToken> {
        let mut framed = Url::parse(form)?;
        framed.query_pairs_mut().append_pair("locale", "en").append_pair("parent", &self.town.addresses.gateway);
        let shown = self.door.send(Call { read_limit: 1024 * 1024, ..Call::new(Method::GET, framed.as_str()) }).await?;
        ensure!(shown.status == 200, "the card form answered {}", shown.status);
        let year = SystemClock.now().to_datetime().map_or(2030, |date| date.year().saturating_add(3));
        let card = json!({ "number": self.card.number, "exp_month": 12, "exp_year": year, "cvc": "123" });
        let address = form.split('?').next().unwrap_or(form);
        let told = self.post(&format!("{address}/token"), Vec::new(), &card).await?;
        Ok(CardToken { token: text(&told, "token")?, brand: text(&told, "brand")?, last4: text(&told, "last4")? })
    }

    /// Presses Pay, and asks until the page says that it is paid.
    pub async fn confirm(&self, page: &Page, card: &CardToken) -> anyhow::Result<()> {
        let mut answer = self.step(page, "confirm", &json!({ "payment_method": card.token })).await?;
        loop {
            match answer["state"].as_str() {
                Some("succeeded") => return Ok(()),
                Some("processing" | "unknown") => super::look::pause().await,
                other => bail!("the page says {}", other.unwrap_or("nothing")),
            }
            let url = format!("{}/status", page.url);
            let headers = vec![("authorization", format!("Bearer {}", page.token))];
            answer = json_of(&self.door.send(Call { headers, ..Call::new(Method::GET, &url) }).await?)?;
        }
    }

    async fn step(&self, page: &Page, step: &str, body: &Value) -> anyhow::Result<Value> {
        let headers = vec![("authorization", format!("Bearer {}", page.token))];
        self.post(&format!("{}/{step}", page.url), headers, body).await
    }

    async fn post(&self, url: &str, mut headers: Vec<(&'static str, String)>, body: &Value) -> anyhow::Result<Value> {
        headers.push(("content-type", "application/json".to_owned()));
        let call = Call { headers, body: body.to_string().into_bytes(), ..Call::new(Method::POST, url) };
        json_of(&self.door.send(call).await?)
    }
}

fn json_of(answer: &Answer) -> anyhow::Result<Value> {
    ensure!(answer.status.is_success(), "{} {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(serde_json::from_slice(&answer.body)?)
}

/// A field that must be text.
pub fn text(object: &Value, field: &str) -> anyhow::Result<String> {
    object[field].as_str().map(str::to_owned).with_context(|| format!("the answer has no {field}: {object}"))
}
