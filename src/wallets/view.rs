//! The public shape of a seller's wallet.

use super::Wallet;
use crate::words::{Currency, SellerId, Tenant, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// A seller's wallet, all currencies; amounts are decimal strings with the decimals of their currency.
#[must_use]
pub fn wallet_view(tenant: &Tenant, seller: &SellerId, created_at: Timestamp, wallets: &[Wallet]) -> Value {
    json!({
        "id": seller,
        "object": "wallet",
        "livemode": tenant.mode.is_live(),
        "created_at": created_at,
        "seller": seller,
        "balances": wallets.iter().map(balances).collect::<Vec<_>>(),
        "metadata": {},
    })
}

fn balances(wallet: &Wallet) -> Value {
    let text = |minor| decimal(minor, wallet.currency);
    json!({
        "currency": wallet.currency,
        "pending": text(wallet.pending),
        "available": text(wallet.available),
        "paying_out": text(wallet.paying_out),
        "reserved": text(wallet.reserved),
        "updated_at": wallet.updated_at,
    })
}

fn decimal(minor: i64, currency: Currency) -> String {
    Decimal::new(minor, currency.exponent()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{MerchantId, Mode};

    #[test]
    fn balances_have_the_decimals_of_their_currency() {
        let seller = SellerId::new();
        let wallet = |code, available| Wallet {
            seller: seller.clone(),
            currency: Currency::parse(code).unwrap(),
            pending: 5,
            available,
            paying_out: 0,
            reserved: 1000,
            updated_at: Timestamp::from_micros(0),
        };
        let tenant = Tenant::new(MerchantId::new(), Mode::Live);
        let view = wallet_view(&tenant, &seller, Timestamp::from_micros(0), &[wallet("KRW", 7), wallet("KWD", -1)]);
        assert_eq!(view["livemode"], true);
        assert_eq!(view["balances"][0]["pending"], "5");
        assert_eq!(view["balances"][1]["available"], "-0.001");
        assert_eq!(view["balances"][1]["paying_out"], "0.000");
    }
}
