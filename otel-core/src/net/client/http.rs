//! Sending requests over HTTP/1.1 and HTTP/2.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use super::cookies::Cookies;
use super::credentials::Credentials;
use super::http2::{self, GATHER, Http2, Http2Error, KeepAlive};
use super::observed_http::ObservedRequests;
use super::pool::{Http1, Origin, Place, Pool, PoolLimits};
use super::proxy::{InvalidProxy, Proxies};
use super::{DialError, Dialer, HttpClientConfig, HttpUrl, InvalidEndpoint, Surroundings};
use crate::component::{ConsumeError, Context};
use crate::net::auth::ResolveError;
use crate::net::tls::{TlsClient, TlsError};
use crate::net::{Outgoing, Rpc};
use crate::telemetry::Telemetry;

/// The most of an answer that is read where the caller does not say.
const MAX_ANSWER: usize = 64 << 10;
/// The most redirections that are followed, as in Go.
const MAX_REDIRECTIONS: usize = 10;

const PLAIN: &[&[u8]] = &[b"http/1.1"];
const EITHER: &[&[u8]] = &[b"h2", b"http/1.1"];

/// A client that keeps connections for the next request. Cloning shares them.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
    observed: ObservedRequests,
}

struct Inner {
    surroundings: Surroundings,
    dialer: Dialer,
    pool: Arc<Pool>,
    keep_alive: Option<KeepAlive>,
    /// Whether servers with TLS are offered HTTP/2.
    http2: bool,
    /// Whether connections are used for one request only.
    once: bool,
    cookies: Option<Cookies>,
    credentials: Credentials,
    /// Dropped with the client, which ends the task that tidies the pool.
    _alive: watch::Sender<()>,
}

/// What a server answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The version of HTTP.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as far as it was read: 64 KiB at most, of what was asked for with a limit all.
    pub body: Bytes,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The certificates cannot be loaded.
    #[error("failed to load TLS config")]
    Tls(#[from] TlsError),
    /// The server has no address that can be used.
    #[error("the endpoint is invalid")]
    Endpoint(#[from] InvalidEndpoint),
    /// The user agent is not a header.
    #[error("the user agent is not a header")]
    UserAgent(#[source] http::header::InvalidHeaderValue),
    /// The proxy has no URL that can be used.
    #[error("the proxy cannot be used")]
    Proxy(#[from] InvalidProxy),
    /// The extension that is to authenticate the client cannot.
    #[error("cannot authenticate")]
    Auth(#[from] ResolveError),
    /// Credentials would go over connections without TLS.
    #[error("grpc: the credentials require transport level security (TLS), which `tls::insecure` turns off")]
    Plaintext,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// There is no connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The connection broke, or the server does not speak HTTP.
    #[error("the HTTP/1 connection failed")]
    Http1(#[source] hyper::Error),
    /// The same of HTTP/2.
    #[error("the HTTP/2 connection failed")]
    Http2(#[source] h2::Error),
    /// It leads too far or nowhere.
    #[error("the redirection to {0} cannot be followed")]
    Redirection(String),
    /// The answer is longer than the caller wants to read.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// There are no credentials for the request.
    #[error("failed to authenticate the request")]
    Credentials(#[source] ConsumeError),
    /// A header would not be one.
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
}

/// What a request consists of beside its URL and headers.
struct Asked<'b> {
    method: Method,
    body: &'b Outgoing,
    /// Of what is sent.
    context: &'b Context,
    /// The most of the answer that is read.
    most: usize,
}

/// Why one attempt failed.
enum Failure {
    /// On a connection that had been used before, whose end crossed with the request.
    Stale(HttpError),
    Other(HttpError),
}

// === impl HttpAnswer ===

impl HttpAnswer {
    /// How long the server asks to be left alone, in seconds or until a date, seen from now.
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
    }

    /// Whether the body is of a media type, whatever its parameters.
    pub fn is_of_type(&self, media_type: &str) -> bool {
        let named = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let named = named.and_then(|value| value.split(';').next());
        named.is_some_and(|named| named.trim().eq_ignore_ascii_case(media_type))
    }
}

// === impl HttpClient ===

impl HttpClient {
    /// A client. It connects with the first request.
    ///
    /// # Errors
    /// Certificates, proxies or the authenticator cannot be used.
    pub fn new(
        config: &HttpClientConfig,
        surroundings: impl Into<Surroundings>,
    ) -> Result<Self, ClientError> {
        let surroundings = surroundings.into();
        let http2 = config.force_attempt_http2;
        let load =
            |protocols| TlsClient::load(&config.tls, protocols, surroundings.logger().clone()).map(Arc::new);
        let proxies = match config.proxy_url.expose() {
            "" => Proxies::of_environment(surroundings.proxies())?,
            url => Proxies::fixed(url)?,
        };
        let proxy_tls = if proxies.are_secure() { Some(load(PLAIN)?) } else { None };
        let dialer = Dialer { proxies, tls: Some(load(if http2 { EITHER } else { PLAIN })?), proxy_tls };
        let credentials = Credentials::resolve(&config.auth, &surroundings, Rpc::Http)?;
        let pool = Arc::new(Pool::new(PoolLimits {
            idle: config.max_idle_conns,
            idle_per_host: config.max_idle_conns_per_host,
            per_host: config.max_conns_per_host,
            idle_timeout: config.idle_conn_timeout,
        }));
        let (alive, ended) = watch::channel(());
        if !config.idle_conn_timeout.is_zero() {
            surroundings.spawn("idle connections", tidy(Arc::clone(&pool), config.idle_conn_timeout, ended));
        }
        let inner = Inner {
            surroundings,
            dialer,
            pool,
            keep_alive: config.keep_alive(),
            http2,
            once: config.disable_keep_alives,
            cookies: config.cookies.is_some().then(Cookies::default),
            credentials,
            _alive: alive,
        };
        Ok(Self { inner: Arc::new(inner), observed: ObservedRequests::default() })
    }

    /// The same, telling of its requests.
    pub fn observed(mut self, telemetry: &Telemetry) -> Self {
        self.observed = ObservedRequests::new(telemetry);
        self
    }

    /// Sends a POST request with something of which the context is, follows redirections that keep it one (307, 308), and
    /// gives the answer, whatever its status. Dropping the future breaks the request off.
    ///
    /// # Errors
    /// There is no answer; whether the server has seen the request is unknown.
    pub async fn post(
        &self,
        url: &HttpUrl,
        headers: &HeaderMap,
        body: &Outgoing,
        context: &Context,
    ) -> Result<HttpAnswer, HttpError> {
        self.send(url, headers, &Asked { method: Method::POST, body, context, most: MAX_ANSWER }).await
    }

    /// Asks for what is at a URL, follows redirections, and gives the answer, whatever its status. Dropping the future
    /// breaks the request off.
    ///
    /// # Errors
    /// There is no answer, or it is longer than `limit` bytes.
    pub async fn get(
        &self,
        url: &HttpUrl,
        headers: &HeaderMap,
        limit: usize,
    ) -> Result<HttpAnswer, HttpError> {
        let (method, body) = (Method::GET, &Outgoing::default());
        let asked = Asked { method, body, context: &Context::new(), most: limit.saturating_add(1) };
        let answer = self.send(url, headers, &asked).await?;
        if answer.body.len() > limit { Err(HttpError::TooLong(limit)) } else { Ok(answer) }
    }

    async fn send(
        &self,
        url: &HttpUrl,
        headers: &HeaderMap,
        asked: &Asked<'_>,
    ) -> Result<HttpAnswer, HttpError> {
        let credentials = &self.inner.credentials;
        if credentials.are_none() {
            return self.send_as(url, headers.clone(), headers, asked).await;
        }
        let authorized = credentials.with(headers, asked.context).await.map_err(HttpError::Credentials)?;
        let answer = self.send_as(url, authorized.clone(), headers, asked).await?;
        if answer.status != StatusCode::UNAUTHORIZED || !credentials.rejected(&authorized).await {
            return Ok(answer);
        }
        let authorized = credentials.with(headers, asked.context).await.map_err(HttpError::Credentials)?;
        self.send_as(url, authorized, headers, asked).await
    }

    /// Sends a request with its credentials, which another host than the first does not get.
    async fn send_as(
        &self,
        url: &HttpUrl,
        mut headers: HeaderMap,
        without_credentials: &HeaderMap,
        asked: &Asked<'_>,
    ) -> Result<HttpAnswer, HttpError> {
        let mut target = url.clone();
        for _ in 0..=MAX_REDIRECTIONS {
            let answer = self.send_observed(&target, headers.clone(), asked).await?;
            let location = answer.headers.get(header::LOCATION).filter(|_| asked.follows(answer.status));
            let Some(location) = location else { return Ok(answer) };
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            let next = target.follow(&location).map_err(|_| HttpError::Redirection(location))?;
            if next.host() != target.host() {
                // Another host is not told what this one is told in confidence.
                headers.clone_from(without_credentials);
                for secret in [header::AUTHORIZATION, header::COOKIE, header::HOST] {
                    headers.remove(secret);
                }
            }
            target = next;
        }
        Err(HttpError::Redirection(target.to_string()))
    }

    async fn send_observed(
        &self,
        url: &HttpUrl,
        mut headers: HeaderMap,
        asked: &Asked<'_>,
    ) -> Result<HttpAnswer, HttpError> {
        let (size, trace) = (asked.body.len(), asked.context.trace());
        let request = self.observed.begin(&asked.method, url, size, trace, &mut headers);
        let answer = self.send_once(url, headers, asked).await;
        if let Some(request) = request {
            request.end(&answer);
        }
        answer
    }

    async fn send_once(
        &self,
        url: &HttpUrl,
        mut headers: HeaderMap,
        asked: &Asked<'_>,
    ) -> Result<HttpAnswer, HttpError> {
        let Self { inner, .. } = self;
        if let Some(authorization) = &url.authorization {
            headers.entry(header::AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        if let Some(cookies) = &inner.cookies {
            cookies.add_to(&mut headers, url);
        }
        let place = inner.pool.place(&url.origin);
        let mut answer = inner.attempt(&place, url, headers.clone(), asked, false).await;
        if let Err(Failure::Stale(_)) = answer {
            answer = inner.attempt(&place, url, headers, asked, true).await;
        }
        let answer = answer.map_err(|failure| match failure {
            Failure::Stale(error) | Failure::Other(error) => error,
        })?;
        if let Some(cookies) = &inner.cookies {
            cookies.take_from(&answer.headers, url, inner.surroundings.now());
        }
        Ok(answer)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("surroundings", &self.inner.surroundings).finish_non_exhaustive()
    }
}

impl Asked<'_> {
    /// Whether an answer with this status sends the same request elsewhere.
    fn follows(&self, status: StatusCode) -> bool {
        match status {
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
                self.method == Method::GET
            }
            _ => false,
        }
    }
}

/// A connection to send one request on.
enum Connection {
    One(Http1),
    Shared(Http2),
}

impl Inner {
    async fn attempt(
        &self,
        place: &Place,
        url: &HttpUrl,
        headers: HeaderMap,
        asked: &Asked<'_>,
        fresh: bool,
    ) -> Result<HttpAnswer, Failure> {
        if let (false, Some(shared)) = (fresh, place.shared()) {
            return over_http2(&shared, url, headers, asked, true).await;
        }
        let _permit = place.permit().await;
        // What is kept is closed with a fresh start: if one connection was stale the others are likely to be.
        let mut idle = place.idle();
        while let (true, Some(_)) = (fresh, &idle) {
            idle = place.idle();
        }
        let reused = idle.is_some();
        let connection = match idle {
            Some(idle) => Connection::One(idle),
            None => self.connect(place, &url.origin).await.map_err(Failure::Other)?,
        };
        match connection {
            Connection::Shared(shared) => over_http2(&shared, url, headers, asked, false).await,
            Connection::One(connection) => {
                self.over_http1(connection, place, url, headers, asked, reused).await
            }
        }
    }

    async fn connect(&self, place: &Place, origin: &Origin) -> Result<Connection, HttpError> {
        if !origin.secure || !self.http2 || place.is_http1() {
            return self.dial(place, origin).await;
        }
        // Whoever comes while the first connects would otherwise connect too, only to find that one is enough.
        let _first = place.first.lock().await;
        match place.shared() {
            Some(shared) => Ok(Connection::Shared(shared)),
            None => self.dial(place, origin).await,
        }
    }

    async fn dial(&self, place: &Place, origin: &Origin) -> Result<Connection, HttpError> {
        let Origin { secure, host, port } = origin;
        let wire = match self.dialer.proxies.on_the_way(*secure, host, *port) {
            Some(proxy) if !secure => self.dialer.proxy(proxy).await?,
            _ => self.dialer.host(*secure, host, *port).await?,
        };
        if wire.chose_http2() {
            let shared = Http2::start(&self.surroundings, wire, self.keep_alive, GATHER);
            let shared = shared.await.map_err(HttpError::Http2)?;
            place.share(&shared);
            return Ok(Connection::Shared(shared));
        }
        place.found_http1();
        let (send, connection) = http1::handshake(TokioIo::new(wire)).await.map_err(HttpError::Http1)?;
        self.surroundings.spawn("http connection", async move {
            // How it ended is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Connection::One(send))
    }

    async fn over_http1(
        &self,
        mut connection: Http1,
        place: &Place,
        url: &HttpUrl,
        mut headers: HeaderMap,
        asked: &Asked<'_>,
        reused: bool,
    ) -> Result<HttpAnswer, Failure> {
        if !headers.contains_key(header::HOST)
            && let Ok(host) = HeaderValue::try_from(url.host_header())
        {
            headers.insert(header::HOST, host);
        }
        let Origin { secure, host, port } = &url.origin;
        let proxy = self.dialer.proxies.on_the_way(*secure, host, *port).filter(|_| !secure);
        let uri = match proxy {
            Some(_) => {
                url.absolute().parse().map_err(|error| Failure::Other(http::Error::from(error).into()))?
            }
            None => Uri::from(url.path.clone()),
        };
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.clone()) {
            headers.insert(header::PROXY_AUTHORIZATION, authorization);
        }
        if self.once {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let failed = |error: hyper::Error| {
            let stale = reused && (error.is_incomplete_message() || error.is_canceled() || error.is_closed());
            let error = HttpError::Http1(error);
            if stale { Failure::Stale(error) } else { Failure::Other(error) }
        };
        connection.ready().await.map_err(failed)?;
        let mut request = Request::new(asked.body.clone());
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let response = connection.send_request(request).await.map_err(failed)?;
        let (head, body) = response.into_parts();
        let read =
            read_http1(body, asked.most).await.map_err(|error| Failure::Other(HttpError::Http1(error)))?;
        if let (Read::Whole(_), false) = (&read, self.once) {
            self.pool.keep(place, connection);
        }
        let (Read::Whole(body) | Read::Cut(body)) = read;
        Ok(HttpAnswer { status: head.status, version: head.version, headers: head.headers, body })
    }
}

async fn over_http2(
    connection: &Http2,
    url: &HttpUrl,
    mut headers: HeaderMap,
    asked: &Asked<'_>,
    reused: bool,
) -> Result<HttpAnswer, Failure> {
    let authority = headers.remove(header::HOST);
    let authority = authority.map_or_else(|| url.host_header().into_bytes(), |host| host.as_bytes().to_vec());
    if asked.method != Method::GET {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(asked.body.len()));
    }
    let uri = Uri::builder()
        .scheme(if url.origin.secure { "https" } else { "http" })
        .authority(authority.as_slice())
        .path_and_query(PathAndQuery::clone(&url.path))
        .build();
    let mut request = Request::new(());
    *request.method_mut() = asked.method.clone();
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri.map_err(|error| Failure::Other(error.into()))?;
    *request.headers_mut() = headers;
    let response: Response<_> =
        connection.send(request, asked.body.slices()).await.map_err(|error| match error {
            Http2Error::Unsent(error) if reused => Failure::Stale(HttpError::Http2(error)),
            Http2Error::Unsent(error) | Http2Error::Broken(error) => Failure::Other(HttpError::Http2(error)),
        })?;
    let (head, mut stream) = response.into_parts();
    let mut body = BytesMut::new();
    while let Some(piece) = http2::next_piece(&mut stream).await {
        let piece = piece.map_err(|error| Failure::Other(HttpError::Http2(error)))?;
        body.extend_from_slice(&piece[..piece.len().min(asked.most - body.len())]);
        if body.len() == asked.most {
            break;
        }
    }
    Ok(HttpAnswer { status: head.status, version: head.version, headers: head.headers, body: body.freeze() })
}

/// A body.
enum Read {
    /// To its end, after which the connection can be used again.
    Whole(Bytes),
    /// Up to the most that is read.
    Cut(Bytes),
}

async fn read_http1(mut body: Incoming, most: usize) -> Result<Read, hyper::Error> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        read.extend_from_slice(&piece[..piece.len().min(most - read.len())]);
        if read.len() == most {
            return Ok(Read::Cut(read.freeze()));
        }
    }
    Ok(Read::Whole(read.freeze()))
}

/// Closes connections that are not used any more, until the client is gone.
async fn tidy(pool: Arc<Pool>, idle: Duration, mut ended: watch::Receiver<()>) {
    let mut ticks = tokio::time::interval((idle / 2).max(Duration::from_millis(10)));
    loop {
        tokio::select! {
            _ = ticks.tick() => pool.tidy(),
            _ = ended.changed() => return,
        }
    }
}
