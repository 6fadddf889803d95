//! The section `service.telemetry`.

mod export;
mod level;
mod logs;
mod metrics;
mod resource;
mod telemetry;
#[cfg(test)]
mod tests;
mod traces;
mod views;

pub use export::{BatchConfig, Destination, OtlpConfig, Protocol, Temporality};
pub use logs::{Encoding, LogsConfig, SamplingConfig};
pub use metrics::{MetricsConfig, PeriodicConfig, PrometheusConfig, ReaderConfig};
pub(super) use resource::Resource;
pub use resource::ResourceConfig;
pub use telemetry::TelemetryConfig;
pub use traces::{ParentBasedConfig, Propagator, SamplerConfig, SpanLimitsConfig, TracesConfig};
pub use views::{AggregationConfig, AttributeKeys, Selector, Stream, ViewConfig};
