use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use otel_core::component::{ConsumeError, Context, Host};
use otel_core::pdata::Signal;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{QueueConfig, Sizer};

/// The longest that a producer is held up for consumers to catch up.
const LONGEST_PACE: Duration = Duration::from_secs(1);

/// A queue out of which nothing left for so long while a producer waited has a backend that is slow or gone.
const STALL: Duration = Duration::from_millis(250);

/// A bounded queue in memory. What was taken out counts until its [`Held`] is dropped.
#[derive(Debug)]
pub(super) struct Queue<S> {
    sizer: Sizer,
    capacity: usize,
    block: bool,
    /// So many entries may wait before producers are held up a little, unless that holds up others too.
    pace_from: usize,
    host: Host,
    /// Nothing has left since a producer waited for it in vain.
    stalled: AtomicBool,
    /// Queued and being sent. A number of its own, for gauges.
    size: Arc<AtomicUsize>,
    state: Mutex<State<S>>,
    /// Told for each entry, and at the close.
    filled: Notify,
    /// Told when something was given back, and at the close.
    freed: Notify,
}

#[derive(Debug)]
struct State<S> {
    entries: VecDeque<Entry<S>>,
    closed: bool,
}

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Entry<S> {
    pub(super) data: S,
    pub(super) context: Context,
    /// Where a caller waits for the result.
    pub(super) result: Option<oneshot::Sender<Result<(), ConsumeError>>>,
}

impl<S: Signal> Queue<S> {
    pub(super) fn new(config: &QueueConfig, host: Host) -> Self {
        Self {
            sizer: config.sizer,
            capacity: config.queue_size,
            block: config.block_on_overflow,
            pace_from: config.num_consumers,
            host,
            stalled: AtomicBool::new(false),
            size: Arc::default(),
            state: Mutex::new(State { entries: VecDeque::new(), closed: false }),
            filled: Notify::new(),
            freed: Notify::new(),
        }
    }

    pub(super) fn size(&self) -> &Arc<AtomicUsize> {
        &self.size
    }

    /// Whether the queue would refuse right now.
    pub(super) fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        let size = self.sizer.size(data);
        if size > self.capacity {
            return Err(too_large());
        }
        if self.block || self.size.load(Ordering::Relaxed) + size <= self.capacity {
            return Ok(());
        }
        Err(full())
    }

    /// Takes an entry. Waits for room until the deadline where the queue blocks.
    pub(super) async fn put(&self, entry: Entry<S>, deadline: Instant) -> Result<(), ConsumeError> {
        let size = self.sizer.size(&entry.data);
        if size > self.capacity {
            return Err(too_large());
        }
        self.pace(deadline).await;
        let mut entry = Some(entry);
        loop {
            // Asked for before the look, so that nothing is missed between the look and the wait.
            let freed = self.freed.notified();
            if self.try_put(&mut entry, size)? {
                return Ok(());
            }
            if !self.block || timeout_at(deadline, freed).await.is_err() {
                return Err(full());
            }
        }
    }

    /// Lets consumers catch up with producers that are ahead of them.
    ///
    /// Receiving costs less than sending, so under full load producers would fill the queue with what only waits for its
    /// turn: gigabytes that help nobody. While a backend takes nothing there is no wait: then the queue is there to be
    /// filled.
    async fn pace(&self, deadline: Instant) {
        if self.host.has_siblings() {
            return;
        }
        let until = deadline.min(Instant::now() + LONGEST_PACE);
        while !self.stalled.load(Ordering::Relaxed) {
            let freed = self.freed.notified();
            if !self.is_ahead() {
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

    fn is_ahead(&self) -> bool {
        let state = self.state();
        state.entries.len() >= self.pace_from && !state.closed
    }

    /// Whether the entry was taken.
    fn try_put(&self, entry: &mut Option<Entry<S>>, size: usize) -> Result<bool, ConsumeError> {
        let mut state = self.state();
        if state.closed {
            return Err(ConsumeError::retryable("sending queue is stopped").with_reason("shutdown"));
        }
        if self.size.load(Ordering::Relaxed) + size > self.capacity {
            return Ok(false);
        }
        self.size.fetch_add(size, Ordering::Relaxed);
        state.entries.extend(entry.take());
        drop(state);
        self.filled.notify_one();
        Ok(true)
    }

    /// The next entry, oldest first; nothing once the queue is closed and empty.
    pub(super) async fn take(self: &Arc<Self>) -> Option<(Entry<S>, Held<S>)> {
        loop {
            let filled = self.filled.notified();
            {
                let mut state = self.state();
                if let Some(entry) = state.entries.pop_front() {
                    if !state.entries.is_empty() {
                        // Of several notifications that met no waiting consumer only one is kept.
                        self.filled.notify_one();
                    }
                    let held = Held { queue: Arc::clone(self), size: self.sizer.size(&entry.data) };
                    return Some((entry, held));
                }
                if state.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// Takes nothing more. What is in it can still be taken out.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_waiters();
        self.freed.notify_waiters();
    }

    /// Takes out everything at once.
    pub(super) fn drain(&self) -> Vec<Entry<S>> {
        let entries: Vec<_> = self.state().entries.drain(..).collect();
        for entry in &entries {
            self.give_back(self.sizer.size(&entry.data));
        }
        entries
    }

    fn give_back(&self, size: usize) {
        self.size.fetch_sub(size, Ordering::Relaxed);
        self.stalled.store(false, Ordering::Relaxed);
        self.freed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that an entry takes until it is done.
#[derive(Debug)]
pub(super) struct Held<S: Signal> {
    queue: Arc<Queue<S>>,
    size: usize,
}

impl<S: Signal> Drop for Held<S> {
    fn drop(&mut self) {
        self.queue.give_back(self.size);
    }
}

fn full() -> ConsumeError {
    ConsumeError::retryable("sending queue is full").with_reason("queue_full")
}

fn too_large() -> ConsumeError {
    ConsumeError::permanent("element size too large").with_reason("queue_full")
}
