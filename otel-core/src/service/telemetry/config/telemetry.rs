use documented::DocumentedFieldsOpt;

use super::logs::LogsConfig;
use super::metrics::MetricsConfig;
use super::resource::ResourceConfig;
use super::traces::TracesConfig;
use crate::config::{Decode, Fields, KeyDocs};

/// What a collector says of itself.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct TelemetryConfig {
    /// Its logs.
    pub logs: LogsConfig,
    /// Its metrics.
    pub metrics: MetricsConfig,
    /// Spans of its work.
    pub traces: TracesConfig,
    /// What all of it is about.
    pub resource: ResourceConfig,
}

impl Decode for TelemetryConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { logs, metrics, traces, resource } = self;
        fields.take("logs", logs);
        fields.take("metrics", metrics);
        fields.take("traces", traces);
        fields.take("resource", resource);
    }
}
