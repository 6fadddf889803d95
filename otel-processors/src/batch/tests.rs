use std::sync::Arc;
use std::time::Duration;

use otel_core::component::{
    Authentication, Component, ComponentConfig, ComponentKind, ConsumeError, Context, Metadata, Next,
    Processor, Strength,
};
use otel_core::pdata::build::TracesBuilder;
use otel_core::pdata::{Signal, Traces};
use otel_core::testing::{Sink, TestHost};
use tokio::time::Instant;

use super::{Acknowledgement, BatchConfig, BatchProcessor};

fn spans(count: usize) -> Traces {
    let mut builder = TracesBuilder::with_capacity(1024);
    let mut resource = builder.resource(|_| {});
    let mut scope = resource.scope(|_| {});
    for at in 0..count {
        scope.span(|span| {
            span.name(&format!("span {at}"));
        });
    }
    builder.finish()
}

/// A client that is known.
#[derive(Debug)]
struct Known;

impl Authentication for Known {
    fn attribute(&self, _: &str) -> Option<String> {
        None
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn processor(config: &BatchConfig) -> (Arc<BatchProcessor<Traces>>, TestHost) {
    assert!(config.validate().is_empty());
    let host = TestHost::new(ComponentKind::Processor, "batch");
    (Arc::new(BatchProcessor::new(config, &host.host())), host)
}

async fn add(
    processor: &BatchProcessor<Traces>,
    count: usize,
    next: &Next<Traces>,
) -> Result<(), ConsumeError> {
    processor.process(spans(count), Context::new(), next).await
}

fn sizes(sink: &Sink<Traces>) -> Vec<usize> {
    sink.received().iter().map(Traces::items).collect()
}

#[tokio::test(start_paused = true)]
async fn flushes_when_the_size_is_reached_and_what_is_left_after_the_timeout() {
    let (processor, _host) = processor(&BatchConfig { send_batch_size: 10, ..BatchConfig::default() });
    let sink = Sink::new();
    for count in [4, 4, 4, 3] {
        add(&processor, count, &sink.next()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(sizes(&sink), [12]);
    tokio::time::sleep(Duration::from_millis(201)).await;
    assert_eq!(sizes(&sink), [12, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_never_exceeds_the_maximum_and_the_rest_begins_the_next() {
    let config = BatchConfig { send_batch_size: 10, send_batch_max_size: 10, ..BatchConfig::default() };
    let (processor, _host) = processor(&config);
    let sink = Sink::new();
    add(&processor, 25, &sink.next()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(sizes(&sink), [10, 10]);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(sizes(&sink), [10, 10, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_retryable_failure_keeps_the_batch_and_refuses_what_has_no_room() {
    let (processor, host) = processor(&BatchConfig { send_batch_size: 10, ..BatchConfig::default() });
    let sink = Sink::new();
    sink.fail(Some(ConsumeError::retryable("not now")));
    add(&processor, 10, &sink.next()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    add(&processor, 10, &sink.next()).await.unwrap();
    let error = add(&processor, 10, &sink.next()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.to_string(), "not now");
    sink.fail(None);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(sizes(&sink), [10, 10]);
    assert_eq!(host.dropped("permanent"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_drops_the_batch_and_counts_it() {
    let (processor, host) = processor(&BatchConfig { send_batch_size: 10, ..BatchConfig::default() });
    let sink = Sink::new();
    sink.fail_once(ConsumeError::permanent("never"));
    add(&processor, 11, &sink.next()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    add(&processor, 12, &sink.next()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(sizes(&sink), [12]);
    assert_eq!(host.dropped("permanent"), 11);
}

#[tokio::test(start_paused = true)]
async fn before_a_durable_stage_callers_get_the_answer_of_their_batch() {
    let (processor, _host) =
        processor(&BatchConfig { timeout: Duration::from_secs(60), ..BatchConfig::default() });
    let sink = Sink::new().with_strength(Strength::Durable);
    sink.fail_once(ConsumeError::retryable("disk full"));
    let started = Instant::now();
    let error = add(&processor, 1, &sink.next()).await.unwrap_err();
    assert_eq!(error.to_string(), "disk full");
    assert_eq!(started.elapsed(), Duration::from_millis(200));
    add(&processor, 1, &sink.next()).await.unwrap();
    assert_eq!(sizes(&sink), [1]);
    assert_eq!(Processor::<Traces>::strength(&*processor, Strength::Durable), Strength::Durable);
}

#[tokio::test(start_paused = true)]
async fn an_immediate_answer_is_only_held_even_before_a_durable_stage() {
    let config = BatchConfig { acknowledgement: Acknowledgement::Immediate, ..BatchConfig::default() };
    let (processor, _host) = processor(&config);
    let sink = Sink::new().with_strength(Strength::Durable);
    add(&processor, 1, &sink.next()).await.unwrap();
    assert_eq!(sink.calls(), 0);
    assert_eq!(Processor::<Traces>::strength(&*processor, Strength::Durable), Strength::Held);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_hands_on_what_is_held() {
    let (processor, host) = processor(&BatchConfig::default());
    let sink = Sink::new();
    add(&processor, 3, &sink.next()).await.unwrap();
    processor.shutdown(Instant::now() + Duration::from_secs(5)).await;
    assert_eq!(sizes(&sink), [3]);
    assert_eq!(host.dropped("shutdown"), 0);
    assert_eq!(host.tasks(), 0);
    assert!(add(&processor, 1, &sink.next()).await.unwrap_err().is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_before_a_stage_that_hangs_or_fails_ends_at_the_deadline_and_counts() {
    for hang in [true, false] {
        let (processor, host) = processor(&BatchConfig { send_batch_size: 10, ..BatchConfig::default() });
        let sink = Sink::new();
        if hang {
            sink.stall();
        } else {
            sink.fail(Some(ConsumeError::retryable("not now")));
        }
        add(&processor, 10, &sink.next()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        add(&processor, 3, &sink.next()).await.unwrap();
        let started = Instant::now();
        processor.shutdown(started + Duration::from_secs(5)).await;
        assert!(started.elapsed() <= Duration::from_secs(6));
        assert_eq!(host.dropped("shutdown"), 13, "hang: {hang}");
        assert_eq!(host.tasks(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_keeps_batches_apart_goes_on_and_is_limited() {
    let config = BatchConfig {
        metadata_keys: vec!["Tenant".to_owned()],
        metadata_cardinality_limit: 2,
        ..BatchConfig::default()
    };
    let (processor, _host) = processor(&config);
    let sink = Sink::new();
    let mut results = Vec::new();
    for tenant in ["a", "b", "a", "c"] {
        let mut metadata = Metadata::new();
        metadata.append("tenant", tenant);
        metadata.append("secret", "x");
        let context = Context::new().with_metadata(metadata).with_authentication(Arc::new(Known));
        results.push(processor.process(spans(2), context, &sink.next()).await);
    }
    let error = results.pop().unwrap().unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(error.to_string(), "too many batcher metadata-value combinations");
    assert!(results.iter().all(Result::is_ok));
    tokio::time::sleep(Duration::from_millis(250)).await;
    let mut got: Vec<_> = std::iter::zip(sizes(&sink), sink.contexts())
        .map(|(size, context)| {
            (context.metadata().get("tenant")[0].to_string(), size, context.metadata().get("secret").len())
        })
        .collect();
    got.sort_unstable();
    assert_eq!(got, [("a".to_owned(), 4, 0), ("b".to_owned(), 2, 0)]);
    // A batch is of several clients.
    assert!(sink.contexts().iter().all(|context| context.authentication().is_none()));
}

#[tokio::test(start_paused = true)]
async fn without_a_timeout_requests_go_on_at_once_with_the_answer_of_the_next_stage() {
    let config = BatchConfig { timeout: Duration::ZERO, send_batch_max_size: 8192, ..BatchConfig::default() };
    let (processor, _host) = processor(&config);
    let sink = Sink::new();
    add(&processor, 3, &sink.next()).await.unwrap();
    assert_eq!(sizes(&sink), [3]);
    sink.fail_once(ConsumeError::permanent("no"));
    assert!(add(&processor, 3, &sink.next()).await.unwrap_err().is_permanent());
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_is_kept_when_what_follows_becomes_one_to_wait_for() {
    let (processor, _host) = processor(&BatchConfig::default());
    let sink = Sink::new();
    let next = sink.next();
    add(&processor, 3, &next).await.unwrap();
    // As when the exporter is exchanged for one with a persistent queue.
    let sink = sink.with_strength(Strength::Durable);
    sink.fail_once(ConsumeError::retryable("not now"));
    let waiting = add(&processor, 2, &next).await;
    assert!(waiting.unwrap_err().is_retryable());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(sizes(&sink), [3]);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_refused_for_good_does_not_keep_back_the_others() {
    let config = BatchConfig {
        timeout: Duration::ZERO,
        send_batch_size: 2,
        send_batch_max_size: 2,
        ..BatchConfig::default()
    };
    let (processor, _host) = processor(&config);
    let sink = Sink::new();
    sink.fail_once(ConsumeError::permanent("not this"));
    let answer = add(&processor, 5, &sink.next()).await;
    assert!(answer.unwrap_err().is_permanent());
    assert_eq!(sizes(&sink), [2, 1]);
}
