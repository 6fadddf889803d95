use otel_core::component::Host;
use otel_core::pdata::Signal;
use otel_core::telemetry::{Counter, Histogram, MetricsLevel, UpDown, bounds};

/// What the processor counts.
#[derive(Debug)]
pub(super) struct BatchMetrics {
    pub(super) by_size: Counter,
    pub(super) by_timeout: Counter,
    size: Histogram,
    bytes: Histogram,
    /// Combinations of metadata that have a batch of their own.
    pub(super) shards: UpDown,
}

impl BatchMetrics {
    pub(super) fn new(host: &Host) -> Self {
        let id = host.id().to_string();
        let attributes = [("processor", id.as_str())];
        let metrics = host.telemetry().metrics().at(MetricsLevel::Normal);
        let counter = |name, description| metrics.counter(name, description, "{time}", &attributes);
        Self {
            by_size: counter(
                "otelcol_processor_batch_batch_size_trigger_send",
                "Number of times the batch was sent due to a size trigger [Development]",
            ),
            by_timeout: counter(
                "otelcol_processor_batch_timeout_trigger_send",
                "Number of times the batch was sent due to a timeout trigger [Development]",
            ),
            size: metrics.histogram(
                "otelcol_processor_batch_batch_send_size",
                "Number of units in the batch [Development]",
                "{unit}",
                &bounds::ITEMS,
                &attributes,
            ),
            bytes: metrics.at(MetricsLevel::Detailed).histogram(
                "otelcol_processor_batch_batch_send_size_bytes",
                "Number of bytes in batch that was sent. Only available on detailed level. [Development]",
                "By",
                &bounds::BYTES,
                &attributes,
            ),
            shards: metrics.up_down(
                "otelcol_processor_batch_metadata_cardinality",
                "Number of distinct metadata value combinations being processed [Development]",
                "{combination}",
                &attributes,
            ),
        }
    }

    /// A batch was sent.
    pub(super) fn sent<S: Signal>(&self, batch: &S) {
        self.size.record(batch.items() as f64);
        if self.bytes.is_enabled() {
            self.bytes.record(batch.encoded_len() as f64);
        }
    }
}
