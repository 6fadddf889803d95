use std::time::Duration;

use super::RetryConfig;

/// The longest pause that can be told apart from forever.
const LONGEST: f64 = 1e9;

/// The pauses between attempts.
#[derive(Debug)]
pub(super) struct Backoff<'c> {
    config: &'c RetryConfig,
    next: Duration,
}

impl<'c> Backoff<'c> {
    pub(super) fn new(config: &'c RetryConfig) -> Self {
        Self { config, next: config.initial_interval }
    }

    /// The next pause; `random` is from 0 to 1.
    pub(super) fn pause(&mut self, random: f64) -> Duration {
        let seconds = self.next.as_secs_f64();
        let spread = self.config.randomization_factor * (2.0 * random - 1.0);
        let longer = Duration::from_secs_f64((seconds * self.config.multiplier).clamp(0.0, LONGEST));
        self.next = longer.min(self.config.max_interval);
        Duration::from_secs_f64((seconds * (1.0 + spread)).clamp(0.0, LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_spread_by_the_factor() {
        let config = RetryConfig::default();
        let pauses = |random| {
            let mut backoff = Backoff::new(&config);
            [(); 6].map(|()| backoff.pause(random).as_millis())
        };
        assert_eq!(pauses(0.5), [5000, 7500, 11_250, 16_875, 25_312, 30_000]);
        assert_eq!(pauses(0.0)[0], 2500);
        assert_eq!(pauses(1.0)[0], 7500);
    }
}
