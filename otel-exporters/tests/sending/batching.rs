use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use otel_core::component::{Component as _, ComponentKind, ConsumeError, Context, Exporter as _, Metadata};
use otel_core::pdata::build::TracesBuilder;
use otel_core::pdata::{Signal as _, Traces};
use otel_core::telemetry::Tracer;
use otel_core::testing::TestHost;
use proptest::prelude::*;
use tokio::time::Instant;

use super::scripted::{Scripted, settle, started};
use super::support::{Seen, spans};

/// Spans whose names are numbers, in as many resource groups.
pub(crate) fn numbered(from: usize, groups: &[usize]) -> Traces {
    let mut traces = TracesBuilder::new();
    let mut at = from;
    for count in groups {
        let mut resource = traces.resource(|_| {});
        let mut scope = resource.scope(|_| {});
        for number in at..at + count {
            scope.span(|span| {
                span.name(&number.to_string());
            });
        }
        at += count;
    }
    traces.finish()
}

pub(crate) fn numbers(traces: &Traces) -> Vec<usize> {
    traces.iter().map(|at| at.item().name().parse().unwrap()).collect()
}

fn of_tenant(tenant: &str) -> Context {
    let mut metadata = Metadata::new();
    metadata.append("X-Tenant", tenant);
    metadata.append("authorization", "secret");
    Context::new().with_metadata(metadata)
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_out_when_it_is_large_enough_or_has_waited_long_enough() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let yaml = "sending_queue: { batch: { min_size: 10, flush_timeout: 1s } }";
    let sending = started(yaml, &scripted, &seen).await;
    for _ in 0..3 {
        sending.export(spans(4), Context::new()).await.unwrap();
    }
    settle().await;
    assert_eq!(scripted.attempts(), [12]);

    sending.export(spans(3), Context::new()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(990)).await;
    assert_eq!(scripted.attempts(), [12]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(scripted.attempts(), [12, 3]);
    // Each batch waits from its own first request on.
    sending.export(spans(5), Context::new()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(990)).await;
    assert_eq!(scripted.attempts(), [12, 3]);
    assert_eq!(seen.counted("otelcol_exporter_sent_spans"), 15);
}

#[tokio::test(start_paused = true)]
async fn a_cut_leaves_what_is_too_small_for_the_next_batch() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let yaml = "sending_queue: { num_consumers: 1, batch: { min_size: 10, max_size: 10 } }";
    let sending = started(yaml, &scripted, &seen).await;
    for count in [25, 4, 3] {
        sending.export(spans(count), Context::new()).await.unwrap();
        settle().await;
    }
    assert_eq!(scripted.attempts(), [10, 10, 10]);
    tokio::time::sleep(Duration::from_millis(201)).await;
    assert_eq!(scripted.attempts(), [10, 10, 10, 2]);
}

#[tokio::test(start_paused = true)]
async fn without_a_smallest_size_requests_are_only_cut() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let yaml = "sending_queue: { num_consumers: 1, batch: { min_size: 0, max_size: 4 } }";
    let sending = started(yaml, &scripted, &seen).await;
    sending.export(spans(10), Context::new()).await.unwrap();
    settle().await;
    assert_eq!(scripted.attempts(), [4, 4, 2]);
}

#[tokio::test(start_paused = true)]
async fn partitions_are_batched_apart_and_keep_only_their_keys() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let yaml = "sending_queue: { num_consumers: 1, batch: { min_size: 4, partition: { metadata_keys: [x-tenant] } } }";
    let sending = started(yaml, &scripted, &seen).await;
    for (tenant, from) in [("a", 0), ("b", 100), ("a", 2), ("b", 102)] {
        sending.export(numbered(from, &[2]), of_tenant(tenant)).await.unwrap();
    }
    settle().await;
    let requests = scripted.requests();
    assert_eq!(
        requests.iter().map(|(data, ..)| numbers(data)).collect::<Vec<_>>(),
        [[0, 1, 2, 3], [100, 101, 102, 103]]
    );
    for ((_, context, _), tenant) in requests.iter().zip(["a", "b"]) {
        assert_eq!(&*context.metadata().get("x-tenant")[0], tenant);
        assert!(context.metadata().get("authorization").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_partitions_at_a_time() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let yaml = "sending_queue: { queue_size: 99999, batch: { flush_timeout: 1h, partition: { metadata_keys: [x-tenant] } } }";
    let sending = started(yaml, &scripted, &seen).await;
    for tenant in 0..10_002 {
        sending.export(spans(1), of_tenant(&tenant.to_string())).await.unwrap();
        tokio::task::yield_now().await;
    }
    settle().await;
    let tenants: Vec<_> = scripted
        .requests()
        .iter()
        .map(|(_, context, _)| context.metadata().get("x-tenant")[0].to_string())
        .collect();
    assert_eq!(tenants, ["0", "1"]);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_no_batch_can_hold_is_dropped_counted_and_told() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let yaml =
        "sending_queue: { wait_for_result: true, batch: { sizer: bytes, min_size: 0, max_size: 100 } }";
    let sending = started(yaml, &scripted, &seen).await;
    let mut traces = TracesBuilder::new();
    let mut resource = traces.resource(|_| {});
    let mut scope = resource.scope(|_| {});
    for name in ["small", &"large".repeat(100), "small too"] {
        scope.span(|span| {
            span.name(name);
        });
    }
    let error = sending.export(traces.finish(), Context::new()).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(error.to_string(), "one span size is greater than max size, dropping items: 1");
    let sent: Vec<String> = scripted
        .requests()
        .iter()
        .flat_map(|(data, ..)| data.iter().map(|at| at.item().name().to_owned()).collect::<Vec<_>>())
        .collect();
    assert_eq!(sent, ["small", "small too"]);
    assert!(seen.logged("warn Failed to split request. error=\"one span size is greater"));

    // Nobody waits: it is a counted drop.
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let yaml = "sending_queue: { batch: { sizer: bytes, min_size: 0, max_size: 1 } }";
    let sending = started(yaml, &scripted, &seen).await;
    sending.export(spans(3), Context::new()).await.unwrap();
    settle().await;
    assert_eq!(seen.metrics.counted("otelcol_dropped_items", &[("reason", "item_too_large")]), 3);
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_batch_get_its_answer_and_others_do_not() {
    let (seen, scripted) = (Seen::new(), Scripted::new([ConsumeError::permanent("bad")]));
    let yaml = "sending_queue: { num_consumers: 1, wait_for_result: true, batch: { min_size: 4 } }";
    let sending = started(yaml, &scripted, &seen).await;
    let (one, two) =
        tokio::join!(sending.export(spans(2), Context::new()), sending.export(spans(2), Context::new()));
    assert!(one.unwrap_err().is_permanent() && two.unwrap_err().is_permanent());
    assert!(sending.export(spans(4), Context::new()).await.is_ok());
    assert_eq!(seen.counted("otelcol_dropped_items"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_a_batch_takes_room_until_it_is_sent() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let yaml = "sending_queue: { queue_size: 2, batch: { min_size: 2 } }";
    let sending = started(yaml, &scripted, &seen).await;
    for _ in 0..2 {
        sending.export(spans(1), Context::new()).await.unwrap();
    }
    settle().await;
    assert_eq!(scripted.attempts(), [2]);
    assert_eq!(
        sending.export(spans(1), Context::new()).await.unwrap_err().to_string(),
        "sending queue is full"
    );
    scripted.open(1);
    settle().await;
    for _ in 0..2 {
        sending.export(spans(1), Context::new()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_sends_batches_in_the_making() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let sending = started("sending_queue: { batch: { flush_timeout: 1h } }", &scripted, &seen).await;
    sending.export(spans(3), Context::new()).await.unwrap();
    settle().await;
    assert!(scripted.attempts().is_empty());
    sending.shutdown(Instant::now() + Duration::from_secs(1)).await;
    assert_eq!(scripted.attempts(), [3]);
    assert_eq!(seen.counted("otelcol_dropped_items"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_no_finished_batch_at_the_deadline_is_dropped_and_counted() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let yaml = "{ timeout: 0, sending_queue: { num_consumers: 1, batch: { min_size: 2, max_size: 2 } } }";
    let sending = started(yaml, &scripted, &seen).await;
    for _ in 0..2 {
        sending.export(spans(5), Context::new()).await.unwrap();
    }
    settle().await;
    sending.shutdown(Instant::now() + Duration::from_secs(1)).await;
    assert_eq!(scripted.attempts(), [2]);
    assert_eq!(seen.metrics.counted("otelcol_dropped_items", &[("reason", "shutdown")]), 10);
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_batch_links_to_those_of_its_requests() {
    let spans_seen = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans_seen.clone()).build();
    let host =
        TestHost::new(ComponentKind::Exporter, "scripted").with_tracer(Tracer::new(provider.tracer("test")));
    let (seen, scripted) = (Seen::of(host), Scripted::new([]));
    let sending = started("sending_queue: { batch: { min_size: 2 } }", &scripted, &seen).await;
    for count in [1, 1, 2] {
        sending.export(spans(count), Context::new()).await.unwrap();
    }
    settle().await;
    scripted.forget();
    let seen = spans_seen.get_finished_spans().unwrap();
    let of = |name: &str| seen.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let (enqueued, sent) = (of("exporter/enqueue"), of("exporter/scripted/traces"));
    let linked: Vec<_> = sent[0].links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(linked, [enqueued[0].span_context.span_id(), enqueued[1].span_context.span_id()]);
    // A batch of one request goes on with its trace.
    assert_eq!(sent[1].parent_span_id, enqueued[2].span_context.span_id());
    assert!(sent[1].links.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, in whatever pieces: nothing is lost or doubled, the order stays, sizes are kept, and every caller
    /// is answered once, with what became of its own items.
    #[test]
    fn batches_hold_what_came_in_its_order(
        requests in prop::collection::vec((prop::collection::vec(1usize..9, 1..4), 0u64..300), 1..30),
        min in 0usize..12,
        more in prop::option::of(0usize..12),
        is_bytes in any::<bool>(),
        failures in prop::collection::vec(any::<bool>(), 0..40),
        waits in any::<bool>(),
    ) {
        let scale = if is_bytes { 12 } else { 1 };
        let max = more.map_or(0, |more| min + more) * scale;
        let yaml = format!(
            "{{ retry_on_failure: {{ enabled: false }}, sending_queue: {{ num_consumers: 1, wait_for_result: {waits}, \
             batch: {{ sizer: {}, min_size: {}, max_size: {max} }} }} }}",
            if is_bytes { "bytes" } else { "items" },
            min * scale,
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (seen, scripted) = (Seen::new(), Scripted::refusing(failures));
            let sending = started(&yaml, &scripted, &seen).await;
            let mut next = 0;
            let mut callers = Vec::new();
            for (groups, pause) in requests {
                let count: usize = groups.iter().sum();
                let data = numbered(next, &groups);
                let sending = sending.clone();
                let call = async move { sending.export(data, Context::new()).await };
                callers.push((next..next + count, tokio::spawn(call)));
                next += count;
                settle().await;
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut answers = Vec::new();
            for (range, call) in callers {
                answers.push((range, call.await.unwrap()));
            }
            sending.shutdown(Instant::now() + Duration::from_secs(9)).await;

            let batches = scripted.requests();
            let sent: Vec<usize> = batches.iter().flat_map(|(data, ..)| numbers(data)).collect();
            let fits = |traces: &Traces| {
                let size = if is_bytes { traces.encoded_len() } else { traces.items() };
                max == 0 || size <= max
            };
            prop_assert!(batches.iter().all(|(data, ..)| fits(data)));
            // Only what fits into no batch was not sent, and all of that was counted or told.
            let left_out: Vec<usize> = (0..next).filter(|number| !sent.contains(number)).collect();
            prop_assert!(left_out.iter().all(|number| !fits(&numbered(*number, &[1]))));
            prop_assert_eq!(&sent, &(0..next).filter(|number| !left_out.contains(number)).collect::<Vec<_>>());
            let lost: Vec<usize> = batches
                .iter()
                .filter(|(.., taken)| !taken)
                .flat_map(|(data, ..)| numbers(data))
                .chain(left_out)
                .collect();
            if waits {
                for (range, answer) in answers {
                    prop_assert_eq!(answer.is_err(), lost.iter().any(|number| range.contains(number)));
                }
            } else {
                prop_assert_eq!(seen.counted("otelcol_dropped_items"), lost.len() as u64);
            }
            Ok(())
        })?;
    }
}
