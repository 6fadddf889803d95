//! Listening.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A bound TCP port.
#[derive(Debug)]
pub struct Listener {
    pub(super) inner: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `host:port`; port 0 takes a free one. No other listener can have the same port.
    pub async fn bind(endpoint: &str) -> io::Result<Self> {
        let endpoint = match endpoint.strip_prefix(':') {
            Some(port) => format!("[::]:{port}"),
            None => endpoint.to_owned(),
        };
        let inner = TcpListener::bind(endpoint).await?;
        let address = inner.local_addr()?;
        Ok(Self { inner, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Whether a text has the form `host:port` that [`Listener::bind`] takes.
pub fn is_listen_address(endpoint: &str) -> bool {
    let port = endpoint.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}
