//! The `otlp_grpc` exporter against generated servers over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod config;
mod round_trip;
mod server;
