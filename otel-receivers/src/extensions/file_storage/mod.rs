#![doc = include_str!("README.md")]

mod config;
mod database;
mod directory;
mod extension;
mod files;
mod foreign;
mod name;
mod state;
#[cfg(test)]
mod tests;

pub use config::{CompactionConfig, FileStorageConfig};
pub use extension::FileStorage;
