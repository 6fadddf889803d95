//! Listening.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::UnixListener;

use super::Peer;
use super::handover::{Claim, Sockets};
use super::stream::Stream;
use super::tcp::{TcpListener, lookup};
use crate::component::Host;

/// What a server listens at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// TCP over IPv4 or IPv6.
    #[default]
    Tcp,
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// A Unix socket, whose endpoint is a path.
    Unix,
}

/// A bound TCP port or Unix socket. The file of a socket goes with it.
#[derive(Debug)]
pub struct Listener {
    socket: Arc<Socket>,
    /// Says that the component that it was bound for has it.
    _claim: Option<Arc<Claim>>,
}

/// What is bound, for as long as someone listens.
#[derive(Debug)]
pub(super) struct Socket {
    inner: Inner,
    bound: Bound,
}

/// Where a listener is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// At a port.
    Tcp(SocketAddr),
    /// At the path of a Unix socket.
    Unix(PathBuf),
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds `host:port`; port 0 takes a free one. No other listener can have the same port.
    pub async fn bind(endpoint: &str) -> io::Result<Self> {
        Self::bind_to(Transport::Tcp, endpoint).await
    }

    /// Binds an endpoint of a transport: `host:port`, or the path of a Unix socket. A socket that nobody listens at any
    /// more, as a process leaves it that was killed, is replaced.
    pub async fn bind_to(transport: Transport, endpoint: &str) -> io::Result<Self> {
        let socket = Arc::new(Socket::bind(transport, endpoint).await?);
        Ok(Self { socket, _claim: None })
    }

    /// As [`bind_to`](Self::bind_to), for a component. If one listens there that is about to stop because another
    /// configuration is being applied, its socket is taken over: no client is refused meanwhile.
    pub async fn bind_for(host: &Host, transport: Transport, endpoint: &str) -> io::Result<Self> {
        let sockets = host.lasting::<Sockets>();
        if let Some((socket, claim)) = sockets.take_over(host, transport, endpoint) {
            return Ok(Self { socket, _claim: Some(claim) });
        }
        let listener = Self::bind_to(transport, endpoint).await?;
        // Whoever asks for any free port wants another one.
        let lasts = transport == Transport::Unix || !endpoint.ends_with(":0");
        let claim = lasts.then(|| sockets.keep(host, transport, endpoint, &listener.socket));
        Ok(Self { _claim: claim, ..listener })
    }

    /// The address of a port; nothing for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.socket.bound {
            Bound::Tcp(address) => Some(address),
            Bound::Unix(_) => None,
        }
    }

    /// Where it listens.
    pub fn bound(&self) -> &Bound {
        &self.socket.bound
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket.inner {
            Inner::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Peer::new(Some(address))))
            }
            Inner::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Peer::new(None)))
            }
        }
    }
}

impl Socket {
    async fn bind(transport: Transport, endpoint: &str) -> io::Result<Self> {
        let wanted = match transport {
            Transport::Unix => return bind_unix(Path::new(endpoint)).await,
            Transport::Tcp => None,
            Transport::Tcp4 => Some(false),
            Transport::Tcp6 => Some(true),
        };
        let inner = bind_tcp(endpoint, wanted).await?;
        let bound = Bound::Tcp(inner.local_addr()?);
        Ok(Self { inner: Inner::Tcp(inner), bound })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Bound::Unix(path) = &self.bound {
            // Whoever removed it before us is welcome.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Tcp(address) => address.fmt(f),
            Bound::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Whether a text has the form `host:port` that [`Listener::bind`] takes.
pub fn is_listen_address(endpoint: &str) -> bool {
    let port = endpoint.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

async fn bind_tcp(endpoint: &str, wants_ipv6: Option<bool>) -> io::Result<TcpListener> {
    let any = if wants_ipv6 == Some(false) { "0.0.0.0" } else { "[::]" };
    let endpoint = match endpoint.strip_prefix(':') {
        Some(port) => format!("{any}:{port}"),
        None => endpoint.to_owned(),
    };
    let mut addresses = lookup(&endpoint).await?;
    addresses.retain(|address| wants_ipv6.is_none_or(|ipv6| address.is_ipv6() == ipv6));
    if addresses.is_empty() {
        let message = format!("{endpoint} has no address of this kind");
        return Err(io::Error::new(ErrorKind::AddrNotAvailable, message));
    }
    TcpListener::bind(&addresses).await
}

async fn bind_unix(path: &Path) -> io::Result<Socket> {
    if let Err(error) = tokio::net::UnixStream::connect(path).await
        && error.kind() == ErrorKind::ConnectionRefused
        && std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
    {
        std::fs::remove_file(path)?;
    }
    let inner = UnixListener::bind(path)?;
    Ok(Socket { inner: Inner::Unix(inner), bound: Bound::Unix(path.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_goes_with_its_listener_and_one_that_was_left_behind_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("otlp.sock");
        let endpoint = path.to_str().unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());

        let first = Listener::bind_to(Transport::Unix, endpoint).await.unwrap();
        assert_eq!((first.address(), first.bound().to_string()), (None, endpoint.to_owned()));
        let second = Listener::bind_to(Transport::Unix, endpoint).await;
        assert_eq!(second.unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precious");
        std::fs::write(&path, "x").unwrap();
        assert!(Listener::bind_to(Transport::Unix, path.to_str().unwrap()).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }

    #[tokio::test]
    async fn tcp4_and_tcp6_take_addresses_of_their_kind() {
        let listener = Listener::bind_to(Transport::Tcp4, ":0").await.unwrap();
        assert!(listener.address().unwrap().is_ipv4());
        let wrong = Listener::bind_to(Transport::Tcp6, "127.0.0.1:0").await;
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    }
}
