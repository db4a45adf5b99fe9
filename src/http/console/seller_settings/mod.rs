//! What is settled for one seller: where payouts go, when they are made by themselves, a fee of its own. Each form is read by
//! the rules of the API and acts through the same verbs, so what the API refuses is refused here with the same sentence.

mod destination;
mod fee;
mod schedule;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

pub(super) use destination::{account, account_fields};
pub(super) use fee::{fee, fee_fields};

use super::components::ModeTag;
use super::editor::{Editor, Typed};
use super::form::PostedWith;
use super::frame::{self, Frame, Place};
use super::once::Once;
use super::refusal::Refusal;
use super::seller::found;
use super::sent::{Shown, answer};
use super::session::SignedIn;
use crate::app::App;
use crate::http::api::sellers::changed;
use crate::http::problem::Problem;
use crate::merchants::policies::{self, PlatformFee};
use crate::merchants::sellers::Seller;
use crate::operators::{NewEntry, record};
use crate::words::SellerId;

/// What the last click did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    said: String,
}

impl Said {
    /// As it stands in the address.
    pub(super) fn code(&self) -> &str {
        &self.said
    }

    /// In words; none when nobody clicked.
    pub(super) fn notice(&self) -> Option<String> {
        let words = match self.said.as_str() {
            "saved" => "Saved.",
            "again" => "Nothing was done: this form was sent before.",
            _ => return None,
        };
        Some(words.to_owned())
    }
}

/// One of the page's forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Destination,
    Schedule,
    Fee,
}

impl Part {
    const ALL: [Self; 3] = [Self::Destination, Self::Schedule, Self::Fee];

    /// As addresses write it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Schedule => "schedule",
            Self::Fee => "fee",
        }
    }

    fn form(self, seller: &Seller, own: Option<&PlatformFee>) -> Editor {
        let action = format!("{}/{}", path(&seller.id), self.as_str());
        match self {
            Self::Destination => destination::form(action, seller),
            Self::Schedule => schedule::form(action, seller),
            Self::Fee => fee::form(action, own),
        }
    }
}

/// `GET /console/sellers/{id}/settings`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(said): Query<Said>,
) -> Result<Response, Refusal> {
    let seller = found(&app.db, &id).await?;
    page(&app, &who, &seller, said.notice(), Shown::as_it_stands()).await
}

/// `POST /console/sellers/{id}/settings/{part}`
pub async fn save(
    State(app): State<App>,
    Path((id, part)): Path<(String, String)>,
    PostedWith(who, typed): PostedWith<Typed>,
) -> Result<Response, Refusal> {
    let seller = found(&app.db, &id).await?;
    let part = Part::ALL.into_iter().find(|known| known.as_str() == part).ok_or(Refusal::NotFound("form"))?;
    let done = act(&app, &who, &seller, part, &typed).await;
    let done = done.map(|said| format!("{}?said={said}", path(&seller.id)));
    answer(done, part, &typed, |shown| page(&app, &who, &seller, None, shown)).await
}

/// Does what one form asks for, once; says what happened.
async fn act(app: &App, who: &SignedIn, seller: &Seller, part: Part, typed: &Typed) -> Result<&'static str, Problem> {
    let (tenant, id, now) = (&seller.tenant, &seller.id, app.now());
    let by = |act| NewEntry::new(act, &who.address, now).by(&who.operator.id);
    let mut tx = app.db.begin().await?;
    let path = format!("{}/{}", path(id), part.as_str());
    let Some(once) = Once::begin(&mut tx, tenant, typed.once(), &path, &json!(typed), now).await? else {
        return Ok("again");
    };
    match part {
        Part::Destination => {
            changed(app, &mut tx, tenant, id, destination::read(typed), by).await?;
        }
        Part::Schedule => {
            changed(app, &mut tx, tenant, id, schedule::read(typed), by).await?;
        }
        Part::Fee => {
            let own = policies::fee_of(&fee::read(typed))?;
            policies::change_of_seller(&mut tx, tenant, id, own, who.operator.id.as_str(), now).await?;
            record(&mut tx, &by("seller.policies").about(id.as_str())).await?;
        }
    }
    once.end(&mut tx, tenant, id.as_str()).await?;
    tx.commit().await?;
    Ok("saved")
}

async fn page(
    app: &App,
    who: &SignedIn,
    seller: &Seller,
    notice: Option<String>,
    shown: Shown<'_, Part>,
) -> Result<Response, Refusal> {
    let own = policies::of_sellers(&app.db, &seller.tenant).await?.remove(&seller.id);
    let form = |part: Part| shown.form(&part, part.form(seller, own.as_ref()).shown_to(who));
    let view = Settings {
        frame: Frame { notice, ..who.frame(format!("Settings of {}", seller.name), Place::Sellers, app.now()) },
        id: seller.id.to_string(),
        name: seller.name.clone(),
        mode: seller.tenant.mode.into(),
        destination: form(Part::Destination),
        schedule: form(Part::Schedule),
        fee: form(Part::Fee),
    };
    Ok(frame::show(shown.status(), &view))
}

fn path(id: &SellerId) -> String {
    format!("/console/sellers/{id}/settings")
}

/// The page.
#[derive(Template)]
#[template(path = "console/seller_settings.html")]
pub struct Settings {
    frame: Frame,
    id: String,
    name: String,
    mode: ModeTag,
    destination: Editor,
    schedule: Editor,
    fee: Editor,
}

impl Settings {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let field = |label| vec![super::editor::Field::text("x", label, 9).holding("<script>alert(1)</script>")];
        let form = |name, label| Editor::new(name, "/console".into(), "Save", field(label));
        Self {
            frame: Frame::sample("Settings of Namsan Books", Place::Sellers),
            id: "sel_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            name: "Namsan Books <b>".into(),
            mode: ModeTag { live: false },
            destination: form("destination", "Token"),
            schedule: form("schedule", "Hour").refused(&Typed::default(), &Problem::invalid("x", "Not <b> so.")),
            fee: form("fee", "Share"),
        }
    }
}
