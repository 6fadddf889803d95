//! Every field set by an edit, against the field set in prost's structs.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{self as common, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{exemplar, number_data_point};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use otel_core::pdata::edit::{ItemEdit, PointEdit, Verdict};
use otel_core::pdata::view::{AggregationTemporality, NumberValue, SeverityNumber, SpanKind, StatusCode};
use otel_core::pdata::{Interop, Logs, Metrics, Signal, Traces};
use otel_core::testing::generate;
use proptest::collection::vec;
use proptest::prelude::*;

/// Values to set, zeros among them.
#[derive(Debug, Clone)]
struct Values {
    text: String,
    number: u64,
    count: u32,
    signed: i32,
    double: f64,
    optional: Option<f64>,
    id: u8,
    counts: Vec<u64>,
    flag: bool,
}

fn values() -> impl Strategy<Value = Values> {
    let number = prop_oneof![Just(0), any::<u64>()];
    let count = prop_oneof![Just(0), any::<u32>()];
    let signed = prop_oneof![Just(0), any::<i32>()];
    let double = prop_oneof![Just(0.0), -1e9..1e9];
    let optional = proptest::option::of(prop_oneof![Just(0.0), -1e9..1e9]);
    let text = prop_oneof![Just(String::new()), "[a-zé]{1,200}"];
    (text, number, count, signed, double, optional, 0u8..3, vec(any::<u64>(), 0..4), any::<bool>()).prop_map(
        |(text, number, count, signed, double, optional, id, counts, flag)| Values {
            text,
            number,
            count,
            signed,
            double,
            optional,
            id,
            counts,
            flag,
        },
    )
}

/// An id as prost has it: nothing where it is zeros.
fn prost_id(id: u8, len: usize) -> Vec<u8> {
    if id == 0 { Vec::new() } else { vec![id; len] }
}

/// Ids of zeros mean none, so the structs get none.
fn without_zero_ids(span: &mut Span) {
    let clear = |id: &mut Vec<u8>| {
        if id.iter().all(|byte| *byte == 0) {
            id.clear();
        }
    };
    clear(&mut span.trace_id);
    clear(&mut span.span_id);
    clear(&mut span.parent_span_id);
    for link in &mut span.links {
        clear(&mut link.trace_id);
        clear(&mut link.span_id);
    }
}

fn set_span(span: &mut ItemEdit<'_, Traces>, to: &Values) {
    span.set_trace_id([to.id; 16]).set_span_id([to.id; 8]).set_parent_span_id([to.id; 8]);
    span.set_trace_state(&to.text).set_name(&to.text).set_kind(SpanKind(to.signed)).set_flags(to.count);
    span.set_start_time_unix_nano(to.number).set_end_time_unix_nano(to.number);
    span.set_dropped_attributes_count(to.count).set_dropped_events_count(to.count);
    span.set_dropped_links_count(to.count).set_status(StatusCode(to.signed), &to.text);
    let mut first = true;
    span.edit_events(|event| {
        if to.flag && std::mem::replace(&mut first, false) {
            return Verdict::Drop;
        }
        event.set_name(&to.text).set_time_unix_nano(to.number).set_dropped_attributes_count(to.count);
        event.attributes().clear().upsert("event", &to.text);
        Verdict::Keep
    });
    span.edit_links(|link| {
        link.set_trace_id([to.id; 16]).set_span_id([to.id; 8]).set_trace_state(&to.text).set_flags(to.count);
        link.set_dropped_attributes_count(to.count).attributes().clear();
    });
}

fn text_attribute(key: &str, value: &str) -> common::KeyValue {
    let value = any_value::Value::StringValue(value.to_owned());
    common::KeyValue {
        key: key.to_owned(),
        value: Some(common::AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

fn set_prost_span(span: &mut Span, to: &Values) {
    span.trace_id = prost_id(to.id, 16);
    span.span_id = prost_id(to.id, 8);
    span.parent_span_id = prost_id(to.id, 8);
    span.trace_state.clone_from(&to.text);
    span.name.clone_from(&to.text);
    span.kind = to.signed;
    span.flags = to.count;
    span.start_time_unix_nano = to.number;
    span.end_time_unix_nano = to.number;
    span.dropped_attributes_count = to.count;
    span.dropped_events_count = to.count;
    span.dropped_links_count = to.count;
    let status = Status { message: to.text.clone(), code: to.signed };
    if span.status.is_some() || status != Status::default() {
        span.status = Some(status);
    }
    if to.flag && !span.events.is_empty() {
        span.events.remove(0);
    }
    for event in &mut span.events {
        event.name.clone_from(&to.text);
        event.time_unix_nano = to.number;
        event.dropped_attributes_count = to.count;
        event.attributes = vec![text_attribute("event", &to.text)];
    }
    for link in &mut span.links {
        link.trace_id = prost_id(to.id, 16);
        link.span_id = prost_id(to.id, 8);
        link.trace_state.clone_from(&to.text);
        link.flags = to.count;
        link.dropped_attributes_count = to.count;
        link.attributes.clear();
    }
}

fn set_point(item: &mut ItemEdit<'_, Metrics>, to: &Values) {
    item.set_start_time_unix_nano(to.number).set_time_unix_nano(to.number).set_flags(to.count);
    let doubles: Vec<f64> = to.counts.iter().map(|count| *count as f64).collect();
    match item.point() {
        PointEdit::Number(mut point) => {
            point.set_value(if to.flag { NumberValue::Int(5) } else { NumberValue::Double(to.double) });
            point.edit_exemplars(|exemplar| {
                let value = if to.flag { NumberValue::Int(5) } else { NumberValue::Double(to.double) };
                exemplar.set_value(value).set_time_unix_nano(to.number).set_span_id([1; 8]);
                exemplar.set_trace_id([1; 16]).filtered_attributes().clear();
            });
        }
        PointEdit::Histogram(mut point) => {
            point.set_count(to.number).set_sum(to.optional).set_min(to.optional).set_max(to.optional);
            point.set_bucket_counts(&to.counts).set_explicit_bounds(&doubles);
            point.edit_exemplars(|_| Verdict::Drop);
        }
        PointEdit::ExponentialHistogram(mut point) => {
            point.set_count(to.number).set_sum(to.optional).set_min(to.optional).set_max(to.optional);
            point.set_scale(to.signed).set_zero_count(to.number).set_zero_threshold(to.double);
            point.edit_positive(|buckets| {
                buckets.set_offset(to.signed).set_bucket_counts(&to.counts);
            });
            point.edit_negative(|buckets| {
                buckets.set_offset(1);
            });
        }
        PointEdit::Summary(mut point) => {
            point.set_count(to.number).set_sum(to.double).edit_quantile_values(|at| {
                at.set_quantile(to.double).set_value(to.double);
            });
        }
        _ => panic!("there are four kinds"),
    }
}

fn set_prost_points(data: &mut Data, to: &Values) {
    /// The fields that points of every kind have.
    macro_rules! common {
        ($point:ident) => {
            $point.start_time_unix_nano = to.number;
            $point.time_unix_nano = to.number;
            $point.flags = to.count;
        };
    }
    let doubles: Vec<f64> = to.counts.iter().map(|count| *count as f64).collect();
    let numbers = match data {
        Data::Gauge(gauge) => &mut gauge.data_points,
        Data::Sum(sum) => &mut sum.data_points,
        Data::Histogram(histogram) => {
            for point in &mut histogram.data_points {
                common!(point);
                point.count = to.number;
                (point.sum, point.min, point.max) = (to.optional, to.optional, to.optional);
                point.bucket_counts.clone_from(&to.counts);
                point.explicit_bounds.clone_from(&doubles);
                point.exemplars.clear();
            }
            return;
        }
        Data::ExponentialHistogram(histogram) => {
            for point in &mut histogram.data_points {
                common!(point);
                (point.count, point.zero_count) = (to.number, to.number);
                (point.sum, point.min, point.max) = (to.optional, to.optional, to.optional);
                (point.scale, point.zero_threshold) = (to.signed, to.double);
                if point.positive.is_some() || to.signed != 0 || !to.counts.is_empty() {
                    let positive = point.positive.get_or_insert_default();
                    positive.offset = to.signed;
                    positive.bucket_counts.clone_from(&to.counts);
                }
                point.negative.get_or_insert_default().offset = 1;
            }
            return;
        }
        Data::Summary(summary) => {
            for point in &mut summary.data_points {
                common!(point);
                (point.count, point.sum) = (to.number, to.double);
                for at in &mut point.quantile_values {
                    (at.quantile, at.value) = (to.double, to.double);
                }
            }
            return;
        }
    };
    for point in numbers {
        common!(point);
        point.value = Some(if to.flag {
            number_data_point::Value::AsInt(5)
        } else {
            number_data_point::Value::AsDouble(to.double)
        });
        for exemplar in &mut point.exemplars {
            exemplar.value =
                Some(if to.flag { exemplar::Value::AsInt(5) } else { exemplar::Value::AsDouble(to.double) });
            exemplar.time_unix_nano = to.number;
            (exemplar.span_id, exemplar.trace_id) = (vec![1; 8], vec![1; 16]);
            exemplar.filtered_attributes.clear();
        }
    }
}

fn spans(request: &mut ExportTraceServiceRequest) -> impl Iterator<Item = &mut Span> {
    request
        .resource_spans
        .iter_mut()
        .flat_map(|group| &mut group.scope_spans)
        .flat_map(|scope| &mut scope.spans)
}

proptest! {
    #[test]
    fn of_a_span(odd in generate::odd::<Traces>(), to in values()) {
        let mut data = Traces::from_bytes(odd.bytes).unwrap();
        data.edit(|span| set_span(span, &to));
        let mut expected = odd.request;
        spans(&mut expected).for_each(|span| set_prost_span(span, &to));
        let mut edited = data.to_request();
        for request in [&mut edited, &mut expected] {
            spans(request).for_each(without_zero_ids);
        }
        prop_assert_eq!(edited, expected);
    }

    #[test]
    fn of_a_point_and_its_metric(odd in generate::odd::<Metrics>(), to in values()) {
        let mut data = Metrics::from_bytes(odd.bytes).unwrap();
        data.edit(|item| {
            set_point(item, &to);
            item.metric().set_name(&to.text).set_unit(&to.text).set_description(&to.text);
            let mut metric = item.metric();
            metric.set_aggregation_temporality(AggregationTemporality(to.signed)).set_is_monotonic(to.flag);
        });
        let mut expected: ExportMetricsServiceRequest = odd.request;
        let scopes = expected.resource_metrics.iter_mut().flat_map(|group| &mut group.scope_metrics);
        for metric in scopes.flat_map(|scope| &mut scope.metrics) {
            let Some(data) = &mut metric.data else { continue };
            let points = match data {
                Data::Gauge(gauge) => gauge.data_points.len(),
                Data::Sum(sum) => sum.data_points.len(),
                Data::Histogram(histogram) => histogram.data_points.len(),
                Data::ExponentialHistogram(histogram) => histogram.data_points.len(),
                Data::Summary(summary) => summary.data_points.len(),
            };
            if points == 0 {
                continue;
            }
            set_prost_points(data, &to);
            match data {
                Data::Sum(sum) => (sum.aggregation_temporality, sum.is_monotonic) = (to.signed, to.flag),
                Data::Histogram(histogram) => histogram.aggregation_temporality = to.signed,
                Data::ExponentialHistogram(histogram) => histogram.aggregation_temporality = to.signed,
                Data::Gauge(_) | Data::Summary(_) => {}
            }
            metric.name.clone_from(&to.text);
            metric.unit.clone_from(&to.text);
            metric.description.clone_from(&to.text);
        }
        prop_assert_eq!(data.to_request(), expected);
    }

    #[test]
    fn of_a_log_record_its_scope_and_its_resource(odd in generate::odd::<Logs>(), to in values()) {
        let mut data = Logs::from_bytes(odd.bytes).unwrap();
        data.edit(|record| {
            record.set_time_unix_nano(to.number).set_observed_time_unix_nano(to.number);
            record.set_severity_number(SeverityNumber(to.signed)).set_severity_text(&to.text);
            record.set_body(&to.text).set_event_name(&to.text).set_flags(to.count);
            record.set_dropped_attributes_count(to.count).set_trace_id([1; 16]).set_span_id([1; 8]);
        });
        data.edit_scopes(|scope| {
            scope.set_name(&to.text).set_version(&to.text).set_dropped_attributes_count(to.count);
            scope.set_schema_url(&to.text).resource().set_dropped_attributes_count(to.count);
        });
        data.edit_resources(|resource| {
            resource.set_schema_url(&to.text).edit_entity_refs(|entity| {
                entity.set_entity_type(&to.text).set_schema_url(&to.text).set_id_keys(&["x", ""]);
                entity.set_description_keys(&[]);
            });
        });
        let mut expected: ExportLogsServiceRequest = odd.request;
        for group in &mut expected.resource_logs {
            group.schema_url.clone_from(&to.text);
            if !group.scope_logs.is_empty() && (group.resource.is_some() || to.count != 0) {
                group.resource.get_or_insert_default().dropped_attributes_count = to.count;
            }
            for entity in group.resource.iter_mut().flat_map(|resource| &mut resource.entity_refs) {
                entity.r#type.clone_from(&to.text);
                entity.schema_url.clone_from(&to.text);
                entity.id_keys = vec!["x".into(), String::new()];
                entity.description_keys.clear();
            }
            for scope in &mut group.scope_logs {
                scope.schema_url.clone_from(&to.text);
                if scope.scope.is_some() || to.count != 0 || !to.text.is_empty() {
                    let scope = scope.scope.get_or_insert_default();
                    scope.name.clone_from(&to.text);
                    scope.version.clone_from(&to.text);
                    scope.dropped_attributes_count = to.count;
                }
                for record in &mut scope.log_records {
                    (record.time_unix_nano, record.observed_time_unix_nano) = (to.number, to.number);
                    record.severity_number = to.signed;
                    record.severity_text.clone_from(&to.text);
                    record.event_name.clone_from(&to.text);
                    (record.flags, record.dropped_attributes_count) = (to.count, to.count);
                    (record.trace_id, record.span_id) = (vec![1; 16], vec![1; 8]);
                    record.body = text_attribute("", &to.text).value;
                }
            }
        }
        prop_assert_eq!(data.to_request(), expected);
    }
}
