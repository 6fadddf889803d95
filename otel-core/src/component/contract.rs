//! The five kinds of components.
//!
//! # Lifecycle
//! create (by the factory) → `start` → running → `shutdown` → dropped.
//!
//! - Exporters start first, then connectors and processors, receivers last; an error of any `start` aborts
//!   the whole start. Data arrives only after `start` returned. `start` does not block: what runs on is handed
//!   to [`Host::spawn`](super::Host::spawn).
//! - Receivers shut down first, exporters last. When `shutdown` returns, what the component held has been handed
//!   on or given up and counted, its tasks have ended, and it does not call what follows it any more. It may be
//!   called without a `start` before it, and twice.
//! - An instance that several pipelines share is started and shut down once.
//! - While a changed configuration is applied, a new instance starts before its predecessor of the same id shuts down
//!   (after it, where its start says that something is [in use](StartError::in_use)), and an unchanged one stays, with
//!   what it holds. What follows it may be another from one call to the next.
//!
//! # Cancellation
//! Every future of these traits may be dropped at an await. The engine drops `consume` futures of clients that
//! went away; it drops `shutdown` only at the deadline of the whole shutdown.

use std::fmt;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Capabilities, ConsumeError, Context, Next, Overview, StartError, StatusEvent, Strength};
use crate::pdata::{Logs, Metrics, Signal, SignalKind, Traces};

/// What processors, exporters, connectors and extensions have in common. Both methods have a default, so most
/// components say `impl Component for Mine {}`.
#[async_trait]
pub trait Component: Send + Sync + 'static {
    /// Starts what runs beside the calls: connections, timers, tasks.
    async fn start(&self) -> Result<(), StartError> {
        Ok(())
    }

    /// Hands on what is held, and stops. What is still held at the deadline is given up and counted with
    /// [`Host::dropped`](super::Host::dropped) under the reason `shutdown`.
    async fn shutdown(&self, deadline: Instant) {
        let _ = deadline;
    }
}

/// Brings telemetry in. One instance serves every pipeline that names it, whatever the signal.
#[async_trait]
#[diagnostic::on_unimplemented(message = "`{Self}` is not a receiver", label = "implement `Receiver` for it")]
pub trait Receiver: Send + Sync + 'static {
    /// Binds, connects, and hands loops to [`Host::spawn`](super::Host::spawn). A signal without an output is
    /// in no pipeline: what comes in for it is refused.
    async fn start(&self, outputs: Outputs) -> Result<(), StartError>;

    /// Stops taking, finishes what was begun; at the deadline breaks it off.
    async fn shutdown(&self, deadline: Instant) {
        let _ = deadline;
    }
}

/// Changes, drops, holds or passes telemetry on. Runs concurrently.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a processor of {S}",
    label = "a pipeline of {S} takes processors of {S} only"
)]
pub trait Processor<S: Signal>: Component {
    /// Takes data, and answers when it has handed it to `next` or has taken responsibility itself.
    async fn process(&self, data: S, context: Context, next: &Next<S>) -> Result<(), ConsumeError>;

    /// See [`Consumer::admit`](super::Consumer::admit). A processor that holds data looks at its own room.
    fn admit(&self, data: &S, next: &Next<S>) -> Result<(), ConsumeError> {
        next.admit(data)
    }

    /// How firmly a success of this processor holds, given what follows it.
    fn strength(&self, next: Strength) -> Strength {
        next
    }
}

/// Sends telemetry out.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an exporter of {S}",
    label = "a pipeline of {S} takes exporters of {S} only"
)]
pub trait Exporter<S: Signal>: Component {
    /// Sends the data, or takes responsibility for sending it.
    async fn export(&self, data: S, context: Context) -> Result<(), ConsumeError>;

    /// See [`Consumer::admit`](super::Consumer::admit).
    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        let _ = data;
        Ok(())
    }

    /// How firmly a success of this exporter holds. An exporter that sends without a queue counts as held too:
    /// nobody should wait longer for it than for a queue.
    fn strength(&self) -> Strength {
        Strength::Held
    }
}

/// Ends one pipeline and begins others.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not connect {In} to {Out}",
    label = "implement `Connector<{In}, {Out}>` for it"
)]
pub trait Connector<In: Signal, Out: Signal>: Component {
    /// Takes data of the pipeline that ends here.
    async fn connect(&self, data: In, context: Context, outputs: &Router<Out>) -> Result<(), ConsumeError>;

    /// How firmly a success of this connector holds, given the firmest of what follows it.
    fn strength(&self, next: Strength) -> Strength {
        next
    }
}

/// Serves the collector or its components rather than a pipeline: health, authentication, storage.
#[async_trait]
pub trait Extension: Component {
    /// What it can see of its collector, from before its start on.
    fn attach(&self, overview: &std::sync::Arc<dyn Overview>) {
        let _ = overview;
    }

    /// Offers what other components may ask the host for. Called again, with the same outcome, when a changed
    /// configuration is applied.
    fn provide(self: std::sync::Arc<Self>, capabilities: &mut Capabilities) {
        let _ = capabilities;
    }

    /// All pipelines run.
    async fn ready(&self) {}

    /// The pipelines are about to stop.
    async fn not_ready(&self) {}

    /// A component's status changed.
    fn on_status(&self, event: &StatusEvent) {
        let _ = event;
    }
}

/// Where a receiver delivers: one consumer for each signal that some pipeline takes from it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Outputs {
    /// Where spans go.
    pub traces: Option<Next<Traces>>,
    /// Where data points go.
    pub metrics: Option<Next<Metrics>>,
    /// Where log records go.
    pub logs: Option<Next<Logs>>,
}

impl Outputs {
    /// No outputs; set the fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether some pipeline takes this signal.
    pub fn has(&self, signal: SignalKind) -> bool {
        match signal {
            SignalKind::Traces => self.traces.is_some(),
            SignalKind::Metrics => self.metrics.is_some(),
            SignalKind::Logs => self.logs.is_some(),
        }
    }
}

/// The pipelines that begin at a connector.
pub struct Router<S: Signal> {
    all: Next<S>,
    pipelines: Vec<(String, Next<S>)>,
}

impl<S: Signal> Router<S> {
    /// A router to the named pipelines; `all` fans out to every one of them.
    pub fn new(all: Next<S>, pipelines: Vec<(String, Next<S>)>) -> Self {
        Self { all, pipelines }
    }

    /// Every pipeline at once.
    pub fn all(&self) -> &Next<S> {
        &self.all
    }

    /// One pipeline by its name in the configuration, such as `traces/eu`.
    pub fn pipeline(&self, name: &str) -> Option<&Next<S>> {
        self.pipelines.iter().find(|(known, _)| known == name).map(|(_, next)| next)
    }

    /// The names of the pipelines.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pipelines.iter().map(|(name, _)| name.as_str())
    }
}

impl<S: Signal> fmt::Debug for Router<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
