use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use otel_core::component::{ConsumeError, Context, Host};
use otel_core::pdata::Signal;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::room::{Held, Room};
use super::ticket::{Answer, Ticket};
use super::{QueueConfig, Sizer};

/// A bounded queue. What was taken out counts until its [`Ticket`] is dropped.
#[derive(Debug)]
pub(super) struct Queue<S> {
    sizer: Sizer,
    block: bool,
    /// So many requests may wait before producers are held up a little, unless that holds up others too.
    pace_from: usize,
    room: Arc<Room>,
    state: Mutex<State<S>>,
    /// Told for each request, and at the close.
    filled: Notify,
}

#[derive(Debug)]
struct State<S> {
    entries: VecDeque<Entry<S>>,
    closed: bool,
}

/// What waits to be sent.
#[derive(Debug)]
struct Entry<S> {
    data: S,
    context: Context,
    held: Held,
    answer: Option<Answer>,
}

/// A request that left the queue.
#[derive(Debug)]
pub(super) struct Request<S> {
    pub(super) data: S,
    pub(super) context: Context,
    pub(super) ticket: Ticket,
}

impl<S: Signal> Queue<S> {
    pub(super) fn new(config: &QueueConfig, host: Host) -> Self {
        Self {
            sizer: config.sizer,
            block: config.block_on_overflow,
            pace_from: config.num_consumers,
            room: Room::new(host, S::KIND, config.queue_size),
            state: Mutex::new(State { entries: VecDeque::new(), closed: false }),
            filled: Notify::new(),
        }
    }

    pub(super) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Whether the queue would refuse right now.
    pub(super) fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        let size = self.sizer.size(data);
        if !self.room.can_hold(size) {
            return Err(too_large());
        }
        if self.block || self.room.has(size) { Ok(()) } else { Err(full()) }
    }

    /// Takes a request. Waits for room until the deadline where the queue blocks.
    pub(super) async fn put(
        &self,
        data: S,
        context: Context,
        answer: Option<Answer>,
        deadline: Instant,
    ) -> Result<(), ConsumeError> {
        let size = self.sizer.size(&data);
        if !self.room.can_hold(size) {
            return Err(too_large());
        }
        self.room.pace(deadline, || self.is_ahead()).await;
        let mut held = self.room.take(size);
        if held.is_none() && self.block {
            held = self.room.wait(size, deadline, || self.state().closed).await;
        }
        let mut state = self.state();
        if state.closed {
            return Err(ConsumeError::retryable("sending queue is stopped").with_reason("shutdown"));
        }
        let held = held.ok_or_else(full)?;
        state.entries.push_back(Entry { data, context, held, answer });
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    fn is_ahead(&self) -> bool {
        let state = self.state();
        state.entries.len() >= self.pace_from && !state.closed
    }

    /// The next request, oldest first, if there is one.
    pub(super) fn try_next(&self) -> Option<Request<S>> {
        let mut state = self.state();
        let entry = state.entries.pop_front()?;
        if !state.entries.is_empty() {
            // Of several notifications that met no waiting consumer only one is kept.
            self.filled.notify_one();
        }
        drop(state);
        // Producers that wait for consumers look again.
        self.room.wake();
        Some(entry.leave())
    }

    /// The next request as soon as there is one; nothing once the queue is closed and empty. Cancel safe.
    pub(super) async fn next(&self) -> Option<Request<S>> {
        loop {
            let filled = self.filled.notified();
            if let Some(request) = self.try_next() {
                return Some(request);
            }
            if self.state().closed {
                return None;
            }
            filled.await;
        }
    }

    /// Takes nothing more. What is in it can still be taken out.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_waiters();
        self.room.wake();
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Signal> Entry<S> {
    fn leave(self) -> Request<S> {
        let Self { data, context, held, answer } = self;
        Request { ticket: Ticket::new(data.items(), held, answer), data, context }
    }
}

fn full() -> ConsumeError {
    ConsumeError::retryable("sending queue is full").with_reason("queue_full")
}

fn too_large() -> ConsumeError {
    ConsumeError::permanent("element size too large").with_reason("queue_full")
}
