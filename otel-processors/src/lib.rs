//! The processors of an OpenTelemetry collector built in Rust. Each is a feature of its name.

#[cfg(feature = "batch")]
pub mod batch;
#[cfg(feature = "memory_limiter")]
pub mod memory_limiter;

use otel_core::service::Registry;

/// Adds every processor of this build to a registry.
pub fn register(registry: &mut Registry) {
    #[cfg(feature = "batch")]
    registry.processor::<batch::BatchConfig>().traces().metrics().logs();
    #[cfg(feature = "memory_limiter")]
    registry.processor::<memory_limiter::MemoryLimiterConfig>().traces().metrics().logs();
    // A build without features has none to add.
    let _ = registry;
}
