//! Shared parts of the benchmarks.

#[cfg(feature = "crash")]
pub mod crash;
#[cfg(feature = "e2e")]
pub mod e2e;
pub mod inputs;
#[cfg(any(feature = "crash", feature = "e2e"))]
mod outcome;

#[cfg(any(feature = "crash", feature = "e2e"))]
pub use outcome::exit_code;
