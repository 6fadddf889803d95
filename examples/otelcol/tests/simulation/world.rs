//! The world that a seed makes: backends, clients, and a collector between them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{join, join_all};
use otel_core::engine::{ExporterHandle, Graph, Options, PipelineBuilder, Running, ShutdownReport};
use otel_core::pdata::Traces;
use otel_core::telemetry::Metrics;
use otel_processors::connectors::forward::ForwardConfig;
use otel_processors::memory_limiter::MemoryLimiterConfig;
use tokio::time::{Instant, sleep, timeout};

use super::backend::{Backend, Mood};
use super::batch::{Batch, Flow};
use super::chance::Chance;
use super::clients::Clients;
use super::disk::{Disk, STORAGE};
use super::exporter::{Calls, Queues, Style, ToBackend};
use super::trace::{Trace, tell};

/// How long a shutdown may take.
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(20);
/// What a shutdown may take beyond its timeout, to end tasks.
pub(crate) const SLACK: Duration = Duration::from_secs(2);

/// What may happen in a world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// How backends may be.
    pub(crate) moods: &'static [Mood],
    /// The graph changes.
    pub(crate) changes: bool,
    /// Backends get well, and what is held may leave before the shutdown.
    pub(crate) recovers: bool,
    pub(crate) queues: Queues,
}

/// Everything around a collector, and what it is told.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) scenario: Scenario,
    pub(crate) trace: Trace,
    /// For the order of events.
    pub(crate) chance: Chance,
    pub(crate) clients: Clients,
    pub(crate) disk: Disk,
    /// Every graph has these behind every way.
    pub(crate) backends: Vec<Destination>,
    /// These come and go, and get what they can take.
    others: Vec<Destination>,
    pub(crate) batches: [(&'static str, Arc<Mutex<Flow>>); 4],
}

/// A backend with what is known of the calls to its exporter.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) backend: Backend,
    pub(crate) calls: Arc<Mutex<Calls>>,
}

impl World {
    pub(crate) fn new(seed: u64, scenario: Scenario) -> Self {
        let (trace, chance) = (Trace::new(), Chance::of(seed, "world"));
        let destination =
            |name: &&str| Destination { backend: Backend::new(name, seed, &trace), calls: Arc::default() };
        let required = 1 + chance.below(3) as usize;
        Self {
            seed,
            scenario,
            clients: Clients::new(seed, &trace),
            disk: Disk::new(seed, &trace),
            backends: ["a", "b", "c"][..required].iter().map(destination).collect(),
            others: ["x", "y"].iter().map(destination).collect(),
            batches: ["batch/1", "batch/2", "batch/3", "batch/4"].map(|id| (id, Arc::default())),
            trace,
            chance,
        }
    }

    pub(crate) fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.backends.iter().chain(&self.others)
    }

    /// Starts a collector.
    pub(crate) async fn start(&self) -> (Running, Metrics) {
        let options = Options { shutdown_timeout: SHUTDOWN, ..Options::default() };
        let metrics = options.telemetry.metrics().clone();
        let running = self.graph().start(options).await.expect("the graph is sound");
        tell!(self.trace, "started");
        (running, metrics)
    }

    fn style(&self) -> Style {
        Style { seed: self.seed, queues: self.scenario.queues }
    }

    /// A graph like others of this world in some things and not in others.
    fn graph(&self) -> Graph {
        let chance = &self.chance;
        let mut graph = Graph::new();
        let source = graph.receiver("source", self.clients.source.clone());
        let shape = chance.below(4);
        tell!(self.trace, "a graph of shape {shape}");
        let processors = Processors::new(self);
        if self.scenario.queues == Queues::Stored {
            graph.extension(STORAGE, self.disk.clone());
        }
        let ends: Vec<_> = self.backends.iter().map(|to| self.exporter(&mut graph, to)).collect();
        let others: Vec<_> = self.others.iter().filter(|_| chance.percent(40)).collect();
        let others: Vec<_> = others.into_iter().map(|to| self.exporter(&mut graph, to)).collect();
        match shape {
            // One pipeline to all.
            0 => {
                let pipeline = graph.pipeline::<Traces>("traces").from(&source);
                to(processors.through(pipeline, ["batch/1", "batch/2"]), &ends, &others);
            }
            // A pipeline for each, from the receiver on.
            1 => {
                for (at, end) in ends.iter().enumerate() {
                    let pipeline = graph.pipeline::<Traces>(&format!("traces/{at}")).from(&source);
                    to(
                        processors.through(pipeline, ["batch/1", "batch/2"]),
                        std::slice::from_ref(end),
                        &others,
                    );
                }
            }
            // A connector on the way.
            2 => {
                let forward = graph.connector::<Traces, Traces, _>("forward", ForwardConfig::default());
                let first = graph.pipeline::<Traces>("traces").from(&source);
                processors.through(first, ["batch/1", "batch/2"]).to(&forward);
                let second = graph.pipeline::<Traces>("traces/behind").from(&forward);
                to(processors.through(second, ["batch/3", "batch/4"]), &ends, &others);
            }
            // A pipeline for each behind a connector.
            _ => {
                let forward = graph.connector::<Traces, Traces, _>("forward", ForwardConfig::default());
                let first = graph.pipeline::<Traces>("traces").from(&source);
                processors.through(first, ["batch/1", "batch/2"]).to(&forward);
                for (at, end) in ends.iter().enumerate() {
                    let pipeline = graph.pipeline::<Traces>(&format!("traces/{at}")).from(&forward);
                    to(
                        processors.through(pipeline, ["batch/3", "batch/4"]),
                        std::slice::from_ref(end),
                        &others,
                    );
                }
            }
        }
        graph
    }

    fn exporter(&self, graph: &mut Graph, to: &Destination) -> ExporterHandle<ToBackend> {
        let config = ToBackend {
            backend: to.backend.clone(),
            style: self.style(),
            version: self.chance.below(2),
            calls: Arc::clone(&to.calls),
        };
        tell!(self.trace, "with {config:?}");
        graph.exporter(&format!("backend/{}", to.backend.name()), config)
    }

    /// Changes the graph at any moment, and breaks off some of the changes.
    pub(crate) async fn change(&self, running: &mut Running) {
        if !self.scenario.changes {
            return sleep(Duration::from_secs(5) + self.chance.millis(15_000)).await;
        }
        for _ in 0..self.chance.below(8) {
            sleep(self.chance.millis(3000)).await;
            self.change_once(running).await;
        }
        sleep(self.chance.millis(1000)).await;
    }

    /// Changes the graph until this is dropped.
    pub(crate) async fn change_for_ever(&self, running: &mut Running) {
        loop {
            sleep(self.chance.millis(10_000)).await;
            self.change_once(running).await;
        }
    }

    async fn change_once(&self, running: &mut Running) {
        let begun = Instant::now();
        if self.chance.percent(30) {
            let applied = timeout(self.chance.millis(500), running.apply(self.graph())).await;
            tell!(self.trace, "changed in time: {}", applied.is_ok());
        } else {
            let applied = running.apply(self.graph()).await.expect("the graph is sound");
            assert!(applied.failures.is_empty(), "{:?}", applied.failures);
            tell!(self.trace, "changed: {:?}, dropped {:?}", applied.started, applied.dropped);
        }
        // What was broken off before is stopped first.
        assert!(begun.elapsed() <= (SHUTDOWN + SLACK) * 2, "{:?}", begun.elapsed());
    }

    /// Lets backends get well, and waits for what is held to leave.
    pub(crate) async fn recover(&self) {
        self.backends_recover();
        // The longest pause between attempts is far below, and so is what queues hold at a time.
        sleep(Duration::from_secs(120)).await;
    }

    pub(crate) fn backends_recover(&self) {
        for destination in self.destinations() {
            destination.backend.become_(Mood::Well);
        }
    }

    /// Lets backends change their moods until this is dropped.
    pub(crate) async fn backends_live(&self) {
        join_all(self.destinations().map(|to| to.backend.live(self.scenario.moods))).await;
    }

    /// Lets everything happen, up to the end of the collector.
    pub(crate) async fn run(&self) -> (ShutdownReport, Metrics) {
        let (mut running, metrics) = self.start().await;
        let clients = self.clients.send_for_ever(1 + self.chance.below(4));
        let mut around = Box::pin(join(clients, self.backends_live()));
        tokio::select! {
            biased;
            _ = &mut around => unreachable!("clients and backends go on for ever"),
            () = self.change(&mut running) => {}
        }
        if self.scenario.recovers {
            drop(around);
            self.recover().await;
            return (self.stop(running).await, metrics);
        }
        let report = tokio::select! {
            biased;
            _ = &mut around => unreachable!("clients and backends go on for ever"),
            report = self.stop(running) => report,
        };
        (report, metrics)
    }

    pub(crate) async fn stop(&self, running: Running) -> ShutdownReport {
        let begun = Instant::now();
        let report = running.shutdown().await;
        assert!(begun.elapsed() <= SHUTDOWN + SLACK, "{:?}", begun.elapsed());
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        tell!(self.trace, "stopped, dropped {:?}", report.dropped);
        report
    }
}

/// The processors of one graph.
struct Processors {
    limiter: Option<MemoryLimiterConfig>,
    batches: Vec<Batch>,
}

impl Processors {
    fn new(world: &World) -> Self {
        let chance = &world.chance;
        let limiter = chance.percent(20).then(|| {
            let mut limiter = MemoryLimiterConfig::default();
            limiter.check_interval = Duration::from_secs(1);
            // The process needs more than the one, and less than the other.
            let refuses = world.scenario.queues != Queues::Patient && chance.percent(20);
            limiter.limit_mib = if refuses { 2 } else { 1 << 20 };
            tell!(world.trace, "with a limiter of {} MiB", limiter.limit_mib);
            limiter
        });
        let batches = world.batches.iter().filter(|_| chance.percent(50)).map(|(id, flow)| {
            let (style, version) = (world.style(), chance.below(2));
            let batch = Batch { id, style, version, flow: Arc::clone(flow) };
            tell!(world.trace, "with {batch:?}");
            batch
        });
        Self { limiter, batches: batches.collect() }
    }

    fn through<'g>(
        &self,
        mut pipeline: PipelineBuilder<'g, Traces>,
        batches: [&str; 2],
    ) -> PipelineBuilder<'g, Traces> {
        if let Some(limiter) = &self.limiter {
            pipeline = pipeline.through("memory_limiter", limiter.clone());
        }
        for batch in self.batches.iter().filter(|batch| batches.contains(&batch.id)) {
            pipeline = pipeline.through(batch.id, batch.clone());
        }
        pipeline
    }
}

fn to(
    mut pipeline: PipelineBuilder<'_, Traces>,
    ends: &[ExporterHandle<ToBackend>],
    others: &[ExporterHandle<ToBackend>],
) {
    for end in ends {
        pipeline = pipeline.to(end);
    }
    for other in others {
        pipeline = pipeline.to_best_effort(other);
    }
}
