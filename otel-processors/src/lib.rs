//! The processors and connectors of an OpenTelemetry collector built in Rust. Each is a feature of its name.

#[cfg(feature = "batch")]
pub mod batch;
pub mod connectors;
#[cfg(feature = "memory_limiter")]
pub mod memory_limiter;

#[cfg(feature = "forward")]
use otel_core::pdata::{Logs, Metrics, Traces};
use otel_core::service::Registry;

/// Adds every processor and connector of this build to a registry.
pub fn register(registry: &mut Registry) {
    #[cfg(feature = "batch")]
    registry.processor::<batch::BatchConfig>().traces().metrics().logs();
    #[cfg(feature = "memory_limiter")]
    registry.processor::<memory_limiter::MemoryLimiterConfig>().traces().metrics().logs();
    #[cfg(feature = "forward")]
    registry
        .connector::<connectors::forward::ForwardConfig>()
        .connects::<Traces, Traces>()
        .connects::<Metrics, Metrics>()
        .connects::<Logs, Logs>();
    // A build without features has none to add.
    let _ = registry;
}
