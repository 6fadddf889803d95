//! Configurations out of the web.

mod provider;
#[cfg(all(test, feature = "testing-tls"))]
mod tests;

pub use provider::WebProvider;
