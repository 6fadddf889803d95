//! What a component says of its health.

use std::fmt;

use super::ComponentKind;
use crate::ComponentId;

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
    /// The state that it is in now.
    pub status: Status,
}

impl StatusEvent {
    /// An event.
    pub fn new(kind: ComponentKind, id: ComponentId, status: Status) -> Self {
        Self { kind, id, status }
    }
}

/// Takes the status events of a collector; the engine implements it.
pub trait StatusSink: Send + Sync + 'static {
    /// Takes one event. Does not block.
    fn report(&self, event: StatusEvent);
}
