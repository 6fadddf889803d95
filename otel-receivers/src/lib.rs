//! The receivers of an OpenTelemetry collector built in Rust. Each is a feature of its name.

#[cfg(feature = "nop")]
pub mod nop;
#[cfg(feature = "otlp")]
pub mod otlp;

use otel_core::service::Registry;

/// Adds every receiver of this build to a registry.
pub fn register(registry: &mut Registry) {
    #[cfg(feature = "nop")]
    registry.receiver::<nop::NopReceiverConfig>().traces().metrics().logs();
    #[cfg(feature = "otlp")]
    registry.receiver::<otlp::OtlpReceiverConfig>().traces().metrics().logs();
    // A build without features has none to add.
    let _ = registry;
}
