//! OTLP/JSON against serde_json with the prost types.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use otel_benches::inputs::{self, ITEMS};
use otel_core::pdata::{Interop, Logs, Metrics, Traces};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) fn json(c: &mut Criterion) {
    signal::<Traces>(c, inputs::traces);
    signal::<Metrics>(c, inputs::metrics);
    signal::<Logs>(c, inputs::logs);
}

fn signal<S: Interop>(c: &mut Criterion, make: fn(u64) -> S::Request)
where
    S::Request: Serialize + DeserializeOwned,
{
    let requests = inputs::requests(make);
    let signals: Vec<S> =
        requests.iter().map(|request| S::from_request(request).expect("the request is valid")).collect();
    // As serde writes it, so that both readers are given what the other side's own encoder makes.
    let texts: Vec<Vec<u8>> = requests
        .iter()
        .map(|request| serde_json::to_vec(request).expect("prost's types serialise"))
        .collect();
    assert!(
        texts.iter().zip(&requests).all(|(text, request)| {
            S::from_json(text).is_ok_and(|signal| &signal.to_request() == request)
        })
    );

    let mut group = c.benchmark_group(format!("pdata/from_json/{}", S::KIND));
    group.throughput(Throughput::Elements(ITEMS as u64));
    group.bench_function("wire", |b| {
        let mut turn = texts.iter().cycle();
        b.iter(|| {
            let text = turn.next().expect("a cycle has no end");
            let signal = S::from_json(black_box(text)).expect("the text is valid");
            assert_eq!(signal.items(), ITEMS);
            signal
        });
    });
    group.bench_function("prost", |b| {
        let mut turn = texts.iter().cycle();
        b.iter(|| {
            let text = turn.next().expect("a cycle has no end");
            let request: S::Request = serde_json::from_slice(black_box(text)).expect("the text is valid");
            request
        });
    });
    group.finish();

    let mut group = c.benchmark_group(format!("pdata/to_json/{}", S::KIND));
    group.throughput(Throughput::Elements(ITEMS as u64));
    group.bench_function("wire", |b| {
        let mut turn = signals.iter().zip(&texts).cycle();
        let mut out = Vec::new();
        b.iter(|| {
            let (signal, text) = turn.next().expect("a cycle has no end");
            out.clear();
            black_box(signal).to_json(&mut out);
            assert!(out.len() > text.len() / 2);
        });
    });
    group.bench_function("prost", |b| {
        let mut turn = requests.iter().zip(&texts).cycle();
        let mut out = Vec::new();
        b.iter(|| {
            let (request, text) = turn.next().expect("a cycle has no end");
            out.clear();
            serde_json::to_writer(&mut out, black_box(request)).expect("prost's types serialise");
            assert_eq!(out.len(), text.len());
        });
    });
    group.finish();
}
