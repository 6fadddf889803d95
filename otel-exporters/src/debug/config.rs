use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Exporter, ExporterFactory, Host};
use otel_core::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Optional, Schema, Value};
use otel_core::pdata::{Logs, Metrics, Traces};

use super::DebugExporter;
use crate::sending::{QueueConfig, Sending, SendingConfig};

/// The configuration of the `debug` exporter.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct DebugConfig {
    /// How much is printed.
    pub verbosity: Verbosity,
    /// Requests of a signal that are printed in each second.
    pub sampling_initial: u32,
    /// After that each n-th is printed; zero for none.
    pub sampling_thereafter: u32,
    /// Print through the collector's log.
    pub use_internal_logger: bool,
    /// Where to print without it; none for standard output.
    pub output_paths: Option<Vec<OutputPath>>,
    /// What waits to be printed; off unless it is named, and then callers wait.
    pub sending_queue: Optional<QueueConfig>,
}

/// `stdout`, `stderr`, or the path of a file.
pub type OutputPath = String;

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// A line for each request.
    #[default]
    Basic,
    /// And one for each item.
    Normal,
    /// And every field.
    Detailed,
}

impl Default for DebugConfig {
    fn default() -> Self {
        Self {
            verbosity: Verbosity::Basic,
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
            output_paths: None,
            sending_queue: Optional::dormant(QueueConfig::default()),
        }
    }
}

impl Decode for DebugConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let mut level = LogLevel(self.verbosity);
        fields.renamed("loglevel", "verbosity", &mut level);
        self.verbosity = level.0;
        fields.take("verbosity", &mut self.verbosity);
        fields.take("sampling_initial", &mut self.sampling_initial);
        fields.take("sampling_thereafter", &mut self.sampling_thereafter);
        fields.take("use_internal_logger", &mut self.use_internal_logger);
        fields.take("output_paths", &mut self.output_paths);
        fields.take("sending_queue", &mut self.sending_queue);
    }
}

const VERBOSITIES: [(&str, Verbosity); 6] = [
    ("basic", Verbosity::Basic),
    ("normal", Verbosity::Normal),
    ("detailed", Verbosity::Detailed),
    ("Basic", Verbosity::Basic),
    ("Normal", Verbosity::Normal),
    ("Detailed", Verbosity::Detailed),
];

impl FromNode for Verbosity {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let any_case = |text: &str| VERBOSITIES.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        match node.text().and_then(any_case) {
            Some((_, verbosity)) => Some(*verbosity),
            // Only the spelling that the Go collector documents is suggested.
            None => decoder.one_of(node, &VERBOSITIES[..3]),
        }
    }

    fn schema() -> Schema {
        Schema::one_of(&VERBOSITIES)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &VERBOSITIES)
    }
}

/// The verbosity as the exporter `logging` had it.
struct LogLevel(Verbosity);

const LOG_LEVELS: [(&str, Verbosity); 4] = [
    ("debug", Verbosity::Detailed),
    ("info", Verbosity::Normal),
    ("warn", Verbosity::Basic),
    ("error", Verbosity::Basic),
];

impl FromNode for LogLevel {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &LOG_LEVELS).map(Self)
    }

    fn schema() -> Schema {
        Schema::one_of(&LOG_LEVELS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(&self.0, &LOG_LEVELS)
    }
}

impl ComponentConfig for DebugConfig {
    const TYPE: &'static str = "debug";
    const ALIASES: &'static [&'static str] = &["logging"];

    fn validate(&self) -> Vec<Invalid> {
        let queue = self.sending_queue.get().map(QueueConfig::validate).unwrap_or_default();
        let mut broken: Vec<_> = queue.into_iter().map(|rule| rule.within("sending_queue")).collect();
        let message = match (&self.output_paths, self.use_internal_logger) {
            (Some(_), true) => "output_paths is not supported when use_internal_logger is true",
            (Some(paths), false) if paths.is_empty() => {
                "output_paths must not be empty when use_internal_logger is false"
            }
            _ => return broken,
        };
        broken.push(Invalid::new("output_paths", message));
        broken
    }
}

/// `factory!(Signal)` becomes the factory for a signal: the texts differ, so each is an impl of its own.
macro_rules! factory {
    ($($signal:ident)*) => {$(
        impl ExporterFactory<$signal> for DebugConfig {
            fn create(&self, host: &Host) -> Result<Box<dyn Exporter<$signal>>, BuildError> {
                let exporter = DebugExporter::new(self, host)?;
                if !self.sending_queue.is_some() {
                    return Ok(Box::new(exporter));
                }
                let mut sending = SendingConfig::default();
                sending.timeout = Duration::ZERO;
                sending.retry_on_failure.enabled = false;
                sending.sending_queue = self.sending_queue.clone();
                Ok(Box::new(Sending::<$signal, _>::new(exporter, &sending, host, &[])))
            }
        }
    )*};
}

factory!(Traces Metrics Logs);
