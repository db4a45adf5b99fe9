//! What a look has found.

use super::store::{self, Break};
use crate::db::{DbError, Tx};
use crate::words::{Tenant, Timestamp};

/// How many rows a check found broken, in the books of one tenant or in nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    pub check: &'static str,
    pub tenant: Option<Tenant>,
    pub broken: i64,
}

/// The first few breaks of each check by name, and how many there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub breaks: Vec<Break>,
    pub counts: Vec<Count>,
}

impl Found {
    pub fn add(&mut self, other: Self) {
        self.breaks.extend(other.breaks);
        self.counts.extend(other.counts);
    }

    /// What is left when all that belongs to somebody is taken away.
    pub fn without(mut self, owned: &Self) -> Self {
        self.breaks.retain(|one| {
            !owned.breaks.iter().any(|other| (&other.check, &other.subject) == (&one.check, &one.subject))
        });
        for count in &mut self.counts {
            let owned = owned.counts.iter().filter(|other| other.check == count.check).map(|other| other.broken);
            count.broken = owned.fold(count.broken, i64::saturating_sub);
        }
        self.counts.retain(|count| count.broken > 0);
        // What is named is one of those that are counted.
        self.breaks.retain(|one| self.counts.iter().any(|count| count.check == one.check));
        self
    }

    pub async fn keep(&self, tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
        store::keep(tx, &self.breaks, now).await?;
        store::keep_counts(tx, &self.counts).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{MerchantId, Mode};

    fn found(tenant: Option<&Tenant>, broken: i64, subjects: &[&str]) -> Found {
        let one = |subject: &&str| Break {
            check: "wallets_equal_ledger".into(),
            tenant: tenant.cloned(),
            subject: (*subject).into(),
            detail: "differs".into(),
        };
        let counts = vec![Count { check: "wallets_equal_ledger", tenant: tenant.cloned(), broken }];
        Found { breaks: subjects.iter().map(one).collect(), counts }
    }

    #[test]
    fn what_is_nobodys_is_what_the_tenants_do_not_have() {
        let tenant = Tenant::new(MerchantId::new(), Mode::Test);
        let left = found(None, 7, &["a", "b"]).without(&found(Some(&tenant), 6, &["a"]));
        assert_eq!(left, found(None, 1, &["b"]));
        // More than are named, and all of them somebody's.
        let left = found(None, 9, &["a", "b"]).without(&found(Some(&tenant), 9, &["a"]));
        assert_eq!(left, Found::default());
    }
}
