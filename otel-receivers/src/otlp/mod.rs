#![doc = include_str!("README.md")]

mod config;
mod grpc;
mod http;
mod intake;
mod metrics;
mod receiver;

pub use config::{
    GrpcServerConfig, HttpServerConfig, InvalidUtf8, KeepaliveConfig, OtlpReceiverConfig, Protocols,
};
pub use receiver::OtlpReceiver;
