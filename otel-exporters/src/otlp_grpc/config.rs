use http::{HeaderMap, HeaderName, HeaderValue};
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Exporter, ExporterFactory, Host};
use otel_core::config::{Decode, Decoder, Fields, FromNode, MapList, Node, Schema, Secret, Value};
use otel_core::net::{Compression, Endpoint, GrpcClientOptions};
use otel_core::pdata::Signal;

use super::OtlpGrpcExporter;
use crate::sending::{Sending, SendingConfig};

const NOT_YET: &str = "this exporter does not have it";
const BUFFERS: &str = "buffers grow with what they hold";

/// The configuration of the `otlp_grpc` exporter.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OtlpGrpcExporterConfig {
    /// `host:port` or `http://host:port`.
    pub endpoint: String,
    /// Security of the connection.
    pub tls: TlsClientConfig,
    /// How requests are compressed.
    pub compression: Compression,
    /// Metadata of each request.
    pub headers: MapList<Secret>,
    /// Names the client; empty for the collector's name and version.
    pub user_agent: String,
    /// Timeout, queue and retries.
    pub sending: SendingConfig,
}

/// Security of a client's connection.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TlsClientConfig {
    /// No security at all, which is the only possibility.
    pub insecure: bool,
}

impl OtlpGrpcExporterConfig {
    pub(super) fn client(&self, host: &Host) -> Result<GrpcClientOptions, BuildError> {
        let endpoint = Endpoint::parse(&self.endpoint)
            .map_err(|error| BuildError::new("the endpoint is invalid").with_source(error))?;
        let mut headers = HeaderMap::new();
        for (key, value) in self.headers.iter() {
            let (name, mut value) = header(key, value).ok_or_else(|| BuildError::new(invalid_header(key)))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let info = host.build_info();
        let user_agent =
            if self.user_agent.is_empty() { crate::otlp::user_agent(info) } else { self.user_agent.clone() };
        Ok(GrpcClientOptions { endpoint, compression: self.compression, headers, user_agent })
    }
}

impl Default for OtlpGrpcExporterConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            tls: TlsClientConfig::default(),
            compression: Compression::Gzip,
            headers: MapList::default(),
            user_agent: String::new(),
            sending: SendingConfig::default(),
        }
    }
}

impl Decode for OtlpGrpcExporterConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { endpoint, tls, compression, headers, user_agent, sending } = self;
        fields.take("endpoint", endpoint);
        fields.take("tls", tls);
        let mut named = CompressionKey(*compression);
        fields.take("compression", &mut named);
        *compression = named.0;
        fields.take("headers", headers);
        fields.take("user_agent", user_agent);
        fields.block(sending);
        fields.tolerated("read_buffer_size", BUFFERS);
        fields.tolerated("write_buffer_size", BUFFERS);
        fields.tolerated("balancer_name", "there is one connection");
        fields.unsupported("batcher", "the batch processor makes batches");
        for key in ["keepalive", "wait_for_ready", "authority", "auth", "middlewares"] {
            fields.unsupported(key, NOT_YET);
        }
    }
}

impl ComponentConfig for OtlpGrpcExporterConfig {
    const TYPE: &'static str = "otlp_grpc";
    const ALIASES: &'static [&'static str] = &["otlp"];

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = self.sending.validate();
        if let Err(error) = Endpoint::parse(&self.endpoint) {
            broken.push(Invalid::new("endpoint", error.to_string()));
        }
        if !self.tls.insecure {
            broken.push(Invalid::new("tls", "TLS is not supported, set `insecure: true` to send without it"));
        }
        let invalid = self.headers.iter().filter(|(key, value)| header(key, value).is_none());
        broken.extend(invalid.map(|(key, _)| Invalid::new("headers", invalid_header(key))));
        if HeaderValue::from_str(&self.user_agent).is_err() {
            broken.push(Invalid::new("user_agent", "must consist of visible ASCII characters"));
        }
        broken
    }
}

impl<S: Signal> ExporterFactory<S> for OtlpGrpcExporterConfig {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<S>>, BuildError> {
        let options = self.client(host)?;
        let destination = [
            ("server.address", options.endpoint.host().to_owned()),
            ("server.port", options.endpoint.port().to_string()),
        ];
        let exporter = OtlpGrpcExporter::new(options, host);
        Ok(Box::new(Sending::<S, _>::new(exporter, &self.sending, host, &destination)))
    }
}

impl Decode for TlsClientConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { insecure } = self;
        fields.take("insecure", insecure);
        for key in [
            "insecure_skip_verify",
            "server_name_override",
            "ca_file",
            "ca_pem",
            "cert_file",
            "cert_pem",
            "key_file",
            "key_pem",
            "min_version",
            "max_version",
            "cipher_suites",
            "include_insecure_cipher_suites",
            "curve_preferences",
            "include_system_ca_certs_pool",
            "reload_interval",
            "tpm",
        ] {
            fields.unsupported(key, "this exporter does not have TLS");
        }
    }
}

/// `compression` as it is written.
struct CompressionKey(Compression);

const COMPRESSIONS: [(&str, Compression); 3] =
    [("gzip", Compression::Gzip), ("none", Compression::None), ("", Compression::None)];

impl FromNode for CompressionKey {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &COMPRESSIONS).map(CompressionKey)
    }

    fn schema() -> Schema {
        Schema::one_of(&COMPRESSIONS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(&self.0, &COMPRESSIONS)
    }
}

fn header(key: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(key).ok()?;
    let value = HeaderValue::from_str(value.expose()).ok()?;
    Some((name, value))
}

fn invalid_header(key: &str) -> String {
    format!("\"{key}\" and its value do not make a header")
}
