//! How a queue in memory goes from an exporter to the one that takes its place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use otel_core::ComponentId;
use otel_core::component::Host;
use otel_core::pdata::Signal;

use super::queue::Queue;

/// The queues in memory that were started last, by the exporter's id.
#[derive(Debug)]
struct Heirs<S>(Mutex<HashMap<ComponentId, Heir<S>>>);

/// The number of an exporter's instance, and its queue.
type Heir<S> = (u64, Weak<Queue<S>>);

impl<S> Default for Heirs<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Lets this exporter have what its predecessor, if there is one, has not sent when it stops.
pub(super) fn announce<S: Signal>(host: &Host, queue: &Arc<Queue<S>>) {
    let heirs = host.lasting::<Heirs<S>>();
    let mut heirs = heirs.0.lock().unwrap_or_else(PoisonError::into_inner);
    heirs.insert(host.id().clone(), (host.instance(), Arc::downgrade(queue)));
}

/// The queue of the exporter that takes the place of this one.
pub(super) fn heir<S: Signal>(host: &Host) -> Option<Arc<Queue<S>>> {
    if !host.is_leaving(host.instance()) {
        return None;
    }
    let heirs = host.lasting::<Heirs<S>>();
    let heirs = heirs.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (instance, queue) = heirs.get(host.id())?;
    queue.upgrade().filter(|_| *instance != host.instance())
}
