#![doc = include_str!("README.md")]

mod config;
mod exporter;

pub use config::OtlpGrpcExporterConfig;
pub use exporter::OtlpGrpcExporter;
