#![doc = include_str!("README.md")]

mod config;
mod extension;
mod header;
#[cfg(test)]
mod tests;

pub use config::{HeaderAction, HeaderConfig, HeadersSetterConfig};
pub use extension::HeadersSetter;
