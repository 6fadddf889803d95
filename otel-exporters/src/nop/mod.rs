#![doc = include_str!("README.md")]

mod exporter;

pub use exporter::{NopExporter, NopExporterConfig};
