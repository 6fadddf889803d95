#![doc = include_str!("README.md")]

mod attempt;
mod backoff;
mod batch;
mod batcher;
mod config;
mod exporter;
mod former;
mod heirs;
pub mod log;
mod metrics;
mod queue;
mod queue_config;
mod record;
mod room;
mod sender;
mod store;
mod ticket;

pub use attempt::Attempt;
pub use config::{RetryConfig, SendingConfig};
pub use exporter::Sending;
pub use queue_config::{BatchConfig, PartitionConfig, QueueConfig, Sizer};
