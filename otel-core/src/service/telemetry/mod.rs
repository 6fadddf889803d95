//! What a collector says of itself, as `service.telemetry` describes it: logs in the shapes of the Go collector's, and
//! metrics with its names for Prometheus.

mod config;
mod logs;
mod metrics;
mod process;

pub use config::{Encoding, LogsConfig, MetricsConfig, PrometheusConfig, TelemetryConfig};

pub(super) use metrics::MetricsServer;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::run::ServiceError;
use crate::component::BuildInfo;
use crate::telemetry::{Clock, Logger, SystemClock, Telemetry};

/// Opens outputs and binds servers.
pub(super) async fn set_up(
    config: &TelemetryConfig,
    build_info: &BuildInfo,
) -> Result<(Telemetry, MetricsServer), ServiceError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let resource = config.resource(build_info);
    let sink = logs::Output::open(&config.logs, Arc::clone(&clock))?;
    let fields: Map<String, Value> =
        resource.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    let logger = Logger::new(Arc::new(sink)).with("resource", Value::Object(fields));
    let (metrics, server) = MetricsServer::bind(&config.metrics, &resource).await?;
    let telemetry = Telemetry::new(logger, metrics, clock);
    Ok((telemetry, server))
}
