//! Connections as streams of bytes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio_rustls::client::TlsStream;

use crate::net::tcp::TcpStream;

/// A connection, with TLS or without, through a proxy or not.
pub(super) enum Wire {
    Tcp(Gathering<TcpStream>),
    Unix(Gathering<UnixStream>),
    Tls(Box<TlsStream<Wire>>),
}

/// A socket in front of which small writes are gathered into large ones.
///
/// HTTP/2 is written frame by frame, and most servers take no frames above 16 KiB: without this each costs a system call and
/// a way through the network stack, with it a copy. On loopback the whole collector spends 8 % less on an item where requests
/// have 1,000 spans of 470 bytes, and 15 % less where they have 10 (November 2026). The HTTP/2 connection flushes after
/// each frame and once more when it has nothing left to write. A flush that follows a write is therefore taken for the former
/// kind and put off; the one that does not is obeyed. Should it never come, the task is woken to flush again.
pub(super) struct Gathering<S> {
    socket: S,
    gathered: Vec<u8>,
    /// How far `gathered` is written.
    written: usize,
    /// How much is gathered; zero to pass everything on at once.
    room: usize,
    /// Something came since the last flush.
    fresh: bool,
    heard: Arc<AtomicBool>,
}

// === impl Wire ===

impl Wire {
    pub(super) fn tcp(socket: TcpStream) -> Self {
        Wire::Tcp(Gathering::new(socket))
    }

    pub(super) fn unix(socket: UnixStream) -> Self {
        Wire::Unix(Gathering::new(socket))
    }

    /// Gathers up to so many bytes before they are written. For HTTP/2 only: see [`Gathering`].
    pub(super) fn gather(&mut self, room: usize) {
        match self {
            Wire::Tcp(gathering) => gathering.room = room,
            Wire::Unix(gathering) => gathering.room = room,
            Wire::Tls(stream) => stream.get_mut().0.gather(room),
        }
    }

    /// Becomes true with each read.
    pub(super) fn heard(&self) -> Arc<AtomicBool> {
        match self {
            Wire::Tcp(gathering) => Arc::clone(&gathering.heard),
            Wire::Unix(gathering) => Arc::clone(&gathering.heard),
            Wire::Tls(stream) => stream.get_ref().0.heard(),
        }
    }

    /// Whether the server chose HTTP/2 in the handshake.
    pub(super) fn chose_http2(&self) -> bool {
        match self {
            Wire::Tcp(_) | Wire::Unix(_) => false,
            Wire::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Wire::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Wire::Tcp(stream) => stream.is_write_vectored(),
            Wire::Unix(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

// === impl Gathering ===

impl<S> Gathering<S> {
    fn new(socket: S) -> Self {
        Self { socket, gathered: Vec::new(), written: 0, room: 0, fresh: false, heard: Arc::default() }
    }
}

impl<S: AsyncWrite + Unpin> Gathering<S> {
    /// Writes what is gathered.
    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.gathered.len() {
            let rest = &self.gathered[self.written..];
            match ready!(Pin::new(&mut self.socket).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.gathered.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        if read.is_ready() {
            self.heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathering<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.gathered.len() >= this.room {
            ready!(this.poll_empty(cx))?;
        }
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        if this.gathered.is_empty() && len >= this.room {
            return Pin::new(&mut this.socket).poll_write_vectored(cx, bufs);
        }
        this.fresh = true;
        let mut taken = 0;
        for buf in bufs {
            let part = buf.len().min(this.room - this.gathered.len());
            this.gathered.extend_from_slice(&buf[..part]);
            taken += part;
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if std::mem::take(&mut this.fresh) {
            // Each time: who flushed before may be another task, such as the one that connected.
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_empty(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_empty(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::{Wake, Waker};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_flush_after_each_write_is_put_off_until_one_follows_a_flush() {
        let (socket, mut other) = duplex(1 << 20);
        let mut gathering = Gathering::new(socket);
        gathering.room = 100;
        for _ in 0..3 {
            gathering.write_all(b"frame").await.unwrap();
            poll_fn(|cx| Pin::new(&mut gathering).poll_flush(cx)).await.unwrap();
            assert_eq!(gathering.written, 0);
        }
        assert_eq!(gathering.gathered, b"frameframeframe");
        poll_fn(|cx| Pin::new(&mut gathering).poll_flush(cx)).await.unwrap();
        assert!(gathering.gathered.is_empty());
        drop(gathering);
        let mut got = String::new();
        other.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "frameframeframe");
    }

    #[tokio::test]
    async fn a_flush_that_is_put_off_wakes_the_task_that_asked_for_it() {
        struct Woken(AtomicBool);
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let (socket, _other) = duplex(1 << 20);
        let mut gathering = Gathering::new(socket);
        gathering.room = 100;
        for _ in 0..2 {
            let woken = Arc::new(Woken(AtomicBool::new(false)));
            gathering.write_all(b"frame").await.unwrap();
            let waker = Waker::from(Arc::clone(&woken));
            let flushed = Pin::new(&mut gathering).poll_flush(&mut Context::from_waker(&waker));
            assert!(flushed.is_ready() && woken.0.load(Ordering::Relaxed));
        }
    }

    #[tokio::test]
    async fn nothing_is_lost_where_the_other_side_is_slow() {
        let sent: Vec<u8> = (0..100_000_usize).map(|at| (at % 251) as u8).collect();
        let (socket, mut other) = duplex(64);
        let mut gathering = Gathering::new(socket);
        gathering.room = 1000;
        let sending = async {
            for piece in sent.chunks(333) {
                gathering.write_all(piece).await.unwrap();
                gathering.flush().await.unwrap();
            }
            gathering.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let ((), read) = tokio::join!(sending, other.read_to_end(&mut got));
        read.unwrap();
        assert_eq!(got, sent);
    }
}
