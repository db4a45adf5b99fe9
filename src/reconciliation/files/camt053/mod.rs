//! A bank's statement: ISO 20022 camt.053, versions 02 to 13, by local names.
//!
//! Promises: the booked opening balance and the booked entries come to the closing balance; an entry is in the account's
//! currency; statements of one account begin where the one before ended, by the bank's numbers or by their days. Entries that are
//! not booked yet are passed over. Refuses document types, entities and anything else that makes XML more than data.

mod entry;
mod leaves;

use std::io::Read;

use leaves::{Leaves, Piece, Walk};

use super::amount::{major, shown};
use super::refused::{ReadError, Refused};
use super::taken::{MOST_BATCHES, Out, Statement};
use super::tosspayments::day;
use crate::config::reconciliation::Source;
use crate::reconciliation::calendar::Calendar;
use crate::words::Currency;

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.";
const VERSIONS: std::ops::RangeInclusive<u8> = 2..=13;

/// Reads a file of one or more statements.
pub fn read(source: &Source, calendar: &Calendar, input: impl Read, out: &mut Out<'_>) -> Result<(), ReadError> {
    entry::known_fields(source)?;
    let mut walk = Walk::open(input);
    root(&mut walk)?;
    loop {
        match walk.next()? {
            Piece::Begin(name) if name == "Stmt" => {
                let statement = statement(source, calendar, &mut walk, out)?;
                let former = out.totals().statements.as_slice();
                if former.iter().any(|it| it.is_called(&statement)) {
                    return Err(twice(&statement, "is there twice").into());
                }
                follows(former, &statement)?;
                if out.totals().statements.len() >= MOST_BATCHES {
                    return Err(Refused::file(format!("more than {MOST_BATCHES} statements in one file")).into());
                }
                out.statement(statement);
            }
            Piece::Begin(_) => {
                walk.inside()?;
            }
            Piece::End => break,
            Piece::Over => return Err(walk.cut_off()),
        }
    }
    end(&mut walk)?;
    if out.totals().statements.is_empty() {
        return Err(Refused::whole("Stmt", "no statement in it").into());
    }
    Ok(())
}

fn root<R: Read>(walk: &mut Walk<R>) -> Result<(), ReadError> {
    let other = || Refused::file("not a camt.053 statement: no Document with a BkToCstmrStmt");
    match walk.next()? {
        Piece::Begin(name) if name == "Document" => {}
        _ => return Err(other().into()),
    }
    let namespaces = walk.attributes.iter().filter(|(_, value)| value.starts_with("urn:iso:std:iso:20022:"));
    for (_, value) in namespaces {
        let version = value.strip_prefix(NAMESPACE).and_then(|version| version.parse::<u8>().ok());
        if !version.is_some_and(|version| VERSIONS.contains(&version)) {
            return Err(Refused::whole("Document", format!("{value:.100} is no camt.053 of versions 02 to 13")).into());
        }
    }
    match walk.next()? {
        Piece::Begin(name) if name == "BkToCstmrStmt" => Ok(()),
        _ => Err(other().into()),
    }
}

fn end<R: Read>(walk: &mut Walk<R>) -> Result<(), ReadError> {
    match (walk.next()?, walk.next()?) {
        (Piece::End, Piece::Over) => Ok(()),
        _ => Err(walk.refuse("more in it than one BkToCstmrStmt")),
    }
}

/// What stands before the entries of a statement.
#[derive(Default)]
struct Head {
    id: String,
    sequence: Option<u64>,
    account: Option<String>,
    currency: Option<Currency>,
    balances: Vec<(String, i64)>,
    closed_on: Option<String>,
}

fn statement<R: Read>(
    source: &Source,
    calendar: &Calendar,
    walk: &mut Walk<R>,
    out: &mut Out<'_>,
) -> Result<Statement, ReadError> {
    let mut head = Head::default();
    let (mut moved, mut number) = (0_i64, 0_u64);
    loop {
        match walk.next()? {
            Piece::Begin(name) if name == "Ntry" => {
                walk.row = walk.row.saturating_add(1);
                number = number.saturating_add(1);
                let leaves = walk.inside()?;
                let currency = head.currency.ok_or_else(|| Refused::whole("Bal", "no balance before the entries"))?;
                let of = entry::Of {
                    source,
                    calendar,
                    account: head.account.as_deref().unwrap_or_default(),
                    statement: &head.id,
                    currency,
                    row: walk.row,
                    number,
                };
                if let Some(amount) = entry::read(&of, &leaves, out)? {
                    let too_large = || Refused::field(walk.row, "Amt", "the statement is too large to be added up");
                    moved = moved.checked_add(amount).ok_or_else(too_large)?;
                } else {
                    out.skip();
                }
            }
            Piece::Begin(name) => {
                let leaves = walk.inside()?;
                let text = walk.text.trim().to_owned();
                head.take(&name, &text, &leaves)?;
            }
            Piece::End => break,
            Piece::Over => return Err(walk.cut_off()),
        }
    }
    head.closed(moved).map_err(ReadError::from)
}

impl Head {
    fn take(&mut self, name: &str, text: &str, leaves: &Leaves) -> Result<(), Refused> {
        match name {
            "Id" => text.clone_into(&mut self.id),
            "ElctrncSeqNb" => self.sequence = text.parse().ok(),
            "Acct" => {
                let account = leaves.at(0, "Id/IBAN").or_else(|| leaves.at(0, "Id/Othr/Id"));
                self.account = account.map(str::to_owned);
                if let Some(code) = leaves.at(0, "Ccy") {
                    self.currency = Some(currency(code, "Ccy")?);
                }
            }
            "Bal" => self.balance(leaves)?,
            _ => {}
        }
        Ok(())
    }

    fn balance(&mut self, leaves: &Leaves) -> Result<(), Refused> {
        let kind = leaves.at(0, "Tp/CdOrPrtry/Cd").unwrap_or_default();
        if !["OPBD", "CLBD", "PRCD", "ITBD"].contains(&kind) {
            return Ok(());
        }
        let missing = || Refused::whole("Bal", "a balance without an amount, a currency or a direction");
        let in_currency = currency(leaves.at(0, "Amt@Ccy").ok_or_else(missing)?, "Bal")?;
        let known = *self.currency.get_or_insert(in_currency);
        if known != in_currency {
            return Err(Refused::whole("Bal", format!("a balance in {in_currency}, of an account in {known}")));
        }
        let amount =
            major(leaves.at(0, "Amt").ok_or_else(missing)?, known).map_err(|reason| Refused::whole("Bal", reason))?;
        let signed = match leaves.at(0, "CdtDbtInd").ok_or_else(missing)? {
            "CRDT" => Some(amount),
            "DBIT" => amount.checked_neg(),
            _ => None,
        };
        let day =
            leaves.at(0, "Dt/Dt").or_else(|| leaves.at(0, "Dt/DtTm")).and_then(|text| text.get(..10)).and_then(day);
        if kind == "CLBD"
            && let Some(day) = day
        {
            self.closed_on = Some(day.to_string());
        }
        if self.balances.len() < 20 {
            self.balances.push((kind.to_owned(), signed.ok_or_else(missing)?));
        }
        Ok(())
    }

    fn first(&self, kind: &str) -> Option<i64> {
        self.balances.iter().find(|(name, _)| name == kind).map(|(_, amount)| *amount)
    }

    /// A statement that is over: its balances and its entries agree. A page of a longer one has interim balances instead.
    fn closed(self, moved: i64) -> Result<Statement, Refused> {
        let no =
            |what: &str| Refused::whole("Bal", format!("no booked {what} balance: whether it is whole cannot be seen"));
        let interim = || self.balances.iter().filter(|(name, _)| name == "ITBD").map(|(_, amount)| *amount);
        let opening = self.first("OPBD").or_else(|| self.first("PRCD")).or_else(|| interim().next());
        let opening = opening.ok_or_else(|| no("opening (OPBD)"))?;
        let closing = self.first("CLBD").or_else(|| interim().next_back()).ok_or_else(|| no("closing (CLBD)"))?;
        let currency = self.currency.ok_or_else(|| Refused::whole("Ccy", "the account's currency is missing"))?;
        let account = self.account.ok_or_else(|| Refused::whole("Acct", "the account is missing"))?;
        if self.id.is_empty() {
            return Err(Refused::whole("Id", "a statement without an id"));
        }
        if opening.checked_add(moved) != Some(closing) {
            let [opening, moved, closing] = [opening, moved, closing].map(|minor| shown(minor, currency));
            let reason =
                format!("statement {}: opening {opening} and entries {moved} are not closing {closing}", self.id);
            return Err(Refused::whole("Bal", reason));
        }
        let (id, sequence, currency, closed_on) = (self.id, self.sequence, currency.code().to_owned(), self.closed_on);
        Ok(Statement { id, account, sequence, currency, opening, closing, closed_on })
    }
}

/// A statement begins where the former of the same account ended. One that is sent once more says the same as it did.
pub fn follows(former: &[Statement], next: &Statement) -> Result<(), Refused> {
    if let Some(known) = former.iter().find(|it| it.is_called(next)) {
        let same = (known.opening, known.closing) == (next.opening, next.closing);
        return if same { Ok(()) } else { Err(twice(next, "was told before with other balances")) };
    }
    let of_account: Vec<&Statement> = former.iter().filter(|it| it.is_of_account(next)).collect();
    let Some(last) = before(&of_account, next) else { return Ok(()) };
    if last.closing == next.opening {
        return Ok(());
    }
    let currency = currency(&next.currency, "Ccy")?;
    let reason = format!(
        "statement {} opens with {}, and {} before it closed with {}",
        next.id,
        shown(next.opening, currency),
        last.id,
        shown(last.closing, currency)
    );
    Err(Refused::whole("Bal", reason))
}

/// The statement after which `next` comes: by the bank's numbers; where they do not tell, the last of those that closed by its day.
/// None for the first of an account, for one that is older than all that are known, and where the bank tells no days.
fn before<'s>(former: &[&'s Statement], next: &Statement) -> Option<&'s Statement> {
    let number = next.sequence.and_then(|number| number.checked_sub(1));
    if let Some(one_before) = former.iter().rev().find(|it| number.is_some() && it.sequence == number) {
        return Some(one_before);
    }
    let closed = next.closed_on.as_ref()?;
    // A statement of a day that was not over is told again when it has grown.
    let grown = |it: &&&Statement| it.closed_on.as_ref() == Some(closed) && it.opening == next.opening;
    if former.iter().any(|it| grown(&it)) {
        return None;
    }
    let earlier = former.iter().filter(|it| it.closed_on.as_ref().is_some_and(|day| day <= closed));
    // Of several that closed on one day the last that was told.
    earlier.max_by(|one, other| one.closed_on.cmp(&other.closed_on)).copied()
}

fn twice(statement: &Statement, how: &str) -> Refused {
    Refused::whole("Stmt", format!("statement {} of account {} {how}", statement.id, statement.account))
}

fn currency(code: &str, field: &str) -> Result<Currency, Refused> {
    Currency::parse(code).map_err(|wrong| Refused::whole(field, format!("{code:.20?} is {wrong}")))
}
