//! Telemetry as validated wire bytes: [`Traces`], [`Metrics`], [`Logs`].
//!
//! Each of the three is an OTLP export request as it stands on the wire, checked once where it comes in. From then on
//! it is read, regrouped and changed without being decoded, and a clone is a reference count. There are four ways to
//! work on it, and none of them needs another representation:
//!
//! - [`view`]: borrowed readers down to every field, without errors and without allocations;
//! - [`regroup`]: merge, split, filter, partition, group by a key;
//! - [`edit`]: change resources, scopes, metrics and items, of which only what changes is encoded anew;
//! - [`build`]: write telemetry from nothing.
//!
//! ```
//! use otel_core::pdata::build::LogsBuilder;
//! use otel_core::pdata::view::{AnyValue, SeverityNumber};
//! use otel_core::pdata::{Logs, Signal};
//!
//! # fn main() -> Result<(), otel_core::pdata::InvalidData> {
//! let mut builder = LogsBuilder::new();
//! let mut resource = builder.resource(|resource| {
//!     resource.attribute("service.name", "checkout");
//! });
//! let mut scope = resource.scope(|_| {});
//! for (severity, text) in [(SeverityNumber::DEBUG, "cache hit"), (SeverityNumber::ERROR, "out of stock")] {
//!     scope.log_record(|record| {
//!         record.severity_number(severity).body(text);
//!     });
//! }
//! let sent = builder.finish().to_bytes();
//!
//! // What an exporter sent is checked once ...
//! let mut logs = Logs::from_bytes(sent)?;
//! // ... then filtered, changed and read.
//! logs.retain(|at| at.item().severity_number() >= SeverityNumber::INFO);
//! logs.edit_resources(|resource| {
//!     resource.attributes().upsert("deployment.environment.name", "production");
//! });
//! let at = logs.iter().next().expect("one record is left");
//! assert_eq!(at.item().body(), AnyValue::Str("out of stock"));
//! assert_eq!(at.resource().attributes().len(), 2);
//! # Ok(())
//! # }
//! ```

pub mod build;
pub mod edit;
mod fields;
#[cfg(feature = "opentelemetry-proto")]
mod interop;
#[cfg(feature = "json")]
pub mod json;
mod layout;
mod payload;
mod raw;
pub mod regroup;
pub(crate) mod schema;
mod signal;
mod validate;
pub mod view;
pub(crate) mod wire;

#[cfg(feature = "opentelemetry-proto")]
pub use interop::Interop;
pub use signal::{Logs, Metrics, Signal, SignalKind, Traces};
pub use validate::{InvalidData, Repaired};
