//! Extensions: what serves the collector rather than a pipeline.

#[cfg(feature = "health_check")]
pub mod health_check;
mod server;

pub use server::ExtensionServerConfig;
