//! The stand-in PSP, spoken to over HTTP as the gateway and a browser do. It has a store of its own, so these tests need
//! no database of ours.

mod adapter;
mod bank;
mod cards;
mod disputes;
mod faults;
mod keys;
mod operations;
mod pages;
mod settlement;
mod stand;
mod webhooks;
