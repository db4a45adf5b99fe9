//! The outbox: facts that merchants may hear of, written in the transaction that makes them true.
//!
//! Promises: an event exists exactly when its fact does. Events of one object are numbered 1, 2, 3 .. in the order in
//! which they became true. After commit every event gets a place in one log without gaps, and places are given in such
//! an order that a reader who has seen place `n` never later finds a new event before it, however late a transaction
//! commits. Every reader of the log keeps its own position.
//!
//! Refuses to know who reads, and why.

mod event;
mod kinds;
mod store;

pub use event::{Event, NewEvent, view};
pub use kinds::KINDS;
pub use store::{Filter, append, awaits_place, behind, get, list, of_object, place, take};
