//! The facts of business and the transfers each of them causes.

use super::account::Account;
use super::posting::{Posting, Transfer};
use crate::words::{Money, PaymentId, PaymentOrderId, SellerId, Tenant, Timestamp};

/// The kind of journal that a captured payment order has, exactly once. Its source is the payment order.
pub const SALE: &str = "sale";

/// A captured payment order: the provider owes us `amount`, the seller has it pending, less what the platform keeps.
///
/// `None` when the fee is in another currency or above the amount, or when there is nothing to post.
#[must_use]
pub fn sale(
    tenant: &Tenant,
    payment: &PaymentId,
    order: &PaymentOrderId,
    psp: &str,
    seller: &SellerId,
    (amount, platform_fee): (Money, Money),
    now: Timestamp,
) -> Option<Posting> {
    let for_seller = amount.checked_sub(platform_fee)?;
    let transfers: Vec<Transfer> =
        [(Account::Pending(seller.clone()), for_seller), (Account::PlatformFees, platform_fee)]
            .into_iter()
            .filter(|(_, amount)| !amount.is_zero())
            .map(|(credit, amount)| Transfer { debit: Account::Psp(psp.to_owned()), credit, amount })
            .collect();
    (!transfers.is_empty()).then(|| Posting {
        kind: SALE,
        source_id: order.to_string(),
        tenant: tenant.clone(),
        payment: Some(payment.clone()),
        transfers,
        now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Currency, MerchantId, Mode};
    use proptest::prelude::*;

    fn usd(minor: i64) -> Money {
        Money::of(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    fn posted(amount: i64, fee: i64) -> Option<Posting> {
        let tenant = Tenant::new(MerchantId::new(), Mode::Test);
        let now = Timestamp::from_micros(1);
        sale(
            &tenant,
            &PaymentId::new(),
            &PaymentOrderId::new(),
            "simulator",
            &SellerId::new(),
            (usd(amount), usd(fee)),
            now,
        )
    }

    #[test]
    fn a_fee_above_the_amount_is_no_sale() {
        assert_eq!(posted(3, 4), None);
        assert_eq!(posted(0, 0), None);
    }

    #[test]
    fn no_line_is_written_for_nothing() {
        assert_eq!(posted(5, 0).unwrap().transfers.len(), 1);
        assert_eq!(posted(5, 5).unwrap().transfers[0].credit, Account::PlatformFees);
    }

    proptest! {
        #[test]
        fn a_sale_moves_exactly_its_amount((amount, fee) in (1..1_000_000_000_i64).prop_flat_map(|amount| (Just(amount), 0..=amount))) {
            let posting = posted(amount, fee).unwrap();
            prop_assert_eq!(posting.check(), Ok(()));
            prop_assert_eq!(posting.control_total(), Some(amount));
        }
    }
}
