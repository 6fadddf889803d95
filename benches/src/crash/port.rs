use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket};

/// A port of this host that nobody else is given while it is not listened at.
///
/// A socket that is bound and does not listen holds it. Who connects meanwhile is refused.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    _holder: TcpSocket,
}

impl Port {
    /// A free one.
    pub fn reserve() -> io::Result<Self> {
        let holder = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self { address: holder.local_addr()?, _holder: holder })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens at it.
    pub fn listen(&self) -> io::Result<TcpListener> {
        bound(self.address)?.listen(1024)
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_reserved_port_refuses_until_it_is_listened_at() {
        let port = Port::reserve().unwrap();
        for _ in 0..3 {
            let refused = TcpStream::connect(port.address()).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            let listener = port.listen().unwrap();
            let (accepted, connected) = tokio::join!(listener.accept(), TcpStream::connect(port.address()));
            assert!(accepted.is_ok() && connected.is_ok());
        }
    }
}
