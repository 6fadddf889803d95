#![doc = include_str!("README.md")]

mod config;
mod detailed;
mod exporter;
mod metrics;
mod normal;
mod text;

pub use config::{DebugConfig, OutputPath, Verbosity};
pub use exporter::DebugExporter;

#[cfg(test)]
mod tests;
