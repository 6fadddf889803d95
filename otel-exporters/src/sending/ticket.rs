//! What becomes of a request that was queued.

use std::sync::{Mutex, PoisonError};

use otel_core::component::ConsumeError;
use tokio::sync::oneshot;

use super::room::Held;

/// Where a caller waits for what becomes of its request.
pub(super) type Answer = oneshot::Sender<Result<(), ConsumeError>>;

/// A request that left the queue to be sent, in as many parts as it is cut into.
///
/// Once all of them are done, or were broken off, what is lost is counted, a caller that waits is answered, and the room of
/// the request is free.
#[derive(Debug)]
pub(super) struct Ticket {
    held: Held,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    /// Items that nothing is known of yet.
    open: usize,
    lost: usize,
    error: Option<ConsumeError>,
    answer: Option<Answer>,
}

impl Ticket {
    pub(super) fn new(items: usize, held: Held, answer: Option<Answer>) -> Self {
        Self { held, progress: Mutex::new(Progress { open: items, lost: 0, error: None, answer }) }
    }

    /// Of so many items so many are lost; an error is told also where others of its batch are.
    pub(super) fn settle(&self, items: usize, lost: usize, error: Option<&ConsumeError>) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.open = progress.open.saturating_sub(items);
        progress.fail(lost, error.cloned());
    }
}

impl Progress {
    fn fail(&mut self, lost: usize, error: Option<ConsumeError>) {
        self.lost += lost;
        self.error = match (self.error.take(), error) {
            (Some(known), Some(error)) => Some(known.worse(error)),
            (known, error) => known.or(error),
        };
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let progress = self.progress.get_mut().unwrap_or_else(PoisonError::into_inner);
        if progress.open > 0 {
            progress.fail(progress.open, Some(broken_off()));
        }
        let Progress { lost, error, answer, .. } = progress;
        let reason = error.as_ref().map_or("", ConsumeError::reason);
        let result = error.take().map_or(Ok(()), Err);
        // A caller that waits keeps the data, so a failure told to it is no loss.
        let is_told = answer.take().is_some_and(|answer| answer.send(result).is_ok());
        if *lost > 0 && !is_told {
            self.held.dropped(reason, *lost);
        }
    }
}

/// Nobody knows what became of it: the exporter panicked, or the time of the shutdown is up.
fn broken_off() -> ConsumeError {
    let reason = if std::thread::panicking() { "panic" } else { "shutdown" };
    ConsumeError::retryable("the outcome is unknown: the sending was broken off").with_reason(reason)
}
