#![doc = include_str!("README.md")]

mod config;
mod extension;
#[cfg(test)]
mod tests;

pub use config::BearerTokenAuthConfig;
pub use extension::BearerTokenAuth;
