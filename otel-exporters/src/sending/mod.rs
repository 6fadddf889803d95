#![doc = include_str!("README.md")]

mod attempt;
mod backoff;
mod batch;
mod batcher;
mod config;
mod exporter;
mod former;
pub mod log;
mod metrics;
mod queue;
mod queue_config;
mod room;
mod sender;
mod ticket;

pub use attempt::Attempt;
pub use config::{RetryConfig, SendingConfig};
pub use exporter::Sending;
pub use queue_config::{BatchConfig, PartitionConfig, QueueConfig, Sizer};
