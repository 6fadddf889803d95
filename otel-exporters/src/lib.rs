//! The exporters of an OpenTelemetry collector built in Rust. Each is a feature of its name.

#[cfg(feature = "debug")]
pub mod debug;
#[cfg(feature = "nop")]
pub mod nop;
#[cfg(feature = "otlp_grpc")]
pub mod otlp_grpc;
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
    // A build without features has none to add.
    let _ = registry;
}
