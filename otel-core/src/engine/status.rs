//! The state of every component, and who is told of a change.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{broadcast, watch};

use crate::ComponentId;
use crate::component::{ComponentKind, Extension, Host, Status, StatusEvent, StatusSink};

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
    states: Mutex<States>,
    events: broadcast::Sender<StatusEvent>,
    fatal: watch::Sender<Option<String>>,
    watchers: Mutex<Vec<Arc<dyn Extension>>>,
}

#[derive(Default)]
struct States {
    /// The last event of each instance, by kind, id and number.
    of: BTreeMap<(ComponentKind, ComponentId, u64), StatusEvent>,
    /// Instances that are being tried, and are not part of the collector yet.
    tried: HashSet<u64>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            states: Mutex::default(),
            events: broadcast::channel(BACKLOG).0,
            fatal: watch::channel(None).0,
            watchers: Mutex::default(),
        }
    }

    /// Extensions that are told of every change from now on.
    pub(super) fn watched_by(&self, watchers: Vec<Arc<dyn Extension>>) {
        *self.watchers.lock().unwrap_or_else(PoisonError::into_inner) = watchers;
    }

    /// Instances that are about to start beside those that run: not shown yet.
    pub(super) fn try_out(&self, instances: HashSet<u64>) {
        self.states().tried = instances;
    }

    /// Shows those that were tried, and forgets others.
    pub(super) fn replace(&self, gone: &HashSet<u64>) {
        let mut states = self.states();
        states.tried.clear();
        states.of.retain(|(_, _, number), _| !gone.contains(number));
    }

    /// Forgets those that were tried.
    pub(super) fn give_up(&self) {
        let mut states = self.states();
        let tried = std::mem::take(&mut states.tried);
        states.of.retain(|(_, _, number), _| !tried.contains(number));
    }

    pub(crate) fn snapshot(&self) -> Vec<StatusEvent> {
        let states = self.states();
        let shown = |event: &&StatusEvent| !states.tried.contains(&event.instance);
        states.of.values().filter(shown).cloned().collect()
    }

    pub(super) fn subscribe(&self) -> StatusUpdates {
        StatusUpdates(self.events.subscribe())
    }

    pub(super) fn is_starting(&self, host: &Host) -> bool {
        let key = (host.kind(), host.id().clone(), host.instance());
        self.states().of.get(&key).is_some_and(|event| event.status == Status::Starting)
    }

    /// The collector cannot live on.
    pub(super) fn end(&self, error: String) {
        self.fatal.send_replace(Some(error));
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

    fn states(&self) -> std::sync::MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StatusSink for Board {
    fn report(&self, event: StatusEvent) {
        let key = (event.kind, event.id.clone(), event.instance);
        {
            let mut states = self.states();
            let old = states.of.get_mut(&key);
            if !may_follow(old.as_deref().map(|old| &old.status), &event.status) {
                if let Some(old) = old {
                    old.dead |= event.dead;
                }
                return;
            }
            let dead = event.dead || old.is_some_and(|old| old.dead);
            states.of.insert(key, StatusEvent { dead, ..event.clone() });
        }
        if let Status::FatalError(error) = &event.status {
            self.end(format!("{} {}: {error}", event.kind, event.id));
        }
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for watcher in watchers {
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
