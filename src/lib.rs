//! Tollgate: a self-hosted payment gateway. The modules below stand in the order of their rank: each may use only what
//! stands in a rank above it.

// 0: the vocabulary, no I/O
pub mod words;
// 0: what chaos runs take away on purpose, and where rehearsals stop an operation, in debug builds
pub mod sabotage;
pub mod steps;
// 1: settings, keys, the database, the ways in and out
pub mod config;
pub mod db;
pub mod keyring;
pub mod listener;
pub mod outbound;
// 2: payment service providers; never the gateway's database
pub mod psp;
// 2: the stand-in PSP, a company of its own
pub mod simulator;
// 3: the parts, put together once
pub mod app;
// 4: merchants, ledger, events, idempotency, queue, risk, operators: never each other
pub mod events;
pub mod idempotency;
pub mod ledger;
pub mod merchants;
pub mod operators;
pub mod queue;
pub mod risk;
// 5: wallets, webhooks: never each other
pub mod wallets;
pub mod webhooks;
// 6: the checkout session
pub mod checkout;
// 7: the payment service
pub mod payments;
// 8: integrity, and what people do about mistakes and about work that was given up: never each other
pub mod corrections;
pub mod dead_letters;
pub mod integrity;
// 8: available money to sellers' banks
pub mod payouts;
// 8: what PSPs and banks say, against what we believe
pub mod reconciliation;
// 10: what people say that PSPs have confirmed
pub mod attestations;
// 9: the surfaces: http, worker, cli
pub mod cli;
pub mod http;
pub mod worker;
