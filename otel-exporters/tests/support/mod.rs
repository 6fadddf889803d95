//! A host and what is seen of it, and requests to send.

use bytes::Bytes;
use otel_core::component::{ComponentKind, Host};
use otel_core::pdata::{Signal as _, Traces};
use otel_core::telemetry::Metrics;
use otel_core::testing::TestHost;

/// A host and what is seen of it.
pub(crate) struct Seen {
    pub(crate) host: Host,
    pub(crate) metrics: Metrics,
    pub(crate) test: TestHost,
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self::of(TestHost::new(ComponentKind::Exporter, "otlp_grpc"))
    }

    pub(crate) fn of(test: TestHost) -> Self {
        Self { host: test.host(), metrics: test.metrics().clone(), test }
    }

    pub(crate) fn counted(&self, name: &str) -> u64 {
        self.metrics.counted(name, &[])
    }

    /// Whether some line `level message key=value …` has the text.
    pub(crate) fn logged(&self, text: &str) -> bool {
        self.test.logs().into_iter().any(|record| {
            let mut line = format!("{} {}", record.level.as_str(), record.message);
            for (key, value) in record.fields {
                line = format!("{line} {key}={value}");
            }
            line.contains(text)
        })
    }
}

/// A request of that many spans without any fields.
pub(crate) fn spans(count: u8) -> Traces {
    assert!(count < 60);
    let spans = [0x12, 0].repeat(usize::from(count));
    let mut bytes = vec![0x0a, count * 2 + 2, 0x12, count * 2];
    bytes.extend(spans);
    Traces::from_bytes(Bytes::from(bytes)).unwrap()
}
