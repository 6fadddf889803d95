//! How often operations allocate: never once an item.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otel_core::pdata::{Signal, Traces};
use prost::Message;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread.
struct Counting;

#[expect(unsafe_code, reason = "an allocator has to be unsafe; this one hands everything on")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `run` returns, and how often it allocated.
fn counted<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATIONS.with(Cell::get);
    let result = run();
    (result, ALLOCATIONS.with(Cell::get) - before)
}

/// An encoded request of that many spans, each with three attributes, one of them not ASCII.
fn traces(spans: usize) -> Bytes {
    let attribute = |key: &str, value| KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    };
    let span = |number: usize| Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: format!("span {number}"),
        attributes: vec![
            attribute("http.route", Value::StringValue("/crème-brûlée".into())),
            attribute("http.response.status_code", Value::IntValue(200 + number as i64 % 400)),
            attribute("long", Value::StringValue("x".repeat(300))),
        ],
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (0..spans).map(span).collect(), ..Default::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }] }
        .encode_to_vec()
        .into()
}

#[test]
fn validation_does_not_allocate() {
    let bytes = traces(1_000);
    let (traces, allocations) = counted(|| Traces::from_bytes(bytes).expect("the request is valid"));
    assert_eq!(traces.items(), 1_000);
    assert_eq!(allocations, 0);
}

#[test]
fn the_count_of_allocations_counts() {
    assert_eq!(counted(|| vec![1u8]).1, 1);
}
