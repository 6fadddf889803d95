//! Writing requests: resource groups, scope groups, metrics.

use std::marker::PhantomData;

use super::items::{
    ExponentialHistogramDataPointBuilder, HistogramDataPointBuilder, LogRecordBuilder, MetricBuilder,
    NumberDataPointBuilder, ResourceBuilder, ScopeBuilder, SpanBuilder, SummaryDataPointBuilder,
};
use super::writer::{self, Writer};
use crate::pdata::layout::{RESOURCE, SCHEMA_URL, SCOPE};
use crate::pdata::payload::{Payload, Segment};
use crate::pdata::view::AggregationTemporality;
use crate::pdata::wire::{self, OpenField};
use crate::pdata::{Logs, Metrics, Signal, Traces};

/// Builds [`Traces`].
pub type TracesBuilder = Builder<Traces>;
/// Builds [`Metrics`].
pub type MetricsBuilder = Builder<Metrics>;
/// Builds [`Logs`].
pub type LogsBuilder = Builder<Logs>;

/// Writes telemetry of one signal straight to wire bytes.
///
/// # Guarantees
/// - What [`Builder::finish`] returns is valid, whatever was called in which order.
/// - A field that is set twice holds what was set last; one that is set to its zero is not written.
/// - A closure that panics leaves nothing of its item behind.
#[derive(Debug)]
pub struct Builder<S> {
    out: Vec<u8>,
    /// What is complete; behind it may stand what a closure that panicked left.
    complete: usize,
    /// The open resource group, and in it the open scope group, metric, data.
    open: Vec<OpenField>,
    /// For each depth the length of what was closed there last: the guess for what is opened next.
    guesses: [usize; DEPTHS],
    items: usize,
    /// How much to allocate when the next thing is written.
    capacity: usize,
    signal: PhantomData<fn() -> S>,
}

/// Resource group, scope group, metric, data.
const DEPTHS: usize = 4;

impl<S> Default for Builder<S> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<S> Builder<S> {
    /// A builder of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder with room for `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            out: Vec::new(),
            complete: 0,
            open: Vec::with_capacity(DEPTHS),
            guesses: [bytes; DEPTHS],
            items: 0,
            capacity: bytes,
            signal: PhantomData,
        }
    }

    /// Number of items that were written since the start, [`Builder::finish`] or [`Builder::clear`].
    pub fn items(&self) -> usize {
        self.items
    }

    /// About how many bytes were written since then.
    pub fn encoded_len(&self) -> usize {
        self.complete
    }

    /// Drops what was written and keeps the memory.
    pub fn clear(&mut self) {
        self.out.clear();
        self.open.clear();
        self.complete = 0;
        self.items = 0;
    }

    /// Starts the group of a resource; the one before ends.
    ///
    /// `write` writes the resource. What is returned takes the group's scopes.
    pub fn resource(&mut self, write: impl FnOnce(&mut ResourceBuilder<'_>)) -> ResourceGroupBuilder<'_, S> {
        self.close(0);
        if self.out.capacity() == 0 {
            self.out.reserve(self.capacity);
        }
        self.open(1);
        self.message(RESOURCE, |writer| write(&mut ResourceBuilder::new(writer)));
        ResourceGroupBuilder { builder: self, has_schema_url: false }
    }

    /// Opens the next depth, as a field of that number.
    fn open(&mut self, number: u32) {
        let guess = self.guesses[self.open.len()];
        self.open.push(OpenField::open(&mut self.out, number, guess));
        self.complete = self.out.len();
    }

    /// Closes what is open deeper than `depth`, without what a panic left behind.
    #[inline]
    fn close(&mut self, depth: usize) {
        self.out.truncate(self.complete);
        while self.open.len() > depth {
            if let Some(field) = self.open.pop() {
                self.guesses[self.open.len()] = field.len(&self.out);
                field.close(&mut self.out);
            }
        }
        self.complete = self.out.len();
    }

    /// Writes a message in what is open.
    #[inline]
    fn message(&mut self, number: u32, write: impl FnOnce(Writer<'_>)) {
        const GUESS: usize = 300;
        let field = OpenField::open(&mut self.out, number, GUESS);
        write(Writer::new(&mut self.out));
        field.close(&mut self.out);
        self.complete = self.out.len();
    }

    #[inline]
    fn item(&mut self, depth: usize, number: u32, write: impl FnOnce(Writer<'_>)) {
        self.close(depth);
        self.message(number, write);
        self.items += 1;
    }

    /// Writes the schema URL of the group whose content is open at `depth`.
    fn schema_url(&mut self, depth: usize, has_one: &mut bool, url: &str) {
        self.close(depth);
        if *has_one {
            let start = self.open.last().map_or(0, |group| self.out.len() - group.len(&self.out));
            writer::remove(&mut self.out, start, SCHEMA_URL);
        }
        if !url.is_empty() {
            wire::put_len_field(&mut self.out, SCHEMA_URL, url.as_bytes());
        }
        *has_one = !url.is_empty();
        self.complete = self.out.len();
    }
}

impl<S: Signal> Builder<S> {
    /// Takes what was written. The builder is empty afterwards and can be used again.
    pub fn finish(&mut self) -> S {
        self.close(0);
        let items = std::mem::take(&mut self.items);
        self.complete = 0;
        self.capacity = self.capacity.max(self.out.len());
        let segment = Segment::take(&mut self.out, items);
        S::from_payload(Payload::from_segments(vec![segment]))
    }
}

/// A resource group that takes scopes.
#[derive(Debug)]
pub struct ResourceGroupBuilder<'a, S> {
    builder: &'a mut Builder<S>,
    has_schema_url: bool,
}

impl<S> ResourceGroupBuilder<'_, S> {
    const DEPTH: usize = 1;

    /// The URL of the schema that the resource follows.
    pub fn schema_url(&mut self, url: &str) -> &mut Self {
        self.builder.schema_url(Self::DEPTH, &mut self.has_schema_url, url);
        self
    }

    /// Starts the group of a scope; the one before ends.
    ///
    /// `write` writes the scope. What is returned takes the group's items.
    pub fn scope(&mut self, write: impl FnOnce(&mut ScopeBuilder<'_>)) -> ScopeGroupBuilder<'_, S> {
        self.builder.close(Self::DEPTH);
        self.builder.open(2);
        self.builder.message(SCOPE, |writer| write(&mut ScopeBuilder::new(writer)));
        ScopeGroupBuilder { builder: self.builder, has_schema_url: false }
    }
}

/// A scope group that takes spans, log records or metrics.
#[derive(Debug)]
pub struct ScopeGroupBuilder<'a, S> {
    builder: &'a mut Builder<S>,
    has_schema_url: bool,
}

impl<S> ScopeGroupBuilder<'_, S> {
    const DEPTH: usize = 2;

    /// The URL of the schema that the items follow.
    pub fn schema_url(&mut self, url: &str) -> &mut Self {
        self.builder.schema_url(Self::DEPTH, &mut self.has_schema_url, url);
        self
    }
}

impl ScopeGroupBuilder<'_, Traces> {
    /// Appends a span.
    #[inline]
    pub fn span(&mut self, write: impl FnOnce(&mut SpanBuilder<'_>)) -> &mut Self {
        self.builder.item(Self::DEPTH, 2, |writer| write(&mut SpanBuilder::new(writer)));
        self
    }
}

impl ScopeGroupBuilder<'_, Logs> {
    /// Appends a log record.
    #[inline]
    pub fn log_record(&mut self, write: impl FnOnce(&mut LogRecordBuilder<'_>)) -> &mut Self {
        self.builder.item(Self::DEPTH, 2, |writer| write(&mut LogRecordBuilder::new(writer)));
        self
    }
}

impl ScopeGroupBuilder<'_, Metrics> {
    /// Starts a gauge; what is returned takes its data points.
    pub fn gauge(&mut self, write: impl FnOnce(&mut MetricBuilder<'_>)) -> NumberDataPoints<'_> {
        NumberDataPoints { builder: self.metric(5, write, |_| {}) }
    }

    /// Starts a sum; what is returned takes its data points.
    pub fn sum(
        &mut self,
        temporality: AggregationTemporality,
        is_monotonic: bool,
        write: impl FnOnce(&mut MetricBuilder<'_>),
    ) -> NumberDataPoints<'_> {
        NumberDataPoints {
            builder: self.metric(7, write, |mut sum| {
                sum.enumeration(2, temporality);
                sum.bool(3, is_monotonic);
            }),
        }
    }

    /// Starts a histogram; what is returned takes its data points.
    pub fn histogram(
        &mut self,
        temporality: AggregationTemporality,
        write: impl FnOnce(&mut MetricBuilder<'_>),
    ) -> HistogramDataPoints<'_> {
        HistogramDataPoints { builder: self.metric(9, write, |mut data| data.enumeration(2, temporality)) }
    }

    /// Starts an exponential histogram; what is returned takes its data points.
    pub fn exponential_histogram(
        &mut self,
        temporality: AggregationTemporality,
        write: impl FnOnce(&mut MetricBuilder<'_>),
    ) -> ExponentialHistogramDataPoints<'_> {
        ExponentialHistogramDataPoints {
            builder: self.metric(10, write, |mut data| data.enumeration(2, temporality)),
        }
    }

    /// Starts a summary; what is returned takes its data points.
    pub fn summary(&mut self, write: impl FnOnce(&mut MetricBuilder<'_>)) -> SummaryDataPoints<'_> {
        SummaryDataPoints { builder: self.metric(11, write, |_| {}) }
    }

    /// Opens a metric and in it its data, of that field number.
    fn metric(
        &mut self,
        data: u32,
        write: impl FnOnce(&mut MetricBuilder<'_>),
        write_data: impl FnOnce(Writer<'_>),
    ) -> &mut Builder<Metrics> {
        let builder = &mut *self.builder;
        builder.close(Self::DEPTH);
        builder.open(2);
        write(&mut MetricBuilder::new(Writer::new(&mut builder.out)));
        builder.open(data);
        write_data(Writer::new(&mut builder.out));
        builder.complete = builder.out.len();
        builder
    }
}

/// `points!(Name Builder "doc")` becomes the struct that takes the data points of a metric.
macro_rules! points {
    ($($name:ident $point:ident $(#[$doc:meta])*;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<'a> {
            builder: &'a mut Builder<Metrics>,
        }

        impl $name<'_> {
            /// Appends a data point.
            #[inline]
            pub fn point(&mut self, write: impl FnOnce(&mut $point<'_>)) -> &mut Self {
                self.builder.item(DEPTHS, 1, |writer| write(&mut $point::new(writer)));
                self
            }
        }
    )*};
}

points! {
    NumberDataPoints NumberDataPointBuilder
        /// A gauge or a sum that takes data points.
    ;
    HistogramDataPoints HistogramDataPointBuilder
        /// A histogram that takes data points.
    ;
    ExponentialHistogramDataPoints ExponentialHistogramDataPointBuilder
        /// An exponential histogram that takes data points.
    ;
    SummaryDataPoints SummaryDataPointBuilder
        /// A summary that takes data points.
    ;
}
