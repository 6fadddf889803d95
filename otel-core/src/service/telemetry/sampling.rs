//! Leaving out records that repeat.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::config::SamplingConfig;
use crate::telemetry::LogRecord;

/// Messages that are told apart, of all levels together: two that fall together are counted as one.
const SLOTS: usize = 4096;

/// Counts records by level and message.
#[derive(Debug)]
pub(super) struct Sampling {
    config: SamplingConfig,
    slots: Mutex<Vec<Option<Slot>>>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    until: Instant,
    count: u64,
}

impl Sampling {
    pub(super) fn new(config: SamplingConfig) -> Self {
        Self { config, slots: Mutex::new(vec![None; SLOTS]) }
    }

    /// Counts a record, and says whether it is written.
    pub(super) fn keeps(&self, record: &LogRecord<'_>) -> bool {
        let mut hasher = DefaultHasher::new();
        (record.level, record.message).hash(&mut hasher);
        let now = Instant::now();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut slots[hasher.finish() as usize % SLOTS];
        let count = match slot {
            Some(slot) if now < slot.until => {
                slot.count += 1;
                slot.count
            }
            slot => {
                *slot = Some(Slot { until: now + self.config.tick, count: 1 });
                1
            }
        };
        let SamplingConfig { initial, thereafter, .. } = self.config;
        count <= initial || thereafter > 0 && (count - initial).is_multiple_of(thereafter)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;
    use std::time::Duration;

    use super::*;
    use crate::telemetry::Level;

    fn kept(sampling: &Sampling, message: &str, times: usize) -> usize {
        let record =
            LogRecord { level: Level::Info, message, caller: Location::caller(), scope: &[], fields: &[] };
        (0..times).filter(|_| sampling.keeps(&record)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn of_what_repeats_in_a_tick_the_first_and_every_hundredth_are_kept() {
        let sampling = Sampling::new(SamplingConfig::default());
        assert_eq!(kept(&sampling, "again", 10), 10);
        assert_eq!(kept(&sampling, "again", 99), 0);
        assert_eq!(kept(&sampling, "again", 1), 1);
        assert_eq!(kept(&sampling, "another", 1), 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(kept(&sampling, "again", 12), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn without_thereafter_nothing_follows_the_first() {
        let config = SamplingConfig { initial: 2, thereafter: 0, ..SamplingConfig::default() };
        assert_eq!(kept(&Sampling::new(config), "again", 1000), 2);
    }
}
