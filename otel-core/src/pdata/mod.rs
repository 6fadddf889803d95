//! Telemetry as validated wire bytes: [`Traces`], [`Metrics`], [`Logs`].

mod layout;
mod payload;
mod schema;
mod signal;
mod validate;
mod wire;

pub use signal::{Logs, Metrics, Signal, SignalKind, Traces};
pub use validate::{InvalidData, Repaired};
