//! Edits against prost's decode, change and encode.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use otel_benches::inputs::{self, ITEMS};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use prost::Message;

const KEY: &str = "deployment.environment.name";
const VALUE: &str = "production";

pub(crate) fn resource_upsert(c: &mut Criterion) {
    fn change<S: Signal>(data: &mut S) {
        data.edit_resources(|resource| {
            resource.attributes().upsert(KEY, VALUE);
        });
    }
    bench::<Traces, ExportTraceServiceRequest>(c, "resource_upsert", inputs::traces, change, |request| {
        for group in &mut request.resource_spans {
            upsert(&mut group.resource.get_or_insert_default().attributes);
        }
    });
    bench::<Metrics, ExportMetricsServiceRequest>(c, "resource_upsert", inputs::metrics, change, |request| {
        for group in &mut request.resource_metrics {
            upsert(&mut group.resource.get_or_insert_default().attributes);
        }
    });
    bench::<Logs, ExportLogsServiceRequest>(c, "resource_upsert", inputs::logs, change, |request| {
        for group in &mut request.resource_logs {
            upsert(&mut group.resource.get_or_insert_default().attributes);
        }
    });
}

pub(crate) fn item_upsert(c: &mut Criterion) {
    fn change<S: Signal>(data: &mut S) {
        data.edit(|item| {
            item.attributes().upsert(KEY, VALUE);
        });
    }
    bench::<Traces, ExportTraceServiceRequest>(c, "item_upsert", inputs::traces, change, |request| {
        let scopes = request.resource_spans.iter_mut().flat_map(|group| &mut group.scope_spans);
        for span in scopes.flat_map(|scope| &mut scope.spans) {
            upsert(&mut span.attributes);
        }
    });
    bench::<Metrics, ExportMetricsServiceRequest>(c, "item_upsert", inputs::metrics, change, |request| {
        let scopes = request.resource_metrics.iter_mut().flat_map(|group| &mut group.scope_metrics);
        for metric in scopes.flat_map(|scope| &mut scope.metrics) {
            metric.data.iter_mut().for_each(upsert_points);
        }
    });
    bench::<Logs, ExportLogsServiceRequest>(c, "item_upsert", inputs::logs, change, |request| {
        let scopes = request.resource_logs.iter_mut().flat_map(|group| &mut group.scope_logs);
        for record in scopes.flat_map(|scope| &mut scope.log_records) {
            upsert(&mut record.attributes);
        }
    });
}

fn upsert(attributes: &mut Vec<KeyValue>) {
    let value = Some(AnyValue { value: Some(Value::StringValue(VALUE.into())) });
    match attributes.iter_mut().find(|attribute| attribute.key == KEY) {
        Some(attribute) => attribute.value = value,
        None => attributes.push(KeyValue { key: KEY.into(), value, ..Default::default() }),
    }
}

fn upsert_points(data: &mut Data) {
    /// Upserts in every point of that kind of data.
    macro_rules! each {
        ($data:ident) => {
            for point in &mut $data.data_points {
                upsert(&mut point.attributes);
            }
        };
    }
    match data {
        Data::Gauge(data) => each!(data),
        Data::Sum(data) => each!(data),
        Data::Histogram(data) => each!(data),
        Data::ExponentialHistogram(data) => each!(data),
        Data::Summary(data) => each!(data),
    }
}

fn bench<S: Signal, M: Message + Default + PartialEq>(
    c: &mut Criterion,
    operation: &str,
    make: fn(u64) -> M,
    change_wire: fn(&mut S),
    change_prost: fn(&mut M),
) {
    let requests = inputs::encoded(make);
    let by_prost = |request: &Bytes| {
        let mut request = M::decode(request.clone()).expect("the request is valid");
        change_prost(&mut request);
        request.encode_to_vec()
    };
    let by_wire = |data: &S| {
        let mut data = data.clone();
        change_wire(&mut data);
        data.to_bytes()
    };
    let inputs: Vec<_> = requests
        .iter()
        .map(|request| {
            let data = S::from_bytes(request.clone()).expect("the request is valid");
            let expected = by_prost(request);
            let same = M::decode(by_wire(&data)) == M::decode(expected.as_slice());
            assert!(same, "both ways lead to the same telemetry");
            (request, data, expected.len())
        })
        .collect();

    let mut group = c.benchmark_group(format!("pdata/{operation}/{}", S::KIND));
    group.throughput(Throughput::Elements(ITEMS as u64));
    group.bench_function("wire", |b| {
        let mut turn = inputs.iter().cycle();
        b.iter(|| {
            let (_, data, len) = turn.next().expect("a cycle has no end");
            let edited = by_wire(black_box(data));
            assert_eq!(edited.len(), *len);
            edited
        });
    });
    group.bench_function("prost", |b| {
        let mut turn = inputs.iter().cycle();
        b.iter(|| {
            let (request, _, len) = turn.next().expect("a cycle has no end");
            let edited = by_prost(black_box(request));
            assert_eq!(edited.len(), *len);
            edited
        });
    });
    group.bench_function("memcpy", |b| {
        let mut turn = inputs.iter().cycle();
        b.iter(|| {
            let (request, ..) = turn.next().expect("a cycle has no end");
            let copy = black_box(request).to_vec();
            assert_eq!(copy.len(), request.len());
            copy
        });
    });
    group.finish();
}
