use std::time::Duration;

use documented::DocumentedFieldsOpt;

use super::export::{Destination, exporter, take_millis};
use super::level::take_metrics_level;
use super::views::{AttributeKeys, ViewConfig};
use crate::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Schema, Value};
use crate::telemetry::MetricsLevel;

const OLD_ADDRESS: &str = "`address` is deprecated; use `readers` instead";

/// The metrics of a collector.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct MetricsConfig {
    /// How much is measured. Default: normal.
    pub level: MetricsLevel,
    /// How the metrics come out. Default: Prometheus can fetch them from localhost:8888.
    pub readers: Vec<ReaderConfig>,
    /// What is changed or left out; only at the level detailed.
    pub views: Vec<ViewConfig>,
}

/// A way for metrics to come out.
#[derive(Debug, Clone, PartialEq)]
pub enum ReaderConfig {
    /// Prometheus fetches them.
    Prometheus(PrometheusConfig),
    /// They are sent every so often.
    Periodic(PeriodicConfig),
}

/// An address for Prometheus to fetch metrics from, and their shape.
#[derive(Debug, Clone, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct PrometheusConfig {
    /// The host to listen on. Default: localhost.
    pub host: String,
    /// The port to listen on. Default: 8888; 0 takes a free one.
    pub port: u16,
    /// Leaves out the labels of the instrumentation scope. Default: true.
    pub without_scope_info: bool,
    /// Leaves out units at the end of names. Default: true.
    pub without_units: bool,
    /// Leaves out `_total` at the end of the names of counters. Default: true.
    pub without_type_suffix: bool,
    /// Attributes of the resource that become labels of every series. Default: none.
    pub resource_labels: Option<AttributeKeys>,
}

/// Metrics that are sent every so often.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct PeriodicConfig {
    /// How often; milliseconds in YAML. Default: 60 s.
    pub interval: Duration,
    /// How long that may take; milliseconds in YAML. Default: 30 s.
    pub timeout: Duration,
    /// Where they go.
    pub destination: Destination,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            level: MetricsLevel::Normal,
            readers: vec![ReaderConfig::Prometheus(PrometheusConfig::default())],
            views: Vec::new(),
        }
    }
}

impl Default for PrometheusConfig {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 8888,
            without_scope_info: true,
            without_units: true,
            without_type_suffix: true,
            resource_labels: None,
        }
    }
}

impl MetricsConfig {
    /// Lets Prometheus fetch the metrics on every interface.
    pub(in crate::service) fn listen_everywhere(&mut self) {
        for reader in &mut self.readers {
            if let ReaderConfig::Prometheus(config) = reader {
                "0.0.0.0".clone_into(&mut config.host);
            }
        }
    }
}

// === decoding ===

impl Decode for MetricsConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { level, readers, views } = self;
        take_metrics_level(fields, level);
        fields.describe_former("address", Schema::text(), OLD_ADDRESS);
        if let Some(node) = fields.node("address") {
            fields.decoder().at("address", |decoder| {
                if node.text().is_some_and(str::is_empty) {
                    // Nobody fetched them then.
                    decoder.warning(node, OLD_ADDRESS);
                    readers.clear();
                } else if let Some(reader) = decode_address(node, decoder) {
                    decoder.warning(node, OLD_ADDRESS);
                    *readers = vec![ReaderConfig::Prometheus(reader)];
                }
            });
        }
        fields.take("readers", readers);
        let path = fields.decoder().path_to("readers");
        let read = !fields.decoder().is_partly_unread(&path);
        if fields.contains("readers") && read && readers.is_empty() && *level != MetricsLevel::None {
            let node = fields.map();
            let message = "collector telemetry metrics reader should exist when metric level is not none";
            fields.decoder().error(node, message);
        }
        fields.describe("views", Vec::<ViewConfig>::schema(), views.value());
        if let Some(node) = fields.node("views") {
            fields.decoder().at("views", |decoder| views.update(node, decoder));
            if *level != MetricsLevel::Detailed && !views.is_empty() {
                let message = "service::telemetry::metrics::views can only be set when \
                               service::telemetry::metrics::level is detailed";
                fields.decoder().error(node, message);
            }
        }
    }
}

impl FromNode for ReaderConfig {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.fields(node, |fields| {
            let (pull, periodic) = (fields.node("pull"), fields.node("periodic"));
            fields.unsupported("producers", "there is nothing that would produce metrics of other libraries");
            match (pull, periodic) {
                (Some(pull), None) => {
                    fields.decoder().at("pull", |decoder| decode_pull(pull, decoder)).map(Self::Prometheus)
                }
                (None, Some(periodic)) => fields
                    .decoder()
                    .at("periodic", |decoder| decoder.fields(periodic, decode_periodic)?)
                    .map(Self::Periodic),
                _ => {
                    let map = fields.map();
                    fields.decoder().error(map, "a reader is either `pull` or `periodic`");
                    None
                }
            }
        })?
    }

    fn schema() -> Schema {
        let prometheus = PrometheusConfig::schema().described("Prometheus, at this address.");
        let exporter = Schema::keys([("prometheus", prometheus)]).described("Who fetches them.");
        let pull = Schema::keys([("exporter", exporter)]).described("Metrics that are fetched.");
        let periodic = Schema::of(|fields| drop(decode_periodic(fields)));
        Schema::keys([
            ("pull", pull),
            ("periodic", periodic.described("Metrics that are sent every so often.")),
        ])
    }

    fn value(&mut self) -> Value {
        match self {
            Self::Prometheus(config) => {
                let exporter = Value::map([("prometheus", config.value())]);
                Value::map([("pull", Value::map([("exporter", exporter)]))])
            }
            Self::Periodic(PeriodicConfig { interval, timeout, destination }) => {
                let periodic = Value::of(|fields| {
                    take_millis(fields, "interval", interval);
                    take_millis(fields, "timeout", timeout);
                    exporter(fields, Some(destination));
                });
                Value::map([("periodic", periodic)])
            }
        }
    }
}

fn decode_pull(node: &Node, decoder: &mut Decoder) -> Option<PrometheusConfig> {
    decoder.fields(node, |fields| {
        let Some(exporter) = fields.node("exporter") else {
            let map = fields.map();
            fields.decoder().error(map, "key `exporter` is required");
            return None;
        };
        fields.decoder().at("exporter", |decoder| {
            decoder.fields(exporter, |fields| {
                let mut config = None;
                if fields.contains("prometheus") {
                    config = Some(PrometheusConfig::default());
                } else {
                    let map = fields.map();
                    fields.decoder().error(map, "key `prometheus` is required");
                }
                let mut read = PrometheusConfig::default();
                fields.take("prometheus", &mut read);
                config.map(|_| read)
            })?
        })
    })?
}

fn decode_periodic(fields: &mut Fields<'_>) -> Option<PeriodicConfig> {
    let (mut interval, mut timeout) = (Duration::from_secs(60), Duration::from_secs(30));
    take_millis(fields, "interval", &mut interval);
    take_millis(fields, "timeout", &mut timeout);
    fields.document(KeyDocs::of::<PeriodicConfig>());
    if interval.is_zero() {
        let map = fields.map();
        fields.decoder().error(map, "the interval must be positive");
    }
    Some(PeriodicConfig { interval, timeout, destination: exporter(fields, None)? })
}

impl Decode for PrometheusConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { host, port, without_scope_info, without_units, without_type_suffix, resource_labels } =
            self;
        fields.take("host", host);
        fields.take("port", port);
        fields.take("without_scope_info", without_scope_info);
        fields.take("without_units", without_units);
        fields.take("without_type_suffix", without_type_suffix);
        fields.take("with_resource_constant_labels", resource_labels);
        fields.says(
            "with_resource_constant_labels",
            "Attributes of the resource that every metric gets as labels.",
        );
    }
}

fn decode_address(node: &Node, decoder: &mut Decoder) -> Option<PrometheusConfig> {
    let text = decoder.text(node)?;
    let parts = text
        .rsplit_once(':')
        .filter(|(host, _)| !host.contains(':') || host.starts_with('['))
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let Some((host, port)) = parts else {
        decoder.mismatch(node, "an address such as localhost:8888");
        return None;
    };
    let host = if host.is_empty() { "0.0.0.0" } else { host.trim_matches(['[', ']']) };
    Some(PrometheusConfig { host: host.to_owned(), port, ..PrometheusConfig::default() })
}
