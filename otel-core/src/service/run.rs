//! A collector from a configuration, running.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::Instant;

use super::collector::Collector;
use super::telemetry::{self, OwnTelemetry};
use crate::component::BuildInfo;
use crate::config::ConfigErrors;
use crate::engine::{Dropped, EngineError, Identity, Options, Running, ShutdownReport};
use crate::telemetry::Logger;

/// How long own telemetry may take to leave, beyond the shutdown of everything else.
pub(super) const FLUSH_TIME: Duration = Duration::from_secs(2);

/// A collector that runs, with its own telemetry. See [`Running`], which it is one of.
pub struct Service {
    pub(super) running: Running,
    pub(super) own: OwnTelemetry,
    pub(super) build_info: BuildInfo,
    /// What the configuration says of telemetry.
    pub(super) telemetry_identity: Identity,
}

impl Service {
    pub(super) async fn start(collector: Collector, build_info: BuildInfo) -> Result<Self, ServiceError> {
        let (telemetry, own) =
            telemetry::set_up(&collector.telemetry, &build_info, &collector.proxies).await?;
        let logger = telemetry.logger().clone();
        collector.log_warnings(&logger);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        logger
            .info(&format!("Starting {}...", build_info.command))
            .field("Version", build_info.version.as_str())
            .field("NumCPU", cores)
            .emit();
        tell_addresses(&own, &logger);
        let options = Options {
            telemetry,
            build_info: build_info.clone(),
            proxies: collector.proxies,
            feature_gates: collector.feature_gates,
            shutdown_timeout: collector.shutdown_timeout,
        };
        match collector.graph.start(options).await {
            Ok(running) => {
                logger.info("Everything is ready. Begin running and processing data.").emit();
                Ok(Self { running, own, build_info, telemetry_identity: collector.telemetry_identity })
            }
            Err(error) => {
                own.shutdown(Instant::now() + FLUSH_TIME).await;
                Err(error.into())
            }
        }
    }

    /// The running graph: its status, its tasks, its telemetry.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Where its metrics can be fetched.
    pub fn metrics_addresses(&self) -> Vec<SocketAddr> {
        self.own.addresses()
    }

    /// Runs until `stop` completes or a fatal error occurs, and shuts down.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> ShutdownReport {
        self.run_with_reloads(stop, async || std::future::pending().await).await
    }

    /// As [`run_until`](Self::run_until), and [applies](Self::reload) every configuration that `next` comes up with. Both
    /// futures are dropped where the other is first.
    pub async fn run_with_reloads(
        mut self,
        stop: impl Future<Output = ()>,
        mut next: impl AsyncFnMut() -> Result<Collector, ConfigErrors>,
    ) -> ShutdownReport {
        let mut stop = pin!(stop);
        let fatal = loop {
            let read = tokio::select! {
                biased;
                () = &mut stop => break None,
                error = self.running.fatal() => break Some(error),
                read = next() => read,
            };
            if self.reload_until(read, stop.as_mut()).await {
                break None;
            }
        };
        let logger = self.running.telemetry().logger().clone();
        match &fatal {
            Some(error) => logger
                .error("Asynchronous error received, terminating process")
                .field("error", error.as_str())
                .emit(),
            None => logger.info("Starting shutdown...").emit(),
        }
        let mut report = self.running.shutdown_ref().await;
        report.fatal = fatal;
        for dropped in &report.dropped {
            self.log_dropped("Items were dropped at shutdown", dropped);
        }
        for failure in &report.failures {
            logger.error("Component did not shut down").field("error", failure.as_str()).emit();
        }
        self.own.shutdown(Instant::now() + FLUSH_TIME).await;
        logger.info("Shutdown complete.").emit();
        report
    }

    /// Applies a configuration. Returns whether it was to stop meanwhile: a change that is under way then is first brought to its
    /// end, if that takes at most half of the time there is for the shutdown, since data has nowhere to go in the middle of it.
    async fn reload_until(
        &mut self,
        read: Result<Collector, ConfigErrors>,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> bool {
        let timeout = self.running.shutdown_timeout();
        let asked = {
            // What came of it is logged and shown by extensions.
            let mut reload = pin!(self.reload(read));
            tokio::select! {
                biased;
                () = stop => {}
                _ = &mut reload => return false,
            }
            let asked = Instant::now();
            let _ = tokio::time::timeout(timeout / 2, reload).await;
            asked
        };
        self.running.set_shutdown_timeout(timeout.saturating_sub(asked.elapsed()));
        true
    }

    pub(super) fn log_dropped(&self, message: &str, dropped: &Dropped) {
        let logger = self.running.telemetry().logger();
        logger
            .error(message)
            .field("component", dropped.component.as_str())
            .field("signal", dropped.signal.as_str())
            .field("reason", dropped.reason.as_str())
            .field("items", dropped.items)
            .emit();
    }

    /// Shuts down now.
    pub async fn shutdown(self) -> ShutdownReport {
        self.run_until(std::future::ready(())).await
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("running", &self.running).finish_non_exhaustive()
    }
}

pub(super) fn tell_addresses(own: &OwnTelemetry, logger: &Logger) {
    for address in own.addresses() {
        logger.info("Serving metrics").text("endpoint", &address).emit();
    }
}

/// A collector that did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A component did not start, or the graph could not be built.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An output of logs could not be opened.
    #[error("service::telemetry::logs::output_paths: cannot open {path:?}")]
    LogOutput {
        /// The path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The address for metrics could not be bound.
    #[error("service::telemetry::metrics::readers: cannot listen on {endpoint}")]
    MetricsAddress {
        /// The address.
        endpoint: String,
        /// Why.
        source: io::Error,
    },
    /// Own telemetry cannot be sent as it is configured.
    #[error("service::telemetry: {message}")]
    Export {
        /// Why.
        message: String,
    },
    /// Metrics could not be set up.
    #[error("service::telemetry::metrics: {message}")]
    Metrics {
        /// Why.
        message: String,
    },
}

impl From<prometheus::Error> for ServiceError {
    fn from(error: prometheus::Error) -> Self {
        ServiceError::Metrics { message: error.to_string() }
    }
}
