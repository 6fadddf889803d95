//! The test kit, for the components of this workspace and for those of others.

mod telemetry;

pub use telemetry::{compare, generate, raw};
