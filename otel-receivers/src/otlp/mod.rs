#![doc = include_str!("README.md")]

mod config;
mod grpc;
mod http;
mod intake;
mod metrics;
mod receiver;

pub use config::{InvalidUtf8, OtlpHttpConfig, OtlpReceiverConfig, Protocols};
pub use receiver::OtlpReceiver;
