//! What is written down of one line: whose it is, what of it is booked at once, and what is left over. Pure.

use super::super::line::{LineKind, Side};
use super::super::words::{ObjectKind, Outcome};
use super::decide::{Circumstance, Decided};
use super::find::Verdict;
use super::store::Batch;
use super::told::{Ours, Told};
use crate::ledger::Account;
use crate::words::{Currency, LineId, Tenant};

/// What is written down of one line.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The line.
    pub told: Told,
    /// What was decided.
    pub decided: Decided,
    /// In whose books it stands.
    pub tenant: Tenant,
    /// What of ours it is.
    pub ours: Option<Ours>,
    /// The payment that it names, when what it says of that is not known here.
    pub payment: Option<Ours>,
    /// The account that the line changes at the other side.
    pub asset: Account,
    /// What the PSP kept, in minor units, as far as it is not in the books.
    pub fee: i64,
    /// How much of a fee that was in the books before the line stands for, in minor units.
    pub fee_known: i64,
    /// Minor units by which the account changes in each of two currencies, because the PSP has exchanged one for the other.
    pub exchanged: Vec<(Currency, i64)>,
    /// What is left over: minor units by which the account must change and nothing of ours says why.
    pub differs: Vec<(Currency, i64)>,
    /// The payouts that have left with this one line of a bank, or come back.
    pub members: Vec<Ours>,
    /// The batch that a line of a bank names and that has landed with another one.
    pub names: Option<Batch>,
    /// The PSP's batches that have landed with this line of a bank.
    pub land: Vec<Batch>,
    /// The batches that had landed with earlier lines of the bank and are taken back with this one.
    pub taken_back: Vec<(Batch, LineId)>,
}

impl Entry {
    /// Of a PSP's line.
    pub fn of_psp(verdict: Verdict, owner: &Tenant, psp: &str) -> Self {
        let Verdict { told, decided, ours, fee_known, payment } = verdict;
        let of = ours.as_ref().or(payment.as_ref());
        let tenant = of.map_or(owner, |ours| &ours.tenant).clone();
        let Parts { fee, exchanged, differs } = parts(&told, &decided, ours.as_ref(), fee_known);
        let asset = Account::Psp(psp.to_owned());
        Self {
            told,
            decided,
            tenant,
            ours,
            payment,
            asset,
            fee,
            fee_known,
            exchanged,
            differs,
            members: Vec::new(),
            names: None,
            land: Vec::new(),
            taken_back: Vec::new(),
        }
    }

    /// Of a bank's line that is nothing of ours so far.
    pub fn of_bank(told: Told, decided: Decided, tenant: Tenant) -> Self {
        Self {
            told,
            decided,
            tenant,
            ours: None,
            payment: None,
            asset: Account::Bank,
            fee: 0,
            fee_known: 0,
            exchanged: Vec::new(),
            differs: Vec::new(),
            members: Vec::new(),
            names: None,
            land: Vec::new(),
            taken_back: Vec::new(),
        }
    }

    /// How much of ours the line stands for, in our minor units and our sign.
    pub fn stands_for(&self) -> i64 {
        if self.ours.is_some() { self.decided.expected } else { 0 }
    }

    /// The same line when its fee of `booked` was booked earlier: what it says of that now is part of what is left over. An exchange
    /// that would take another fee with it is left over as a whole.
    #[must_use]
    pub fn after_fee(mut self, booked: i64) -> Self {
        let more = booked.saturating_sub(self.fee);
        if more != 0 {
            let exchanged = std::mem::take(&mut self.exchanged);
            self.differs = summed(self.differs.into_iter().chain(exchanged).chain([(self.told.currency, more)]));
        }
        self.fee = 0;
        self
    }

    /// The object of ours that the line is, as it is written with the line.
    pub fn object(&self) -> Option<(ObjectKind, String)> {
        if let Some(ours) = &self.ours {
            return Some((ours.kind, ours.id.clone()));
        }
        match (&self.told.kind, &self.told.batch) {
            (LineKind::Payout, Some(batch)) => Some((ObjectKind::Batch, batch.clone())),
            (LineKind::Fee, _) => Some((ObjectKind::Fee, self.told.id.to_string())),
            _ => self.batches().next().map(|batch| (ObjectKind::Batch, batch.name.clone())),
        }
    }

    /// What the break is about: the object, or the payment it names.
    pub fn about(&self) -> Option<(ObjectKind, String)> {
        self.object().or_else(|| self.payment.as_ref().map(|ours| (ours.kind, ours.id.clone())))
    }
}

/// What a PSP's line is made of.
#[derive(Default)]
struct Parts {
    fee: i64,
    exchanged: Vec<(Currency, i64)>,
    differs: Vec<(Currency, i64)>,
}

fn parts(told: &Told, decided: &Decided, ours: Option<&Ours>, fee_known: i64) -> Parts {
    let fee = told.fee.saturating_sub(fee_known);
    let rest = |minor: i64| summed([(told.currency, minor)]);
    match (decided.outcome, &told.kind, ours) {
        // The PSP's word about its own batch moves nothing; the bank's does.
        (_, LineKind::Payout, _) => Parts::default(),
        (Outcome::Matched | Outcome::FeeDiffers, LineKind::Fee, _) => {
            Parts { fee: told.net.saturating_neg(), ..Parts::default() }
        }
        (Outcome::Matched | Outcome::FeeDiffers, _, Some(ours)) if ours.currency != told.currency => {
            let (fee, exchanged) = both_sides(told, decided, ours, fee_known);
            Parts { fee, exchanged, ..Parts::default() }
        }
        (Outcome::Matched | Outcome::FeeDiffers, ..) => Parts { fee, ..Parts::default() },
        (Outcome::AmountDiffers, _, Some(_)) => {
            Parts { fee, differs: rest(told.gross.saturating_sub(decided.expected)), ..Parts::default() }
        }
        (Outcome::CurrencyDiffers, _, Some(ours)) => {
            // What of the fee is in the books is in our currency, as the amount is; what the line says of it is in its own.
            let expected = (ours.currency, fee_known.saturating_sub(decided.expected));
            let differs = summed([(told.currency, told.gross), expected]);
            Parts { fee: told.fee, differs, ..Parts::default() }
        }
        _ => Parts { differs: rest(told.net), ..Parts::default() },
    }
}

/// The fee of a line that was exchanged, and by what the account changes in either currency. A fee that the books know in ours was
/// exchanged with the amount, so that it is spent once.
fn both_sides(told: &Told, decided: &Decided, ours: &Ours, fee_known: i64) -> (i64, Vec<(Currency, i64)>) {
    let (fee, theirs) = if fee_known == 0 { (told.fee, told.gross) } else { (0, told.net) };
    let out = fee_known.saturating_sub(decided.expected);
    (fee, summed([(told.currency, theirs), (ours.currency, out)]))
}

/// One amount for each currency, without those that are nothing.
pub(super) fn summed(amounts: impl IntoIterator<Item = (Currency, i64)>) -> Vec<(Currency, i64)> {
    let mut sums: Vec<(Currency, i64)> = Vec::new();
    for (currency, minor) in amounts {
        match sums.iter_mut().find(|(of, _)| *of == currency) {
            Some((_, sum)) => *sum = sum.saturating_add(minor),
            None => sums.push((currency, minor)),
        }
    }
    sums.retain(|(_, minor)| *minor != 0);
    sums
}

impl Entry {
    /// The batches that a line of a bank is about.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.land.iter().chain(self.taken_back.iter().map(|(batch, _)| batch)).chain(&self.names)
    }

    /// Whose line it is.
    pub const fn side(&self) -> Side {
        self.told.side
    }

    /// Whether only a conversion's rounding is left over.
    pub fn is_rounding(&self) -> bool {
        self.decided.circumstance == Circumstance::WithinRounding
    }
}
