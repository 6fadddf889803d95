use std::panic::Location;
use std::time::SystemTime;

use serde_json::Value;

use super::super::config::Resource;
use super::values::{nanos, start_group, with_json};
use crate::pdata::Logs;
use crate::pdata::build::LogsBuilder;
use crate::pdata::view::SeverityNumber;
use crate::telemetry::{Level, LogRecord};

/// The scope of the collector's own records, as the Go collector names it.
const SCOPE: &str = "go.opentelemetry.io/collector/service";

/// A log record that waits to be sent.
#[derive(Debug)]
pub(in crate::service::telemetry) struct OwnedRecord {
    time: SystemTime,
    level: Level,
    message: String,
    caller: &'static Location<'static>,
    scope: Vec<(&'static str, Value)>,
    fields: Vec<(&'static str, Value)>,
}

impl OwnedRecord {
    /// A copy of what was written at a time.
    pub(in crate::service::telemetry) fn new(time: SystemTime, record: &LogRecord<'_>) -> Self {
        Self {
            time,
            level: record.level,
            message: record.message.to_owned(),
            caller: record.caller,
            scope: record.scope.to_vec(),
            fields: record.fields.to_vec(),
        }
    }
}

/// Records as OTLP. What a logger is marked with, such as the component, are attributes of the scope.
pub(in crate::service::telemetry) fn encode_logs(records: &[OwnedRecord], resource: &Resource) -> Logs {
    let mut builder = LogsBuilder::new();
    let mut group = start_group(&mut builder, resource);
    for scoped in records.chunk_by(|a, b| a.scope == b.scope) {
        let mut scope = group.scope(|message| {
            message.name(SCOPE);
            for (key, value) in &scoped[0].scope {
                with_json(value, |value| {
                    message.attribute(key, value);
                });
            }
        });
        for record in scoped {
            scope.log_record(|message| {
                let (number, text) = severity(record.level);
                message.time_unix_nano(nanos(record.time)).observed_time_unix_nano(nanos(record.time));
                message.severity_number(number).severity_text(text).body(record.message.as_str());
                message.attribute("code.file.path", record.caller.file());
                message.attribute("code.line.number", i64::from(record.caller.line()));
                for (key, value) in &record.fields {
                    with_json(value, |value| {
                        message.attribute(key, value);
                    });
                }
            });
        }
    }
    builder.finish()
}

fn severity(level: Level) -> (SeverityNumber, &'static str) {
    match level {
        Level::Debug => (SeverityNumber::DEBUG, "debug"),
        Level::Info => (SeverityNumber::INFO, "info"),
        Level::Warn => (SeverityNumber::WARN, "warn"),
        Level::Error => (SeverityNumber::ERROR, "error"),
    }
}
