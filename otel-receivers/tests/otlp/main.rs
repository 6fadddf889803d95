//! The `otlp` receiver over real sockets.

mod auth;
mod browser;
mod compression;
mod config;
mod grpc;
mod hostile;
mod http;
mod support;
mod transport;
