//! Serving connections.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Listener, Reply};

/// What a stream may have in flight before the server reads it.
const STREAM_WINDOW: u32 = 1 << 20;
/// What a connection may have in flight before the server reads it.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Streams of one connection where the configuration does not say.
const STREAMS: u32 = 1024;
/// Pause after a failed accept, such as for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests. Called concurrently; the future is dropped when its client goes away.
pub trait Handler: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn handle(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Reply>> + Send;
}

/// How connections are served.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ServerOptions {
    /// HTTP/2 without an upgrade, which gRPC speaks; otherwise HTTP/1.1 or HTTP/2, whichever the client begins with.
    pub http2_only: bool,
    /// HTTP/2 streams that a connection may have open at a time; 0 leaves the server's own bound of 1024.
    pub max_concurrent_streams: u32,
    /// How long a client may take for the headers of an HTTP/1 request; zero for no bound.
    pub read_header_timeout: Duration,
    /// Pings a silent HTTP/2 client that often; zero for never.
    pub keepalive_time: Duration,
    /// How long a ping's answer may take.
    pub keepalive_timeout: Duration,
    /// Closes an HTTP/1 connection after each answer.
    pub close_connections: bool,
}

/// Ends servers: [`Stopper::stop`] is heard by every [`Stop`] of it.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<Instant>>);

/// Hears when a server has to end.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Instant>>);

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
    async fn wait(&mut self) -> Instant {
        match self.0.wait_for(Option::is_some).await {
            Ok(deadline) => deadline.unwrap_or_else(Instant::now),
            Err(_) => Instant::now(),
        }
    }
}

/// Serves a listener until the stop. Returns when every connection has ended, or at the deadline of the stop.
pub async fn serve(listener: Listener, options: ServerOptions, handler: impl Handler, mut stop: Stop) {
    let builder = builder(&options);
    let mut connections = JoinSet::new();
    let deadline = loop {
        tokio::select! {
            deadline = stop.wait() => break deadline,
            accepted = listener.inner.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, builder.clone(), handler.clone(), stop.clone()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    };
    drop(listener);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = sleep_until(deadline) => connections.shutdown().await,
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    builder: Builder<TokioExecutor>,
    handler: impl Handler,
    mut stop: Stop,
) {
    // Where this fails the connection is broken, which shows soon enough.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(handler.handle(request, peer).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // An error is the client's: it went away or spoke something else.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

fn builder(options: &ServerOptions) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
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
        .max_concurrent_streams(streams);
    if !options.keepalive_time.is_zero() {
        http2.keep_alive_interval(options.keepalive_time).keep_alive_timeout(options.keepalive_timeout);
    }
    let timeout = Some(options.read_header_timeout).filter(|timeout| !timeout.is_zero());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .keep_alive(!options.close_connections)
        .half_close(true);
    builder
}
