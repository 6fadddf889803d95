use std::{
    convert::Infallible,
    future::{Ready, ready},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::WithTrailers};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{net::TcpListener, task::JoinSet, time::Instant};

use super::{Compression, Malformed, Signal, count_items};

/// So that flow control never makes a collector wait for the sink.
const STREAM_WINDOW: u32 = 16 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// An OTLP server, gRPC and HTTP/protobuf on one port, that counts what it receives and answers with success.
///
/// Dropping it closes the port and all connections.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    counters: Arc<Counters>,
    _server: JoinSet<()>,
}

/// What a sink has received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Spans, data points and log records.
    pub items: u64,
    /// Requests.
    pub requests: u64,
    /// Bytes of messages, compressed as they came.
    pub bytes: u64,
    /// Requests that were no OTLP, which are not counted above.
    pub malformed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    items: AtomicU64,
    requests: AtomicU64,
    bytes: AtomicU64,
    malformed: AtomicU64,
    arrivals: Mutex<Vec<Arrival>>,
}

/// That so many items had arrived at some time.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When.
    pub at: Instant,
    /// All items until then.
    pub items: u64,
}

type Answer = Response<WithTrailers<Full<Bytes>, Ready<Option<Result<HeaderMap, Infallible>>>>>;

impl Sink {
    /// Listens at an address; port 0 takes any free one.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let counters = Arc::new(Counters::default());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&counters)));
        Ok(Self { address, counters, _server: server })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// When items arrived, in order, from the start or from the last call on.
    pub fn take_arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.counters.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What has arrived so far.
    pub fn received(&self) -> Received {
        Received {
            items: self.counters.items.load(Relaxed),
            requests: self.counters.requests.load(Relaxed),
            bytes: self.counters.bytes.load(Relaxed),
            malformed: self.counters.malformed.load(Relaxed),
        }
    }
}

impl Counters {
    fn arrived(&self, items: u64) {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let items = self.items.fetch_add(items, Relaxed) + items;
        arrivals.push(Arrival { at: Instant::now(), items });
    }
}

async fn serve(listener: TcpListener, counters: Arc<Counters>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that could not be accepted is its client's to notice.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let counters = Arc::clone(&counters);
        connections.spawn(async move {
            // A failure only costs answers to nagle's algorithm, or ends this connection: neither is counted.
            let _ = stream.set_nodelay(true);
            let service = service_fn(move |request| answer(request, Arc::clone(&counters)));
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http2()
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_concurrent_streams(1024);
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(request: Request<Incoming>, counters: Arc<Counters>) -> Result<Answer, hyper::Error> {
    let grpc = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    let signal = Signal::of_path(request.uri().path());
    let encoding = request.headers().get(if grpc { "grpc-encoding" } else { "content-encoding" });
    let compression =
        encoding.map_or(Some(Compression::None), |name| Compression::of_encoding(name.as_bytes()));
    let body = request.into_body().collect().await?.to_bytes();
    let received = signal.ok_or(Malformed).and_then(|signal| {
        let compression = compression.ok_or(Malformed)?;
        if grpc {
            let (message, compressed) = unframe(&body)?;
            count(signal, message, if compressed { compression } else { Compression::None })
        } else {
            count(signal, &body, compression)
        }
    });
    match received {
        Ok((items, bytes)) => {
            counters.arrived(items);
            counters.bytes.fetch_add(bytes, Relaxed);
            counters.requests.fetch_add(1, Relaxed);
        }
        Err(Malformed) => {
            counters.malformed.fetch_add(1, Relaxed);
        }
    }
    Ok(if grpc { grpc_answer(received.is_ok()) } else { http_answer(received.is_ok()) })
}

/// The items in a message and its size as it came.
fn count(signal: Signal, message: &[u8], compression: Compression) -> Result<(u64, u64), Malformed> {
    let items = match compression {
        Compression::None => count_items(signal, message)?,
        Compression::Gzip | Compression::Zstd => {
            count_items(signal, &compression.decompress(message).map_err(|_| Malformed)?)?
        }
    };
    Ok((items, message.len() as u64))
}

/// The message of a gRPC body, and whether it is compressed.
pub(crate) fn unframe(body: &[u8]) -> Result<(&[u8], bool), Malformed> {
    match body.split_at_checked(5) {
        Some((&[compressed @ (0 | 1), a, b, c, d], message))
            if u32::from_be_bytes([a, b, c, d]) as usize == message.len() =>
        {
            Ok((message, compressed == 1))
        }
        _ => Err(Malformed),
    }
}

/// An empty response message, or INVALID_ARGUMENT.
fn grpc_answer(success: bool) -> Answer {
    let body = if success { Bytes::from_static(&[0; 5]) } else { Bytes::new() };
    let status = HeaderValue::from_static(if success { "0" } else { "3" });
    let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), status)]);
    let mut response = Response::new(Full::new(body).with_trailers(ready(Some(Ok(trailers)))));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn http_answer(success: bool) -> Answer {
    let mut response = Response::new(Full::default().with_trailers(ready(None)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    if !success {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}
