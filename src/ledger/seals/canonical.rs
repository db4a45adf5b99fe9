//! The bytes that a journal and its transfers are hashed as.
//!
//! Every text is preceded by its length and every number has eight bytes, so two different rows never give the same bytes; each
//! kind of row begins with its own name, so a transfer never passes for a journal. Rows are taken as the database holds them, also
//! when they make no sense any more: a row that somebody changed must be hashed, not refused.

use super::merkle::{Hash, LEAF};
use sha2::{Digest as _, Sha256};

/// A journal's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    pub merchant: String,
    pub livemode: bool,
    pub id: String,
    pub kind: String,
    pub source_id: String,
    pub payment_id: Option<String>,
    pub transfer_count: i64,
    pub control_total: i64,
    pub created_at: i64,
    /// In the order of their lines.
    pub transfers: Vec<TransferRow>,
}

/// A transfer's row, without the journal that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRow {
    pub line: i64,
    pub debit: String,
    pub credit: String,
    pub amount: i64,
    pub currency: String,
    pub created_at: i64,
}

/// Bytes of one mark.
const MARK: usize = 8;
/// So many rows of one journal are told of by name.
const TOLD: usize = 3;

impl JournalRow {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        text(&mut bytes, "tollgate.journal.v1");
        text(&mut bytes, &self.merchant);
        text(&mut bytes, if self.livemode { "live" } else { "test" });
        text(&mut bytes, &self.id);
        text(&mut bytes, &self.kind);
        text(&mut bytes, &self.source_id);
        bytes.push(u8::from(self.payment_id.is_some()));
        text(&mut bytes, self.payment_id.as_deref().unwrap_or_default());
        for number in [self.transfer_count, self.control_total, self.created_at] {
            bytes.extend(number.to_be_bytes());
        }
        bytes
    }

    /// The leaf of this journal at this place of the chain.
    pub fn leaf(&self, position: i64) -> Hash {
        let mut hash = Sha256::new().chain_update([LEAF]).chain_update(position.to_be_bytes());
        let journal = self.bytes();
        hash.update(length(journal.len()));
        hash.update(journal);
        hash.update(length(self.transfers.len()));
        for transfer in &self.transfers {
            let bytes = transfer.bytes();
            hash.update(length(bytes.len()));
            hash.update(bytes);
        }
        hash.finalize().into()
    }

    /// What tells later which row was touched: a piece of the hash of each, the journal's own first.
    pub fn marks(&self) -> Vec<u8> {
        let rows = std::iter::once(self.bytes()).chain(self.transfers.iter().map(TransferRow::bytes));
        rows.flat_map(|bytes| mark(&bytes)).collect()
    }

    /// The rows whose marks are not the ones that were kept, in words; `None` when all agree.
    ///
    /// A journal's transfers are numbered from 0 on when they are posted, so the marks after its own tell their lines.
    pub fn difference(&self, kept: &[u8]) -> Option<String> {
        let mut kept = kept.chunks(MARK);
        let mut touched = Vec::new();
        if kept.next() != Some(&mark(&self.bytes())[..]) {
            touched.push("its own row was changed".to_owned());
        }
        let mut sealed = 0;
        for (line, kept) in (0..).zip(kept) {
            sealed = line + 1;
            match self.transfers.iter().find(|transfer| transfer.line == line) {
                None => touched.push(format!("its transfer {line} was taken away")),
                Some(transfer) if mark(&transfer.bytes()) != kept => {
                    touched.push(format!("its transfer {line} was changed"));
                }
                Some(_) => {}
            }
        }
        let added = self.transfers.iter().filter(|transfer| !(0..sealed).contains(&transfer.line));
        touched.extend(added.map(|transfer| format!("its transfer {} was added", transfer.line)));
        let more = touched.len().saturating_sub(TOLD);
        touched.truncate(TOLD);
        let told = touched.join(" and ");
        (!told.is_empty())
            .then(|| if more == 0 { told } else { format!("{told} and {more} more of its rows were touched") })
    }
}

fn mark(row: &[u8]) -> [u8; MARK] {
    let mut mark = [0; MARK];
    mark.copy_from_slice(&Sha256::digest(row)[..MARK]);
    mark
}

impl TransferRow {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(200);
        text(&mut bytes, "tollgate.transfer.v1");
        bytes.extend(self.line.to_be_bytes());
        text(&mut bytes, &self.debit);
        text(&mut bytes, &self.credit);
        bytes.extend(self.amount.to_be_bytes());
        text(&mut bytes, &self.currency);
        bytes.extend(self.created_at.to_be_bytes());
        bytes
    }
}

/// Appends a text with its length.
pub(super) fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(length(text.len()));
    bytes.extend(text.as_bytes());
}

fn length(count: usize) -> [u8; 8] {
    u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> JournalRow {
        let transfer = |line, credit: &str, amount| TransferRow {
            line,
            debit: "psp:simulator".into(),
            credit: credit.into(),
            amount,
            currency: "KRW".into(),
            created_at: 5,
        };
        JournalRow {
            merchant: "mrc_1".into(),
            livemode: false,
            id: "jrn_1".into(),
            kind: "sale".into(),
            source_id: "po_1".into(),
            payment_id: Some("pay_1".into()),
            transfer_count: 2,
            control_total: 100,
            created_at: 5,
            transfers: vec![transfer(0, "bank", 97), transfer(1, "fees:platform", 3)],
        }
    }

    #[test]
    fn every_column_and_the_place_count() {
        let leaf = journal().leaf(7);
        let changes: Vec<fn(&mut JournalRow)> = vec![
            |it| it.merchant.push('x'),
            |it| it.livemode = true,
            |it| it.id.push('x'),
            |it| it.kind.push('x'),
            |it| it.source_id.push('x'),
            |it| it.payment_id = None,
            |it| it.payment_id = Some(String::new()),
            |it| it.transfer_count += 1,
            |it| it.control_total += 1,
            |it| it.created_at += 1,
            |it| it.transfers[0].line += 1,
            |it| it.transfers[0].debit.push('x'),
            |it| it.transfers[1].credit.push('x'),
            |it| it.transfers[0].amount += 1,
            |it| it.transfers[0].currency = "JPY".into(),
            |it| it.transfers[0].created_at += 1,
            |it| {
                it.transfers.swap(0, 1);
                it.transfers[0].line = 0;
                it.transfers[1].line = 1;
            },
            |it| drop(it.transfers.pop()),
            |it| drop(it.transfers.remove(0)),
            |it| it.transfers.push(TransferRow { line: 2, ..it.transfers[0].clone() }),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut other = journal();
            change(&mut other);
            assert_ne!(other.leaf(7), leaf, "change {number}");
            assert!(other.difference(&journal().marks()).is_some(), "change {number}");
        }
        assert_ne!(journal().leaf(8), leaf);
        assert_eq!(journal().difference(&journal().marks()), None);
    }

    #[test]
    fn each_touched_row_is_told_by_its_name() {
        let touched = |change: fn(&mut JournalRow)| {
            let mut other = journal();
            change(&mut other);
            other.difference(&journal().marks()).unwrap()
        };
        let balanced = touched(|it| {
            it.control_total += 5;
            it.transfers[1].amount += 5;
        });
        assert_eq!(balanced, "its own row was changed and its transfer 1 was changed");
        assert_eq!(touched(|it| drop(it.transfers.remove(0))), "its transfer 0 was taken away");
        let many = touched(|it| {
            it.kind.clear();
            it.transfers[0].line = 7;
            it.transfers[1].amount = 1;
        });
        let three = "its own row was changed and its transfer 0 was taken away and its transfer 1 was changed";
        assert_eq!(many, format!("{three} and 1 more of its rows were touched"));
    }

    #[test]
    fn a_letter_that_moves_to_the_next_column_is_another_row() {
        let mut other = journal();
        other.kind = "sal".into();
        other.source_id = "epo_1".into();
        assert_ne!(other.leaf(7), journal().leaf(7));
    }

    /// Fixed for ever: a change here would make every sealed ledger look forged.
    #[test]
    fn the_bytes_of_version_1_do_not_change() {
        assert_eq!(hex::encode(journal().leaf(7)), "aa4d767571bf3b97136cccbebeebf84cbdf5a5ecd5c717ea3e5a2ecda1d55237");
    }
}
