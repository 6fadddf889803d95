use std::{fmt, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tokio::net::TcpStream;

use super::{Compression, Signal};

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// OTLP/gRPC: HTTP/2 without TLS.
    Grpc,
    /// OTLP/HTTP with protobuf bodies over HTTP/1.1, which carries one request at a time on a connection.
    Http,
    /// The same with JSON bodies.
    HttpJson,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "gRPC",
            Self::Http => "HTTP/protobuf",
            Self::HttpJson => "HTTP/JSON",
        })
    }
}

/// Where requests go, and how.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The address of the collector's receiver.
    pub address: SocketAddr,
    /// The signal, which decides the path.
    pub signal: Signal,
    /// gRPC or HTTP.
    pub protocol: Protocol,
    /// How the bodies are compressed.
    pub compression: Compression,
}

/// Why a request was not answered with success.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection could not be made.
    #[error("could not connect to {address}")]
    Connect {
        /// Where it should have gone.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The connection broke, or spoke something else than HTTP.
    #[error("the connection failed: {0}")]
    Connection(#[from] hyper::Error),
    /// The answer has another HTTP status than 200.
    #[error("answered with HTTP status {0}")]
    HttpStatus(StatusCode),
    /// The answer has another gRPC status than 0.
    #[error("answered with gRPC status {code}: {message}")]
    GrpcStatus {
        /// The code; empty when the answer has none.
        code: String,
        /// The message, percent-encoded as it came.
        message: String,
    },
    /// The answer is a success for some of the items only.
    #[error("{rejected} items were rejected: {message}")]
    PartialSuccess {
        /// How many were rejected.
        rejected: i64,
        /// The collector's reason.
        message: String,
    },
    /// The answer's body is no OTLP response.
    #[error("the answer is no OTLP response")]
    MalformedAnswer,
}

impl SendError {
    /// Whether the connection is gone, so that sending on makes no sense.
    pub const fn is_connection(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Connection(_))
    }
}

/// A connection that sends pre-encoded bodies; clones of a gRPC one share it.
#[derive(Debug)]
pub(crate) enum Client {
    Grpc(Target, http2::SendRequest<Full<Bytes>>),
    Http(Target, http1::SendRequest<Full<Bytes>>),
}

impl Client {
    pub(crate) async fn connect(target: Target) -> Result<Self, SendError> {
        let connect = async {
            let stream = TcpStream::connect(target.address).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        };
        let io = connect.await.map_err(|source| SendError::Connect { address: target.address, source })?;
        // A connection that fails shows in its requests.
        match target.protocol {
            Protocol::Grpc => {
                let (client, connection) = http2::Builder::new(TokioExecutor::new())
                    .max_send_buf_size(1 << 20)
                    .handshake(io)
                    .await?;
                tokio::spawn(connection);
                Ok(Self::Grpc(target, client))
            }
            Protocol::Http | Protocol::HttpJson => {
                let (client, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Ok(Self::Http(target, client))
            }
        }
    }

    /// A second handle to a gRPC connection, a new connection over HTTP.
    pub(super) async fn another(&self) -> Result<Self, SendError> {
        match self {
            Self::Grpc(target, client) => Ok(Self::Grpc(*target, client.clone())),
            Self::Http(target, _) => Self::connect(*target).await,
        }
    }

    /// Sends bodies of another signal from now on.
    #[cfg(feature = "crash")]
    pub(crate) fn retarget(&mut self, signal: Signal) {
        let (Self::Grpc(target, _) | Self::Http(target, _)) = self;
        target.signal = signal;
    }

    /// Sends a body and waits for the whole answer.
    pub(crate) async fn send(&mut self, body: Bytes) -> Result<(), SendError> {
        match self {
            Self::Grpc(target, client) => {
                client.ready().await?;
                let response = client.send_request(grpc_request(*target, body)).await?;
                read_grpc_answer(response).await
            }
            Self::Http(target, client) => {
                client.ready().await?;
                let response = client.send_request(http_request(*target, body)).await?;
                read_http_answer(target.protocol, response).await
            }
        }
    }
}

fn grpc_request(target: Target, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = format!("http://{}{}", target.address, target.signal.grpc_path())
        .parse()
        .expect("an address and a path make a URI");
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    if let Some(encoding) = target.compression.encoding() {
        headers.insert("grpc-encoding", HeaderValue::from_static(encoding));
    }
    request
}

fn http_request(target: Target, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.signal.http_path().parse().expect("the paths are URIs");
    let headers = request.headers_mut();
    let host = HeaderValue::from_str(&target.address.to_string()).expect("an address is a header value");
    headers.insert(header::HOST, host);
    let content_type = match target.protocol {
        Protocol::HttpJson => "application/json",
        Protocol::Grpc | Protocol::Http => "application/x-protobuf",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(encoding) = target.compression.encoding() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    request
}

async fn read_grpc_answer(response: Response<Incoming>) -> Result<(), SendError> {
    if response.status() != StatusCode::OK {
        return Err(SendError::HttpStatus(response.status()));
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await?;
    // An error may come as headers alone, with the status in them.
    let headers = body.trailers().unwrap_or(&parts.headers);
    let text = |name| {
        headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default()
    };
    let code = text("grpc-status");
    if code != "0" {
        return Err(SendError::GrpcStatus { code, message: text("grpc-message") });
    }
    let body = body.to_bytes();
    let encoding = parts.headers.get("grpc-encoding").map(HeaderValue::as_bytes).unwrap_or_default();
    match body.split_at_checked(5) {
        Some(([0, ..], message)) => check_rejected(message),
        // Go's servers compress their answers as the request was.
        Some(([1, ..], message)) => {
            let compression = Compression::of_encoding(encoding).ok_or(SendError::MalformedAnswer)?;
            check_rejected(&compression.decompress(message).map_err(|_| SendError::MalformedAnswer)?)
        }
        _ => Err(SendError::MalformedAnswer),
    }
}

async fn read_http_answer(protocol: Protocol, response: Response<Incoming>) -> Result<(), SendError> {
    if response.status() != StatusCode::OK {
        return Err(SendError::HttpStatus(response.status()));
    }
    let body = response.into_body().collect().await?.to_bytes();
    if protocol == Protocol::HttpJson {
        let answer: ExportTraceServiceResponse =
            serde_json::from_slice(&body).map_err(|_| SendError::MalformedAnswer)?;
        return check_partial(answer);
    }
    check_rejected(&body)
}

/// The three signals' responses have the same fields.
fn check_rejected(message: &[u8]) -> Result<(), SendError> {
    check_partial(ExportTraceServiceResponse::decode(message).map_err(|_| SendError::MalformedAnswer)?)
}

fn check_partial(response: ExportTraceServiceResponse) -> Result<(), SendError> {
    match response.partial_success {
        Some(partial) if partial.rejected_spans != 0 => Err(SendError::PartialSuccess {
            rejected: partial.rejected_spans,
            message: partial.error_message,
        }),
        _ => Ok(()),
    }
}
