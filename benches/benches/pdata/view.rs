//! Finding an attribute in every item, against prost's decode and the same.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use otel_benches::inputs::{self, ITEMS, STATUS_CODE};
use otel_core::pdata::view::{AnyValue, Item};
use otel_core::pdata::{Interop, Logs, Metrics, Traces};
use prost::Message;

use crate::prost_ops::{Operations, status_code};

pub(crate) fn find(c: &mut Criterion) {
    signal::<Traces>(c, inputs::traces);
    signal::<Metrics>(c, inputs::metrics);
    signal::<Logs>(c, inputs::logs);
}

fn signal<S: Interop<Request: Operations>>(c: &mut Criterion, make: fn(u64) -> S::Request) {
    let requests = inputs::encoded(make);
    let signals: Vec<S> = requests
        .iter()
        .map(|request| S::from_bytes(request.clone()).expect("the request is valid"))
        .collect();
    let mut group = c.benchmark_group(format!("pdata/find/{}", S::KIND));
    group.throughput(Throughput::Elements(ITEMS as u64));
    group.bench_function("wire", |b| {
        let mut turn = signals.iter().cycle();
        b.iter(|| {
            let signal = black_box(turn.next().expect("a cycle has no end"));
            let (mut found, mut sum) = (0, 0);
            for scope in signal.resource_groups().flat_map(otel_core::pdata::view::ResourceGroup::scopes) {
                for item in scope.items() {
                    if let Some(AnyValue::Int(code)) = item.attributes().get(STATUS_CODE) {
                        found += 1;
                        sum += code;
                    }
                }
            }
            assert_eq!(found, ITEMS);
            sum
        });
    });
    group.bench_function("prost", |b| {
        let mut turn = requests.iter().cycle();
        b.iter(|| {
            let request = black_box(turn.next().expect("a cycle has no end"));
            let decoded = S::Request::decode(request.clone()).expect("the request is valid");
            let (mut found, mut sum) = (0, 0);
            decoded.each(|attributes| {
                if let Some(code) = status_code(attributes) {
                    found += 1;
                    sum += code;
                }
            });
            assert_eq!(found, ITEMS);
            sum
        });
    });
    group.finish();
}
