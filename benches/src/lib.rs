//! Shared parts of the benchmarks.

#[cfg(feature = "e2e")]
pub mod e2e;
pub mod inputs;
