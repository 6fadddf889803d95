use std::time::Duration;

use otel_core::component::{ComponentKind, ConsumeError, Context, Exporter as _, Strength};
use otel_core::testing::TestHost;
use tokio::time::Instant;

use super::scripted::{Scripted, settle, started};
use super::support::{Seen, spans};

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_counts_what_is_being_sent() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let sending = started("sending_queue: { num_consumers: 1, queue_size: 2 }", &scripted, &seen).await;
    for _ in 0..2 {
        sending.export(spans(1), Context::new()).await.unwrap();
    }
    settle().await;
    // One is queued and one is being sent.
    assert_eq!(scripted.attempts().len(), 1);
    let error = sending.export(spans(5), Context::new()).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.is_retryable()), ("sending queue is full", true));
    assert_eq!(seen.counted("otelcol_exporter_enqueue_failed_spans"), 5);
    assert!(
        seen.logged(
            "error Exporting failed. Rejecting data. error=\"sending queue is full\" rejected_items=5"
        )
    );

    assert!(sending.admit(&spans(0)).is_ok(), "where nobody knows how many they are, nobody can count them");
    assert!(sending.admit(&spans(2)).is_err());
    assert_eq!(seen.counted("otelcol_exporter_enqueue_failed_spans"), 7, "what a look refuses is refused");
    assert!(
        seen.logged(
            "error Exporting failed. Rejecting data. error=\"sending queue is full\" rejected_items=2"
        )
    );

    scripted.open(1);
    settle().await;
    assert!(sending.admit(&spans(1)).is_ok());
    sending.export(spans(1), Context::new()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_is_told_it_has_to_keep_counts_as_not_queued() {
    let (seen, scripted) = (Seen::new(), Scripted::refusing([true]));
    let sending = started("sending_queue: { wait_for_result: true }", &scripted, &seen).await;
    sending.export(spans(5), Context::new()).await.unwrap_err();
    assert_eq!(seen.counted("otelcol_exporter_enqueue_failed_spans"), 5);
    let rejecting =
        "error Exporting failed. Rejecting data. error=\"not retryable error: Permanent error: refused\"";
    assert!(seen.logged(&format!("{rejecting} rejected_items=5")));
    sending.export(spans(5), Context::new()).await.unwrap();
    assert_eq!(seen.counted("otelcol_exporter_enqueue_failed_spans"), 5);
}

#[tokio::test(start_paused = true)]
async fn the_size_is_counted_in_what_the_sizer_says() {
    for (sizer, fits, too_large) in [("items", 10, 11), ("bytes", 3, 4)] {
        let (seen, scripted) = (Seen::new(), Scripted::closed());
        let yaml = format!("sending_queue: {{ queue_size: 10, sizer: {sizer} }}");
        let sending = started(&yaml, &scripted, &seen).await;
        let error = sending.export(spans(too_large), Context::new()).await.unwrap_err();
        assert_eq!(error.to_string(), "element size too large");
        sending.export(spans(fits), Context::new()).await.unwrap();
        assert_eq!(
            sending.export(spans(1), Context::new()).await.unwrap_err().to_string(),
            "sending queue is full"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_blocking_queue_waits_for_room_until_the_deadline() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let yaml = "{ timeout: 0, sending_queue: { num_consumers: 1, queue_size: 1, block_on_overflow: true } }";
    let sending = started(yaml, &scripted, &seen).await;
    sending.export(spans(1), Context::new()).await.unwrap();
    let begun = Instant::now();
    let context = Context::new().with_deadline(begun + Duration::from_secs(2));
    assert_eq!(sending.export(spans(1), context).await.unwrap_err().to_string(), "sending queue is full");
    assert_eq!(begun.elapsed().as_secs(), 2);

    let waiting = tokio::spawn({
        let sending = sending.clone();
        async move { sending.export(spans(7), Context::new()).await }
    });
    settle().await;
    assert!(!waiting.is_finished());
    scripted.open(2);
    waiting.await.unwrap().unwrap();
    settle().await;
    assert_eq!(scripted.attempts(), [1, 7]);
}

#[tokio::test(start_paused = true)]
async fn consumers_send_side_by_side() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let sending = started("sending_queue: { num_consumers: 3 }", &scripted, &seen).await;
    for _ in 0..5 {
        sending.export(spans(1), Context::new()).await.unwrap();
    }
    settle().await;
    assert_eq!(scripted.attempts().len(), 3);
    scripted.open(5);
    settle().await;
    assert_eq!(seen.counted("otelcol_exporter_sent_spans"), 5);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_for_the_result_gets_it() {
    let (seen, scripted) = (Seen::new(), Scripted::new([ConsumeError::permanent("bad")]));
    let sending = started("sending_queue: { wait_for_result: true }", &scripted, &seen).await;
    assert_eq!(sending.strength(), Strength::Delivered);
    assert!(sending.export(spans(1), Context::new()).await.unwrap_err().is_permanent());
    assert!(sending.export(spans(1), Context::new()).await.is_ok());
    // The caller knows of the failure, so it is no drop.
    assert_eq!(seen.counted("otelcol_dropped_items"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_behind_the_queue_is_a_counted_drop() {
    let (seen, scripted) =
        (Seen::new(), Scripted::new([ConsumeError::permanent("bad").with_reason("bad_data")]));
    let sending = started("{}", &scripted, &seen).await;
    sending.export(spans(4), Context::new()).await.unwrap();
    settle().await;
    assert_eq!(seen.metrics.counted("otelcol_dropped_items", &[("reason", "bad_data")]), 4);
    assert!(seen.logged("error Exporting failed. Dropping data. error="));
}

#[tokio::test(start_paused = true)]
async fn an_empty_request_is_taken_and_goes_no_further() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let sending = started("{}", &scripted, &seen).await;
    sending.export(spans(0), Context::new()).await.unwrap();
    settle().await;
    assert!(scripted.attempts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_its_request_only() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let sending = started("sending_queue: { num_consumers: 1 }", &scripted, &seen).await;
    for count in [13, 2] {
        sending.export(spans(count), Context::new()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(scripted.attempts(), [13, 2]);
    assert_eq!(seen.counted("otelcol_exporter_sent_spans"), 2);
    assert_eq!(seen.metrics.counted("otelcol_dropped_items", &[("reason", "panic")]), 13);
}

/// Sends so many requests, one after the other, to an exporter that takes 100 ms for each, and says how many were sent
/// when the last was taken, and the milliseconds that passed until then.
async fn taken_by_a_slow_backend(seen: &Seen, requests: usize) -> (usize, u128) {
    let scripted = Scripted::closed();
    let sending = started("sending_queue: { num_consumers: 2 }", &scripted, seen).await;
    let backend = scripted.clone();
    let opening = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            backend.open(1);
        }
    });
    let begun = Instant::now();
    for _ in 0..requests {
        sending.export(spans(1), Context::new()).await.unwrap();
        settle().await;
    }
    opening.abort();
    (scripted.attempts().len(), begun.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn producers_go_at_the_pace_of_a_backend_that_is_slower() {
    // Two are being sent and two wait; each of the others is taken when one was sent.
    assert_eq!(taken_by_a_slow_backend(&Seen::new(), 10).await, (8, 600));
}

#[tokio::test(start_paused = true)]
async fn an_exporter_with_siblings_does_not_hold_them_up() {
    let seen = Seen::of(TestHost::new(ComponentKind::Exporter, "scripted").with_siblings());
    assert_eq!(taken_by_a_slow_backend(&seen, 10).await, (2, 0));
}

#[tokio::test(start_paused = true)]
async fn the_queue_fills_at_once_while_a_backend_takes_nothing() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let sending = started("{ timeout: 0, sending_queue: { num_consumers: 1 } }", &scripted, &seen).await;
    let begun = Instant::now();
    for _ in 0..100 {
        sending.export(spans(1), Context::new()).await.unwrap();
    }
    // The first to find the queue in use waits for what does not come, the others know.
    assert_eq!(begun.elapsed().as_millis(), 250);
}

#[tokio::test(start_paused = true)]
async fn a_producer_waits_no_longer_than_its_deadline_for_a_slower_backend() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let sending = started("{ timeout: 0, sending_queue: { num_consumers: 1 } }", &scripted, &seen).await;
    for _ in 0..2 {
        sending.export(spans(1), Context::new()).await.unwrap();
        settle().await;
    }
    let begun = Instant::now();
    let context = Context::new().with_deadline(begun + Duration::from_millis(50));
    sending.export(spans(1), context).await.unwrap();
    assert_eq!(begun.elapsed().as_millis(), 50);
}
