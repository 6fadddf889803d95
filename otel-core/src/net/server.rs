//! Serving a listener.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::connection::{Connections, Streams};
#[cfg(feature = "tls")]
use super::tls::TlsServer;
use super::{Listener, Peer, Reply, Status};
use crate::telemetry::{Counter, Logger};

/// Pause after a failed accept, such as for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What requests may take to end once their connection is gone.
const STREAMS_END: Duration = Duration::from_secs(1);

/// Answers requests. Called concurrently; the future is dropped when its client goes away.
pub trait Handler: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Reply>> + Send;

    /// Answers an HTTP request with these headers that the server refused. In plain text, where this does not say
    /// otherwise.
    fn refuse(&self, headers: &HeaderMap, status: &Status) -> Response<Reply> {
        let _ = headers;
        refusal(status)
    }
}

/// How connections are served. Durations of zero are no bound.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// HTTP/2 without an upgrade, which gRPC speaks; otherwise HTTP/1.1 or HTTP/2, whichever the client begins with.
    pub http2_only: bool,
    /// Connections at a time; one more is closed at once.
    pub max_connections: usize,
    /// HTTP/2 streams that a connection may have open at a time; 0 leaves the server's own bound of 1024.
    pub max_concurrent_streams: u32,
    /// How long a client may take for the handshake of TLS, and then for its first byte.
    pub handshake_timeout: Duration,
    /// How long a client may take for the headers of an HTTP/1 request.
    pub read_header_timeout: Duration,
    /// How long a connection may go without a request.
    pub idle_timeout: Duration,
    /// How long an answer may take after the headers of its request.
    pub answer_timeout: Duration,
    /// How old a connection may get before the client is told to make a new one; up to a tenth more or less.
    pub max_age: Duration,
    /// How long requests may go on on a connection that has become too old.
    pub max_age_grace: Duration,
    /// Pings a silent HTTP/2 client that often.
    pub keepalive_time: Duration,
    /// How long a ping's answer may take.
    pub keepalive_timeout: Duration,
    /// Closes an HTTP/1 connection after each answer.
    pub close_connections: bool,
    /// Speaks TLS.
    #[cfg(feature = "tls")]
    pub tls: Option<Arc<TlsServer>>,
    /// Where failures are written that no client is told of.
    pub logger: Logger,
    /// What is counted of failures.
    pub failures: ConnectionFailures,
}

/// Connections that ended otherwise than by their clients' will.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnectionFailures {
    /// Closed at once, because there were as many as may be.
    pub refused: Counter,
    /// Broken in the handshake of TLS.
    pub handshake: Counter,
    /// Cut off, because the client was too slow.
    pub timeout: Counter,
    /// Requests whose handler panicked.
    pub panicked: Counter,
}

/// Ends servers: [`Stopper::stop`] is heard by every [`Stop`] of it.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<Instant>>);

/// Hears when a server has to end.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Instant>>);

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            http2_only: false,
            max_connections: 16 << 10,
            max_concurrent_streams: 0,
            handshake_timeout: Duration::from_secs(30),
            read_header_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
            answer_timeout: Duration::ZERO,
            max_age: Duration::ZERO,
            max_age_grace: Duration::ZERO,
            keepalive_time: Duration::ZERO,
            keepalive_timeout: Duration::ZERO,
            close_connections: false,
            #[cfg(feature = "tls")]
            tls: None,
            logger: Logger::none(),
            failures: ConnectionFailures::default(),
        }
    }
}

impl Default for Stopper {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Stopper {
    /// A listener to it.
    pub fn listen(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Servers take no more connections and requests, finish what was begun, and break it off at the deadline.
    pub fn stop(&self, deadline: Instant) {
        self.0.send_replace(Some(deadline));
    }
}

impl Stop {
    /// Waits for the stop and gives the deadline. A stopper that was dropped is a stop without grace.
    pub(super) async fn wait(&mut self) -> Instant {
        match self.0.wait_for(Option::is_some).await {
            Ok(deadline) => deadline.unwrap_or_else(Instant::now),
            Err(_) => Instant::now(),
        }
    }
}

/// Serves a listener until the stop. Returns when every connection and request has ended; those that have not are broken
/// off at the deadline of the stop, and where this is dropped.
pub async fn serve(listener: Listener, options: ServerOptions, handler: impl Handler, stop: Stop) {
    serve_any(listener, options, AnyHandler::new(handler), stop).await;
}

/// A handler of whatever type, so that connections, with both versions of HTTP, are compiled once and not for each type of
/// handler. It costs a request an allocation.
#[derive(Clone)]
pub(super) struct AnyHandler(Arc<dyn Fn(Request<Incoming>, Peer) -> Answering + Send + Sync>);

type Answering = Pin<Box<dyn Future<Output = Response<Reply>> + Send>>;

impl AnyHandler {
    fn new(handler: impl Handler) -> Self {
        Self(Arc::new(move |request, peer| {
            let handler = handler.clone();
            Box::pin(async move { handler.handle(request, peer).await })
        }))
    }

    pub(super) fn handle(&self, request: Request<Incoming>, peer: Peer) -> Answering {
        (self.0)(request, peer)
    }
}

/// The answer in plain text, as Go's servers give it.
fn refusal(status: &Status) -> Response<Reply> {
    let mut response = Response::new(Reply::new(format!("{}\n", status.message)));
    *response.status_mut() = status.http_status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn serve_any(listener: Listener, options: ServerOptions, handler: AnyHandler, mut stop: Stop) {
    let (max, logger, failures) = (options.max_connections, options.logger.clone(), options.failures.clone());
    let streams = Streams::default();
    let server = Arc::new(Connections::new(options, &streams));
    let mut connections = JoinSet::new();
    let deadline = loop {
        tokio::select! {
            deadline = stop.wait() => break deadline,
            accepted = listener.accept() => match accepted {
                Ok(_) if connections.len() >= max => failures.refused.add(1),
                Ok((stream, peer)) => {
                    let (server, handler, stop) = (Arc::clone(&server), handler.clone(), stop.clone());
                    connections.spawn(async move { server.serve(stream, peer, handler, stop).await });
                }
                Err(error) => {
                    logger.warn("Failed to accept a connection").error(&error).emit();
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    };
    drop(listener);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = sleep_until(deadline) => connections.shutdown().await,
    }
    // Requests on HTTP/2 run beside their connection, and end when they notice that it is gone.
    let _ = timeout(STREAMS_END, streams.ended()).await;
}
