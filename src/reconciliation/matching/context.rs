//! What every step of a run needs: the source, its owner's books, its days and the table of causes.

use jiff::civil::Date;

use super::super::calendar::Calendar;
use super::super::causes::Causes;
use super::super::line::Side;
use super::super::reconcile::ReconcileError;
use super::super::runs::Run;
use super::super::words::ObjectKind;
use super::decide::Circumstance;
use super::fee;
use super::store::{self, Batch};
use super::told::Told;
use super::write::subject;
use crate::app::App;
use crate::config::reconciliation::{Format, Source};
use crate::merchants;
use crate::words::{MerchantId, Mode, Tenant};

/// Whose books hold what belongs to no payment of ours. Refused when there is no such merchant.
pub async fn owner(app: &App, source: &Source) -> Result<Tenant, ReconcileError> {
    let no_merchant = || ReconcileError::NoMerchant(source.merchant.clone());
    let merchant = MerchantId::parse(&source.merchant).map_err(|_| no_merchant())?;
    if merchants::get(&app.db, &merchant).await?.is_none() {
        return Err(no_merchant());
    }
    Ok(Tenant::new(merchant, Mode::of(source.livemode)))
}

/// The sources that tell of a PSP.
pub fn sources_of(sources: &[Source], psp: &str, livemode: bool) -> Vec<String> {
    let of_psp = sources.iter().filter(|it| it.psp == psp && it.livemode == livemode);
    of_psp.map(|it| it.name.clone()).collect()
}

/// The PSP whose lines make up a batch.
pub fn psp_of<'s>(sources: &'s [Source], batch: &Batch) -> Option<&'s str> {
    sources.iter().find(|it| it.name == batch.source).map(|it| it.psp.as_str())
}

/// What every step of a run needs.
pub struct Context<'a> {
    /// The gateway.
    pub app: &'a App,
    /// Whose lines are looked at.
    pub source: &'a Source,
    /// The run.
    pub run: &'a Run,
    /// Whose books hold what belongs to no payment of ours.
    pub owner: Tenant,
    /// The source's days.
    pub calendar: Calendar,
    /// Why things differ.
    pub causes: Causes,
    /// Whose lines these are.
    pub side: Side,
}

impl<'a> Context<'a> {
    /// Refused when the settings name a merchant or a time zone that does not exist.
    pub async fn of(app: &'a App, source: &'a Source, run: &'a Run) -> Result<Self, ReconcileError> {
        let bank = match source.format {
            Format::Camt053 => true,
            Format::Csv => store::has_bank_lines(&app.db, &source.name).await?,
            _ => false,
        };
        Ok(Self {
            app,
            source,
            run,
            owner: owner(app, source).await?,
            calendar: Calendar::of(source).map_err(|error| ReconcileError::Settings(error.to_string()))?,
            causes: Causes::of(&app.config.reconciliation.causes),
            side: if bank { Side::Bank } else { Side::Psp },
        })
    }

    /// The business day of this moment.
    pub fn today(&self) -> Option<Date> {
        self.calendar.day_of(self.app.now())
    }

    /// The day on which the list of a business day is there.
    pub fn listed_on(&self, day: Date) -> Date {
        day.saturating_add(jiff::Span::new().days(i64::from(self.source.lag_days)))
    }

    /// The last day on which what happened on `day` may still be told.
    pub fn expected_by(&self, day: Date) -> Date {
        self.listed_on(day).saturating_add(jiff::Span::new().days(i64::from(self.source.in_transit_days)))
    }

    /// What is wrong with the fee of a line, if something is.
    pub fn wrong_fee(&self, line: &Told) -> Option<Circumstance> {
        fee::wrong(self.source, line)
    }

    /// The sources that tell of the PSP, or of those whose payouts land at this bank.
    pub fn psp_sources(&self) -> Vec<String> {
        self.source.psps().into_iter().flat_map(|psp| self.sources_of(psp)).collect()
    }

    /// The sources that tell of one PSP.
    pub fn sources_of(&self, psp: &str) -> Vec<String> {
        sources_of(&self.app.config.reconciliation.sources, psp, self.source.livemode)
    }

    /// Whose payout a batch is.
    pub fn psp_of(&self, batch: &Batch) -> &str {
        psp_of(&self.app.config.reconciliation.sources, batch).unwrap_or(&self.source.psp)
    }

    /// How a batch is named where the bank has no line for it. Two PSPs may have one name for what each has sent.
    pub fn batch_subject(&self, batch: &Batch) -> String {
        match self.psp_of(batch) {
            psp if psp == self.source.psp => subject(ObjectKind::Batch, &batch.name),
            psp => subject(ObjectKind::Batch, &format!("{psp}/{}", batch.name)),
        }
    }
}
