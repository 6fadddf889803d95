use std::time::Duration;

use otel_exporters::sending::Sizer;

use super::scripted::read;

#[test]
fn the_queue_and_retries_are_on_by_default() {
    let config = read("{}").unwrap();
    let queue = config.sending_queue.get().unwrap();
    assert_eq!((queue.num_consumers, queue.queue_size, queue.sizer), (10, 1000, Sizer::Requests));
    assert!(config.retry_on_failure.enabled);
    assert_eq!(config.timeout, Duration::from_secs(5));
}

#[test]
fn keys_are_read() {
    let config = read(
        "
timeout: 0
sending_queue: { num_consumers: 2, queue_size: 7, sizer: bytes, block_on_overflow: true, wait_for_result: true }
retry_on_failure: { enabled: false, max_elapsed_time: 0 }
",
    )
    .unwrap();
    let queue = config.sending_queue.get().unwrap();
    assert_eq!((queue.num_consumers, queue.queue_size, queue.sizer), (2, 7, Sizer::Bytes));
    assert!(queue.block_on_overflow && queue.wait_for_result && !config.retry_on_failure.enabled);
    assert!(!read("sending_queue: { enabled: false, queue_size: 0 }").unwrap().sending_queue.is_some());
}

#[test]
fn what_does_not_work_is_refused_by_name() {
    for (yaml, error) in [
        ("sending_queue: { queue_size: 0 }", "`queue_size` must be positive"),
        ("sending_queue: { num_consumers: 0 }", "`num_consumers` must be positive"),
        ("sending_queue: { storage: file_storage }", "`storage` is not supported"),
        ("sending_queue: { batch: }", "`batch` is not supported"),
        ("sending_queue: { sizer: metres }", "metres"),
        (
            "retry_on_failure: { max_elapsed_time: 10s }",
            "'max_elapsed_time' must not be less than 'max_interval'",
        ),
        (
            "retry_on_failure: { initial_interval: 6m }",
            "'max_elapsed_time' must not be less than 'initial_interval'",
        ),
        (
            "retry_on_failure: { randomization_factor: 1.5 }",
            "randomization_factor value must be less than or equal to 1",
        ),
        ("retry_on_failure: { multiplier: -1 }", "multiplier value must be greater than or equal to 0"),
        ("timeout: -1s", "timeout"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
}
