//! The `otlp_http` exporter over real sockets.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/credentials.rs"]
mod credentials;
#[path = "../support/inputs.rs"]
mod inputs;
#[path = "../support/proxy.rs"]
mod proxy;

mod answers;
mod auth;
mod config;
mod connections;
mod round_trip;
mod server;
mod ways;
