//! Making connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::Wire;
use super::proxy::{Proxies, Proxy};
use crate::net::tcp::{TcpStream, lookup};
use crate::net::tls::TlsClient;

/// How long a connection may take, the handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// After which the next address of a host is tried beside the one before (RFC 8305).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Makes connections of one client.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    pub(super) proxies: Proxies,
    /// How servers are spoken to that are reached with TLS.
    pub(super) tls: Option<Arc<TlsClient>>,
    /// The same for proxies.
    pub(super) proxy_tls: Option<Arc<TlsClient>>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The name of the host leads nowhere.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody is there.
    #[error("cannot connect to {address}")]
    Connect {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The handshake failed.
    #[error("the TLS handshake with {host} failed")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The proxy went away.
    #[error("the proxy {proxy} failed")]
    Proxy {
        /// The proxy.
        proxy: String,
        /// Why.
        source: io::Error,
    },
    /// The proxy makes no tunnel.
    #[error("the proxy {proxy} refused: {answer}")]
    Refused {
        /// The proxy.
        proxy: String,
        /// The first line of its answer.
        answer: String,
    },
    /// It took too long.
    #[error("connecting to {0} takes longer than {CONNECT_TIMEOUT:?}")]
    Timeout(String),
}

impl Dialer {
    /// Connects to a host, through a tunnel where a proxy is on the way.
    pub(super) async fn host(&self, secure: bool, host: &str, port: u16) -> Result<Wire, DialError> {
        self.host_as(secure, host, port, host).await
    }

    /// The same with a certificate that is for another name.
    pub(super) async fn host_as(
        &self,
        secure: bool,
        host: &str,
        port: u16,
        name: &str,
    ) -> Result<Wire, DialError> {
        within(&format!("{host}:{port}"), async {
            let wire = match self.proxies.on_the_way(secure, host, port) {
                Some(proxy) => {
                    let mut wire = self.proxy(proxy).await?;
                    proxy.tunnel(&mut wire, host, port).await?;
                    wire
                }
                None => Wire::tcp(any(host, port).await?),
            };
            self.secured(secure, name, wire).await
        })
        .await
    }

    /// Connects to a proxy.
    pub(super) async fn proxy(&self, proxy: &Proxy) -> Result<Wire, DialError> {
        let wire = Wire::tcp(any(&proxy.host, proxy.port).await?);
        match &self.proxy_tls {
            Some(tls) if proxy.secure => handshake(tls, &proxy.host, wire).await,
            _ => Ok(wire),
        }
    }

    /// Connects to one address of a host.
    pub(super) async fn address(
        &self,
        secure: bool,
        name: &str,
        address: SocketAddr,
    ) -> Result<Wire, DialError> {
        within(&address.to_string(), async {
            let wire = Wire::tcp(connect(address).await?);
            self.secured(secure, name, wire).await
        })
        .await
    }

    /// Connects to a socket of this machine.
    pub(super) async fn unix(&self, secure: bool, name: &str, path: &Path) -> Result<Wire, DialError> {
        let shown = path.display().to_string();
        within(&shown, async {
            let socket = UnixStream::connect(path)
                .await
                .map_err(|source| DialError::Connect { address: shown.clone(), source })?;
            self.secured(secure, name, Wire::unix(socket)).await
        })
        .await
    }

    async fn secured(&self, secure: bool, host: &str, wire: Wire) -> Result<Wire, DialError> {
        match &self.tls {
            Some(tls) if secure => handshake(tls, host, wire).await,
            _ => Ok(wire),
        }
    }
}

/// The addresses of a host, in the order in which they should be tried: those of both families in turn.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let bare = host.trim_matches(['[', ']']);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = |source| DialError::Resolve { host: host.to_owned(), source };
    let found = lookup(&format!("{bare}:{port}")).await.map_err(failed)?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, "it has no addresses")));
    }
    let first_is_ipv6 = addresses[0].is_ipv6();
    let (same, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let mut ordered = Vec::with_capacity(same.len() + other.len());
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    loop {
        let pair = (same.next(), other.next());
        if pair == (None, None) {
            return Ok(ordered);
        }
        ordered.extend(pair.0.into_iter().chain(pair.1));
    }
}

/// Connects to whichever address of a host answers first.
async fn any(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let mut addresses = resolve(host, port).await?.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    attempts.extend(addresses.next().map(connect));
    loop {
        tokio::select! {
            finished = attempts.next(), if !attempts.is_empty() => match finished {
                Some(Ok(socket)) => return Ok(socket),
                Some(Err(error)) => {
                    failure.get_or_insert(error);
                }
                None => {}
            },
            () = sleep(NEXT_ADDRESS), if !attempts.is_empty() => {}
            else => {}
        }
        attempts.extend(addresses.next().map(connect));
        if let (true, Some(failure)) = (attempts.is_empty(), failure.take_if(|_| attempts.is_empty())) {
            return Err(failure);
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, DialError> {
    let failed = |source| DialError::Connect { address: address.to_string(), source };
    TcpStream::connect(address).await.map_err(failed)
}

async fn handshake(tls: &TlsClient, host: &str, wire: Wire) -> Result<Wire, DialError> {
    match tls.connect(host, wire).await {
        Ok(stream) => Ok(Wire::Tls(Box::new(stream))),
        Err(source) => Err(DialError::Tls { host: host.to_owned(), source }),
    }
}

async fn within(
    what: &str,
    connecting: impl Future<Output = Result<Wire, DialError>>,
) -> Result<Wire, DialError> {
    let timed_out = |_| Err(DialError::Timeout(what.to_owned()));
    timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(timed_out)
}
