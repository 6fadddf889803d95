//! Connectors: each ends pipelines and begins others.

#[cfg(feature = "forward")]
pub mod forward;
