//! Tasks of components: supervised, and gone when the collector is.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{AbortHandle, Abortable};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::component::{Host, Spawn, Status, Task, TaskFuture};

/// Runs the tasks of one collector on the runtime where it was started.
pub(crate) struct Tasks {
    runtime: Handle,
    tracker: TaskTracker,
    running: Arc<Mutex<Running>>,
    number: AtomicU64,
}

#[derive(Default)]
struct Running {
    closed: bool,
    /// By number, with the instance that each is of.
    handles: HashMap<u64, (u64, AbortHandle)>,
}

impl Tasks {
    const FIRST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_PAUSE: Duration = Duration::from_secs(60);

    /// Tasks on the runtime of the caller.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            running: Arc::default(),
            number: AtomicU64::new(0),
        }
    }

    /// Ends every task at its next await, and every later one before it begins.
    pub(crate) fn abort_all(&self) {
        self.running().closed = true;
        self.abort(|_| true);
    }

    /// Ends every task of these instances at its next await.
    pub(crate) fn abort_of(&self, instances: &HashSet<u64>) {
        self.abort(|instance| instances.contains(&instance));
    }

    fn abort(&self, is_meant: impl Fn(u64) -> bool) {
        let meant = |(instance, handle): &(u64, AbortHandle)| is_meant(*instance).then(|| handle.clone());
        let handles: Vec<_> = self.running().handles.values().filter_map(meant).collect();
        // Not under the lock: what wakes for it may end at once.
        handles.iter().for_each(AbortHandle::abort);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every task has ended.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// The number of tasks that have not ended.
    pub(crate) fn len(&self) -> usize {
        self.tracker.len()
    }

    fn run(&self, instance: u64, future: impl Future<Output = ()> + Send + 'static) -> Task {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (ended, observed) = watch::channel(false);
        let end = End { ended, number, running: Arc::clone(&self.running), _token: self.tracker.token() };
        let (handle, registration) = AbortHandle::new_pair();
        {
            let mut running = self.running();
            if running.closed {
                handle.abort();
            }
            running.handles.insert(number, (instance, handle.clone()));
        }
        // Not under the lock: a runtime that shuts down drops what is spawned at once, which ends the task.
        self.runtime.spawn(async move {
            let _end = end;
            // What was aborted is over as well.
            let _ = Abortable::new(future, registration).await;
        });
        Task::new(move || handle.abort(), observed)
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl Spawn for Tasks {
    fn spawn(&self, host: &Host, name: &'static str, future: TaskFuture) -> Task {
        let host = host.clone();
        self.run(host.instance(), async move {
            if let Err(error) = guarded(future).await {
                count_failure(&host, name);
                host.logger().error("Task ended").field("task", name).field("error", error.as_str()).emit();
                host.report_dead(format!("task {name} ended: {error}"));
            }
        })
    }

    fn spawn_restarting(
        &self,
        host: &Host,
        name: &'static str,
        mut make: Box<dyn FnMut() -> TaskFuture + Send>,
    ) -> Task {
        let host = host.clone();
        self.run(host.instance(), async move {
            let mut pause = Self::FIRST_PAUSE;
            loop {
                let begun = Instant::now();
                let Err(error) = guarded(make()).await else { return };
                count_failure(&host, name);
                if begun.elapsed() >= Self::LONGEST_PAUSE {
                    pause = Self::FIRST_PAUSE;
                }
                host.logger()
                    .error("Task ended, starting it again")
                    .field("task", name)
                    .field("error", error.as_str())
                    .field("interval", format!("{pause:?}"))
                    .emit();
                host.report(Status::RecoverableError(format!("task {name} ended: {error}")));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Self::LONGEST_PAUSE);
                host.report(Status::Ok);
            }
        })
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        // Threads take turns as they please. A simulation has one, whose clock stands still.
        let is_simulated =
            cfg!(feature = "simulation") && self.runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
        if is_simulated {
            work();
        } else {
            self.runtime.spawn_blocking(work);
        }
    }
}

/// Says that a task is over, however it came to that.
struct End {
    ended: watch::Sender<bool>,
    number: u64,
    running: Arc<Mutex<Running>>,
    _token: TaskTrackerToken,
}

impl Drop for End {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).handles.remove(&self.number);
        self.ended.send_replace(true);
    }
}

fn count_failure(host: &Host, task: &str) {
    let attributes = [("component", &*host.id().to_string()), ("kind", host.kind().as_str()), ("task", task)];
    let description = "Tasks of components that panicked or ended with an error";
    host.telemetry()
        .metrics()
        .counter("otelcol_component_task_failures", description, "{failures}", &attributes)
        .add(1);
}

/// The outcome of a future whose panics are errors.
async fn guarded(future: TaskFuture) -> Result<(), String> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(format!("panic: {}", panic_text(&*panic))),
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn what_is_spawned_while_the_runtime_ends_is_over() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let tasks = {
            let _entered = runtime.enter();
            Tasks::new()
        };
        drop(runtime);
        let task = tasks.run(0, std::future::pending());
        assert_eq!(task.ended().now_or_never(), Some(()));
        assert_eq!(tasks.len(), 0);
    }
}
