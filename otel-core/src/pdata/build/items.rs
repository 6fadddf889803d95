//! Writing items and what stands in them.

use super::nesting::{ROOM, fitting};
use super::value::{self, ArrayBuilder, MapBuilder, ValueBuf};
use super::writer::Writer;
use crate::pdata::fields::fields;
use crate::pdata::view::{AnyValue, NumberValue, SeverityNumber, SpanId, SpanKind, StatusCode, TraceId};

/// Guesses of lengths, so that a length prefix rarely has to be moved: see `OpenField`.
mod guess {
    pub(super) const SMALL: usize = 100;
    pub(super) const BUCKETS: usize = 200;
}

/// `builder!(Name message "doc")` becomes a struct around a [`Writer`] with a method for every field that
/// [`fields!`] lists for the message.
macro_rules! builder {
    ($name:ident $message:ident $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<'a> {
            writer: Writer<'a>,
        }

        impl<'a> $name<'a> {
            #[inline]
            pub(crate) fn new(writer: Writer<'a>) -> Self {
                Self { writer }
            }
        }

        fields!($message, builder_methods { $name });
    };
}

/// Writes the methods of [`builder!`]: `pub fn name(&mut self, name: Type) -> &mut Self`.
macro_rules! builder_methods {
    ({ $builder:ident } $($number:literal $name:ident $set:ident $kind:ident($ty:ty) $doc:literal;)*) => {
        impl $builder<'_> {
            $(
                #[doc = $doc]
                #[inline]
                pub fn $name(&mut self, $name: $ty) -> &mut Self {
                    self.writer.$kind($number, $name);
                    self
                }
            )*
        }
    };
}

/// `attributes!(Name number)` becomes the methods that append attributes as that field.
macro_rules! attributes {
    ($($builder:ident $number:literal)*) => {$(
        impl $builder<'_> {
            /// Appends an attribute. Keys are not looked up: it is for the caller to give each once.
            #[inline]
            pub fn attribute<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) -> &mut Self {
                value::put_fitting_key_value(self.writer.out(), $number, key, value.into(), ROOM);
                self
            }

            /// Appends an attribute that holds an array.
            pub fn attribute_array(
                &mut self,
                key: &str,
                write: impl FnOnce(&mut ArrayBuilder<'_>),
            ) -> &mut Self {
                value::put_nested_entry(self.writer.out(), $number, key, |out| {
                    value::put_array(out, ROOM, write);
                });
                self
            }

            /// Appends an attribute that holds a map.
            pub fn attribute_map(&mut self, key: &str, write: impl FnOnce(&mut MapBuilder<'_>)) -> &mut Self {
                value::put_nested_entry(self.writer.out(), $number, key, |out| {
                    value::put_map(out, ROOM, write);
                });
                self
            }
        }
    )*};
}

builder! { ResourceBuilder resource
    /// The resource of a group: what the telemetry is about.
}
builder! { EntityRefBuilder entity_ref
    /// A reference to an entity that some attributes of a resource describe.
}
builder! { ScopeBuilder scope
    /// The instrumentation scope of a group.
}
builder! { SpanBuilder span
    /// A span.
}
builder! { EventBuilder event
    /// An event of a span.
}
builder! { LinkBuilder link
    /// A link from a span to another.
}
builder! { LogRecordBuilder log_record
    /// A log record.
}
builder! { MetricBuilder metric
    /// A metric, apart from its data points.
}
builder! { NumberDataPointBuilder number_data_point
    /// A data point of a gauge or a sum.
}
builder! { HistogramDataPointBuilder histogram_data_point
    /// A data point of a histogram.
}
builder! { ExponentialHistogramDataPointBuilder exponential_histogram_data_point
    /// A data point of an exponential histogram.
}
builder! { BucketsBuilder buckets
    /// The buckets on one side of zero of an exponential histogram.
}
builder! { SummaryDataPointBuilder summary_data_point
    /// A data point of a summary.
}
builder! { ExemplarBuilder exemplar
    /// A measurement that a data point shows as an example.
}

attributes! {
    ResourceBuilder 1
    ScopeBuilder 3
    SpanBuilder 9
    EventBuilder 3
    LinkBuilder 4
    LogRecordBuilder 6
    NumberDataPointBuilder 7
    HistogramDataPointBuilder 9
    ExponentialHistogramDataPointBuilder 1
    SummaryDataPointBuilder 7
    ExemplarBuilder 7
}

impl ResourceBuilder<'_> {
    /// Appends a reference to an entity.
    pub fn entity_ref(&mut self, write: impl FnOnce(&mut EntityRefBuilder<'_>)) -> &mut Self {
        self.writer.push_message(3, guess::SMALL, |writer| write(&mut EntityRefBuilder::new(writer)));
        self
    }
}

impl EntityRefBuilder<'_> {
    /// Appends the key of an attribute that identifies the entity.
    pub fn id_key(&mut self, key: &str) -> &mut Self {
        self.writer.push_str(3, key);
        self
    }

    /// Appends the key of an attribute that describes the entity.
    pub fn description_key(&mut self, key: &str) -> &mut Self {
        self.writer.push_str(4, key);
        self
    }
}

impl SpanBuilder<'_> {
    /// Appends an event.
    #[inline]
    pub fn event(&mut self, write: impl FnOnce(&mut EventBuilder<'_>)) -> &mut Self {
        self.writer.push_message(11, guess::SMALL, |writer| write(&mut EventBuilder::new(writer)));
        self
    }

    /// Appends a link.
    #[inline]
    pub fn link(&mut self, write: impl FnOnce(&mut LinkBuilder<'_>)) -> &mut Self {
        self.writer.push_message(13, guess::SMALL, |writer| write(&mut LinkBuilder::new(writer)));
        self
    }

    /// How the operation ended, with a message that is empty unless it failed.
    #[inline]
    pub fn status(&mut self, code: StatusCode, message: &str) -> &mut Self {
        self.writer.message(15, message.len(), |mut status| {
            status.str(2, message);
            status.enumeration(3, code);
        });
        self
    }
}

impl LogRecordBuilder<'_> {
    /// What was logged.
    #[inline]
    pub fn body<'v>(&mut self, body: impl Into<AnyValue<'v>>) -> &mut Self {
        let mut cut = ValueBuf::default();
        let body = fitting(body.into(), ROOM, &mut cut);
        self.writer.message(5, value::value_len(body), |mut writer| {
            value::put_any_value(writer.out(), body);
        });
        self
    }

    /// What was logged, as an array.
    pub fn body_array(&mut self, write: impl FnOnce(&mut ArrayBuilder<'_>)) -> &mut Self {
        self.writer.message(5, guess::SMALL, |mut writer| value::put_array(writer.out(), ROOM, write));
        self
    }

    /// What was logged, as a map.
    pub fn body_map(&mut self, write: impl FnOnce(&mut MapBuilder<'_>)) -> &mut Self {
        self.writer.message(5, guess::SMALL, |mut writer| value::put_map(writer.out(), ROOM, write));
        self
    }
}

impl MetricBuilder<'_> {
    /// Appends an entry to the metadata. Keys are not looked up: it is for the caller to give each once.
    pub fn metadata<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) -> &mut Self {
        value::put_fitting_key_value(self.writer.out(), 12, key, value.into(), ROOM);
        self
    }
}

/// `exemplars!(Name number)` becomes the method that appends exemplars as that field.
macro_rules! exemplars {
    ($($builder:ident $number:literal)*) => {$(
        impl $builder<'_> {
            /// Appends an exemplar.
            pub fn exemplar(&mut self, write: impl FnOnce(&mut ExemplarBuilder<'_>)) -> &mut Self {
                self.writer.push_message($number, guess::SMALL, |writer| write(&mut ExemplarBuilder::new(writer)));
                self
            }
        }
    )*};
}

exemplars! {
    NumberDataPointBuilder 5
    HistogramDataPointBuilder 8
    ExponentialHistogramDataPointBuilder 11
}

impl ExponentialHistogramDataPointBuilder<'_> {
    /// The buckets of the positive values.
    pub fn positive(&mut self, write: impl FnOnce(&mut BucketsBuilder<'_>)) -> &mut Self {
        self.writer.message(8, guess::BUCKETS, |writer| write(&mut BucketsBuilder::new(writer)));
        self
    }

    /// The buckets of the negative values.
    pub fn negative(&mut self, write: impl FnOnce(&mut BucketsBuilder<'_>)) -> &mut Self {
        self.writer.message(9, guess::BUCKETS, |writer| write(&mut BucketsBuilder::new(writer)));
        self
    }
}

impl SummaryDataPointBuilder<'_> {
    /// Appends the value at a quantile from 0 to 1.
    pub fn quantile(&mut self, quantile: f64, value: f64) -> &mut Self {
        put_quantile(self.writer.out(), quantile, value);
        self
    }
}

/// Writes the value at a quantile as the field of a summary's point.
pub(crate) fn put_quantile(out: &mut Vec<u8>, quantile: f64, value: f64) {
    Writer::new(out).push_message(6, 18, |mut writer| {
        writer.double(1, quantile);
        writer.double(2, value);
    });
}
