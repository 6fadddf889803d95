//! Log records as lines, in the two shapes of the Go collector's logger.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Serializer, Value};

use super::config::{Encoding, LogsConfig, Resource};
use super::export::{Outlet, OwnedRecord};
use super::sampling::Sampling;
use crate::service::run::ServiceError;
use crate::telemetry::{Clock, Level, LogRecord, LogSink};

/// Writes records to the outputs of a configuration.
pub(super) struct Output {
    config: LogsConfig,
    /// The field `resource`, where it is written.
    resource: Option<Value>,
    sampling: Option<Sampling>,
    clock: Arc<dyn Clock>,
    targets: Vec<Target>,
    /// Where it is said that a target cannot be written.
    error_targets: Vec<Target>,
}

enum Target {
    Stderr,
    Stdout,
    File(Mutex<File>),
}

impl Output {
    pub(super) fn open(
        config: &LogsConfig,
        resource: &Resource,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServiceError> {
        let attributes = resource.attributes.iter();
        let attributes: Map<String, Value> =
            attributes.map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
        let shown = !config.disable_zap_resource && !attributes.is_empty();
        let sampling = config.sampling.filter(|sampling| sampling.enabled).map(Sampling::new);
        Ok(Self {
            resource: shown.then_some(Value::Object(attributes)),
            sampling,
            clock,
            targets: open(&config.output_paths)?,
            error_targets: open(&config.error_output_paths)?,
            config: config.clone(),
        })
    }
}

impl LogSink for Output {
    fn enabled(&self, level: Level) -> bool {
        level >= self.config.level
    }

    fn write(&self, record: &LogRecord<'_>) {
        if self.sampling.as_ref().is_some_and(|sampling| !sampling.keeps(record)) {
            return;
        }
        let line = line(&self.config, self.resource.as_ref(), self.clock.as_ref(), record);
        for target in &self.targets {
            if let Err(error) = target.write(&line) {
                let complaint = format!("{} write error: {error}\n", time(self.clock.as_ref()));
                for target in &self.error_targets {
                    // There is nobody left to tell.
                    let _ = target.write(complaint.as_bytes());
                }
            }
        }
    }
}

/// Writes records to the outputs, and puts copies where they are sent from.
pub(super) struct Tee {
    output: Arc<Output>,
    outlets: Vec<Outlet<OwnedRecord>>,
}

impl Tee {
    pub(super) fn new(output: Arc<Output>, outlets: Vec<Outlet<OwnedRecord>>) -> Self {
        Self { output, outlets }
    }
}

impl LogSink for Tee {
    fn enabled(&self, level: Level) -> bool {
        self.output.enabled(level)
    }

    fn write(&self, record: &LogRecord<'_>) {
        self.output.write(record);
        for outlet in &self.outlets {
            outlet.put(OwnedRecord::new(self.output.clock.now(), record));
        }
    }
}

impl Target {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        match self {
            Target::Stderr => io::stderr().lock().write_all(line),
            Target::Stdout => io::stdout().lock().write_all(line),
            Target::File(file) => file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line),
        }
    }
}

fn open(paths: &[String]) -> Result<Vec<Target>, ServiceError> {
    let open = |path: &String| match path.as_str() {
        "stderr" => Ok(Target::Stderr),
        "stdout" => Ok(Target::Stdout),
        path => {
            let plain = path.strip_prefix("file://").unwrap_or(path);
            let file = OpenOptions::new().create(true).append(true).open(plain);
            file.map(|file| Target::File(Mutex::new(file)))
                .map_err(|source| ServiceError::LogOutput { path: path.to_owned(), source })
        }
    };
    paths.iter().map(open).collect()
}

fn line(config: &LogsConfig, resource: Option<&Value>, clock: &dyn Clock, record: &LogRecord<'_>) -> Vec<u8> {
    let time = time(clock);
    let level = record.level.as_str();
    let caller = (!config.disable_caller).then(|| caller(record));
    let mut line = Vec::with_capacity(256);
    let spaced = config.encoding == Encoding::Console;
    let mut object = Object { out: &mut line, empty: true, spaced };
    match config.encoding {
        Encoding::Json => {
            object.text("level", level);
            object.text("ts", &time);
            if let Some(caller) = &caller {
                object.text("caller", caller);
            }
            object.text("msg", record.message);
            fields(config, resource, record, &mut object);
            object.end();
        }
        Encoding::Console => {
            let caller = caller.map_or_else(String::new, |caller| format!("{caller}\t"));
            let head = format!("{time}\t{level}\t{caller}{}", record.message);
            object.out.extend_from_slice(head.as_bytes());
            let start = object.out.len();
            object.out.push(b'\t');
            fields(config, resource, record, &mut object);
            if object.empty {
                line.truncate(start);
            } else {
                object.end();
            }
        }
    }
    line.push(b'\n');
    line
}

fn fields(config: &LogsConfig, resource: Option<&Value>, record: &LogRecord<'_>, object: &mut Object<'_>) {
    for (key, value) in &config.initial_fields {
        object.value(key, value);
    }
    if let Some(resource) = resource {
        object.value("resource", resource);
    }
    for (key, value) in record.scope.iter().chain(record.fields) {
        object.value(key, value);
    }
}

/// A JSON object that is being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
    /// With a space after each comma and colon.
    spaced: bool,
}

impl Object<'_> {
    fn text(&mut self, key: &str, value: &str) {
        self.value(key, &Value::from(value));
    }

    fn value(&mut self, key: &str, value: &Value) {
        let (comma, colon): (&[u8], &[u8]) = if self.spaced { (b", ", b": ") } else { (b",", b":") };
        self.out.extend_from_slice(if self.empty { b"{" } else { comma });
        self.empty = false;
        self.json(key);
        self.out.extend_from_slice(colon);
        self.json(value);
    }

    fn json(&mut self, value: &(impl Serialize + ?Sized)) {
        let out = &mut *self.out;
        // Writing JSON values to memory does not fail.
        let _ = if self.spaced {
            value.serialize(&mut Serializer::with_formatter(out, Spaced))
        } else {
            value.serialize(&mut Serializer::new(out))
        };
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

/// JSON in one line with a space after each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// The time in UTC to the millisecond.
fn time(clock: &dyn Clock) -> String {
    match jiff::Timestamp::try_from(clock.now()) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        // A clock beyond the year 9999.
        Err(error) => error.to_string(),
    }
}

/// The file with its folder, and the line.
fn caller(record: &LogRecord<'_>) -> String {
    let file = record.caller.file();
    let start = file.rmatch_indices(['/', '\\']).nth(1).map_or(0, |(at, _)| at + 1);
    format!("{}:{}", &file[start..], record.caller.line())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::telemetry::Logger;

    #[derive(Debug)]
    struct At(SystemTime);

    impl Clock for At {
        fn now(&self) -> SystemTime {
            self.0
        }
    }

    fn written(config: LogsConfig) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let config = LogsConfig { output_paths: vec![path.to_str().unwrap().to_owned()], ..config };
        let clock = Arc::new(At(SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_042)));
        let logger = Logger::new(Arc::new(Output::open(&config, &Resource::default(), clock).unwrap()));
        logger.debug("hidden").emit();
        logger.info("bare").emit();
        let marked = logger.with("otelcol.component.id", "otlp/2");
        marked.error("Export \"failed\"").field("attempt", serde_json::json!({ "of": [3, 4] })).emit();
        let text = std::fs::read_to_string(path).unwrap();
        // Line numbers are nobody's business.
        text.lines().map(|line| line.to_owned() + "\n").collect()
    }

    #[test]
    fn a_console_record_has_columns_and_its_fields_at_the_end() {
        let config = LogsConfig { disable_caller: true, ..LogsConfig::default() };
        assert_eq!(
            written(config),
            "2026-01-01T00:00:00.042Z\tinfo\tbare\n2026-01-01T00:00:00.042Z\terror\tExport \"failed\"\t\
             {\"otelcol.component.id\": \"otlp/2\", \"attempt\": {\"of\": [3, 4]}}\n"
        );
        assert!(written(LogsConfig::default()).contains("\tinfo\ttelemetry/logs.rs:"));
    }

    #[test]
    fn a_json_record_is_an_object_with_the_initial_fields() {
        let config = LogsConfig {
            encoding: Encoding::Json,
            disable_caller: true,
            initial_fields: [("pod".to_owned(), Value::from("a"))].into_iter().collect(),
            ..LogsConfig::default()
        };
        let expected =
            "{\"level\":\"info\",\"ts\":\"2026-01-01T00:00:00.042Z\",\"msg\":\"bare\",\"pod\":\"a\"}";
        assert_eq!(written(config).lines().next(), Some(expected));
    }
}
