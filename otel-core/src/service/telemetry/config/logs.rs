use std::time::Duration;

use documented::DocumentedFieldsOpt;
use indexmap::IndexMap;

use super::export::{BatchConfig, LOG_DELAY, take_choice, take_processors};
use super::level::take_log_level;
use super::resource::json;
use crate::config::{Decode, Fields, KeyDocs, Schema, Value};
use crate::telemetry::Level;

/// The logs of a collector.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct LogsConfig {
    /// The least severe level that is written. Default: info.
    pub level: Level,
    /// The shape of a record. Default: console.
    pub encoding: Encoding,
    /// Leaves out where a record was written.
    pub disable_caller: bool,
    /// Leaves the resource out of the records in `output_paths`.
    pub disable_zap_resource: bool,
    /// What is left out where records repeat; `None` writes all.
    pub sampling: Option<SamplingConfig>,
    /// `stderr`, `stdout`, or paths of files. Default: stderr.
    pub output_paths: Vec<String>,
    /// Where it is said that `output_paths` cannot be written. Default: stderr.
    pub error_output_paths: Vec<String>,
    /// Fields that every record has.
    pub initial_fields: IndexMap<String, serde_json::Value>,
    /// Where else records go.
    pub processors: Vec<BatchConfig>,
}

/// The shape of log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Columns with tabs between them, fields as JSON at the end.
    Console,
    /// A JSON object a line.
    Json,
}

/// Of the records of one level and message, the first ones in a tick are written, and then every so many-th.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct SamplingConfig {
    /// Whether anything is left out. Default: true.
    pub enabled: bool,
    /// How long a tick is. Default: 10 s.
    pub tick: Duration,
    /// So many are written in each tick. Default: 10.
    pub initial: u64,
    /// After them every so many-th is; 0 for none. Default: 100.
    pub thereafter: u64,
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self {
            level: Level::Info,
            encoding: Encoding::Console,
            disable_caller: false,
            disable_zap_resource: false,
            sampling: Some(SamplingConfig::default()),
            output_paths: vec!["stderr".to_owned()],
            error_output_paths: vec!["stderr".to_owned()],
            initial_fields: IndexMap::new(),
            processors: Vec::new(),
        }
    }
}

impl Default for SamplingConfig {
    fn default() -> Self {
        Self { enabled: true, tick: Duration::from_secs(10), initial: 10, thereafter: 100 }
    }
}

impl Decode for LogsConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            level,
            encoding,
            disable_caller,
            disable_zap_resource,
            sampling,
            output_paths,
            error_output_paths,
            initial_fields,
            processors,
        } = self;
        take_log_level(fields, level);
        let encodings = [("console", Encoding::Console), ("json", Encoding::Json)];
        take_choice(fields, "encoding", encoding, &encodings);
        fields.take("disable_caller", disable_caller);
        fields.take("disable_zap_resource", disable_zap_resource);
        fields.take("sampling", sampling);
        fields.take("output_paths", output_paths);
        fields.take("error_output_paths", error_output_paths);
        let present = initial_fields.iter().map(|(key, value)| (key.as_str(), Value::from(value.clone())));
        fields.describe("initial_fields", Schema::map(Schema::any()), Value::map(present));
        if let Some(node) = fields.node("initial_fields") {
            if let Some(mapping) = node.mapping() {
                *initial_fields =
                    mapping.iter().map(|(key, entry)| (key.clone(), json(&entry.value))).collect();
            } else if !node.is_null() {
                fields.decoder().mismatch(node, "a map of fields");
            }
        }
        take_processors(fields, LOG_DELAY, processors);
        fields.tolerated("development", "panics are never used to report what only a developer should see");
        fields.tolerated("disable_stacktrace", "records have no stack traces");
    }
}

impl Decode for SamplingConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { enabled, tick, initial, thereafter } = self;
        fields.take("enabled", enabled);
        fields.take("tick", tick);
        fields.take("initial", initial);
        fields.take("thereafter", thereafter);
    }
}
