//! What a collector says of itself, as `service.telemetry` describes it: logs in the shapes of the Go collector's,
//! metrics with its names for Prometheus or over OTLP, spans of its work over OTLP.

mod config;
mod export;
mod logs;
mod metrics;
mod own;
mod periodic;
mod process;
mod sampling;
mod traces;
mod views;

pub use config::{
    AggregationConfig, AttributeKeys, BatchConfig, Destination, Encoding, LogsConfig, MetricsConfig,
    OtlpConfig, ParentBasedConfig, PeriodicConfig, PrometheusConfig, Propagator, Protocol, ReaderConfig,
    ResourceConfig, SamplerConfig, SamplingConfig, Selector, SpanLimitsConfig, Stream, TelemetryConfig,
    Temporality, TracesConfig, ViewConfig,
};

pub(super) use own::{OwnTelemetry, set_up};
