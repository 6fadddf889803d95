//! The receivers and extensions of an OpenTelemetry collector built in Rust. Each is a feature of its name.
//!
//! ```
//! # #[cfg(feature = "full")] {
//! use otel_core::engine::Graph;
//! use otel_receivers::otlp::OtlpReceiverConfig;
//!
//! let mut graph = Graph::new();
//! let otlp = graph.receiver("otlp", OtlpReceiverConfig::default());
//! # }
//! ```
//!
//! [`register`] adds all of a build to a registry, for collectors from YAML. No feature is on by default; `full` is all of
//! them. The oldest Rust that it builds with is 1.90.

#[cfg(any(
    feature = "basicauth",
    feature = "bearertokenauth",
    feature = "file_storage",
    feature = "headers_setter",
    feature = "health_check",
    feature = "oauth2client",
    feature = "oidc",
    feature = "zpages"
))]
pub mod extensions;
#[cfg(feature = "nop")]
pub mod nop;
#[cfg(feature = "otlp")]
pub mod otlp;

use otel_core::service::Registry;

/// Adds every receiver and extension of this build to a registry.
pub fn register(registry: &mut Registry) {
    #[cfg(feature = "nop")]
    registry.receiver::<nop::NopReceiverConfig>().traces().metrics().logs();
    #[cfg(feature = "otlp")]
    registry.receiver::<otlp::OtlpReceiverConfig>().traces().metrics().logs();
    registry.retired_extension("memory_ballast", "there is no garbage collector here; leave it out");
    #[cfg(feature = "basicauth")]
    registry.extension::<extensions::basicauth::BasicAuthConfig>();
    #[cfg(feature = "bearertokenauth")]
    registry.extension::<extensions::bearertokenauth::BearerTokenAuthConfig>();
    #[cfg(feature = "file_storage")]
    registry.extension::<extensions::file_storage::FileStorageConfig>();
    #[cfg(feature = "headers_setter")]
    registry.extension::<extensions::headers_setter::HeadersSetterConfig>();
    #[cfg(feature = "health_check")]
    registry.extension::<extensions::health_check::HealthCheckConfig>();
    #[cfg(feature = "oauth2client")]
    registry.extension::<extensions::oauth2client::OAuth2ClientConfig>();
    #[cfg(feature = "oidc")]
    registry.extension::<extensions::oidc::OidcConfig>();
    #[cfg(feature = "zpages")]
    registry.extension::<extensions::zpages::ZpagesConfig>();
    // A build without features has none to add.
    let _ = registry;
}
