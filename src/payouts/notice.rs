//! Notices: what a provider tells us of a payout only says where to look; what is true is asked.

use super::{PayoutError, carry_out, store};
use crate::app::App;
use crate::payments::notices;
use crate::queue::Verdict;
use crate::words::{PayoutId, PspEventId};

/// Deals with a kept webhook about a payout, so that those which come late, twice or in the wrong order change nothing.
pub async fn read_notice(app: &App, id: &PspEventId) -> Result<Verdict, PayoutError> {
    let Some(notice) = notices::get(&app.db, id).await?.filter(|notice| notice.processed_at.is_none()) else {
        return Ok(Verdict::Done);
    };
    let known = match notice.payout.as_deref().map(PayoutId::parse) {
        Some(Ok(payout)) => store::find(&app.db, &payout).await?,
        _ => None,
    };
    let result = match known.filter(|payout| payout.provider == notice.psp) {
        Some(payout) => match carry_out::look(app, &payout.id).await? {
            Verdict::Done => "asked the provider",
            not_yet => return Ok(not_yet),
        },
        None => "no payout of ours",
    };
    let mut tx = app.db.begin().await?;
    notices::processed(&mut tx, id, app.now(), result).await?;
    tx.commit().await?;
    Ok(Verdict::Done)
}
