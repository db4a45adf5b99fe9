//! Whether a payment may be tried at all, asked before the provider is called.
//!
//! Promises: the verdict follows from the facts and the rules alone, so it can be repeated and explained; what a shopper is
//! told never says which limit was met. Refuses to know where the facts come from: payments gathers them.

mod verdict;

pub use verdict::{Facts, Rule, Verdict, assess};
