use std::time::Duration;

use otel_core::component::{Component as _, ConsumeError, Context, Exporter as _};
use tokio::time::Instant;

use super::scripted::{Scripted, settle, started};
use super::support::{Seen, spans};

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_sent_before_the_end() {
    let (seen, scripted) = (Seen::new(), Scripted::new([]));
    let sending = started("sending_queue: { num_consumers: 1 }", &scripted, &seen).await;
    for _ in 0..20 {
        sending.export(spans(2), Context::new()).await.unwrap();
    }
    sending.shutdown(Instant::now() + Duration::from_secs(5)).await;
    assert_eq!(seen.counted("otelcol_exporter_sent_spans"), 40);
    assert_eq!(seen.counted("otelcol_dropped_items"), 0);
    assert!(sending.export(spans(1), Context::new()).await.unwrap_err().is_retryable());
    // A second time is no harm.
    sending.shutdown(Instant::now()).await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_retry_ends_with_a_last_attempt_and_the_rest_is_tried_once() {
    let (seen, scripted) = (Seen::new(), Scripted::new(vec![ConsumeError::retryable("busy"); 3]));
    let sending = started("sending_queue: { num_consumers: 1 }", &scripted, &seen).await;
    for count in 1..=4 {
        sending.export(spans(count), Context::new()).await.unwrap();
    }
    settle().await;
    assert_eq!(scripted.attempts(), [1]);
    let begun = Instant::now();
    sending.shutdown(begun + Duration::from_secs(60)).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(scripted.attempts(), [1, 1, 2, 3, 4]);
    assert_eq!(seen.counted("otelcol_exporter_sent_spans"), 3 + 4);
    assert_eq!(seen.metrics.counted("otelcol_dropped_items", &[("reason", "shutdown")]), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_deadline_is_dropped_and_counted() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let sending = started("{ timeout: 0, sending_queue: { num_consumers: 1 } }", &scripted, &seen).await;
    for count in 1..=3 {
        sending.export(spans(count), Context::new()).await.unwrap();
    }
    settle().await;
    let begun = Instant::now();
    sending.shutdown(begun + Duration::from_secs(2)).await;
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(scripted.attempts(), [1]);
    // The one that was being sent, too: nobody knows what became of it.
    assert_eq!(seen.metrics.counted("otelcol_dropped_items", &[("reason", "shutdown")]), 1 + 2 + 3);
}
