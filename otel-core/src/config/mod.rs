//! Configuration: located YAML, strict decoding, and errors that show the line.
//!
//! A configuration type states its keys, one line each, and begins with its defaults. Everything that is wrong with a
//! file is told in one run:
//!
//! ```
//! use std::time::Duration;
//!
//! use otel_core::Invalid;
//! use otel_core::component::ComponentConfig;
//! use otel_core::config::{self, Decode, Fields};
//!
//! #[derive(Debug)]
//! struct BatchConfig {
//!     timeout: Duration,
//!     send_batch_size: u32,
//!     send_batch_max_size: u32,
//! }
//!
//! impl Default for BatchConfig {
//!     fn default() -> Self {
//!         Self { timeout: Duration::from_millis(200), send_batch_size: 8192, send_batch_max_size: 0 }
//!     }
//! }
//!
//! impl Decode for BatchConfig {
//!     fn decode(&mut self, fields: &mut Fields<'_>) {
//!         fields.take("timeout", &mut self.timeout);
//!         fields.take("send_batch_size", &mut self.send_batch_size);
//!         fields.take("send_batch_max_size", &mut self.send_batch_max_size);
//!     }
//! }
//!
//! impl ComponentConfig for BatchConfig {
//!     const TYPE: &'static str = "batch";
//!
//!     fn validate(&self) -> Vec<Invalid> {
//!         let mut broken = Vec::new();
//!         if self.send_batch_max_size > 0 && self.send_batch_max_size < self.send_batch_size {
//!             broken.push(Invalid::new("send_batch_max_size", "must be greater or equal to send_batch_size"));
//!         }
//!         broken
//!     }
//! }
//!
//! let errors = config::from_yaml::<BatchConfig>("batch.yaml", "
//! timeout: 5 parsecs
//! send_bach_size: 512
//! send_batch_max_size: 100
//! ").unwrap_err();
//!
//! assert_eq!(errors.to_string(), r#"error: timeout: invalid duration "5 parsecs"
//!  --> batch.yaml:2:10
//!   |
//! 2 | timeout: 5 parsecs
//!   |          ^^^^^^^^^
//!   = allowed: numbers with the units ns, us, ms, s, m, h, such as 200ms or 1h30m
//!
//! error: send_bach_size: unknown key `send_bach_size`
//!  --> batch.yaml:3:1
//!   |
//! 3 | send_bach_size: [REDACTED]
//!   | ^^^^^^^^^^^^^^
//!   = help: did you mean `send_batch_size`?
//!   = allowed: timeout, send_batch_size, send_batch_max_size
//!
//! error: send_batch_max_size: must be greater or equal to send_batch_size
//!  --> batch.yaml:4:22
//!   |
//! 4 | send_batch_max_size: 100
//!   |                      ^^^"#);
//! ```
//!
//! # Map of the module
//! - [`Loader`] fetches texts through [`Provider`]s, merges them and expands `${…}` references.
//! - [`parse`] reads YAML into [`Node`]s, which know their [`Location`].
//! - [`Decoder`] and [`Fields`] turn nodes into types that implement [`Decode`] (named keys) or [`FromNode`] (single
//!   values); [`Optional`] sections, [`Secret`]s and [`MapList`]s are ready made. A type that derives
//!   `serde::Deserialize` goes through [`Serde`].
//! - A type also says what it may be, as a [`Schema`], and what it is, as a [`Value`] to print: `decode` names the keys for all three.
//! - What a key is for, which the schema tells editors, is the documentation of its field: [`KeyDocs`] in [`Decode::DOCS`].
//! - [`gates`] switch behaviour that is new or that will go.
//! - [`Diagnostics`] collects errors and warnings; [`ConfigErrors`] is the error type with all of them.
//!
//! Values that came from `${…}`, [`Secret`]s, the values of unknown keys and the user information of URLs are shown as
//! `[REDACTED]` wherever a message or an excerpt would show them.

mod bare;
mod decoder;
mod diagnostics;
mod duration;
mod expand;
mod fields;
mod from_node;
pub mod gates;
mod key_docs;
mod loader;
mod map_list;
mod node;
mod optional;
mod parse;
mod provider;
mod record;
mod render;
mod scalar;
mod schema;
mod secret;
mod serde_bridge;
mod serde_input;
mod source;
mod suggest;
#[cfg(test)]
mod tests;
mod value;

pub use decoder::{Decoder, from_yaml};
pub use diagnostics::{ConfigErrors, Diagnostic, Diagnostics, Severity};
pub use duration::{deserialize_duration, format_duration, parse_duration};
pub use fields::{Decode, Fields};
pub use from_node::{FromKey, FromNode};
pub use key_docs::KeyDocs;
pub use loader::Loader;
pub use map_list::MapList;
pub use node::{Entry, Mapping, Node, NodeKind, Scalar};
pub use optional::Optional;
#[cfg(feature = "http")]
pub(crate) use parse::MAX_BYTES;
pub use parse::parse;
pub use provider::{EnvProvider, FileProvider, Provider, ProviderError, Retrieved, YamlProvider};
#[cfg(feature = "http")]
pub(crate) use render::without_user_info;
pub use scalar::ScalarValue;
pub use schema::Schema;
pub use secret::Secret;
pub use serde_bridge::Serde;
pub use source::{Location, Source};
#[cfg(feature = "service")]
pub(crate) use suggest::nearest;
pub use value::{Secrets, Value};

/// What stands in the place of a secret.
pub(crate) const REDACTED: &str = "[REDACTED]";
