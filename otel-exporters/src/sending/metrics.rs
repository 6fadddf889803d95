use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use opentelemetry::KeyValue;
use otel_core::component::Host;
use otel_core::pdata::SignalKind;
use otel_core::telemetry::{Counter, Metrics};

/// What is counted of one exporter and signal.
#[derive(Debug)]
pub(super) struct SendingMetrics {
    metrics: Metrics,
    attributes: Vec<(&'static str, String)>,
    names: Names,
    sent: Counter,
    /// Made when there is something to count: the series of failures is absent where there are none.
    failed: OnceLock<Counter>,
    enqueue_failed: OnceLock<Counter>,
}

#[derive(Debug, Clone, Copy)]
struct Names {
    unit: &'static str,
    sent: &'static str,
    failed: &'static str,
    enqueue_failed: &'static str,
}

impl SendingMetrics {
    /// `destination` is what the series of sent items are marked with beside the exporter.
    pub(super) fn new(host: &Host, signal: SignalKind, destination: &[(&'static str, String)]) -> Self {
        let names = names(signal);
        let attributes: Vec<_> =
            [("exporter", host.id().to_string())].into_iter().chain(destination.iter().cloned()).collect();
        let metrics = host.telemetry().metrics().clone();
        let description = "Items that the destination took.";
        let sent = metrics.counter(names.sent, description, names.unit, &borrowed(&attributes));
        Self { metrics, attributes, names, sent, failed: OnceLock::new(), enqueue_failed: OnceLock::new() }
    }

    pub(super) fn sent(&self, items: usize) {
        self.sent.add(items as u64);
    }

    pub(super) fn failed(&self, items: usize) {
        let make = || {
            let description = "Items that were given up after attempts to send them.";
            self.metrics.counter(self.names.failed, description, self.names.unit, &borrowed(&self.attributes))
        };
        self.failed.get_or_init(make).add(items as u64);
    }

    pub(super) fn enqueue_failed(&self, items: usize) {
        let make = || {
            let description = "Items that the queue did not take.";
            let attributes = borrowed(&self.attributes[..1]);
            self.metrics.counter(self.names.enqueue_failed, description, self.names.unit, &attributes)
        };
        self.enqueue_failed.get_or_init(make).add(items as u64);
    }
}

/// The gauges of a queue, which read `size` as long as somebody else holds it.
pub(super) fn observe_queue(host: &Host, signal: SignalKind, capacity: usize, size: &Arc<AtomicUsize>) {
    let attributes =
        [KeyValue::new("exporter", host.id().to_string()), KeyValue::new("data_type", signal.as_str())];
    let meter = host.telemetry().metrics().meter();
    let observed = Arc::downgrade(size);
    let marked = attributes.clone();
    meter
        .i64_observable_gauge("otelcol_exporter_queue_size")
        .with_description("What the queue holds, queued and being sent.")
        .with_callback(move |observer| {
            if let Some(size) = observed.upgrade() {
                observer.observe(size.load(Ordering::Relaxed) as i64, &marked);
            }
        })
        .build();
    let observed = Arc::downgrade(size);
    meter
        .i64_observable_gauge("otelcol_exporter_queue_capacity")
        .with_description("The most that the queue holds.")
        .with_callback(move |observer| {
            if observed.strong_count() > 0 {
                observer.observe(capacity as i64, &attributes);
            }
        })
        .build();
}

fn borrowed<'a>(attributes: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    attributes.iter().map(|(key, value)| (*key, value.as_str())).collect()
}

fn names(signal: SignalKind) -> Names {
    match signal {
        SignalKind::Metrics => Names {
            unit: "{datapoints}",
            sent: "otelcol_exporter_sent_metric_points",
            failed: "otelcol_exporter_send_failed_metric_points",
            enqueue_failed: "otelcol_exporter_enqueue_failed_metric_points",
        },
        SignalKind::Logs => Names {
            unit: "{records}",
            sent: "otelcol_exporter_sent_log_records",
            failed: "otelcol_exporter_send_failed_log_records",
            enqueue_failed: "otelcol_exporter_enqueue_failed_log_records",
        },
        _ => Names {
            unit: "{spans}",
            sent: "otelcol_exporter_sent_spans",
            failed: "otelcol_exporter_send_failed_spans",
            enqueue_failed: "otelcol_exporter_enqueue_failed_spans",
        },
    }
}
