//! The integration tests: one binary, a file per feature, each test run on SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    clippy::similar_names,
    missing_docs,
    reason = "a test stops where it fails"
)]

mod support;

mod attestations;
mod bad_input;
mod books;
mod captures;
mod chaos;
mod checkout_page;
mod checkout_sessions;
mod clocks;
mod config;
mod console;
mod console_captures;
mod console_give_back;
mod console_sellers;
mod corrections;
mod dead_letters;
mod demo;
mod disputes;
mod documents;
mod events;
mod fees;
mod finance;
mod fulfill;
mod house;
mod idempotency;
mod integrity;
mod keys;
mod laws;
mod ledger;
mod lists;
mod lost_orders;
mod migrations;
mod one_state;
mod openapi;
mod outbound;
mod past_balances;
mod payment_methods;
mod payments;
mod payments_api;
mod payout_schedules;
mod payouts;
mod payouts_api;
mod payouts_console;
mod plans;
mod policies;
mod psp_keys;
mod queue;
mod races;
mod reconciliation;
mod reconciliation_banks;
mod reconciliation_causes;
mod reconciliation_command;
mod reconciliation_desk;
mod reconciliation_matching;
mod reconciliation_metrics;
mod reconciliation_planted;
mod reconciliation_repairs;
mod refunds;
mod retries;
mod retry_after;
mod risk;
mod road;
mod second_charges;
mod serve;
mod settlement_files;
mod simulator;
mod statements;
mod steps;
mod tampering;
mod tls;
mod two_phase;
mod wallets;
mod watch;
mod webhooks;
mod witness;
