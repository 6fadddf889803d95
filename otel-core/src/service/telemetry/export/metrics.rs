use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, MetricData, ResourceMetrics, Sum,
};

use super::super::config::Resource;
use super::values::{nanos, start_group, with_value};
use crate::pdata::Metrics;
use crate::pdata::build::{
    ExponentialHistogramDataPointBuilder, HistogramDataPointBuilder, MetricBuilder, MetricsBuilder,
    ScopeGroupBuilder,
};
use crate::pdata::view::{AggregationTemporality, AnyValue, NumberValue};

/// Collected metrics as OTLP.
pub(in crate::service::telemetry) fn encode_metrics(
    collected: &ResourceMetrics,
    resource: &Resource,
) -> Metrics {
    let mut builder = MetricsBuilder::new();
    let mut group = start_group(&mut builder, resource);
    for scoped in collected.scope_metrics() {
        let mut scope = group.scope(|scope| {
            scope.name(scoped.scope().name());
        });
        for metric in scoped.metrics() {
            match metric.data() {
                AggregatedMetrics::F64(data) => encode(metric, data, &mut scope),
                AggregatedMetrics::U64(data) => encode(metric, data, &mut scope),
                AggregatedMetrics::I64(data) => encode(metric, data, &mut scope),
            }
        }
    }
    builder.finish()
}

type Scope<'s> = ScopeGroupBuilder<'s, Metrics>;

fn encode<T: Number>(metric: &Metric, data: &MetricData<T>, scope: &mut Scope<'_>) {
    let head = |message: &mut MetricBuilder<'_>| {
        message.name(metric.name()).description(metric.description()).unit(metric.unit());
    };
    match data {
        MetricData::Gauge(data) => gauge(data, scope, head),
        MetricData::Sum(data) => sum(data, scope, head),
        MetricData::Histogram(data) => histogram(data, scope, head),
        MetricData::ExponentialHistogram(data) => exponential_histogram(data, scope, head),
    }
}

fn gauge<T: Number>(data: &Gauge<T>, scope: &mut Scope<'_>, head: impl FnOnce(&mut MetricBuilder<'_>)) {
    let time = nanos(data.time());
    let mut points = scope.gauge(head);
    for point in data.data_points() {
        points.point(|message| {
            message.time_unix_nano(time).value(point.value().number());
            each(point.attributes(), |key, value| {
                message.attribute(key, value);
            });
        });
    }
}

fn sum<T: Number>(data: &Sum<T>, scope: &mut Scope<'_>, head: impl FnOnce(&mut MetricBuilder<'_>)) {
    let (start, time) = (nanos(data.start_time()), nanos(data.time()));
    let mut points = scope.sum(temporality(data.temporality()), data.is_monotonic(), head);
    for point in data.data_points() {
        points.point(|message| {
            message.start_time_unix_nano(start).time_unix_nano(time).value(point.value().number());
            each(point.attributes(), |key, value| {
                message.attribute(key, value);
            });
        });
    }
}

fn histogram<T: Number>(
    data: &Histogram<T>,
    scope: &mut Scope<'_>,
    head: impl FnOnce(&mut MetricBuilder<'_>),
) {
    let (start, time) = (nanos(data.start_time()), nanos(data.time()));
    let mut points = scope.histogram(temporality(data.temporality()), head);
    for point in data.data_points() {
        points.point(|message| {
            message.start_time_unix_nano(start).time_unix_nano(time);
            histogram_point(point, message);
        });
    }
}

fn histogram_point<T: Number>(point: &HistogramDataPoint<T>, message: &mut HistogramDataPointBuilder<'_>) {
    let counts: Vec<u64> = point.bucket_counts().collect();
    let bounds: Vec<f64> = point.bounds().collect();
    message.count(point.count()).sum(point.sum().float()).bucket_counts(&counts).explicit_bounds(&bounds);
    message.min(point.min().map(Number::float)).max(point.max().map(Number::float));
    each(point.attributes(), |key, value| {
        message.attribute(key, value);
    });
}

fn exponential_histogram<T: Number>(
    data: &ExponentialHistogram<T>,
    scope: &mut Scope<'_>,
    head: impl FnOnce(&mut MetricBuilder<'_>),
) {
    let (start, time) = (nanos(data.start_time()), nanos(data.time()));
    let mut points = scope.exponential_histogram(temporality(data.temporality()), head);
    for point in data.data_points() {
        points.point(|message| {
            message.start_time_unix_nano(start).time_unix_nano(time);
            exponential_point(point, message);
        });
    }
}

fn exponential_point<T: Number>(
    point: &ExponentialHistogramDataPoint<T>,
    message: &mut ExponentialHistogramDataPointBuilder<'_>,
) {
    let positive: Vec<u64> = point.positive_bucket().counts().collect();
    let negative: Vec<u64> = point.negative_bucket().counts().collect();
    message.count(point.count() as u64).sum(point.sum().float()).scale(point.scale().into());
    message.zero_count(point.zero_count()).zero_threshold(point.zero_threshold());
    message.positive(|buckets| {
        buckets.offset(point.positive_bucket().offset()).bucket_counts(&positive);
    });
    message.negative(|buckets| {
        buckets.offset(point.negative_bucket().offset()).bucket_counts(&negative);
    });
    message.min(point.min().map(Number::float)).max(point.max().map(Number::float));
    each(point.attributes(), |key, value| {
        message.attribute(key, value);
    });
}

fn each<'a>(attributes: impl Iterator<Item = &'a KeyValue>, mut take: impl FnMut(&str, AnyValue<'_>)) {
    for attribute in attributes {
        with_value(&attribute.value, |value| take(attribute.key.as_str(), value));
    }
}

fn temporality(temporality: opentelemetry_sdk::metrics::Temporality) -> AggregationTemporality {
    match temporality {
        opentelemetry_sdk::metrics::Temporality::Delta => AggregationTemporality::DELTA,
        _ => AggregationTemporality::CUMULATIVE,
    }
}

/// What instruments measure in.
trait Number: Copy {
    fn number(self) -> NumberValue;
    fn float(self) -> f64;
}

impl Number for f64 {
    fn number(self) -> NumberValue {
        NumberValue::Double(self)
    }

    fn float(self) -> f64 {
        self
    }
}

impl Number for i64 {
    fn number(self) -> NumberValue {
        NumberValue::Int(self)
    }

    fn float(self) -> f64 {
        self as f64
    }
}

impl Number for u64 {
    fn number(self) -> NumberValue {
        NumberValue::Int(i64::try_from(self).unwrap_or(i64::MAX))
    }

    fn float(self) -> f64 {
        self as f64
    }
}
