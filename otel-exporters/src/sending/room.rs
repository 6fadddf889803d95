//! How much of a queue is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use otel_core::component::Host;
use otel_core::pdata::SignalKind;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, timeout_at};

/// The longest that a producer is held up for consumers to catch up.
const LONGEST_PACE: Duration = Duration::from_secs(1);

/// A queue out of which nothing left for so long while a producer waited has a backend that is slow or gone.
const STALL: Duration = Duration::from_millis(250);

/// The room of a queue: what is queued and being sent takes it.
#[derive(Debug)]
pub(super) struct Room {
    host: Host,
    signal: SignalKind,
    capacity: usize,
    /// A number of its own, for gauges.
    taken: Arc<AtomicUsize>,
    /// Nothing has left since a producer waited for it in vain.
    stalled: AtomicBool,
    /// Told when something was given back, and at the close.
    freed: Notify,
}

impl Room {
    pub(super) fn new(host: Host, signal: SignalKind, capacity: usize) -> Arc<Self> {
        let (taken, stalled, freed) = (Arc::default(), AtomicBool::new(false), Notify::new());
        Arc::new(Self { host, signal, capacity, taken, stalled, freed })
    }

    pub(super) fn taken(&self) -> &Arc<AtomicUsize> {
        &self.taken
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Whether something of that size ever fits.
    pub(super) fn can_hold(&self, size: usize) -> bool {
        size <= self.capacity
    }

    /// Whether something of that size would fit right now.
    pub(super) fn has(&self, size: usize) -> bool {
        self.taken.load(Ordering::Relaxed) + size <= self.capacity
    }

    /// Takes room, if there is enough.
    pub(super) fn take(self: &Arc<Self>, size: usize) -> Option<Held> {
        let fits = |taken: usize| Some(taken + size).filter(|taken| *taken <= self.capacity);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Held { room: Arc::clone(self), size })
    }

    /// Takes room for what is there already, even where there is not enough.
    pub(super) fn hold(self: &Arc<Self>, size: usize) -> Held {
        self.taken.fetch_add(size, Ordering::Relaxed);
        Held { room: Arc::clone(self), size }
    }

    /// Waits until something is given back from now on, or there is another reason to look again.
    pub(super) fn freed(&self) -> Notified<'_> {
        self.freed.notified()
    }

    /// Takes room as soon as there is enough; nothing where there is not until the deadline or the close.
    pub(super) async fn wait(
        self: &Arc<Self>,
        size: usize,
        deadline: Instant,
        is_closed: impl Fn() -> bool,
    ) -> Option<Held> {
        loop {
            // Asked for before the look, so that nothing is missed between the look and the wait.
            let freed = self.freed.notified();
            if let Some(held) = self.take(size) {
                return Some(held);
            }
            if is_closed() || timeout_at(deadline, freed).await.is_err() {
                return None;
            }
        }
    }

    /// Lets consumers catch up with producers that are ahead of them.
    ///
    /// Receiving costs less than sending, so under full load producers would fill the queue with what only waits for its
    /// turn: gigabytes that help nobody. While a backend takes nothing there is no wait: then the queue is there to be
    /// filled.
    pub(super) async fn pace(&self, deadline: Instant, is_ahead: impl Fn() -> bool) {
        if self.host.has_siblings() {
            return;
        }
        let until = deadline.min(Instant::now() + LONGEST_PACE);
        while !self.stalled.load(Ordering::Relaxed) {
            let freed = self.freed.notified();
            if !is_ahead() {
                return;
            }
            let patience = until.min(Instant::now() + STALL);
            if timeout_at(patience, freed).await.is_err() {
                if patience < until {
                    self.stalled.store(true, Ordering::Relaxed);
                }
                return;
            }
        }
    }

    /// Wakes whoever waits for room, to look again.
    pub(super) fn wake(&self) {
        self.freed.notify_waiters();
    }
}

/// Room that something takes until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    room: Arc<Room>,
    size: usize,
}

impl Held {
    /// Counts items of what takes the room as given up.
    pub(super) fn dropped(&self, reason: &'static str, items: usize) {
        self.room.host.dropped(self.room.signal, reason, items);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.size, Ordering::Relaxed);
        self.room.stalled.store(false, Ordering::Relaxed);
        self.room.wake();
    }
}
