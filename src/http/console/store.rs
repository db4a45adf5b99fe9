//! What the console reads over all merchants and both modes, for which no slice has a verb. Reads only.

mod deliveries;
mod figures;
mod payments;
mod payouts;
mod sellers;
mod wallets;

pub(super) use deliveries::{DeliveryRow, deliveries, endpoint_urls};
pub(super) use figures::{Approvals, Day, Figures, figures};
pub(super) use payments::{Asked, PaymentRow, merchants, payments};
pub(super) use payouts::{PayoutRow, TurnRow, journals_of_payout, payouts, turns};
pub(super) use sellers::{SellerRow, sellers};
pub(super) use wallets::{WalletRow, seller, seller_names, wallets};
