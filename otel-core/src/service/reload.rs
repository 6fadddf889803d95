//! Another configuration while the collector runs.

use super::collector::Collector;
use tokio::time::Instant;

use super::run::{FLUSH_TIME, Service, ServiceError, tell_addresses};
use super::telemetry::{self, OwnTelemetry};
use crate::config::ConfigErrors;
use crate::engine::Applied;
use crate::telemetry::{Telemetry, with_causes};

/// A configuration that was not applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// It is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// It does not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Service {
    /// Applies another configuration, or tells extensions that there is one that cannot be read. What is the same in both
    /// stays as it is: see [`Running::apply`](crate::engine::Running::apply). Where `service::telemetry` is another, every
    /// component is new.
    ///
    /// Dropping the future is legal; the collector then has to be shut down.
    ///
    /// # Errors
    /// The configuration is wrong or does not start; the collector runs on with the one before.
    pub async fn reload(&mut self, read: Result<Collector, ConfigErrors>) -> Result<Applied, ReloadError> {
        self.running.telemetry().logger().info("Config updated, applying it").emit();
        let outcome = match read {
            Ok(collector) => self.apply(collector).await,
            Err(errors) => {
                self.running.reload_failed(&errors.to_string());
                Err(errors.into())
            }
        };
        let logger = self.running.telemetry().logger().clone();
        let (metrics, result) = (self.running.telemetry().metrics(), outcome.as_ref().map(drop));
        let result = result.map_or("failure", |()| "success");
        let description = "Configurations that were to be applied to the running collector";
        metrics.counter("otelcol_config_reloads", description, "{reloads}", &[("outcome", result)]).add(1);
        match &outcome {
            Ok(applied) => {
                for dropped in &applied.dropped {
                    self.log_dropped("Items were dropped by what was stopped", dropped);
                }
                for failure in &applied.failures {
                    logger.error("Component did not shut down").field("error", failure.as_str()).emit();
                }
                logger
                    .info("Config applied")
                    .field("kept", applied.kept)
                    .field("started", applied.started.as_slice())
                    .field("stopped", applied.stopped.as_slice())
                    .emit();
            }
            Err(error) => {
                logger.error("Config not applied, running on with the one before").error(error).emit();
            }
        }
        outcome
    }

    async fn apply(&mut self, collector: Collector) -> Result<Applied, ReloadError> {
        let logger = self.running.telemetry().logger().clone();
        collector.log_warnings(&logger);
        self.running.set_shutdown_timeout(collector.shutdown_timeout);
        if collector.telemetry_identity.is(&self.telemetry_identity) {
            return Ok(self.running.apply(collector.graph).await.map_err(ServiceError::from)?);
        }
        let (telemetry, own) = match self.set_up(&collector).await {
            Ok(new) => new,
            Err(error) => {
                self.running.reload_failed(&with_causes(&error));
                return Err(self.resume(error).await);
            }
        };
        let logger = telemetry.logger().clone();
        match self.running.apply_anew(collector.graph, telemetry).await {
            Ok(applied) => {
                tell_addresses(&own, &logger);
                self.telemetry_identity = collector.telemetry_identity;
                std::mem::replace(&mut self.own, own).shutdown(Instant::now() + FLUSH_TIME).await;
                Ok(applied)
            }
            Err(error) => {
                own.shutdown(Instant::now()).await;
                Err(self.resume(error.into()).await)
            }
        }
    }

    /// Other telemetry of its own, beside what there is, which gives up its addresses where they are the same.
    async fn set_up(&mut self, collector: &Collector) -> Result<(Telemetry, OwnTelemetry), ServiceError> {
        let Collector { telemetry, proxies, .. } = collector;
        match telemetry::set_up(telemetry, &self.build_info, proxies).await {
            Err(ServiceError::MetricsAddress { .. }) => {
                self.own.suspend().await;
                telemetry::set_up(telemetry, &self.build_info, proxies).await
            }
            outcome => outcome,
        }
    }

    /// Goes on with the telemetry that there was.
    async fn resume(&mut self, error: ServiceError) -> ReloadError {
        if let Err(error) = self.own.resume().await {
            let logger = self.running.telemetry().logger();
            logger.error("Metrics are no longer served").error(&error).emit();
        }
        error.into()
    }
}
