use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use otel_core::component::Host;
use otel_core::pdata::{Signal, SignalKind};
use otel_core::telemetry::{Histogram, MetricsLevel, Observation, bounds};

/// What is measured of a queue.
#[derive(Debug)]
pub(super) struct QueueMetrics {
    put: Sizes,
    taken: Sizes,
    _size: Observation,
    _capacity: Observation,
}

/// The distribution of request sizes.
#[derive(Debug)]
struct Sizes {
    items: Histogram,
    bytes: Histogram,
}

impl QueueMetrics {
    pub(super) fn new(host: &Host, signal: SignalKind, capacity: usize, size: &Arc<AtomicUsize>) -> Self {
        let id = host.id().to_string();
        let attributes = [("exporter", id.as_str()), ("data_type", signal.as_str())];
        let metrics = host.telemetry().metrics();
        let size = Arc::clone(size);
        Self {
            put: Sizes::new(host, "otelcol_exporter_enqueue_size", "otelcol_exporter_enqueue_size_bytes"),
            taken: Sizes::new(
                host,
                "otelcol_exporter_queue_batch_send_size",
                "otelcol_exporter_queue_batch_send_size_bytes",
            ),
            _size: metrics.gauge(
                "otelcol_exporter_queue_size",
                "Current size of the retry queue (in batches). [Alpha]",
                "{batch}",
                &attributes,
                move || size.load(Ordering::Relaxed) as i64,
            ),
            _capacity: metrics.gauge(
                "otelcol_exporter_queue_capacity",
                "Fixed capacity of the retry queue (in batches). [Alpha]",
                "{batch}",
                &attributes,
                move || capacity as i64,
            ),
        }
    }

    /// A request goes into the queue.
    pub(super) fn put<S: Signal>(&self, request: &S) {
        self.put.record(request);
    }

    /// A request leaves the queue to be sent.
    pub(super) fn taken<S: Signal>(&self, request: &S) {
        self.taken.record(request);
    }
}

impl Sizes {
    fn new(host: &Host, items: &'static str, bytes: &'static str) -> Self {
        let id = host.id().to_string();
        let attributes = [("exporter", id.as_str())];
        let metrics = host.telemetry().metrics().at(MetricsLevel::Detailed);
        let description = "Number of units in the batch [Development]";
        let description_of_bytes =
            "Number of bytes in batch that was sent. Only available on detailed level. [Development]";
        Self {
            items: metrics.histogram(items, description, "{unit}", &bounds::ITEMS, &attributes),
            bytes: metrics.histogram(bytes, description_of_bytes, "By", &bounds::BYTES, &attributes),
        }
    }

    fn record<S: Signal>(&self, request: &S) {
        if self.items.is_enabled() {
            self.items.record(request.items() as f64);
            self.bytes.record(request.encoded_len() as f64);
        }
    }
}
