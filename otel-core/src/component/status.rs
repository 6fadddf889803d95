//! What a component says of its health.

use std::fmt;
use std::time::SystemTime;

use super::ComponentKind;
use crate::ComponentId;
use crate::pdata::SignalKind;

/// The state of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// `start` was called.
    Starting,
    /// Running.
    Ok,
    /// Running, with a trouble that may pass.
    RecoverableError(String),
    /// Running on, with a trouble that will not pass by itself.
    PermanentError(String),
    /// The collector has to end.
    FatalError(String),
    /// `shutdown` was called.
    Stopping,
    /// Ended.
    Stopped,
}

impl Status {
    /// The name that health checks show, such as `StatusOK`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Status::Starting => "StatusStarting",
            Status::Ok => "StatusOK",
            Status::RecoverableError(_) => "StatusRecoverableError",
            Status::PermanentError(_) => "StatusPermanentError",
            Status::FatalError(_) => "StatusFatalError",
            Status::Stopping => "StatusStopping",
            Status::Stopped => "StatusStopped",
        }
    }

    /// The trouble, where there is one.
    pub fn error(&self) -> Option<&str> {
        match self {
            Status::RecoverableError(error) | Status::PermanentError(error) | Status::FatalError(error) => {
                Some(error)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error() {
            Some(error) => write!(f, "{}: {error}", self.as_str()),
            None => f.write_str(self.as_str()),
        }
    }
}

/// A change of a component's state.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StatusEvent {
    /// The kind of the component.
    pub kind: ComponentKind,
    /// Its id as the user wrote it.
    pub id: ComponentId,
    /// The signal, for an instance that serves only one.
    pub signal: Option<SignalKind>,
    /// The pipeline, for an instance that serves only one, such as `traces/eu`.
    pub pipeline: Option<String>,
    /// Tells the instance from all others of its collector.
    pub instance: u64,
    /// The state that it is in now.
    pub status: Status,
    /// Since when, by the wall clock.
    pub time: SystemTime,
    /// Whether a part of it has died and will not come back by itself: a task that panicked or failed for good.
    pub dead: bool,
}

impl StatusEvent {
    /// An event of an instance that is the only one of its id, at no known time.
    pub fn new(kind: ComponentKind, id: ComponentId, status: Status) -> Self {
        let time = SystemTime::UNIX_EPOCH;
        Self { kind, id, signal: None, pipeline: None, instance: 0, status, time, dead: false }
    }
}

/// Takes the status events of a collector; the engine implements it.
pub trait StatusSink: Send + Sync + 'static {
    /// Takes one event. Does not block.
    fn report(&self, event: StatusEvent);
}
