//! Our side of a difference: what it is about as it stands now, and everything that has happened to it.

use crate::app::App;
use crate::http::console::components::{Fact, Moment, Sum};
use crate::http::console::records::Records;
use crate::http::console::refusal::Refusal;
use crate::http::console::story::{StoryMoment, in_order};
use crate::http::console::{dispute, payout, telling};
use crate::operators::known_as;
use crate::payments::{disputes, refunds};
use crate::payouts;
use crate::reconciliation::breaks::Break;
use crate::reconciliation::words::ObjectKind;
use crate::words::{DisputeId, PaymentId, PayoutId, RefundId};

/// What is known here.
#[derive(Default)]
pub(super) struct Ours {
    /// The amount and how it stands, in a few words.
    pub stands: Option<String>,
    pub facts: Vec<Fact>,
    /// Pages that tell more: their names and addresses.
    pub links: Vec<(&'static str, String)>,
    pub moments: Vec<StoryMoment>,
}

impl Ours {
    pub async fn of(app: &App, it: &Break) -> Result<Self, Refusal> {
        let mut ours = Self::default();
        ours.facts.push(Fact::id("Books of", it.tenant.merchant.as_str()));
        if let Some((kind, id)) = &it.object {
            ours.facts.push(Fact::words("What", kind.as_str().replace('_', " ")));
            ours.facts.push(Fact::id("Id", id.as_str()));
        }
        let payment = match &it.object {
            Some((ObjectKind::Charge, id)) => PaymentId::parse(id).ok(),
            Some((ObjectKind::Refund | ObjectKind::RefundFailure, id)) => ours.refund(app, id).await?,
            Some((ObjectKind::Dispute | ObjectKind::DisputeReversal, id)) => ours.dispute(app, id).await?,
            Some((ObjectKind::Payout | ObjectKind::PayoutReturn, id)) => ours.payout(app, id).await?,
            Some((ObjectKind::Batch | ObjectKind::Fee, _)) | None => None,
        };
        // A line may name a payment of ours without being a movement of it that we know.
        let named = || PaymentId::parse(it.evidence.pointer("/ours/payment")?.as_str()?).ok();
        if let Some(payment) = payment.or_else(named) {
            ours.payment(app, &payment).await?;
        }
        Ok(ours)
    }

    fn stands(&mut self, amount: &Sum, status: &str) {
        let words = format!("{}, {}", amount.plain(), status.replace('_', " "));
        self.stands.get_or_insert(words);
    }

    fn times(&mut self, times: &[(&'static str, Option<crate::words::Timestamp>)]) {
        let told = times.iter().filter_map(|(name, at)| Some(Fact::words(name, Moment::of((*at)?).text())));
        self.facts.extend(told);
    }

    async fn payment(&mut self, app: &App, id: &PaymentId) -> Result<(), Refusal> {
        let Some(records) = Records::load(&app.db, id).await? else { return Ok(()) };
        let status = telling::status(&records);
        self.stands(&Sum::of(records.payment.amount), status.label());
        self.links.push(("The payment and everything about it", format!("/console/payments/{id}")));
        self.facts.push(Fact::words("The payment is", status.label()));
        self.facts.extend(telling::facts(&records));
        self.facts.extend(records.attempts.iter().map(|attempt| Fact::id("Key at the PSP", attempt.psp_key.as_str())));
        let journals = records.journals.iter();
        self.facts.extend(journals.map(|it| Fact::id("Journal", format!("{} {}", it.kind.replace('_', " "), it.id))));
        self.moments = in_order(telling::happenings(&records));
        Ok(())
    }

    /// Gives the payment that the refund is of.
    async fn refund(&mut self, app: &App, id: &str) -> Result<Option<PaymentId>, Refusal> {
        let Ok(id) = RefundId::parse(id) else { return Ok(None) };
        let Some(refund) = refunds::find(&app.db, &id).await? else { return Ok(None) };
        self.stands(&Sum::of(refund.amount), refund.status.as_str());
        self.facts.push(Fact::words("The refund is", refund.status.as_str()));
        self.facts.push(Fact::words("Refund of", Sum::of(refund.amount).plain()));
        let names = [("Refund at the PSP", &refund.psp_reference), ("The PSP says", &refund.failure_code)];
        self.facts.extend(names.into_iter().filter_map(|(name, text)| Some(Fact::id(name, text.as_deref()?))));
        self.times(&[
            ("Refund asked for", Some(refund.created_at)),
            ("Refund done", refund.succeeded_at),
            ("Refund settled", refund.settled_at),
        ]);
        Ok(Some(refund.payment))
    }

    /// Gives the payment that is contested.
    async fn dispute(&mut self, app: &App, id: &str) -> Result<Option<PaymentId>, Refusal> {
        let Ok(id) = DisputeId::parse(id) else { return Ok(None) };
        let Some(dispute) = disputes::find(&app.db, &id).await? else { return Ok(None) };
        self.stands(&Sum::of(dispute.amount), dispute.status.as_str());
        self.links.push(("The dispute", format!("/console/disputes/{id}")));
        self.facts.push(Fact::words("The dispute is", dispute.status.as_str().replace('_', " ")));
        self.facts.extend(dispute::facts(&dispute, app.now()));
        Ok(Some(dispute.payment))
    }

    /// Is of no payment.
    async fn payout(&mut self, app: &App, id: &str) -> Result<Option<PaymentId>, Refusal> {
        let Ok(id) = PayoutId::parse(id) else { return Ok(None) };
        let Some(found) = payouts::find(&app.db, &id).await? else { return Ok(None) };
        self.stands(&Sum::of(found.amount), found.status.as_str());
        self.links.push(("The payout and everything about it", format!("/console/payouts/{id}")));
        self.facts.push(Fact::words("The payout is", found.status.as_str().replace('_', " ")));
        self.facts.push(Fact::id("Seller", found.seller.as_str()));
        let asked_by = known_as(&app.db, &found.asked_by).await?;
        self.facts.extend(payout::facts(&found, found.tenant.merchant.as_str(), &asked_by));
        let (happenings, journals) = payout::told(app, &found).await?;
        self.facts.extend(journals.iter().map(|it| Fact::id("Journal", format!("{} {}", it.kind, it.id))));
        self.moments = in_order(happenings);
        Ok(None)
    }
}
