//! What a component is handed: its identity, its telemetry, tasks, status, and what it shares with others.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Lasting, ProxySettings, Status, StatusEvent, StatusSink};
use crate::ComponentId;
use crate::pdata::SignalKind;
use crate::telemetry::{Logger, Telemetry};

/// The kind of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ComponentKind {
    /// Brings telemetry in.
    Receiver,
    /// Works on it.
    Processor,
    /// Sends it out.
    Exporter,
    /// Joins pipelines.
    Connector,
    /// Serves the collector.
    Extension,
}

impl ComponentKind {
    /// The name in telemetry: `receiver` and so on.
    pub const fn as_str(self) -> &'static str {
        match self {
            ComponentKind::Receiver => "receiver",
            ComponentKind::Processor => "processor",
            ComponentKind::Exporter => "exporter",
            ComponentKind::Connector => "connector",
            ComponentKind::Extension => "extension",
        }
    }
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which binary this is, as `--version`, user agents and resource attributes show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInfo {
    /// The command, such as `otelcol`.
    pub command: String,
    /// What it is, such as `OpenTelemetry Collector`.
    pub description: String,
    /// Its version.
    pub version: String,
}

impl Default for BuildInfo {
    fn default() -> Self {
        Self {
            command: "otelcol".to_owned(),
            description: "OpenTelemetry Collector".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// What a component is handed when it is created. Cloning is a reference count.
#[derive(Clone)]
pub struct Host(Arc<HostParts>);

/// The parts of a [`Host`]: filled by the engine, and by test kits.
#[derive(Clone)]
pub struct HostParts {
    /// The id as the user wrote it.
    pub id: ComponentId,
    /// The kind.
    pub kind: ComponentKind,
    /// The signal, for an instance that serves only one.
    pub signal: Option<SignalKind>,
    /// The pipeline, for an instance that serves only one, such as `traces/eu`.
    pub pipeline: Option<String>,
    /// Logs, metrics and the wall clock.
    pub telemetry: Telemetry,
    /// The binary.
    pub build_info: Arc<BuildInfo>,
    /// The proxies of the environment.
    pub proxies: Arc<ProxySettings>,
    /// Runs tasks.
    pub spawn: Arc<dyn Spawn>,
    /// Takes status reports.
    pub status: Arc<dyn StatusSink>,
    /// What instances of one configuration share.
    pub shared: Shared,
    /// What outlives instances.
    pub lasting: Lasting,
    /// Tells this instance from all others of its collector.
    pub instance: u64,
    /// What extensions offer.
    pub capabilities: Arc<Capabilities>,
    /// Whether what an exporter gets goes to others too, which may change while it runs.
    pub has_siblings: Arc<AtomicBool>,
}

impl Host {
    /// A host of these parts.
    pub fn new(parts: HostParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The id as the user wrote it.
    pub fn id(&self) -> &ComponentId {
        &self.0.id
    }

    /// The kind.
    pub fn kind(&self) -> ComponentKind {
        self.0.kind
    }

    /// The signal, for an instance that serves only one.
    pub fn signal(&self) -> Option<SignalKind> {
        self.0.signal
    }

    /// The pipeline, for an instance that serves only one.
    pub fn pipeline(&self) -> Option<&str> {
        self.0.pipeline.as_deref()
    }

    /// Logs, metrics and the wall clock, marked with this component.
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// The logger, marked with this component.
    pub fn logger(&self) -> &Logger {
        self.0.telemetry.logger()
    }

    /// The binary.
    pub fn build_info(&self) -> &BuildInfo {
        &self.0.build_info
    }

    /// The proxies of the environment.
    pub fn proxies(&self) -> &ProxySettings {
        &self.0.proxies
    }

    /// Whether what an exporter gets goes to others too, which it should not hold up by taking its time. Another answer
    /// may follow when a changed configuration is applied.
    pub fn has_siblings(&self) -> bool {
        self.0.has_siblings.load(Ordering::Relaxed)
    }

    #[cfg(feature = "engine")]
    pub(crate) fn set_siblings(&self, has_siblings: bool) {
        self.0.has_siblings.store(has_siblings, Ordering::Relaxed);
    }

    #[cfg(feature = "engine")]
    pub(crate) fn capabilities(&self) -> &Capabilities {
        &self.0.capabilities
    }

    /// Runs a task under supervision. A task that panics, or that ends with an error, turns the component's
    /// status to a permanent error; it is never silently gone. A task that ends well is done.
    pub fn spawn(
        &self,
        name: &'static str,
        future: impl Future<Output = Result<(), String>> + Send + 'static,
    ) -> Task {
        self.0.spawn.spawn(self, name, Box::pin(future))
    }

    /// Runs a task that is made again, after a growing pause, whenever it panics or ends with an error. In between
    /// the component's status is a recoverable error.
    pub fn spawn_restarting<F>(
        &self,
        name: &'static str,
        mut make: impl FnMut() -> F + Send + 'static,
    ) -> Task
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.0.spawn.spawn_restarting(self, name, Box::new(move || Box::pin(make())))
    }

    /// Runs a call that waits for a disk, on a thread where it holds up nobody. It runs to its end even if the future is
    /// dropped.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BrokenOff> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.0.spawn.run_blocking(Box::new(move || {
            // Nobody waits any more where it cannot be told.
            let _ = sender.send(work());
        }));
        receiver.await.map_err(|_| BrokenOff)
    }

    /// Reports the state of the component.
    pub fn report(&self, status: Status) {
        self.0.status.report(self.event(status));
    }

    /// Reports that a part of the component is dead, and stays so until it is started anew.
    #[cfg(feature = "engine")]
    pub(crate) fn report_dead(&self, error: String) {
        self.0.status.report(StatusEvent { dead: true, ..self.event(Status::PermanentError(error)) });
    }

    fn event(&self, status: Status) -> StatusEvent {
        StatusEvent {
            signal: self.0.signal,
            pipeline: self.0.pipeline.clone(),
            instance: self.0.instance,
            time: self.0.telemetry.now(),
            ..StatusEvent::new(self.kind(), self.id().clone(), status)
        }
    }

    /// What all instances of this component's configuration share, made by the first that asks.
    pub fn shared<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        self.0.shared.get_or_insert(self.kind(), self.id(), make)
    }

    /// What the collector keeps of a kind while components come and go with their configurations, made by the first
    /// that asks.
    pub fn lasting<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.0.lasting.get_or_default()
    }

    /// A number that tells this instance from all others of its collector.
    pub fn instance(&self) -> u64 {
        self.0.instance
    }

    /// Whether the instance of that number is about to stop because others take its place, so that one of them may take
    /// over what it has.
    pub fn is_leaving(&self, instance: u64) -> bool {
        self.0.lasting.is_leaving(instance)
    }

    /// What an extension offers under its id, such as an authenticator. Who asked is started anew when that extension
    /// changes. Extensions may ask each other from their start on, when all of them exist, though not all may have started.
    pub fn capability<T: ?Sized + Send + Sync + 'static>(&self, extension: &ComponentId) -> Option<Arc<T>> {
        self.0.capabilities.get(extension)
    }

    /// Whether an extension of that id runs, whatever it offers.
    pub fn has_extension(&self, id: &ComponentId) -> bool {
        self.0.capabilities.has(id)
    }

    /// Counts items that were given up, by a short constant reason.
    pub fn dropped(&self, signal: SignalKind, reason: &'static str, items: usize) {
        self.0
            .telemetry
            .metrics()
            .counter(
                "otelcol_dropped_items",
                "Items given up after they were accepted, by component and reason",
                "{item}",
                &[("component", &self.id().to_string()), ("signal", signal.as_str()), ("reason", reason)],
            )
            .add(items as u64);
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("kind", &self.0.kind).field("id", &self.0.id).finish_non_exhaustive()
    }
}

/// Runs tasks for components; the engine implements it.
pub trait Spawn: Send + Sync + 'static {
    /// Runs the task under supervision for the component of `host`.
    fn spawn(&self, host: &Host, name: &'static str, future: TaskFuture) -> Task;

    /// Runs the task that `make` returns, and another whenever it panics or ends with an error.
    fn spawn_restarting(
        &self,
        host: &Host,
        name: &'static str,
        make: Box<dyn FnMut() -> TaskFuture + Send>,
    ) -> Task;

    /// Runs a call that may block, on a thread of its own.
    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>);
}

/// A call that came to no end: it panicked, or the process is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call was broken off")]
pub struct BrokenOff;

/// What a task runs. An error ends it with a message.
pub type TaskFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A running task. Dropping it lets the task run on.
pub struct Task {
    abort: Box<dyn Fn() + Send + Sync>,
    ended: tokio::sync::watch::Receiver<bool>,
}

impl Task {
    /// A task that `abort` ends and that sets `ended` when it is over.
    pub fn new(abort: impl Fn() + Send + Sync + 'static, ended: tokio::sync::watch::Receiver<bool>) -> Self {
        Self { abort: Box::new(abort), ended }
    }

    /// Ends the task at its next await.
    pub fn abort(&self) {
        (self.abort)();
    }

    /// Waits for the end of the task.
    pub async fn ended(&self) {
        // An error says that the sender is gone, and with it the task.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("ended", &*self.ended.borrow()).finish_non_exhaustive()
    }
}

type SharedKey = (ComponentKind, ComponentId, TypeId);

/// What the instances of one configuration share, for all components of a collector.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<HashMap<SharedKey, Arc<dyn Any + Send + Sync>>>>);

impl Shared {
    fn get_or_insert<T: Send + Sync + 'static>(
        &self,
        kind: ComponentKind,
        id: &ComponentId,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let key = (kind, id.clone(), TypeId::of::<T>());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = all.entry(key).or_insert_with(|| Arc::new(make()));
        Arc::clone(value).downcast().expect("the key holds the type")
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// What extensions offer to components, by the extension's id and the type, usually a trait object.
#[derive(Default)]
pub struct Capabilities {
    provider: Option<ComponentId>,
    offers: Offers,
    /// What all extensions of a collector offer, once all are created: one may ask another that comes after it.
    published: Arc<OnceLock<Offers>>,
    asked: Mutex<HashSet<ComponentId>>,
}

#[derive(Default)]
struct Offers {
    extensions: HashSet<ComponentId>,
    by_type: HashMap<(ComponentId, TypeId), Arc<dyn Any + Send + Sync>>,
}

impl Capabilities {
    /// The extension that offers from now on.
    pub fn set_provider(&mut self, id: ComponentId) {
        self.offers.extensions.insert(id.clone());
        self.provider = Some(id);
    }

    /// Offers a value, usually as an `Arc<dyn Trait>`.
    pub fn offer<T: ?Sized + Send + Sync + 'static>(&mut self, value: Arc<T>) {
        if let Some(id) = self.provider.clone() {
            self.offers.by_type.insert((id, TypeId::of::<T>()), Arc::new(value));
        }
    }

    /// The same offers, for a component to ask once they are published.
    #[cfg(feature = "engine")]
    pub(crate) fn view(&self) -> Self {
        Self { published: Arc::clone(&self.published), ..Self::default() }
    }

    /// Shows what was offered to all views.
    #[cfg(feature = "engine")]
    pub(crate) fn publish(&mut self) {
        // A second time there would be nothing left to show.
        let _ = self.published.set(std::mem::take(&mut self.offers));
    }

    /// Whether one of these extensions was asked for anything.
    #[cfg(feature = "engine")]
    pub(crate) fn asked_any(&self, of: &HashSet<ComponentId>) -> bool {
        !self.asked.lock().unwrap_or_else(PoisonError::into_inner).is_disjoint(of)
    }

    /// What the extension offers as a `T`.
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self, id: &ComponentId) -> Option<Arc<T>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        self.offers().by_type.get(&(id.clone(), TypeId::of::<T>()))?.downcast_ref::<Arc<T>>().cloned()
    }

    /// Whether there is an extension of that id, whatever it offers.
    pub fn has(&self, id: &ComponentId) -> bool {
        self.offers().extensions.contains(id)
    }

    fn offers(&self) -> &Offers {
        self.published.get().unwrap_or(&self.offers)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.offers().by_type.keys().map(|(id, _)| id.to_string())).finish()
    }
}
