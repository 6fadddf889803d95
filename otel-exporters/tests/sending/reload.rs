use std::sync::Arc;
use std::time::Duration;

use otel_core::component::{
    BuildError, Capabilities, Component, ComponentConfig, ConsumeError, Exporter, ExporterFactory, Extension,
    ExtensionFactory, Host, Storage,
};
use otel_core::engine::{Graph, Options, Running};
use otel_core::pdata::Traces;
use otel_core::testing::{MemoryStorage, Source};
use otel_exporters::sending::{Sending, SendingConfig};
use tokio::time::{Instant, sleep};

use super::batching::{numbered, numbers};
use super::scripted::{Scripted, config};

/// The configuration of an exporter.
#[derive(Debug, Clone)]
struct Exporting {
    scripted: Scripted,
    sending: SendingConfig,
}

impl ComponentConfig for Exporting {
    const TYPE: &'static str = "scripted";
}

impl ExporterFactory<Traces> for Exporting {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<Traces>>, BuildError> {
        Ok(Box::new(Sending::new(self.scripted.clone(), &self.sending, host, &[])))
    }
}

/// The configuration of a storage extension, and the extension.
#[derive(Debug, Clone)]
struct Stores(Arc<MemoryStorage>);

impl ComponentConfig for Stores {
    const TYPE: &'static str = "file_storage";

    fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl ExtensionFactory for Stores {
    fn create(&self, _: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Component for Stores {}

impl Extension for Stores {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn Storage>(Arc::clone(&self.0) as Arc<dyn Storage>);
    }
}

/// source → the exporter.
fn graph(source: &Source<Traces>, stores: &Stores, yaml: &str, scripted: &Scripted) -> Graph {
    let mut graph = Graph::new();
    graph.extension("file_storage", stores.clone());
    let from = graph.receiver("source", source.clone());
    let to = graph.exporter("scripted", Exporting { scripted: scripted.clone(), sending: config(yaml) });
    graph.pipeline::<Traces>("traces").from(&from).to(&to);
    graph
}

/// The same, with another exporter that the old one of its kind has to make way for before anything starts.
fn exclusive(source: &Source<Traces>, stores: &Stores, exporter: &Scripted, other: &Scripted) -> Graph {
    let mut graph = graph(source, stores, MEMORY, exporter);
    let from = graph.receiver("source/stored", Source::<Traces>::new());
    let stored =
        Exporting { scripted: other.clone(), sending: config("sending_queue: { storage: file_storage }") };
    let to = graph.exporter("scripted/stored", stored);
    graph.pipeline::<Traces>("traces/stored").from(&from).to(&to);
    graph
}

const MEMORY: &str = "sending_queue: { num_consumers: 1 }";

/// A collector whose exporter has a backend that takes nothing.
struct Busy {
    source: Source<Traces>,
    stores: Stores,
    exporter: Scripted,
    running: Running,
}

impl Busy {
    async fn start(yaml: &str) -> Self {
        let (source, stores) = (Source::new(), Stores(MemoryStorage::new()));
        let exporter = Scripted::new(vec![ConsumeError::retryable("busy"); 99]);
        let running = graph(&source, &stores, yaml, &exporter).start(Options::default()).await.unwrap();
        Self { source, stores, exporter, running }
    }

    /// The same with the numbers 0 to 2 in its queue.
    async fn with_three(yaml: &str) -> Self {
        let busy = Self::start(yaml).await;
        for number in 0..3 {
            busy.source.send(numbered(number, &[1])).await.unwrap();
        }
        sleep(Duration::from_millis(10)).await;
        busy
    }
}

fn sorted_numbers(scripted: &Scripted) -> Vec<usize> {
    let mut arrived: Vec<_> = scripted.requests().iter().flat_map(|(data, ..)| numbers(data)).collect();
    arrived.sort_unstable();
    arrived
}

#[tokio::test(start_paused = true)]
async fn another_exporter_takes_over_what_is_stored() {
    let yaml = "sending_queue: { storage: file_storage, num_consumers: 1 }";
    let Busy { source, stores, mut running, .. } = Busy::with_three(yaml).await;
    let second = Scripted::new([]);
    let begun = Instant::now();
    let change = graph(&source, &stores, yaml, &second);
    let (applied, sent) = tokio::join!(running.apply(change), source.send(numbered(3, &[1])));
    sent.unwrap();
    let applied = applied.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!((applied.started, applied.dropped.len()), (vec!["exporter scripted".to_owned()], 0));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(sorted_numbers(&second), [0, 1, 2, 3]);
    assert!(running.shutdown().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn another_exporter_takes_over_what_is_in_memory() {
    let yaml = "sending_queue: { num_consumers: 1 }";
    let Busy { source, stores, exporter: first, mut running } = Busy::with_three(yaml).await;
    let second = Scripted::new([]);
    let applied = running.apply(graph(&source, &stores, yaml, &second)).await.unwrap();
    assert_eq!(applied.dropped.len(), 0);
    // The one that waited for a retry was tried for a last time.
    assert_eq!(first.attempts(), [1, 1]);
    source.send(numbered(3, &[1])).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(sorted_numbers(&second), [0, 1, 2, 3]);
    assert!(running.shutdown().await.is_clean());
}

/// An exporter with the numbers 0 to 2 in memory, the first of which it is sending, beside one that has to stop before another
/// starts.
struct Beside {
    source: Source<Traces>,
    stores: Stores,
    exporter: Scripted,
    running: Running,
}

impl Beside {
    async fn start(exporter: Scripted) -> Self {
        let (source, stores) = (Source::new(), Stores(MemoryStorage::new()));
        let first = exclusive(&source, &stores, &exporter, &Scripted::new([]));
        let running = first.start(Options::default()).await.unwrap();
        for number in 0..3 {
            source.send(numbered(number, &[1])).await.unwrap();
        }
        sleep(Duration::from_millis(10)).await;
        Self { source, stores, exporter, running }
    }

    fn next(&self, exporter: &Scripted) -> Graph {
        exclusive(&self.source, &self.stores, exporter, &Scripted::new([]))
    }

    /// Begins to change to another exporter, and breaks that off while the old one still sends.
    async fn break_off(&mut self, second: &Scripted) {
        let next = self.next(second);
        let broken_off = tokio::time::timeout(Duration::from_secs(1), self.running.apply(next)).await;
        assert!(broken_off.is_err(), "the old one ends later");
    }
}

fn busy() -> Scripted {
    Scripted::new(vec![ConsumeError::retryable("busy"); 99])
}

#[tokio::test(start_paused = true)]
async fn another_exporter_takes_over_what_is_in_memory_where_the_old_one_has_to_stop_first() {
    let mut beside = Beside::start(busy()).await;
    let second = Scripted::new([]);
    let next = beside.next(&second);
    let applied = beside.running.apply(next).await.unwrap();
    assert!(applied.started.contains(&"exporter scripted".to_owned()));
    assert_eq!((applied.dropped.len(), applied.failures.len()), (0, 0));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(sorted_numbers(&second), [0, 1, 2]);
    assert!(beside.running.shutdown().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_over_goes_back_where_the_new_graph_does_not_start() {
    let mut beside = Beside::start(Scripted::new(vec![ConsumeError::retryable("busy"); 2])).await;
    let second = Scripted::closed();
    let mut next = beside.next(&second);
    let from = next.receiver("source/broken", Source::<Traces>::new());
    let broken =
        Exporting { scripted: Scripted::new([]), sending: config("sending_queue: { storage: nothing }") };
    let to = next.exporter("scripted/broken", broken);
    next.pipeline::<Traces>("traces/broken").from(&from).to(&to);
    let error = beside.running.apply(next).await.unwrap_err();
    assert!(error.to_string().contains("scripted/broken"), "{error}");
    sleep(Duration::from_millis(10)).await;
    assert_eq!(sorted_numbers(&beside.exporter).split_off(2), [0, 1, 2], "twice in vain, and then all");
    assert!(beside.running.shutdown().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_broken_off_loses_nothing_at_the_shutdown() {
    let mut beside = Beside::start(Scripted::closed()).await;
    let second = Scripted::new([]);
    beside.break_off(&second).await;
    beside.exporter.open(99);
    let waiting = tokio::spawn({
        let source = beside.source.clone();
        async move { source.send(numbered(3, &[1])).await }
    });
    tokio::task::yield_now().await;
    assert!(beside.running.shutdown().await.is_clean());
    waiting.await.unwrap().unwrap();
    assert_eq!(sorted_numbers(&beside.exporter), [0, 1, 2, 3]);
    assert!(second.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_broken_off_loses_nothing_at_the_next() {
    let mut beside = Beside::start(Scripted::closed()).await;
    let (second, third) = (Scripted::new([]), Scripted::new([]));
    beside.break_off(&second).await;
    beside.exporter.open(99);
    let next = beside.next(&third);
    assert_eq!(beside.running.apply(next).await.unwrap().dropped.len(), 0);
    sleep(Duration::from_millis(10)).await;
    assert_eq!((sorted_numbers(&beside.exporter), sorted_numbers(&third)), (vec![0], vec![1, 2]));
    assert!(beside.running.shutdown().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_are_told_and_not_taken_over() {
    let yaml = "sending_queue: { num_consumers: 1, wait_for_result: true }";
    let Busy { source, stores, mut running, .. } = Busy::start(yaml).await;
    let waiting = tokio::spawn({
        let source = source.clone();
        async move { source.send(numbered(0, &[1])).await }
    });
    sleep(Duration::from_millis(10)).await;
    let second = Scripted::new([]);
    running.apply(graph(&source, &stores, "sending_queue: {}", &second)).await.unwrap();
    assert!(waiting.await.unwrap().unwrap_err().is_retryable());
    assert!(second.attempts().is_empty());
    assert!(running.shutdown().await.is_clean());
}
