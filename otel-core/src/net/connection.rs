//! Serving one connection.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
#[cfg(feature = "tls")]
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::Reply;
#[cfg(feature = "tls")]
use super::guarded::{PeerCertificates, Unread};
use super::server::{AnyHandler, ServerOptions, Stop};
#[cfg(feature = "tls")]
use super::sparing::Sparing;
use super::stream::{Peer, Stream};
use super::watch::{Activity, Bounds, End, Watched};
#[cfg(feature = "tls")]
use crate::telemetry::Level;

/// What a stream may have in flight before the server reads it.
const STREAM_WINDOW: u32 = 1 << 20;
/// What a connection may have in flight before the server reads it: what a client can make the server hold. With half of
/// it four requests of 480 KB at a time came in pieces, which cost 12 % (November 2026).
const CONNECTION_WINDOW: u32 = 2 << 20;
/// Streams of one connection where the configuration does not say.
const STREAMS: u32 = 1024;
/// What is read of an HTTP/1 connection at once at most. A body that comes in one piece is not copied.
const READ_AT_ONCE: usize = 1 << 20;
/// The headers of a request in bytes.
pub(super) const HEADERS: u32 = 64 << 10;
/// How long the headers of a request may still take when the server stops.
const LAST_REQUEST: Duration = Duration::from_secs(1);

/// What the connections of a server have in common.
pub(super) struct Connections {
    options: ServerOptions,
    builder: Builder<Streams>,
    #[cfg(feature = "tls")]
    streams: Streams,
    #[cfg(feature = "tls")]
    handshakes: Mutex<Sparing>,
}

/// Runs the requests of HTTP/2 connections, and knows when they have ended.
#[derive(Clone, Default)]
pub(super) struct Streams(TaskTracker);

/// A request without an answer: the connection or the stream breaks.
#[derive(Debug)]
enum Unanswered {
    Late,
    Panicked,
}

impl Connections {
    pub(super) fn new(options: ServerOptions, streams: &Streams) -> Self {
        let builder = builder(&options, streams.clone());
        Self {
            options,
            builder,
            #[cfg(feature = "tls")]
            streams: streams.clone(),
            #[cfg(feature = "tls")]
            handshakes: Mutex::default(),
        }
    }

    /// Serves a connection to its end.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: Stream,
        peer: Peer,
        handler: AnyHandler,
        mut stop: Stop,
    ) {
        let stream = tokio::select! {
            stream = self.shake_hands(stream, peer) => stream,
            _ = stop.wait() => None,
        };
        let Some(stream) = stream else { return };
        let peer = Peer { secure: stream.is_secure(), ..peer };
        let options = &self.options;
        let bounds = Bounds {
            first_byte: options.handshake_timeout,
            head: options.read_header_timeout,
            idle: options.idle_timeout,
            age: jittered(options.max_age),
        };
        let activity = Activity::new(bounds, options.http2_only || stream.agreed_on_http2());
        #[cfg(feature = "tls")]
        let certificates = stream.certificates().map(PeerCertificates);
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "nothing is known of the connection"))]
        let service = service_fn(|mut request: Request<Incoming>| {
            #[cfg(feature = "tls")]
            if let Some(certificates) = &certificates {
                request.extensions_mut().insert(certificates.clone());
            }
            let begun = activity.begin(request.version() == Version::HTTP_2);
            let (handler, server) = (handler.clone(), Arc::clone(&self));
            async move {
                let answer = server.answer(&handler, request, peer).await;
                drop(begun);
                answer
            }
        });
        let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity)));
        let mut connection = pin!(self.builder.serve_connection(io, service));
        let mut old = false;
        // An error is the client's: it went away or spoke something else.
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stop.wait() => {}
            end = activity.expired() => match end {
                End::Drain => old = true,
                End::Cut => return options.failures.timeout.add(1),
            },
        }
        connection.as_mut().graceful_shutdown();
        if !old {
            // Who has not sent a request by now is not waited for.
            tokio::select! {
                _ = connection => {}
                () = activity.quiet(LAST_REQUEST) => {}
            }
        } else if options.max_age_grace.is_zero() {
            let _ = connection.await;
        } else {
            let _ = timeout(options.max_age_grace, connection).await;
        }
    }

    /// The stream with TLS, where that is spoken; nothing where the handshake fails.
    #[cfg(feature = "tls")]
    async fn shake_hands(&self, stream: Stream, peer: Peer) -> Option<Stream> {
        let ServerOptions { tls, handshake_timeout, failures, .. } = &self.options;
        let Some(tls) = tls else { return Some(stream) };
        let shaken = tls.accept(stream);
        let shaken = if handshake_timeout.is_zero() {
            Some(shaken.await)
        } else {
            timeout(*handshake_timeout, shaken).await.ok()
        };
        match shaken {
            Some(Ok(stream)) => Some(Stream::Tls(Box::new(stream))),
            Some(Err(error)) => {
                failures.handshake.add(1);
                self.tell_of_handshake(&error, peer);
                None
            }
            None => {
                failures.timeout.add(1);
                None
            }
        }
    }

    /// Who only looks whether somebody listens is not worth a warning.
    #[cfg(feature = "tls")]
    fn tell_of_handshake(&self, error: &io::Error, peer: Peer) {
        let logger = &self.options.logger;
        let gone = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
        let (level, others) = if gone.contains(&error.kind()) {
            (Level::Debug, 0)
        } else {
            let mut handshakes = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(others) = handshakes.write() else { return };
            (Level::Warn, others)
        };
        let mut event = logger.at(level, "TLS handshake failed").error(error);
        if let Some(address) = peer.address {
            event = event.text("client", &address.ip());
        }
        if others > 0 {
            event = event.field("others_like_it", others);
        }
        event.emit();
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "with TLS there is something to wait for")]
    async fn shake_hands(&self, stream: Stream, _: Peer) -> Option<Stream> {
        Some(stream)
    }

    /// The handler's answer, in time and without a panic.
    async fn answer(
        &self,
        handler: &AnyHandler,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Result<Response<Reply>, Unanswered> {
        let ServerOptions { answer_timeout, logger, failures, .. } = &self.options;
        let answer = AssertUnwindSafe(handler.handle(request, peer)).catch_unwind();
        let answer = if answer_timeout.is_zero() {
            answer.await
        } else {
            timeout(*answer_timeout, answer).await.map_err(|_| {
                failures.timeout.add(1);
                Unanswered::Late
            })?
        };
        #[cfg(feature = "tls")]
        let answer = answer.map(|mut response| {
            if let Some(unread) = response.extensions_mut().remove::<Unread>() {
                self.streams.execute(unread.linger());
            }
            response
        });
        answer.map_err(|_| {
            failures.panicked.add(1);
            logger.error("The handler of a request panicked").emit();
            Unanswered::Panicked
        })
    }
}

impl Streams {
    /// Waits until no request runs any more.
    pub(super) async fn ended(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, request: F) {
        tokio::spawn(self.0.track_future(request));
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unanswered::Late => "the answer took too long",
            Unanswered::Panicked => "the handler panicked",
        })
    }
}

impl Error for Unanswered {}

fn builder(options: &ServerOptions, streams: Streams) -> Builder<Streams> {
    let mut builder = Builder::new(streams);
    if options.http2_only {
        builder = builder.http2_only();
    }
    let streams = if options.max_concurrent_streams == 0 { STREAMS } else { options.max_concurrent_streams };
    let mut http2 = builder.http2();
    http2
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(STREAM_WINDOW)
        .max_header_list_size(HEADERS)
        .max_concurrent_streams(streams);
    if !options.keepalive_time.is_zero() {
        http2.keep_alive_interval(options.keepalive_time).keep_alive_timeout(options.keepalive_timeout);
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        // The phases of a connection are watched here, where waiting for a request is not reading its headers.
        .header_read_timeout(None)
        .max_buf_size(READ_AT_ONCE)
        .keep_alive(!options.close_connections)
        .half_close(true);
    builder
}

/// A tenth more or less, so that connections that were made together do not end together.
fn jittered(age: Duration) -> Duration {
    if age.is_zero() {
        return age;
    }
    let random = RandomState::new().hash_one(age) as f64 / u64::MAX as f64;
    age.mul_f64(0.9 + 0.2 * random)
}
