//! What stands before the handler of a server.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::auth::{
    AuthenticationError, RequestHead, ResolveError, ServerAuthenticator, ServerMiddlewares,
    server_authenticator, server_middleware,
};
use super::{
    AuthConfig, GrpcServerConfig, Handler, HttpServerConfig, MiddlewareConfig, Peer, Refused, Rejections,
    Reply, Rpc, Status,
};
use crate::component::{Authentication, Host};

/// What is still read of the body of a refused request over HTTP/1, after the answer: a client that is sending might not
/// look at the answer where its connection breaks.
const LINGER: usize = 256 << 10;
const LINGER_FOR: Duration = Duration::from_millis(500);

/// A gRPC handler within what the configuration of its server says: nothing of a request that may not come in is read.
///
/// What an authenticator found out is among the extensions of the request, as `Arc<dyn Authentication>`, and so are the
/// middlewares that have let it in, as [`ServerMiddlewares`].
#[derive(Debug, Clone)]
pub struct GrpcService<H>(Guarded<H>);

/// A handler behind a gate.
#[derive(Debug, Clone)]
pub(super) struct Guarded<H> {
    handler: H,
    gate: Option<Arc<Gate>>,
}

/// The certificates of a client, in DER, its own first.
#[derive(Debug, Clone)]
pub(super) struct PeerCertificates(pub(super) Arc<[Bytes]>);

/// The body of a request that was refused.
#[derive(Debug, Clone)]
pub(super) struct Unread(Arc<Mutex<Option<Incoming>>>);

struct Gate {
    protocol: Rpc,
    authenticator: Option<Arc<dyn ServerAuthenticator>>,
    request_params: Vec<(String, HeaderName)>,
    middlewares: ServerMiddlewares,
    rejections: Rejections,
}

/// A request that does not get in.
struct TurnedAway {
    refused: Refused,
    challenge: Option<HeaderValue>,
}

// === impl GrpcService ===

impl<H> GrpcService<H> {
    /// The handler behind what the configuration names. Call it when the component starts.
    ///
    /// # Errors
    /// An extension does not run or does something else.
    pub fn new(config: &GrpcServerConfig, host: &Host, handler: H) -> Result<Self, ResolveError> {
        Guarded::new(Rpc::Grpc, config.auth.get(), &[], &config.middlewares, host, handler).map(Self)
    }
}

impl<H: Handler> Handler for GrpcService<H> {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        self.0.handle(request, peer).await
    }
}

// === impl Guarded ===

impl<H> Guarded<H> {
    pub(super) fn http(config: &HttpServerConfig, host: &Host, handler: H) -> Result<Self, ResolveError> {
        let auth = config.auth.get();
        let params = auth.map_or(&[][..], |auth| &auth.request_params);
        let auth = auth.map(|auth| AuthConfig { authenticator: auth.authenticator.clone() });
        Self::new(Rpc::Http, auth.as_ref(), params, &config.middlewares, host, handler)
    }

    fn new(
        protocol: Rpc,
        auth: Option<&AuthConfig>,
        request_params: &[String],
        middlewares: &[MiddlewareConfig],
        host: &Host,
        handler: H,
    ) -> Result<Self, ResolveError> {
        if auth.is_none() && middlewares.is_empty() {
            return Ok(Self { handler, gate: None });
        }
        let authenticator = auth.map(|auth| {
            let id = auth.authenticator.as_ref().ok_or(ResolveError::Unnamed)?;
            server_authenticator(host, id)
        });
        let middlewares = middlewares.iter().map(|middleware| {
            let id = middleware.id.as_ref().ok_or(ResolveError::Unnamed)?;
            server_middleware(host, id, protocol)
        });
        // What is no name of a header cannot be offered as one.
        let header = |param: &String| Some((param.clone(), HeaderName::try_from(param).ok()?));
        let gate = Gate {
            protocol,
            authenticator: authenticator.transpose()?,
            request_params: request_params.iter().filter_map(header).collect(),
            middlewares: ServerMiddlewares(middlewares.collect::<Result<_, _>>()?),
            rejections: Rejections::new(host, protocol.transport()),
        };
        Ok(Self { handler, gate: Some(Arc::new(gate)) })
    }
}

impl<H: Handler> Handler for Guarded<H> {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let Some(gate) = &self.gate else { return self.handler.handle(request, peer).await };
        let (mut head, body) = request.into_parts();
        match gate.enter(&head, peer).await {
            Ok(authentication) => {
                if let Some(authentication) = authentication {
                    head.extensions.insert(authentication);
                }
                if !gate.middlewares.0.is_empty() {
                    head.extensions.insert(gate.middlewares.clone());
                }
                self.handler.handle(Request::from_parts(head, body), peer).await
            }
            Err(TurnedAway { refused, challenge }) => {
                gate.rejections.record(&refused, peer);
                let mut response = match gate.protocol {
                    Rpc::Http => self.handler.refuse(&head.headers, &refused.status),
                    Rpc::Grpc => grpc_refusal(&head.headers, &refused.status),
                };
                let headers = response.headers_mut();
                if let Some(challenge) = challenge {
                    headers.insert(header::WWW_AUTHENTICATE, challenge);
                }
                if let (Rpc::Http, Some((name, value))) = (gate.protocol, refused.status.retry_after_header())
                {
                    headers.insert(name, value);
                }
                if head.version < Version::HTTP_2 && !body.is_end_stream() {
                    response.extensions_mut().insert(Unread(Arc::new(Mutex::new(Some(body)))));
                }
                response
            }
        }
    }

    fn refuse(&self, headers: &HeaderMap, status: &Status) -> Response<Reply> {
        self.handler.refuse(headers, status)
    }
}

// === impl Gate ===

impl Gate {
    async fn enter(&self, head: &Parts, peer: Peer) -> Result<Option<Arc<dyn Authentication>>, TurnedAway> {
        let certificates = head.extensions.get::<PeerCertificates>();
        let extended = self.with_params(head);
        let headers = extended.as_ref().unwrap_or(&head.headers);
        let request = RequestHead {
            certificates: certificates.map_or(&[], |certificates| &certificates.0),
            ..RequestHead::new(&head.method, head.uri.path(), headers, peer)
        };
        let mut authentication = None;
        if let Some(authenticator) = &self.authenticator {
            if self.protocol == Rpc::Grpc && headers.is_empty() {
                return Err(AuthenticationError::unauthenticated("no request metadata found").into());
            }
            authentication = authenticator.authenticate(&request).await?;
        }
        let request = RequestHead { headers: &head.headers, ..request };
        for middleware in &*self.middlewares.0 {
            let admitted = middleware.admit(&request).await;
            admitted.map_err(|refused| TurnedAway { refused, challenge: None })?;
        }
        Ok(authentication)
    }

    /// The headers with the parameters of the query that count as headers, where there are any.
    fn with_params(&self, head: &Parts) -> Option<HeaderMap> {
        let query = head.uri.query().filter(|_| !self.request_params.is_empty())?;
        let mut headers: Option<HeaderMap> = None;
        for (param, header) in &self.request_params {
            let given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == param);
            for (at, (_, value)) in given.enumerate() {
                let headers = headers.get_or_insert_with(|| head.headers.clone());
                if at == 0 {
                    headers.remove(header);
                }
                // What cannot be sent as a header is no credential.
                if let Ok(value) = HeaderValue::from_str(&value) {
                    headers.append(header, value);
                }
            }
        }
        headers
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("authenticator", &self.authenticator)
            .field("middlewares", &self.middlewares)
            .finish_non_exhaustive()
    }
}

impl From<AuthenticationError> for TurnedAway {
    fn from(error: AuthenticationError) -> Self {
        Self { refused: Refused::from(&error), challenge: error.challenge().cloned() }
    }
}

// === impl Unread ===

impl Unread {
    /// Reads a part of the body, for a moment.
    pub(super) async fn linger(self) {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut body) = body else { return };
        let discard = async {
            let mut left = LINGER;
            while let Some(Ok(frame)) = body.frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    return;
                }
            }
        };
        // A body that does not end is cut off.
        let _ = timeout(LINGER_FOR, discard).await;
    }
}

/// A gRPC answer of headers alone. Clients that do not speak gRPC see the status as one of HTTP.
fn grpc_refusal(headers: &HeaderMap, status: &Status) -> Response<Reply> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let is_grpc = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    let mut response = Response::new(Reply::default());
    *response.status_mut() = if is_grpc { StatusCode::OK } else { status.http_status() };
    *response.headers_mut() = status.to_grpc_headers();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
