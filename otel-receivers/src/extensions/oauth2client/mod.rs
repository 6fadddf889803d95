#![doc = include_str!("README.md")]

mod assertion;
mod config;
mod extension;
mod request;
#[cfg(test)]
mod tests;
mod token;

pub use config::{Claim, GrantType, OAuth2ClientConfig, SignatureAlgorithm};
pub use extension::OAuth2Client;
