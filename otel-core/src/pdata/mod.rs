//! Telemetry as validated wire bytes: [`Traces`], [`Metrics`], [`Logs`].

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
