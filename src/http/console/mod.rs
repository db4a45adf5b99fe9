//! The console: where the people who run the gateway look after payments, money and webhooks.
//!
//! Promises: nothing is shown without a session and nothing is done without a form of that session from our own origin;
//! everything done is in the audit log; every page works without scripts, on a phone and by keyboard; what others wrote is
//! shown as text, never as markup. Operators see all merchants in both modes. Refuses to know how any verb works.

pub mod attestations;
pub mod audit;
mod books;
pub mod captures;
mod captures_told;
mod chips;
mod components;
pub mod corrections;
pub mod dead_letter;
pub mod dead_letters;
mod decimals;
pub mod deliveries;
pub mod delivery;
pub mod dispute;
pub mod disputes;
mod editor;
mod form;
mod frame;
pub mod give_back;
mod headers;
pub mod home;
mod once;
mod paging;
pub mod payment;
pub mod payments;
pub mod payout;
pub mod payouts;
pub mod policies;
pub mod reconciliation;
mod records;
mod refunds_told;
mod refusal;
mod search;
pub mod second_charge;
mod second_charges_told;
pub mod seller;
pub mod seller_settings;
pub mod sellers;
mod sent;
mod session;
pub mod sign_in;
pub mod statement;
mod store;
mod story;
mod telling;
pub mod terms;
pub mod trial_balance;
pub mod wallets;

#[cfg(test)]
mod tests;

pub use books::Books;
pub use headers::protect;
pub use refusal::nowhere;

use askama::Template as _;

/// Every page with something in every part, for the tests that render them all and for people who draw them.
pub fn samples() -> Vec<(&'static str, Result<String, askama::Error>)> {
    vec![
        ("sign_in", sign_in::SignIn::sample().render()),
        ("passing", sign_in::Passing::sample().render()),
        ("refused", refusal::Refused::sample().render()),
        ("home", home::Home::sample().render()),
        ("payments", payments::Payments::sample().render()),
        ("payment", payment::Payment::sample().render()),
        ("payouts", payouts::Payouts::sample().render()),
        ("payout", payout::Payout::sample().render()),
        ("seller", seller::Seller::sample().render()),
        ("seller_settings", seller_settings::Settings::sample().render()),
        ("sellers", sellers::Sellers::sample().render()),
        ("wallets", wallets::Wallets::sample().render()),
        ("deliveries", deliveries::Deliveries::sample().render()),
        ("delivery", delivery::Delivery::sample().render()),
        ("dispute", dispute::Page::sample().render()),
        ("disputes", disputes::Disputes::sample().render()),
        ("dead_letter", dead_letter::DeadLetter::sample().render()),
        ("dead_letters", dead_letters::DeadLetters::sample().render()),
        ("trial_balance", trial_balance::TrialBalance::sample().render()),
        ("statement", statement::Statement::sample().render()),
        ("corrections", corrections::Corrections::sample().render()),
        ("policies", policies::Policies::sample().render()),
        ("terms", terms::Terms::sample().render()),
        ("reconciliation", reconciliation::Overview::sample().render()),
        ("reconciliation_run", reconciliation::run::Page::sample().render()),
        ("reconciliation_breaks", reconciliation::breaks::Differences::sample().render()),
        ("reconciliation_break", reconciliation::one::Page::sample().render()),
        ("reconciliation_files", reconciliation::files::Files::sample().render()),
        ("reconciliation_causes", reconciliation::causes::Page::sample().render()),
        ("audit", audit::Audit::sample().render()),
    ]
}
