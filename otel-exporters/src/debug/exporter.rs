use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{BuildError, Component, ConsumeError, Context, Exporter, ExporterReport, Host};
use otel_core::pdata::{Logs, Metrics, Signal, SignalKind, Traces};
use tokio::time::Instant;

use super::{DebugConfig, Verbosity, detailed, metrics, normal};

/// Prints what arrives.
#[derive(Debug)]
pub struct DebugExporter {
    host: Host,
    verbosity: Verbosity,
    sampling: Mutex<Sampling>,
    /// None for the collector's log.
    outputs: Option<Mutex<Vec<Output>>>,
    /// None behind a queue, which counts.
    reports: Option<Reports>,
}

/// What is said of each signal.
#[derive(Debug)]
struct Reports {
    traces: ExporterReport,
    metrics: ExporterReport,
    logs: ExporterReport,
}

#[derive(Debug)]
struct Sampling {
    initial: u32,
    thereafter: u32,
    since: Option<Instant>,
    seen: u32,
}

#[derive(Debug)]
enum Output {
    Stdout,
    Stderr,
    File(File),
}

/// What a line says of a request: names and numbers.
type Counts = [(&'static str, usize)];

impl DebugExporter {
    /// An exporter of this configuration.
    pub fn new(config: &DebugConfig, host: &Host) -> Result<Self, BuildError> {
        let standard = ["stdout".to_owned()];
        let outputs = if config.use_internal_logger {
            None
        } else {
            let paths = config.output_paths.as_deref().unwrap_or(&standard);
            Some(Mutex::new(paths.iter().map(|path| Output::open(path)).collect::<Result<_, _>>()?))
        };
        let sampling = Sampling {
            initial: config.sampling_initial,
            thereafter: config.sampling_thereafter,
            since: None,
            seen: 0,
        };
        let report = |signal| ExporterReport::new(host, signal, &[]);
        let reports = (!config.sending_queue.is_some()).then(|| Reports {
            traces: report(SignalKind::Traces),
            metrics: report(SignalKind::Metrics),
            logs: report(SignalKind::Logs),
        });
        let (verbosity, sampling) = (config.verbosity, Mutex::new(sampling));
        Ok(Self { host: host.clone(), verbosity, sampling, outputs, reports })
    }

    fn print(&self, message: &str, counts: &Counts, text: Option<String>) -> Result<(), ConsumeError> {
        let Some(outputs) = &self.outputs else {
            let mut event = self.host.logger().info(message);
            for (name, count) in counts {
                event = event.field(name, *count);
            }
            event.emit();
            if let Some(text) = text {
                self.host.logger().info(&text).emit();
            }
            return Ok(());
        };
        let fields: Vec<_> = counts.iter().map(|(name, count)| format!("\"{name}\": {count}")).collect();
        let mut lines = format!("{message}\t{{{}}}\n", fields.join(", "));
        if let Some(text) = text {
            lines.push_str(&text);
            lines.push('\n');
        }
        let mut outputs = outputs.lock().unwrap_or_else(PoisonError::into_inner);
        outputs.iter_mut().try_for_each(|output| output.write(&lines)).map_err(|error| {
            ConsumeError::permanent("the output cannot be written").with_reason("output").with_source(error)
        })
    }

    fn sampled(&self) -> bool {
        self.sampling.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }

    /// The text of a request, where the verbosity asks for one.
    fn text<S>(&self, data: &S, normal: fn(&S) -> String, detailed: fn(&S) -> String) -> Option<String> {
        match self.verbosity {
            Verbosity::Basic => None,
            Verbosity::Normal => Some(normal(data)),
            Verbosity::Detailed => Some(detailed(data)),
        }
    }
}

impl Component for DebugExporter {}

#[async_trait]
impl Exporter<Traces> for DebugExporter {
    async fn export(&self, data: Traces, context: Context) -> Result<(), ConsumeError> {
        let work = async || {
            if !self.sampled() {
                return Ok(());
            }
            let counts = [("resource spans", data.resource_spans().count()), ("spans", data.items())];
            self.print("Traces", &counts, self.text(&data, normal::traces, detailed::traces))
        };
        let report = self.reports.as_ref().map(|reports| &reports.traces);
        reported(report, data.items(), context, work).await
    }
}

#[async_trait]
impl Exporter<Metrics> for DebugExporter {
    async fn export(&self, data: Metrics, context: Context) -> Result<(), ConsumeError> {
        let work = async || {
            if !self.sampled() {
                return Ok(());
            }
            let scopes =
                data.resource_metrics().flat_map(otel_core::pdata::view::ResourceMetrics::scope_metrics);
            let counts = [
                ("resource metrics", data.resource_metrics().count()),
                ("metrics", scopes.map(|scope| scope.metrics().count()).sum()),
                ("data points", data.items()),
            ];
            self.print("Metrics", &counts, self.text(&data, metrics::normal, metrics::detailed))
        };
        let report = self.reports.as_ref().map(|reports| &reports.metrics);
        reported(report, data.items(), context, work).await
    }
}

#[async_trait]
impl Exporter<Logs> for DebugExporter {
    async fn export(&self, data: Logs, context: Context) -> Result<(), ConsumeError> {
        let work = async || {
            if !self.sampled() {
                return Ok(());
            }
            let counts = [("resource logs", data.resource_logs().count()), ("log records", data.items())];
            self.print("Logs", &counts, self.text(&data, normal::logs, detailed::logs))
        };
        let report = self.reports.as_ref().map(|reports| &reports.logs);
        reported(report, data.items(), context, work).await
    }
}

/// Works, and counts that where there is a report.
async fn reported(
    report: Option<&ExporterReport>,
    items: usize,
    context: Context,
    work: impl AsyncFnOnce() -> Result<(), ConsumeError>,
) -> Result<(), ConsumeError> {
    match report {
        Some(report) => report.export(items, context, async |_| work().await).await,
        None => work().await,
    }
}

impl Sampling {
    fn take(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now >= since + Duration::from_secs(1)) {
            self.since = Some(now);
            self.seen = 0;
        }
        self.seen = self.seen.saturating_add(1);
        self.seen <= self.initial
            || self.thereafter > 0 && (self.seen - self.initial).is_multiple_of(self.thereafter)
    }
}

impl Output {
    fn open(path: &str) -> Result<Self, BuildError> {
        match path {
            "stdout" => Ok(Output::Stdout),
            "stderr" => Ok(Output::Stderr),
            path => {
                OpenOptions::new().create(true).append(true).open(path).map(Output::File).map_err(|error| {
                    BuildError::new(format!("cannot open the output \"{path}\"")).with_source(error)
                })
            }
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        match self {
            Output::Stdout => io::stdout().write_all(text.as_bytes()),
            Output::Stderr => io::stderr().write_all(text.as_bytes()),
            Output::File(file) => file.write_all(text.as_bytes()),
        }
    }
}
