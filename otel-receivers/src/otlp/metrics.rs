use otel_core::component::Host;
use otel_core::pdata::SignalKind;
use otel_core::telemetry::Counter;

/// What is counted of one protocol.
#[derive(Debug, Clone)]
pub(super) struct TransportMetrics {
    traces: SignalMetrics,
    metrics: SignalMetrics,
    logs: SignalMetrics,
    pub(super) repaired: Counter,
}

#[derive(Debug, Clone)]
pub(super) struct SignalMetrics {
    pub(super) accepted: Counter,
    pub(super) refused: Counter,
}

impl TransportMetrics {
    pub(super) fn new(host: &Host, transport: &str) -> Self {
        let id = host.id().to_string();
        let attributes = [("receiver", id.as_str()), ("transport", transport)];
        let counter = |name, description, unit| {
            host.telemetry().metrics().counter(name, description, unit, &attributes)
        };
        let signal = |accepted, refused, unit| SignalMetrics {
            accepted: counter(accepted, "Items that the pipeline took.", unit),
            refused: counter(refused, "Items that the pipeline did not take.", unit),
        };
        Self {
            traces: signal("otelcol_receiver_accepted_spans", "otelcol_receiver_refused_spans", "{spans}"),
            metrics: signal(
                "otelcol_receiver_accepted_metric_points",
                "otelcol_receiver_refused_metric_points",
                "{datapoints}",
            ),
            logs: signal(
                "otelcol_receiver_accepted_log_records",
                "otelcol_receiver_refused_log_records",
                "{records}",
            ),
            repaired: counter(
                "otelcol_receiver_repaired_strings",
                "Strings that were not UTF-8 and were mended.",
                "{strings}",
            ),
        }
    }

    pub(super) fn of(&self, signal: SignalKind) -> &SignalMetrics {
        match signal {
            SignalKind::Metrics => &self.metrics,
            SignalKind::Logs => &self.logs,
            _ => &self.traces,
        }
    }
}
