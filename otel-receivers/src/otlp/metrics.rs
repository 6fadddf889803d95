use otel_core::component::{Host, ReceiverReport};
use otel_core::telemetry::Counter;

/// What is counted of one protocol.
#[derive(Debug, Clone)]
pub(super) struct TransportMetrics {
    pub(super) report: ReceiverReport,
    pub(super) repaired: Counter,
}

impl TransportMetrics {
    pub(super) fn new(host: &Host, transport: &'static str) -> Self {
        let id = host.id().to_string();
        Self {
            report: ReceiverReport::new(host, transport, "protobuf"),
            repaired: host.telemetry().metrics().counter(
                "otelcol_receiver_repaired_strings",
                "Strings that were not UTF-8 and were mended.",
                "{string}",
                &[("receiver", id.as_str()), ("transport", transport)],
            ),
        }
    }
}
