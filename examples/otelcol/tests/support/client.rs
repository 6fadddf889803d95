use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// Why no answer came.
pub(crate) type Broken = Box<dyn Error + Send + Sync>;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

/// A request to be made, with a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Ask {
    /// Telemetry for OTLP over HTTP: traces.
    pub(crate) fn http(content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { method: Method::POST, path: "/v1/traces".to_owned(), headers, body: body.into() }
    }

    /// A message for OTLP over gRPC: traces, with a flag that says whether they are compressed.
    pub(crate) fn grpc(flag: u8, message: &[u8]) -> Self {
        let frame = [&[flag], &(message.len() as u32).to_be_bytes()[..], message].concat();
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export".to_owned();
        Self { path, ..Self::http("application/grpc", frame) }.header("te", "trailers")
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Over HTTP/1.1; an error if no answer came.
    pub(crate) async fn http1(self, address: SocketAddr) -> Result<Answer, Broken> {
        let (mut client, connection) = http1::handshake(connect(address).await?).await?;
        tokio::spawn(connection);
        let mut request = self.request(format!("http://{address}"), Version::HTTP_11);
        *request.uri_mut() =
            request.uri().path_and_query().expect("it has a path").to_string().parse().unwrap();
        request.headers_mut().insert("host", address.to_string().parse().unwrap());
        answer(client.send_request(request).await?).await
    }

    /// Over HTTP/2; an error if no answer came.
    pub(crate) async fn http2(self, address: SocketAddr) -> Result<Answer, Broken> {
        Http2::connect(address).await?.ask(self).await
    }

    fn request(self, base: String, version: Version) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(self.method).uri(base + &self.path).version(version);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body)).unwrap()
    }
}

/// A connection for several requests at a time. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Http2 {
    client: http2::SendRequest<Full<Bytes>>,
    base: String,
}

impl Http2 {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Broken> {
        let (client, connection) = http2::handshake(TokioExecutor::new(), connect(address).await?).await?;
        tokio::spawn(connection);
        Ok(Self { client, base: format!("http://{address}") })
    }

    pub(crate) async fn ask(&mut self, ask: Ask) -> Result<Answer, Broken> {
        let request = ask.request(self.base.clone(), Version::HTTP_2);
        answer(self.client.send_request(request).await?).await
    }
}

async fn connect(address: SocketAddr) -> Result<TokioIo<TcpStream>, Broken> {
    Ok(TokioIo::new(TcpStream::connect(address).await?))
}

async fn answer(response: Response<Incoming>) -> Result<Answer, Broken> {
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes(), trailers })
}

/// Makes a request over HTTP/1.1, with a connection of its own.
pub(crate) async fn http(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    try_http(address, method, path, headers, body).await.unwrap()
}

/// As [`http`]; an error where the connection cannot be made or breaks.
pub(crate) async fn try_http(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: impl Into<Bytes>,
) -> Result<Answer, Broken> {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Ask { method, path: path.to_owned(), headers, body: body.into() }.http1(address).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    http(address, Method::GET, path, &[], Bytes::new()).await
}

/// A request with one span of that name, in OTLP/JSON.
pub(crate) fn span(name: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"{name}"}}]}}]}}]}}"#)
}

pub(crate) fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}
