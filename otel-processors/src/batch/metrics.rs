use otel_core::component::Host;
use otel_core::pdata::Signal;
use otel_core::telemetry::{Counter, Histogram, MetricsLevel, UpDown};

/// Upper bounds of the batch sizes that the histogram tells apart.
const SIZES: [f64; 22] = [
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0,
    7000.0, 8000.0, 9000.0, 10_000.0, 20_000.0, 30_000.0, 50_000.0, 100_000.0,
];

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
        // From 128 bytes to 16 MiB.
        let powers: Vec<f64> = (7..=24).map(|power| f64::from(1 << power)).collect();
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
                &SIZES,
                &attributes,
            ),
            bytes: metrics.at(MetricsLevel::Detailed).histogram(
                "otelcol_processor_batch_batch_send_size_bytes",
                "Number of bytes in batch that was sent. Only available on detailed level. [Development]",
                "By",
                &powers,
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
