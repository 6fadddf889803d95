//! TLS of servers and clients: the Go collector's keys over rustls, with certificates that are loaded anew while
//! connections go on.
//!
//! - [`TlsServerConfig`] and [`TlsClientConfig`] are the blocks that a component embeds under its key `tls`.
//! - [`TlsServer`] and [`TlsClient`] are what they load into. Where `reload_interval` is set the files are read again
//!   that often, with a handshake; what cannot be loaded is logged, and what was loaded before stays.
//!
//! ```
//! use otel_core::net::tls::TlsClientConfig;
//!
//! let mut tls = TlsClientConfig::default();
//! assert!(!tls.is_plaintext());
//! tls.insecure = true;
//! assert!(tls.is_plaintext());
//! ```
//!
//! As in Go, a certificate that is trusted itself need not be signed by another, even where it is one of an authority.
//! Keys with a passphrase are not read.
//!
//! The provider is ring. It has neither TLS below 1.2, nor cipher suites with CBC, nor the curve P521: where a
//! configuration names these beside others, they are left out with a warning.

mod choices;
mod client;
mod config;
mod error;
mod material;
mod server;
#[cfg(all(test, feature = "testing-tls"))]
mod tests;
mod trusted;

pub use choices::{TlsCipherSuite, TlsCurve, TlsVersion};
pub use client::TlsClient;
pub use config::{TlsClientConfig, TlsConfig, TlsServerConfig};
pub use error::TlsError;
pub use server::TlsServer;

const RELOAD_FAILED: &str = "Failed to reload TLS certificates, the former ones stay";
