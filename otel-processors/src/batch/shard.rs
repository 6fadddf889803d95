//! One batch in the making, and the task that hands it on.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use otel_core::component::{ConsumeError, Context, Host, Next, Task};
use otel_core::pdata::Signal;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::metrics::BatchMetrics;

/// Buffers that a batch in the making keeps alive at most, in bytes.
const MOST_PINNED: usize = 32 << 20;

/// While callers wait, a batch goes out after this time at the latest: their own deadlines are a few seconds.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// The first pause after a failure, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// When a batch goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) timeout: Duration,
    pub(super) size: usize,
    pub(super) max: Option<NonZeroUsize>,
}

/// A batch in the making.
pub(super) struct Shard<S: Signal> {
    host: Host,
    metrics: Arc<BatchMetrics>,
    limits: Limits,
    context: Context,
    next: Next<S>,
    state: Mutex<State<S>>,
    /// Wakes the task that sends.
    work: Notify,
    /// Wakes callers that wait for room.
    room: Notify,
    task: Mutex<Option<Task>>,
}

type Answer = oneshot::Sender<Result<(), ConsumeError>>;

struct State<S> {
    /// Data whose callers have their answer.
    held: Vec<S>,
    /// Data whose callers wait. There are both kinds only where what follows has just been exchanged.
    asked: Vec<S>,
    items: usize,
    pinned: usize,
    waiting: Vec<Answer>,
    /// When what is pending goes out at the latest.
    due: Option<Instant>,
    /// Until when what is held has to be handed on: set by a shutdown.
    stop: Option<Instant>,
    /// The last failure, while what failed is kept and tried again.
    failing: Option<ConsumeError>,
}

enum Trigger {
    Size,
    Timeout,
}

impl<S: Signal> Shard<S> {
    pub(super) fn start(
        host: Host,
        metrics: Arc<BatchMetrics>,
        limits: Limits,
        context: Context,
        next: Next<S>,
    ) -> Arc<Self> {
        let state = State {
            held: Vec::new(),
            asked: Vec::new(),
            items: 0,
            pinned: 0,
            waiting: Vec::new(),
            due: None,
            stop: None,
            failing: None,
        };
        let shard = Arc::new(Self {
            host,
            metrics,
            limits,
            context,
            next,
            state: Mutex::new(state),
            work: Notify::new(),
            room: Notify::new(),
            task: Mutex::default(),
        });
        let worker = Arc::clone(&shard);
        let task = shard.host.spawn_restarting("batch", move || Arc::clone(&worker).run());
        *shard.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        shard
    }

    /// Adds data, as soon as there is room. With `wait` the answer is that of the batch.
    pub(super) async fn add(&self, data: S, context: &Context, wait: bool) -> Result<(), ConsumeError> {
        let mut data = Some(data);
        let deadline = context.wait_until();
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if let Some(answer) = self.try_add(&mut data, wait)? {
                return match answer {
                    None => Ok(()),
                    Some(answer) => answer.await.unwrap_or_else(|_| Err(Self::stopping())),
                };
            }
            if timeout_at(deadline, room).await.is_err() {
                let failing = self.state().failing.clone();
                return Err(failing.unwrap_or_else(Self::full));
            }
        }
    }

    /// `None` where there is no room, otherwise how to learn the answer, where one is waited for.
    #[expect(clippy::type_complexity, reason = "private, and both layers are told above")]
    fn try_add(
        &self,
        data: &mut Option<S>,
        wait: bool,
    ) -> Result<Option<Option<oneshot::Receiver<Result<(), ConsumeError>>>>, ConsumeError> {
        let mut state = self.state();
        if state.stop.is_some() {
            return Err(Self::stopping());
        }
        if self.is_full(&state) {
            return Ok(None);
        }
        let Some(data) = data.take() else { return Ok(None) };
        state.items += data.items();
        state.pinned += data.pinned_len();
        let answer = if wait {
            let (sender, receiver) = oneshot::channel();
            state.asked.push(data);
            state.waiting.push(sender);
            Some(receiver)
        } else {
            state.held.push(data);
            None
        };
        let timeout = if wait { self.limits.timeout.min(LONGEST_WAIT) } else { self.limits.timeout };
        let due = Instant::now() + timeout;
        let sooner = state.due.is_none_or(|known| due < known);
        if sooner {
            state.due = Some(due);
        }
        if sooner || self.is_full(&state) {
            self.work.notify_one();
        }
        Ok(Some(answer))
    }

    /// The failure with which data would be refused after a wait.
    pub(super) fn blocked(&self) -> Option<ConsumeError> {
        let state = self.state();
        if self.is_full(&state) { state.failing.clone() } else { None }
    }

    /// Hands on what is held, until the deadline.
    pub(super) fn stop(&self, deadline: Instant) {
        self.state().stop.get_or_insert(deadline);
        self.work.notify_one();
        self.room.notify_waiters();
    }

    /// Waits for the end of the task.
    pub(super) async fn stopped(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.ended().await;
        }
    }

    async fn run(self: Arc<Self>) -> Result<(), String> {
        while let Some(trigger) = self.trigger().await {
            let (held, asked, waiting) = {
                let mut state = self.state();
                state.due = None;
                state.items = 0;
                state.pinned = 0;
                let state = &mut *state;
                let [held, asked] = [&mut state.held, &mut state.asked].map(std::mem::take);
                (held, asked, std::mem::take(&mut state.waiting))
            };
            self.room.notify_waiters();
            match trigger {
                Trigger::Size => self.metrics.by_size.add(1),
                Trigger::Timeout => self.metrics.by_timeout.add(1),
            }
            if !waiting.is_empty() {
                self.send_answered(S::merged(asked), waiting).await;
            }
            if !held.is_empty() {
                self.send_held(S::merged(held), matches!(trigger, Trigger::Size)).await;
            }
        }
        Ok(())
    }

    /// Waits for a reason to send; `None` where nothing is left and the shard stops.
    async fn trigger(&self) -> Option<Trigger> {
        loop {
            let due = {
                let state = self.state();
                if self.is_full(&state) {
                    return Some(Trigger::Size);
                }
                if state.stop.is_some() {
                    return state.due.map(|_| Trigger::Timeout);
                }
                state.due
            };
            match due {
                None => self.work.notified().await,
                Some(due) => tokio::select! {
                    biased;
                    () = self.work.notified() => {}
                    () = sleep_until(due) => return Some(Trigger::Timeout),
                },
            }
        }
    }

    /// Hands on a batch for which callers have their answer: it is kept until it is taken, refused for good, or
    /// time is up.
    async fn send_held(&self, batch: S, by_size: bool) {
        for part in self.parts(batch) {
            // What is left of an exact cut begins the next batch.
            if by_size && self.limits.max.is_some() && part.items() < self.limits.size {
                return self.put_back(part);
            }
            self.metrics.sent(&part);
            let mut pause = FIRST_PAUSE;
            loop {
                let Err(error) = self.consume(part.clone()).await else { break };
                if error.is_permanent() {
                    self.host.logger().warn("Sender failed").error(&error).emit();
                    self.host.dropped(S::KIND, error.reason(), part.items());
                    break;
                }
                let until = Instant::now() + pause.max(error.retry_after().unwrap_or_default());
                let first = self.state().failing.replace(error.clone()).is_none();
                if first {
                    self.host
                        .logger()
                        .warn("Sender failed. Keeping the batch to try again.")
                        .error(&error)
                        .emit();
                }
                if !self.pause(until).await {
                    self.host.logger().error("Dropping a batch at shutdown").error(&error).emit();
                    self.host.dropped(S::KIND, "shutdown", part.items());
                    break;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            self.state().failing = None;
        }
    }

    /// Hands on a batch for which callers wait: they get the answer, and with it the decision to try again.
    async fn send_answered(&self, batch: S, waiting: Vec<Answer>) {
        let mut result = Ok(());
        for part in self.parts(batch) {
            self.metrics.sent(&part);
            if let Err(error) = self.consume(part).await {
                result = Err(match result {
                    Ok(()) => error,
                    Err(other) => error.worse(other),
                });
            }
        }
        for answer in waiting {
            // A caller that went away does not mind.
            let _ = answer.send(result.clone());
        }
    }

    /// Hands data on once; at shutdown not past the deadline.
    async fn consume(&self, data: S) -> Result<(), ConsumeError> {
        let consume = self.next.consume(data, self.context.clone());
        tokio::pin!(consume);
        loop {
            let stop = self.state().stop;
            if let Some(deadline) = stop {
                return timeout_at(deadline, consume).await.unwrap_or_else(|_| Err(Self::stopping()));
            }
            tokio::select! {
                biased;
                result = &mut consume => return result,
                () = self.work.notified() => {}
            }
        }
    }

    /// Waits before another try; `false` where the time of a shutdown is up.
    async fn pause(&self, until: Instant) -> bool {
        loop {
            let stop = self.state().stop;
            match stop {
                Some(deadline) if deadline <= Instant::now() => return false,
                // One more try at once, and later ones as long as there is time.
                Some(deadline) => {
                    sleep_until(deadline.min(Instant::now() + FIRST_PAUSE).min(until)).await;
                    return true;
                }
                None => tokio::select! {
                    biased;
                    () = sleep_until(until) => return true,
                    () = self.work.notified() => {}
                },
            }
        }
    }

    fn parts(&self, batch: S) -> impl Iterator<Item = S> {
        let (whole, chunks) = match self.limits.max {
            None => (Some(batch), None),
            Some(max) => (None, Some(batch.chunks(max))),
        };
        whole.into_iter().chain(chunks.into_iter().flatten())
    }

    fn put_back(&self, rest: S) {
        let mut state = self.state();
        state.items += rest.items();
        state.pinned += rest.pinned_len();
        state.held.insert(0, rest);
        let due = Instant::now() + self.limits.timeout;
        state.due = Some(state.due.map_or(due, |known| known.min(due)));
    }

    fn is_full(&self, state: &State<S>) -> bool {
        state.items >= self.limits.size || state.pinned >= MOST_PINNED
    }

    fn full() -> ConsumeError {
        ConsumeError::retryable("the batch processor is full: the next stage takes too long")
            .with_reason("batch_full")
            .with_retry_after(Duration::from_secs(1))
    }

    fn stopping() -> ConsumeError {
        ConsumeError::retryable("the batch processor is shutting down").with_reason("shutdown")
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Signal> fmt::Debug for Shard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("items", &self.state().items).finish_non_exhaustive()
    }
}
