//! A collector that runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout_at;

use super::assembly::{Instances, Surroundings, assemble};
use super::error::EngineError;
use super::graph::Graph;
use super::lifecycle::{Deadlines, Parts};
use super::options::Options;
use super::overview::View;
use super::status::{Board, StatusUpdates};
use super::tasks::Tasks;
use crate::component::{Lasting, StatusEvent};
use crate::telemetry::Telemetry;

/// The counter of what was given up; see [`Host::dropped`](crate::component::Host::dropped).
const DROPPED: &str = "otelcol_dropped_items";

/// How long tasks that were told to end are waited for.
const ABORT_TIME: Duration = Duration::from_secs(1);

/// A collector that runs. Dropping it ends its tasks at once, and loses what they held; call
/// [`shutdown`](Self::shutdown).
pub struct Running {
    pub(super) graph: Arc<Graph>,
    pub(super) instances: Instances,
    /// What is being started to become part of the instances.
    pub(super) starting: Parts,
    /// What is being stopped because it is part of them no more.
    pub(super) leaving: Vec<Leaving>,
    /// Whether a part of the graph has been stopped for another graph, and nothing has taken its place yet.
    pub(super) incomplete: bool,
    pub(super) surroundings: Surroundings,
    /// Nothing may stay as it is: telemetry is another.
    pub(super) renewing: bool,
    pub(super) overview: Arc<View>,
    pub(super) shutdown_timeout: Duration,
}

/// Components that are being stopped while the others run.
pub(super) struct Leaving {
    pub(super) parts: Parts,
    pub(super) stop: JoinHandle<Vec<String>>,
}

impl Leaving {
    /// Waits until they have stopped, and tells who did not end in time or panicked. Cancel safe.
    pub(super) async fn stopped(&mut self) -> Vec<String> {
        match (&mut self.stop).await {
            Ok(failures) => failures,
            Err(error) => vec![format!("failed to shutdown: {error}")],
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.stop.abort();
    }
}

impl Running {
    pub(super) async fn start(graph: Graph, options: Options) -> Result<Self, EngineError> {
        let running = Self::create(graph, options)?;
        let parts = &running.instances.parts;
        let Err(error) = parts.start(&running.surroundings.board).await else {
            parts.ready().await;
            return Ok(running);
        };
        running.shutdown().await;
        Err(error)
    }

    pub(super) fn dry_run(graph: Graph, options: Options) -> Result<(), EngineError> {
        Self::create(graph, options).map(drop)
    }

    fn create(graph: Graph, options: Options) -> Result<Self, EngineError> {
        let board = Arc::new(Board::new());
        let overview = Arc::new(View::new(&board, options.feature_gates));
        overview.show(&graph);
        let surroundings = Surroundings {
            telemetry: options.telemetry,
            build_info: Arc::new(options.build_info),
            proxies: Arc::new(options.proxies),
            tasks: Arc::new(Tasks::new()),
            board,
            overview: Arc::clone(&overview) as Arc<_>,
            lasting: Lasting::default(),
            number: AtomicU64::new(1),
        };
        let plan = assemble(&graph, &surroundings, &Instances::default())?;
        surroundings.board.watched_by(plan.instances.parts.watchers());
        Ok(Self {
            graph: Arc::new(graph),
            instances: plan.instances,
            starting: Parts::default(),
            leaving: Vec::new(),
            incomplete: false,
            surroundings,
            renewing: false,
            overview,
            shutdown_timeout: options.shutdown_timeout,
        })
    }

    /// The state of every component.
    pub fn status(&self) -> Vec<StatusEvent> {
        self.surroundings.board.snapshot()
    }

    /// The changes of states from now on.
    pub fn subscribe(&self) -> StatusUpdates {
        self.surroundings.board.subscribe()
    }

    /// Logs, metrics and the clock of the collector.
    pub fn telemetry(&self) -> &Telemetry {
        &self.surroundings.telemetry
    }

    /// The number of tasks of its components that run now.
    pub fn tasks(&self) -> usize {
        self.surroundings.tasks.len()
    }

    /// Waits until some component reports an error that the collector cannot live with. Then it is time to
    /// [shut down](Self::shutdown).
    ///
    /// Cancel safe.
    pub async fn fatal(&self) -> String {
        self.surroundings.board.fatal().await
    }

    /// Runs until `stop` completes or a fatal error occurs, and shuts down.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> ShutdownReport {
        let fatal = tokio::select! {
            biased;
            () = stop => None,
            error = self.fatal() => Some(error),
        };
        if let Some(error) = &fatal {
            let logger = self.surroundings.telemetry.logger();
            logger
                .error("Asynchronous error received, terminating process")
                .field("error", error.as_str())
                .emit();
        }
        ShutdownReport { fatal, ..self.shutdown().await }
    }

    /// Stops receivers, lets what is held drain, stops the rest, within the timeout of
    /// [`Options::shutdown_timeout`]. After it, none of the collector's tasks is alive.
    pub async fn shutdown(mut self) -> ShutdownReport {
        self.shutdown_ref().await
    }

    pub(crate) async fn shutdown_ref(&mut self) -> ShutdownReport {
        let telemetry = self.surroundings.telemetry.clone();
        let before = dropped(&telemetry);
        let deadlines = Deadlines::new(self.shutdown_timeout);
        if self.incomplete {
            // A change was broken off while data waits for what was to come, and what has stopped may have handed on what it
            // held to that. So everything runs once more, as far as there is time.
            let _ = timeout_at(deadlines.receivers(), self.complete()).await;
        }
        self.tell_who_leaves(&self.starting);
        let parts = self.instances.parts.clone().and(&self.starting);
        let mut leaving = std::mem::take(&mut self.leaving);
        let mut failures = Vec::new();
        // What they hold goes where the others still run.
        let left = async {
            while let Some(last) = leaving.last_mut() {
                failures.extend(last.stopped().await);
                leaving.pop();
            }
        };
        let stopped = parts.stop(&deadlines, left).await;
        failures.extend(stopped);
        for mut leaving in leaving {
            // It began earlier, and so ends in time.
            failures.extend(leaving.stopped().await);
        }
        self.surroundings.tasks.abort_all();
        if tokio::time::timeout(ABORT_TIME, self.surroundings.tasks.ended()).await.is_err() {
            failures.push(format!("{} tasks did not end", self.surroundings.tasks.len()));
        }
        ShutdownReport { dropped: dropped_since(&telemetry, before), failures, fatal: None }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.surroundings.tasks.abort_all();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Items by component, signal and reason.
pub(super) type DroppedItems = BTreeMap<(String, String, String), u64>;

/// How a shutdown went.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// What was given up from the beginning of the shutdown on.
    pub dropped: Vec<Dropped>,
    /// Components that panicked or did not end in time.
    pub failures: Vec<String>,
    /// The fatal error that led to the shutdown.
    pub fatal: Option<String>,
}

impl ShutdownReport {
    /// Whether nothing was dropped and nothing went wrong.
    pub fn is_clean(&self) -> bool {
        self.dropped.is_empty() && self.failures.is_empty() && self.fatal.is_none()
    }
}

/// Items that were given up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The component that held them.
    pub component: String,
    /// Their signal.
    pub signal: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub items: u64,
}

/// What was given up since `before`.
pub(super) fn dropped_since(telemetry: &Telemetry, before: DroppedItems) -> Vec<Dropped> {
    let mut dropped = dropped(telemetry);
    for (key, count) in before {
        if let Some(after) = dropped.get_mut(&key) {
            *after -= count;
        }
    }
    dropped
        .into_iter()
        .filter(|(_, items)| *items > 0)
        .map(|((component, signal, reason), items)| Dropped { component, signal, reason, items })
        .collect()
}

/// What was given up up to now.
pub(super) fn dropped(telemetry: &Telemetry) -> DroppedItems {
    let mut dropped = BTreeMap::new();
    for (attributes, items) in telemetry.metrics().series(DROPPED) {
        let value = |key: &str| {
            let found = attributes.iter().find(|(known, _)| known == key);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        *dropped.entry((value("component"), value("signal"), value("reason"))).or_default() += items;
    }
    dropped
}
