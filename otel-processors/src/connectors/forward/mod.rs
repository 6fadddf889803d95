#![doc = include_str!("README.md")]

mod connector;
#[cfg(test)]
mod tests;

pub use connector::{ForwardConfig, ForwardConnector};
