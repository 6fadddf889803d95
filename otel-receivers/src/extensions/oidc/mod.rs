#![doc = include_str!("README.md")]

mod config;
mod extension;
mod identity;
mod jwks;
mod provider;
#[cfg(test)]
mod tests;
mod token;

pub use config::{OidcConfig, OidcProviderConfig};
pub use extension::Oidc;
