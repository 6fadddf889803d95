#![doc = include_str!("README.md")]

mod backoff;
mod config;
mod exporter;
mod metrics;
mod queue;
mod sender;

pub use config::{QueueConfig, RetryConfig, SendingConfig, Sizer};
pub use exporter::Sending;
