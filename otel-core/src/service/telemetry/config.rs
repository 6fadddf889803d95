//! The section `service.telemetry`.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rand::RngExt;

use crate::component::BuildInfo;
use crate::config::{Decode, Decoder, Fields, FromNode, Node, ScalarValue};
use crate::telemetry::{Level, MetricsLevel};

/// What a collector says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct TelemetryConfig {
    /// Its logs.
    pub logs: LogsConfig,
    /// Its metrics.
    pub metrics: MetricsConfig,
    /// Attributes of its resource, over the usual ones; `None` takes one away.
    pub resource: IndexMap<String, Option<String>>,
}

/// The logs of a collector.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogsConfig {
    /// The least severe level that is written. Default: info.
    pub level: Level,
    /// The shape of a record. Default: console.
    pub encoding: Encoding,
    /// Leaves out where a record was written.
    pub disable_caller: bool,
    /// Leaves the resource out of every record.
    pub disable_zap_resource: bool,
    /// `stderr`, `stdout`, or paths of files. Default: stderr.
    pub output_paths: Vec<String>,
    /// Fields that every record has.
    pub initial_fields: IndexMap<String, serde_json::Value>,
}

/// The shape of log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Columns with tabs between them, fields as JSON at the end.
    Console,
    /// A JSON object a line.
    Json,
}

/// The metrics of a collector.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MetricsConfig {
    /// How much is measured. Default: normal.
    pub level: MetricsLevel,
    /// Where Prometheus can fetch them. Default: localhost:8888.
    pub prometheus: Vec<PrometheusConfig>,
}

/// An address for Prometheus to fetch metrics from, and their shape.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self {
            level: Level::Info,
            encoding: Encoding::Console,
            disable_caller: false,
            disable_zap_resource: false,
            output_paths: vec!["stderr".to_owned()],
            initial_fields: IndexMap::new(),
        }
    }
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { level: MetricsLevel::Normal, prometheus: vec![PrometheusConfig::default()] }
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
        }
    }
}

impl TelemetryConfig {
    /// The attributes of the resource: name, version, an id of this process, and what the configuration says.
    pub(super) fn resource(&self, build_info: &BuildInfo) -> BTreeMap<String, String> {
        let mut resource = BTreeMap::from([
            ("service.name".to_owned(), build_info.command.clone()),
            ("service.version".to_owned(), build_info.version.clone()),
            ("service.instance.id".to_owned(), uuid()),
        ]);
        for (key, value) in &self.resource {
            match value {
                Some(value) => drop(resource.insert(key.clone(), value.clone())),
                None => drop(resource.remove(key)),
            }
        }
        resource
    }
}

/// A random UUID of version 4.
fn uuid() -> String {
    let mut bits: u128 = rand::rng().random();
    bits = bits & !(0xf << 76) | 4 << 76;
    bits = bits & !(0x3 << 62) | 2 << 62;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

// === decoding ===

impl Decode for TelemetryConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { logs, metrics, resource } = self;
        fields.take("logs", logs);
        fields.take("metrics", metrics);
        fields.take("traces", &mut Traces);
        if let Some(node) = fields.node("resource") {
            *resource = fields.decoder().at("resource", |decoder| decode_resource(node, decoder));
        }
    }
}

impl Decode for LogsConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { level, encoding, disable_caller, disable_zap_resource, output_paths, initial_fields } =
            self;
        if let Some(node) = fields.node("level") {
            *level = fields.decoder().at("level", |decoder| decode_level(node, decoder)).unwrap_or(*level);
        }
        if let Some(node) = fields.node("encoding") {
            let choices = [("console", Encoding::Console), ("json", Encoding::Json)];
            let read = fields.decoder().at("encoding", |decoder| decoder.one_of(node, &choices));
            *encoding = read.unwrap_or(*encoding);
        }
        fields.take("disable_caller", disable_caller);
        fields.take("disable_zap_resource", disable_zap_resource);
        fields.take("output_paths", output_paths);
        if let Some(node) = fields.node("initial_fields") {
            if let Some(mapping) = node.mapping() {
                *initial_fields =
                    mapping.iter().map(|(key, entry)| (key.clone(), json(&entry.value))).collect();
            } else if !node.is_null() {
                fields.decoder().mismatch(node, "a map of fields");
            }
        }
        fields.tolerated("development", "panics are never used to report what only a developer should see");
        fields.tolerated("disable_stacktrace", "records have no stack traces");
        fields.tolerated("sampling", "every record is written");
        fields.tolerated("error_output_paths", "what the logger itself cannot write is not reported");
        fields.unsupported("processors", "logs can only be written to output_paths");
    }
}

impl Decode for MetricsConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { level, prometheus } = self;
        if let Some(node) = fields.node("level") {
            let choices = [
                ("none", MetricsLevel::None),
                ("basic", MetricsLevel::Basic),
                ("normal", MetricsLevel::Normal),
                ("detailed", MetricsLevel::Detailed),
            ];
            *level = fields
                .decoder()
                .at("level", |decoder| {
                    let lower = decoder.text(node)?.to_lowercase();
                    let known = choices.iter().find(|(name, _)| *name == lower);
                    known.map(|(_, level)| *level).or_else(|| decoder.one_of(node, &choices))
                })
                .unwrap_or(*level);
        }
        if let Some(node) = fields.node("address") {
            fields.decoder().at("address", |decoder| {
                decoder.warning(node, "`address` is deprecated; use `readers` instead");
                if let Some(reader) = decode_address(node, decoder) {
                    *prometheus = vec![reader];
                }
            });
        }
        let mut readers: Option<Vec<Reader>> = None;
        fields.take("readers", &mut readers);
        if let Some(readers) = readers {
            *prometheus = readers.into_iter().map(|reader| reader.0).collect();
            if prometheus.is_empty() && *level != MetricsLevel::None {
                let node = fields.map().clone();
                let message = "collector telemetry metrics reader should exist when metric level is not none";
                fields.decoder().error(&node, message);
            }
        }
        fields.unsupported("views", "metrics have their usual names and buckets");
    }
}

/// The section `traces`, of which nothing needs to be kept: there are none.
struct Traces;

impl Default for Traces {
    fn default() -> Self {
        Self
    }
}

impl Decode for Traces {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.tolerated("level", "the collector records no spans of its own");
        fields.tolerated("propagators", "the collector records no spans of its own");
        fields.tolerated("sampler", "the collector records no spans of its own");
        fields.unsupported("processors", "the collector records no spans of its own");
    }
}

/// An entry of `readers`.
struct Reader(PrometheusConfig);

impl FromNode for Reader {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let mut pull = Pull::default();
        pull.update(node, decoder);
        if pull.found.is_none() && !pull.refused {
            decoder.error(node, "a reader needs pull::exporter::prometheus");
        }
        pull.found.map(Self)
    }
}

#[derive(Default)]
struct Pull {
    found: Option<PrometheusConfig>,
    refused: bool,
}

impl Decode for Pull {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        self.refused = fields.contains("periodic");
        fields.unsupported("periodic", "metrics can only be fetched by Prometheus");
        let Some(node) = fields.node("pull") else { return };
        let read = fields.decoder().at("pull", |decoder| {
            decoder.fields(node, |fields| {
                let exporter = fields.node("exporter")?;
                fields.decoder().at("exporter", |decoder| {
                    decoder.fields(exporter, |fields| {
                        let node = fields.node("prometheus")?;
                        let mut config = PrometheusConfig::default();
                        fields.decoder().at("prometheus", |decoder| config.update(node, decoder));
                        Some(config)
                    })
                })
            })
        });
        self.found = read.flatten().flatten();
    }
}

impl Decode for PrometheusConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { host, port, without_scope_info, without_units, without_type_suffix } = self;
        fields.take("host", host);
        fields.take("port", port);
        fields.take("without_scope_info", without_scope_info);
        fields.take("without_units", without_units);
        fields.take("without_type_suffix", without_type_suffix);
        fields.unsupported("with_resource_constant_labels", "the resource is in target_info only");
    }
}

fn decode_level(node: &Node, decoder: &mut Decoder) -> Option<Level> {
    let choices = [
        ("debug", Level::Debug),
        ("info", Level::Info),
        ("warn", Level::Warn),
        ("error", Level::Error),
        ("dpanic", Level::Error),
        ("panic", Level::Error),
        ("fatal", Level::Error),
    ];
    let text = decoder.text(node)?.to_lowercase();
    if text.is_empty() {
        return Some(Level::Info);
    }
    let known = choices.iter().find(|(name, _)| *name == text);
    known.map(|(_, level)| *level).or_else(|| decoder.one_of(node, &choices))
}

fn decode_address(node: &Node, decoder: &mut Decoder) -> Option<PrometheusConfig> {
    let text = decoder.text(node)?;
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let Some((host, port)) = parts else {
        decoder.mismatch(node, "an address such as localhost:8888");
        return None;
    };
    let host = if host.is_empty() { "0.0.0.0" } else { host.trim_matches(['[', ']']) };
    Some(PrometheusConfig { host: host.to_owned(), port, ..PrometheusConfig::default() })
}

/// Either a list of names and values under `attributes`, or the attributes themselves as keys.
fn decode_resource(node: &Node, decoder: &mut Decoder) -> IndexMap<String, Option<String>> {
    let mut resource = IndexMap::new();
    decoder.fields(node, |fields| {
        let mut attributes: Vec<Attribute> = Vec::new();
        fields.take("attributes", &mut attributes);
        fields.tolerated("schema_url", "it is not sent anywhere");
        fields.unsupported("attributes_list", "please use resource::attributes");
        fields.unsupported("detectors", "set the attributes by name");
        fields.unsupported("detection/development", "set the attributes by name");
        let inline = fields.rest();
        if !inline.is_empty() && !attributes.is_empty() {
            let message =
                "resource::attributes cannot be used together with legacy inline resource attributes";
            fields.decoder().error(node, message);
        }
        for (key, entry) in inline {
            if entry.value.is_null() {
                resource.insert(key.to_owned(), None);
            } else if let Some(text) = entry.value.text() {
                resource.insert(key.to_owned(), Some(text.to_owned()));
            } else {
                let message = format!("legacy resource attribute \"{key}\" must be string or null");
                fields.decoder().error(&entry.value, message);
            }
        }
        resource.extend(attributes.into_iter().map(|attribute| (attribute.name, Some(attribute.value))));
    });
    resource
}

#[derive(Default)]
struct Attribute {
    name: String,
    value: String,
}

impl Decode for Attribute {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { name, value } = self;
        fields.required("name", name);
        if let Some(node) = fields.node("value") {
            match json(node) {
                serde_json::Value::String(text) => *value = text,
                other => *value = other.to_string(),
            }
        }
        fields.tolerated("type", "attributes of the resource are texts");
    }
}

/// A node as JSON.
fn json(node: &Node) -> serde_json::Value {
    use serde_json::Value;
    if let Some(mapping) = node.mapping() {
        return Value::Object(mapping.iter().map(|(key, entry)| (key.clone(), json(&entry.value))).collect());
    }
    if let Some(items) = node.sequence() {
        return Value::Array(items.iter().map(json).collect());
    }
    match node.scalar() {
        None | Some(ScalarValue::Null) => Value::Null,
        Some(ScalarValue::Bool(value)) => Value::Bool(value),
        Some(ScalarValue::Int(value)) => {
            i64::try_from(value).map_or_else(|_| Value::from(value as f64), Value::from)
        }
        Some(ScalarValue::Float(value)) => Value::from(value),
        Some(ScalarValue::String(text)) => Value::from(text),
    }
}
