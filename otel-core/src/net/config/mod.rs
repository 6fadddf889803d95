//! The configuration blocks of servers, with the Go collector's keys.

mod auth;
mod cors;
mod grpc;
mod http;

pub use auth::{AuthConfig, HttpServerAuthConfig, MiddlewareConfig};
pub use cors::CorsConfig;
pub use grpc::{GrpcServerConfig, ServerKeepaliveConfig};
pub use http::HttpServerConfig;

use std::sync::Arc;

use super::tls::{TlsError, TlsServer, TlsServerConfig};
use super::{ServerOptions, Transport, is_listen_address};
use crate::Invalid;
use crate::config::gates::LOCALHOST_DEFAULT;
use crate::config::{Decoder, Fields, FromNode, Node, Optional, Schema, Value};
use crate::telemetry::Logger;

const NO_DIALLING: &str = "a server does not dial";

const TRANSPORTS: [(&str, Transport); 4] = [
    ("tcp", Transport::Tcp),
    ("tcp4", Transport::Tcp4),
    ("tcp6", Transport::Tcp6),
    ("unix", Transport::Unix),
];

impl FromNode for Transport {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &TRANSPORTS)
    }

    fn schema() -> Schema {
        Schema::one_of(&TRANSPORTS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &TRANSPORTS)
    }
}

/// Takes the key `endpoint` of a server. Where it is not given, servers listened on every interface before release 0.104 of
/// the Go collector, and still do with its feature gate `component.UseLocalHostAsDefaultHost` disabled.
fn take_endpoint(fields: &mut Fields<'_>, endpoint: &mut String) {
    fields.take("endpoint", endpoint);
    if fields.contains("endpoint") || fields.misspells("endpoint") {
        return;
    }
    let Some(port) = endpoint.strip_prefix("localhost:") else { return };
    let everywhere = format!("0.0.0.0:{port}");
    let map = fields.map();
    let decoder = fields.decoder();
    if decoder.gates().is_enabled(&LOCALHOST_DEFAULT) {
        let message =
            format!("listens on {endpoint} only, where releases before 0.104 listened on {everywhere}");
        let help = format!("help: write `endpoint: {everywhere}` to be reached from elsewhere");
        decoder.warning(map, message).help(help);
    } else {
        *endpoint = everywhere;
    }
}

/// The rules of the keys that both servers have, by paths relative to their block.
fn check(transport: Transport, endpoint: &str, tls: &Optional<TlsServerConfig>) -> Vec<Invalid> {
    let mut broken = Vec::new();
    match transport {
        Transport::Unix if endpoint.is_empty() => {
            broken.push(Invalid::new("endpoint", "must be the path of a Unix socket"));
        }
        Transport::Tcp | Transport::Tcp4 | Transport::Tcp6 if !is_listen_address(endpoint) => {
            let message = format!("invalid endpoint \"{endpoint}\", allowed: host:port");
            broken.push(Invalid::new("endpoint", message));
        }
        _ => {}
    }
    let tls = tls.get().map(TlsServerConfig::validate).unwrap_or_default();
    broken.extend(tls.into_iter().map(|rule| rule.within("tls")));
    broken
}

/// What both servers do alike.
fn options(
    max_connections: usize,
    tls: &Optional<TlsServerConfig>,
    protocols: &'static [&'static [u8]],
    logger: &Logger,
) -> Result<ServerOptions, TlsError> {
    let defaults = ServerOptions::default();
    let tls = tls.get().map(|tls| TlsServer::load(tls, protocols, logger.clone())).transpose()?;
    Ok(ServerOptions {
        max_connections: if max_connections == 0 { defaults.max_connections } else { max_connections },
        tls: tls.map(Arc::new),
        logger: logger.clone(),
        ..defaults
    })
}
