#![doc = include_str!("README.md")]

mod config;
mod exporter;

pub use config::{Encoding, OtlpHttpExporterConfig};
pub use exporter::OtlpHttpExporter;
