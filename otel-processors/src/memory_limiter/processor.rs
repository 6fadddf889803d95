use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{Component, ConsumeError, Context, Host, Next, Processor, StartError};
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
    signal: PhantomData<fn(S)>,
}

impl<S: Signal> MemoryLimiterProcessor<S> {
    /// A processor that follows a limiter.
    pub fn new(limiter: Arc<Limiter>, host: &Host) -> Self {
        let (accepted, refused) = match S::KIND {
            SignalKind::Traces => (
                "otelcol_processor_memory_limiter_accepted_spans",
                "otelcol_processor_memory_limiter_refused_spans",
            ),
            SignalKind::Metrics => (
                "otelcol_processor_memory_limiter_accepted_metric_points",
                "otelcol_processor_memory_limiter_refused_metric_points",
            ),
            _ => (
                "otelcol_processor_memory_limiter_accepted_log_records",
                "otelcol_processor_memory_limiter_refused_log_records",
            ),
        };
        let id = host.id().to_string();
        let counter = |name, description| {
            host.telemetry().metrics().counter(name, description, "{items}", &[("processor", &id)])
        };
        Self {
            accepted: counter(accepted, "Number of items let through"),
            refused: counter(refused, "Number of items refused because memory is short"),
            limiter,
            host: host.clone(),
            signal: PhantomData,
        }
    }

    fn refusal() -> ConsumeError {
        ConsumeError::retryable("data refused due to high memory usage")
            .with_reason("memory_limited")
            .with_retry_after(Duration::from_secs(1))
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
        if self.limiter.refuses() {
            self.refused.add(items);
            return Err(Self::refusal());
        }
        next.consume(data, context).await?;
        self.accepted.add(items);
        Ok(())
    }

    fn admit(&self, data: &S, next: &Next<S>) -> Result<(), ConsumeError> {
        if self.limiter.refuses() { Err(Self::refusal()) } else { next.admit(data) }
    }
}
