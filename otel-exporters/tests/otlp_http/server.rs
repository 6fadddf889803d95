//! A server that keeps what it gets and answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use otel_core::net::tls::{TlsServer, TlsServerConfig};
use otel_core::telemetry::Logger;
use otel_core::testing::TestIdentity;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// What a server saw of a request.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    /// Decompressed.
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// An answer to give.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// A server that runs as long as the test.
#[derive(Clone, Default)]
pub(crate) struct Backend(Arc<State>);

#[derive(Default)]
struct State {
    got: Mutex<Vec<Got>>,
    answers: Mutex<VecDeque<Answer>>,
    pause: Mutex<Duration>,
    made: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().unwrap());
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.with("content-type", content_type)
    }
}

impl Backend {
    pub(crate) async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let backend = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(backend.clone().serve(stream));
            }
        });
        address
    }

    pub(crate) async fn start_tls(
        &self,
        identity: &TestIdentity,
        protocols: &'static [&'static [u8]],
    ) -> SocketAddr {
        let mut config = TlsServerConfig::default();
        config.common.cert_pem = identity.certificate.as_str().into();
        config.common.key_pem = identity.key.as_str().into();
        let tls = Arc::new(TlsServer::load(&config, protocols, Logger::none()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let backend = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, backend) = (Arc::clone(&tls), backend.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = tls.accept(stream).await {
                        backend.serve(stream).await;
                    }
                });
            }
        });
        address
    }

    /// Answers the next requests so, and those after them with success.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.0.answers.lock().unwrap().extend(answers);
    }

    /// Takes so long for each answer.
    pub(crate) fn pause(&self, pause: Duration) {
        *self.0.pause.lock().unwrap() = pause;
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.0.got.lock().unwrap().clone()
    }

    /// Connections that were made, that are open, and the most that were open at a time.
    pub(crate) fn connections(&self) -> (usize, usize, usize) {
        let State { made, open, most, .. } = &*self.0;
        (made.load(Ordering::SeqCst), open.load(Ordering::SeqCst), most.load(Ordering::SeqCst))
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let Self(state) = &self;
        state.made.fetch_add(1, Ordering::SeqCst);
        let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
        state.most.fetch_max(open, Ordering::SeqCst);
        let backend = self.clone();
        let service = service_fn(move |request| backend.clone().take(request));
        let builder = Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        state.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn take(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let Self(state) = &self;
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return Ok(Response::default()) };
        let encoding = head.headers.get(header::CONTENT_ENCODING).map_or("", |it| it.to_str().unwrap());
        let body = inflated(encoding, &body.to_bytes()).into();
        let target = head.uri.to_string();
        state.got.lock().unwrap().push(Got { target, version: head.version, headers: head.headers, body });
        let pause = *state.pause.lock().unwrap();
        tokio::time::sleep(pause).await;
        let answer = state.answers.lock().unwrap().pop_front().unwrap_or_else(|| Answer::new(200));
        let mut response = Response::new(Full::new(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

fn inflated(encoding: &str, packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "" => plain.extend_from_slice(packed),
        "gzip" => {
            flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
        }
        "zlib" | "deflate" => {
            flate2::read::ZlibDecoder::new(packed).read_to_end(&mut plain).unwrap();
        }
        "snappy" => plain = snap::raw::Decoder::new().decompress_vec(packed).unwrap(),
        "x-snappy-framed" => {
            snap::read::FrameDecoder::new(packed).read_to_end(&mut plain).unwrap();
        }
        "zstd" => plain = zstd::stream::decode_all(packed).unwrap(),
        "lz4" => {
            lz4_flex::frame::FrameDecoder::new(packed).read_to_end(&mut plain).unwrap();
        }
        other => panic!("{other} is not a content encoding of OTLP"),
    }
    plain
}
