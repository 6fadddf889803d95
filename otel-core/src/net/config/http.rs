use std::io;
use std::time::Duration;

use documented::DocumentedFieldsOpt;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{CorsConfig, HttpServerAuthConfig, MiddlewareConfig, NO_DIALLING, check, options, take_endpoint};
use crate::Invalid;
use crate::component::Host;
use crate::config::{Decode, Fields, KeyDocs, MapList, Optional, Secret};
use crate::net::tls::{TlsError, TlsServerConfig};
use crate::net::{ByteBudget, ContentEncodings, Listener, ReadLimits, ServerOptions, Transport};
use crate::telemetry::Logger;

/// How long headers may take where nothing is configured.
const HEADER_TIME: Duration = Duration::from_secs(60);

/// An HTTP server. Timeouts of zero are no bound, where nothing else is said.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct HttpServerConfig {
    /// `host:port` to listen at, or the path of a Unix socket.
    pub endpoint: String,
    /// What to listen at.
    pub transport: Transport,
    /// TLS; off until it is named.
    pub tls: Optional<TlsServerConfig>,
    /// Who may send; anyone until it is named.
    pub auth: Optional<HttpServerAuthConfig>,
    /// What sees requests before they are read, in this order, after authentication.
    pub middlewares: Vec<MiddlewareConfig>,
    /// What pages of other origins may do; nothing until it is named with origins.
    pub cors: Optional<CorsConfig>,
    /// Longest body in bytes, as it comes and decompressed; 0 for 20 MiB.
    pub max_request_body_size: usize,
    /// Keeps the request's headers for the pipeline.
    pub include_metadata: bool,
    /// Headers of every answer.
    pub response_headers: MapList<Secret>,
    /// The values of `Content-Encoding` that are taken.
    pub compression_algorithms: ContentEncodings,
    /// How long a request may take to come.
    pub read_timeout: Duration,
    /// How long the headers of a request may take; zero for `read_timeout`, and where that is zero, too, for a minute.
    pub read_header_timeout: Duration,
    /// How long an answer may take after the headers of its request.
    pub write_timeout: Duration,
    /// How long a connection may go without a request; zero for `read_timeout`.
    pub idle_timeout: Duration,
    /// Connections stay open for more than a request.
    pub keep_alives_enabled: bool,
    /// Connections at a time; 0 for 16384.
    pub max_connections: usize,
}

impl HttpServerConfig {
    /// The defaults with an endpoint.
    pub fn at(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), ..Self::default() }
    }

    /// Longest body in bytes.
    pub fn max_body(&self) -> usize {
        if self.max_request_body_size == 0 { 20 << 20 } else { self.max_request_body_size }
    }

    /// The rules of the keys, which paths are relative to this block.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut broken = check(self.transport, &self.endpoint, &self.tls);
        let unfit = |(name, value): (&str, &Secret)| header(name, value).is_none().then(|| name.to_owned());
        if let Some(name) = self.response_headers.iter().find_map(unfit) {
            broken.push(Invalid::new("response_headers", format!("`{name}` is not a header of HTTP")));
        }
        let params = self.auth.get().map_or(&[][..], |auth| &auth.request_params);
        if let Some(param) = params.iter().find(|param| HeaderName::try_from(*param).is_err()) {
            let message = format!("`{param}` is not a name that a header can have");
            broken.push(Invalid::new("auth::request_params", message));
        }
        broken
    }

    /// Binds the endpoint for a component, or takes over the socket of the one that it replaces.
    ///
    /// # Errors
    /// It cannot be bound.
    pub async fn listen(&self, host: &Host) -> io::Result<Listener> {
        Listener::bind_for(host, self.transport, &self.endpoint).await
    }

    /// How its connections are served.
    ///
    /// # Errors
    /// A certificate or key cannot be loaded.
    pub fn options(&self, logger: &Logger) -> Result<ServerOptions, TlsError> {
        let or = |value: Duration, other| if value.is_zero() { other } else { value };
        Ok(ServerOptions {
            read_header_timeout: or(self.read_header_timeout, or(self.read_timeout, HEADER_TIME)),
            idle_timeout: or(self.idle_timeout, self.read_timeout),
            answer_timeout: self.write_timeout,
            close_connections: !self.keep_alives_enabled,
            ..options(self.max_connections, &self.tls, &[b"h2", b"http/1.1"], logger)?
        })
    }

    /// How its requests are read.
    pub fn limits(&self, budget: ByteBudget) -> ReadLimits {
        ReadLimits { time: self.read_timeout, ..ReadLimits::new(self.max_body(), budget) }
    }

    /// The headers of every answer.
    pub(in crate::net) fn headers(&self) -> HeaderMap {
        self.response_headers.iter().filter_map(|(name, value)| header(name, value)).collect()
    }
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            transport: Transport::Tcp,
            tls: Optional::none(),
            auth: Optional::none(),
            middlewares: Vec::new(),
            cors: Optional::none(),
            max_request_body_size: 0,
            include_metadata: false,
            response_headers: MapList::default(),
            compression_algorithms: ContentEncodings::default(),
            read_timeout: Duration::ZERO,
            read_header_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            keep_alives_enabled: true,
            max_connections: 0,
        }
    }
}

impl Decode for HttpServerConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            endpoint,
            transport,
            tls,
            auth,
            middlewares,
            cors,
            max_request_body_size,
            include_metadata,
            response_headers,
            compression_algorithms,
            read_timeout,
            read_header_timeout,
            write_timeout,
            idle_timeout,
            keep_alives_enabled,
            max_connections,
        } = self;
        take_endpoint(fields, endpoint);
        fields.take("transport", transport);
        fields.take("tls", tls);
        fields.take("auth", auth);
        // Its name in releases 0.125 to 0.131.
        fields.renamed("middleware", "middlewares", middlewares);
        fields.take("middlewares", middlewares);
        fields.take("cors", cors);
        fields.take("max_request_body_size", max_request_body_size);
        fields.take("include_metadata", include_metadata);
        fields.take("response_headers", response_headers);
        fields.take("compression_algorithms", compression_algorithms);
        fields.take("read_timeout", read_timeout);
        fields.take("read_header_timeout", read_header_timeout);
        fields.take("write_timeout", write_timeout);
        fields.take("idle_timeout", idle_timeout);
        fields.take("keep_alives_enabled", keep_alives_enabled);
        fields.take("max_connections", max_connections);
        fields.tolerated("dialer", NO_DIALLING);
    }
}

fn header(name: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, HeaderValue::from_str(value.expose()).ok()?))
}
