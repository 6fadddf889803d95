use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use otel_core::component::{ConsumeError, Context, Host};
use otel_core::pdata::Signal;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::room::{Held, Room};
use super::sender::Sent;
use super::store::{Record, Recovered, Resident, Store};
use super::ticket::{Answer, Ticket};
use super::{QueueConfig, Sizer, heirs};

/// A bounded queue, in memory or in a [`Store`]. What was taken out counts until its [`Ticket`] is dropped.
#[derive(Debug)]
pub(super) struct Queue<S> {
    sizer: Sizer,
    block: bool,
    is_stored: bool,
    /// Callers wait for what becomes of their requests, and keep them meanwhile.
    is_waited_for: bool,
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
    /// How many of them are on the disk only.
    absent: usize,
    /// From the start to the end of a persistent queue.
    store: Option<Arc<Store>>,
    closed: bool,
}

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Entry<S> {
    body: Body<S>,
    context: Context,
    held: Held,
    answer: Option<Answer>,
    record: Option<Record>,
}

#[derive(Debug)]
enum Body<S> {
    /// In memory, and on the disk too where it says so.
    Here(S, #[expect(dead_code, reason = "it counts until it is dropped")] Option<Resident>),
    /// On the disk only, with its number of items where that is known.
    Absent(usize),
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
        let state = State { entries: VecDeque::new(), absent: 0, store: None, closed: false };
        Self {
            sizer: config.sizer,
            block: config.block_on_overflow,
            is_stored: config.storage.is_some(),
            is_waited_for: config.wait_for_result,
            pace_from: config.num_consumers,
            room: Room::new(host, S::KIND, config.queue_size),
            state: Mutex::new(state),
            filled: Notify::new(),
        }
    }

    pub(super) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Whether requests are on a disk until they are done with.
    pub(super) fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// Puts requests into a store from now on, and sends what is in it.
    pub(super) fn begin(&self, store: Arc<Store>, recovered: Vec<Recovered>) {
        let entries = recovered.into_iter().map(|Recovered { record, bytes, items }| {
            let size = match self.sizer {
                Sizer::Requests => 1,
                Sizer::Items => items,
                Sizer::Bytes => bytes,
            };
            let (body, context, held) = (Body::Absent(items), Context::new(), self.room.hold(size));
            Entry { body, context, held, answer: None, record: Some(record) }
        });
        let mut state = self.state();
        state.entries.extend(entries);
        state.absent = state.entries.len();
        state.store = Some(store);
        drop(state);
        self.filled.notify_one();
    }

    /// Whether the queue would refuse right now.
    pub(super) fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        let size = self.sizer.size(data);
        if !self.room.can_hold(size) {
            return Err(too_large());
        }
        if self.block {
            return Ok(());
        }
        if !self.room.has(size) {
            return Err(full());
        }
        let store = self.state().store.clone();
        store.map_or(Ok(()), |store| store.admit(data.encoded_len()))
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
        let entry = if self.is_stored {
            let store = self.store()?;
            let held = held.ok_or_else(full)?;
            let context = store.kept(&context);
            let record = Some(self.append(&store, &data, &context, deadline).await?);
            match store.keep(data.pinned_len()) {
                Some(resident) => {
                    Entry { body: Body::Here(data, Some(resident)), context, held, answer, record }
                }
                None => {
                    Entry { body: Body::Absent(data.items()), context: Context::new(), held, answer, record }
                }
            }
        } else {
            let held = held.ok_or_else(|| if self.state().closed { stopped() } else { full() })?;
            Entry { body: Body::Here(data, None), context, held, answer, record: None }
        };
        self.push(entry)
    }

    fn push(&self, entry: Entry<S>) -> Result<(), ConsumeError> {
        let mut state = self.state();
        // What is in the log is taken, whatever happens to the queue meanwhile.
        if entry.record.is_none() && state.closed {
            return Err(stopped());
        }
        if entry.record.is_none() || state.store.is_some() {
            state.absent += usize::from(entry.is_absent());
            state.entries.push_back(entry);
            drop(state);
            self.filled.notify_one();
        }
        Ok(())
    }

    fn store(&self) -> Result<Arc<Store>, ConsumeError> {
        let state = self.state();
        if state.closed {
            return Err(stopped());
        }
        let not_started = || ConsumeError::retryable("the exporter has not started");
        state.store.clone().ok_or_else(not_started)
    }

    async fn append(
        &self,
        store: &Arc<Store>,
        data: &S,
        context: &Context,
        deadline: Instant,
    ) -> Result<Record, ConsumeError> {
        loop {
            let freed = self.room.freed();
            let appended = store.append(data, context).await;
            let may_wait = self.block && appended.as_ref().is_err_and(ConsumeError::is_retryable);
            if !may_wait || timeout_at(deadline, freed).await.is_err() || self.state().closed {
                return appended;
            }
        }
    }

    /// Whether producers are ahead of consumers. What is on the disk only is there to wait.
    fn is_ahead(&self) -> bool {
        let state = self.state();
        state.entries.len() >= self.pace_from && state.absent == 0 && !state.closed
    }

    /// The next request, oldest first, if there is one.
    pub(super) fn try_next(&self) -> Option<Entry<S>> {
        let mut state = self.state();
        if state.closed && self.is_stored {
            return None;
        }
        let entry = state.entries.pop_front()?;
        state.absent -= usize::from(entry.is_absent());
        if !state.entries.is_empty() {
            // Of several notifications that met no waiting consumer only one is kept.
            self.filled.notify_one();
        }
        drop(state);
        // Producers that wait for consumers look again.
        self.room.wake();
        Some(entry)
    }

    /// The next request as soon as there is one; nothing once the queue is closed, and empty unless it is stored. Cancel
    /// safe.
    pub(super) async fn next(&self) -> Option<Entry<S>> {
        loop {
            let filled = self.filled.notified();
            if let Some(entry) = self.try_next() {
                return Some(entry);
            }
            if self.state().closed {
                return None;
            }
            filled.await;
        }
    }

    /// Takes nothing more. What is in memory can still be taken out.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_waiters();
        self.room.wake();
    }

    /// Whether it takes what another queue has taken, and may hand on what it has: what is in memory and no caller waits for.
    pub(super) fn may_adopt(&self) -> bool {
        !self.is_stored && !self.is_waited_for
    }

    /// The queue of the exporter that takes the place of this one.
    pub(super) fn heir(&self) -> Option<Arc<Self>> {
        heirs::heir(self.room.host()).filter(|_| self.may_adopt())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Takes what another queue has taken already, whether there is room or not, and before the start too. Tells whether it
    /// did.
    pub(super) fn adopt(&self, data: S, context: Context) -> bool {
        let held = self.room.hold(self.sizer.size(&data));
        let body = Body::Here(data, None);
        self.push(Entry { body, context, held, answer: None, record: None }).is_ok()
    }

    /// Gives what is in it to another queue as far as that takes it, and tells how many requests those are.
    pub(super) fn hand_over(&self, heir: &Self) -> usize {
        let entries = std::mem::take(&mut self.state().entries);
        let mut adopted = 0;
        for Request { data, context, ticket } in entries.into_iter().filter_map(Entry::here) {
            let items = data.items();
            if heir.adopt(data, context) {
                ticket.settle(items, 0, &Sent::well());
                adopted += 1;
            }
        }
        adopted
    }

    /// Lets go of everything that is still held: what is in memory, to give it up, and how many requests stay on the disk.
    pub(super) fn end(&self) -> (Vec<Request<S>>, usize) {
        let mut state = self.state();
        let (entries, store) = (std::mem::take(&mut state.entries), state.store.take());
        state.absent = 0;
        drop(state);
        let stored = store.map_or(0, |store| store.records());
        let in_memory = entries.into_iter().filter(|entry| entry.record.is_none());
        (in_memory.filter_map(Entry::here).collect(), stored)
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Signal> Entry<S> {
    fn is_absent(&self) -> bool {
        matches!(self.body, Body::Absent(_))
    }

    /// The request, read where it is on the disk only. Nothing where it cannot be: that has been told.
    pub(super) async fn load(mut self) -> Option<Request<S>> {
        if let (Body::Absent(items), Some(record)) = (&self.body, &self.record) {
            let (data, context) = record.load(*items).await?;
            self = Self { body: Body::Here(data, None), context, ..self };
        }
        self.here()
    }

    fn here(self) -> Option<Request<S>> {
        let Self { body, context, held, answer, record } = self;
        let Body::Here(data, _) = body else { return None };
        Some(Request { ticket: Ticket::new(data.items(), held, answer, record), data, context })
    }
}

fn full() -> ConsumeError {
    ConsumeError::retryable("sending queue is full").with_reason("queue_full")
}

fn too_large() -> ConsumeError {
    ConsumeError::permanent("element size too large").with_reason("queue_full")
}

fn stopped() -> ConsumeError {
    ConsumeError::retryable("sending queue is stopped").with_reason("shutdown")
}
