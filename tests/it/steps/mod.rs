//! The deterministic layer below `tollgate chaos`: every border that an operation crosses is a point where it may die, or where
//! somebody else may go first (docs/steps.md). No process, no sleep and no clock but a fixed one: what fails once fails
//! always, and is printed so that it can be replayed.

pub mod actor;
pub mod calm;
pub mod laws;
pub mod model_psp;
pub mod picture;
pub mod stage;

mod broken;
mod crash;
mod crashes;
mod disputes;
mod explore;
mod payouts;
mod races;
