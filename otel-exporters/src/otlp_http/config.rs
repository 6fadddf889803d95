use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Exporter, ExporterFactory, Host};
use otel_core::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Schema, Value};
use otel_core::net::{Compression, HttpClientConfig, HttpUrl, InvalidUrl};
use otel_core::pdata::{Signal, SignalKind};

use super::OtlpHttpExporter;
use crate::sending::{Sending, SendingConfig};

/// The configuration of the `otlp_http` exporter.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct OtlpHttpExporterConfig {
    /// The URL to which the path of each signal is appended.
    pub endpoint: String,
    /// The URL for traces, used as it is.
    pub traces_endpoint: String,
    /// The URL for metrics, used as it is.
    pub metrics_endpoint: String,
    /// The URL for logs, used as it is.
    pub logs_endpoint: String,
    /// How telemetry is written.
    pub encoding: Encoding,
    /// Connections, headers, compression.
    pub client: HttpClientConfig,
    /// Timeout, queue and retries.
    pub sending: SendingConfig,
}

/// How telemetry is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// As protobuf.
    #[default]
    Proto,
    /// As JSON.
    Json,
}

impl OtlpHttpExporterConfig {
    /// Where a signal goes; nothing where neither its own endpoint nor the common one is set.
    pub fn url(&self, signal: SignalKind) -> Option<Result<HttpUrl, InvalidUrl>> {
        let (own, path) = match signal {
            SignalKind::Metrics => (&self.metrics_endpoint, "v1/metrics"),
            SignalKind::Logs => (&self.logs_endpoint, "v1/logs"),
            _ => (&self.traces_endpoint, "v1/traces"),
        };
        if !own.is_empty() {
            return Some(HttpUrl::parse(own));
        }
        let base = Some(self.endpoint.trim()).filter(|base| !base.is_empty())?;
        let separator = if base.ends_with('/') { "" } else { "/" };
        Some(HttpUrl::parse(&format!("{base}{separator}{path}")))
    }
}

impl Default for OtlpHttpExporterConfig {
    fn default() -> Self {
        let mut client = HttpClientConfig::default();
        client.compression = Compression::Gzip;
        let sending = SendingConfig { timeout: Duration::from_secs(30), ..SendingConfig::default() };
        Self {
            endpoint: String::new(),
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            encoding: Encoding::Proto,
            client,
            sending,
        }
    }
}

impl Decode for OtlpHttpExporterConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { endpoint, traces_endpoint, metrics_endpoint, logs_endpoint, encoding, client, sending } =
            self;
        fields.take("endpoint", endpoint);
        fields.take("traces_endpoint", traces_endpoint);
        fields.take("metrics_endpoint", metrics_endpoint);
        fields.take("logs_endpoint", logs_endpoint);
        fields.take("encoding", encoding);
        fields.block(client);
        fields.block(sending);
        fields.tolerated("profiles_endpoint", "there are no profiles here");
    }
}

impl ComponentConfig for OtlpHttpExporterConfig {
    const TYPE: &'static str = "otlp_http";
    const ALIASES: &'static [&'static str] = &["otlphttp"];

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = self.sending.validate();
        broken.extend(self.client.validate());
        let endpoints = [
            ("endpoint", &self.endpoint),
            ("traces_endpoint", &self.traces_endpoint),
            ("metrics_endpoint", &self.metrics_endpoint),
            ("logs_endpoint", &self.logs_endpoint),
        ];
        if endpoints.iter().all(|(_, endpoint)| endpoint.is_empty()) {
            broken.push(Invalid::new("", "at least one endpoint must be specified"));
        }
        for (key, endpoint) in endpoints.into_iter().filter(|(_, endpoint)| !endpoint.is_empty()) {
            if let Err(error) = HttpUrl::parse(endpoint) {
                broken.push(Invalid::new(key, error.to_string()));
            }
        }
        broken
    }
}

impl<S: Signal> ExporterFactory<S> for OtlpHttpExporterConfig {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<S>>, BuildError> {
        let url = self.url(S::KIND).ok_or_else(|| {
            BuildError::new(format!("either endpoint or {}_endpoint must be specified", S::KIND))
        })?;
        let url = url.map_err(|error| BuildError::new("the endpoint is invalid").with_source(error))?;
        let destination = [
            ("server.address", url.host().to_owned()),
            ("server.port", url.port().to_string()),
            ("url.path", url.path().to_owned()),
        ];
        let exporter = OtlpHttpExporter::new(url, self, host);
        Ok(Box::new(Sending::<S, _>::new(exporter, &self.sending, host, &destination)))
    }
}

const ENCODINGS: [(&str, Encoding); 2] = [("proto", Encoding::Proto), ("json", Encoding::Json)];

impl FromNode for Encoding {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &ENCODINGS)
    }

    fn schema() -> Schema {
        Schema::one_of(&ENCODINGS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &ENCODINGS)
    }
}
