use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Emits, Host, Receiver, ReceiverFactory};
use otel_core::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Optional, Schema, Value};
use otel_core::net::{GrpcServerConfig, HttpServerConfig};
use otel_core::pdata::Signal;

use super::OtlpReceiver;

const GRPC_ENDPOINT: &str = "localhost:4317";

/// The configuration of the `otlp` receiver.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct OtlpReceiverConfig {
    /// The protocols that are served. At least one is on.
    pub protocols: Protocols,
    /// What happens to strings that are not UTF-8.
    pub invalid_utf8: InvalidUtf8,
    /// Bytes of requests that are held at a time, as they come and decompressed.
    pub max_in_flight_bytes: usize,
}

/// Protocols of the `otlp` receiver. By default both are served; YAML has to name those that are.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct Protocols {
    /// OTLP/gRPC, by default at `localhost:4317`.
    pub grpc: Optional<GrpcServerConfig>,
    /// OTLP/HTTP, by default at `localhost:4318`.
    pub http: Optional<OtlpHttpConfig>,
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

/// The HTTP server.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct OtlpHttpConfig {
    /// The server itself.
    pub server: HttpServerConfig,
    /// Where spans are posted to.
    pub traces_url_path: String,
    /// Where data points are posted to.
    pub metrics_url_path: String,
    /// Where log records are posted to.
    pub logs_url_path: String,
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
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { protocols, invalid_utf8, max_in_flight_bytes } = self;
        if fields.reads() {
            *protocols = Protocols::unnamed();
        }
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

impl Protocols {
    /// None of them, until they are named.
    fn unnamed() -> Self {
        Self {
            grpc: Optional::dormant(GrpcServerConfig::at(GRPC_ENDPOINT)),
            http: Optional::dormant(OtlpHttpConfig::default()),
        }
    }
}

impl Default for Protocols {
    fn default() -> Self {
        Self {
            grpc: Optional::some(GrpcServerConfig::at(GRPC_ENDPOINT)),
            http: Optional::some(OtlpHttpConfig::default()),
        }
    }
}

impl Decode for Protocols {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

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

// === impl OtlpHttpConfig ===

impl OtlpHttpConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut broken = self.server.validate();
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

impl Default for OtlpHttpConfig {
    fn default() -> Self {
        let mut server = HttpServerConfig::at("localhost:4318");
        server.read_header_timeout = Duration::ZERO;
        server.write_timeout = Duration::ZERO;
        server.idle_timeout = Duration::ZERO;
        Self {
            server,
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
        }
    }
}

impl Decode for OtlpHttpConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { server, traces_url_path, metrics_url_path, logs_url_path } = self;
        fields.block(server);
        fields.take("traces_url_path", traces_url_path);
        fields.take("metrics_url_path", metrics_url_path);
        fields.take("logs_url_path", logs_url_path);
    }
}

/// The path with the slash that it may have been written without.
pub(super) fn slashed(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}
