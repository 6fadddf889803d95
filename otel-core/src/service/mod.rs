//! Collectors from YAML: the registry of components, the description, its own telemetry.
//!
//! A [`Registry`] is filled by explicit calls, usually the `register` functions of component crates. With it, a
//! configuration becomes a [`Collector`], or every error in it is told at once. A collector starts into a
//! [`Service`], which is observed and stopped by its handle.
//!
//! ```
//! use otel_core::service::{Collector, Registry};
//!
//! let registry = Registry::new();
//! let errors = Collector::from_yaml(&registry, "config.yaml", "
//! receivers: {otlp: }
//! service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
//! ").unwrap_err().to_string();
//! assert!(errors.contains("unknown type: \"otlp\" for id: \"otlp\""));
//! assert!(errors.contains("references exporter \"debug\" which is not configured"));
//! ```

mod collector;
mod description;
mod pipelines;
mod registry;
mod reload;
mod run;
mod sameness;
mod schema;
pub mod telemetry;
#[cfg(all(test, feature = "testing"))]
mod tests;
#[cfg(feature = "http")]
mod web;

pub use collector::Collector;
pub use registry::{
    ComponentInfo, ConnectorRegistration, ExporterRegistration, ProcessorRegistration, ReceiverRegistration,
    Registry,
};
pub use reload::ReloadError;
pub use run::{Service, ServiceError};
#[cfg(feature = "http")]
pub use web::WebProvider;
