//! What a line is, held against what it may be of ours. Pure: no database, no clock.
//!
//! Amounts are exact. Several lines may make up one movement (a charge and what was not taken of it), so the lines of one
//! movement are looked at together: as many of them as it takes to come to ours agree, and what is left over does not.

use super::super::line::LineKind;
use super::super::words::Outcome;
use super::told::{Here, Ours, Told};

/// In which way a line agrees or differs; the table of known causes asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Circumstance {
    /// Nothing is different.
    Agrees,
    /// A converted amount differs by no more than what rounding may make.
    WithinRounding,
    /// The amount is another.
    OtherAmount,
    /// It is settled in another currency than ours.
    OtherCurrency,
    /// The fee is not the contract's.
    OtherFee,
    /// The fee is more than one may be.
    AboveLimit,
    /// Ours is under way.
    UnderWay,
    /// Ours was given up, declined or has failed.
    GivenUp,
    /// It was told before.
    Again,
    /// The payment is ours; of this movement of it nothing is known here.
    OfOurPayment,
    /// Ours was taken out of the books by two people, because nobody had told it.
    WrittenOff,
    /// Nothing in the line names anything of ours.
    Strange,
    /// The line says what only a person can understand.
    Peculiar,
    /// Ours, and it may still be told.
    StillTime,
    /// Ours, and its time is over.
    Overdue,
}

impl Circumstance {
    /// The one that is written so, in settings and in what is kept of a break.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(text.into()).ok()
    }
}

/// Says what is wrong with the fee of a line, if something is.
pub(super) type WrongFee<'f> = dyn Fn(&Told) -> Option<Circumstance> + 'f;

/// What was decided about one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What came of it.
    pub outcome: Outcome,
    /// In which way.
    pub circumstance: Circumstance,
    /// How much of ours the line stands for, in our minor units and our sign: nothing when ours is not done.
    pub expected: i64,
}

impl Decided {
    const fn of(outcome: Outcome, circumstance: Circumstance, expected: i64) -> Self {
        Self { outcome, circumstance, expected }
    }

    /// Whether the line is one of a movement of ours, so that its fee is a fee.
    pub(super) const fn books_fee(&self) -> bool {
        use Outcome::{AmountDiffers, CurrencyDiffers, FeeDiffers, Matched};
        matches!(self.outcome, Matched | FeeDiffers | AmountDiffers | CurrencyDiffers)
    }
}

/// The lines that name one movement of ours, in the order in which they stand; the answer has one decision for each.
///
/// `fee` says what is wrong with a line's fee, `tolerance` how far a converted amount may be off.
pub fn of_movement(lines: &[&Told], ours: &Ours, fee: &WrongFee<'_>, tolerance: u32) -> Vec<Decided> {
    match ours.here {
        Here::Done => {}
        Here::Pending => return all(lines, Outcome::StateDiffers, Circumstance::UnderWay),
        Here::GivenUp => return all(lines, Outcome::StateDiffers, Circumstance::GivenUp),
    }
    if let Some(decided) = exchanged(lines, ours, fee) {
        return decided;
    }
    let own: Vec<&Told> = lines.iter().copied().filter(|line| line.currency == ours.currency).collect();
    let own = in_our_currency(&own, ours, fee, tolerance);
    let mut left = own.iter().fold(ours.left(), |left, it| left.saturating_sub(it.expected));
    let mut own = own.into_iter();
    // Digits of two currencies are never compared: the first of the others stands for all that is left of ours.
    let decide = |line: &&Told| {
        if line.currency == ours.currency {
            return own.next();
        }
        if left == 0 && line.in_currency(ours.currency) == Some(ours.amount) && is_told_again(line, ours, 0) {
            return Some(Decided::of(Outcome::Duplicate, Circumstance::Again, 0));
        }
        Some(Decided::of(Outcome::CurrencyDiffers, Circumstance::OtherCurrency, std::mem::take(&mut left)))
    };
    lines.iter().filter_map(decide).collect()
}

/// Lines some of which were settled in another currency, when what the shopper paid comes to ours exactly: the PSP has exchanged
/// it, and both sides are said. `None` when there are no such lines, or they come to something else.
fn exchanged(lines: &[&Told], ours: &Ours, fee: &WrongFee<'_>) -> Option<Vec<Decided>> {
    if lines.iter().all(|line| line.currency == ours.currency) {
        return None;
    }
    let amounts: Vec<Option<i64>> = lines.iter().map(|line| line.in_currency(ours.currency)).collect();
    let told: Vec<i64> = amounts.iter().copied().flatten().collect();
    let agreeing = enough(&told, ours.left())?;
    let mut place: usize = 0;
    let decide = |(line, amount): (&&Told, Option<i64>)| {
        let Some(amount) = amount else {
            return Decided::of(Outcome::CurrencyDiffers, Circumstance::OtherCurrency, 0);
        };
        place = place.saturating_add(1);
        if place <= agreeing {
            agrees(line, amount, fee)
        } else {
            Decided::of(Outcome::Duplicate, Circumstance::Again, 0)
        }
    };
    Some(lines.iter().zip(amounts).map(decide).collect())
}

fn in_our_currency(lines: &[&Told], ours: &Ours, fee: &WrongFee<'_>, tolerance: u32) -> Vec<Decided> {
    if let [line] = lines
        && !ours.is_settled()
        && is_rounding(line, line.gross, ours, tolerance)
    {
        return vec![Decided::of(Outcome::AmountDiffers, Circumstance::WithinRounding, ours.amount)];
    }
    let left = ours.left();
    let amounts: Vec<i64> = lines.iter().map(|line| line.gross).collect();
    let agreeing = enough(&amounts, left);
    let mut open = left;
    lines
        .iter()
        .enumerate()
        .map(|(place, line)| match agreeing {
            Some(agreeing) if place < agreeing => agrees(line, line.gross, fee),
            // What it takes is there, or was there before: this one is told once more.
            Some(_) => Decided::of(Outcome::Duplicate, Circumstance::Again, 0),
            None if left == 0 && is_told_again(line, ours, tolerance) => {
                Decided::of(Outcome::Duplicate, Circumstance::Again, 0)
            }
            None if ours.written_off => {
                Decided::of(Outcome::AmountDiffers, Circumstance::WrittenOff, std::mem::take(&mut open))
            }
            // The first of them stands for all that is left of ours.
            None => Decided::of(Outcome::AmountDiffers, Circumstance::OtherAmount, std::mem::take(&mut open)),
        })
        .collect()
}

/// A line in which nothing names a movement of ours. `payment` is whether it names a payment of ours.
pub fn of_nothing(line: &Told, payment: bool) -> Decided {
    match line.kind {
        LineKind::Unknown(_) | LineKind::Adjustment | LineKind::PayoutReversal | LineKind::BankEntry => {
            Decided::of(Outcome::Unknown, Circumstance::Peculiar, 0)
        }
        _ if payment => Decided::of(Outcome::MissingHere, Circumstance::OfOurPayment, 0),
        _ => Decided::of(Outcome::MissingHere, Circumstance::Strange, 0),
    }
}

/// A PSP's payout of a batch whose lines come to `sum` and whose payouts, this one among them, to `paid`: both are the PSP's own
/// words. What it has sent goes out of the batch; some write it down as what arrives.
pub fn of_batch(sum: i64, paid: i64) -> Decided {
    if paid == sum.saturating_neg() || (sum > 0 && paid == sum) {
        Decided::of(Outcome::Matched, Circumstance::Agrees, sum)
    } else {
        Decided::of(Outcome::AmountDiffers, Circumstance::OtherAmount, sum)
    }
}

/// What the PSP charges for no single payment is believed, unless it is more than a fee may be.
pub fn of_fee(line: &Told, fee: &WrongFee<'_>) -> Decided {
    agrees(line, 0, fee)
}

fn all(lines: &[&Told], outcome: Outcome, circumstance: Circumstance) -> Vec<Decided> {
    lines.iter().map(|_| Decided::of(outcome, circumstance, 0)).collect()
}

/// How many of the amounts, from the first, it takes to come to what is left of ours; `None` when they do not come to it.
///
/// Where nothing is left only all of them may agree, by taking each other back.
fn enough(amounts: &[i64], left: i64) -> Option<usize> {
    let mut sum: i64 = 0;
    if left == 0 {
        for amount in amounts {
            sum = sum.checked_add(*amount)?;
        }
        return (sum == 0 && amounts.len() > 1).then_some(amounts.len());
    }
    for (place, amount) in amounts.iter().enumerate() {
        sum = sum.checked_add(*amount)?;
        if sum == left {
            return place.checked_add(1);
        }
    }
    None
}

fn agrees(line: &Told, amount: i64, fee: &WrongFee<'_>) -> Decided {
    match fee(line) {
        Some(wrong) => Decided::of(Outcome::FeeDiffers, wrong, amount),
        None => Decided::of(Outcome::Matched, Circumstance::Agrees, amount),
    }
}

/// Whether other lines have told the whole movement, so that this one tells it again. What goes the other way takes something
/// back, and is no repetition.
fn is_told_again(line: &Told, ours: &Ours, tolerance: u32) -> bool {
    let whole = ours.told == ours.amount || is_rounding(line, ours.told, ours, tolerance);
    whole && !ours.written_off && line.gross.signum() == ours.amount.signum()
}

/// Whether only the rounding of the line's conversion tells an amount from ours.
fn is_rounding(line: &Told, amount: i64, ours: &Ours, tolerance: u32) -> bool {
    let off = amount.abs_diff(ours.amount);
    line.presented.is_some() && off > 0 && off <= u64::from(tolerance)
}

#[cfg(test)]
mod tests {
    use super::super::super::line::Side;
    use super::super::super::words::ObjectKind;
    use super::*;
    use crate::words::{Currency, LineId, MerchantId, Mode, Tenant};

    fn usd() -> Currency {
        Currency::parse("USD").unwrap()
    }

    fn line(kind: LineKind, gross: i64, fee: i64) -> Told {
        Told {
            id: LineId::new(),
            side: Side::Psp,
            kind,
            business_date: "2025-10-09".parse().unwrap(),
            currency: usd(),
            gross,
            fee,
            net: gross - fee,
            presented: None,
            psp_payment: None,
            psp_movement: None,
            our_key: None,
            ours: None,
            batch: None,
            texts: Vec::new(),
            reversal: false,
        }
    }

    fn ours(amount: i64) -> Ours {
        Ours {
            kind: ObjectKind::Charge,
            id: "pay".into(),
            tenant: Tenant::new(MerchantId::new(), Mode::Test),
            payment: None,
            currency: usd(),
            amount,
            here: Here::Done,
            fee_booked: 0,
            told: 0,
            taken: 0,
            written_off: false,
        }
    }

    /// What a contract of 3 for each charge says.
    fn three(line: &Told) -> Option<Circumstance> {
        (line.kind == LineKind::Charge && line.fee != 3).then_some(Circumstance::OtherFee)
    }

    fn decide(lines: &[Told], ours: &Ours) -> Vec<(Outcome, i64)> {
        let lines: Vec<&Told> = lines.iter().collect();
        of_movement(&lines, ours, &three, 1).iter().map(|it| (it.outcome, it.expected)).collect()
    }

    #[test]
    fn one_line_agrees_when_amount_and_fee_do() {
        assert_eq!(decide(&[line(LineKind::Charge, 100, 3)], &ours(100)), [(Outcome::Matched, 100)]);
        assert_eq!(decide(&[line(LineKind::Charge, 100, 4)], &ours(100)), [(Outcome::FeeDiffers, 100)]);
        assert_eq!(decide(&[line(LineKind::Charge, 105, 3)], &ours(100)), [(Outcome::AmountDiffers, 100)]);
    }

    #[test]
    fn a_charge_and_what_was_not_taken_of_it_make_one_capture() {
        let lines = [line(LineKind::Charge, 100, 3), line(LineKind::ChargeReversal, -40, 0)];
        assert_eq!(decide(&lines, &ours(60)), [(Outcome::Matched, 100), (Outcome::Matched, -40)]);
    }

    #[test]
    fn what_is_told_twice_is_seen_in_one_file_and_over_two() {
        let twice = [line(LineKind::Charge, 100, 3), line(LineKind::Charge, 100, 3)];
        assert_eq!(decide(&twice, &ours(100)), [(Outcome::Matched, 100), (Outcome::Duplicate, 0)]);
        let before = Ours { told: 100, taken: 100, ..ours(100) };
        assert_eq!(decide(&twice[..1], &before), [(Outcome::Duplicate, 0)]);
    }

    #[test]
    fn what_other_lines_stand_for_is_not_expected_again_whatever_they_told() {
        let too_much = Ours { told: 105, taken: 100, ..ours(100) };
        assert_eq!(decide(&[line(LineKind::Charge, 100, 3)], &too_much), [(Outcome::AmountDiffers, 0)]);
        assert_eq!(decide(&[line(LineKind::ChargeReversal, -5, 0)], &too_much), [(Outcome::AmountDiffers, 0)]);
        let too_little = Ours { told: 70, taken: 100, ..ours(100) };
        assert_eq!(decide(&[line(LineKind::Charge, 20, 0)], &too_little), [(Outcome::AmountDiffers, 0)]);
        let in_won = Ours { told: 0, taken: 100, ..ours(100) };
        assert_eq!(decide(&[line(LineKind::Charge, 100, 3)], &in_won), [(Outcome::AmountDiffers, 0)]);
    }

    #[test]
    fn what_was_written_off_is_no_longer_expected() {
        let gone = Ours { written_off: true, ..ours(100) };
        assert_eq!(decide(&[line(LineKind::Charge, 100, 3)], &gone), [(Outcome::AmountDiffers, 0)]);
    }

    #[test]
    fn lines_that_take_each_other_back_agree_where_nothing_is_left() {
        let lines = [line(LineKind::Charge, 100, 3), line(LineKind::ChargeReversal, -100, -3)];
        let before = Ours { told: 100, taken: 100, ..ours(100) };
        assert_eq!(decide(&lines, &before), [(Outcome::Matched, 100), (Outcome::Matched, -100)]);
        assert_eq!(decide(&lines[1..], &before), [(Outcome::AmountDiffers, 0)]);
    }

    #[test]
    fn what_is_left_of_ours_is_expected_once() {
        let lines = [line(LineKind::Charge, 70, 3), line(LineKind::Charge, 20, 0)];
        assert_eq!(decide(&lines, &ours(100)), [(Outcome::AmountDiffers, 100), (Outcome::AmountDiffers, 0)]);
    }

    #[test]
    fn a_state_that_differs_expects_nothing() {
        let pending = Ours { here: Here::Pending, ..ours(100) };
        assert_eq!(decide(&[line(LineKind::Charge, 100, 3)], &pending), [(Outcome::StateDiffers, 0)]);
    }

    #[test]
    fn rounding_is_only_what_a_conversion_made() {
        let presented = Some((Currency::parse("KRW").unwrap(), 140_000));
        let converted = Told { presented, ..line(LineKind::Charge, 101, 3) };
        let lines = [&converted];
        let decided = of_movement(&lines, &ours(100), &|_| None, 1);
        assert_eq!(decided[0].circumstance, Circumstance::WithinRounding);
        let again = Ours { told: 101, taken: 100, ..ours(100) };
        assert_eq!(of_movement(&lines, &again, &|_| None, 1)[0].circumstance, Circumstance::Again);
        let too_far = of_movement(&lines, &ours(99), &|_| None, 1);
        assert_eq!(too_far[0].circumstance, Circumstance::OtherAmount);
        assert_eq!(decide(&[line(LineKind::Charge, 101, 3)], &ours(100)), [(Outcome::AmountDiffers, 100)]);
    }

    #[test]
    fn what_the_shopper_paid_agrees_whatever_it_was_exchanged_into() {
        let won = |gross, paid| Told {
            currency: Currency::parse("KRW").unwrap(),
            presented: Some((usd(), paid)),
            ..line(LineKind::Charge, gross, 3)
        };
        assert_eq!(decide(&[won(1_400, 100)], &ours(100)), [(Outcome::Matched, 100)]);
        assert_eq!(decide(&[won(1_400, 101)], &ours(100)), [(Outcome::CurrencyDiffers, 100)]);
        let twice = [won(1_400, 100), won(1_400, 100)];
        assert_eq!(decide(&twice, &ours(100)), [(Outcome::Matched, 100), (Outcome::Duplicate, 0)]);
        let before = Ours { told: 100, taken: 100, ..ours(100) };
        assert_eq!(decide(&twice[..1], &before), [(Outcome::Duplicate, 0)]);
        let pieces = [won(900, 60), line(LineKind::Charge, 40, 3)];
        assert_eq!(decide(&pieces, &ours(100)), [(Outcome::Matched, 60), (Outcome::Matched, 40)]);
    }

    #[test]
    fn another_currency_is_never_compared_by_its_digits() {
        let won = Told { currency: Currency::parse("KRW").unwrap(), ..line(LineKind::Charge, 100, 3) };
        assert_eq!(decide(std::slice::from_ref(&won), &ours(100)), [(Outcome::CurrencyDiffers, 100)]);
        let both = [won, line(LineKind::Charge, 100, 3)];
        assert_eq!(decide(&both, &ours(100)), [(Outcome::CurrencyDiffers, 0), (Outcome::Matched, 100)]);
    }

    #[test]
    fn a_payout_is_what_its_batch_comes_to_with_its_sign() {
        assert_eq!(of_batch(950, -950).outcome, Outcome::Matched);
        assert_eq!(of_batch(950, 950).outcome, Outcome::Matched);
        assert_eq!(of_batch(-50, 50).outcome, Outcome::Matched, "what we owe is taken from us");
        assert_eq!(of_batch(-50, -50).outcome, Outcome::AmountDiffers);
        assert_eq!(of_batch(950, -900).outcome, Outcome::AmountDiffers);
    }

    #[test]
    fn what_names_nothing_of_ours_is_missing_here_or_unknown() {
        assert_eq!(of_nothing(&line(LineKind::Charge, 1, 0), false).outcome, Outcome::MissingHere);
        assert_eq!(of_nothing(&line(LineKind::Refund, -1, 0), true).circumstance, Circumstance::OfOurPayment);
        assert_eq!(of_nothing(&line(LineKind::Unknown("X".into()), 1, 0), false).outcome, Outcome::Unknown);
    }
}
