//! Finds what of ours each line of a batch may be, by ids alone, and decides.

use std::collections::HashMap;

use super::super::line::LineKind;
use super::super::words::ObjectKind;
use super::context::Context;
use super::decide::{Decided, of_batch, of_fee, of_movement, of_nothing};
use super::store::{self, Named, PaymentKey};
use super::told::{Ours, Told};
use crate::db::DbError;

/// A line and what was decided about it.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The line.
    pub told: Told,
    /// What was decided.
    pub decided: Decided,
    /// What of ours it is, when that is known.
    pub ours: Option<Ours>,
    /// How much of a fee that was in the books before it stands for, in minor units.
    pub fee_known: i64,
    /// The payment that it names, when what it says of that is not known here.
    pub payment: Option<Ours>,
}

type Found = HashMap<String, Ours>;

/// The lines of one movement of ours by their places, or one line that is none.
pub(super) type Group = (Option<Ours>, Vec<usize>);

/// Decides about lines of a PSP.
pub async fn psp_lines(context: &Context<'_>, lines: Vec<Told>) -> Result<Vec<Verdict>, DbError> {
    let charges = charges(context, &lines).await?;
    let seconds = second_charges(context, &lines).await?;
    let movements = movements(context, &lines).await?;
    let mut groups = grouped(lines.iter().map(|line| match line.kind {
        LineKind::Charge | LineKind::ChargeReversal => {
            second_charge_of(line, &seconds).or_else(|| charge_of(line, &charges)).cloned()
        }
        _ => movement_of(line, &movements).cloned(),
    }));
    remember_told(context, &lines, &mut groups).await?;
    let mut verdicts: Vec<Option<Verdict>> = lines.iter().map(|_| None).collect();
    for (ours, members) in groups {
        let group: Vec<&Told> = members.iter().filter_map(|&at| lines.get(at)).collect();
        let (decided, payment) = match &ours {
            Some(ours) => {
                let fee = |line: &Told| context.wrong_fee(line);
                (of_movement(&group, ours, &fee, context.source.rounding_tolerance), None)
            }
            None => alone(context, &group, &charges).await?,
        };
        let mut fee_known = ours.as_ref().map_or(0, |ours| ours.fee_booked);
        for ((&at, line), decided) in members.iter().zip(group).zip(decided) {
            let fee_known = if decided.books_fee() { std::mem::take(&mut fee_known) } else { 0 };
            let (told, ours, payment) = (line.clone(), ours.clone(), payment.clone());
            if let Some(place) = verdicts.get_mut(at) {
                *place = Some(Verdict { told, decided, ours, fee_known, payment });
            }
        }
    }
    Ok(verdicts.into_iter().flatten().collect())
}

/// The lines in groups by what of ours each is.
pub(super) fn grouped(of_lines: impl Iterator<Item = Option<Ours>>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<(ObjectKind, String), usize> = HashMap::new();
    for (at, ours) in of_lines.enumerate() {
        let Some(ours) = ours else {
            groups.push((None, vec![at]));
            continue;
        };
        let place = *places.entry((ours.kind, ours.id.clone())).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, members)) => members.push(at),
            None => groups.push((Some(ours), vec![at])),
        }
    }
    groups
}

/// One line that is no movement of a payment of ours.
async fn alone(
    context: &Context<'_>,
    group: &[&Told],
    charges: &Found,
) -> Result<(Vec<Decided>, Option<Ours>), DbError> {
    let [line] = group else { return Ok((Vec::new(), None)) };
    let decided = match (&line.kind, &line.batch) {
        (LineKind::Fee, _) => of_fee(line, &|line| context.wrong_fee(line)),
        (LineKind::Payout, Some(batch)) => {
            let (sum, paid) = store::batch_sums(&context.app.db, &context.source.name, batch, line.currency).await?;
            of_batch(sum, paid)
        }
        _ => {
            let payment = charge_of(line, charges).cloned();
            return Ok((vec![of_nothing(line, payment.is_some())], payment));
        }
    };
    Ok((vec![decided], None))
}

/// What other lines have told of the same movements.
pub(super) async fn remember_told(context: &Context<'_>, lines: &[Told], groups: &mut [Group]) -> Result<(), DbError> {
    let objects: Vec<&str> = groups.iter().filter_map(|(ours, _)| ours.as_ref()).map(|ours| ours.id.as_str()).collect();
    if objects.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
    let told = store::told_before(&context.app.db, &objects, &ids).await?;
    let gone = store::written_off(&context.app.db, &objects).await?;
    let mut of: HashMap<(ObjectKind, String), &mut Ours> = HashMap::new();
    for ours in groups.iter_mut().filter_map(|(ours, _)| ours.as_mut()) {
        of.insert((ours.kind, ours.id.clone()), ours);
    }
    for before in &told {
        if let Some(ours) = of.get_mut(&(before.kind, before.id.clone())) {
            ours.heard(before);
        }
    }
    for movement in &gone {
        if let Some(ours) = of.get_mut(movement) {
            ours.write_off();
        }
    }
    Ok(())
}

/// Payments by every name that the lines tell: the PSP's, then our keys, then our own references.
async fn charges(context: &Context<'_>, lines: &[Told]) -> Result<Found, DbError> {
    let (db, psp, mode) = (&context.app.db, context.source.psp.as_str(), context.owner.mode);
    let mut found = Found::new();
    let mut ask = async |by: PaymentKey, keys: Vec<&str>| -> Result<(), DbError> {
        if !keys.is_empty() {
            for Named { names, ours, .. } in store::charges(db, by, psp, mode, &keys).await? {
                found.extend(names.into_iter().map(|name| (name, ours.clone())));
            }
        }
        Ok(())
    };
    ask(PaymentKey::AtPsp, lines.iter().filter_map(|line| line.psp_payment.as_deref()).collect()).await?;
    ask(PaymentKey::Attempt, lines.iter().filter_map(|line| line.our_key.as_deref()).collect()).await?;
    let own = |prefix: &'static str| {
        lines.iter().filter_map(|line| line.ours.as_deref()).filter(move |text| text.starts_with(prefix)).collect()
    };
    ask(PaymentKey::Ours, own("pay_")).await?;
    ask(PaymentKey::Order, own("po_")).await?;
    Ok(found)
}

/// Charges beside those that paid: their lines name the same payment, and the key or the name of the charge says which they are.
async fn second_charges(context: &Context<'_>, lines: &[Told]) -> Result<Found, DbError> {
    let charges = lines.iter().filter(|line| matches!(line.kind, LineKind::Charge | LineKind::ChargeReversal));
    let keys: Vec<&str> =
        charges.flat_map(|line| [&line.our_key, &line.psp_movement]).flatten().map(String::as_str).collect();
    if keys.is_empty() {
        return Ok(Found::new());
    }
    let (db, psp, mode) = (&context.app.db, context.source.psp.as_str(), context.owner.mode);
    let found = store::second_charges(db, psp, mode, &keys).await?;
    Ok(found.into_iter().flat_map(|it| it.names.into_iter().map(move |name| (name, it.ours.clone()))).collect())
}

fn second_charge_of<'a>(line: &Told, seconds: &'a Found) -> Option<&'a Ours> {
    [&line.our_key, &line.psp_movement].into_iter().flatten().find_map(|name| seconds.get(name))
}

fn charge_of<'a>(line: &Told, charges: &'a Found) -> Option<&'a Ours> {
    let names = [&line.psp_payment, &line.our_key, &line.ours];
    names.into_iter().flatten().find_map(|name| charges.get(name))
}

/// Refunds and disputes, under each of their names with what kind of line asks for them.
async fn movements(context: &Context<'_>, lines: &[Told]) -> Result<HashMap<(ObjectKind, String), Ours>, DbError> {
    let (db, psp, mode) = (&context.app.db, context.source.psp.as_str(), context.owner.mode);
    let keys = |kinds: [LineKind; 2]| -> Vec<&str> {
        let of_kind = lines.iter().filter(|line| kinds.contains(&line.kind));
        of_kind.flat_map(|line| [&line.our_key, &line.psp_movement, &line.ours]).flatten().map(String::as_str).collect()
    };
    let mut found = HashMap::new();
    let refunds = keys([LineKind::Refund, LineKind::RefundFailure]);
    if !refunds.is_empty() {
        add(&mut found, store::refunds(db, psp, mode, &refunds).await?);
    }
    let disputes = keys([LineKind::Dispute, LineKind::DisputeReversal]);
    if !disputes.is_empty() {
        add(&mut found, store::disputes(db, psp, mode, &disputes).await?);
    }
    Ok(found)
}

fn add(found: &mut HashMap<(ObjectKind, String), Ours>, more: Vec<Named>) {
    for Named { names, ours, back } in more {
        for movement in [Some(ours), back].into_iter().flatten() {
            found.extend(names.iter().map(|name| ((movement.kind, name.clone()), movement.clone())));
        }
    }
}

fn movement_of<'a>(line: &Told, movements: &'a HashMap<(ObjectKind, String), Ours>) -> Option<&'a Ours> {
    let kind = match line.kind {
        LineKind::Refund => ObjectKind::Refund,
        LineKind::RefundFailure => ObjectKind::RefundFailure,
        LineKind::Dispute => ObjectKind::Dispute,
        LineKind::DisputeReversal => ObjectKind::DisputeReversal,
        _ => return None,
    };
    let names = [&line.our_key, &line.psp_movement, &line.ours];
    names.into_iter().flatten().find_map(|name| movements.get(&(kind, name.clone())))
}
