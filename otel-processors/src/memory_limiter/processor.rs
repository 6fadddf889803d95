use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{
    Component, ConsumeError, Context, Host, Next, Processor, ProcessorReport, StartError,
};
use otel_core::pdata::{Signal, SignalKind};
use otel_core::telemetry::Counter;
use tokio::time::Instant;

use super::limiter::Limiter;

/// Refuses telemetry of one pipeline while memory is short.
#[derive(Debug)]
pub struct MemoryLimiterProcessor<S> {
    limiter: Arc<Limiter>,
    host: Host,
    accepted: Counter,
    refused: Counter,
    report: ProcessorReport,
    signal: PhantomData<fn(S)>,
}

impl<S: Signal> MemoryLimiterProcessor<S> {
    /// A processor that follows a limiter.
    pub fn new(limiter: Arc<Limiter>, host: &Host) -> Self {
        let names = Names::of(S::KIND);
        let id = host.id().to_string();
        let counter = |name, description| {
            host.telemetry().metrics().counter(name, description, names.unit, &[("processor", &id)])
        };
        Self {
            accepted: counter(names.accepted.0, names.accepted.1),
            refused: counter(names.refused.0, names.refused.1),
            report: ProcessorReport::new(host, S::KIND),
            limiter,
            host: host.clone(),
            signal: PhantomData,
        }
    }
}

#[async_trait]
impl<S: Signal> Component for MemoryLimiterProcessor<S> {
    async fn start(&self) -> Result<(), StartError> {
        self.limiter.start(&self.host);
        Ok(())
    }

    async fn shutdown(&self, _deadline: Instant) {
        self.limiter.stop();
    }
}

#[async_trait]
impl<S: Signal> Processor<S> for MemoryLimiterProcessor<S> {
    async fn process(&self, data: S, context: Context, next: &Next<S>) -> Result<(), ConsumeError> {
        let items = data.items() as u64;
        let work = self.report.begin();
        let refuses = self.limiter.refuses();
        self.report.end(work);
        if refuses {
            self.refused.add(items);
            return Err(refusal());
        }
        next.consume(data, context).await?;
        self.accepted.add(items);
        Ok(())
    }

    fn admit(&self, data: &S, next: &Next<S>) -> Result<(), ConsumeError> {
        if self.limiter.refuses() { Err(refusal()) } else { next.admit(data) }
    }
}

/// What those who send are told while memory is short.
pub(super) fn refusal() -> ConsumeError {
    ConsumeError::retryable("data refused due to high memory usage")
        .with_reason("memory_limited")
        .with_retry_after(Duration::from_secs(1))
}

/// Names with descriptions, by signal.
struct Names {
    unit: &'static str,
    accepted: (&'static str, &'static str),
    refused: (&'static str, &'static str),
}

impl Names {
    const fn of(signal: SignalKind) -> Self {
        match signal {
            SignalKind::Traces => Self {
                unit: "{span}",
                accepted: (
                    "otelcol_processor_memory_limiter_accepted_spans",
                    "Number of spans successfully pushed into the next component in the pipeline. [Alpha]",
                ),
                refused: (
                    "otelcol_processor_memory_limiter_refused_spans",
                    "Number of spans that were rejected by the next component in the pipeline. [Alpha]",
                ),
            },
            SignalKind::Metrics => Self {
                unit: "{datapoint}",
                accepted: (
                    "otelcol_processor_memory_limiter_accepted_metric_points",
                    "Number of metric points successfully pushed into the next component in the pipeline. [Alpha]",
                ),
                refused: (
                    "otelcol_processor_memory_limiter_refused_metric_points",
                    "Number of metric points that were rejected by the next component in the pipeline. [Alpha]",
                ),
            },
            _ => Self {
                unit: "{record}",
                accepted: (
                    "otelcol_processor_memory_limiter_accepted_log_records",
                    "Number of log records successfully pushed into the next component in the pipeline. [Alpha]",
                ),
                refused: (
                    "otelcol_processor_memory_limiter_refused_log_records",
                    "Number of log records that were rejected by the next component in the pipeline. [Alpha]",
                ),
            },
        }
    }
}
