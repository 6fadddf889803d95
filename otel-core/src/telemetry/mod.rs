//! What a collector says of itself: logs, metrics, spans, and the clock it tells time by. Handed to components, never
//! global.

mod clock;
mod logger;
mod metrics;
mod propagation;
mod tracer;

pub use clock::{Clock, SystemClock};
#[cfg(any(feature = "cli", feature = "engine"))]
pub(crate) use logger::with_causes;
pub use logger::{Event, Level, LogRecord, LogSink, Logger, NoLogs};
pub use metrics::{
    Counter, Histogram, Instrument, Metrics, MetricsLevel, Observation, Series, UpDown, bounds,
};
pub use opentelemetry::KeyValue;
pub use opentelemetry::trace::SpanKind;
pub use propagation::Propagation;
pub use tracer::{Span, TraceContext, Tracer};

use std::sync::Arc;
use std::time::SystemTime;

/// Logs, metrics, spans and the wall clock of a collector, or of one of its components. Cloning is a few reference
/// counts.
#[derive(Debug, Clone)]
pub struct Telemetry {
    logger: Logger,
    metrics: Metrics,
    tracer: Tracer,
    clock: Arc<dyn Clock>,
}

impl Telemetry {
    /// Telemetry of these parts, without spans.
    pub fn new(logger: Logger, metrics: Metrics, clock: Arc<dyn Clock>) -> Self {
        Self { logger, metrics, tracer: Tracer::none(), clock }
    }

    /// Telemetry that goes nowhere, with the system's clock.
    pub fn none() -> Self {
        Self::new(Logger::none(), Metrics::none(), Arc::new(SystemClock))
    }

    /// The logger.
    pub fn logger(&self) -> &Logger {
        &self.logger
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Makes spans.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// The wall clock's time. Monotonic time is tokio's.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// The wall clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The same with another logger.
    pub fn with_logger(mut self, logger: Logger) -> Self {
        self.logger = logger;
        self
    }

    /// The same with another tracer.
    pub fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.tracer = tracer;
        self
    }
}
