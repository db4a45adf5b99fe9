//! `/v1/corrections`: mistakes in the books put right by another journal. A key asks; a person of who runs the gateway agrees,
//! in the console.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::fields;
use crate::app::App;
use crate::corrections::{self, CorrectionError, REASON, TRANSFERS};
use crate::http::extract::{Authenticated, Keyed, PageQuery};
use crate::http::idempotent::{Done, WorkError, idempotent};
use crate::http::list::envelope;
use crate::http::problem::{Problem, sentence};
use crate::ledger::{Account, Transfer};
use crate::operators::{NewEntry, record};
use crate::wallets::WalletError;
use crate::words::{CorrectionId, Currency, JournalId, Money, PaymentId};

/// What is to be put right, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    reason: String,
    corrects: Option<String>,
    payment: Option<String>,
    transfers: Vec<AskedTransfer>,
}

/// One movement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedTransfer {
    debit: String,
    credit: String,
    amount: String,
    currency: String,
}

/// Takes on a correction. The answer says `asked`: it is posted when somebody agrees, and `ledger.corrected` tells.
pub async fn create(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    request: Keyed<Asked>,
) -> Result<Response, Problem> {
    let asked = checked(request.body, principal.key.to_string())?;
    let (tenant, now) = (principal.tenant.clone(), app.now());
    let key = format!("API key {}", principal.key);
    idempotent(app, principal.tenant, request.once, StatusCode::CREATED, async move |tx| {
        let correction = corrections::ask(tx, &tenant, &asked, now).await.map_err(refused)?;
        let entry = NewEntry::new("correction.ask", &key, now).about(correction.id.as_str());
        record(tx, &NewEntry { note: correction.reason.clone(), ..entry }).await?;
        Ok(Done::for_ever(&correction.id, corrections::view(&correction)))
    })
    .await
}

/// The merchant's corrections, the newest first.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery,
) -> Result<Json<Value>, Problem> {
    let tenant = &principal.tenant;
    if let Some(id) = query.cursor(CorrectionId::parse)? {
        corrections::get(&app.db, tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let slice = corrections::of_tenant(&app.db, tenant, &query.page).await?;
    Ok(envelope("/v1/corrections", slice, corrections::view))
}

/// One correction.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let missing = || Problem::not_found("correction");
    let id = CorrectionId::parse(&id).map_err(|_| missing())?;
    let correction = corrections::get(&app.db, &principal.tenant, &id).await?.ok_or_else(missing)?;
    Ok(Json(corrections::view(&correction)))
}

fn checked(asked: Asked, by: String) -> Result<corrections::Asked, Problem> {
    fields::text("reason", &asked.reason, REASON)?;
    if !(1..=TRANSFERS).contains(&asked.transfers.len()) {
        return Err(Problem::invalid("transfers", format!("`transfers` has 1 to {TRANSFERS} entries.")));
    }
    let corrects = asked.corrects.as_deref().map(JournalId::parse).transpose();
    let payment = asked.payment.as_deref().map(PaymentId::parse).transpose();
    Ok(corrections::Asked {
        reason: asked.reason,
        corrects: corrects
            .map_err(|_| Problem::invalid("corrects", "`corrects` must be the id of a journal (jrn_...)."))?,
        payment: payment
            .map_err(|_| Problem::invalid("payment", "`payment` must be the id of a payment (pay_...)."))?,
        transfers: asked.transfers.iter().enumerate().map(transfer).collect::<Result<_, _>>()?,
        by,
    })
}

fn transfer((at, asked): (usize, &AskedTransfer)) -> Result<Transfer, Problem> {
    let invalid = |field: &str, rule: String| Problem::invalid(format!("transfers[{at}].{field}"), rule);
    let account = |field: &'static str, text: &str| {
        text.parse::<Account>().map_err(|_| {
            let examples = "psp:simulator, bank, fees:platform, suspense or seller:sel_...:available";
            invalid(field, format!("`{field}` must be an account of the books, such as {examples}."))
        })
    };
    let currency = Currency::parse(&asked.currency)
        .map_err(|_| invalid("currency", "`currency` must be an ISO 4217 code in three capitals.".to_owned()))?;
    let amount =
        Money::parse(&asked.amount, currency).map_err(|error| invalid("amount", format!("`amount` {error}.")))?;
    if amount.is_zero() {
        return Err(invalid("amount", "`amount` must be more than zero.".to_owned()));
    }
    let (debit, credit) = (account("debit", &asked.debit)?, account("credit", &asked.credit)?);
    if debit == credit {
        return Err(invalid("credit", "`credit` must be another account than `debit`.".to_owned()));
    }
    Ok(Transfer { debit, credit, amount })
}

fn refused(error: CorrectionError) -> WorkError {
    let invalid = |param: &str| Problem::invalid(param, sentence(&error));
    match error {
        CorrectionError::Reason => invalid("reason").into(),
        CorrectionError::NoSuchJournal => invalid("corrects").into(),
        CorrectionError::NoSuchPayment | CorrectionError::PendingOfNoPayment(_) => invalid("payment").into(),
        CorrectionError::Transfers | CorrectionError::NoSuchSeller(_) | CorrectionError::Held(_) => {
            invalid("transfers").into()
        }
        CorrectionError::NothingPending(_) => {
            Problem::conflict("nothing_pending", sentence(&error)).param("transfers").into()
        }
        CorrectionError::SamePerson | CorrectionError::Decided => {
            Problem::conflict("correction_decided", sentence(&error)).into()
        }
        CorrectionError::Db(error) | CorrectionError::Wallet(WalletError::Db(error)) => error.into(),
        CorrectionError::Wallet(error) => Problem::internal(&error).into(),
    }
}
