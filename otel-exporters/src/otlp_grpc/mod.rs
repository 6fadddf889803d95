#![doc = include_str!("README.md")]

mod config;
mod exporter;
#[cfg(test)]
mod tests;

pub use config::{OtlpGrpcExporterConfig, TlsClientConfig};
pub use exporter::OtlpGrpcExporter;
