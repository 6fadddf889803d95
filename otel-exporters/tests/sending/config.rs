use std::time::Duration;

use otel_core::config::gates::FeatureGates;
use otel_core::config::{Decoder, Diagnostics, Source, parse};
use otel_exporters::sending::{BatchConfig, SendingConfig, Sizer};

use super::scripted::{Config, read};

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
        (
            "sending_queue: { storage: file_storage, wait_for_result: true }",
            "`wait_for_result` is not supported with a persistent queue configured with `storage`",
        ),
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
        ("timeout: -1s", "'timeout' must be non-negative"),
        (
            "retry_on_failure: { enabled: false, initial_interval: -1s }",
            "initial_interval value must be greater than or equal to 0",
        ),
        ("sending_queue: { queue_size: -1 }", "`queue_size` must be positive"),
        (
            "sending_queue: { batch: { flush_timeout: -1s } }",
            "`flush_timeout` must be positive, found -1000000000",
        ),
        ("sending_queue: { batch: { flush_timeout: 0 } }", "`flush_timeout` must be positive, found 0"),
        ("sending_queue: { batch: { min_size: -1 } }", "`min_size` must be non-negative, found -1"),
        ("sending_queue: { batch: { max_size: -2 } }", "`max_size` must be non-negative, found -2"),
        (
            "sending_queue: { batch: { min_size: 10, max_size: 5 } }",
            "`max_size` (5) must be greater or equal to `min_size` (10)",
        ),
        (
            "sending_queue: { sizer: items, batch: { min_size: 1001 } }",
            "`min_size` must be less than or equal to `queue_size`",
        ),
        (
            "sending_queue: { sizer: requests, batch: { min_size: 1 } }",
            "`batch` supports only `items` or `bytes` sizer, found \"requests\"",
        ),
        (
            "sending_queue: { batch: { partition: { metadata_keys: [a, A] } } }",
            "duplicate entry in metadata_keys: \"a\" (case-insensitive)",
        ),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
}

/// The batch of a queue that has one.
fn batch(yaml: &str) -> Option<BatchConfig> {
    read(yaml).unwrap().sending_queue.get().unwrap().batch.get().cloned()
}

#[test]
fn batches_are_made_where_they_are_named() {
    assert!(batch("sending_queue: {}").is_none());
    assert!(batch("sending_queue: { batch: { enabled: false, min_size: 9 } }").is_none());
    for yaml in ["sending_queue: { batch: }", "sending_queue: { batch: {} }"] {
        let batch = batch(yaml).unwrap();
        assert_eq!((batch.min_size, batch.max_size, batch.sizer), (8192, 0, Sizer::Items));
        assert_eq!(batch.flush_timeout, Duration::from_millis(200));
        assert!(batch.partition.metadata_keys.is_empty());
    }
}

#[test]
fn a_batch_counts_what_its_queue_does_where_only_that_says() {
    let sizer = |yaml| batch(yaml).unwrap().sizer;
    assert_eq!(sizer("sending_queue: { sizer: bytes, queue_size: 9000, batch: {} }"), Sizer::Bytes);
    assert_eq!(sizer("sending_queue: { sizer: bytes, batch: { sizer: items } }"), Sizer::Items);
    assert_eq!(sizer("sending_queue: { sizer: bytes, batch: }"), Sizer::Items);
    assert_eq!(sizer("sending_queue: { batch: {} }"), Sizer::Items);
}

#[test]
fn the_gate_makes_batches_where_the_configuration_does_not_say() {
    let mut gates = FeatureGates::default();
    gates.set("pkg.exporterhelper.queueBatchEnabled").unwrap();
    for (yaml, expected) in
        [("sending_queue:", true), ("sending_queue: { batch: { enabled: false } }", false)]
    {
        let (config, _) = decode(yaml, gates.clone());
        assert_eq!(config.unwrap().sending_queue.get().unwrap().batch.is_some(), expected, "{yaml}");
    }
}

#[test]
fn the_former_batcher_makes_the_same_batches_and_says_what_to_write() {
    let former = "batcher: { enabled: true, flush_timeout: 1s, min_size_items: 10, max_size_items: 20 }";
    let (config, told) = decode(former, FeatureGates::default());
    let config = config.unwrap();
    let queue = config.sending_queue.get().unwrap();
    let batch = queue.batch.get().unwrap();
    assert_eq!((batch.flush_timeout.as_secs(), batch.min_size, batch.max_size), (1, 10, 20));
    assert!(!queue.wait_for_result);
    let today = "{ flush_timeout: 1s, min_size: 10, max_size: 20, sizer: items }";
    assert!(told.contains(&format!("help: write `sending_queue: {{ batch: {today} }}`")), "{told}");
    assert!(told.contains("`min_size_items` is now called `min_size`"), "{told}");

    // It was off by default, and without a queue its callers waited.
    assert!(
        decode("batcher:", FeatureGates::default())
            .0
            .unwrap()
            .sending_queue
            .get()
            .unwrap()
            .batch
            .get()
            .is_none()
    );
    let (config, told) =
        decode("{ sending_queue: { enabled: false }, batcher: { enabled: true } }", FeatureGates::default());
    let config = config.unwrap();
    assert!(config.sending_queue.get().is_some_and(|queue| queue.wait_for_result && queue.batch.is_some()));
    assert!(told.contains("wait_for_result: true, block_on_overflow: true"), "{told}");

    let both = "{ sending_queue: { batch: { min_size: 1 } }, batcher: { enabled: true, min_size: 2 } }";
    let (config, told) = decode(both, FeatureGates::default());
    assert_eq!(config.unwrap().sending_queue.get().unwrap().batch.get().unwrap().min_size, 1);
    assert!(told.contains("`sending_queue::batch` is also there and wins"), "{told}");
}

/// The configuration, and all that was said of it.
fn decode(yaml: &str, gates: FeatureGates) -> (Option<SendingConfig>, String) {
    let mut diagnostics = Diagnostics::new();
    let node = parse(&Source::new("exporter.yaml", yaml), &mut diagnostics).unwrap();
    let mut decoder = Decoder::new(diagnostics).with_gates(gates);
    let read = decoder.component::<Config>(&node);
    (read.map(|Config(config)| config), decoder.into_diagnostics().to_string())
}
