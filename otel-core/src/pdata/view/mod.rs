//! Reading telemetry: borrowing views over the wire bytes, down to every field of OTLP 1.10.
//!
//! A view is a slice of the bytes: making one, copying one and walking from one to the next allocates nothing,
//! and as the bytes were validated once, reading has no errors. Reading a field looks for it in its message, so
//! keep what you need more than once in a variable. A field that is absent reads as its protobuf default; one
//! whose absence means something reads as an `Option`.
//!
//! ```
//! # use otel_core::pdata::{Signal, Traces};
//! use otel_core::pdata::view::AnyValue;
//!
//! # fn main() -> Result<(), otel_core::pdata::InvalidData> {
//! // A request of one resource, one scope and one span, as an exporter sends it.
//! let request = b"\x0a\x3e\x0a\x18\x0a\x16\x0a\x0cservice.name\x12\x06\x0a\x04shop\
//!                 \x12\x22\x12\x20\x2a\x08checkout\x30\x02\x4a\x12\x0a\x0ahttp.route\x12\x04\x0a\x02/b";
//! let traces = Traces::from_bytes(request.as_slice().into())?;
//!
//! for resource_spans in traces.resource_spans() {
//!     let service = resource_spans.resource().attributes().get("service.name");
//!     assert_eq!(service, Some(AnyValue::Str("shop")));
//!     for scope_spans in resource_spans.scope_spans() {
//!         for span in scope_spans.spans() {
//!             let route = span.attributes().get("http.route").and_then(AnyValue::as_str);
//!             assert_eq!((span.name(), span.kind().to_string(), route), ("checkout", "Server".into(), Some("/b")));
//!             assert!(span.trace_id().is_empty());
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What works on any signal uses the generic layer, of which the methods above are aliases:
//!
//! ```
//! use otel_core::pdata::Signal;
//! use otel_core::pdata::view::{AnyValue, Item};
//!
//! /// Items of a service that carry an attribute.
//! fn with_attribute<S: Signal>(data: &S, service: &str, key: &str) -> usize {
//!     data.iter()
//!         .filter(|at| at.resource().attributes().get("service.name") == Some(AnyValue::Str(service)))
//!         .filter(|at| at.item().attributes().contains_key(key))
//!         .count()
//! }
//! ```

mod attributes;
mod common;
mod enums;
mod field;
mod ids;
mod log;
mod message;
mod metric;
mod named;
mod point;
mod trace;
mod tree;

pub use attributes::{AnyValue, Array, Attributes, KeyValue};
pub use common::{EntityRef, Resource, Scope};
pub use enums::{AggregationTemporality, SeverityNumber, SpanKind, StatusCode};
pub use field::{Repeated, Scalars};
pub use ids::{SpanId, TraceId};
pub use log::LogRecord;
pub use metric::{
    Buckets, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, MetricData, NumberDataPoint, NumberValue, Sum, Summary, SummaryDataPoint,
    ValueAtQuantile,
};
pub use named::{ResourceLogs, ResourceMetrics, ResourceSpans, ScopeLogs, ScopeMetrics, ScopeSpans};
pub use point::{DataPoint, Point};
pub use trace::{Event, Link, Span, Status};
pub use tree::{Item, ItemRef, Items, ResourceGroup, ResourceGroups, ScopeGroup};

pub(crate) use tree::FromWire;

#[cfg(test)]
mod tests;
