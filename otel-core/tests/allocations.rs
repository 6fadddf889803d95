//! How often operations allocate: never once an item.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otel_core::pdata::build::TracesBuilder;
use otel_core::pdata::view::StatusCode;
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
fn reading_and_counting_do_not_allocate() {
    let traces = Traces::from_bytes(traces(1_000)).expect("the request is valid");
    let (read, allocations) = counted(|| {
        let spans = traces.iter().filter(|at| at.resource().attributes().is_empty());
        let attributes = spans.flat_map(|at| at.item().attributes());
        attributes.filter(|attribute| attribute.value().as_str().is_some_and(|text| text.len() > 10)).count()
    });
    assert_eq!((read, traces.items()), (2_000, 1_000));
    assert_eq!(allocations, 0);
}

/// How often an operation allocates on that many spans.
fn allocations_on(spans: usize, operation: impl Fn(Traces) -> Traces) -> usize {
    let traces = Traces::from_bytes(traces(spans)).expect("the request is valid");
    counted(|| operation(traces)).1
}

#[test]
fn merging_and_splitting_allocate_no_more_for_more_items() {
    let merge_and_split = |traces: Traces| {
        let all = Traces::merged(std::iter::repeat_n(traces.clone(), 4));
        let (first, second) = all.split_items(traces.items() + traces.items() / 2);
        Traces::merged([second, first])
    };
    let (few, many) = (allocations_on(100, merge_and_split), allocations_on(10_000, merge_and_split));
    assert_eq!(few, many);
    assert!(few < 40, "{few} allocations");
}

#[test]
fn retaining_allocates_for_the_growth_of_its_buffers_only() {
    let retain = |mut traces: Traces| {
        traces.retain(|at| at.item().attributes().get("http.response.status_code").is_some_and(is_even));
        traces
    };
    let is_all = |mut traces: Traces| {
        traces.retain(|at| at.item().attributes().contains_key("long"));
        traces
    };
    // Four buffers that grow by doubling: each seven times more often for a hundred times more spans.
    let (few, many) = (allocations_on(100, retain), allocations_on(10_000, retain));
    assert!(many <= few + 4 * 7, "{few} for 100, {many} for 10,000");
    assert_eq!(allocations_on(100, is_all), allocations_on(10_000, is_all), "what is kept whole is shared");
}

fn is_even(value: otel_core::pdata::view::AnyValue<'_>) -> bool {
    value.as_int().is_some_and(|code| code % 2 == 0)
}

#[test]
fn an_edit_that_changes_nothing_does_not_allocate() {
    let mut data = Traces::from_bytes(traces(1_000)).expect("the request is valid");
    let (changed, allocations) = counted(|| {
        data.edit(|span| {
            span.set_trace_id([1; 16]).attributes().update("http.route", "/crème-brûlée").remove("absent");
            span.resource().attributes().remove("absent");
        })
    });
    assert!(!changed);
    assert_eq!(allocations, 0);
}

#[test]
fn an_edit_of_every_item_allocates_for_the_whole_and_not_for_each() {
    let allocations = [10, 1_000].map(|spans| {
        let mut data = Traces::from_bytes(traces(spans)).expect("the request is valid");
        let edit = || {
            data.edit(|span| {
                span.set_name("another").attributes().upsert("added", 1).rename("long", "renamed");
                span.set_status(StatusCode::ERROR, "and a message");
            })
        };
        let (changed, allocations) = counted(edit);
        assert!(changed);
        allocations
    });
    assert_eq!(allocations[0], allocations[1]);
}

#[test]
fn a_builder_that_is_used_again_allocates_for_the_whole_and_not_for_each() {
    let allocations = [10, 1_000].map(|spans| {
        let mut builder = TracesBuilder::with_capacity(200 * spans);
        let (built, allocations) = counted(|| {
            let mut group = builder.resource(|_| {});
            let mut scope = group.scope(|_| {});
            for _ in 0..spans {
                scope.span(|span| {
                    span.name("GET /cart").attribute("http.route", "/cart").event(|event| {
                        event.name("exception");
                    });
                });
            }
            builder.finish()
        });
        assert_eq!(built.items(), spans);
        allocations
    });
    assert_eq!(allocations[0], allocations[1]);
}

#[test]
fn the_count_of_allocations_counts() {
    assert_eq!(counted(|| vec![1u8]).1, 1);
}
