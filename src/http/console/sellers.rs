//! Whom merchants sell for: the list, and the form for one more.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::components::{Chip, Choice, ModeTag, Pager, choices};
use super::editor::{Editor, Field, Typed};
use super::form::PostedWith;
use super::frame::{self, Frame, Place};
use super::once::Once;
use super::payments::{MODES, mode};
use super::refusal::Refusal;
use super::seller_settings::{account, account_fields};
use super::sent::{Shown, answer};
use super::session::SignedIn;
use super::{chips, paging, search, store};
use crate::app::App;
use crate::http::api::sellers::Create;
use crate::http::problem::Problem;
use crate::merchants;
use crate::merchants::sellers;
use crate::operators::{NewEntry, record};
use crate::words::{MerchantId, Tenant};

const PATH: &str = "/console/sellers";

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    mode: String,
    older: String,
    newer: String,
    said: String,
}

/// `GET /console/sellers`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    page(&app, &who, asked, Shown::as_it_stands()).await
}

/// `POST /console/sellers`
pub async fn create(State(app): State<App>, PostedWith(who, typed): PostedWith<Typed>) -> Result<Response, Refusal> {
    let made = act(&app, &who, &typed).await;
    let made = made.map(|id| id.map_or_else(|| format!("{PATH}?said=again"), |id| format!("{PATH}/{id}")));
    answer(made, (), &typed, |shown| page(&app, &who, Asked::default(), shown)).await
}

/// Makes the seller, once; gives its id.
async fn act(app: &App, who: &SignedIn, typed: &Typed) -> Result<Option<String>, Problem> {
    let (tenant, now) = (tenant(app, typed).await?, app.now());
    let named = !["token", "bank_name", "last4"].map(|name| typed.text(name)).concat().is_empty();
    let wanted = Create {
        name: typed.text("name").to_owned(),
        payout_destination: named.then(|| account(typed)),
        metadata: BTreeMap::new(),
    };
    let new = wanted.checked()?;
    let mut tx = app.db.begin().await?;
    let Some(once) = Once::begin(&mut tx, &tenant, typed.once(), PATH, &json!(typed), now).await? else {
        return Ok(None);
    };
    let seller = sellers::create(&mut tx, &tenant, new, now).await?;
    let entry = NewEntry::new("seller.create", &who.address, now).by(&who.operator.id).about(seller.id.as_str());
    record(&mut tx, &NewEntry { note: seller.name.clone(), ..entry }).await?;
    once.end(&mut tx, &tenant, seller.id.as_str()).await?;
    tx.commit().await?;
    Ok(Some(seller.id.to_string()))
}

async fn tenant(app: &App, typed: &Typed) -> Result<Tenant, Problem> {
    let mode = mode(typed.text("mode")).ok_or_else(|| Problem::invalid("mode", "`mode` is live or test."))?;
    let unknown = || Problem::invalid("merchant", "`merchant` is one of the list.");
    let id = MerchantId::parse(typed.text("merchant")).map_err(|_| unknown())?;
    Ok(Tenant::new(merchants::get(&app.db, &id).await?.ok_or_else(unknown)?.id, mode))
}

async fn page(app: &App, who: &SignedIn, asked: Asked, shown: Shown<'_, ()>) -> Result<Response, Refusal> {
    let terms = search::read(&asked.q);
    let words = terms.as_ref().map_or(("", ""), |terms| (terms.words.as_str(), terms.id.as_str()));
    let rows = paging::page(&asked.older, &asked.newer);
    let slice = store::sellers(&app.db, words, mode(&asked.mode), &rows).await?;
    let form = form(&store::merchants(&app.db).await?).shown_to(who);
    let mut frame = who.frame("Sellers", Place::Sellers, app.now());
    frame.notice = (asked.said == "again").then(|| "Nothing was done: this form was sent before.".to_owned());
    let kept = [("q", asked.q.as_str()), ("mode", asked.mode.as_str())];
    let view = Sellers {
        frame,
        modes: choices(&MODES, &asked.mode),
        pager: paging::pager(PATH, &kept, &rows, &slice, |row| row.id.clone()),
        rows: slice.items.into_iter().map(row).collect(),
        form: shown.form(&(), form),
        q: asked.q,
    };
    Ok(frame::show(shown.status(), &view))
}

fn form(merchants: &[(String, String)]) -> Editor {
    let mut fields = vec![
        Field::choice("merchant", "Merchant", choices(merchants, "")),
        Field::choice("mode", "Mode", choices(&[("test", "Test"), ("live", "Live")], "test")),
        Field::text("name", "Name", 200),
    ];
    fields.extend(account_fields());
    Editor::new("seller", PATH.to_owned(), "Create seller", fields)
}

fn row(row: store::SellerRow) -> SellerLine {
    let to = [row.bank_name.as_deref(), row.last4.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    SellerLine {
        id: row.id,
        name: row.name,
        mode: row.mode.into(),
        merchant: row.merchant,
        verification: chips::verification(&row.verification),
        destination: if !row.has_destination {
            "none".to_owned()
        } else if to.is_empty() {
            "a token without a name".to_owned()
        } else {
            to
        },
        failed: row.failed,
        interval: row.interval,
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/sellers.html")]
pub struct Sellers {
    frame: Frame,
    q: String,
    modes: Vec<Choice>,
    rows: Vec<SellerLine>,
    pager: Pager,
    form: Editor,
}

struct SellerLine {
    id: String,
    name: String,
    mode: ModeTag,
    merchant: String,
    verification: Chip,
    destination: String,
    /// Money did not arrive there.
    failed: bool,
    interval: String,
}

impl Sellers {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Sellers", Place::Sellers),
            q: "namsan".into(),
            modes: choices(&MODES, ""),
            rows: vec![SellerLine {
                id: "sel_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                name: "Namsan Books <script>alert(1)</script>".into(),
                mode: ModeTag { live: true },
                merchant: "Hangang Market <b>".into(),
                verification: chips::verification("pending"),
                destination: "Hangang Bank <b> 6789".into(),
                failed: true,
                interval: "weekly".into(),
            }],
            pager: Pager::default(),
            form: form(&[("mrc_1".to_owned(), "Second & Sons <Ltd>".to_owned())]),
        }
    }
}
