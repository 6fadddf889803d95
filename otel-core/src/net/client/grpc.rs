//! Calling unary gRPC methods.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tonic::transport::Channel;
use tower::{Service as _, ServiceExt as _};

use crate::component::Code;
use crate::net::{
    ByteBudget, Compression, Compressor, Endpoint, ObservedCalls, Outgoing, Status, Undecodable, decompress,
    format_grpc_timeout, grpc_coding,
};
use crate::pdata::Signal;
use crate::telemetry::{Telemetry, TraceContext};

/// The longest answer that is read: export responses are short.
const MAX_ANSWER: usize = 4 << 20;

/// How a client connects and what it sends with each request.
#[derive(Debug, Clone)]
pub struct GrpcClientOptions {
    /// Where the server is.
    pub endpoint: Endpoint,
    /// How requests are compressed.
    pub compression: Compression,
    /// Metadata of each request.
    pub headers: HeaderMap,
    /// Names the client.
    pub user_agent: String,
}

/// A client over one lazily made HTTP/2 connection, made anew when it breaks. Cloning shares it.
#[derive(Clone)]
pub struct GrpcClient {
    channel: Channel,
    endpoint: Endpoint,
    compression: Compression,
    compressor: std::sync::Arc<Compressor>,
    headers: HeaderMap,
    observed: ObservedCalls,
}

impl GrpcClient {
    /// A client. It connects with the first request. Call it inside a runtime.
    ///
    /// # Errors
    /// The user agent is not a header value.
    pub fn new(options: GrpcClientOptions) -> Result<Self, tonic::transport::Error> {
        let GrpcClientOptions { endpoint, compression, mut headers, user_agent } = options;
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{endpoint}"))?
            .user_agent(user_agent)?
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(20))
            .connect_lazy();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if compression == Compression::Gzip {
            headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
        }
        // Answers are short. Go's servers compress them all the same where the request is compressed.
        headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        let compressor = std::sync::Arc::new(Compressor::new(compression, 0));
        Ok(Self { channel, endpoint, compression, compressor, headers, observed: ObservedCalls::default() })
    }

    /// The same, telling of its calls.
    pub fn observed(mut self, telemetry: &Telemetry) -> Self {
        self.observed = ObservedCalls::new(telemetry, self.endpoint.host(), self.endpoint.port());
        self
    }

    /// Where the server is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Calls a method, such as `/package.Service/Method`, within a trace, with telemetry as the request, and gives the
    /// response's bytes. Dropping the future resets the stream.
    ///
    /// # Errors
    /// The server's status, or UNAVAILABLE where the connection failed.
    pub async fn call<S: Signal>(
        &self,
        path: &'static str,
        data: &S,
        timeout: Option<Duration>,
        trace: Option<&TraceContext>,
    ) -> Result<Bytes, Status> {
        let body = if self.compression == Compression::None {
            Outgoing::grpc(false, data.encoded_len(), data.segments().cloned())
        } else {
            let packed = self.compressor.compress(data.segments(), data.encoded_len());
            Outgoing::grpc(true, packed.len(), [packed])
        };
        let mut request = Request::new(Body::new(body));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = Uri::from_static(path);
        *request.headers_mut() = self.headers.clone();
        if let Some(timeout) = timeout
            && let Ok(value) = HeaderValue::try_from(format_grpc_timeout(timeout))
        {
            request.headers_mut().insert("grpc-timeout", value);
        }
        let observed = self.observed.begin(path, trace, request.headers_mut());
        let answer = self.exchange(request).await;
        if let Some(observed) = observed {
            observed.end(answer.as_ref().map_or_else(|status| status.code, |_| Code::Ok));
        }
        answer
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Bytes, Status> {
        let mut channel = self.channel.clone();
        let ready = channel.ready().await.map_err(|error| unavailable(&error))?;
        let response = ready.call(request).await.map_err(|error| unavailable(&error))?;
        read_answer(response).await
    }
}

impl fmt::Debug for GrpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcClient").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

async fn read_answer(response: http::Response<Body>) -> Result<Bytes, Status> {
    let (head, mut body) = response.into_parts();
    if let Some(status) = Status::from_grpc_headers(&head.headers) {
        return if status.code == Code::Ok { Ok(Bytes::new()) } else { Err(status) };
    }
    if head.status != http::StatusCode::OK {
        let code = code_of_http(head.status.as_u16());
        let message = format!("unexpected HTTP status code received from server: {}", head.status);
        return Err(Status::new(code, message));
    }
    let mut message = BytesMut::new();
    let mut status = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|status| unavailable(&status))?;
        match frame.into_data() {
            Ok(data) if message.len() + data.len() > MAX_ANSWER => {
                return Err(Status::new(Code::ResourceExhausted, "the server's answer is too long"));
            }
            Ok(data) => message.extend_from_slice(&data),
            Err(frame) => {
                status = frame.into_trailers().ok().as_ref().and_then(Status::from_grpc_headers).or(status);
            }
        }
    }
    match status {
        None => Err(Status::new(Code::Unknown, "the server closed the stream without a status")),
        Some(status) if status.code != Code::Ok => Err(status),
        Some(_) if message.len() < 5 => Ok(Bytes::new()),
        Some(_) => {
            let compressed = message[0] != 0;
            message.advance(5);
            if compressed { unpack(&head.headers, &message) } else { Ok(message.freeze()) }
        }
    }
}

fn unpack(headers: &HeaderMap, message: &[u8]) -> Result<Bytes, Status> {
    let broken = |what: String| Status::new(Code::Internal, format!("the server's answer {what}"));
    let coding = grpc_coding(headers).map_err(|refused| refused.status)?;
    let coding = coding.ok_or_else(|| broken("is compressed, and does not say how".to_owned()))?;
    let mut charge = ByteBudget::new(MAX_ANSWER + 1).open();
    decompress(coding, message, MAX_ANSWER, &mut charge).map_err(|error| match error {
        Undecodable::Broken(error) => broken(format!("cannot be decompressed: {error}")),
        Undecodable::TooLarge | Undecodable::NoRoom => broken("is too long".to_owned()),
    })
}

/// What the code of an answer is that never reached a gRPC server, by the gRPC specification.
fn code_of_http(status: u16) -> Code {
    match status {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

fn unavailable(error: &dyn Error) -> Status {
    Status::new(Code::Unavailable, super::error_chain(error))
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    fn gzip(plain: &Bytes) -> Bytes {
        Compressor::new(Compression::Gzip, 0).compress([plain], plain.len())
    }

    /// An answer with one message behind its flag, and what is read from it.
    async fn read(encoding: Option<&'static str>, flag: u8, message: &[u8]) -> Result<Bytes, Status> {
        let frame = [&[flag], &(message.len() as u32).to_be_bytes()[..], message].concat();
        let trailers = async { Some(Ok(Status::new(Code::Ok, "").to_grpc_headers())) };
        let body = Full::new(Bytes::from(frame)).with_trailers(trailers);
        let mut response = http::Response::new(Body::new(body));
        if let Some(encoding) = encoding {
            response.headers_mut().insert("grpc-encoding", HeaderValue::from_static(encoding));
        }
        read_answer(response).await
    }

    #[tokio::test]
    async fn answers_are_read_plain_and_compressed() {
        let message = Bytes::from_static(b"an answer");
        assert_eq!(read(None, 0, &message).await, Ok(message.clone()));
        assert_eq!(read(Some("gzip"), 0, &message).await, Ok(message.clone()));
        let packed = gzip(&message);
        assert_eq!(read(Some("gzip"), 1, &packed).await, Ok(message));
        assert_eq!(read(Some("gzip"), 1, &gzip(&Bytes::new())).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn answers_that_cannot_be_decompressed_are_errors() {
        let bomb = Bytes::from(vec![0; MAX_ANSWER + 1]);
        for (encoding, message, expected) in [
            (None, Bytes::from_static(b"?"), "is compressed, and does not say how"),
            (Some("lzma"), Bytes::from_static(b"?"), "\"lzma\""),
            (Some("gzip"), Bytes::from_static(b"?"), "cannot be decompressed"),
            (Some("gzip"), gzip(&bomb), "is too long"),
        ] {
            let error = read(encoding, 1, &message).await.unwrap_err();
            assert!(error.message.contains(expected), "{expected}: {}", error.message);
        }
    }
}
