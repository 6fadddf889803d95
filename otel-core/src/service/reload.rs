//! Another configuration while the collector runs.

use super::collector::Collector;
use super::run::{Service, ServiceError};
use crate::config::ConfigErrors;
use crate::engine::Applied;

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
    /// stays as it is: see [`Running::apply`](crate::engine::Running::apply). `service::telemetry` is not applied: it
    /// needs a start.
    ///
    /// Dropping the future is legal; the collector then has to be shut down.
    ///
    /// # Errors
    /// The configuration is wrong or does not start; the collector runs on with the one before.
    pub async fn reload(&mut self, read: Result<Collector, ConfigErrors>) -> Result<Applied, ReloadError> {
        let logger = self.running.telemetry().logger().clone();
        logger.info("Config updated, applying it").emit();
        let outcome = match read {
            Ok(collector) => self.apply(collector).await,
            Err(errors) => {
                self.running.reload_failed(&errors.to_string());
                Err(errors.into())
            }
        };
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
        if !collector.telemetry_identity.is(&self.telemetry_identity) {
            logger.warn("service::telemetry has changed, which takes effect at the next start").emit();
        }
        self.running.set_shutdown_timeout(collector.shutdown_timeout);
        Ok(self.running.apply(collector.graph).await.map_err(ServiceError::from)?)
    }
}
