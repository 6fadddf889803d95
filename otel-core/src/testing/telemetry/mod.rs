//! Telemetry for tests: generating it, taking it apart, comparing it.

pub mod compare;
pub mod generate;
mod mangle;
pub mod raw;
mod show;
