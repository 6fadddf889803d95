use opentelemetry::KeyValue;
use opentelemetry::metrics::{Gauge, Histogram};
use otel_core::component::Host;
use otel_core::telemetry::Counter;

/// Upper bounds of the batch sizes that the histogram tells apart.
const SIZES: [f64; 23] = [
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0,
    7000.0, 8000.0, 9000.0, 10_000.0, 20_000.0, 30_000.0, 50_000.0, 75_000.0, 100_000.0,
];

/// What the processor counts.
#[derive(Debug)]
pub(super) struct BatchMetrics {
    pub(super) by_size: Counter,
    pub(super) by_timeout: Counter,
    size: Histogram<u64>,
    cardinality: Gauge<u64>,
    attributes: [KeyValue; 1],
}

impl BatchMetrics {
    pub(super) fn new(host: &Host) -> Self {
        let id = host.id().to_string();
        let metrics = host.telemetry().metrics();
        let meter = metrics.meter();
        let counter =
            |name, description| metrics.counter(name, description, "{times}", &[("processor", &id)]);
        Self {
            by_size: counter(
                "otelcol_processor_batch_batch_size_trigger_send",
                "Number of times the batch was sent due to a size trigger",
            ),
            by_timeout: counter(
                "otelcol_processor_batch_timeout_trigger_send",
                "Number of times the batch was sent due to a timeout trigger",
            ),
            size: meter
                .u64_histogram("otelcol_processor_batch_batch_send_size")
                .with_description("Number of units in the batch")
                .with_unit("{units}")
                .with_boundaries(SIZES.to_vec())
                .build(),
            cardinality: meter
                .u64_gauge("otelcol_processor_batch_metadata_cardinality")
                .with_description("Number of distinct metadata value combinations being processed")
                .with_unit("{combinations}")
                .build(),
            attributes: [KeyValue::new("processor", id)],
        }
    }

    pub(super) fn sent(&self, items: usize) {
        self.size.record(items as u64, &self.attributes);
    }

    pub(super) fn shards(&self, count: usize) {
        self.cardinality.record(count as u64, &self.attributes);
    }
}
