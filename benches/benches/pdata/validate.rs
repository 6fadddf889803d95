//! Validation against prost's decode.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otel_benches::inputs::{self, ITEMS};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use prost::Message;

pub(crate) fn validate(c: &mut Criterion) {
    signal::<Traces, ExportTraceServiceRequest>(c, inputs::traces);
    signal::<Metrics, ExportMetricsServiceRequest>(c, inputs::metrics);
    signal::<Logs, ExportLogsServiceRequest>(c, inputs::logs);
}

fn signal<S: Signal, M: Message + Default>(c: &mut Criterion, make: fn(u64) -> M) {
    let requests = inputs::encoded(make);
    let mut group = c.benchmark_group(format!("pdata/validate/{}", S::KIND));
    group.throughput(Throughput::Elements(ITEMS as u64));
    group.bench_function("wire", |b| {
        let mut turn = requests.iter().cycle();
        b.iter(|| {
            let request: &Bytes = turn.next().expect("a cycle has no end");
            let signal = S::from_bytes(black_box(request.clone())).expect("the request is valid");
            assert_eq!(signal.items(), ITEMS);
            signal
        });
    });
    group.bench_function("prost", |b| {
        let mut turn = requests.iter().cycle();
        b.iter(|| {
            let request: &Bytes = turn.next().expect("a cycle has no end");
            M::decode(black_box(request.clone())).expect("the request is valid")
        });
    });
    group.finish();
}
