//! Shared parts of the benchmarks.

#[cfg(feature = "crash")]
pub mod crash;
#[cfg(feature = "e2e")]
pub mod e2e;
pub mod inputs;
