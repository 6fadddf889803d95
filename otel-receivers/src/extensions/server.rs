//! The HTTP server of an extension.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use otel_core::Invalid;
use otel_core::component::{Host, StartError, Task};
use otel_core::config::{Decode, Decoder, Fields, FromNode, MapList, Node, Optional, Schema, Secret, Value};
use otel_core::net::tls::{TlsServer, TlsServerConfig};
use otel_core::net::{
    Handler, Listener, Peer, Reply, ServerOptions, Stopper, Transport, is_listen_address, serve,
};
use tokio::time::{Instant, timeout_at};

const NO_BODIES: &str = "bodies of requests are not read";

/// The keys of an HTTP server that an extension has.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExtensionServerConfig {
    /// `host:port` to listen at.
    pub endpoint: String,
    /// TLS; off until it is named.
    pub tls: Optional<TlsServerConfig>,
    /// How long the headers of a request may take; zero for no bound.
    pub read_header_timeout: Duration,
    /// How long a connection may go without a request; zero for no bound.
    pub idle_timeout: Duration,
    /// Connections stay open for more than a request.
    pub keep_alives_enabled: bool,
    /// Headers of every answer.
    pub response_headers: MapList<Secret>,
}

impl ExtensionServerConfig {
    /// The defaults with an endpoint.
    pub fn at(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            tls: Optional::none(),
            read_header_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            keep_alives_enabled: true,
            response_headers: MapList::default(),
        }
    }

    /// What is wrong with it, by paths relative to this block.
    pub(super) fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if !is_listen_address(&self.endpoint) {
            let message = format!("invalid endpoint \"{}\", allowed: host:port", self.endpoint);
            broken.push(Invalid::new("endpoint", message));
        }
        for (name, value) in self.response_headers.iter() {
            if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value.expose()).is_err() {
                broken.push(Invalid::new("response_headers", format!("\"{name}\" is no header of HTTP")));
            }
        }
        broken.extend(tls_problems(&self.tls));
        broken
    }

    fn headers(&self) -> HeaderMap {
        let parsed = self.response_headers.iter().filter_map(|(name, value)| {
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value.expose()).ok()?))
        });
        parsed.collect()
    }
}

/// Without an endpoint.
impl Default for ExtensionServerConfig {
    fn default() -> Self {
        Self::at("")
    }
}

impl Decode for ExtensionServerConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { endpoint, tls, read_header_timeout, idle_timeout, keep_alives_enabled, response_headers } =
            self;
        fields.take("endpoint", endpoint);
        fields.take("transport", &mut Tcp);
        fields.take("tls", tls);
        fields.take("read_header_timeout", read_header_timeout);
        fields.take("idle_timeout", idle_timeout);
        fields.take("keep_alives_enabled", keep_alives_enabled);
        fields.take("response_headers", response_headers);
        fields.tolerated("dialer", "a server does not dial");
        for key in ["max_request_body_size", "compression_algorithms", "read_timeout"] {
            fields.tolerated(key, NO_BODIES);
        }
        fields.tolerated("include_metadata", "nothing is done with metadata");
        fields.tolerated("write_timeout", "answers are short");
        for key in ["cors", "auth", "middlewares"] {
            fields.unsupported(key, "servers of extensions do not have it");
        }
    }
}

/// The only transport, so there is nothing to keep of it.
pub(super) struct Tcp;

impl FromNode for Tcp {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &[("tcp", ())]).map(|()| Tcp)
    }

    fn schema() -> Schema {
        Schema::one_of(&[("tcp", ())])
    }

    fn value(&mut self) -> Value {
        "tcp".into()
    }
}

/// What is wrong with a server's TLS, by paths relative to the block that it is in.
pub(super) fn tls_problems(tls: &Optional<TlsServerConfig>) -> Vec<Invalid> {
    let problems = tls.get().map(TlsServerConfig::validate).unwrap_or_default();
    problems.into_iter().map(|problem| problem.within("tls")).collect()
}

/// The servers of an extension that run.
#[derive(Debug)]
pub(super) struct Servers {
    host: Host,
    stopper: Stopper,
    tasks: Mutex<Vec<Task>>,
}

impl Servers {
    pub(super) fn new(host: &Host) -> Self {
        Self { host: host.clone(), stopper: Stopper::default(), tasks: Mutex::default() }
    }

    /// Serves HTTP.
    pub(super) async fn http(
        &self,
        config: &ExtensionServerConfig,
        handler: impl Handler,
    ) -> Result<SocketAddr, StartError> {
        let mut options = ServerOptions::default();
        options.read_header_timeout = config.read_header_timeout;
        options.idle_timeout = config.idle_timeout;
        options.tls = self.tls(&config.tls, &[b"h2", b"http/1.1"])?;
        options.close_connections = !config.keep_alives_enabled;
        let handler = WithHeaders { handler, headers: Arc::new(config.headers()) };
        self.serve("http server", &config.endpoint, options, handler).await
    }

    /// Serves gRPC.
    pub(super) async fn grpc(
        &self,
        endpoint: &str,
        tls: &Optional<TlsServerConfig>,
        handler: impl Handler,
    ) -> Result<SocketAddr, StartError> {
        let mut options = ServerOptions::default();
        options.http2_only = true;
        options.tls = self.tls(tls, &[b"h2"])?;
        self.serve("grpc server", endpoint, options, handler).await
    }

    /// Ends the servers, at the deadline at the latest.
    pub(super) async fn shutdown(&self, deadline: Instant) {
        self.stopper.stop(deadline);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // The server itself breaks off at the deadline, and needs a moment for that.
            if timeout_at(deadline + Duration::from_millis(100), task.ended()).await.is_err() {
                task.abort();
            }
        }
    }

    fn tls(
        &self,
        config: &Optional<TlsServerConfig>,
        protocols: &'static [&'static [u8]],
    ) -> Result<Option<Arc<TlsServer>>, StartError> {
        let Some(config) = config.get() else { return Ok(None) };
        let server = TlsServer::load(config, protocols, self.host.logger().clone());
        server
            .map(|server| Some(Arc::new(server)))
            .map_err(|source| StartError::new("failed to load TLS config").with_source(source))
    }

    async fn serve(
        &self,
        name: &'static str,
        endpoint: &str,
        mut options: ServerOptions,
        handler: impl Handler,
    ) -> Result<SocketAddr, StartError> {
        options.logger = self.host.logger().clone();
        let listener = Listener::bind_for(&self.host, Transport::Tcp, endpoint).await.map_err(|source| {
            StartError::new(format!("failed to bind to address {endpoint}")).with_source(source)
        })?;
        let address = listener.address().expect("it was bound to a port");
        let stop = self.stopper.listen();
        let task = self.host.spawn(name, async move {
            serve(listener, options, handler, stop).await;
            Ok(())
        });
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        Ok(address)
    }
}

/// Adds headers to every answer.
#[derive(Clone)]
struct WithHeaders<H> {
    handler: H,
    headers: Arc<HeaderMap>,
}

impl<H: Handler> Handler for WithHeaders<H> {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let mut response = self.handler.handle(request, peer).await;
        for (name, value) in &*self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}
