//! What is fetched from elsewhere, kept, and fetched anew when somebody needs it to be.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use otel_core::component::{Host, Task};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

/// A value that one task fetches for all who wait for it, so that neither their number nor their going away changes what
/// is asked of whoever is asked.
#[derive(Debug)]
pub(super) struct Refreshed<T> {
    state: watch::Sender<Fetched<T>>,
    wanted: Notify,
    /// After an attempt that long nothing is fetched.
    pause: Duration,
    task: Mutex<Option<Task>>,
}

/// What the last attempts gave.
pub(super) struct Fetched<T> {
    /// The last value that was fetched.
    pub(super) value: Option<Arc<T>>,
    /// Why the last attempt gave none.
    pub(super) failure: Option<Arc<str>>,
    /// When the last attempt ended.
    attempt: Option<Instant>,
    /// Whether there will be another.
    closed: bool,
}

// === impl Refreshed ===

impl<T: Send + Sync + 'static> Refreshed<T> {
    /// Nothing yet.
    pub(super) fn new(pause: Duration) -> Arc<Self> {
        let state = Fetched { value: None, failure: None, attempt: None, closed: false };
        Arc::new(Self {
            state: watch::Sender::new(state),
            wanted: Notify::new(),
            pause,
            task: Mutex::default(),
        })
    }

    /// Begins to fetch, whenever it is wanted and every so often, where an interval is given. The fetch has to end by
    /// itself, and may not depend on this.
    pub(super) fn start<F>(
        self: &Arc<Self>,
        host: &Host,
        name: &'static str,
        interval: Option<Duration>,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<T, String>> + Send + 'static,
    {
        let (this, fetch) = (Arc::clone(self), Arc::new(fetch));
        let task = host.spawn_restarting(name, move || {
            let (this, fetch) = (Arc::clone(&this), Arc::clone(&fetch));
            async move { this.run(interval, &*fetch).await }
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Ends the task; whoever waits is told.
    pub(super) async fn shutdown(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            task.ended().await;
        }
        self.state.send_modify(|state| {
            state.closed = true;
            state.failure = Some("the extension has stopped".into());
        });
    }

    /// What there is.
    pub(super) fn current(&self) -> Fetched<T> {
        self.state.borrow().clone()
    }

    /// Has it fetched, without waiting.
    pub(super) fn want(&self) {
        if !self.is_fresh(&self.state.borrow()) {
            self.wanted.notify_one();
        }
    }

    /// What there is after the next attempt, or after the last one where that was a moment ago.
    pub(super) async fn refreshed(&self) -> Fetched<T> {
        let mut states = self.state.subscribe();
        let now = states.borrow_and_update().clone();
        if self.is_fresh(&now) {
            return now;
        }
        self.wanted.notify_one();
        // The sender lives as long as this.
        let _ = states.changed().await;
        self.current()
    }

    /// Forgets the value if it is this one, so that the next attempt is not long in coming.
    #[cfg(any(feature = "oauth2client", test))]
    pub(super) fn forget(&self, value: &Arc<T>) {
        self.state.send_if_modified(|state| {
            let is_this = state.value.as_ref().is_some_and(|known| Arc::ptr_eq(known, value));
            if is_this {
                state.value = None;
            }
            // Nobody waits for this.
            false
        });
    }

    /// Puts down what an attempt gave.
    fn finish(&self, outcome: Result<T, String>) {
        self.state.send_modify(|state| {
            state.attempt = Some(Instant::now());
            match outcome {
                Ok(value) => (state.value, state.failure) = (Some(Arc::new(value)), None),
                Err(failure) => state.failure = Some(failure.into()),
            }
        });
    }

    async fn run<F>(&self, interval: Option<Duration>, fetch: &(impl Fn() -> F + Sync)) -> Result<(), String>
    where
        F: Future<Output = Result<T, String>> + Send,
    {
        let elapsed = async || match interval {
            Some(interval) => sleep(interval).await,
            None => std::future::pending().await,
        };
        loop {
            tokio::select! {
                () = self.wanted.notified() => {
                    // Wanted while the last attempt went on.
                    if self.is_fresh(&self.state.borrow()) {
                        continue;
                    }
                }
                () = elapsed() => {}
            }
            let outcome = fetch().await;
            self.finish(outcome);
        }
    }

    fn is_fresh(&self, state: &Fetched<T>) -> bool {
        state.closed || state.attempt.is_some_and(|attempt| attempt.elapsed() < self.pause)
    }
}

// === impl Fetched ===

impl<T> Clone for Fetched<T> {
    fn clone(&self) -> Self {
        let Self { value, failure, attempt, closed } = self;
        Self { value: value.clone(), failure: failure.clone(), attempt: *attempt, closed: *closed }
    }
}

/// What is fetched may be secret.
impl<T> fmt::Debug for Fetched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("failure", &self.failure).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use otel_core::component::ComponentKind;
    use otel_core::testing::TestHost;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    /// Counts attempts, each of which takes a second; from the second on they fail.
    fn started(interval: Option<Duration>) -> (Arc<Refreshed<usize>>, Arc<AtomicUsize>, TestHost) {
        let host = TestHost::new(ComponentKind::Extension, "fetch");
        let (refreshed, attempts) = (Refreshed::new(PAUSE), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&attempts);
        refreshed.start(&host.host(), "fetch", interval, move || {
            let attempt = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                sleep(Duration::from_secs(1)).await;
                if attempt == 0 { Ok(attempt) } else { Err(format!("attempt {attempt}")) }
            }
        });
        (refreshed, attempts, host)
    }

    #[tokio::test(start_paused = true)]
    async fn one_attempt_serves_all_who_wait_and_those_who_come_soon_after() {
        let (refreshed, attempts, _host) = started(None);
        let (first, second) = tokio::join!(refreshed.refreshed(), refreshed.refreshed());
        assert_eq!((first.value.as_deref(), second.value.as_deref()), (Some(&0), Some(&0)));
        assert_eq!(refreshed.refreshed().await.value.as_deref(), Some(&0));
        refreshed.want();
        sleep(PAUSE).await;
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
        let third = refreshed.refreshed().await;
        assert_eq!((third.value.as_deref(), third.failure.as_deref()), (Some(&0), Some("attempt 1")));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_goes_on_without_the_one_who_wanted_it() {
        let (refreshed, attempts, _host) = started(None);
        let left = tokio::time::timeout(Duration::from_millis(10), refreshed.refreshed()).await;
        assert!(left.is_err());
        assert_eq!(refreshed.refreshed().await.value.as_deref(), Some(&0));
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_fetched_every_so_often_and_not_after_the_end() {
        let (refreshed, attempts, host) = started(Some(Duration::from_secs(60)));
        sleep(Duration::from_secs(130)).await;
        assert_eq!(attempts.load(Ordering::SeqCst), 2);
        let waiting = tokio::spawn({
            let refreshed = Arc::clone(&refreshed);
            async move { refreshed.refreshed().await }
        });
        tokio::task::yield_now().await;
        refreshed.shutdown().await;
        let stopped = Some("the extension has stopped");
        assert_eq!(waiting.await.unwrap().failure.as_deref(), stopped);
        sleep(PAUSE).await;
        assert_eq!(refreshed.refreshed().await.failure.as_deref(), stopped);
        assert_eq!(host.tasks(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_value_that_was_meant_is_forgotten() {
        let (refreshed, _, _host) = started(None);
        let value = refreshed.refreshed().await.value.unwrap();
        refreshed.forget(&Arc::new(0));
        assert!(refreshed.current().value.is_some());
        refreshed.forget(&value);
        assert!(refreshed.current().value.is_none());
    }
}
