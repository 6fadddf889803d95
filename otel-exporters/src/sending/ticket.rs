//! What becomes of a request that was queued.

use std::sync::{Mutex, PoisonError};

use otel_core::component::ConsumeError;
use tokio::sync::oneshot;

use super::room::Held;
use super::sender::Sent;
use super::store::Record;

/// Where a caller waits for what becomes of its request.
pub(super) type Answer = oneshot::Sender<Result<(), ConsumeError>>;

/// A request that left the queue to be sent, in as many parts as it is cut into.
///
/// Once all of them are done, or were broken off, what is lost is counted, a caller that waits is answered, and the room of
/// the request is free. A request on a disk is taken out, unless the shutdown kept it from being sent.
#[derive(Debug)]
pub(super) struct Ticket {
    held: Held,
    record: Option<Record>,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    /// Items that nothing is known of yet.
    open: usize,
    lost: usize,
    /// Something was not sent for the shutdown alone.
    interrupted: bool,
    error: Option<ConsumeError>,
    answer: Option<Answer>,
}

impl Ticket {
    pub(super) fn new(items: usize, held: Held, answer: Option<Answer>, record: Option<Record>) -> Self {
        let progress = Progress { open: items, lost: 0, interrupted: false, error: None, answer };
        Self { held, record, progress: Mutex::new(progress) }
    }

    /// Tells what came of so many items, of which so many are lost.
    pub(super) fn settle(&self, items: usize, lost: usize, sent: &Sent) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.open = progress.open.saturating_sub(items);
        progress.interrupted |= sent.is_interrupted;
        progress.fail(lost, sent.result.as_ref().err().cloned());
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
        let is_broken_off = progress.open > 0 && !std::thread::panicking();
        if let Some(record) = &self.record {
            if is_broken_off || progress.interrupted {
                return;
            }
            record.acknowledge();
        }
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
