//! Metrics that are sent every so often.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality as SdkTemporality};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout_at};

use super::config::{Destination, PeriodicConfig, Resource, Temporality};
use super::export::{Client, encode_metrics};
use crate::net::Surroundings;
use crate::pdata::{Signal as _, SignalKind};
use crate::service::run::ServiceError;
use crate::telemetry::Logger;

/// A reader with the task that sends what it reads.
pub(super) struct Periodic {
    stop: watch::Sender<bool>,
    task: JoinSet<()>,
}

impl Periodic {
    /// Starts the task. The reader is for the provider whose metrics are sent.
    pub(super) fn start(
        config: &PeriodicConfig,
        resource: &Arc<Resource>,
        logger: &Logger,
        surroundings: &Surroundings,
    ) -> Result<(SharedReader, Self), ServiceError> {
        let temporality = match &config.destination {
            Destination::Otlp(otlp) => otlp.temporality,
            Destination::Console => Temporality::Cumulative,
        };
        let temporality = match temporality {
            Temporality::Cumulative => SdkTemporality::Cumulative,
            Temporality::Delta => SdkTemporality::Delta,
            Temporality::LowMemory => SdkTemporality::LowMemory,
        };
        let reader = SharedReader(Arc::new(ManualReader::builder().with_temporality(temporality).build()));
        let sending = Sending {
            reader: reader.clone(),
            client: Client::new(&config.destination, SignalKind::Metrics, surroundings)?,
            interval: config.interval,
            timeout: config.timeout,
            resource: Arc::clone(resource),
            logger: logger.clone(),
        };
        let (stop, stopped) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(sending.run(stopped));
        Ok((reader, Self { stop, task }))
    }

    /// Sends once more and ends, at the deadline at the latest.
    pub(super) async fn shutdown(mut self, deadline: Instant) {
        self.stop.send_replace(true);
        if timeout_at(deadline, self.task.join_next()).await.is_err() {
            self.task.shutdown().await;
        }
    }
}

struct Sending {
    reader: SharedReader,
    client: Client,
    interval: Duration,
    timeout: Duration,
    resource: Arc<Resource>,
    logger: Logger,
}

impl Sending {
    async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut ticks = interval_at(Instant::now() + self.interval, self.interval);
        loop {
            let last = tokio::select! {
                _ = ticks.tick() => false,
                _ = stopped.wait_for(|stop| *stop) => true,
            };
            self.send().await;
            if last {
                return;
            }
        }
    }

    async fn send(&self) {
        let mut collected = ResourceMetrics::default();
        // Reading fails only once the provider has shut down, which comes after this task.
        if self.reader.collect(&mut collected).is_err() {
            return;
        }
        let metrics = encode_metrics(&collected, &self.resource);
        if metrics.items() == 0 {
            return;
        }
        if let Err(error) = self.client.send(&metrics, self.timeout).await {
            self.logger.error("OpenTelemetry internal telemetry error").field("error", error).emit();
        }
    }
}

/// A reader that the provider and the task share.
#[derive(Debug, Clone)]
pub(super) struct SharedReader(Arc<ManualReader>);

impl MetricReader for SharedReader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> SdkTemporality {
        self.0.temporality(kind)
    }
}
