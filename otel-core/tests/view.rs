//! What views read of every field is what prost decodes, on generated telemetry in odd encodings.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{self as common, any_value};
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::metrics::v1::{self as metrics, exemplar, metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use otel_core::pdata::view::{
    AnyValue, Attributes, Buckets, DataPoint, Exemplar, Item, KeyValue, LogRecord, Metric, MetricData,
    NumberValue, Point, Resource, ResourceLogs, ResourceMetrics, ResourceSpans, Scope, Span, SpanId, TraceId,
};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use otel_core::testing::generate::{self, Odd};
use proptest::prelude::*;

fn value(value: AnyValue<'_>) -> common::AnyValue {
    let value = match value {
        AnyValue::Str(value) => any_value::Value::StringValue(value.into()),
        AnyValue::Bool(value) => any_value::Value::BoolValue(value),
        AnyValue::Int(value) => any_value::Value::IntValue(value),
        AnyValue::Double(value) => any_value::Value::DoubleValue(value),
        AnyValue::Bytes(value) => any_value::Value::BytesValue(value.into()),
        AnyValue::Array(values) => any_value::Value::ArrayValue(common::ArrayValue {
            values: values.iter().map(self::value).collect(),
        }),
        AnyValue::KvList(list) => {
            any_value::Value::KvlistValue(common::KeyValueList { values: attributes(list) })
        }
        _ => return common::AnyValue { value: None },
    };
    common::AnyValue { value: Some(value) }
}

fn attributes(list: Attributes<'_>) -> Vec<common::KeyValue> {
    let attribute = |attribute: KeyValue<'_>| common::KeyValue {
        key: attribute.key().into(),
        value: Some(value(attribute.value())),
        ..Default::default()
    };
    list.iter().map(attribute).collect()
}

fn trace_id(id: TraceId) -> Vec<u8> {
    if id.is_empty() { Vec::new() } else { id.to_bytes().into() }
}

fn span_id(id: SpanId) -> Vec<u8> {
    if id.is_empty() { Vec::new() } else { id.to_bytes().into() }
}

fn resource(view: Resource<'_>) -> resource::Resource {
    resource::Resource {
        attributes: attributes(view.attributes()),
        dropped_attributes_count: view.dropped_attributes_count(),
        entity_refs: view
            .entity_refs()
            .map(|entity| common::EntityRef {
                schema_url: entity.schema_url().into(),
                r#type: entity.r#type().into(),
                id_keys: entity.id_keys().map(Into::into).collect(),
                description_keys: entity.description_keys().map(Into::into).collect(),
            })
            .collect(),
    }
}

fn scope(view: Scope<'_>) -> common::InstrumentationScope {
    common::InstrumentationScope {
        name: view.name().into(),
        version: view.version().into(),
        attributes: attributes(view.attributes()),
        dropped_attributes_count: view.dropped_attributes_count(),
    }
}

fn span(view: Span<'_>) -> trace::Span {
    trace::Span {
        trace_id: trace_id(view.trace_id()),
        span_id: span_id(view.span_id()),
        trace_state: view.trace_state().into(),
        parent_span_id: span_id(view.parent_span_id()),
        flags: view.flags(),
        name: view.name().into(),
        kind: view.kind().0,
        start_time_unix_nano: view.start_time_unix_nano(),
        end_time_unix_nano: view.end_time_unix_nano(),
        attributes: attributes(view.attributes()),
        dropped_attributes_count: view.dropped_attributes_count(),
        events: view
            .events()
            .map(|event| trace::span::Event {
                time_unix_nano: event.time_unix_nano(),
                name: event.name().into(),
                attributes: attributes(event.attributes()),
                dropped_attributes_count: event.dropped_attributes_count(),
            })
            .collect(),
        dropped_events_count: view.dropped_events_count(),
        links: view
            .links()
            .map(|link| trace::span::Link {
                trace_id: trace_id(link.trace_id()),
                span_id: span_id(link.span_id()),
                trace_state: link.trace_state().into(),
                attributes: attributes(link.attributes()),
                dropped_attributes_count: link.dropped_attributes_count(),
                flags: link.flags(),
            })
            .collect(),
        dropped_links_count: view.dropped_links_count(),
        status: Some(trace::Status { message: view.status().message().into(), code: view.status().code().0 }),
    }
}

fn resource_spans(view: ResourceSpans<'_>) -> trace::ResourceSpans {
    trace::ResourceSpans {
        resource: Some(resource(view.resource())),
        scope_spans: view
            .scope_spans()
            .map(|group| trace::ScopeSpans {
                scope: Some(scope(group.scope())),
                spans: group.spans().map(span).collect(),
                schema_url: group.schema_url().into(),
            })
            .collect(),
        schema_url: view.schema_url().into(),
    }
}

fn record(view: LogRecord<'_>) -> logs::LogRecord {
    logs::LogRecord {
        time_unix_nano: view.time_unix_nano(),
        observed_time_unix_nano: view.observed_time_unix_nano(),
        severity_number: view.severity_number().0,
        severity_text: view.severity_text().into(),
        body: Some(value(view.body())),
        attributes: attributes(view.attributes()),
        dropped_attributes_count: view.dropped_attributes_count(),
        flags: view.flags(),
        trace_id: trace_id(view.trace_id()),
        span_id: span_id(view.span_id()),
        event_name: view.event_name().into(),
    }
}

fn resource_logs(view: ResourceLogs<'_>) -> logs::ResourceLogs {
    logs::ResourceLogs {
        resource: Some(resource(view.resource())),
        scope_logs: view
            .scope_logs()
            .map(|group| logs::ScopeLogs {
                scope: Some(scope(group.scope())),
                log_records: group.log_records().map(record).collect(),
                schema_url: group.schema_url().into(),
            })
            .collect(),
        schema_url: view.schema_url().into(),
    }
}

fn exemplar(view: Exemplar<'_>) -> metrics::Exemplar {
    metrics::Exemplar {
        filtered_attributes: attributes(view.filtered_attributes()),
        time_unix_nano: view.time_unix_nano(),
        span_id: span_id(view.span_id()),
        trace_id: trace_id(view.trace_id()),
        value: view.value().map(|value| match value {
            NumberValue::Double(value) => exemplar::Value::AsDouble(value),
            NumberValue::Int(value) => exemplar::Value::AsInt(value),
        }),
    }
}

fn buckets(view: Buckets<'_>) -> metrics::exponential_histogram_data_point::Buckets {
    metrics::exponential_histogram_data_point::Buckets {
        offset: view.offset(),
        bucket_counts: view.bucket_counts().collect(),
    }
}

/// The points of a metric, by their kind.
#[derive(Default)]
struct Points {
    number: Vec<metrics::NumberDataPoint>,
    histogram: Vec<metrics::HistogramDataPoint>,
    exponential: Vec<metrics::ExponentialHistogramDataPoint>,
    summary: Vec<metrics::SummaryDataPoint>,
}

impl Points {
    fn push(&mut self, view: DataPoint<'_>) {
        let attributes = attributes(view.attributes());
        let (start_time_unix_nano, time_unix_nano) = (view.start_time_unix_nano(), view.time_unix_nano());
        let flags = view.flags();
        let exemplars = view.exemplars().map(exemplar).collect();
        match view.point() {
            Point::Number(point) => self.number.push(metrics::NumberDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                exemplars,
                flags,
                value: point.value().map(|value| match value {
                    NumberValue::Double(value) => number_data_point::Value::AsDouble(value),
                    NumberValue::Int(value) => number_data_point::Value::AsInt(value),
                }),
            }),
            Point::Histogram(point) => self.histogram.push(metrics::HistogramDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                count: point.count(),
                sum: point.sum(),
                bucket_counts: point.bucket_counts().collect(),
                explicit_bounds: point.explicit_bounds().collect(),
                exemplars,
                flags,
                min: point.min(),
                max: point.max(),
            }),
            Point::ExponentialHistogram(point) => {
                self.exponential.push(metrics::ExponentialHistogramDataPoint {
                    attributes,
                    start_time_unix_nano,
                    time_unix_nano,
                    count: point.count(),
                    sum: point.sum(),
                    scale: point.scale(),
                    zero_count: point.zero_count(),
                    positive: Some(buckets(point.positive())),
                    negative: Some(buckets(point.negative())),
                    flags,
                    exemplars,
                    min: point.min(),
                    max: point.max(),
                    zero_threshold: point.zero_threshold(),
                });
            }
            Point::Summary(point) => self.summary.push(metrics::SummaryDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                count: point.count(),
                sum: point.sum(),
                quantile_values: point
                    .quantile_values()
                    .map(|at| metrics::summary_data_point::ValueAtQuantile {
                        quantile: at.quantile(),
                        value: at.value(),
                    })
                    .collect(),
                flags,
            }),
            other => panic!("an unknown kind of point: {other:?}"),
        }
    }
}

fn metric(view: Metric<'_>) -> metrics::Metric {
    let mut points = Points::default();
    view.data_points().for_each(|point| points.push(point));
    let aggregation_temporality = view.aggregation_temporality().0;
    let data = match view.data() {
        MetricData::Gauge(_) => Some(metric::Data::Gauge(metrics::Gauge { data_points: points.number })),
        MetricData::Sum(sum) => Some(metric::Data::Sum(metrics::Sum {
            data_points: points.number,
            aggregation_temporality,
            is_monotonic: sum.is_monotonic(),
        })),
        MetricData::Histogram(_) => Some(metric::Data::Histogram(metrics::Histogram {
            data_points: points.histogram,
            aggregation_temporality,
        })),
        MetricData::ExponentialHistogram(_) => {
            Some(metric::Data::ExponentialHistogram(metrics::ExponentialHistogram {
                data_points: points.exponential,
                aggregation_temporality,
            }))
        }
        MetricData::Summary(_) => {
            Some(metric::Data::Summary(metrics::Summary { data_points: points.summary }))
        }
        _ => None,
    };
    metrics::Metric {
        name: view.name().into(),
        description: view.description().into(),
        unit: view.unit().into(),
        metadata: attributes(view.metadata()),
        data,
    }
}

fn resource_metrics(view: ResourceMetrics<'_>) -> metrics::ResourceMetrics {
    metrics::ResourceMetrics {
        resource: Some(resource(view.resource())),
        scope_metrics: view
            .scope_metrics()
            .map(|group| metrics::ScopeMetrics {
                scope: Some(scope(group.scope())),
                metrics: group.metrics().map(metric).collect(),
                schema_url: group.schema_url().into(),
            })
            .collect(),
        schema_url: view.schema_url().into(),
    }
}

/// The readable form of a request in which an absent message and an empty one are the same, as they are for the
/// views, and so are an absent id and zeros.
fn comparable(request: &impl std::fmt::Debug) -> String {
    format!("{request:?}")
        .replace("Some(AnyValue { value: None })", "None")
        .replace(
            "Some(InstrumentationScope { name: \"\", version: \"\", attributes: [], dropped_attributes_count: 0 })",
            "None",
        )
        .replace("Some(Resource { attributes: [], dropped_attributes_count: 0, entity_refs: [] })", "None")
        .replace("Some(Status { message: \"\", code: Unset })", "None")
        .replace("Some(Buckets { offset: 0, bucket_counts: [] })", "None")
        .replace("[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]", "[]")
        .replace("[0, 0, 0, 0, 0, 0, 0, 0]", "[]")
}

/// The generic layer shows the same items as the named one, each with its surroundings.
fn assert_items_in_place<S: Signal>(signal: &S) {
    let mut items = signal.iter();
    for group in signal.resource_groups() {
        assert_eq!(group.iter().count(), group.items().count());
        for scope in group.scopes() {
            for item in scope.items() {
                let at = items.next().expect("the walk in context has as many");
                assert_eq!(format!("{:?}", at.item()), format!("{item:?}"));
                assert_eq!(format!("{:?}", at.scope()), format!("{:?}", scope.scope()));
                assert_eq!(format!("{:?}", at.resource()), format!("{:?}", group.resource()));
                assert_eq!(at.scope_group().schema_url(), scope.schema_url());
                assert_eq!(at.resource_group().schema_url(), group.schema_url());
                assert_first_is_found(at.item().attributes());
            }
        }
    }
    assert!(items.next().is_none());
}

/// A key finds its first value.
fn assert_first_is_found(attributes: Attributes<'_>) {
    for attribute in attributes {
        let first = attributes.iter().find(|other| other.key() == attribute.key()).map(KeyValue::value);
        assert_eq!(attributes.get(attribute.key()), first);
    }
    assert_eq!(attributes.len(), attributes.iter().count());
    assert_eq!(attributes.is_empty(), attributes.iter().next().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn spans_read_as_prost_decodes_them(Odd { bytes, request } in generate::odd::<Traces>()) {
        let traces = Traces::from_bytes(bytes).expect("it is valid");
        let read =
            ExportTraceServiceRequest { resource_spans: traces.resource_spans().map(resource_spans).collect() };
        prop_assert_eq!(comparable(&read), comparable(&request));
        assert_items_in_place(&traces);
    }

    #[test]
    fn data_points_read_as_prost_decodes_them(Odd { bytes, request } in generate::odd::<Metrics>()) {
        let metrics = Metrics::from_bytes(bytes).expect("it is valid");
        let read = ExportMetricsServiceRequest {
            resource_metrics: metrics.resource_metrics().map(resource_metrics).collect(),
        };
        prop_assert_eq!(comparable(&read), comparable(&request));
        assert_items_in_place(&metrics);
    }

    #[test]
    fn log_records_read_as_prost_decodes_them(Odd { bytes, request } in generate::odd::<Logs>()) {
        let logs = Logs::from_bytes(bytes).expect("it is valid");
        let read = ExportLogsServiceRequest { resource_logs: logs.resource_logs().map(resource_logs).collect() };
        prop_assert_eq!(comparable(&read), comparable(&request));
        assert_items_in_place(&logs);
    }
}
