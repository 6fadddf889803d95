//! The `otlp` receiver over real sockets.

mod config;
mod grpc;
mod hostile;
mod http;
mod support;
