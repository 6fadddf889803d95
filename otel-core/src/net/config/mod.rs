//! The configuration blocks of servers, with the Go collector's keys.

mod cors;
mod grpc;
mod http;

pub use cors::CorsConfig;
pub use grpc::{GrpcServerConfig, ServerKeepaliveConfig};
pub use http::HttpServerConfig;

use std::sync::Arc;

use super::tls::{TlsError, TlsServer, TlsServerConfig};
use super::{ServerOptions, Transport, is_listen_address};
use crate::Invalid;
use crate::config::{Decoder, FromNode, Node, Optional};
use crate::telemetry::Logger;

const NOT_HERE: &str = "servers do not have it";
const NO_DIALLING: &str = "a server does not dial";

impl FromNode for Transport {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let transports = [
            ("tcp", Transport::Tcp),
            ("tcp4", Transport::Tcp4),
            ("tcp6", Transport::Tcp6),
            ("unix", Transport::Unix),
        ];
        decoder.one_of(node, &transports)
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
