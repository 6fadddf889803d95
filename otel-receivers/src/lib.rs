//! The receivers of an OpenTelemetry collector built in Rust. Each is a feature of its name.

#[cfg(feature = "nop")]
pub mod nop;
#[cfg(feature = "otlp")]
pub mod otlp;
