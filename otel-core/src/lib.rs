//! The core of an OpenTelemetry collector built in Rust: signal types, contracts, configuration, engine.

mod component_id;
mod invalid;
pub mod pdata;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "component")]
pub mod component;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "net")]
pub mod net;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "component")]
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use component_id::{ComponentId, InvalidComponentId};
pub use invalid::Invalid;
