#![doc = include_str!("README.md")]

mod config;
mod extension;
mod html;
mod pages;
#[cfg(test)]
mod tests;

pub use config::ZpagesConfig;
pub use extension::Zpages;
