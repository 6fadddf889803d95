use std::future::Future;
use std::sync::OnceLock;

use crate::component::{ConsumeError, Context, Host};
use crate::pdata::SignalKind;
use crate::telemetry::{Counter, KeyValue, Metrics, MetricsLevel, Span, SpanKind, Tracer, UpDown};

/// Counts what an exporter sends of one signal, and makes a span of each sending, with the names of the Go collector.
#[derive(Debug)]
pub struct ExporterReport {
    exporter: String,
    signal: SignalKind,
    metrics: Metrics,
    tracer: Tracer,
    destination: Destination,
    in_flight: UpDown,
    sent: Counter,
    /// Made when there is something to count: the series of failures is absent where there are none.
    failed: OnceLock<Counter>,
    enqueue_failed: OnceLock<Counter>,
}

/// What marks the series of an exporter beside its name, such as `server.address`.
pub type Destination = Vec<(&'static str, String)>;

impl ExporterReport {
    /// For the exporter of that host.
    pub fn new(host: &Host, signal: SignalKind, destination: &[(&'static str, String)]) -> Self {
        let exporter = host.id().to_string();
        let metrics = host.telemetry().metrics().clone();
        let in_flight = metrics.up_down(
            "otelcol_exporter_in_flight_requests",
            "Number of export requests currently in-flight (including retry backoff). [Development]",
            "{request}",
            &[("exporter", &exporter), ("data_type", signal.as_str())],
        );
        let mut report = Self {
            signal,
            tracer: host.telemetry().tracer().clone(),
            destination: destination.to_vec(),
            in_flight,
            sent: Counter::default(),
            failed: OnceLock::new(),
            enqueue_failed: OnceLock::new(),
            exporter,
            metrics,
        };
        report.sent = report.counter(Names::of(signal).sent, true, &[]);
        report
    }

    /// Sends a request of so many items by `send`, within a span, and counts what came of it.
    ///
    /// # Errors
    /// Those of `send`.
    pub async fn export<F>(
        &self,
        items: usize,
        context: Context,
        send: impl FnOnce(Context) -> F,
    ) -> Result<(), ConsumeError>
    where
        F: Future<Output = Result<(), ConsumeError>>,
    {
        let span = self.tracer.start(SpanKind::Internal, context.trace(), || {
            format!("exporter/{}/{}", self.exporter, self.signal)
        });
        let running = InFlight::begin(&self.in_flight);
        let sent = send(context.with_span(&span)).await;
        drop(running);
        match &sent {
            Ok(()) => self.sent.add(items as u64),
            Err(error) => {
                self.sent.add(0);
                self.count_failure(error, items as u64);
            }
        }
        self.end(&span, items as i64, &sent);
        sent
    }

    /// Begins the span of a request that goes into a queue.
    pub fn enqueue(&self, context: &Context) -> Span {
        self.tracer.start(SpanKind::Internal, context.trace(), || "exporter/enqueue")
    }

    /// Counts items that the queue did not take.
    pub fn enqueue_failed(&self, items: usize) {
        let make = || self.counter(Names::of(self.signal).enqueue_failed, false, &[]);
        self.enqueue_failed.get_or_init(make).add(items as u64);
    }

    fn count_failure(&self, error: &ConsumeError, items: u64) {
        let name = Names::of(self.signal).failed;
        if self.metrics.level() < MetricsLevel::Detailed {
            return self.failed.get_or_init(|| self.counter(name, true, &[])).add(items);
        }
        let permanent = if error.is_permanent() { "true" } else { "false" };
        let attributes = [("error.type", error_type(error)), ("error.permanent", permanent)];
        self.counter(name, true, &attributes).add(items);
    }

    fn counter(
        &self,
        (name, description): (&'static str, &'static str),
        destination: bool,
        more: &[(&'static str, &str)],
    ) -> Counter {
        let mut attributes = vec![("exporter", self.exporter.as_str())];
        if destination {
            attributes.extend(self.destination.iter().map(|(key, value)| (*key, value.as_str())));
        }
        attributes.extend(more);
        self.metrics.counter(name, description, Names::of(self.signal).unit, &attributes)
    }

    fn end(&self, span: &Span, items: i64, result: &Result<(), ConsumeError>) {
        let (sent, failed) = if result.is_ok() { (items, 0) } else { (0, items) };
        span.attributes(|| {
            [
                KeyValue::new("exporter", self.exporter.clone()),
                KeyValue::new("data_type", self.signal.as_str()),
                KeyValue::new("items.sent", sent),
                KeyValue::new("items.failed", failed),
            ]
        });
        if let Err(error) = result {
            span.fail(error);
        }
    }
}

/// Takes its one back also where the sending is broken off.
struct InFlight<'c>(&'c UpDown);

impl<'c> InFlight<'c> {
    fn begin(count: &'c UpDown) -> Self {
        count.add(1);
        Self(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// The attribute `error.type`: one of a few words.
fn error_type(error: &ConsumeError) -> &'static str {
    match (error.reason(), error.code()) {
        ("shutdown", _) => "Shutdown",
        ("timeout", _) => "Deadline_Exceeded",
        (_, Some(code)) => code.as_str(),
        _ => "_OTHER",
    }
}

/// Names with descriptions, by signal.
struct Names {
    unit: &'static str,
    sent: (&'static str, &'static str),
    failed: (&'static str, &'static str),
    enqueue_failed: (&'static str, &'static str),
}

impl Names {
    const fn of(signal: SignalKind) -> &'static Self {
        match signal {
            SignalKind::Traces => &Self {
                unit: "{span}",
                sent: (
                    "otelcol_exporter_sent_spans",
                    "Number of spans successfully sent to destination. [Alpha]",
                ),
                failed: (
                    "otelcol_exporter_send_failed_spans",
                    "Number of spans in failed attempts to send to destination. At detailed telemetry level, includes \
                     attributes: error.type (semantic convention), error.permanent. [Alpha]",
                ),
                enqueue_failed: (
                    "otelcol_exporter_enqueue_failed_spans",
                    "Number of spans failed to be added to the sending queue. [Alpha]",
                ),
            },
            SignalKind::Metrics => &Self {
                unit: "{datapoint}",
                sent: (
                    "otelcol_exporter_sent_metric_points",
                    "Number of metric points successfully sent to destination. [Alpha]",
                ),
                failed: (
                    "otelcol_exporter_send_failed_metric_points",
                    "Number of metric points in failed attempts to send to destination. At detailed telemetry level, \
                     includes attributes: error.type (semantic convention), error.permanent. [Alpha]",
                ),
                enqueue_failed: (
                    "otelcol_exporter_enqueue_failed_metric_points",
                    "Number of metric points failed to be added to the sending queue. [Alpha]",
                ),
            },
            SignalKind::Logs => &Self {
                unit: "{record}",
                sent: (
                    "otelcol_exporter_sent_log_records",
                    "Number of log record successfully sent to destination. [Alpha]",
                ),
                failed: (
                    "otelcol_exporter_send_failed_log_records",
                    "Number of log records in failed attempts to send to destination. At detailed telemetry level, \
                     includes attributes: error.type (semantic convention), error.permanent. [Alpha]",
                ),
                enqueue_failed: (
                    "otelcol_exporter_enqueue_failed_log_records",
                    "Number of log records failed to be added to the sending queue. [Alpha]",
                ),
            },
        }
    }
}
