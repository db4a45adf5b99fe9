//! All chance of a run comes from its seed: the same seed makes the same plans.

use std::time::Duration;

/// The splitmix64 generator.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice that `seed` begins with.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for actor `number`, whatever the others throw and when.
    pub fn of(seed: u64, number: u64) -> Self {
        Self(Self(seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93)).throw())
    }

    /// Any number.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both possible.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.throw() % (high.saturating_sub(low) + 1)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.throw() % 100 < chance
    }

    /// So many milliseconds.
    pub fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// One of `things`, which must not be empty.
    pub fn pick<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        let count = u64::try_from(things.len()).unwrap_or(u64::MAX).max(1);
        &things[usize::try_from(self.throw() % count).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_and_actors_throw_their_own() {
        let run = |mut dice: Dice| (0..20).map(|_| dice.between(1, 6)).collect::<Vec<_>>();
        assert_eq!(run(Dice::of(7, 1)), run(Dice::of(7, 1)));
        assert_ne!(run(Dice::of(7, 1)), run(Dice::of(7, 2)));
        assert!(run(Dice::new(7)).iter().all(|eyes| (1..=6).contains(eyes)));
    }
}
