mod reload;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Graph, Options, Running};
use crate::component::*;
use crate::pdata::{Logs, Metrics, Signal, Traces};
use crate::telemetry::Telemetry;
use crate::testing::{Fault, Sink, Source};

/// A request of so many empty spans, fewer than 60.
fn spans(count: u8) -> Traces {
    let mut bytes = vec![0x0a, 2 * count + 2, 0x12, 2 * count];
    bytes.extend([0x12, 0].repeat(count.into()));
    Traces::from_bytes(bytes.into()).unwrap()
}

async fn fan_out(sinks: &[&Sink<Traces>]) -> (Source<Traces>, Running) {
    let source = Source::new();
    let mut graph = Graph::new();
    let from = graph.receiver("source", source.clone());
    for (at, sink) in sinks.iter().enumerate() {
        let to = graph.exporter(&format!("sink/{at}"), (*sink).clone());
        graph.pipeline::<Traces>(&format!("traces/{at}")).from(&from).to(&to);
    }
    (source, graph.start(Options::default()).await.unwrap())
}

fn busy() -> ConsumeError {
    ConsumeError::retryable("busy")
}

// === fan-out ===

#[tokio::test(start_paused = true)]
async fn nobody_gets_the_data_while_one_required_branch_is_full() {
    let (free, full) = (Sink::new(), Sink::new());
    let (source, _running) = fan_out(&[&free, &full]).await;
    full.full(Some(busy().with_retry_after(Duration::from_secs(3))));
    let error = source.send(spans(1)).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!((free.calls(), full.calls()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn branches_are_served_at_the_same_time() {
    let (one, other) = (Sink::new(), Sink::new());
    one.dawdle(Duration::from_secs(2));
    other.dawdle(Duration::from_secs(2));
    let (source, _running) = fan_out(&[&one, &other]).await;
    let begun = Instant::now();
    source.send(spans(1)).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn only_the_branch_that_was_not_served_is_tried_again() {
    let (good, bad) = (Sink::new(), Sink::new());
    let (source, _running) = fan_out(&[&good, &bad]).await;
    bad.fail_once(busy());
    bad.fail_once(busy());
    source.send(spans(1)).await.unwrap();
    assert_eq!((good.calls(), bad.calls()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn retries_end_at_the_deadline_and_fail_the_whole() {
    let (good, bad) = (Sink::new(), Sink::new());
    let (source, _running) = fan_out(&[&good, &bad]).await;
    bad.fail(Some(busy()));
    let begun = Instant::now();
    let context = Context::new().with_deadline(begun + Duration::from_secs(4));
    let error = source.send_with(spans(1), context).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(begun.elapsed() <= Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(good.calls(), 1);
    assert!(bad.calls() > 3);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_was_served_the_client_is_told_at_once() {
    let (one, other) = (Sink::new(), Sink::new());
    let (source, _running) = fan_out(&[&one, &other]).await;
    one.fail(Some(ConsumeError::permanent("never")));
    other.fail(Some(busy()));
    let begun = Instant::now();
    assert!(source.send(spans(1)).await.unwrap_err().is_retryable());
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!((one.calls(), other.calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_best_effort_branch_neither_stalls_nor_fails_the_others_and_its_drops_are_counted() {
    let (source, required, optional) = (Source::new(), Sink::new(), Sink::new());
    let mut graph = Graph::new();
    let from = graph.receiver("source", source.clone());
    let (to, maybe) =
        (graph.exporter("sink/a", required.clone()), graph.exporter("sink/b", optional.clone()));
    graph.pipeline::<Traces>("traces").from(&from).to(&to).to_best_effort(&maybe);
    let running = graph.start(Options::default()).await.unwrap();

    optional.stall();
    source.send(spans(3)).await.unwrap();
    assert_eq!(required.items(), 3);
    tokio::time::sleep(Context::DEFAULT_WAIT * 2).await;
    optional.full(Some(busy()));
    source.send(spans(4)).await.unwrap();
    assert_eq!(required.items(), 7);
    let dropped =
        running.telemetry().metrics().counted("otelcol_dropped_items", &[("reason", "best_effort")]);
    assert_eq!(dropped, 7);
    assert!(running.shutdown().await.is_clean());
}

#[tokio::test]
async fn a_fan_out_is_as_firm_as_its_firmest_required_branch() {
    let (held, durable) = (Sink::new(), Sink::new().with_strength(Strength::Durable));
    let (source, _running) = fan_out(&[&held, &durable]).await;
    assert_eq!(source.output().unwrap().strength(), Strength::Durable);
}

// === panics, tasks, status ===

#[tokio::test]
async fn a_panic_in_a_component_is_a_permanent_error_and_counted() {
    let (source, sink) = (Source::new(), Sink::new());
    let mut graph = Graph::new();
    let from = graph.receiver("source", source.clone());
    let to = graph.exporter("sink", sink.clone());
    graph.pipeline::<Traces>("traces").from(&from).through("fault", Fault::panic_every(2)).to(&to);
    let running = graph.start(Options::default()).await.unwrap();
    source.send(spans(1)).await.unwrap();
    let error = source.send(spans(1)).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(error.to_string(), "processor fault panicked");
    source.send(spans(1)).await.unwrap();
    let metrics = running.telemetry().metrics();
    assert_eq!(metrics.counted("otelcol_component_panics", &[("component", "fault")]), 1);
    assert_eq!(metrics.counted("otelcol_processor_incoming_items", &[("processor", "fault")]), 3);
    assert_eq!(metrics.counted("otelcol_processor_outgoing_items", &[("processor", "fault")]), 2);
}

#[tokio::test]
async fn a_task_that_panics_turns_its_components_status() {
    let mut graph = Graph::new();
    let from = graph.receiver("source", Source::new());
    let to = graph.exporter("sink", Sink::new());
    graph.pipeline::<Traces>("traces").from(&from).through("fault", Fault::panicking_task()).to(&to);
    let running = graph.start(Options::default()).await.unwrap();
    let mut updates = running.subscribe();
    let event = updates.next().await.unwrap();
    assert_eq!(event.id.to_string(), "fault");
    assert_eq!(
        event.status,
        Status::PermanentError("task faulty ended: panic: a fault on purpose".to_owned())
    );
    assert!(event.dead);
    let failures = [("component", "fault"), ("task", "faulty")];
    assert_eq!(running.telemetry().metrics().counted("otelcol_component_task_failures", &failures), 1);
    let status = running.status();
    let healthy =
        |id: &str| status.iter().any(|event| event.id.to_string() == id && event.status == Status::Ok);
    assert!(healthy("source") && healthy("sink") && !healthy("fault"));
}

/// An extension that keeps its host for the test and logs when it starts and stops.
#[derive(Debug, Clone)]
struct Watch(Arc<std::sync::Mutex<Vec<String>>>);

impl Watch {
    fn log(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

/// A component of any kind that logs its lifecycle.
#[derive(Debug, Clone)]
struct Traced {
    log: Watch,
    name: &'static str,
    hang: bool,
}

#[async_trait]
impl Component for Traced {
    async fn start(&self) -> Result<(), StartError> {
        self.log.log(&format!("start {}", self.name));
        Ok(())
    }

    async fn shutdown(&self, _deadline: Instant) {
        self.log.log(&format!("stop {}", self.name));
        if self.hang {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl<S: Signal> Processor<S> for Traced {
    async fn process(&self, data: S, context: Context, next: &Next<S>) -> Result<(), ConsumeError> {
        next.consume(data, context).await
    }
}

#[async_trait]
impl<S: Signal> Exporter<S> for Traced {
    async fn export(&self, _data: S, _context: Context) -> Result<(), ConsumeError> {
        Ok(())
    }
}

#[async_trait]
impl Connector<Traces, Metrics> for Traced {
    async fn connect(
        &self,
        _data: Traces,
        context: Context,
        outputs: &Router<Metrics>,
    ) -> Result<(), ConsumeError> {
        outputs.all().consume(Metrics::default(), context).await
    }
}

#[async_trait]
impl Connector<Traces, Traces> for Traced {
    async fn connect(
        &self,
        data: Traces,
        context: Context,
        outputs: &Router<Traces>,
    ) -> Result<(), ConsumeError> {
        outputs.all().consume(data, context).await
    }
}

#[async_trait]
impl Receiver for Traced {
    async fn start(&self, _outputs: Outputs) -> Result<(), StartError> {
        Component::start(self).await
    }

    async fn shutdown(&self, deadline: Instant) {
        Component::shutdown(self, deadline).await;
    }
}

impl Extension for Traced {}

impl ComponentConfig for Traced {
    const TYPE: &'static str = "traced";
}

impl ReceiverFactory for Traced {
    fn create(&self, _host: &Host) -> Result<Box<dyn Receiver>, BuildError> {
        Ok(Box::new(self.clone()))
    }
}

impl<S: Signal> Emits<S> for Traced {}

impl<S: Signal> ProcessorFactory<S> for Traced {
    fn create(&self, _host: &Host) -> Result<Box<dyn Processor<S>>, BuildError> {
        Ok(Box::new(self.clone()))
    }
}

impl<S: Signal> ExporterFactory<S> for Traced {
    fn create(&self, _host: &Host) -> Result<Box<dyn Exporter<S>>, BuildError> {
        Ok(Box::new(self.clone()))
    }
}

impl ConnectorFactory<Traces, Metrics> for Traced {
    fn create(&self, _host: &Host) -> Result<Box<dyn Connector<Traces, Metrics>>, BuildError> {
        Ok(Box::new(self.clone()))
    }
}

impl ConnectorFactory<Traces, Traces> for Traced {
    fn create(&self, _host: &Host) -> Result<Box<dyn Connector<Traces, Traces>>, BuildError> {
        Ok(Box::new(self.clone()))
    }
}

impl ExtensionFactory for Traced {
    fn create(&self, _host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(self.clone()))
    }
}

// === order ===

#[tokio::test(start_paused = true)]
async fn starts_against_the_flow_and_stops_with_it_even_past_one_that_hangs() {
    let log = Watch(Arc::default());
    let traced = |name, hang| Traced { log: log.clone(), name, hang };
    let mut graph = Graph::new();
    let receiver = graph.receiver("traced/r", traced("receiver", false));
    let connector = graph.connector::<Traces, Metrics, _>("traced/c", traced("connector", true));
    let exporter = graph.exporter("traced/e", traced("exporter", false));
    graph.extension("traced/x", traced("extension", false));
    graph
        .pipeline::<Traces>("traces")
        .from(&receiver)
        .through("traced/p1", traced("first", false))
        .through("traced/p2", traced("second", false))
        .to(&connector);
    graph
        .pipeline::<Metrics>("metrics")
        .from(&connector)
        .through("traced/p3", traced("third", false))
        .to(&exporter);
    let running = graph.start(Options::default()).await.unwrap();
    let begun = Instant::now();
    let report = running.shutdown().await;
    assert_eq!(begun.elapsed(), Options::SHUTDOWN_TIMEOUT);
    assert_eq!(report.failures, ["failed to shutdown connector \"traced/c\": not done at the deadline"]);
    let expected = "start extension, start exporter, start third, start connector, start second, start first, \
                    start receiver, stop receiver, stop first, stop second, stop connector, stop third, \
                    stop exporter, stop extension";
    assert_eq!(log.0.lock().unwrap().join(", "), expected);
}

#[tokio::test]
async fn a_failed_start_stops_what_was_started() {
    let log = Watch(Arc::default());
    let traced = |name| Traced { log: log.clone(), name, hang: false };
    let mut graph = Graph::new();
    let from = graph.receiver("traced/r", traced("receiver"));
    let to = graph.exporter("traced/e", traced("exporter"));
    graph.pipeline::<Traces>("traces").from(&from).through("fault", Fault::at_start("port in use")).to(&to);
    let error = graph.start(Options::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot start pipelines: failed to start \"fault\" processor");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "port in use");
    let log = log.0.lock().unwrap().clone();
    assert!(log.contains(&"stop exporter".to_owned()), "{log:?}");
    assert!(!log.contains(&"start receiver".to_owned()), "{log:?}");
}

// === shape ===

#[tokio::test]
async fn everything_wrong_with_a_graph_is_told_at_once() {
    let log = Watch(Arc::default());
    let traced = Traced { log, name: "", hang: false };
    let mut graph = Graph::new();
    let connector = graph.connector::<Traces, Traces, _>("traced/loop", traced.clone());
    let lonely = graph.connector::<Traces, Metrics, _>("traced/lonely", traced.clone());
    graph.pipeline::<Traces>("traces").from(&connector).through("traced/p", traced).to(&connector);
    graph.pipeline::<Logs>("logs");
    graph.pipeline::<Metrics>("traces/m").from(&lonely);
    graph.receiver("1", Source::<Traces>::new());
    let text = graph.check().unwrap_err().to_string();
    for line in [
        "service::pipelines::traces/m: the name of this pipeline must be metrics or metrics/…",
        "receivers: invalid character(s) in type \"1\"",
        "service::pipelines::logs: must have at least one receiver",
        "service::pipelines::logs: must have at least one exporter",
        "service::pipelines::traces/m: connector \"traced/lonely\" used as receiver in [traces/m] pipeline but not \
         used in any supported exporter pipeline",
        "service::pipelines: cycle detected: connector \"traced/loop\" (traces to traces) -> processor \
         \"traced/p\" in pipeline \"traces\" -> connector \"traced/loop\" (traces to traces)",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    let none = Graph::new().check().unwrap_err().to_string();
    assert_eq!(none, "service::pipelines: service must have at least one pipeline");
}

#[tokio::test]
async fn a_cycle_over_two_pipelines_is_shown_from_a_connector_back_to_it() {
    let traced = Traced { log: Watch(Arc::default()), name: "", hang: false };
    let mut graph = Graph::new();
    let source = graph.receiver("source", Source::<Traces>::new());
    let one = graph.connector::<Traces, Traces, _>("traced/1", traced.clone());
    let two = graph.connector::<Traces, Traces, _>("traced/2", traced.clone());
    graph.pipeline::<Traces>("traces/in").from(&source).to(&one);
    graph.pipeline::<Traces>("traces/a").from(&one).from(&two).through("traced/p", traced).to(&two);
    let text = graph.check().unwrap_err().to_string();
    assert_eq!(
        text,
        "service::pipelines: cycle detected: connector \"traced/2\" (traces to traces) -> processor \
         \"traced/p\" in pipeline \"traces/a\" -> connector \"traced/2\" (traces to traces)"
    );
}

/// A receiver of all signals.
#[derive(Debug)]
struct All;

impl ComponentConfig for All {
    const TYPE: &'static str = "all";
}

impl ReceiverFactory for All {
    fn create(&self, host: &Host) -> Result<Box<dyn Receiver>, BuildError> {
        host.dropped(crate::pdata::SignalKind::Logs, "created", 1);
        Ok(Box::new(Traced { log: Watch(Arc::default()), name: "", hang: false }))
    }
}

impl<S: Signal> Emits<S> for All {}

#[tokio::test]
async fn a_receiver_has_one_instance_for_all_signals() {
    let mut graph = Graph::new();
    let from = graph.receiver("all", All);
    let (traces, logs) =
        (graph.exporter("sink/t", Sink::<Traces>::new()), graph.exporter("sink/l", Sink::<Logs>::new()));
    graph.pipeline::<Traces>("traces").from(&from).to(&traces);
    graph.pipeline::<Logs>("logs").from(&from).to(&logs);
    let running = graph.start(Options::default()).await.unwrap();
    assert_eq!(running.telemetry().metrics().counted("otelcol_dropped_items", &[]), 1);
}

// === life and death ===

/// An exporter with a task that runs until it is aborted, and that gives up items at shutdown.
#[derive(Debug, Clone)]
struct Hoarder;

struct Hoard(Host);

#[async_trait]
impl Component for Hoard {
    async fn start(&self) -> Result<(), StartError> {
        self.0.spawn("forever", std::future::pending());
        Ok(())
    }

    async fn shutdown(&self, _deadline: Instant) {
        self.0.dropped(crate::pdata::SignalKind::Traces, "shutdown", 5);
    }
}

#[async_trait]
impl Exporter<Traces> for Hoard {
    async fn export(&self, data: Traces, _context: Context) -> Result<(), ConsumeError> {
        self.0.dropped(crate::pdata::SignalKind::Traces, "early", data.items());
        if data.items() == 2 {
            self.0.report(Status::FatalError("two is too many".to_owned()));
        }
        Ok(())
    }
}

impl ComponentConfig for Hoarder {
    const TYPE: &'static str = "hoarder";
}

impl ExporterFactory<Traces> for Hoarder {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<Traces>>, BuildError> {
        Ok(Box::new(Hoard(host.clone())))
    }
}

async fn hoarding() -> (Source<Traces>, Running) {
    let source = Source::new();
    let mut graph = Graph::new();
    let from = graph.receiver("source", source.clone());
    let to = graph.exporter("hoarder", Hoarder);
    graph.pipeline::<Traces>("traces").from(&from).to(&to);
    let options = Options { telemetry: Telemetry::none(), ..Options::default() };
    (source, graph.start(options).await.unwrap())
}

#[tokio::test]
async fn a_shutdown_leaves_no_task_and_tells_what_was_dropped_since_it_began() {
    let (source, running) = hoarding().await;
    source.send(spans(1)).await.unwrap();
    assert_eq!(running.tasks(), 1);
    let tasks = Arc::clone(&running.surroundings.tasks);
    let report = running.shutdown().await;
    assert_eq!(tasks.len(), 0);
    let [dropped] = &report.dropped[..] else { panic!("{report:?}") };
    assert_eq!((&*dropped.component, &*dropped.reason, dropped.items), ("hoarder", "shutdown", 5));
}

#[tokio::test]
async fn dropping_the_handle_ends_the_tasks() {
    let (_source, running) = hoarding().await;
    let tasks = Arc::clone(&running.surroundings.tasks);
    drop(running);
    tokio::time::timeout(Duration::from_secs(10), tasks.ended()).await.unwrap();
}

#[tokio::test]
async fn a_fatal_error_ends_the_run() {
    let (source, running) = hoarding().await;
    source.send(spans(2)).await.unwrap();
    let report = running.run_until(std::future::pending()).await;
    assert_eq!(report.fatal.as_deref(), Some("exporter hoarder: two is too many"));
}

async fn two_collectors_do_not_know_of_each_other() {
    let (one, other) = (Sink::new(), Sink::new());
    let (first, first_running) = fan_out(&[&one]).await;
    let (second, second_running) = fan_out(&[&other]).await;
    first.send(spans(1)).await.unwrap();
    assert!(first_running.shutdown().await.is_clean());
    assert!(first.send(spans(1)).await.is_err());
    second.send(spans(2)).await.unwrap();
    assert_eq!((one.items(), other.items()), (1, 2));
    assert!(second_running.status().iter().all(|event| event.status == Status::Ok));
    assert!(second_running.shutdown().await.is_clean());
}

#[tokio::test]
async fn two_collectors_coexist_on_a_current_thread_runtime() {
    two_collectors_do_not_know_of_each_other().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_collectors_coexist_on_a_multi_thread_runtime() {
    two_collectors_do_not_know_of_each_other().await;
}

#[tokio::test(start_paused = true)]
async fn a_restarting_task_is_made_again_after_growing_pauses() {
    let test = crate::testing::TestHost::new(ComponentKind::Receiver, "scraper");
    let begun = Instant::now();
    let mut attempts = 0;
    let task = test.host().spawn_restarting("scrape", move || {
        attempts += 1;
        let last = attempts == 4;
        async move { if last { Ok(()) } else { Err("no luck".to_owned()) } }
    });
    task.ended().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(1 + 2 + 4));
    assert_eq!(test.statuses().iter().filter(|status| **status == Status::Ok).count(), 3);
}
