#![doc = include_str!("README.md")]

mod client;
mod config;
mod md5_crypt;
mod passwords;
mod server;
#[cfg(test)]
mod tests;

pub use client::BasicAuthClient;
pub use config::{BasicAuthConfig, ClientAuthConfig, HtpasswdConfig};
pub use server::BasicAuthServer;
