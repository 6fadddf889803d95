#![doc = include_str!("README.md")]

mod config;
mod extension;
mod grpc;
mod health;
mod pages;
#[cfg(test)]
mod tests;

pub use config::{ComponentHealthConfig, HealthCheckConfig, HttpHealthConfig, ResponseBody};
pub use extension::HealthCheck;
