//! The core of an OpenTelemetry collector built in Rust: signal types, contracts, configuration, engine.

pub mod pdata;
