//! Calling unary gRPC methods.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use h2::{Reason, RecvStream};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};

use super::balancer::{Balancer, Plan, Resolver};
use super::credentials::Credentials;
use super::http2::{self, Http2Error};
use super::proxy::Proxies;
use super::{ClientError, Dialer, Endpoint, GrpcClientConfig, ObservedCalls, Surroundings, error_chain};
use crate::component::{Code, ConsumeError, Context};
use crate::net::tls::TlsClient;
use crate::net::{
    ByteBudget, Compression, Compressor, Outgoing, Rpc, Status, Undecodable, decompress, format_grpc_timeout,
    grpc_coding,
};
use crate::pdata::Signal;
use crate::telemetry::Telemetry;

/// The longest answer that is read: export responses are short.
const MAX_ANSWER: usize = 4 << 20;

/// How often a request is handed to another connection where one was closing before it had begun with it.
const MAX_HANDOVERS: usize = 3;

const HTTP2: &[&[u8]] = &[b"h2"];
const HTTP1: &[&[u8]] = &[b"http/1.1"];

/// A client of one server, with connections to its addresses. Cloning shares them.
#[derive(Clone)]
pub struct GrpcClient {
    inner: Arc<Inner>,
    observed: ObservedCalls,
}

struct Inner {
    endpoint: Endpoint,
    balancer: Balancer,
    scheme: Scheme,
    authority: Authority,
    /// Of each request, in which those that the protocol needs are.
    headers: HeaderMap,
    credentials: Credentials,
    compressor: Compressor,
    wait_for_ready: bool,
}

impl GrpcClient {
    /// A client. It connects with the first request. Call it inside a runtime. Where the configuration does not name
    /// the client, `user_agent` does.
    ///
    /// # Errors
    /// The endpoint, the user agent, certificates, proxies or the authenticator cannot be used.
    pub fn new(
        config: &GrpcClientConfig,
        user_agent: &str,
        surroundings: impl Into<Surroundings>,
    ) -> Result<Self, ClientError> {
        let surroundings = surroundings.into();
        let endpoint = Endpoint::parse(&config.endpoint)?;
        let secure = endpoint.is_secure() || !config.tls.is_plaintext();
        let load =
            |protocols| TlsClient::load(&config.tls, protocols, surroundings.logger().clone()).map(Arc::new);
        let credentials = Credentials::resolve(&config.auth, &surroundings, Rpc::Grpc)?;
        if !secure && credentials.need_secure_transport() {
            return Err(ClientError::Plaintext);
        }
        let proxies = Proxies::of_environment(surroundings.proxies())?.for_grpc();
        let dialer = Dialer {
            tls: if secure { Some(load(HTTP2)?) } else { None },
            proxy_tls: if proxies.are_secure() { Some(load(HTTP1)?) } else { None },
            proxies,
        };
        let authority = config.authority(&endpoint, secure);
        let name = authority.host().to_owned();
        let headers = headers(config, user_agent)?;
        let balancer = Balancer::start(Plan {
            endpoint: endpoint.clone(),
            name,
            secure,
            balancing: config.balancer_name,
            dialer,
            keep_alive: config.keep_alive(),
            gather: config.gather(),
            resolver: Resolver::default(),
            surroundings,
        });
        let inner = Inner {
            endpoint,
            balancer,
            scheme: if secure { Scheme::HTTPS } else { Scheme::HTTP },
            authority,
            headers,
            credentials,
            compressor: config.compressor(),
            wait_for_ready: config.wait_for_ready,
        };
        Ok(Self { inner: Arc::new(inner), observed: ObservedCalls::default() })
    }

    /// The same, telling of its calls.
    pub fn observed(mut self, telemetry: &Telemetry) -> Self {
        let endpoint = self.endpoint();
        self.observed = ObservedCalls::new(telemetry, endpoint.host(), endpoint.port());
        self
    }

    /// Where the server is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// Calls a method, such as `/package.Service/Method`, with telemetry as the request, of which the context is, and gives
    /// the response's bytes. Dropping the future resets the stream.
    ///
    /// # Errors
    /// The server's status, or UNAVAILABLE where there is no connection or it failed, or there are no credentials now.
    pub async fn call<S: Signal>(
        &self,
        path: &'static str,
        data: &S,
        timeout: Option<Duration>,
        context: &Context,
    ) -> Result<Bytes, Status> {
        let inner = &self.inner;
        let body = if inner.compressor.compression() == Compression::None {
            Outgoing::grpc(false, data.encoded_len(), data.segments().cloned())
        } else {
            let packed = inner.compressor.compress(data.segments(), data.encoded_len());
            Outgoing::grpc(true, packed.len(), [packed])
        };
        if inner.credentials.are_none() {
            return self.attempt(path, inner.headers.clone(), timeout, &body, context).await;
        }
        let headers = inner.authorized(context).await?;
        let answer = self.attempt(path, headers.clone(), timeout, &body, context).await;
        let refused = answer.as_ref().is_err_and(|status| status.code == Code::Unauthenticated);
        if refused && inner.credentials.rejected(&headers).await {
            let headers = inner.authorized(context).await?;
            return self.attempt(path, headers, timeout, &body, context).await;
        }
        answer
    }

    async fn attempt(
        &self,
        path: &'static str,
        mut headers: HeaderMap,
        timeout: Option<Duration>,
        body: &Outgoing,
        context: &Context,
    ) -> Result<Bytes, Status> {
        let Self { inner, observed } = self;
        if let Some(timeout) = timeout
            && let Ok(value) = HeaderValue::try_from(format_grpc_timeout(timeout))
        {
            headers.insert("grpc-timeout", value);
        }
        let call = observed.begin(path, context.trace(), &mut headers);
        let answer = inner.exchange(path, headers, body).await;
        if let Some(call) = call {
            call.end(answer.as_ref().map_or_else(|status| status.code, |_| Code::Ok));
        }
        answer
    }
}

impl Inner {
    /// Sends a request to whichever connection takes it, and reads the answer.
    async fn exchange(
        &self,
        path: &'static str,
        headers: HeaderMap,
        body: &Outgoing,
    ) -> Result<Bytes, Status> {
        let mut handovers = 0;
        loop {
            let picked = self.balancer.pick(self.wait_for_ready).await;
            let connection = picked.map_err(|why| Status::new(Code::Unavailable, &*why))?;
            match connection.send(self.request(path, headers.clone()), body.slices()).await {
                Ok(response) => return read_answer(response).await,
                Err(Http2Error::Unsent(_)) if handovers < MAX_HANDOVERS => {
                    handovers += 1;
                    connection.retire();
                }
                Err(Http2Error::Unsent(error)) => return Err(unavailable(&error)),
                Err(Http2Error::Broken(error)) => return Err(broken(&error)),
            }
        }
    }

    /// The headers of a request with credentials.
    async fn authorized(&self, context: &Context) -> Result<HeaderMap, Status> {
        self.credentials.with(&self.headers, context).await.map_err(|error| uncredentialed(&error))
    }

    fn request(&self, path: &'static str, headers: HeaderMap) -> Request<()> {
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(self.scheme.clone());
        uri.authority = Some(self.authority.clone());
        uri.path_and_query = Some(PathAndQuery::from_static(path));
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = Uri::from_parts(uri).expect("there are all three parts of a URI");
        *request.headers_mut() = headers;
        request
    }
}

impl fmt::Debug for GrpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcClient").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

/// There are no credentials. What may pass is told with a code of which exporters know that.
fn uncredentialed(error: &ConsumeError) -> Status {
    let mut status = Status::from(error);
    if error.is_retryable() {
        status.code = Code::Unavailable;
    }
    status
}

/// The headers of each request.
fn headers(config: &GrpcClientConfig, user_agent: &str) -> Result<HeaderMap, ClientError> {
    let agent = if config.user_agent.is_empty() { user_agent } else { &config.user_agent };
    let mut headers = config.header_map();
    headers.insert(header::USER_AGENT, HeaderValue::from_str(agent).map_err(ClientError::UserAgent)?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    if config.compression != Compression::None {
        headers.insert("grpc-encoding", HeaderValue::from_static(config.compression.name()));
    }
    // Answers are short. Go's servers compress them all the same where the request is compressed.
    headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
    Ok(headers)
}

async fn read_answer(response: Response<RecvStream>) -> Result<Bytes, Status> {
    let (head, mut body) = response.into_parts();
    if let Some(status) = Status::from_grpc_headers(&head.headers) {
        return if status.code == Code::Ok { Ok(Bytes::new()) } else { Err(status) };
    }
    if head.status != StatusCode::OK {
        let code = code_of_http(head.status.as_u16());
        let message = format!("unexpected HTTP status code received from server: {}", head.status);
        return Err(Status::new(code, message));
    }
    let mut message = BytesMut::new();
    while let Some(piece) = http2::next_piece(&mut body).await {
        let piece = piece.map_err(|error| broken(&error))?;
        if message.len() + piece.len() > MAX_ANSWER {
            return Err(Status::new(Code::ResourceExhausted, "the server's answer is too long"));
        }
        message.extend_from_slice(&piece);
    }
    let trailers = body.trailers().await.map_err(|error| broken(&error))?;
    conclude(&head.headers, message, trailers.as_ref().and_then(Status::from_grpc_headers))
}

fn conclude(headers: &HeaderMap, mut message: BytesMut, status: Option<Status>) -> Result<Bytes, Status> {
    match status {
        None => Err(Status::new(Code::Unavailable, "the server closed the stream without a status")),
        Some(status) if status.code != Code::Ok => Err(status),
        Some(_) if message.len() < 5 => Ok(Bytes::new()),
        Some(_) => {
            let compressed = message[0] != 0;
            message.advance(5);
            if compressed { unpack(headers, &message) } else { Ok(message.freeze()) }
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

/// A stream or a connection that ended without a status: what the server did is unknown, so trying again loses nothing.
fn broken(error: &h2::Error) -> Status {
    match error.reason() {
        Some(Reason::CANCEL) if error.is_remote() => Status::new(Code::Canceled, error_chain(error)),
        _ => unavailable(error),
    }
}

fn unavailable(error: &h2::Error) -> Status {
    Status::new(Code::Unavailable, format!("the connection failed: {}", error_chain(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(plain: &Bytes) -> Bytes {
        Compressor::new(Compression::Gzip, 0).compress([plain], plain.len())
    }

    /// An answer with one message behind its flag, and what is read from it.
    fn read(encoding: Option<&'static str>, flag: u8, message: &[u8]) -> Result<Bytes, Status> {
        let frame = [&[flag], &(message.len() as u32).to_be_bytes()[..], message].concat();
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert("grpc-encoding", HeaderValue::from_static(encoding));
        }
        conclude(&headers, BytesMut::from(&frame[..]), Some(Status::new(Code::Ok, "")))
    }

    #[test]
    fn answers_are_read_plain_and_compressed() {
        let message = Bytes::from_static(b"an answer");
        assert_eq!(read(None, 0, &message), Ok(message.clone()));
        assert_eq!(read(Some("gzip"), 0, &message), Ok(message.clone()));
        assert_eq!(read(Some("gzip"), 1, &gzip(&message)), Ok(message));
        assert_eq!(read(Some("gzip"), 1, &gzip(&Bytes::new())), Ok(Bytes::new()));
    }

    #[test]
    fn answers_that_cannot_be_decompressed_are_errors() {
        let bomb = Bytes::from(vec![0; MAX_ANSWER + 1]);
        for (encoding, message, expected) in [
            (None, Bytes::from_static(b"?"), "is compressed, and does not say how"),
            (Some("lzma"), Bytes::from_static(b"?"), "\"lzma\""),
            (Some("gzip"), Bytes::from_static(b"?"), "cannot be decompressed"),
            (Some("gzip"), gzip(&bomb), "is too long"),
        ] {
            let error = read(encoding, 1, &message).unwrap_err();
            assert!(error.message.contains(expected), "{expected}: {}", error.message);
        }
    }
}
