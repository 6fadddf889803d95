//! Starting and stopping of instances.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::error::EngineError;
use super::status::Board;
use super::tasks::panic_text;
use crate::component::{Component, Extension, Host, Outputs, Receiver, StartError, Status};

/// Everything that is started and stopped.
#[derive(Default)]
pub(super) struct Instances {
    pub(super) extensions: Vec<Instance>,
    /// The extensions again, as what is told of the pipelines.
    pub(super) watchers: Vec<Arc<dyn Extension>>,
    pub(super) exporters: Vec<Instance>,
    /// Processors and connectors, each after what it leads to.
    pub(super) inner: Vec<Instance>,
    pub(super) receivers: Vec<ReceiverInstance>,
}

pub(super) struct Instance {
    host: Host,
    component: Arc<dyn Component>,
    /// A part of the engine, whose state is nobody's business.
    unseen: bool,
}

pub(super) struct ReceiverInstance {
    pub(super) host: Host,
    pub(super) receiver: Arc<dyn Receiver>,
    pub(super) outputs: Outputs,
}

impl Instance {
    pub(super) fn new(host: Host, component: Arc<dyn Component>) -> Self {
        Self { host, component, unseen: false }
    }

    pub(super) fn unseen(host: Host, component: Arc<dyn Component>) -> Self {
        Self { host, component, unseen: true }
    }
}

/// When each stage of a shutdown has to be done, so that a stage leaves time for the next.
pub(super) struct Deadlines {
    begun: Instant,
    timeout: Duration,
}

impl Deadlines {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { begun: Instant::now(), timeout }
    }

    fn receivers(&self) -> Instant {
        self.begun + self.timeout / 2
    }

    fn inner(&self) -> Instant {
        self.begun + self.timeout * 3 / 4
    }

    fn exporters(&self) -> Instant {
        self.begun + self.timeout * 19 / 20
    }

    /// When components are no longer waited for.
    pub(super) fn all(&self) -> Instant {
        self.begun + self.timeout
    }
}

impl Instances {
    /// Starts all in their order. On an error, what was started is still to be stopped.
    pub(super) async fn start(&self, board: &Board) -> Result<(), EngineError> {
        for instance in &self.extensions {
            instance.start("extensions", board).await?;
        }
        for instance in self.exporters.iter().chain(&self.inner) {
            instance.start("pipelines", board).await?;
        }
        for ReceiverInstance { host, receiver, outputs } in &self.receivers {
            started("pipelines", host, board, receiver.start(outputs.clone())).await?;
        }
        for watcher in &self.watchers {
            watcher.ready().await;
        }
        Ok(())
    }

    /// Stops all in their order, whatever happens, and tells who did not end in time or panicked.
    pub(super) async fn stop(&self, deadlines: &Deadlines) -> Vec<String> {
        let end = deadlines.all();
        let mut failures = Vec::new();
        for watcher in &self.watchers {
            // A watcher that hangs must not take the time of those that hold data.
            let _ = tokio::time::timeout(deadlines.timeout / 20, watcher.not_ready()).await;
        }
        let receivers = self.receivers.iter().map(|ReceiverInstance { host, receiver, .. }| {
            stopped(host, true, end, receiver.shutdown(deadlines.receivers()))
        });
        failures.extend(join_all(receivers).await.into_iter().flatten());
        for instance in self.inner.iter().rev() {
            failures.extend(instance.stop(deadlines.inner(), end).await);
        }
        let exporters = self.exporters.iter().map(|instance| instance.stop(deadlines.exporters(), end));
        failures.extend(join_all(exporters).await.into_iter().flatten());
        for instance in self.extensions.iter().rev() {
            failures.extend(instance.stop(end, end).await);
        }
        let seen = [&self.extensions, &self.exporters, &self.inner].into_iter().flatten();
        let hosts = seen.filter(|instance| !instance.unseen).map(|instance| &instance.host);
        for host in hosts.chain(self.receivers.iter().map(|receiver| &receiver.host)) {
            host.report(Status::Stopped);
        }
        failures
    }
}

impl Instance {
    async fn start(&self, stage: &'static str, board: &Board) -> Result<(), EngineError> {
        if self.unseen {
            return Ok(());
        }
        started(stage, &self.host, board, self.component.start()).await
    }

    async fn stop(&self, deadline: Instant, end: Instant) -> Option<String> {
        stopped(&self.host, !self.unseen, end, self.component.shutdown(deadline)).await
    }
}

async fn started(
    stage: &'static str,
    host: &Host,
    board: &Board,
    start: impl Future<Output = Result<(), StartError>>,
) -> Result<(), EngineError> {
    host.report(Status::Starting);
    let outcome = match AssertUnwindSafe(start).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(StartError::new(format!("panic: {}", panic_text(&*panic)))),
    };
    match outcome {
        Ok(()) => {
            if board.is_starting(host.kind(), host.id()) {
                host.report(Status::Ok);
            }
            Ok(())
        }
        Err(source) => {
            host.report(Status::PermanentError(source.to_string()));
            Err(EngineError::Start { stage, id: host.id().clone(), kind: host.kind(), source })
        }
    }
}

async fn stopped(
    host: &Host,
    seen: bool,
    end: Instant,
    shutdown: impl Future<Output = ()>,
) -> Option<String> {
    if seen {
        host.report(Status::Stopping);
    }
    let failure = match tokio::time::timeout_at(end, AssertUnwindSafe(shutdown).catch_unwind()).await {
        Ok(Ok(())) => return None,
        Ok(Err(panic)) => format!("panic: {}", panic_text(&*panic)),
        Err(_) => "not done at the deadline".to_owned(),
    };
    host.report(Status::PermanentError(format!("shutdown: {failure}")));
    Some(format!("failed to shutdown {} \"{}\": {failure}", host.kind(), host.id()))
}
