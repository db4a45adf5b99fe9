//! The stand-in PSP: a payment service provider of its own, for demos, tests and development.
//!
//! Promises what a real one promises: one execution per idempotency key and the same answer for ever, at most one success
//! per payment, signed webhooks until they are acknowledged, a settlement list, all of it durable in its own file. On
//! order it also misbehaves as real ones do ([`faults`]). It refuses to know the gateway: it shares no tables, no origin
//! and no code of ours above the vocabulary, so that it can be a witness of what was really charged.
//!
//! It is the one place of the program where a card number may arrive, because a PSP's card form has to be somewhere. The
//! number is read by `pages/token.rs`, checked, and dropped; brand and last four digits are kept. It moves no money.

mod admin;
mod auth;
mod bank;
mod body;
pub mod card_number;
pub mod cards;
mod connection;
mod disputes;
pub mod faults;
mod obstacle;
mod pages;
mod payments;
mod payouts;
mod planted;
mod refusal;
mod routes;
mod server;
mod settlement;
mod state;
mod store;
mod webhooks;

pub use payouts::destinations;
pub use server::{Server, SimulatorConfig, StartError};
pub use state::Delays;
pub use webhooks::{Target, signature};
