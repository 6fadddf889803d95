//! Two collectors with a simulated network between them, which holds up, loses, and cuts. Over it go the real client and the real
//! server, with gRPC or HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use otel_core::component::{BuildError, ComponentConfig, Exporter, ExporterFactory, Host};
use otel_core::config::Optional;
use otel_core::engine::{Graph, Options, PipelineBuilder};
use otel_core::net::GrpcKeepAliveConfig;
use otel_core::pdata::Traces;
use otel_exporters::otlp_grpc::OtlpGrpcExporterConfig;
use otel_exporters::otlp_http::OtlpHttpExporterConfig;
use otel_exporters::sending::SendingConfig;
use otel_processors::batch::BatchConfig;
use otel_receivers::otlp::OtlpReceiverConfig;
use tokio::time::{Instant, sleep, timeout};
use turmoil::Sim;

use super::backend::{Backend, Mood, silence_simulated_panics};
use super::chance::Chance;
use super::clients::Clients;
use super::trace::{Trace, tell};
use super::world::SLACK;

/// As long as anything is wrong.
const TROUBLE: Duration = Duration::from_secs(40);
/// How long connections may take to be made anew, and what is held to leave, at most.
const RECOVERY: Duration = Duration::from_secs(200);
const SHUTDOWN: Duration = Duration::from_secs(10);

/// What two runs of a seed have in common, and what came of one of them.
pub(crate) struct Network {
    seed: u64,
    trace: Trace,
    chance: Chance,
    clients: Clients,
    backend: Backend,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) accepted: usize,
    pub(crate) missing: usize,
    pub(crate) dropped: u64,
}

/// Runs a seed to its end.
pub(crate) fn simulate(seed: u64) -> Outcome {
    silence_simulated_panics();
    let trace = Trace::new();
    let network = Arc::new(Network {
        seed,
        chance: Chance::of(seed, "network"),
        clients: Clients::new(seed, &trace),
        backend: Backend::new("a", seed, &trace),
        trace,
    });
    let outcome = Arc::new(Mutex::new(None));
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(5))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(1 + network.chance.below(200)))
        .simulation_duration(TROUBLE + RECOVERY + Duration::from_secs(60))
        .build();
    let gateway = Arc::clone(&network);
    sim.host("gateway", move || {
        let network = Arc::clone(&gateway);
        async move { network.gateway().await }
    });
    let (agent, told) = (Arc::clone(&network), Arc::clone(&outcome));
    sim.client("agent", async move {
        *told.lock().unwrap() = Some(agent.agent().await?);
        Ok(())
    });
    network.drive(&mut sim);
    let outcome = outcome.lock().unwrap().take();
    outcome.expect("the agent is done")
}

impl Network {
    /// A collector that takes OTLP, and answers what the backend answers.
    async fn gateway(&self) -> turmoil::Result {
        let mut receiver = OtlpReceiverConfig::default();
        if let Some(grpc) = receiver.protocols.grpc.get_mut() {
            "0.0.0.0:4317".clone_into(&mut grpc.endpoint);
        }
        if let Some(http) = receiver.protocols.http.get_mut() {
            "0.0.0.0:4318".clone_into(&mut http.server.endpoint);
        }
        let mut graph = Graph::new();
        let otlp = graph.receiver("otlp", receiver);
        let backend = graph.exporter("backend", Direct(self.backend.clone()));
        graph.pipeline::<Traces>("traces").from(&otlp).to(&backend);
        let _running = graph.start(Options::default()).await?;
        tell!(self.trace, "the gateway runs");
        let left = TROUBLE.saturating_sub(turmoil::sim_elapsed().unwrap_or_default());
        let _ = timeout(left, self.backend.live(Mood::PASSING)).await;
        self.backend.become_(Mood::Well);
        std::future::pending().await
    }

    /// A collector that sends to the other one.
    async fn agent(&self) -> Result<Outcome, Box<dyn std::error::Error>> {
        let options = Options { shutdown_timeout: SHUTDOWN, ..Options::default() };
        let metrics = options.telemetry.metrics().clone();
        let running = self.agent_graph().start(options).await?;
        let clients = self.clients.send_for_ever(1 + self.chance.below(3));
        let _ = timeout(TROUBLE, clients).await;
        let recovering = Instant::now();
        while self.missing() > 0 && recovering.elapsed() < RECOVERY {
            sleep(Duration::from_secs(1)).await;
        }
        let begun = Instant::now();
        let report = running.shutdown().await;
        assert!(begun.elapsed() <= SHUTDOWN + SLACK, "{:?}", begun.elapsed());
        tell!(self.trace, "stopped, dropped {:?}", report.dropped);
        assert!(report.is_clean(), "{report:?}");
        let accepted = self.clients.accepted.lock().unwrap().len();
        let dropped = metrics.counted("otelcol_dropped_items", &[]);
        Ok(Outcome { accepted, missing: self.missing(), dropped })
    }

    fn missing(&self) -> usize {
        let (accepted, account) = (self.clients.accepted.lock().unwrap(), self.backend.account());
        accepted.iter().filter(|number| !account.arrived.contains_key(number)).count()
    }

    fn agent_graph(&self) -> Graph {
        let chance = &self.chance;
        let mut sending = SendingConfig::default();
        sending.timeout = Duration::from_millis(*chance.pick(&[500, 2000, 5000]));
        sending.retry_on_failure.initial_interval = Duration::from_millis(100);
        sending.retry_on_failure.max_interval = Duration::from_secs(5);
        sending.retry_on_failure.max_elapsed_time = Duration::ZERO;
        let mut graph = Graph::new();
        let source = graph.receiver("source", self.clients.source.clone());
        let http = chance.percent(50);
        let batches = chance.percent(60);
        tell!(self.trace, "over HTTP: {http}, in batches: {batches}, {sending:?}");
        if http {
            let mut config = OtlpHttpExporterConfig::default();
            "http://gateway:4318".clone_into(&mut config.endpoint);
            config.sending = sending;
            let otlp = graph.exporter("otlp_http", config);
            through(graph.pipeline::<Traces>("traces").from(&source), batches).to(&otlp);
        } else {
            let mut config = OtlpGrpcExporterConfig::default();
            "gateway:4317".clone_into(&mut config.client.endpoint);
            config.client.tls.insecure = true;
            // Without it a connection that leads nowhere is known for what it is only after a quarter of an hour.
            let mut keepalive = GrpcKeepAliveConfig::default();
            keepalive.time = Duration::from_secs(10);
            keepalive.timeout = Duration::from_secs(5);
            keepalive.permit_without_stream = chance.percent(50);
            config.client.keepalive = Optional::some(keepalive);
            config.sending = sending;
            let otlp = graph.exporter("otlp_grpc", config);
            through(graph.pipeline::<Traces>("traces").from(&source), batches).to(&otlp);
        }
        graph
    }

    /// Lets time pass, and things go wrong on the way.
    fn drive(&self, sim: &mut Sim<'_>) {
        let chance = Chance::of(self.seed, "trouble");
        let mut next = chance.millis(3000);
        let mut over = false;
        while !sim.step().expect("both collectors run") {
            if over || sim.elapsed() < next {
                continue;
            }
            next = sim.elapsed() + chance.millis(4000);
            over = next >= TROUBLE;
            let trouble = if over { Trouble::None } else { *chance.pick(&Trouble::ALL) };
            tell!(self.trace, "trouble: {trouble:?}");
            trouble.comes(sim);
        }
    }
}

/// What is wrong between the collectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Nothing.
    None,
    /// What is sent arrives when this is over.
    Held,
    /// What is sent is lost, and the connections with it, which nobody is told.
    Cut,
    /// Requests are lost.
    CutThere,
    /// Answers are lost.
    CutBack,
    /// The gateway is killed, and started again at once.
    Killed,
    /// Everything takes up to two seconds.
    Slow,
}

impl Trouble {
    const ALL: [Self; 9] = [
        Self::None,
        Self::None,
        Self::None,
        Self::Held,
        Self::Cut,
        Self::CutThere,
        Self::CutBack,
        Self::Killed,
        Self::Slow,
    ];

    fn comes(self, sim: &mut Sim<'_>) {
        sim.repair("agent", "gateway");
        sim.release("agent", "gateway");
        sim.set_link_max_message_latency("agent", "gateway", Duration::from_millis(50));
        match self {
            Self::None => {}
            Self::Held => sim.hold("agent", "gateway"),
            Self::Cut => sim.partition("agent", "gateway"),
            Self::CutThere => sim.partition_oneway("agent", "gateway"),
            Self::CutBack => sim.partition_oneway("gateway", "agent"),
            Self::Killed => sim.bounce("gateway"),
            Self::Slow => sim.set_link_max_message_latency("agent", "gateway", Duration::from_secs(2)),
        }
    }
}

fn through(pipeline: PipelineBuilder<'_, Traces>, batches: bool) -> PipelineBuilder<'_, Traces> {
    if !batches {
        return pipeline;
    }
    let mut batch = BatchConfig::default();
    batch.send_batch_size = 20;
    pipeline.through("batch", batch)
}

/// The configuration of an exporter that waits for its backend.
#[derive(Debug)]
struct Direct(Backend);

impl ComponentConfig for Direct {
    const TYPE: &'static str = "backend";
}

impl ExporterFactory<Traces> for Direct {
    fn create(&self, _host: &Host) -> Result<Box<dyn Exporter<Traces>>, BuildError> {
        Ok(Box::new(self.0.clone()))
    }
}
