//! The exporters of an OpenTelemetry collector built in Rust. Each is a feature of its name.
//!
//! ```
//! # #[cfg(feature = "full")] {
//! use otel_core::engine::Graph;
//! use otel_exporters::debug::DebugConfig;
//!
//! let mut graph = Graph::new();
//! let debug = graph.exporter("debug", DebugConfig::default());
//! # }
//! ```
//!
//! [`register`] adds all of a build to a registry, for collectors from YAML. No feature is on by default; `full` is all of
//! them. The oldest Rust that it builds with is 1.90.

#[cfg(feature = "debug")]
pub mod debug;
#[cfg(feature = "nop")]
pub mod nop;
#[cfg(any(feature = "otlp_grpc", feature = "otlp_http"))]
mod otlp;
#[cfg(feature = "otlp_grpc")]
pub mod otlp_grpc;
#[cfg(feature = "otlp_http")]
pub mod otlp_http;
#[cfg(feature = "sending")]
pub mod sending;

use otel_core::service::Registry;

/// Adds every exporter of this build to a registry.
pub fn register(registry: &mut Registry) {
    #[cfg(feature = "debug")]
    registry.exporter::<debug::DebugConfig>().traces().metrics().logs();
    #[cfg(feature = "nop")]
    registry.exporter::<nop::NopExporterConfig>().traces().metrics().logs();
    #[cfg(feature = "otlp_grpc")]
    registry.exporter::<otlp_grpc::OtlpGrpcExporterConfig>().traces().metrics().logs();
    #[cfg(feature = "otlp_http")]
    registry.exporter::<otlp_http::OtlpHttpExporterConfig>().traces().metrics().logs();
    // A build without features has none to add.
    let _ = registry;
}
