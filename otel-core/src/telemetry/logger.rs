//! Structured logs without a global.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use serde_json::Value;

/// How severe a log record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For those who look for a cause.
    Debug,
    /// What happens.
    Info,
    /// What may need a look.
    Warn,
    /// What went wrong.
    Error,
}

impl Level {
    /// The name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// One record, as a sink gets it.
#[derive(Debug)]
pub struct LogRecord<'a> {
    /// The severity.
    pub level: Level,
    /// The constant part.
    pub message: &'a str,
    /// Where the record was written.
    pub caller: &'static Location<'static>,
    /// What the logger is marked with: the resource, the component.
    pub scope: &'a [(&'static str, Value)],
    /// The variable part.
    pub fields: &'a [(&'static str, Value)],
}

/// Where log records go.
pub trait LogSink: Send + Sync + 'static {
    /// Whether records of this level go anywhere.
    fn enabled(&self, level: Level) -> bool;

    /// Takes one record.
    fn write(&self, record: &LogRecord<'_>);
}

/// A sink that takes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLogs;

impl LogSink for NoLogs {
    fn enabled(&self, _level: Level) -> bool {
        false
    }

    fn write(&self, _record: &LogRecord<'_>) {}
}

/// Writes log records: `logger.warn("Sender failed").error(&error).emit()`.
#[derive(Clone)]
pub struct Logger {
    sink: Arc<dyn LogSink>,
    scope: Arc<[(&'static str, Value)]>,
}

impl Logger {
    /// A logger that writes to a sink.
    pub fn new(sink: Arc<dyn LogSink>) -> Self {
        Self { sink, scope: Arc::new([]) }
    }

    /// A logger that writes nowhere.
    pub fn none() -> Self {
        Self::new(Arc::new(NoLogs))
    }

    /// The same, with every record marked by another key.
    pub fn with(&self, key: &'static str, value: impl Into<Value>) -> Self {
        let scope = self.scope.iter().cloned().chain([(key, value.into())]).collect();
        Self { sink: Arc::clone(&self.sink), scope }
    }

    /// Whether records of this level go anywhere.
    pub fn enabled(&self, level: Level) -> bool {
        self.sink.enabled(level)
    }

    /// Begins a record for those who look for a cause.
    #[track_caller]
    pub fn debug<'a>(&'a self, message: &'a str) -> Event<'a> {
        self.at(Level::Debug, message)
    }

    /// Begins a record of what happens.
    #[track_caller]
    pub fn info<'a>(&'a self, message: &'a str) -> Event<'a> {
        self.at(Level::Info, message)
    }

    /// Begins a record of what may need a look.
    #[track_caller]
    pub fn warn<'a>(&'a self, message: &'a str) -> Event<'a> {
        self.at(Level::Warn, message)
    }

    /// Begins a record of what went wrong.
    #[track_caller]
    pub fn error<'a>(&'a self, message: &'a str) -> Event<'a> {
        self.at(Level::Error, message)
    }

    /// Begins a record of a level.
    #[track_caller]
    pub fn at<'a>(&'a self, level: Level, message: &'a str) -> Event<'a> {
        let enabled = self.sink.enabled(level);
        Event { logger: self, level, message, caller: Location::caller(), fields: Vec::new(), enabled }
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// A record that is being written.
#[must_use = "a record is written by `emit`"]
#[derive(Debug)]
pub struct Event<'a> {
    logger: &'a Logger,
    level: Level,
    message: &'a str,
    caller: &'static Location<'static>,
    fields: Vec<(&'static str, Value)>,
    enabled: bool,
}

impl Event<'_> {
    /// Adds a field.
    pub fn field(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        if self.enabled {
            self.fields.push((key, value.into()));
        }
        self
    }

    /// Adds a field by its text.
    pub fn text(self, key: &'static str, value: &dyn fmt::Display) -> Self {
        if self.enabled { self.field(key, value.to_string()) } else { self }
    }

    /// Adds the field `error` with the error and its causes.
    pub fn error(self, error: &dyn Error) -> Self {
        if self.enabled { self.field("error", with_causes(error)) } else { self }
    }

    /// Writes the record.
    pub fn emit(self) {
        if self.enabled {
            self.logger.sink.write(&LogRecord {
                level: self.level,
                message: self.message,
                caller: self.caller,
                scope: &self.logger.scope,
                fields: &self.fields,
            });
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
