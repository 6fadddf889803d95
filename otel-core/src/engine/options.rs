//! How a graph runs.

use std::time::Duration;

use crate::component::{BuildInfo, FeatureGateOverview, ProxySettings};
use crate::telemetry::Telemetry;

/// What a collector is handed when it starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its logs and metrics go, and its wall clock.
    pub telemetry: Telemetry,
    /// Which binary it is.
    pub build_info: BuildInfo,
    /// The proxies that its clients go through.
    pub proxies: ProxySettings,
    /// The feature gates that its configuration was read with, for extensions to show.
    pub feature_gates: Vec<FeatureGateOverview>,
    /// How long a shutdown may take in all, below the 30 s after which Kubernetes kills.
    pub shutdown_timeout: Duration,
}

impl Options {
    /// The shutdown timeout of a default collector.
    pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);
}

impl Default for Options {
    fn default() -> Self {
        Self {
            telemetry: Telemetry::none(),
            build_info: BuildInfo::default(),
            proxies: ProxySettings::default(),
            feature_gates: Vec::new(),
            shutdown_timeout: Self::SHUTDOWN_TIMEOUT,
        }
    }
}
