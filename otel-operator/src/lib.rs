//! The Kubernetes operator of an OpenTelemetry collector built in Rust.
//!
//! There is nothing in this crate yet: it keeps the place of the operator in the workspace.
