//! A host outside a collector.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::ComponentId;
use crate::component::{
    BuildInfo, Capabilities, ComponentKind, Host, HostParts, Lasting, ProxySettings, Shared, Status,
    StatusEvent, StatusSink,
};
use crate::engine::Tasks;
use crate::pdata::SignalKind;
use crate::telemetry::{Clock, Level, LogRecord, LogSink, Logger, Metrics, Telemetry, Tracer};

/// Makes [`Host`]s for components under test, and shows what they did with them. Tasks run on the tokio runtime of
/// the caller and end when the last host and this are gone.
///
/// ```
/// use async_trait::async_trait;
/// use otel_core::component::{Component, ComponentKind, ConsumeError, Context, Host, Next, Processor};
/// use otel_core::pdata::{Signal, Traces};
/// use otel_core::testing::{Sink, TestHost};
///
/// /// Gives up everything beyond a limit.
/// struct Limit(usize, Host);
///
/// impl Component for Limit {}
///
/// #[async_trait]
/// impl<S: Signal> Processor<S> for Limit {
///     async fn process(&self, data: S, context: Context, next: &Next<S>) -> Result<(), ConsumeError> {
///         if data.items() > self.0 {
///             self.1.dropped(S::KIND, "limit", data.items());
///             return Ok(());
///         }
///         next.consume(data, context).await
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let test = TestHost::new(ComponentKind::Processor, "limit");
/// let sink = Sink::<Traces>::new();
/// let limit = Limit(10, test.host());
/// limit.process(Traces::default(), Context::new(), &sink.next()).await.unwrap();
/// assert_eq!(sink.received().len(), 1);
/// assert_eq!(test.dropped("limit"), 0);
/// # });
/// ```
pub struct TestHost {
    parts: HostParts,
    logs: Arc<Logs>,
    statuses: Arc<Statuses>,
    tasks: Arc<Tasks>,
}

impl TestHost {
    /// A host for a component of that id, with a clock at the epoch's start of 2026.
    ///
    /// # Panics
    /// Outside a tokio runtime, and if the id is none.
    pub fn new(kind: ComponentKind, id: &str) -> Self {
        let id: ComponentId = id.parse().expect("a test names its component `type` or `type/name`");
        let (logs, statuses) = (Arc::new(Logs::default()), Arc::new(Statuses::default()));
        let tasks = Arc::new(Tasks::new());
        let telemetry = Telemetry::new(
            Logger::new(Arc::clone(&logs) as Arc<_>),
            Metrics::none(),
            Arc::new(ManualClock::default()),
        );
        let parts = HostParts {
            id,
            kind,
            signal: None,
            pipeline: None,
            telemetry,
            build_info: Arc::new(BuildInfo::default()),
            proxies: Arc::default(),
            spawn: Arc::clone(&tasks) as Arc<_>,
            status: Arc::clone(&statuses) as Arc<_>,
            shared: Shared::default(),
            lasting: Lasting::default(),
            instance: 0,
            capabilities: Arc::default(),
            has_siblings: Arc::default(),
        };
        Self { parts, logs, statuses, tasks }
    }

    /// The same for an instance of one signal.
    pub fn with_signal(mut self, signal: SignalKind) -> Self {
        self.parts.signal = Some(signal);
        self
    }

    /// The same for an instance of one pipeline.
    pub fn with_pipeline(mut self, pipeline: &str) -> Self {
        self.parts.pipeline = Some(pipeline.to_owned());
        self
    }

    /// The same with another wall clock.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        let telemetry = &self.parts.telemetry;
        self.parts.telemetry =
            Telemetry::new(telemetry.logger().clone(), telemetry.metrics().clone(), Arc::new(clock));
        self
    }

    /// The same with a tracer.
    pub fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.parts.telemetry = self.parts.telemetry.with_tracer(tracer);
        self
    }

    /// The same in an environment with these proxies.
    pub fn with_proxies(mut self, proxies: ProxySettings) -> Self {
        self.parts.proxies = Arc::new(proxies);
        self
    }

    /// The same for an exporter beside others that get the same.
    pub fn with_siblings(self) -> Self {
        self.parts.has_siblings.store(true, Ordering::Relaxed);
        self
    }

    /// The same with what extensions offer.
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.parts.capabilities = Arc::new(capabilities);
        self
    }

    /// The host. All hosts of one test host share what components of one configuration share.
    pub fn host(&self) -> Host {
        Host::new(self.parts.clone())
    }

    /// The metrics of the component.
    pub fn metrics(&self) -> &Metrics {
        self.parts.telemetry.metrics()
    }

    /// The number of items given up for a reason.
    pub fn dropped(&self, reason: &str) -> u64 {
        self.metrics().counted("otelcol_dropped_items", &[("reason", reason)])
    }

    /// What the component logged.
    pub fn logs(&self) -> Vec<LoggedRecord> {
        self.logs.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The states that the component and its tasks reported, in order.
    pub fn statuses(&self) -> Vec<Status> {
        self.statuses.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of tasks that have not ended.
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }
}

impl fmt::Debug for TestHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHost").field("id", &self.parts.id).finish_non_exhaustive()
    }
}

/// A record that a component wrote.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LoggedRecord {
    /// The severity.
    pub level: Level,
    /// The constant part.
    pub message: String,
    /// The variable part.
    pub fields: Vec<(&'static str, serde_json::Value)>,
}

#[derive(Default)]
struct Logs(Mutex<Vec<LoggedRecord>>);

impl LogSink for Logs {
    fn enabled(&self, _level: Level) -> bool {
        true
    }

    fn write(&self, record: &LogRecord<'_>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(LoggedRecord {
            level: record.level,
            message: record.message.to_owned(),
            fields: record.fields.to_vec(),
        });
    }
}

#[derive(Default)]
struct Statuses(Mutex<Vec<Status>>);

impl StatusSink for Statuses {
    fn report(&self, event: StatusEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.status);
    }
}

/// A wall clock that a test moves. Cloning shares it.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<SystemTime>>);

impl ManualClock {
    /// A clock at a time.
    pub fn at(time: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// Sets the clock.
    pub fn set(&self, time: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

/// At the beginning of 2026.
impl Default for ManualClock {
    fn default() -> Self {
        Self::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
