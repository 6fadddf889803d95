//! Starting and stopping of instances.

use std::any::Any;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::error::EngineError;
use super::identity::Identity;
use super::status::Board;
use super::tasks::panic_text;
use crate::component::{Component, Extension, Host, Outputs, Receiver, StartError, Status};

/// A component that was created.
pub(super) struct Instance {
    pub(super) host: Host,
    pub(super) identity: Identity,
    part: Part,
    /// What the engine has around it, of a type that the assembly knows.
    wiring: Box<dyn Any + Send + Sync>,
}

pub(super) enum Part {
    Extension(Arc<dyn Extension>),
    Component(Arc<dyn Component>),
    Receiver(Arc<dyn Receiver>, Outputs),
    /// A part of the engine, whose state is nobody's business.
    Unseen(Arc<dyn Component>),
}

impl Instance {
    pub(super) fn new(
        host: Host,
        identity: Identity,
        part: Part,
        wiring: impl Any + Send + Sync,
    ) -> Arc<Self> {
        Arc::new(Self { host, identity, part, wiring: Box::new(wiring) })
    }

    /// What was given as the wiring.
    pub(super) fn wiring<W: Any>(&self) -> &W {
        self.wiring.downcast_ref().expect("the key of an instance holds its signals")
    }

    pub(super) fn number(&self) -> u64 {
        self.host.instance()
    }

    pub(super) fn extension(&self) -> Option<&Arc<dyn Extension>> {
        match &self.part {
            Part::Extension(extension) => Some(extension),
            _ => None,
        }
    }

    pub(super) fn is_seen(&self) -> bool {
        !matches!(self.part, Part::Unseen(_))
    }

    async fn start(&self, board: &Board) -> Result<(), EngineError> {
        match &self.part {
            Part::Extension(extension) => {
                let logger = self.host.logger();
                logger.info("Extension is starting...").emit();
                started("extensions", &self.host, board, extension.start()).await?;
                logger.info("Extension started.").emit();
                Ok(())
            }
            Part::Component(component) => started("pipelines", &self.host, board, component.start()).await,
            Part::Receiver(receiver, outputs) => {
                started("pipelines", &self.host, board, receiver.start(outputs.clone())).await
            }
            Part::Unseen(_) => Ok(()),
        }
    }

    async fn stop(&self, deadline: Instant, end: Instant) -> Option<String> {
        let host = &self.host;
        match &self.part {
            Part::Extension(extension) => stopped(host, true, end, extension.shutdown(deadline)).await,
            Part::Component(component) => stopped(host, true, end, component.shutdown(deadline)).await,
            Part::Receiver(receiver, _) => stopped(host, true, end, receiver.shutdown(deadline)).await,
            Part::Unseen(component) => stopped(host, false, end, component.shutdown(deadline)).await,
        }
    }
}

/// What is started and stopped together, each stage in its order.
#[derive(Clone, Default)]
pub(super) struct Parts {
    pub(super) extensions: Vec<Arc<Instance>>,
    pub(super) exporters: Vec<Arc<Instance>>,
    /// Processors and connectors, each after what it leads to.
    pub(super) inner: Vec<Arc<Instance>>,
    pub(super) receivers: Vec<Arc<Instance>>,
}

/// When each stage of a shutdown has to be done, so that a stage leaves time for the next.
#[derive(Clone, Copy)]
pub(super) struct Deadlines {
    begun: Instant,
    timeout: Duration,
}

impl Deadlines {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { begun: Instant::now(), timeout }
    }

    pub(super) fn receivers(&self) -> Instant {
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

impl Parts {
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Instance>> {
        [&self.extensions, &self.exporters, &self.inner, &self.receivers].into_iter().flatten()
    }

    pub(super) fn numbers(&self) -> HashSet<u64> {
        self.all().map(|instance| instance.number()).collect()
    }

    /// Those that are not among the others.
    pub(super) fn without(&self, others: &Self) -> Self {
        let others = others.numbers();
        self.only(|instance| !others.contains(&instance.number()))
    }

    /// Those that are in either.
    pub(super) fn and(mut self, others: &Self) -> Self {
        let others = others.without(&self);
        self.extensions.extend(others.extensions);
        self.exporters.extend(others.exporters);
        self.inner.extend(others.inner);
        self.receivers.extend(others.receivers);
        self
    }

    fn only(&self, keep: impl Fn(&Instance) -> bool) -> Self {
        let only = |instances: &[Arc<Instance>]| instances.iter().filter(|one| keep(one)).cloned().collect();
        Self {
            extensions: only(&self.extensions),
            exporters: only(&self.exporters),
            inner: only(&self.inner),
            receivers: only(&self.receivers),
        }
    }

    /// The extensions as what is told of the pipelines.
    pub(super) fn watchers(&self) -> Vec<Arc<dyn Extension>> {
        self.extensions.iter().filter_map(|instance| instance.extension().cloned()).collect()
    }

    /// Starts all in their order. On an error, what was started is still to be stopped.
    pub(super) async fn start(&self, board: &Board) -> Result<(), EngineError> {
        for instance in self.all() {
            instance.start(board).await?;
        }
        Ok(())
    }

    /// Says that all pipelines run.
    pub(super) async fn ready(&self) {
        for watcher in self.watchers() {
            watcher.ready().await;
        }
    }

    /// Stops all in their order, whatever happens, and tells who did not end in time or panicked. What is behind the
    /// receivers is stopped only once `released` is done too.
    pub(super) async fn stop(
        &self,
        deadlines: &Deadlines,
        released: impl Future<Output = ()>,
    ) -> Vec<String> {
        let end = deadlines.all();
        let mut failures = Vec::new();
        for watcher in self.watchers() {
            // A watcher that hangs must not take the time of those that hold data.
            let _ = tokio::time::timeout(deadlines.timeout / 20, watcher.not_ready()).await;
        }
        let receivers = self.receivers.iter().map(|receiver| receiver.stop(deadlines.receivers(), end));
        let released = tokio::time::timeout_at(deadlines.receivers(), released);
        // Whoever still calls at the deadline is answered by what has stopped.
        let (stopped, _) = tokio::join!(join_all(receivers), released);
        failures.extend(stopped.into_iter().flatten());
        for instance in self.inner.iter().rev() {
            failures.extend(instance.stop(deadlines.inner(), end).await);
        }
        let exporters = self.exporters.iter().map(|instance| instance.stop(deadlines.exporters(), end));
        failures.extend(join_all(exporters).await.into_iter().flatten());
        for instance in self.extensions.iter().rev() {
            failures.extend(instance.stop(end, end).await);
        }
        for instance in self.all().filter(|instance| instance.is_seen()) {
            instance.host.report(Status::Stopped);
        }
        failures
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
            if board.is_starting(host) {
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
