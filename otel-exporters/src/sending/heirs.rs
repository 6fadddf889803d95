//! How a queue in memory goes from an exporter to the one that takes its place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use otel_core::ComponentId;
use otel_core::component::Host;
use otel_core::pdata::Signal;

use super::queue::Queue;

/// The queues that may take over others, by the exporter's id, in the order in which they were made.
#[derive(Debug)]
struct Heirs<S>(Mutex<HashMap<ComponentId, Vec<Heir<S>>>>);

/// The number of an exporter's instance, and its queue.
type Heir<S> = (u64, Weak<Queue<S>>);

impl<S> Default for Heirs<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Lets this exporter have what its predecessor, if there is one, has not sent when it stops. That may be before this one
/// starts: where only one of them can run, the old one stops first.
pub(super) fn announce<S: Signal>(host: &Host, queue: &Arc<Queue<S>>) {
    let heirs = host.lasting::<Heirs<S>>();
    let mut heirs = heirs.0.lock().unwrap_or_else(PoisonError::into_inner);
    heirs.retain(|_, of_id| {
        of_id.retain(|(_, queue)| queue.strong_count() > 0);
        !of_id.is_empty()
    });
    heirs.entry(host.id().clone()).or_default().push((host.instance(), Arc::downgrade(queue)));
}

/// The queue of the exporter that takes the place of this one: the newest of those that do not stop themselves.
pub(super) fn heir<S: Signal>(host: &Host) -> Option<Arc<Queue<S>>> {
    if !host.is_leaving(host.instance()) {
        return None;
    }
    let heirs = host.lasting::<Heirs<S>>();
    let heirs = heirs.0.lock().unwrap_or_else(PoisonError::into_inner);
    let of_id = heirs.get(host.id())?.iter().rev();
    let mut others = of_id.filter(|(instance, _)| !host.is_leaving(*instance));
    others.find_map(|(_, queue)| queue.upgrade().filter(|queue| !queue.is_closed()))
}
