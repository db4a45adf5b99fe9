//! Counting and sorting what was measured, in whole microseconds.

use std::time::Duration;

/// What one stretch of work gave.
#[derive(Default)]
pub struct Run {
    took: Duration,
    each: Vec<Duration>,
    /// The same for each step of a payment.
    pub steps: Vec<(&'static str, Run)>,
}

impl Run {
    pub const HEADER: &str = "| what | per second | p50 ms | p90 ms | p99 ms | max ms |\n|---|---|---|---|---|---|";

    pub fn new(took: Duration, mut each: Vec<Duration>) -> Self {
        each.sort_unstable();
        Self { took, each, steps: Vec::new() }
    }

    pub fn payments(&self) -> usize {
        self.each.len()
    }

    /// Ten times the payments per second.
    pub fn per_second_tenths(&self) -> u128 {
        let count = u128::try_from(self.each.len()).unwrap();
        count * 10_000_000 / self.took.as_micros().max(1)
    }

    fn percentile(&self, percent: usize) -> String {
        let last = self.each.len().saturating_sub(1);
        let at = (self.each.len() * percent / 100).min(last);
        let micros = self.each.get(at).map_or(0, Duration::as_micros);
        format!("{}.{}", micros / 1000, micros % 1000 / 100)
    }

    pub fn line(&self, name: &str) -> String {
        let rate = self.per_second_tenths();
        let at = |percent| self.percentile(percent);
        format!("| {name} | {}.{} | {} | {} | {} | {} |", rate / 10, rate % 10, at(50), at(90), at(99), at(100))
    }
}
