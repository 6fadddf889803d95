#![doc = include_str!("README.md")]

mod config;
mod extension;
mod limiter;
mod memory;
mod processor;
#[cfg(test)]
mod tests;

pub use config::MemoryLimiterConfig;
pub use extension::MemoryLimiterExtension;
pub use limiter::{Limiter, Limits};
pub use memory::{Memory, ProcessMemory};
pub use processor::MemoryLimiterProcessor;
