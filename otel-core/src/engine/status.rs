//! The state of every component, and who is told of a change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{broadcast, watch};

use crate::ComponentId;
use crate::component::{ComponentKind, Extension, Status, StatusEvent, StatusSink};

/// How many changes a subscriber may lag behind.
const BACKLOG: usize = 256;

/// Tells of every change of a component's state from the subscription on.
#[derive(Debug)]
pub struct StatusUpdates(broadcast::Receiver<StatusEvent>);

impl StatusUpdates {
    /// The next change; `None` once the collector is gone. A subscriber that lags far behind misses the oldest
    /// changes.
    pub async fn next(&mut self) -> Option<StatusEvent> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// Keeps the states by the rules of which may follow which.
pub(crate) struct Board {
    states: Mutex<BTreeMap<(ComponentKind, ComponentId), Status>>,
    events: broadcast::Sender<StatusEvent>,
    fatal: watch::Sender<Option<String>>,
    watchers: OnceLock<Vec<Arc<dyn Extension>>>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            states: Mutex::default(),
            events: broadcast::channel(BACKLOG).0,
            fatal: watch::channel(None).0,
            watchers: OnceLock::new(),
        }
    }

    /// Extensions that are told of every change from now on.
    pub(super) fn watched_by(&self, watchers: Vec<Arc<dyn Extension>>) {
        // The engine calls this once; a second call would change nothing.
        let _ = self.watchers.set(watchers);
    }

    pub(crate) fn snapshot(&self) -> Vec<StatusEvent> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states
            .iter()
            .map(|((kind, id), status)| StatusEvent::new(*kind, id.clone(), status.clone()))
            .collect()
    }

    pub(super) fn subscribe(&self) -> StatusUpdates {
        StatusUpdates(self.events.subscribe())
    }

    pub(super) fn is_starting(&self, kind: ComponentKind, id: &ComponentId) -> bool {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(&(kind, id.clone())) == Some(&Status::Starting)
    }

    /// Waits for a fatal error.
    pub(super) async fn fatal(&self) -> String {
        let mut fatal = self.fatal.subscribe();
        loop {
            if let Some(error) = fatal.borrow_and_update().clone() {
                return error;
            }
            if fatal.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl StatusSink for Board {
    fn report(&self, event: StatusEvent) {
        let key = (event.kind, event.id.clone());
        {
            let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
            if !may_follow(states.get(&key), &event.status) {
                return;
            }
            states.insert(key, event.status.clone());
        }
        if let Status::FatalError(error) = &event.status {
            self.fatal.send_replace(Some(format!("{} {}: {error}", event.kind, event.id)));
        }
        for watcher in self.watchers.get().into_iter().flatten() {
            watcher.on_status(&event);
        }
        // Without a subscriber there is nobody to tell.
        let _ = self.events.send(event);
    }
}

/// Whether a state may follow another; what may not is ignored.
fn may_follow(old: Option<&Status>, new: &Status) -> bool {
    use Status::{FatalError, Ok, PermanentError, RecoverableError, Starting, Stopped, Stopping};
    match old {
        None => matches!(new, Starting),
        Some(Starting) => !matches!(new, Starting | Stopped),
        Some(Ok) => !matches!(new, Starting | Ok | Stopped),
        Some(RecoverableError(_)) => !matches!(new, Starting | Stopped),
        Some(PermanentError(_)) => matches!(new, Stopping),
        Some(Stopping) => {
            matches!(new, RecoverableError(_) | PermanentError(_) | FatalError(_) | Stopped)
        }
        Some(FatalError(_) | Stopped) => false,
    }
}
