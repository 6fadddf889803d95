#![doc = include_str!("README.md")]

mod receiver;

pub use receiver::{NopReceiver, NopReceiverConfig};
