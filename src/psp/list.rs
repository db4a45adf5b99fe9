//! What a PSP says of a day: asked for, and given as it is, for whoever reconciles to understand.

use jiff::civil::Date;

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// What it settles: sales, refunds, fees and disputes.
    Settlements,
    /// What moved on the bank account into which it pays out, where it knows that.
    BankStatement,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// Which list.
    pub kind: ListKind,
    /// Of which business day, by the PSP's own calendar.
    pub day: Date,
    /// Where the former page ended; none for the first.
    pub after: Option<String>,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The page as it came, whole.
    pub bytes: Vec<u8>,
    /// Where it ended, when there is another page.
    pub after: Option<String>,
}
