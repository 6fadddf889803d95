//! Records that many clients could cause.

use std::time::Duration;

use tokio::time::Instant;

/// One record in so much time.
const EVERY: Duration = Duration::from_secs(10);

/// Says when something is written that may happen all the time.
#[derive(Debug, Default)]
pub(super) struct Sparing {
    written: Option<Instant>,
    /// Since then.
    unwritten: u64,
}

impl Sparing {
    /// It has happened again. If that is to be written, how often it was not since the last time.
    pub(super) fn write(&mut self) -> Option<u64> {
        if self.written.is_some_and(|written| written.elapsed() < EVERY) {
            self.unwritten += 1;
            return None;
        }
        self.written = Some(Instant::now());
        Some(std::mem::take(&mut self.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_in_ten_seconds_is_written_and_the_others_are_counted() {
        let mut sparing = Sparing::default();
        assert_eq!([sparing.write(), sparing.write(), sparing.write()], [Some(0), None, None]);
        tokio::time::advance(EVERY).await;
        assert_eq!([sparing.write(), sparing.write()], [Some(2), None]);
        tokio::time::advance(EVERY).await;
        assert_eq!(sparing.write(), Some(1));
    }
}
