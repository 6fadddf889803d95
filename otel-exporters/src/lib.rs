//! The exporters of an OpenTelemetry collector built in Rust. Each is a feature of its name.

#[cfg(feature = "otlp_grpc")]
pub mod otlp_grpc;
#[cfg(feature = "sending")]
pub mod sending;
