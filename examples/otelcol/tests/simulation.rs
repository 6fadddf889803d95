//! Collectors in a simulated world: the clock is paused, backends fail and dawdle by chance, and the graph changes and
//! stops at any moment. Chance comes from a seed, which is printed, so that what happened can be looked at again; all that a
//! seed leaves open is which of several futures the runtime polls first.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{
    BuildError, Component, ComponentConfig, ConsumeError, Context, Exporter, ExporterFactory, Host,
};
use otel_core::engine::{Graph, Options, Running};
use otel_core::pdata::view::{ResourceSpans, ScopeSpans};
use otel_core::pdata::{Signal as _, Traces};
use otel_core::testing::Source;
use otel_exporters::sending::{Sending, SendingConfig};
use otel_processors::batch::BatchConfig;
use otel_processors::connectors::forward::ForwardConfig;
use tokio::time::{Instant, sleep, timeout};

const SEEDS: u64 = 40;
const SHUTDOWN: Duration = Duration::from_secs(10);
/// What a shutdown may take beyond its timeout, to end tasks.
const SLACK: Duration = Duration::from_secs(2);

/// A small generator of numbers: the same seed gives the same numbers.
#[derive(Clone)]
struct Chance(Arc<Mutex<u64>>);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)))
    }

    fn below(&self, end: u64) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 11) % end
    }

    fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn millis(&self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }
}

/// Where spans arrive, by number.
#[derive(Clone)]
struct Backend {
    chance: Chance,
    /// Percent of requests that fail.
    failing: Arc<Mutex<u64>>,
    /// Milliseconds that a request takes at most.
    slow: u64,
    arrived: Arc<Mutex<BTreeSet<u64>>>,
}

#[async_trait]
impl Exporter<Traces> for Backend {
    async fn export(&self, data: Traces, _context: Context) -> Result<(), ConsumeError> {
        sleep(self.chance.millis(self.slow)).await;
        let failing = *self.failing.lock().unwrap();
        if self.chance.percent(failing) {
            return Err(ConsumeError::retryable("the backend fails"));
        }
        self.arrived.lock().unwrap().extend(numbers(&data));
        Ok(())
    }
}

impl Component for Backend {}

/// An exporter with queue and retries to a backend. Another version is another configuration.
#[derive(Clone)]
struct ToBackend {
    backend: Backend,
    version: u64,
    queue_size: usize,
}

impl std::fmt::Debug for ToBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToBackend").field("version", &self.version).finish_non_exhaustive()
    }
}

impl ComponentConfig for ToBackend {
    const TYPE: &'static str = "backend";

    fn same_as(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl ExporterFactory<Traces> for ToBackend {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<Traces>>, BuildError> {
        let mut config = SendingConfig::default();
        config.retry_on_failure.randomization_factor = 0.0;
        config.retry_on_failure.initial_interval = Duration::from_millis(100);
        if let Some(queue) = config.sending_queue.get_mut() {
            queue.queue_size = self.queue_size;
        }
        Ok(Box::new(Sending::new(self.backend.clone(), &config, host, &[])))
    }
}

/// A batch whose equal versions are the same.
#[derive(Debug)]
struct Batch {
    config: BatchConfig,
    version: u64,
}

impl ComponentConfig for Batch {
    const TYPE: &'static str = "batch";

    fn same_as(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl otel_core::component::ProcessorFactory<Traces> for Batch {
    fn create(&self, host: &Host) -> Result<Box<dyn otel_core::component::Processor<Traces>>, BuildError> {
        self.config.create(host)
    }
}

/// The world that a seed makes.
struct World {
    chance: Chance,
    source: Source<Traces>,
    /// In every graph; the others come and go.
    backend: Backend,
    others: Vec<Backend>,
    queue_size: usize,
    accepted: Mutex<BTreeSet<u64>>,
}

impl World {
    fn new(seed: u64, failing: u64) -> Self {
        let chance = Chance::new(seed);
        let backend = |failing, slow| Backend {
            chance: chance.clone(),
            failing: Arc::new(Mutex::new(failing)),
            slow,
            arrived: Arc::default(),
        };
        Self {
            source: Source::new(),
            backend: backend(failing, 1 + chance.below(300)),
            others: vec![backend(50, 1000), backend(0, 1)],
            queue_size: if failing == 0 { 1000 } else { 5 + chance.below(50) as usize },
            accepted: Mutex::default(),
            chance,
        }
    }

    /// A graph like the last one in some things and not in others.
    fn graph(&self) -> Graph {
        let chance = &self.chance;
        let mut graph = Graph::new();
        let source = graph.receiver("source", self.source.clone());
        let to = |graph: &mut Graph, name: &str, backend: &Backend| {
            let queue_size = self.queue_size;
            let config = ToBackend { backend: backend.clone(), version: chance.below(2), queue_size };
            graph.exporter(&format!("backend/{name}"), config)
        };
        let always = to(&mut graph, "always", &self.backend);
        let batch = || {
            let mut config = BatchConfig::default();
            config.send_batch_size = 5;
            Batch { config, version: chance.below(2) }
        };
        let forward = chance.percent(30);
        if forward {
            let connector = graph.connector::<Traces, Traces, _>("forward", ForwardConfig::default());
            graph.pipeline::<Traces>("traces").from(&source).to(&connector);
            let mut second = graph.pipeline::<Traces>("traces/second").from(&connector);
            if chance.percent(50) {
                second = second.through("batch", batch());
            }
            second.to(&always);
        } else {
            let mut only = graph.pipeline::<Traces>("traces").from(&source);
            for name in ["batch/1", "batch/2"] {
                if chance.percent(50) {
                    only = only.through(name, batch());
                }
            }
            only.to(&always);
        }
        for (at, other) in self.others.iter().enumerate() {
            if chance.percent(40) {
                let other = to(&mut graph, &at.to_string(), other);
                graph.pipeline::<Traces>(&format!("traces/{at}")).from(&source).to_best_effort(&other);
            }
        }
        graph
    }

    /// Sends spans one after the other, and remembers those that were taken.
    async fn client(&self, client: u64) {
        for number in 0.. {
            let number = client * 100_000 + number;
            let context = Context::new().with_deadline(Instant::now() + Duration::from_secs(2));
            if self.source.send_with(span(number), context).await.is_ok() {
                self.accepted.lock().unwrap().insert(number);
            }
            sleep(self.chance.millis(100)).await;
        }
    }

    /// Changes the graph at any moment, and breaks off some of the changes.
    async fn change(&self, running: &mut Running) {
        for _ in 0..self.chance.below(8) {
            sleep(self.chance.millis(3000)).await;
            let begun = Instant::now();
            if self.chance.percent(30) {
                let _ = timeout(self.chance.millis(500), running.apply(self.graph())).await;
            } else {
                running.apply(self.graph()).await.expect("the graph is sound");
            }
            // What was broken off before is stopped first.
            assert!(begun.elapsed() <= (SHUTDOWN + SLACK) * 2, "{:?}", begun.elapsed());
        }
        sleep(self.chance.millis(1000)).await;
    }
}

/// What became of a world.
struct Outcome {
    accepted: usize,
    lost: usize,
    dropped: u64,
    clean: bool,
}

fn simulate(seed: u64, failing: u64) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed, failing);
        let options = Options { shutdown_timeout: SHUTDOWN, ..Options::default() };
        let metrics = options.telemetry.metrics().clone();
        let mut running = world.graph().start(options).await.unwrap();
        let clients = async { tokio::join!(world.client(1), world.client(2), world.client(3)) };
        let report = tokio::select! {
            _ = clients => unreachable!("clients go on for ever"),
            report = async {
                world.change(&mut running).await;
                let begun = Instant::now();
                let report = running.shutdown().await;
                assert!(begun.elapsed() <= SHUTDOWN + SLACK, "{:?}", begun.elapsed());
                report
            } => report,
        };
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        let (accepted, arrived) = (world.accepted.lock().unwrap(), world.backend.arrived.lock().unwrap());
        // Every drop, not only those at the end.
        let dropped = ["backend/always", "batch", "batch/1", "batch/2"]
            .map(|component| metrics.counted("otelcol_dropped_items", &[("component", component)]));
        Outcome {
            accepted: accepted.len(),
            lost: accepted.difference(&arrived).count(),
            dropped: dropped.into_iter().sum(),
            clean: report.is_clean(),
        }
    })
}

#[test]
fn with_a_backend_that_is_only_slow_nothing_is_lost_whatever_changes() {
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        let Outcome { accepted, lost, dropped, .. } = simulate(seed, 0);
        assert_eq!((lost, dropped), (0, 0), "of {accepted}");
    }
}

#[test]
fn with_a_backend_that_fails_every_loss_is_counted() {
    let mut accepted_in_all = 0;
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        let failing = 20 + 10 * (seed % 8);
        let Outcome { accepted, lost, dropped, clean } = simulate(seed, failing);
        assert!(lost as u64 <= dropped, "{lost} of {accepted} are lost, {dropped} counted");
        assert!(lost == 0 || !clean || dropped > 0);
        accepted_in_all += accepted;
    }
    assert!(accepted_in_all > 1000);
}

/// A request with one span, whose name is the number.
fn span(number: u64) -> Traces {
    let mut message = number.to_string().into_bytes();
    // The fields from within: name, span, spans of a scope, spans of a resource.
    for tag in [0x2a, 0x12, 0x12, 0x0a] {
        let len = u8::try_from(message.len()).expect("it is short");
        message.splice(0..0, [tag, len]);
    }
    Traces::from_bytes(message.into()).unwrap()
}

fn numbers(data: &Traces) -> Vec<u64> {
    let scopes = data.resource_spans().flat_map(ResourceSpans::scope_spans);
    let names = scopes.flat_map(ScopeSpans::spans);
    names.map(|span| span.name().parse().unwrap()).collect()
}
