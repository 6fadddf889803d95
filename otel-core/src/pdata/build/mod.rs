//! Building telemetry: encoders that write straight to wire bytes.
//!
//! Whatever takes a value takes `impl Into<AnyValue<'_>>`: texts, numbers, booleans, bytes, nested values from a
//! [`ValueBuf`], and values that were read from other telemetry.
//!
//! A builder goes down the tree: a resource group, in it scope groups, in them items. Groups are handles that
//! take what comes next; a message is written by a closure, so that none can be left open. Nothing is kept but
//! the bytes, and the number of items, so [`Builder::finish`] has nothing to validate. Values nest at most 92 messages
//! deep, an array counted as two and a map as three: one for which there is no room becomes an empty value, so that
//! every reader accepts what is built.
//!
//! ```
//! use otel_core::pdata::Signal;
//! use otel_core::pdata::build::TracesBuilder;
//! use otel_core::pdata::view::{SpanKind, StatusCode};
//!
//! let mut traces = TracesBuilder::with_capacity(4096);
//! let mut resource = traces.resource(|resource| {
//!     resource.attribute("service.name", "checkout").attribute("process.pid", 4711);
//! });
//! let mut scope = resource.scope(|scope| {
//!     scope.name("com.shop.checkout").version("2.1");
//! });
//! for order in 0..3 {
//!     scope.span(|span| {
//!         span.trace_id([1; 16]).span_id([order + 1; 8]).name("POST /orders").kind(SpanKind::SERVER);
//!         span.start_time_unix_nano(1_790_000_000_000_000_000).end_time_unix_nano(1_790_000_000_250_000_000);
//!         span.attribute("http.route", "/orders").attribute("http.response.status_code", 500);
//!         span.attribute_array("order.items", |items| {
//!             items.push("socks").push("hat");
//!         });
//!         span.event(|event| {
//!             event.name("exception").attribute("exception.type", "OutOfStock");
//!         });
//!         span.status(StatusCode::ERROR, "out of stock");
//!     });
//! }
//! let traces = traces.finish();
//! assert_eq!(traces.items(), 3);
//! ```
//!
//! Metrics have one more handle, which takes the data points of its kind:
//!
//! ```
//! use otel_core::pdata::Signal;
//! use otel_core::pdata::build::MetricsBuilder;
//! use otel_core::pdata::view::AggregationTemporality;
//!
//! let mut metrics = MetricsBuilder::new();
//! let mut resource = metrics.resource(|resource| {
//!     resource.attribute("host.name", "web-1");
//! });
//! let mut scope = resource.scope(|_| {});
//! let mut requests = scope.sum(AggregationTemporality::CUMULATIVE, true, |metric| {
//!     metric.name("http.server.requests").unit("{request}");
//! });
//! for (route, count) in [("/cart", 17), ("/orders", 4)] {
//!     requests.point(|point| {
//!         point.value(count).time_unix_nano(1_790_000_000_000_000_000).attribute("http.route", route);
//!     });
//! }
//! scope
//!     .gauge(|metric| {
//!         metric.name("system.cpu.load_average.1m");
//!     })
//!     .point(|point| {
//!         point.value(0.42).time_unix_nano(1_790_000_000_000_000_000);
//!     });
//! assert_eq!(metrics.finish().items(), 3);
//! ```

mod groups;
mod items;
mod nesting;
mod value;
mod writer;

pub use groups::{
    Builder, ExponentialHistogramDataPoints, HistogramDataPoints, LogsBuilder, MetricsBuilder,
    NumberDataPoints, ResourceGroupBuilder, ScopeGroupBuilder, SummaryDataPoints, TracesBuilder,
};
pub use items::{
    BucketsBuilder, EntityRefBuilder, EventBuilder, ExemplarBuilder, ExponentialHistogramDataPointBuilder,
    HistogramDataPointBuilder, LinkBuilder, LogRecordBuilder, MetricBuilder, NumberDataPointBuilder,
    ResourceBuilder, ScopeBuilder, SpanBuilder, SummaryDataPointBuilder,
};
pub use value::{ArrayBuilder, MapBuilder, ValueBuf};

pub(crate) use items::put_quantile;
pub(crate) use nesting::fitting;
pub(crate) use value::{ELEMENTS, KEY, VALUE, number, put_any_value, put_key_value, put_value, value_len};
pub(crate) use writer::{
    AS_INT, Enumeration, Writer, number_field, put_fixed64, put_packed_fixed64, put_packed_varint, zigzag,
};

#[cfg(test)]
mod tests;
