//! Bodies that leave.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// The body of an answer: at most one piece, or pieces that come as they come, then trailers where there are any.
#[derive(Default)]
pub struct Reply {
    data: Bytes,
    stream: Option<Pin<Box<dyn Stream<Item = Bytes> + Send>>>,
    trailers: Option<HeaderMap>,
}

impl Reply {
    /// A body without trailers.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), stream: None, trailers: None }
    }

    /// A body of pieces, each sent when it is there. A server that stops waits for the end of the stream as for every
    /// answer.
    pub fn streaming(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self { data: Bytes::new(), stream: Some(Box::pin(stream)), trailers: None }
    }

    /// The same with trailers.
    pub fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers = Some(trailers);
        self
    }

    /// The trailers, where there are any.
    pub(super) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        if let Some(stream) = &mut self.stream {
            match ready!(stream.as_mut().poll_next(context)) {
                Some(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                None => self.stream = None,
            }
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.stream.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let len = self.data.len() as u64;
        if self.stream.is_none() {
            return SizeHint::with_exact(len);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(len);
        hint
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("data", &self.data)
            .field("streaming", &self.stream.is_some())
            .field("trailers", &self.trailers)
            .finish()
    }
}

/// The body of a request: slices that go out one after the other, without being copied together. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    slices: VecDeque<Bytes>,
    len: u64,
}

impl Outgoing {
    /// A body of these slices.
    pub fn new(slices: impl IntoIterator<Item = Bytes>) -> Self {
        let slices: VecDeque<_> = slices.into_iter().filter(|slice| !slice.is_empty()).collect();
        let len = slices.iter().map(|slice| slice.len() as u64).sum();
        Self { slices, len }
    }

    /// Its length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The slices.
    pub fn slices(&self) -> impl Iterator<Item = Bytes> {
        self.slices.iter().cloned()
    }

    /// A gRPC message of these slices: its header goes first.
    pub fn grpc(compressed: bool, len: usize, slices: impl IntoIterator<Item = Bytes>) -> Self {
        let mut header = [u8::from(compressed), 0, 0, 0, 0];
        header[1..].copy_from_slice(&(len as u32).to_be_bytes());
        Self::new([Bytes::copy_from_slice(&header)].into_iter().chain(slices))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.slices.pop_front().map(|slice| {
            self.len -= slice.len() as u64;
            Ok(Frame::data(slice))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.slices.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len)
    }
}
