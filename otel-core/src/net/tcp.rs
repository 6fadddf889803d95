//! TCP: that of the machine, and in tests that of a simulated network.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net;

/// A connection.
pub(super) enum TcpStream {
    Machine(net::TcpStream),
    #[cfg(feature = "simulation")]
    Simulated(turmoil::net::TcpStream),
}

/// A bound port.
pub(super) enum TcpListener {
    Machine(net::TcpListener),
    #[cfg(feature = "simulation")]
    Simulated(turmoil::net::TcpListener),
}

/// The addresses of a `host:port`.
pub(super) async fn lookup(endpoint: &str) -> io::Result<Vec<SocketAddr>> {
    #[cfg(feature = "simulation")]
    if turmoil::in_simulation() {
        let (host, port) = endpoint.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
        let port = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        return Ok(vec![endpoint.parse().unwrap_or_else(|_| SocketAddr::new(turmoil::lookup(host), port))]);
    }
    Ok(net::lookup_host(endpoint).await?.collect())
}

impl TcpListener {
    /// Binds the first of the addresses that can be.
    pub(super) async fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        #[cfg(feature = "simulation")]
        if turmoil::in_simulation() {
            return turmoil::net::TcpListener::bind(addresses[0]).await.map(Self::Simulated);
        }
        let listener = net::TcpListener::bind(addresses).await?;
        // Its connections inherit it.
        notice_the_dead(&SockRef::from(&listener))?;
        Ok(Self::Machine(listener))
    }

    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Machine(listener) => {
                let (stream, address) = listener.accept().await?;
                // Where this fails the connection is broken, which shows soon enough.
                let _ = stream.set_nodelay(true);
                Ok((TcpStream::Machine(stream), address))
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((TcpStream::Simulated(stream), address))
            }
        }
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Machine(listener) => listener.local_addr(),
            #[cfg(feature = "simulation")]
            Self::Simulated(listener) => listener.local_addr(),
        }
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(&self.local_addr().ok()).finish()
    }
}

#[cfg(any(feature = "client", test))]
impl TcpStream {
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        #[cfg(feature = "simulation")]
        if turmoil::in_simulation() {
            return turmoil::net::TcpStream::connect(address).await.map(Self::Simulated);
        }
        let stream = net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        notice_the_dead(&SockRef::from(&stream))?;
        Ok(Self::Machine(stream))
    }
}

/// Ends connections of a socket whose other end is gone without a word, after about two and a half minutes, as Go does:
/// probes after 15 s of silence and every 15 s from then on, of which nine go unanswered.
fn notice_the_dead(socket: &SockRef<'_>) -> io::Result<()> {
    let every = Duration::from_secs(15);
    let probes = TcpKeepalive::new().with_time(every).with_interval(every).with_retries(9);
    socket.set_tcp_keepalive(&probes)
}

/// Makes an enum of streams one: what is asked of it is asked of the stream that there is.
macro_rules! delegate_streams {
    ($streams:ident { $($(#[$condition:meta])* $variant:ident),+ $(,)? }) => {
        impl tokio::io::AsyncRead for $streams {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                match self.get_mut() {
                    $($(#[$condition])* Self::$variant(stream) => std::pin::Pin::new(stream).poll_read(cx, buffer),)+
                }
            }
        }

        impl tokio::io::AsyncWrite for $streams {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                match self.get_mut() {
                    $($(#[$condition])* Self::$variant(stream) => std::pin::Pin::new(stream).poll_write(cx, bytes),)+
                }
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                slices: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                match self.get_mut() {
                    $($(#[$condition])* Self::$variant(stream) => {
                        std::pin::Pin::new(stream).poll_write_vectored(cx, slices)
                    })+
                }
            }

            fn is_write_vectored(&self) -> bool {
                match self {
                    $($(#[$condition])* Self::$variant(stream) => stream.is_write_vectored(),)+
                }
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                match self.get_mut() {
                    $($(#[$condition])* Self::$variant(stream) => std::pin::Pin::new(stream).poll_flush(cx),)+
                }
            }

            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                match self.get_mut() {
                    $($(#[$condition])* Self::$variant(stream) => std::pin::Pin::new(stream).poll_shutdown(cx),)+
                }
            }
        }
    };
}
pub(super) use delegate_streams;

delegate_streams!(TcpStream {
    Machine,
    #[cfg(feature = "simulation")]
    Simulated,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_notice_that_the_other_end_is_gone() {
        let listener = TcpListener::bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        for stream in [&client, &server] {
            #[cfg_attr(
                not(feature = "simulation"),
                expect(irrefutable_let_patterns, reason = "it is all there is")
            )]
            let TcpStream::Machine(stream) = stream else { panic!("nothing is simulated") };
            let socket = SockRef::from(stream);
            assert!(socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap().as_secs(), 15);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), 9);
        }
    }
}
