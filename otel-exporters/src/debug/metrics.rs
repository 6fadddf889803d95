//! Metrics, in a line for each data point or with every field.

use otel_core::pdata::Metrics;
use otel_core::pdata::view::{
    AggregationTemporality, Attributes, Buckets, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint,
    Metric, MetricData, NumberDataPoint, NumberValue, Repeated, SummaryDataPoint,
};

use super::detailed::{attributes, named, resource, scope_head};
use super::normal::{resource_line, scope_line};
use super::text::{fixed, number, plain, put, shortest, time};

pub(super) fn normal(data: &Metrics) -> String {
    let mut out = String::new();
    for (at, group) in data.resource_metrics().enumerate() {
        resource_line(&mut out, "ResourceMetrics", at, group.schema_url(), group.resource().attributes());
        for (at, scope) in group.scope_metrics().enumerate() {
            scope_line(&mut out, "ScopeMetrics", at, scope.schema_url(), scope.scope());
            for metric in scope.metrics() {
                metric_lines(&mut out, metric);
            }
        }
    }
    out
}

fn metric_lines(out: &mut String, metric: Metric<'_>) {
    let mut line = |attributes: Attributes<'_>, values: String| {
        let labels: Vec<_> =
            attributes.iter().map(|pair| format!("{}={}", pair.key(), plain(pair.value()))).collect();
        put!(out, "{}{{{}}} {values}\n", metric.name(), labels.join(","));
    };
    match metric.data() {
        MetricData::Gauge(gauge) => {
            gauge.data_points().for_each(|point| line(point.attributes(), number_value(point)));
        }
        MetricData::Sum(sum) => {
            sum.data_points().for_each(|point| line(point.attributes(), number_value(point)));
        }
        MetricData::Histogram(histogram) => {
            histogram.data_points().for_each(|point| line(point.attributes(), histogram_values(point)));
        }
        MetricData::ExponentialHistogram(histogram) => {
            histogram.data_points().for_each(|point| line(point.attributes(), exponential_values(point)));
        }
        MetricData::Summary(summary) => {
            summary.data_points().for_each(|point| line(point.attributes(), summary_values(point)));
        }
        _ => {}
    }
}

fn number_value(point: NumberDataPoint<'_>) -> String {
    point.value().map(number).unwrap_or_default()
}

fn statistics(count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> Vec<String> {
    let mut values = vec![format!("count={count}")];
    for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
        values.extend(value.map(|value| format!("{name}={}", shortest(value))));
    }
    values
}

fn histogram_values(point: HistogramDataPoint<'_>) -> String {
    let mut values = statistics(point.count(), point.sum(), point.min(), point.max());
    let mut bounds = point.explicit_bounds();
    for count in point.bucket_counts() {
        values.push(match bounds.next() {
            Some(bound) => format!("le{}={count}", shortest(bound)),
            None => count.to_string(),
        });
    }
    values.join(" ")
}

fn exponential_values(point: ExponentialHistogramDataPoint<'_>) -> String {
    let mut values = statistics(point.count(), point.sum(), point.min(), point.max());
    let factor = factor(point.scale());
    for (index, count) in indexed(point.negative()).into_iter().rev() {
        values.push(format!("le{}={count}", shortest(-(index * factor).exp())));
    }
    if point.zero_count() != 0 {
        values.push(format!("zero={}", point.zero_count()));
    }
    for (index, count) in indexed(point.positive()) {
        values.push(format!("le{}={count}", shortest(((index + 1.0) * factor).exp())));
    }
    values.join(" ")
}

fn summary_values(point: SummaryDataPoint<'_>) -> String {
    let mut values = vec![format!("count={}", point.count()), format!("sum={}", fixed(point.sum()))];
    for at in point.quantile_values() {
        values.push(format!("q{}={}", shortest(at.quantile()), shortest(at.value())));
    }
    values.join(" ")
}

/// The natural logarithm of the base of an exponential histogram's buckets.
fn factor(scale: i32) -> f64 {
    std::f64::consts::LN_2 * f64::from(-scale).exp2()
}

/// Bucket counts with their indexes.
fn indexed(buckets: Buckets<'_>) -> Vec<(f64, u64)> {
    let offset = f64::from(buckets.offset());
    buckets.bucket_counts().enumerate().map(|(at, count)| (offset + at as f64, count)).collect()
}

pub(super) fn detailed(data: &Metrics) -> String {
    let mut out = String::new();
    for (at, group) in data.resource_metrics().enumerate() {
        resource(&mut out, "ResourceMetrics", at, group.schema_url(), group.resource());
        for (at, scope) in group.scope_metrics().enumerate() {
            scope_head(&mut out, "ScopeMetrics", at, scope.schema_url(), scope.scope());
            for (at, metric) in scope.metrics().enumerate() {
                put!(out, "Metric #{at}\n");
                describe(&mut out, metric);
                points(&mut out, metric);
            }
        }
    }
    out
}

fn describe(out: &mut String, metric: Metric<'_>) {
    let data = metric.data();
    let kind = match data {
        MetricData::Gauge(_) => "Gauge",
        MetricData::Sum(_) => "Sum",
        MetricData::Histogram(_) => "Histogram",
        MetricData::ExponentialHistogram(_) => "ExponentialHistogram",
        MetricData::Summary(_) => "Summary",
        _ => "Empty",
    };
    put!(out, "Descriptor:\n     -> Name: {}\n", metric.name());
    put!(out, "     -> Description: {}\n     -> Unit: {}\n", metric.description(), metric.unit());
    put!(out, "     -> DataType: {kind}\n");
    attributes(out, "     -> Metadata:", "          ", metric.metadata());
    if let MetricData::Sum(sum) = data {
        put!(out, "     -> IsMonotonic: {}\n", sum.is_monotonic());
    }
    if matches!(data, MetricData::Sum(_) | MetricData::Histogram(_) | MetricData::ExponentialHistogram(_)) {
        let temporality = metric.aggregation_temporality();
        let text = named(temporality, AggregationTemporality::name(temporality).is_some());
        put!(out, "     -> AggregationTemporality: {text}\n");
    }
}

fn points(out: &mut String, metric: Metric<'_>) {
    match metric.data() {
        MetricData::Gauge(gauge) => number_points(out, gauge.data_points()),
        MetricData::Sum(sum) => number_points(out, sum.data_points()),
        MetricData::Histogram(histogram) => {
            for (at, point) in histogram.data_points().enumerate() {
                put!(out, "HistogramDataPoints #{at}\n");
                head(out, point.attributes(), point.start_time_unix_nano(), point.time_unix_nano());
                counts(out, point.count(), point.sum(), point.min(), point.max());
                for (at, bound) in point.explicit_bounds().enumerate() {
                    put!(out, "ExplicitBounds #{at}: {}\n", fixed(bound));
                }
                for (at, count) in point.bucket_counts().enumerate() {
                    put!(out, "Buckets #{at}, Count: {count}\n");
                }
                exemplars(out, point.exemplars());
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for (at, point) in histogram.data_points().enumerate() {
                put!(out, "ExponentialHistogramDataPoints #{at}\n");
                exponential_point(out, point);
            }
        }
        MetricData::Summary(summary) => {
            for (at, point) in summary.data_points().enumerate() {
                put!(out, "SummaryDataPoints #{at}\n");
                head(out, point.attributes(), point.start_time_unix_nano(), point.time_unix_nano());
                put!(out, "Count: {}\nSum: {}\n", point.count(), fixed(point.sum()));
                for (at, value) in point.quantile_values().enumerate() {
                    let (quantile, value) = (fixed(value.quantile()), fixed(value.value()));
                    put!(out, "QuantileValue #{at}: Quantile {quantile}, Value {value}\n");
                }
            }
        }
        _ => {}
    }
}

fn number_points<'a>(out: &mut String, points: impl Iterator<Item = NumberDataPoint<'a>>) {
    for (at, point) in points.enumerate() {
        put!(out, "NumberDataPoints #{at}\n");
        head(out, point.attributes(), point.start_time_unix_nano(), point.time_unix_nano());
        match point.value() {
            Some(NumberValue::Int(value)) => put!(out, "Value: {value}\n"),
            Some(NumberValue::Double(value)) => put!(out, "Value: {}\n", fixed(value)),
            None => {}
        }
        exemplars(out, point.exemplars());
    }
}

fn exponential_point(out: &mut String, point: ExponentialHistogramDataPoint<'_>) {
    head(out, point.attributes(), point.start_time_unix_nano(), point.time_unix_nano());
    counts(out, point.count(), point.sum(), point.min(), point.max());
    let factor = factor(point.scale());
    let bound = |index: f64| (index * factor).exp();
    for (index, count) in indexed(point.negative()).into_iter().rev() {
        let (from, to) = (fixed(-bound(index + 1.0)), fixed(-bound(index)));
        put!(out, "Bucket [{from}, {to}), Count: {count}\n");
    }
    if point.zero_count() != 0 {
        put!(out, "Bucket [0, 0], Count: {}\n", point.zero_count());
    }
    for (index, count) in indexed(point.positive()) {
        let (from, to) = (fixed(bound(index)), fixed(bound(index + 1.0)));
        put!(out, "Bucket ({from}, {to}], Count: {count}\n");
    }
    exemplars(out, point.exemplars());
}

fn head(out: &mut String, labels: Attributes<'_>, start: u64, at: u64) {
    attributes(out, "Data point attributes:", "     ", labels);
    put!(out, "StartTimestamp: {}\nTimestamp: {}\n", time(start), time(at));
}

fn counts(out: &mut String, count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) {
    put!(out, "Count: {count}\n");
    for (name, value) in [("Sum", sum), ("Min", min), ("Max", max)] {
        if let Some(value) = value {
            put!(out, "{name}: {}\n", fixed(value));
        }
    }
}

fn exemplars<'a>(out: &mut String, exemplars: Repeated<'a, Exemplar<'a>>) {
    if !exemplars.is_empty() {
        out.push_str("Exemplars:\n");
    }
    for (at, exemplar) in exemplars.enumerate() {
        put!(out, "Exemplar #{at}\n     -> Trace ID: {}\n", exemplar.trace_id());
        put!(out, "     -> Span ID: {}\n", exemplar.span_id());
        put!(out, "     -> Timestamp: {}\n", time(exemplar.time_unix_nano()));
        match exemplar.value() {
            Some(NumberValue::Int(value)) => put!(out, "     -> Value: {value}\n"),
            Some(NumberValue::Double(value)) => put!(out, "     -> Value: {}\n", fixed(value)),
            None => {}
        }
        attributes(out, "     -> FilteredAttributes:", "          ", exemplar.filtered_attributes());
    }
}
