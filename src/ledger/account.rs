//! The accounts of the books and how they are written down.

use crate::words::SellerId;
use std::{fmt, str::FromStr};

/// One account of a merchant's books. Together with merchant, mode and currency it says where money stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// What the payment provider of this name owes us.
    Psp(String),
    /// What stands on the merchant's own bank account.
    Bank,
    /// A seller's money that is sold but not yet delivered.
    Pending(SellerId),
    /// A seller's money that may be paid out.
    Available(SellerId),
    /// A seller's money on its way to their bank.
    PayingOut(SellerId),
    /// A seller's money held back for a refund that was asked for.
    Reserved(SellerId),
    /// The merchant's income: what it keeps of its sellers' sales.
    PlatformFees,
    /// What payment providers charge.
    PspFees,
    /// Money contested by a shopper's bank.
    Disputes,
    /// Differences that nobody has explained yet.
    Suspense,
    /// Units lost or won by rounding.
    Rounding,
    /// What was exchanged: what came of it in one currency against what was given for it in another.
    Exchange,
}

/// Which side of an account makes it grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Grows by debits: what we have or are owed.
    Asset,
    /// Grows by credits: what we owe.
    Liability,
    /// Grows by credits: what was earned.
    Income,
    /// Grows by debits: what was spent.
    Expense,
}

impl Class {
    /// As the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Liability => "liability",
            Self::Income => "income",
            Self::Expense => "expense",
        }
    }

    /// Whether a debit makes an account of this class grow.
    #[must_use]
    pub fn grows_by_debit(self) -> bool {
        matches!(self, Self::Asset | Self::Expense)
    }
}

/// Which of a seller's four accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pocket {
    /// Sold, not yet delivered.
    Pending,
    /// May be paid out.
    Available,
    /// On its way to the bank.
    PayingOut,
    /// Held back for a refund.
    Reserved,
}

impl Account {
    /// What kind of account it is in the sense of book-keeping.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Psp(_) | Self::Bank | Self::Disputes | Self::Suspense | Self::Exchange => Class::Asset,
            Self::Pending(_) | Self::Available(_) | Self::PayingOut(_) | Self::Reserved(_) => Class::Liability,
            Self::PlatformFees => Class::Income,
            Self::PspFees | Self::Rounding => Class::Expense,
        }
    }

    /// The seller and the pocket, when the account belongs to a seller's wallet.
    #[must_use]
    pub fn pocket(&self) -> Option<(&SellerId, Pocket)> {
        match self {
            Self::Pending(seller) => Some((seller, Pocket::Pending)),
            Self::Available(seller) => Some((seller, Pocket::Available)),
            Self::PayingOut(seller) => Some((seller, Pocket::PayingOut)),
            Self::Reserved(seller) => Some((seller, Pocket::Reserved)),
            _ => None,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Psp(name) => write!(f, "psp:{name}"),
            Self::Bank => f.write_str("bank"),
            Self::Pending(seller) => write!(f, "seller:{seller}:pending"),
            Self::Available(seller) => write!(f, "seller:{seller}:available"),
            Self::PayingOut(seller) => write!(f, "seller:{seller}:paying_out"),
            Self::Reserved(seller) => write!(f, "seller:{seller}:reserved"),
            Self::PlatformFees => f.write_str("fees:platform"),
            Self::PspFees => f.write_str("fees:psp"),
            Self::Disputes => f.write_str("disputes"),
            Self::Suspense => f.write_str("suspense"),
            Self::Rounding => f.write_str("rounding"),
            Self::Exchange => f.write_str("exchange"),
        }
    }
}

/// A text that names no account of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the code of an account")]
pub struct UnknownAccount(String);

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(code: &str) -> Result<Self, UnknownAccount> {
        let unknown = || UnknownAccount(code.chars().take(100).collect());
        Ok(match code {
            "bank" => Self::Bank,
            "fees:platform" => Self::PlatformFees,
            "fees:psp" => Self::PspFees,
            "disputes" => Self::Disputes,
            "suspense" => Self::Suspense,
            "rounding" => Self::Rounding,
            "exchange" => Self::Exchange,
            _ => match code.split(':').collect::<Vec<_>>()[..] {
                ["psp", name] if is_psp_name(name) => Self::Psp(name.to_owned()),
                ["seller", id, pocket] => {
                    let seller = SellerId::parse(id).map_err(|_| unknown())?;
                    match pocket {
                        "pending" => Self::Pending(seller),
                        "available" => Self::Available(seller),
                        "paying_out" => Self::PayingOut(seller),
                        "reserved" => Self::Reserved(seller),
                        _ => return Err(unknown()),
                    }
                }
                _ => return Err(unknown()),
            },
        })
    }
}

/// Lower-case letters, digits and underscores: a colon in a name would make two accounts look like one.
pub(super) fn is_psp_name(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_as_its_account() {
        let seller = SellerId::new();
        let all = [
            Account::Psp("simulator".into()),
            Account::Bank,
            Account::Pending(seller.clone()),
            Account::Available(seller.clone()),
            Account::PayingOut(seller.clone()),
            Account::Reserved(seller),
            Account::PlatformFees,
            Account::PspFees,
            Account::Disputes,
            Account::Suspense,
            Account::Rounding,
            Account::Exchange,
        ];
        for account in all {
            assert_eq!(account.to_string().parse::<Account>().unwrap(), account);
        }
    }

    #[test]
    fn other_texts_are_not_accounts() {
        for code in
            ["", "Bank", "psp:", "psp:a:b", "psp:A", "seller:x:pending", "seller::pending", "fees", "fees:other"]
        {
            assert!(code.parse::<Account>().is_err(), "{code}");
        }
        let seller = SellerId::new();
        assert!(format!("seller:{seller}:owed").parse::<Account>().is_err());
    }

    #[test]
    fn only_seller_accounts_have_a_pocket() {
        let seller = SellerId::new();
        assert_eq!(Account::PayingOut(seller.clone()).pocket(), Some((&seller, Pocket::PayingOut)));
        assert_eq!(Account::Psp("simulator".into()).pocket(), None);
    }
}
