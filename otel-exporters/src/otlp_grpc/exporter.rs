use std::sync::OnceLock;

use async_trait::async_trait;
use otel_core::component::{Code, Component, ConsumeError, Context, Exporter, Host, StartError};
use otel_core::net::{GrpcClient, GrpcClientConfig, PartialSuccess, Status};
use otel_core::pdata::{Signal, SignalKind};
use tokio::time::Instant;

use crate::otlp;

/// Sends a request once, and tells a failure that may pass from one that will not.
#[derive(Debug)]
pub struct OtlpGrpcExporter {
    config: GrpcClientConfig,
    host: Host,
    /// Made at the start, because it needs a runtime and the files of certificates.
    client: OnceLock<GrpcClient>,
}

impl OtlpGrpcExporter {
    /// An exporter that has not started.
    pub fn new(config: GrpcClientConfig, host: &Host) -> Self {
        Self { config, host: host.clone(), client: OnceLock::new() }
    }
}

#[async_trait]
impl Component for OtlpGrpcExporter {
    async fn start(&self) -> Result<(), StartError> {
        let client = GrpcClient::new(&self.config, &otlp::user_agent(self.host.build_info()), &self.host)
            .map_err(|error| StartError::new("cannot make the gRPC client").with_source(error))?
            .observed(self.host.telemetry());
        // A second start keeps the first client.
        let _ = self.client.set(client);
        Ok(())
    }
}

#[async_trait]
impl<S: Signal> Exporter<S> for OtlpGrpcExporter {
    async fn export(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        let client =
            self.client.get().ok_or_else(|| ConsumeError::retryable("the exporter has not started"))?;
        let left = context.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let call = client.call(method(S::KIND), &data, left, &context);
        let answer = call.await.map_err(|status| failure(&status))?;
        if let Some(partial) = PartialSuccess::of_response(&answer) {
            otlp::note_partial_success(&self.host, &partial, S::KIND);
        }
        Ok(())
    }
}

fn method(signal: SignalKind) -> &'static str {
    match signal {
        SignalKind::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        SignalKind::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        _ => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    }
}

pub(super) fn failure(status: &Status) -> ConsumeError {
    let retryable = match status.code {
        Code::Canceled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => status.retry_after.is_some(),
        _ => false,
    };
    otlp::failure(status, retryable)
}
