//! A server that speaks HTTP/2 itself, for what generated servers do not do: snappy, TLS, Unix sockets, bad manners.

use std::convert::Infallible;
use std::future::ready;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use otel_core::net::tls::{TlsServer, TlsServerConfig};
use otel_core::telemetry::Logger;
use otel_core::testing::TestIdentity;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// What a server saw of a request.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) authority: String,
    pub(crate) scheme: String,
    pub(crate) encoding: Option<String>,
    /// Decompressed.
    pub(crate) message: Bytes,
}

/// How a server answers instead of with success.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manners {
    /// With success.
    Good,
    /// With another status of HTTP.
    Status(u16),
    /// With a body, and no status of gRPC behind it.
    NoTrailers,
    /// Not at all.
    Silent,
    /// By an error in the middle, which resets the stream.
    Reset,
}

/// A server that runs as long as the test.
#[derive(Clone)]
pub(crate) struct RawServer(Arc<State>);

struct State {
    got: Mutex<Vec<Got>>,
    manners: Mutex<Manners>,
    window: u32,
    connections: AtomicUsize,
}

impl RawServer {
    pub(crate) fn new() -> Self {
        Self::with_window(1 << 20)
    }

    /// A server that takes so many bytes before it has read them.
    pub(crate) fn with_window(window: u32) -> Self {
        let manners = Mutex::new(Manners::Good);
        Self(Arc::new(State { got: Mutex::default(), manners, window, connections: AtomicUsize::new(0) }))
    }

    pub(crate) fn behave(&self, manners: Manners) {
        *self.0.manners.lock().unwrap() = manners;
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.0.got.lock().unwrap().clone()
    }

    /// Connections that were made.
    pub(crate) fn connections(&self) -> usize {
        self.0.connections.load(Ordering::SeqCst)
    }

    pub(crate) async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        address
    }

    pub(crate) async fn start_tls(&self, identity: &TestIdentity, client_ca: Option<&Path>) -> SocketAddr {
        let mut config = TlsServerConfig::default();
        config.common.cert_pem = identity.certificate.as_str().into();
        config.common.key_pem = identity.key.as_str().into();
        config.client_ca_file = client_ca.map(|path| path.to_str().unwrap().to_owned()).unwrap_or_default();
        let tls = Arc::new(TlsServer::load(&config, &[b"h2"], Logger::none()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, server) = (Arc::clone(&tls), server.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = tls.accept(stream).await {
                        server.serve(stream).await;
                    }
                });
            }
        });
        address
    }

    pub(crate) fn start_unix(&self, path: &Path) {
        let listener = UnixListener::bind(path).unwrap();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        self.0.connections.fetch_add(1, Ordering::SeqCst);
        let server = self.clone();
        let service = service_fn(move |request| server.clone().take(request));
        let mut builder = Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(self.0.window).initial_connection_window_size(self.0.window);
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn take(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<UnsyncBoxBody<Bytes, std::io::Error>>, Infallible> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return Ok(Response::default()) };
        let encoding = head.headers.get("grpc-encoding").map(|it| it.to_str().unwrap().to_owned());
        self.0.got.lock().unwrap().push(Got {
            authority: head.uri.authority().unwrap().to_string(),
            scheme: head.uri.scheme_str().unwrap().to_owned(),
            message: unframed(encoding.as_deref(), &body.to_bytes()).into(),
            encoding,
        });
        let manners = *self.0.manners.lock().unwrap();
        let frame = Full::new(Bytes::from_static(&[0; 5])).map_err(|never| match never {});
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-status"),
            HeaderValue::from_static("0"),
        )]);
        let mut response = Response::new(match manners {
            Manners::Good => frame.with_trailers(ready(Some(Ok(trailers)))).boxed_unsync(),
            Manners::Status(_) => UnsyncBoxBody::default(),
            Manners::NoTrailers => frame.boxed_unsync(),
            Manners::Silent => std::future::pending().await,
            Manners::Reset => {
                frame.with_trailers(ready(Some(Err(std::io::Error::other("broken"))))).boxed_unsync()
            }
        });
        if let Manners::Status(status) = manners {
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
        }
        Ok(response)
    }
}

fn unframed(encoding: Option<&str>, body: &[u8]) -> Vec<u8> {
    let (head, packed) = body.split_at(5);
    assert_eq!(u32::from_be_bytes(head[1..].try_into().unwrap()) as usize, packed.len());
    assert_eq!(head[0] == 1, encoding.is_some());
    let mut plain = Vec::new();
    match encoding {
        None => plain.extend_from_slice(packed),
        Some("gzip") => {
            flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
        }
        Some("snappy") => {
            snap::read::FrameDecoder::new(packed).read_to_end(&mut plain).unwrap();
        }
        Some("zstd") => plain = zstd::stream::decode_all(packed).unwrap(),
        Some(other) => panic!("{other} is not an encoding of gRPC"),
    }
    plain
}
