//! Building requests against prost: its structs and their encoding.
//!
//! Both get the telemetry as borrowed structs. For prost a clone stands for the making of its structs, which is
//! the cheapest way to make them.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint, exemplar,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use otel_benches::inputs::{self, ITEMS};
use otel_core::pdata::build::{
    Builder, ExponentialHistogramDataPointBuilder, HistogramDataPointBuilder, LogRecordBuilder,
    MetricBuilder, NumberDataPointBuilder, ResourceBuilder, ScopeBuilder, ScopeGroupBuilder, SpanBuilder,
    SummaryDataPointBuilder,
};
use otel_core::pdata::view::{
    AggregationTemporality, AnyValue, NumberValue, SeverityNumber, SpanKind, StatusCode,
};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use prost::Message;

pub(crate) fn build(c: &mut Criterion) {
    bench::<Traces, ExportTraceServiceRequest>(c, inputs::traces, |builder, request| {
        for group in &request.resource_spans {
            let mut resource = builder.resource(|out| put_resource(out, group.resource.as_ref()));
            for scope in &group.scope_spans {
                let mut out = resource.scope(|out| put_scope(out, scope.scope.as_ref()));
                out.schema_url(&scope.schema_url);
                for span in &scope.spans {
                    out.span(|out| put_span(out, span));
                }
            }
        }
    });
    bench::<Metrics, ExportMetricsServiceRequest>(c, inputs::metrics, |builder, request| {
        for group in &request.resource_metrics {
            let mut resource = builder.resource(|out| put_resource(out, group.resource.as_ref()));
            for scope in &group.scope_metrics {
                let mut out = resource.scope(|out| put_scope(out, scope.scope.as_ref()));
                out.schema_url(&scope.schema_url);
                for metric in &scope.metrics {
                    put_metric(&mut out, metric);
                }
            }
        }
    });
    bench::<Logs, ExportLogsServiceRequest>(c, inputs::logs, |builder, request| {
        for group in &request.resource_logs {
            let mut resource = builder.resource(|out| put_resource(out, group.resource.as_ref()));
            for scope in &group.scope_logs {
                let mut out = resource.scope(|out| put_scope(out, scope.scope.as_ref()));
                out.schema_url(&scope.schema_url);
                for record in &scope.log_records {
                    out.log_record(|out| put_record(out, record));
                }
            }
        }
    });
}

fn bench<S: Signal, M: Message + Default + Clone + PartialEq>(
    c: &mut Criterion,
    make: fn(u64) -> M,
    put: fn(&mut Builder<S>, &M),
) {
    let requests = inputs::requests(make);
    let longest = requests.iter().map(M::encoded_len).max().expect("there are inputs");
    let mut group = c.benchmark_group(format!("pdata/build/{}", S::KIND));
    group.throughput(Throughput::Elements(ITEMS as u64));
    group.bench_function("wire", |b| {
        let mut builder = Builder::<S>::with_capacity(longest);
        for request in &requests {
            put(&mut builder, request);
            let built = builder.finish();
            assert!(M::decode(built.to_bytes()).expect("what was built decodes") == *request);
            assert_eq!(built.encoded_len(), request.encoded_len());
        }
        let mut turn = requests.iter().cycle();
        b.iter(|| {
            put(&mut builder, black_box(turn.next().expect("a cycle has no end")));
            let built = builder.finish();
            assert_eq!(built.items(), ITEMS);
            built
        });
    });
    group.bench_function("prost", |b| {
        let mut turn = requests.iter().cycle();
        b.iter(|| {
            let request = black_box(turn.next().expect("a cycle has no end")).clone();
            let encoded = request.encode_to_vec();
            assert!(encoded.len() <= longest);
            encoded
        });
    });
    group.finish();
}

/// The attributes one by one; the inputs have texts and integers.
fn attributes(attributes: &[KeyValue]) -> impl Iterator<Item = (&str, AnyValue<'_>)> {
    attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        let value = match value {
            Some(Value::StringValue(text)) => AnyValue::Str(text),
            Some(Value::IntValue(value)) => AnyValue::Int(*value),
            other => panic!("the inputs have no {other:?}"),
        };
        (attribute.key.as_str(), value)
    })
}

fn id<const N: usize>(id: &[u8]) -> [u8; N] {
    id.try_into().unwrap_or([0; N])
}

fn put_resource(out: &mut ResourceBuilder<'_>, resource: Option<&Resource>) {
    for (key, value) in attributes(resource.map_or(&[], |resource| &resource.attributes)) {
        out.attribute(key, value);
    }
}

fn put_scope(out: &mut ScopeBuilder<'_>, scope: Option<&InstrumentationScope>) {
    if let Some(scope) = scope {
        out.name(&scope.name).version(&scope.version);
    }
}

fn put_span(out: &mut SpanBuilder<'_>, span: &Span) {
    out.trace_id(id(&span.trace_id)).span_id(id(&span.span_id)).parent_span_id(id(&span.parent_span_id));
    out.name(&span.name).kind(SpanKind(span.kind)).flags(span.flags);
    out.start_time_unix_nano(span.start_time_unix_nano).end_time_unix_nano(span.end_time_unix_nano);
    for (key, value) in attributes(&span.attributes) {
        out.attribute(key, value);
    }
    if let Some(status) = &span.status {
        out.status(StatusCode(status.code), &status.message);
    }
}

fn put_record(out: &mut LogRecordBuilder<'_>, record: &LogRecord) {
    out.time_unix_nano(record.time_unix_nano).observed_time_unix_nano(record.observed_time_unix_nano);
    out.severity_number(SeverityNumber(record.severity_number)).severity_text(&record.severity_text);
    if let Some(Value::StringValue(body)) = record.body.as_ref().and_then(|body| body.value.as_ref()) {
        out.body(body);
    }
    for (key, value) in attributes(&record.attributes) {
        out.attribute(key, value);
    }
    out.flags(record.flags).trace_id(id(&record.trace_id)).span_id(id(&record.span_id));
}

fn put_metric(out: &mut ScopeGroupBuilder<'_, Metrics>, metric: &Metric) {
    let head = |out: &mut MetricBuilder<'_>| {
        out.name(&metric.name).description(&metric.description).unit(&metric.unit);
    };
    match metric.data.as_ref().expect("the inputs have data") {
        Data::Gauge(data) => {
            let mut points = out.gauge(head);
            for point in &data.data_points {
                points.point(|out| put_number(out, point));
            }
        }
        Data::Sum(data) => {
            let temporality = AggregationTemporality(data.aggregation_temporality);
            let mut points = out.sum(temporality, data.is_monotonic, head);
            for point in &data.data_points {
                points.point(|out| put_number(out, point));
            }
        }
        Data::Histogram(data) => {
            let mut points = out.histogram(AggregationTemporality(data.aggregation_temporality), head);
            for point in &data.data_points {
                points.point(|out| put_histogram(out, point));
            }
        }
        Data::ExponentialHistogram(data) => {
            let temporality = AggregationTemporality(data.aggregation_temporality);
            let mut points = out.exponential_histogram(temporality, head);
            for point in &data.data_points {
                points.point(|out| put_exponential(out, point));
            }
        }
        Data::Summary(data) => {
            let mut points = out.summary(head);
            for point in &data.data_points {
                points.point(|out| put_summary(out, point));
            }
        }
    }
}

fn put_number(out: &mut NumberDataPointBuilder<'_>, point: &NumberDataPoint) {
    out.start_time_unix_nano(point.start_time_unix_nano).time_unix_nano(point.time_unix_nano);
    match point.value {
        Some(number_data_point::Value::AsInt(value)) => out.value(NumberValue::Int(value)),
        Some(number_data_point::Value::AsDouble(value)) => out.value(NumberValue::Double(value)),
        None => out,
    };
    for (key, value) in attributes(&point.attributes) {
        out.attribute(key, value);
    }
}

fn put_histogram(out: &mut HistogramDataPointBuilder<'_>, point: &HistogramDataPoint) {
    out.start_time_unix_nano(point.start_time_unix_nano).time_unix_nano(point.time_unix_nano);
    out.count(point.count).sum(point.sum).min(point.min).max(point.max);
    out.bucket_counts(&point.bucket_counts).explicit_bounds(&point.explicit_bounds);
    for exemplar in &point.exemplars {
        out.exemplar(|out| {
            out.time_unix_nano(exemplar.time_unix_nano);
            if let Some(exemplar::Value::AsDouble(value)) = exemplar.value {
                out.value(value);
            }
            out.span_id(id(&exemplar.span_id)).trace_id(id(&exemplar.trace_id));
        });
    }
    for (key, value) in attributes(&point.attributes) {
        out.attribute(key, value);
    }
}

fn put_exponential(
    out: &mut ExponentialHistogramDataPointBuilder<'_>,
    point: &ExponentialHistogramDataPoint,
) {
    for (key, value) in attributes(&point.attributes) {
        out.attribute(key, value);
    }
    out.start_time_unix_nano(point.start_time_unix_nano).time_unix_nano(point.time_unix_nano);
    out.count(point.count).sum(point.sum).min(point.min).max(point.max).scale(point.scale);
    if let Some(buckets) = &point.positive {
        out.positive(|out| {
            out.offset(buckets.offset).bucket_counts(&buckets.bucket_counts);
        });
    }
    if let Some(buckets) = &point.negative {
        out.negative(|out| {
            out.offset(buckets.offset).bucket_counts(&buckets.bucket_counts);
        });
    }
}

fn put_summary(out: &mut SummaryDataPointBuilder<'_>, point: &SummaryDataPoint) {
    out.start_time_unix_nano(point.start_time_unix_nano).time_unix_nano(point.time_unix_nano);
    out.count(point.count).sum(point.sum);
    for at in &point.quantile_values {
        out.quantile(at.quantile, at.value);
    }
    for (key, value) in attributes(&point.attributes) {
        out.attribute(key, value);
    }
}
