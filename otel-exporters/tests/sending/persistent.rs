use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use otel_core::component::{
    Capabilities, Component as _, ComponentKind, ConsumeError, Context, Exporter as _, FileSettings,
    Metadata, Owner, Storage, Strength, TraceContext,
};
use otel_core::pdata::build::TracesBuilder;
use otel_core::pdata::{Signal as _, Traces};
use otel_core::testing::{MemoryStorage, TestHost};
use otel_exporters::sending::Sending;
use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use super::batching::{numbered, numbers};
use super::scripted::{Scripted, config};
use super::support::{Seen, spans};

const QUEUE: &str = "sending_queue: { storage: file_storage, num_consumers: 1 }";

/// A machine, on which collectors run one after the other.
struct Machine(Arc<MemoryStorage>);

/// A collector's exporter.
struct Collector {
    seen: Seen,
    sending: Arc<Sending<Traces, Scripted>>,
}

impl Machine {
    fn new() -> Self {
        Self(MemoryStorage::new())
    }

    fn collector(&self, yaml: &str, scripted: &Scripted) -> Collector {
        let mut capabilities = Capabilities::default();
        capabilities.set_provider("file_storage".parse().unwrap());
        capabilities.offer::<dyn Storage>(Arc::clone(&self.0) as Arc<dyn Storage>);
        capabilities.set_provider("other".parse().unwrap());
        let seen =
            Seen::of(TestHost::new(ComponentKind::Exporter, "scripted").with_capabilities(capabilities));
        let sending = Arc::new(Sending::new(scripted.clone(), &config(yaml), &seen.host, &[]));
        Collector { seen, sending }
    }

    async fn started(&self, yaml: &str, scripted: &Scripted) -> Collector {
        let collector = self.collector(yaml, scripted);
        collector.sending.start().await.unwrap();
        collector
    }

    fn owner() -> Owner {
        Owner::new(ComponentKind::Exporter, "scripted".parse().unwrap(), "traces")
    }
}

impl Collector {
    async fn put(&self, data: Traces) -> Result<(), ConsumeError> {
        self.sending.export(data, Context::new()).await
    }

    async fn stop(self) -> Seen {
        self.sending.shutdown(Instant::now() + Duration::from_secs(5)).await;
        self.seen
    }

    fn dropped(&self, reason: &str) -> u64 {
        self.seen.metrics.counted("otelcol_dropped_items", &[("reason", reason)])
    }
}

/// Lets everything happen that does not take long.
async fn moment() {
    sleep(Duration::from_millis(100)).await;
}

fn sent(scripted: &Scripted) -> Vec<usize> {
    scripted.requests().iter().filter(|(.., taken)| *taken).flat_map(|(data, ..)| numbers(data)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_survives_a_kill_and_goes_once_it_is_sent() {
    let machine = Machine::new();
    let first = Scripted::closed();
    let collector = machine.started(QUEUE, &first).await;
    assert_eq!(collector.sending.strength(), Strength::Durable);
    for number in 0..5 {
        collector.put(numbered(number, &[1])).await.unwrap();
    }
    first.open(2);
    moment().await;
    assert_eq!(sent(&first), [0, 1]);
    machine.0.kill();
    drop(collector);

    let second = Scripted::new([]);
    let collector = machine.started(QUEUE, &second).await;
    collector.put(numbered(5, &[1])).await.unwrap();
    moment().await;
    assert_eq!(sent(&second), [2, 3, 4, 5]);
    assert!(collector.seen.logged("info Requests from before are in the persistent queue. requests=3"));
    collector.stop().await;

    let third = Scripted::new([]);
    machine.started(QUEUE, &third).await;
    moment().await;
    assert!(third.attempts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_leaves_what_is_not_sent_and_drops_nothing() {
    let machine = Machine::new();
    let busy = Scripted::new(vec![ConsumeError::retryable("busy"); 99]);
    let collector = machine.started(QUEUE, &busy).await;
    for number in 0..4 {
        collector.put(numbered(number, &[1])).await.unwrap();
    }
    moment().await;
    let begun = Instant::now();
    let seen = collector.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    // The one that waited for a retry was tried for a last time, and the rest not at all.
    assert_eq!(busy.attempts(), [1, 1]);
    assert_eq!(seen.counted("otelcol_dropped_items"), 0);
    assert!(!seen.logged("Dropping data"));
    assert!(seen.logged("info Requests stay in the persistent queue. requests=4"));

    let second = Scripted::new([]);
    machine.started(QUEUE, &second).await;
    moment().await;
    assert_eq!(sent(&second), [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_is_being_sent_at_the_deadline_comes_again() {
    let machine = Machine::new();
    let yaml = "{ timeout: 0, sending_queue: { storage: file_storage } }";
    let collector = machine.started(yaml, &Scripted::closed()).await;
    collector.put(numbered(7, &[2])).await.unwrap();
    moment().await;
    let seen = collector.stop().await;
    assert_eq!(seen.counted("otelcol_dropped_items"), 0);

    let second = Scripted::new([]);
    machine.started(QUEUE, &second).await;
    moment().await;
    assert_eq!(sent(&second), [7, 8]);
}

#[tokio::test(start_paused = true)]
async fn what_the_backend_refuses_for_good_is_counted_and_does_not_come_again() {
    let machine = Machine::new();
    let refusing = Scripted::new([ConsumeError::permanent("bad").with_reason("bad_data")]);
    let collector = machine.started(QUEUE, &refusing).await;
    // One is refused, one makes the exporter panic.
    for count in [3, 13] {
        collector.put(spans(count)).await.unwrap();
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!((collector.dropped("bad_data"), collector.dropped("panic")), (3, 13));
    collector.stop().await;

    let second = Scripted::new([]);
    machine.started(QUEUE, &second).await;
    moment().await;
    assert!(second.attempts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn traces_and_metadata_are_stored_but_no_credentials() {
    let machine = Machine::new();
    let mut metadata = Metadata::new();
    for key in ["x-scope", "authorization", "cookie"] {
        metadata.append(key, "value");
    }
    let trace = TraceContext { trace_id: [1; 16], span_id: [2; 8], flags: 1 };
    let context = Context::new().with_metadata(metadata).with_trace(trace);
    for (yaml, keys) in [
        (QUEUE, vec!["x-scope"]),
        (
            "sending_queue: { storage: file_storage, batch: { min_size: 1, partition: { metadata_keys: [Cookie] } } }",
            vec!["cookie"],
        ),
    ] {
        let closed = Scripted::closed();
        let collector = machine.started(yaml, &closed).await;
        collector.sending.export(spans(1), context.clone()).await.unwrap();
        moment().await;
        machine.0.kill();
        drop(collector);

        let second = Scripted::new([]);
        let collector = machine.started(yaml, &second).await;
        moment().await;
        let (_, sent, _) = &second.requests()[0];
        assert_eq!(sent.metadata().iter().map(|(key, _)| key).collect::<Vec<_>>(), keys);
        assert_eq!(sent.trace(), Some(&trace));
        let stored: Vec<u8> = machine
            .0
            .names(&Machine::owner())
            .iter()
            .flat_map(|name| machine.0.content(&Machine::owner(), name))
            .collect();
        assert!(!stored.windows(13).any(|bytes| bytes == b"authorization"));
        collector.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_from_before_takes_room() {
    for (sizer, count) in [("requests", 1), ("items", 1), ("bytes", numbered(0, &[1]).encoded_len())] {
        let machine = Machine::new();
        let yaml =
            format!("sending_queue: {{ storage: file_storage, sizer: {sizer}, queue_size: {} }}", 3 * count);
        let closed = Scripted::closed();
        let collector = machine.started(&yaml, &closed).await;
        for _ in 0..2 {
            collector.put(numbered(0, &[1])).await.unwrap();
        }
        moment().await;
        collector.stop().await;

        let collector = machine.started(&yaml, &closed).await;
        moment().await;
        collector.put(numbered(0, &[1])).await.unwrap();
        let error = collector.put(numbered(0, &[1])).await.unwrap_err();
        assert_eq!(error.to_string(), "sending queue is full", "{sizer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_request_is_counted_and_the_others_are_sent() {
    let machine = Machine::new();
    let collector = machine.started(QUEUE, &Scripted::closed()).await;
    for number in 0..3 {
        collector.put(numbered(number, &[1])).await.unwrap();
    }
    moment().await;
    machine.0.kill();
    drop(collector);
    let name = &machine.0.names(&Machine::owner())[0];
    machine.0.damage(&Machine::owner(), name, |bytes| {
        let at = bytes.windows(3).rposition(|bytes| bytes == [0x2a, 1, b'1']).unwrap();
        bytes[at + 2] = b'9';
    });

    let second = Scripted::new([]);
    let collector = machine.started(QUEUE, &second).await;
    moment().await;
    assert_eq!(sent(&second), [0, 2]);
    assert_eq!(collector.dropped("storage_damaged"), 1);
    assert!(collector.seen.logged("error A damaged request in the persistent queue is lost."));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_for_a_while() {
    let machine = Machine::new();
    let scripted = Scripted::closed();
    let collector = machine.started(QUEUE, &scripted).await;
    collector.put(numbered(0, &[1])).await.unwrap();
    machine.0.set_capacity(Some(machine.0.used()));
    let error = collector.put(numbered(1, &[1])).await.unwrap_err();
    assert!(error.is_retryable() && error.retry_after().is_some());
    assert_eq!(
        error.to_string(),
        "sending queue is full",
        "where the files are is not the client's business"
    );
    assert!(
        collector.seen.logged("error=\"sending queue is full: no space is left for 0000000000000001.log")
    );
    assert_eq!(collector.seen.counted("otelcol_exporter_enqueue_failed_spans"), 1);
    // What is there is sent, which needs no room.
    scripted.open(1);
    moment().await;
    assert_eq!(sent(&scripted), [0]);

    machine.0.set_capacity(None);
    collector.put(numbered(2, &[1])).await.unwrap();
    scripted.open(1);
    moment().await;
    assert_eq!(sent(&scripted), [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_full_has_room_again_when_something_is_sent() {
    let settings = FileSettings::new().with_max_size(200 << 10);
    let machine = Machine(Arc::new(MemoryStorage::seeded(0).with_settings(settings)));
    let scripted = Scripted::closed();
    let yaml =
        "{ timeout: 0, sending_queue: { storage: file_storage, num_consumers: 1, block_on_overflow: true } }";
    let collector = machine.started(yaml, &scripted).await;
    let large = || numbered(0, &[4000]);
    let mut taken = 0;
    while collector.put(large()).await.is_ok() {
        taken += 1;
    }
    assert!((2..8).contains(&taken), "{taken}");
    let sending = Arc::clone(&collector.sending);
    let waiting = tokio::spawn(async move { sending.export(large(), Context::new()).await });
    moment().await;
    assert!(!waiting.is_finished());
    scripted.open(taken);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_full_says_when_to_come_again() {
    let settings = FileSettings::new().with_max_size(200 << 10);
    let machine = Machine(Arc::new(MemoryStorage::seeded(0).with_settings(settings)));
    let scripted = Scripted::closed();
    let collector =
        machine.started("{ timeout: 0, sending_queue: { storage: file_storage } }", &scripted).await;
    let large = || numbered(0, &[4000]);
    let mut taken = 0;
    while collector.sending.admit(&large()).is_ok() {
        collector.put(large()).await.unwrap();
        taken += 1;
    }
    for error in [collector.sending.admit(&large()).unwrap_err(), collector.put(large()).await.unwrap_err()] {
        assert_eq!(error.to_string(), "sending queue is full");
        assert_eq!((error.is_retryable(), error.retry_after()), (true, Some(Duration::from_secs(1))));
    }
    scripted.open(taken);
    moment().await;
    collector.sending.admit(&large()).unwrap();
    collector.put(large()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outage_takes_a_bounded_part_of_memory_and_loses_nothing() {
    let machine = Machine::new();
    let scripted = Scripted::closed();
    let yaml = "{ timeout: 0, sending_queue: { storage: file_storage, queue_size: 10000 } }";
    let collector = machine.started(yaml, &scripted).await;
    let mut buffers = Vec::new();
    for number in 0..1_200 {
        let mut traces = TracesBuilder::new();
        traces.resource(|_| {}).scope(|_| {}).span(|span| {
            span.name(&format!("{number:020000}"));
        });
        let buffer = traces.finish().to_bytes();
        collector.put(Traces::from_bytes(buffer.clone()).unwrap()).await.unwrap();
        buffers.push(buffer);
    }
    moment().await;
    let all: usize = buffers.iter().map(Bytes::len).sum();
    let held: usize = buffers.iter().filter(|buffer| !buffer.is_unique()).map(Bytes::len).sum();
    assert!(all > 22 << 20 && held <= 17 << 20, "{held} of {all} bytes are held");
    drop(buffers);

    scripted.open(1_200);
    moment().await;
    assert_eq!(collector.seen.counted("otelcol_exporter_sent_spans"), 1_200);
    let mut numbers = sent(&scripted);
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..1_200));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_done_with_when_all_batches_with_a_part_of_it_are_sent() {
    let machine = Machine::new();
    let scripted = Scripted::closed();
    let yaml =
        "sending_queue: { storage: file_storage, num_consumers: 1, batch: { min_size: 4, max_size: 4 } }";
    let collector = machine.started(yaml, &scripted).await;
    for number in [0, 3, 6] {
        collector.put(numbered(number, &[3])).await.unwrap();
    }
    scripted.open(1);
    moment().await;
    // Of the second request only the first span is sent.
    assert_eq!(sent(&scripted), [0, 1, 2, 3]);
    machine.0.kill();
    drop(collector);

    let second = Scripted::new([]);
    machine.started(QUEUE, &second).await;
    moment().await;
    assert_eq!(sent(&second), [3, 4, 5, 6, 7, 8]);
}

#[tokio::test(start_paused = true)]
async fn batches_in_the_making_stay_on_the_disk_at_a_shutdown() {
    let machine = Machine::new();
    let scripted = Scripted::new([]);
    let yaml = "sending_queue: { storage: file_storage, batch: { flush_timeout: 1h } }";
    let collector = machine.started(yaml, &scripted).await;
    collector.put(numbered(0, &[3])).await.unwrap();
    moment().await;
    let seen = collector.stop().await;
    assert_eq!(seen.counted("otelcol_dropped_items"), 0);
    let collector = machine.started("sending_queue: { storage: file_storage }", &scripted).await;
    moment().await;
    assert_eq!(sent(&scripted), [0, 1, 2]);
    collector.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_storage_extensions_will_do() {
    let machine = Machine::new();
    for (extension, expected) in [
        ("missing", "no storage client extension found: \"missing\""),
        ("other", "requested extension is not a storage extension: \"other\""),
    ] {
        let yaml = format!("sending_queue: {{ storage: {extension} }}");
        let error = machine.collector(&yaml, &Scripted::new([])).sending.start().await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_successor_starts_when_its_predecessor_has_stopped() {
    let machine = Machine::new();
    let (first, second) = (Scripted::closed(), Scripted::new([]));
    let old = machine.started(QUEUE, &first).await;
    old.put(numbered(0, &[1])).await.unwrap();
    let new = machine.collector(QUEUE, &second);
    assert!(new.sending.start().await.unwrap_err().is_in_use());
    old.sending.shutdown(Instant::now() + Duration::from_secs(5)).await;
    new.sending.start().await.unwrap();
    moment().await;
    assert_eq!(sent(&second), [0]);
    assert!(old.put(numbered(1, &[1])).await.unwrap_err().is_retryable());
}

#[derive(Debug, Clone)]
enum Step {
    Put(usize),
    Open(usize),
    Wait,
    Kill,
    Crash,
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1usize..9).prop_map(Step::Put),
        3 => (1usize..4).prop_map(Step::Open),
        2 => Just(Step::Wait),
        1 => Just(Step::Kill),
        1 => Just(Step::Crash),
        1 => Just(Step::Stop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Through kills, crashes of the machine and shutdowns at any moment: what was answered with success arrives.
    #[test]
    fn what_is_taken_arrives(
        steps in prop::collection::vec(step(), 1..60),
        seed in any::<u64>(),
        batches in any::<bool>(),
        consumers in 1usize..4,
    ) {
        let settings = FileSettings::new().with_fsync(true);
        let machine = Machine(Arc::new(MemoryStorage::seeded(seed).with_settings(settings)));
        let yaml = format!(
            "{{ timeout: 0, sending_queue: {{ storage: file_storage, num_consumers: {consumers}, \
             batch: {{ enabled: {batches}, min_size: 5, max_size: 7, flush_timeout: 50ms }} }} }}"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let backend = Scripted::closed();
            let mut collector = machine.started(&yaml, &backend).await;
            let (mut next, mut taken) = (0, Vec::new());
            for step in steps {
                match step {
                    Step::Put(count) => {
                        if collector.put(numbered(next, &[count])).await.is_ok() {
                            taken.extend(next..next + count);
                        }
                        next += count;
                    }
                    Step::Open(requests) => backend.open(requests),
                    Step::Wait => moment().await,
                    Step::Kill => machine.0.kill(),
                    Step::Crash => machine.0.crash(),
                    Step::Stop => collector.sending.shutdown(Instant::now() + Duration::from_secs(1)).await,
                }
                if matches!(step, Step::Kill | Step::Crash | Step::Stop) {
                    drop(collector);
                    collector = machine.started(&yaml, &backend).await;
                }
            }
            backend.open(9_999);
            sleep(Duration::from_secs(1)).await;
            let arrived: std::collections::BTreeSet<_> = sent(&backend).into_iter().collect();
            prop_assert!(taken.iter().all(|number| arrived.contains(number)));
            prop_assert_eq!(collector.seen.counted("otelcol_dropped_items"), 0);
            collector.stop().await;
            Ok(())
        })?;
    }
}
