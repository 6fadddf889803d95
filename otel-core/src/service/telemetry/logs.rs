//! Log records as lines, in the two shapes of the Go collector's logger.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::config::{Encoding, LogsConfig};
use crate::service::run::ServiceError;
use crate::telemetry::{Clock, Level, LogRecord, LogSink};

/// Writes records to the outputs of a configuration.
pub(super) struct Output {
    config: LogsConfig,
    clock: Arc<dyn Clock>,
    targets: Vec<Target>,
}

enum Target {
    Stderr,
    Stdout,
    File(Mutex<File>),
}

impl Output {
    pub(super) fn open(config: &LogsConfig, clock: Arc<dyn Clock>) -> Result<Self, ServiceError> {
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
        let targets = config.output_paths.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { config: config.clone(), clock, targets })
    }
}

impl LogSink for Output {
    fn enabled(&self, level: Level) -> bool {
        level >= self.config.level
    }

    fn write(&self, record: &LogRecord<'_>) {
        let line = line(&self.config, self.clock.as_ref(), record);
        for target in &self.targets {
            // A logger has nobody to tell that it cannot write.
            let _ = match target {
                Target::Stderr => io::stderr().lock().write_all(&line),
                Target::Stdout => io::stdout().lock().write_all(&line),
                Target::File(file) => file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line),
            };
        }
    }
}

fn line(config: &LogsConfig, clock: &dyn Clock, record: &LogRecord<'_>) -> Vec<u8> {
    let time = time(clock);
    let level = record.level.as_str();
    let caller = (!config.disable_caller).then(|| caller(record));
    let mut line = Vec::with_capacity(256);
    let mut object = Object { out: &mut line, empty: true };
    match config.encoding {
        Encoding::Json => {
            object.text("level", level);
            object.text("ts", &time);
            if let Some(caller) = &caller {
                object.text("caller", caller);
            }
            object.text("msg", record.message);
            fields(config, record, &mut object);
            object.end();
        }
        Encoding::Console => {
            let caller = caller.map_or_else(String::new, |caller| format!("{caller}\t"));
            let head = format!("{time}\t{level}\t{caller}{}", record.message);
            object.out.extend_from_slice(head.as_bytes());
            let start = object.out.len();
            object.out.push(b'\t');
            fields(config, record, &mut object);
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

fn fields(config: &LogsConfig, record: &LogRecord<'_>, object: &mut Object<'_>) {
    for (key, value) in &config.initial_fields {
        object.value(key, value);
    }
    for (key, value) in record.scope.iter().chain(record.fields) {
        if !(config.disable_zap_resource && *key == "resource") {
            object.value(key, value);
        }
    }
}

/// A JSON object that is being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    fn text(&mut self, key: &str, value: &str) {
        self.value(key, &Value::from(value));
    }

    fn value(&mut self, key: &str, value: &Value) {
        self.out.push(if self.empty { b'{' } else { b',' });
        self.empty = false;
        // Writing JSON values to memory does not fail.
        let _ = serde_json::to_writer(&mut *self.out, key);
        self.out.push(b':');
        let _ = serde_json::to_writer(&mut *self.out, value);
    }

    fn end(self) {
        self.out.push(b'}');
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
        let logger = Logger::new(Arc::new(Output::open(&config, clock).unwrap()));
        logger.debug("hidden").emit();
        logger.info("bare").emit();
        let marked = logger.with("otelcol.component.id", "otlp/2");
        marked.error("Export \"failed\"").field("attempt", 3).emit();
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
             {\"otelcol.component.id\":\"otlp/2\",\"attempt\":3}\n"
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
