//! A PSP's payout that a bank books in several entries on several days: the first of them is too small, the others name what has
//! landed; once they come to it together, they are right together.

use std::collections::BTreeMap;

use super::super::breaks::{self, Break, Status};
use super::super::line::Side;
use super::super::matching::Context;
use super::super::postings;
use super::super::reconcile::ReconcileError;
use super::super::runs;
use super::super::words::{ObjectKind, Outcome};
use super::BATCH;
use crate::db::retrying;
use crate::ledger::Account;
use crate::wallets;

/// What is left over of the entries that name one batch, in the books of one tenant and in one currency.
type Of = (String, &'static str, String, bool);

/// Closes the differences of entries that name one batch and of which nothing is left over together.
pub(super) async fn put_together(context: &Context<'_>) -> Result<(), ReconcileError> {
    let mut batches: BTreeMap<Of, (Vec<Break>, i64)> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let found = breaks::store::known(&context.app.db, &context.source.name, &after, BATCH).await?;
        let Some(last) = found.last() else { break };
        after = last.it.id.to_string();
        for known in found {
            let (it, held) = (known.it, known.held.unwrap_or(0));
            let differs =
                matches!(it.outcome, Outcome::AmountDiffers | Outcome::Duplicate) && it.status == Status::Open;
            let of_bank = known.line.is_some_and(|line| line.side == Side::Bank);
            if let Some((ObjectKind::Batch, name)) = it.object.clone().filter(|_| differs && of_bank) {
                let tenant = &it.tenant;
                let of = (name, it.currency.code(), tenant.merchant.to_string(), tenant.mode.is_live());
                let (breaks, left) = batches.entry(of).or_default();
                *left = left.saturating_add(held);
                breaks.push(it);
            }
        }
    }
    for (breaks, _) in batches.into_values().filter(|(breaks, left)| *left == 0 && breaks.len() > 1) {
        close(context, &breaks).await?;
    }
    Ok(())
}

async fn close(context: &Context<'_>, pieces: &[Break]) -> Result<(), ReconcileError> {
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        runs::must_be_ours(&mut tx, context.run, now).await?;
        let (mut posted, mut left) = (Vec::new(), 0_i64);
        for it in pieces {
            let held = breaks::store::lock(&mut tx, &it.id).await?.filter(|it| it.status == Status::Open);
            // Somebody was faster: the next run looks again.
            let Some(it) = held else { return Ok(()) };
            let amounts = breaks::parked(&mut tx, &it.id).await?;
            left = amounts.iter().fold(left, |left, (_, minor)| left.saturating_add(*minor));
            breaks::store::release(&mut tx, &it.id).await?;
            breaks::close_itself(&mut tx, &it, "entries of the bank that name one payout come to it together", now)
                .await?;
            posted.extend(postings::released(&it.tenant, &Account::Bank, &it.id, &amounts, now));
        }
        if left != 0 {
            return Ok(());
        }
        wallets::post(&mut tx, &posted).await?;
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}
