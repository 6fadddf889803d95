use crate::component::{ConsumeError, Context, Host, Next};
use crate::pdata::{Signal, SignalKind};
use crate::telemetry::{Counter, KeyValue, Span, SpanKind, Tracer};

/// Counts what a receiver takes in over one transport, and makes a span of each hand-over, with the names of the Go
/// collector. Make one when the receiver starts.
#[derive(Debug, Clone)]
pub struct ReceiverReport {
    receiver: String,
    transport: &'static str,
    format: &'static str,
    tracer: Tracer,
    traces: Counters,
    metrics: Counters,
    logs: Counters,
}

#[derive(Debug, Clone)]
struct Counters {
    accepted: Counter,
    refused: Counter,
    failed: Counter,
}

impl ReceiverReport {
    /// For the receiver of that host. `transport` is a word such as `grpc`, `format` one such as `protobuf`.
    pub fn new(host: &Host, transport: &'static str, format: &'static str) -> Self {
        let receiver = host.id().to_string();
        let attributes = [("receiver", receiver.as_str()), ("transport", transport)];
        let counters = |signal| {
            let names = Names::of(signal);
            let make = |(name, description)| {
                host.telemetry().metrics().counter(name, description, names.unit, &attributes)
            };
            Counters {
                accepted: make(names.accepted),
                refused: make(names.refused),
                failed: make(names.failed),
            }
        };
        Self {
            transport,
            format,
            tracer: host.telemetry().tracer().clone(),
            traces: counters(SignalKind::Traces),
            metrics: counters(SignalKind::Metrics),
            logs: counters(SignalKind::Logs),
            receiver,
        }
    }

    /// Hands data to a pipeline. What it takes counts as accepted, what it does not take as refused.
    ///
    /// # Errors
    /// Those of the pipeline.
    pub async fn consume<S: Signal>(
        &self,
        next: &Next<S>,
        data: S,
        context: Context,
    ) -> Result<(), ConsumeError> {
        let items = data.items() as u64;
        let span = self.begin(S::KIND, &context);
        let taken = next.consume(data, context.with_span(&span)).await;
        let counters = self.of(S::KIND);
        let (accepted, refused) = if taken.is_ok() { (items, 0) } else { (0, items) };
        counters.accepted.add(accepted);
        counters.refused.add(refused);
        counters.failed.add(0);
        self.end(S::KIND, &span, items, &taken);
        taken
    }

    /// Counts items that were lost on the way to the pipeline, by a fault of the receiver itself.
    pub fn failed(&self, signal: SignalKind, items: u64) {
        self.of(signal).failed.add(items);
    }

    fn begin(&self, signal: SignalKind, context: &Context) -> Span {
        self.tracer.start(SpanKind::Internal, context.trace(), || {
            format!("receiver/{}/{}", self.receiver, Names::of(signal).operation)
        })
    }

    fn end(&self, signal: SignalKind, span: &Span, items: u64, taken: &Result<(), ConsumeError>) {
        if !span.is_recording() {
            return;
        }
        let (accepted, refused) = if taken.is_ok() { (items, 0) } else { (0, items) };
        let name = signal.items_name();
        span.attributes(|| {
            [
                KeyValue::new("transport", self.transport),
                KeyValue::new("format", self.format),
                KeyValue::new(format!("accepted_{name}"), accepted as i64),
                KeyValue::new(format!("refused_{name}"), refused as i64),
                KeyValue::new(format!("failed_{name}"), 0),
            ]
        });
        if let Err(error) = taken {
            span.fail(error);
        }
    }

    fn of(&self, signal: SignalKind) -> &Counters {
        match signal {
            SignalKind::Traces => &self.traces,
            SignalKind::Metrics => &self.metrics,
            SignalKind::Logs => &self.logs,
        }
    }
}

/// Names with descriptions, by signal.
struct Names {
    operation: &'static str,
    unit: &'static str,
    accepted: (&'static str, &'static str),
    refused: (&'static str, &'static str),
    failed: (&'static str, &'static str),
}

impl Names {
    const fn of(signal: SignalKind) -> &'static Self {
        match signal {
            SignalKind::Traces => &Self {
                operation: "TraceDataReceived",
                unit: "{span}",
                accepted: (
                    "otelcol_receiver_accepted_spans",
                    "Number of spans successfully pushed into the pipeline. [Alpha]",
                ),
                refused: (
                    "otelcol_receiver_refused_spans",
                    "Number of spans that could not be pushed into the pipeline. [Alpha]",
                ),
                failed: (
                    "otelcol_receiver_failed_spans",
                    "The number of spans that failed to be processed by the receiver due to internal errors. [Alpha]",
                ),
            },
            SignalKind::Metrics => &Self {
                operation: "MetricsReceived",
                unit: "{datapoint}",
                accepted: (
                    "otelcol_receiver_accepted_metric_points",
                    "Number of metric points successfully pushed into the pipeline. [Alpha]",
                ),
                refused: (
                    "otelcol_receiver_refused_metric_points",
                    "Number of metric points that could not be pushed into the pipeline. [Alpha]",
                ),
                failed: (
                    "otelcol_receiver_failed_metric_points",
                    "The number of metric points that failed to be processed by the receiver due to internal errors. \
                     [Alpha]",
                ),
            },
            SignalKind::Logs => &Self {
                operation: "LogsReceived",
                unit: "{record}",
                accepted: (
                    "otelcol_receiver_accepted_log_records",
                    "Number of log records successfully pushed into the pipeline. [Alpha]",
                ),
                refused: (
                    "otelcol_receiver_refused_log_records",
                    "Number of log records that could not be pushed into the pipeline. [Alpha]",
                ),
                failed: (
                    "otelcol_receiver_failed_log_records",
                    "The number of log records that failed to be processed by the receiver due to internal errors. \
                     [Alpha]",
                ),
            },
        }
    }
}
