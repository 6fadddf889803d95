//! Regrouping, against prost's decode, the same, and encode.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use otel_benches::inputs::{self, ITEMS, STATUS_CODE};
use otel_core::pdata::view::{AnyValue, Item};
use otel_core::pdata::{Interop, Logs, Metrics, Signal, Traces};
use prost::Message;

use crate::prost_ops::{Operations, status_code};

/// How many requests are merged.
const MERGED: usize = 8;
/// Where what they hold is cut.
const CUT: usize = 4_096;

pub(crate) fn merge_split(c: &mut Criterion) {
    merge_split_of::<Traces>(c, inputs::traces);
    merge_split_of::<Metrics>(c, inputs::metrics);
    merge_split_of::<Logs>(c, inputs::logs);
}

pub(crate) fn retain(c: &mut Criterion) {
    retain_of::<Traces>(c, inputs::traces);
    retain_of::<Metrics>(c, inputs::metrics);
    retain_of::<Logs>(c, inputs::logs);
}

/// Merges 8 requests, cuts what they hold exactly, and writes both parts out flat.
fn merge_split_of<S: Interop<Request: Operations>>(c: &mut Criterion, make: fn(u64) -> S::Request) {
    let requests: Vec<Bytes> =
        (0..MERGED as u64).map(make).map(|request| request.encode_to_vec().into()).collect();
    let signals: Vec<S> = requests.iter().cloned().map(valid).collect();
    let mut group = c.benchmark_group(format!("pdata/merge_split/{}", S::KIND));
    group.throughput(Throughput::Elements((MERGED * ITEMS) as u64));
    // Both outputs are buffers that are used again, as those of a connection are.
    let mut outputs = [Vec::new(), Vec::new()];
    group.bench_function("wire", |b| {
        b.iter(|| {
            let mut merged = S::default();
            for signal in black_box(&signals) {
                merged.merge(signal.clone());
            }
            let parts: [S; 2] = merged.split_items(CUT).into();
            assert_eq!(parts.each_ref().map(S::items), [CUT, MERGED * ITEMS - CUT]);
            for (part, output) in parts.iter().zip(&mut outputs) {
                output.clear();
                part.segments().for_each(|segment| output.extend_from_slice(segment));
            }
        });
        assert_parts::<S>(&outputs);
    });
    group.bench_function("prost", |b| {
        b.iter(|| {
            let mut merged = S::Request::default();
            for request in black_box(&requests) {
                merged.append(S::Request::decode(request.clone()).expect("the request is valid"));
            }
            let rest = merged.split_off(CUT);
            for (part, output) in [merged, rest].iter().zip(&mut outputs) {
                output.clear();
                part.encode(output).expect("a vector has room");
            }
        });
        assert_parts::<S>(&outputs);
    });
    group.bench_function("memcpy", |b| {
        b.iter(|| {
            for (part, output) in black_box(&requests).chunks(MERGED / 2).zip(&mut outputs) {
                output.clear();
                for request in part {
                    output.extend_from_slice(request);
                }
            }
        });
    });
    group.finish();
}

fn assert_parts<S: Signal>(outputs: &[Vec<u8>; 2]) {
    let items = outputs.each_ref().map(|output| valid::<S>(output.clone().into()).items());
    assert_eq!(items, [CUT, MERGED * ITEMS - CUT]);
}

/// Keeps the items with a status of 500 or above, and writes them out.
fn retain_of<S: Interop<Request: Operations>>(c: &mut Criterion, make: fn(u64) -> S::Request) {
    let requests = inputs::encoded(make);
    let signals: Vec<S> = requests.iter().cloned().map(valid).collect();
    let kept = |signal: &S| signal.iter().filter(|at| is_error::<S>(at.item())).count();
    let expected: Vec<usize> = signals.iter().map(kept).collect();
    assert!(expected.iter().all(|kept| (20..80).contains(kept)), "about one in twenty: {expected:?}");
    let mut group = c.benchmark_group(format!("pdata/retain/{}", S::KIND));
    group.throughput(Throughput::Elements(ITEMS as u64));
    let mut output = Vec::new();
    group.bench_function("wire", |b| {
        let mut turn = signals.iter().zip(&expected).cycle();
        b.iter(|| {
            let (signal, expected) = black_box(turn.next().expect("a cycle has no end"));
            let mut signal = signal.clone();
            signal.retain(|at| is_error::<S>(at.item()));
            assert_eq!(signal.items(), *expected);
            output.clear();
            signal.segments().for_each(|segment| output.extend_from_slice(segment));
        });
    });
    group.bench_function("prost", |b| {
        let mut turn = requests.iter().zip(&expected).cycle();
        b.iter(|| {
            let (request, expected) = black_box(turn.next().expect("a cycle has no end"));
            let mut decoded = S::Request::decode(request.clone()).expect("the request is valid");
            let mut kept = 0;
            decoded.retain(|attributes| {
                let keep = status_code(attributes).is_some_and(|code| code >= 500);
                kept += usize::from(keep);
                keep
            });
            assert_eq!(kept, *expected);
            output.clear();
            decoded.encode(&mut output).expect("a vector has room");
        });
    });
    group.finish();
}

fn is_error<S: Signal>(item: S::Item<'_>) -> bool {
    matches!(item.attributes().get(STATUS_CODE), Some(AnyValue::Int(500..)))
}

fn valid<S: Signal>(bytes: Bytes) -> S {
    S::from_bytes(bytes).expect("the request is valid")
}
