//! The SQL of matching. Lists of keys travel as one JSON text.

mod batches;
mod lines;
mod ours;

pub use batches::{
    Batch, batch_sums, batches_to_land, float, has_landed, land, landed_batches, landed_with, placed, shares, take_back,
};
pub use lines::{
    After, Mark, fee_booked, has_bank_lines, ids_of, lines, lines_of_day, mark, new_lines, raw, told_before,
    written_off,
};
pub use ours::{Named, PaymentKey, charges, disputes, payouts, refunds, second_charges};
