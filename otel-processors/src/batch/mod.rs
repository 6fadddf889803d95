#![doc = include_str!("README.md")]

mod config;
mod metrics;
mod processor;
mod shard;
#[cfg(test)]
mod tests;

pub use config::{Acknowledgement, BatchConfig};
pub use processor::BatchProcessor;
