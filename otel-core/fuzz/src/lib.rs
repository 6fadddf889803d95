//! What is fuzzed: one function a target, which panics where a property does not hold.
//!
//! The test `corpus` of `otel-core` includes this file, so that it also runs without a fuzzer.

pub mod edit;
pub mod json;
pub mod split;
pub mod validate;

/// The signal that the first byte of an input chooses, and the rest of the input.
pub fn signal(data: &[u8]) -> Option<(otel_core::pdata::SignalKind, &[u8])> {
    let (first, rest) = data.split_first()?;
    let kinds = otel_core::pdata::SignalKind::ALL;
    Some((kinds[usize::from(*first) % kinds.len()], rest))
}
