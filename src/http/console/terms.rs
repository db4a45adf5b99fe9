//! What one merchant has decided about its money in one mode, to be changed: read by the rules of the API and written by the
//! same verb, so what the API refuses is refused here with the same sentence.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::components::{ModeTag, Moment, choices};
use super::decimals;
use super::editor::{Editor, Field, Typed};
use super::form::{Posted, PostedWith};
use super::frame::{self, Frame, Place, sample_time};
use super::once::Once;
use super::payments::mode;
use super::refusal::Refusal;
use super::seller_settings::{Said, fee, fee_fields};
use super::sent::{Shown, answer};
use super::session::SignedIn;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::http::problem::Problem;
use crate::merchants::policies::limit::{self, LimitError, Wished};
use crate::merchants::policies::{self, Policies};
use crate::merchants::{self, Merchant};
use crate::operators::{NewEntry, record};
use crate::words::{Currency, MerchantId, Money, Tenant, Timestamp};

const LATE: [(&str, &str); 2] = [("accept", "Accept: it is paid after all"), ("refund", "Refund it by itself")];
const SECOND: [(&str, &str); 2] = [("refund", "Refund it by itself"), ("review", "A person gives it back")];
const REFUND_FEE: [(&str, &str); 2] = [("return", "Return its share"), ("keep", "Keep it")];
const NEGATIVE: [(&str, &str); 2] = [("allow", "May owe"), ("refuse", "May not: refuse the refund")];

/// One of the page's forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Money,
    Limit,
}

impl Part {
    const ALL: [Self; 2] = [Self::Money, Self::Limit];

    /// As addresses write it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Limit => "limit",
        }
    }

    fn form(self, tenant: &Tenant, decided: &Policies) -> Editor {
        let action = format!("{}/{}", path(tenant), self.as_str());
        match self {
            Self::Money => money(action, decided),
            Self::Limit => limit_form(action, decided),
        }
    }
}

const LIMIT: &str = "payout_approval_above";

fn money(action: String, decided: &Policies) -> Editor {
    let days = decided.fulfill_after_days.map_or_else(String::new, |days| days.to_string());
    let mut fields = fee_fields(&decided.platform_fee);
    fields.extend([
        Field::choice("refund_fee", "Fee of a refunded sale", choices(&REFUND_FEE, decided.refund_fee.as_str())),
        Field::text("fulfill_after_days", "Delivered after days", 3)
            .holding(days)
            .hint("empty: when the merchant says so"),
        Field::choice("late_success", "Late money", choices(&LATE, decided.late_success.as_str())),
        Field::choice("second_charge", "Money taken twice", choices(&SECOND, decided.second_charge.as_str())),
        Field::choice("negative_balance", "A seller", choices(&NEGATIVE, decided.negative_balance.as_str())),
    ]);
    Editor::new("money", action, "Save policies", fields)
}

/// The decisions that were typed, as the API takes them.
fn money_typed(typed: &Typed) -> Vec<(&'static str, Value)> {
    vec![
        ("platform_fee", fee(typed)),
        ("refund_fee", typed.text("refund_fee").into()),
        ("fulfill_after_days", decimals::whole(typed.text("fulfill_after_days"))),
        ("late_success", typed.text("late_success").into()),
        ("second_charge", typed.text("second_charge").into()),
        ("negative_balance", typed.text("negative_balance").into()),
    ]
}

fn limit_form(action: String, decided: &Policies) -> Editor {
    let field = Field::text(LIMIT, "Second person for payouts above", 400)
        .holding(decimals::written(&decided.payout_approval_above))
        .hint("such as USD 500.00, KRW 1000000; a currency that is not named has no limit");
    Editor::new("limit", action, "Save limit", vec![field])
}

/// `GET /console/policies/{merchant}/{mode}`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path((merchant, mode)): Path<(String, String)>,
    Query(said): Query<Said>,
) -> Result<Response, Refusal> {
    let (merchant, tenant) = found(&app, &merchant, &mode).await?;
    page(&app, &who, (&merchant, &tenant), sentence(&said), Shown::as_it_stands()).await
}

/// `POST /console/policies/{merchant}/{mode}/{part}`
pub async fn save(
    State(app): State<App>,
    Path((merchant, mode, part)): Path<(String, String, String)>,
    PostedWith(who, typed): PostedWith<Typed>,
) -> Result<Response, Refusal> {
    let (merchant, tenant) = found(&app, &merchant, &mode).await?;
    let part = Part::ALL.into_iter().find(|known| known.as_str() == part).ok_or(Refusal::NotFound("form"))?;
    let done = act(&app, &who, &tenant, part, &typed).await;
    let done = done.map(|said| format!("{}?said={said}", path(&tenant)));
    answer(done, part, &typed, |shown| page(&app, &who, (&merchant, &tenant), None, shown)).await
}

/// Writes what one form decides, once; says what happened.
async fn act(app: &App, who: &SignedIn, tenant: &Tenant, part: Part, typed: &Typed) -> Result<&'static str, Problem> {
    let now = app.now();
    let path = format!("{}/{}", path(tenant), part.as_str());
    let mut tx = app.db.begin().await?;
    let Some(once) = Once::begin(&mut tx, tenant, typed.once(), &path, &json!(typed), now).await? else {
        return Ok("again");
    };
    let operator = &who.operator;
    let (action, said) = match part {
        Part::Money => {
            policies::change(&mut tx, tenant, &money_typed(typed), operator.id.as_str(), now).await?;
            ("policies.change", "saved")
        }
        Part::Limit => {
            let wanted = decimals::amounts(typed.text(LIMIT));
            match limit::wish(&mut tx, tenant, &wanted, (&operator.id, &operator.email), now).await.map_err(refused)? {
                Wished::Holds => ("policies.change", "saved"),
                Wished::Waits(_) => ("policies.limit_ask", "asked"),
            }
        }
    };
    noted(&mut tx, action, who, tenant, part.as_str(), now).await?;
    once.end(&mut tx, tenant, tenant.merchant.as_str()).await?;
    tx.commit().await?;
    Ok(said)
}

async fn noted(
    tx: &mut Tx,
    action: &'static str,
    who: &SignedIn,
    tenant: &Tenant,
    what: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let entry = NewEntry::new(action, &who.address, now).by(&who.operator.id).about(tenant.merchant.as_str());
    let note = format!("{what} {}", tenant.mode.as_str());
    record(tx, &NewEntry { note, ..entry }).await
}

fn refused(error: LimitError) -> Problem {
    match error {
        LimitError::Value(change) => change.into(),
        LimitError::Db(error) => error.into(),
        error => Problem::conflict("limit_waits", format!("Nothing was asked for: {error}.")),
    }
}

/// `POST /console/policies/{merchant}/{mode}/limit/{id}/agree`
pub async fn agree(State(app): State<App>, Path(at): Path<At>, Posted(who): Posted) -> Result<Response, Refusal> {
    decide(&app, &who, &at, true).await
}

/// `POST /console/policies/{merchant}/{mode}/limit/{id}/refuse`
pub async fn refuse(State(app): State<App>, Path(at): Path<At>, Posted(who): Posted) -> Result<Response, Refusal> {
    decide(&app, &who, &at, false).await
}

/// A wish for a limit, by its address.
#[derive(Debug, Deserialize)]
pub struct At {
    merchant: String,
    mode: String,
    id: String,
}

async fn decide(app: &App, who: &SignedIn, at: &At, agrees: bool) -> Result<Response, Refusal> {
    let (_, tenant) = found(app, &at.merchant, &at.mode).await?;
    let (now, by) = (app.now(), who.operator.email.as_str());
    let back = |said: &str| Ok(Redirect::to(&format!("{}?said={said}", path(&tenant))).into_response());
    let mut tx = app.db.begin().await?;
    let Some(wish) = limit::waiting(&mut tx, &tenant).await?.filter(|wish| wish.id.as_str() == at.id) else {
        return back("decided");
    };
    let decided =
        if agrees { limit::agree(&mut tx, &wish, by, now).await } else { limit::refuse(&mut tx, &wish, by, now).await };
    match decided {
        Ok(()) => {}
        Err(LimitError::SamePerson) => return back("same"),
        Err(LimitError::Changed) => return back("changed"),
        Err(LimitError::Decided) => return back("decided"),
        Err(error) => return Err(Refusal::broken(&error)),
    }
    let action = if agrees { "policies.limit_agree" } else { "policies.limit_refuse" };
    noted(&mut tx, action, who, &tenant, wish.id.as_str(), now).await?;
    tx.commit().await?;
    back(if agrees { "agreed" } else { "refused" })
}

/// What the last click did about the limit.
fn sentence(said: &Said) -> Option<String> {
    let words = match said.code() {
        "asked" => "Asked for. It holds when somebody else agrees.",
        "agreed" => "Agreed. It holds from now on.",
        "refused" => "Turned down. What held still holds.",
        "same" => "Nothing was done: whoever asked for it may not agree to it.",
        "decided" => "Nothing was done: it is decided already.",
        "changed" => "Nothing was done: the limit has changed since it was asked for. Turn it down and ask again.",
        _ => return said.notice(),
    };
    Some(words.to_owned())
}

async fn page(
    app: &App,
    who: &SignedIn,
    (merchant, tenant): (&Merchant, &Tenant),
    notice: Option<String>,
    shown: Shown<'_, Part>,
) -> Result<Response, Refusal> {
    let decided = policies::of(&app.db, tenant).await?;
    let form = |part: Part| shown.form(&part, part.form(tenant, &decided).shown_to(who));
    let view = Terms {
        frame: Frame { notice, ..who.frame(format!("Policies of {}", merchant.name), Place::Policies, app.now()) },
        merchant: merchant.name.clone(),
        mode: tenant.mode.into(),
        money: form(Part::Money),
        limit: form(Part::Limit),
        waits: limit::waiting(&app.db, tenant).await?.map(|wish| Waits {
            own: wish.asked_by == who.operator.email,
            path: format!("{}/limit/{}", path(tenant), wish.id),
            before: in_words(&wish.before),
            after: in_words(&wish.after),
            asked_by: wish.asked_by,
            asked_at: Moment::of(wish.asked_at),
        }),
    };
    Ok(frame::show(shown.status(), &view))
}

async fn found(app: &App, merchant: &str, written: &str) -> Result<(Merchant, Tenant), Refusal> {
    let id = MerchantId::parse(merchant).map_err(|_| Refusal::NotFound("merchant"))?;
    let merchant = merchants::get(&app.db, &id).await?.ok_or(Refusal::NotFound("merchant"))?;
    let tenant = Tenant::new(merchant.id.clone(), mode(written).ok_or(Refusal::NotFound("merchant"))?);
    Ok((merchant, tenant))
}

/// Where the page is.
pub(super) fn path(tenant: &Tenant) -> String {
    format!("/console/policies/{}/{}", tenant.merchant, tenant.mode.as_str())
}

/// The page.
#[derive(Template)]
#[template(path = "console/terms.html")]
pub struct Terms {
    frame: Frame,
    merchant: String,
    mode: ModeTag,
    money: Editor,
    limit: Editor,
    waits: Option<Waits>,
}

/// A wish for another limit, for a second person.
struct Waits {
    /// Where it is decided.
    path: String,
    before: String,
    after: String,
    asked_by: String,
    asked_at: Moment,
    /// The reader asked for it.
    own: bool,
}

/// A limit in words.
fn in_words(limits: &BTreeMap<Currency, Money>) -> String {
    if limits.is_empty() { "none".to_owned() } else { decimals::written(limits) }
}

impl Terms {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let decided = Policies::default();
        Self {
            frame: Frame::sample("Policies of Hangang Market", Place::Policies),
            merchant: "Hangang Market <b>".into(),
            mode: ModeTag { live: true },
            money: money("/console".into(), &decided),
            limit: limit_form("/console".into(), &decided)
                .refused(&Typed::default(), &Problem::invalid(LIMIT, "Not <script>alert(1)</script> so.")),
            waits: Some(Waits {
                path: "/console".into(),
                before: "USD 500.00".into(),
                after: "none".into(),
                asked_by: "lee@example.com <b>".into(),
                asked_at: Moment::of(sample_time(0)),
                own: false,
            }),
        }
    }
}
