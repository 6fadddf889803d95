//! The core of an OpenTelemetry collector built in Rust: signal types, contracts, configuration, engine.
//!
//! ```
//! # #[cfg(feature = "json")] {
//! use otel_core::pdata::{Signal, Traces};
//!
//! let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"checkout"},{"name":"GET /health"}]}]}]}"#;
//! let mut traces = Traces::from_json(json).unwrap();
//! traces.retain(|span| span.item().name() != "GET /health");
//! assert_eq!(traces.items(), 1);
//! # }
//! ```
//!
//! # Modules and features
//!
//! No feature is on by default; each module needs the feature of its name.
//!
//! | module | feature | |
//! |---|---|---|
//! | [`pdata`] | none; `json` and `opentelemetry-proto` add to it | telemetry as validated wire bytes |
//! | `component`, `telemetry` | `component` | what components implement and are handed |
//! | `config` | `config`; `env` adds a provider | located YAML |
//! | `engine` | `engine` | pipelines composed in code |
//! | `net` | `net`; `tls` and `client` add to it | servers and clients |
//! | `service` | `service`; `http` adds to it | collectors from YAML |
//! | `cli` | `cli` | the command line of a binary |
//! | `testing` | `testing`; `testing-tls` adds to it | the test kit |
//!
//! `full` is everything. The oldest Rust that it builds with is 1.90.

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
