use tokio::time::Instant;

use crate::component::Host;
use crate::pdata::SignalKind;
use crate::telemetry::{Histogram, MetricsLevel, bounds};

/// Measures what a processor's own work on a request takes, at the level detailed, with the name of the Go collector. What
/// goes into processors and comes out the engine counts itself.
#[derive(Debug, Clone)]
pub struct ProcessorReport {
    duration: Histogram,
}

/// Work that has begun.
#[must_use = "the work is measured when it ends"]
#[derive(Debug, Clone, Copy)]
pub struct Work(Option<Instant>);

impl ProcessorReport {
    /// For the processor of that host and one signal.
    pub fn new(host: &Host, signal: SignalKind) -> Self {
        let metrics = host.telemetry().metrics().at(MetricsLevel::Detailed);
        let duration = metrics.histogram(
            "otelcol_processor_internal_duration",
            "Duration of time taken to process a batch of telemetry data through the processor. [Alpha]",
            "s",
            &bounds::DEFAULT,
            &[("processor", &host.id().to_string()), ("otel.signal", signal.as_str())],
        );
        Self { duration }
    }

    /// Work begins. Where nobody measures it, that is a branch.
    pub fn begin(&self) -> Work {
        Work(self.duration.is_enabled().then(Instant::now))
    }

    /// Work has ended; what follows is that of the next component.
    pub fn end(&self, work: Work) {
        let Work(begun) = work;
        if let Some(begun) = begun {
            self.duration.record(begun.elapsed().as_secs_f64());
        }
    }
}
