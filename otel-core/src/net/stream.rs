//! The byte streams that connections are.

use std::fmt;
use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use bytes::Bytes;
use tokio::net::UnixStream;
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;

use super::tcp::{TcpStream, delegate_streams};

/// The other end of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Where it is; nothing for the client of a Unix socket.
    pub address: Option<SocketAddr>,
    /// What it sends is encrypted.
    pub secure: bool,
}

impl Peer {
    /// A peer at an address.
    pub const fn new(address: Option<SocketAddr>) -> Self {
        Self { address, secure: false }
    }
}

/// A connection that was accepted, with or without TLS.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<Stream>>),
}

impl Stream {
    /// Whether it has TLS.
    pub(super) fn is_secure(&self) -> bool {
        match self {
            Stream::Tcp(_) | Stream::Unix(_) => false,
            #[cfg(feature = "tls")]
            Stream::Tls(_) => true,
        }
    }

    /// Whether both sides agreed on HTTP/2 in the handshake of TLS.
    pub(super) fn agreed_on_http2(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
            Stream::Tcp(_) | Stream::Unix(_) => false,
        }
    }

    /// The verified certificates of the client, in DER, its own first.
    #[cfg(feature = "tls")]
    pub(super) fn certificates(&self) -> Option<Arc<[Bytes]>> {
        let Stream::Tls(stream) = self else { return None };
        let chain = stream.get_ref().1.peer_certificates()?;
        Some(chain.iter().map(|certificate| Bytes::copy_from_slice(certificate)).collect())
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

delegate_streams!(Stream {
    Tcp,
    Unix,
    #[cfg(feature = "tls")]
    Tls,
});
