use std::time::Duration;

use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Emits, Host, Receiver, ReceiverFactory};
use otel_core::config::{Decode, Decoder, Fields, FromNode, Node, Optional, Schema, Value};
use otel_core::net;
use otel_core::pdata::Signal;

use super::OtlpReceiver;

const NOT_YET: &str = "this receiver does not have it";
const BUFFERS: &str = "buffers grow with what they hold";

/// The configuration of the `otlp` receiver.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OtlpReceiverConfig {
    /// The protocols that are served. At least one is on.
    pub protocols: Protocols,
    /// What happens to strings that are not UTF-8.
    pub invalid_utf8: InvalidUtf8,
    /// Bytes of requests that are held at a time, as they come and decompressed.
    pub max_in_flight_bytes: usize,
}

/// Protocols of the `otlp` receiver.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Protocols {
    /// OTLP/gRPC; off until it is named.
    pub grpc: Optional<GrpcServerConfig>,
    /// OTLP/HTTP; off until it is named.
    pub http: Optional<HttpServerConfig>,
}

/// What happens to strings that are not UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUtf8 {
    /// What is broken is replaced by U+FFFD, and counted.
    #[default]
    Repair,
    /// The request is refused.
    Reject,
}

/// The gRPC server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GrpcServerConfig {
    /// `host:port` to listen at.
    pub endpoint: String,
    /// Longest message in MiB, as it comes and decompressed; 0 for 4.
    pub max_recv_msg_size_mib: usize,
    /// Streams of a connection at a time; 0 for the server's own bound.
    pub max_concurrent_streams: u32,
    /// Pings to clients.
    pub keepalive: KeepaliveConfig,
    /// Keeps the request's headers for the pipeline.
    pub include_metadata: bool,
}

/// The HTTP server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpServerConfig {
    /// `host:port` to listen at.
    pub endpoint: String,
    /// Where spans are posted to.
    pub traces_url_path: String,
    /// Where data points are posted to.
    pub metrics_url_path: String,
    /// Where log records are posted to.
    pub logs_url_path: String,
    /// Longest body in bytes, as it comes and decompressed; 0 for 20 MiB.
    pub max_request_body_size: usize,
    /// How long the headers of a request may take; zero for no bound.
    pub read_header_timeout: Duration,
    /// Connections stay open for more than a request.
    pub keep_alives_enabled: bool,
    /// Keeps the request's headers for the pipeline.
    pub include_metadata: bool,
}

/// How a gRPC server finds out that clients are gone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeepaliveConfig {
    /// A client that has been silent for so long is pinged.
    pub time: Duration,
    /// How long it may take to answer.
    pub timeout: Duration,
}

// === impl OtlpReceiverConfig ===

impl Default for OtlpReceiverConfig {
    fn default() -> Self {
        Self {
            protocols: Protocols::default(),
            invalid_utf8: InvalidUtf8::default(),
            max_in_flight_bytes: 256 << 20,
        }
    }
}

impl Decode for OtlpReceiverConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { protocols, invalid_utf8, max_in_flight_bytes } = self;
        fields.take("protocols", protocols);
        fields.take("invalid_utf8", invalid_utf8);
        fields.take("max_in_flight_bytes", max_in_flight_bytes);
    }
}

impl ComponentConfig for OtlpReceiverConfig {
    const TYPE: &'static str = "otlp";

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if !self.protocols.grpc.is_some() && !self.protocols.http.is_some() {
            broken.push(Invalid::new("", "must specify at least one protocol when using the OTLP receiver"));
        }
        if self.max_in_flight_bytes == 0 {
            broken.push(Invalid::new("max_in_flight_bytes", "must be positive"));
        }
        let within = |key: &'static str| move |rule: Invalid| rule.within(key).within("protocols");
        if let Some(grpc) = self.protocols.grpc.get() {
            broken.extend(grpc.validate().into_iter().map(within("grpc")));
        }
        if let Some(http) = self.protocols.http.get() {
            broken.extend(http.validate().into_iter().map(within("http")));
        }
        broken
    }
}

impl ReceiverFactory for OtlpReceiverConfig {
    fn create(&self, host: &Host) -> Result<Box<dyn Receiver>, BuildError> {
        Ok(Box::new(OtlpReceiver::new(self.clone(), host)))
    }
}

impl<S: Signal> Emits<S> for OtlpReceiverConfig {}

// === impl Protocols ===

impl Default for Protocols {
    fn default() -> Self {
        Self {
            grpc: Optional::dormant(GrpcServerConfig::default()),
            http: Optional::dormant(HttpServerConfig::default()),
        }
    }
}

impl Decode for Protocols {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { grpc, http } = self;
        fields.take("grpc", grpc);
        fields.take("http", http);
    }
}

const INVALID_UTF8: [(&str, InvalidUtf8); 2] =
    [("repair", InvalidUtf8::Repair), ("reject", InvalidUtf8::Reject)];

impl FromNode for InvalidUtf8 {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &INVALID_UTF8)
    }

    fn schema() -> Schema {
        Schema::one_of(&INVALID_UTF8)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &INVALID_UTF8)
    }
}

// === impl GrpcServerConfig ===

impl GrpcServerConfig {
    const MAX_MIB: usize = 8_796_093_022_207;

    /// Longest message in bytes.
    pub fn max_message(&self) -> usize {
        let mib = if self.max_recv_msg_size_mib == 0 { 4 } else { self.max_recv_msg_size_mib };
        mib.saturating_mul(1 << 20)
    }

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = check_endpoint(&self.endpoint);
        if self.max_recv_msg_size_mib > Self::MAX_MIB {
            let value = self.max_recv_msg_size_mib;
            let message = format!(
                "invalid max_recv_msg_size_mib value, must be between 1 and {}: {value}",
                Self::MAX_MIB
            );
            broken.push(Invalid::new("max_recv_msg_size_mib", message));
        }
        broken
    }
}

impl Default for GrpcServerConfig {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4317".to_owned(),
            max_recv_msg_size_mib: 0,
            max_concurrent_streams: 0,
            keepalive: KeepaliveConfig::default(),
            include_metadata: false,
        }
    }
}

impl Decode for GrpcServerConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { endpoint, max_recv_msg_size_mib, max_concurrent_streams, keepalive, include_metadata } =
            self;
        fields.take("endpoint", endpoint);
        fields.take("transport", &mut Tcp);
        fields.take("max_recv_msg_size_mib", max_recv_msg_size_mib);
        fields.take("max_concurrent_streams", max_concurrent_streams);
        fields.take("keepalive", keepalive);
        fields.take("include_metadata", include_metadata);
        fields.tolerated("read_buffer_size", BUFFERS);
        fields.tolerated("write_buffer_size", BUFFERS);
        fields.tolerated("dialer", "a server does not dial");
        for key in ["tls", "auth", "middlewares"] {
            fields.unsupported(key, NOT_YET);
        }
    }
}

impl Default for KeepaliveConfig {
    fn default() -> Self {
        Self { time: Duration::from_secs(2 * 3600), timeout: Duration::from_secs(20) }
    }
}

impl Decode for KeepaliveConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { time, timeout } = self;
        fields.nested("server_parameters", |fields| {
            fields.take("time", time);
            fields.take("timeout", timeout);
            for key in ["max_connection_idle", "max_connection_age", "max_connection_age_grace"] {
                fields.unsupported(key, NOT_YET);
            }
        });
        fields.tolerated("enforcement_policy", "clients may ping as often as they like");
    }
}

// === impl HttpServerConfig ===

impl HttpServerConfig {
    /// Longest body in bytes.
    pub fn max_body(&self) -> usize {
        if self.max_request_body_size == 0 { 20 << 20 } else { self.max_request_body_size }
    }

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = check_endpoint(&self.endpoint);
        let paths = [
            ("traces_url_path", &self.traces_url_path),
            ("metrics_url_path", &self.metrics_url_path),
            ("logs_url_path", &self.logs_url_path),
        ];
        for (key, path) in paths {
            if slashed(path).parse::<::http::uri::PathAndQuery>().is_err() {
                broken.push(Invalid::new(key, format!("invalid HTTP URL path set for signal: {path}")));
            }
        }
        broken
    }
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4318".to_owned(),
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
            max_request_body_size: 0,
            read_header_timeout: Duration::ZERO,
            keep_alives_enabled: true,
            include_metadata: false,
        }
    }
}

impl Decode for HttpServerConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            endpoint,
            traces_url_path,
            metrics_url_path,
            logs_url_path,
            max_request_body_size,
            read_header_timeout,
            keep_alives_enabled,
            include_metadata,
        } = self;
        fields.take("endpoint", endpoint);
        fields.take("transport", &mut Tcp);
        fields.take("traces_url_path", traces_url_path);
        fields.take("metrics_url_path", metrics_url_path);
        fields.take("logs_url_path", logs_url_path);
        fields.take("max_request_body_size", max_request_body_size);
        fields.take("read_header_timeout", read_header_timeout);
        fields.take("keep_alives_enabled", keep_alives_enabled);
        fields.take("include_metadata", include_metadata);
        fields.tolerated("dialer", "a server does not dial");
        for key in [
            "tls",
            "cors",
            "auth",
            "response_headers",
            "compression_algorithms",
            "read_timeout",
            "write_timeout",
            "idle_timeout",
            "middlewares",
        ] {
            fields.unsupported(key, NOT_YET);
        }
    }
}

/// The only transport, so there is nothing to keep of it.
struct Tcp;

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

/// The path with the slash that it may have been written without.
pub(super) fn slashed(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

fn check_endpoint(endpoint: &str) -> Vec<Invalid> {
    if net::is_listen_address(endpoint) {
        return Vec::new();
    }
    vec![Invalid::new("endpoint", format!("invalid endpoint \"{endpoint}\", allowed: host:port"))]
}
