//! Metrics that cost an atomic addition on the hot path.

pub mod bounds;
mod handles;
mod instruments;
mod level;
mod names;
mod series;

pub use handles::{Counter, Histogram, Observation, UpDown};
pub use instruments::{Metrics, Series};
pub use level::MetricsLevel;
pub use names::Instrument;
