use std::time::Duration;

use otel_core::component::{Code, ConsumeError, Context, Exporter as _, Strength};

use super::scripted::{Scripted, started};
use super::support::{Seen, spans};

const NO_QUEUE: &str = "{ timeout: 1s, sending_queue: { enabled: false } }";

#[tokio::test(start_paused = true)]
async fn retryable_failures_are_tried_again_later_and_later() {
    let (seen, scripted) = (Seen::new(), Scripted::new(vec![ConsumeError::retryable("busy"); 3]));
    let sending = started(NO_QUEUE, &scripted, &seen).await;
    sending.export(spans(3), Context::new()).await.unwrap();
    assert_eq!(scripted.seconds(), [0, 5, 13, 24]);
    assert!(seen.logged("info Exporting failed. Will retry the request after interval. error=\"busy\""));
    assert_eq!(seen.counted("otelcol_exporter_sent_spans"), 3);
    assert_eq!(seen.counted("otelcol_exporter_send_failed_spans"), 0);
    assert_eq!(sending.strength(), Strength::Held);
}

#[tokio::test(start_paused = true)]
async fn the_servers_delay_is_waited_for_where_it_is_longer() {
    let throttled = |seconds| ConsumeError::retryable("busy").with_retry_after(Duration::from_secs(seconds));
    let (seen, scripted) = (Seen::new(), Scripted::new([throttled(60), throttled(1)]));
    let sending = started(NO_QUEUE, &scripted, &seen).await;
    sending.export(spans(1), Context::new()).await.unwrap();
    assert_eq!(scripted.seconds(), [0, 60, 68]);
}

#[tokio::test(start_paused = true)]
async fn a_delay_without_sense_counts_as_a_day() {
    const DAY: u64 = 24 * 60 * 60;
    let (seen, hostile) = (Seen::new(), ConsumeError::retryable("busy").with_retry_after(Duration::MAX));
    let scripted = Scripted::new([hostile.clone()]);
    let yaml = "{ sending_queue: { enabled: false }, retry_on_failure: { max_elapsed_time: 0 } }";
    started(yaml, &scripted, &seen).await.export(spans(1), Context::new()).await.unwrap();
    assert_eq!(scripted.seconds(), [0, DAY]);

    let scripted = Scripted::new([hostile]);
    let error = started(NO_QUEUE, &scripted, &seen).await.export(spans(1), Context::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "no more retries left: busy");
}

#[tokio::test(start_paused = true)]
async fn permanent_failures_are_not_tried_again() {
    let permanent = ConsumeError::permanent("bad").with_code(Code::InvalidArgument);
    let (seen, scripted) = (Seen::new(), Scripted::new([permanent]));
    let sending = started(NO_QUEUE, &scripted, &seen).await;
    let error = sending.export(spans(3), Context::new()).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(error.code(), Some(Code::InvalidArgument));
    assert_eq!(error.to_string(), "not retryable error: Permanent error: bad");
    assert_eq!(scripted.attempts(), [3]);
    assert_eq!(seen.counted("otelcol_exporter_send_failed_spans"), 3);
    assert!(seen.logged("Rejecting data. Try enabling sending_queue to survive temporary failures."));
}

#[tokio::test(start_paused = true)]
async fn retries_end_before_the_elapsed_time_and_the_callers_deadline() {
    let busy = || Scripted::new(vec![ConsumeError::retryable("busy"); 99]);
    let (seen, scripted) = (Seen::new(), busy());
    let sending = started(NO_QUEUE, &scripted, &seen).await;
    let error = sending.export(spans(1), Context::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "no more retries left: busy");
    assert!(error.is_retryable());
    assert!(*scripted.seconds().last().unwrap() <= 300);

    let (seen, scripted) = (Seen::new(), busy());
    let sending = started(NO_QUEUE, &scripted, &seen).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(3);
    let error = sending.export(spans(1), Context::new().with_deadline(deadline)).await.unwrap_err();
    assert_eq!(error.to_string(), "request will be cancelled before next retry: busy");
    assert_eq!(scripted.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_retries_the_first_failure_is_the_answer() {
    let yaml = "{ sending_queue: { enabled: false }, retry_on_failure: { enabled: false } }";
    let (seen, scripted) = (Seen::new(), Scripted::new([ConsumeError::retryable("busy")]));
    let sending = started(yaml, &scripted, &seen).await;
    let error = sending.export(spans(1), Context::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "busy");
    assert!(seen.logged("Try enabling retry_on_failure config option to retry on retryable errors."));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_given_up_and_tried_again() {
    let (seen, scripted) = (Seen::new(), Scripted::closed());
    let sending = started(NO_QUEUE, &scripted, &seen).await;
    let export = tokio::spawn(async move { sending.export(spans(1), Context::new()).await });
    tokio::time::sleep(Duration::from_secs(4)).await;
    scripted.open(1);
    export.await.unwrap().unwrap();
    assert_eq!(scripted.seconds(), [0, 6]);
    assert!(seen.logged("context deadline exceeded"));
}
