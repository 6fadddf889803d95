//! Feature gates: switches for behaviour that is new, or that will go.

mod known;
mod set;
#[cfg(test)]
mod tests;

pub use known::{
    ALLOW_NO_PIPELINES, LOCALHOST_DEFAULT, LOCALHOST_DEFAULT_FOR_METRICS, MERGE_APPEND, QUEUE_BATCH,
    UNIFIED_EXPANSION,
};
pub use set::{FeatureGates, Gate, GateError, Stage};
