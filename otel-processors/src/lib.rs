//! The processors and connectors of an OpenTelemetry collector built in Rust. Each is a feature of its name.
//!
//! ```
//! # #[cfg(feature = "full")] {
//! use otel_core::engine::Graph;
//! use otel_core::pdata::Traces;
//! use otel_processors::batch::BatchConfig;
//!
//! let mut graph = Graph::new();
//! graph.pipeline::<Traces>("traces").through("batch", BatchConfig::default());
//! # }
//! ```
//!
//! [`register`] adds all of a build to a registry, for collectors from YAML. No feature is on by default; `full` is all of
//! them. The oldest Rust that it builds with is 1.90.

#[cfg(feature = "batch")]
pub mod batch;
pub mod connectors;
#[cfg(feature = "memory_limiter")]
pub mod memory_limiter;

#[cfg(feature = "forward")]
use otel_core::pdata::{Logs, Metrics, Traces};
use otel_core::service::Registry;

/// Adds every processor, connector and extension of this build to a registry.
pub fn register(registry: &mut Registry) {
    #[cfg(feature = "batch")]
    registry.processor::<batch::BatchConfig>().traces().metrics().logs();
    #[cfg(feature = "memory_limiter")]
    {
        registry.processor::<memory_limiter::MemoryLimiterConfig>().traces().metrics().logs();
        registry.extension::<memory_limiter::MemoryLimiterConfig>();
    }
    #[cfg(feature = "forward")]
    registry
        .connector::<connectors::forward::ForwardConfig>()
        .connects::<Traces, Traces>()
        .connects::<Metrics, Metrics>()
        .connects::<Logs, Logs>();
    // A build without features has none to add.
    let _ = registry;
}
