//! Graphs that change while they run.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::engine::{Applied, EngineError, Running};

type Log = Arc<Mutex<Vec<String>>>;

/// The configuration of a processor that holds everything until it shuts down, and then hands it on. It logs its
/// lifecycle; equal names are the same.
#[derive(Debug, Clone)]
struct Holding {
    name: &'static str,
    log: Log,
    /// Only one instance can run while this is set.
    port: Option<Arc<AtomicBool>>,
    broken: bool,
}

impl Holding {
    fn new(name: &'static str, log: &Log) -> Self {
        Self { name, log: Arc::clone(log), port: None, broken: false }
    }
}

impl ComponentConfig for Holding {
    const TYPE: &'static str = "holding";

    fn same_as(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl ProcessorFactory<Traces> for Holding {
    fn create(&self, _host: &Host) -> Result<Box<dyn Processor<Traces>>, BuildError> {
        let held = Held {
            config: self.clone(),
            data: Mutex::default(),
            next: Mutex::default(),
            has: AtomicBool::new(false),
        };
        Ok(Box::new(held))
    }
}

struct Held {
    config: Holding,
    data: Mutex<Vec<Traces>>,
    next: Mutex<Option<Next<Traces>>>,
    has: AtomicBool,
}

impl Held {
    fn log(&self, what: &str) {
        self.config.log.lock().unwrap().push(format!("{what} {}", self.config.name));
    }
}

#[async_trait]
impl Component for Held {
    async fn start(&self) -> Result<(), StartError> {
        self.log("start");
        if self.config.broken {
            return Err(StartError::new("broken"));
        }
        if let Some(port) = &self.config.port {
            if port.swap(true, Ordering::Relaxed) {
                return Err(StartError::new("taken").in_use());
            }
            self.has.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn shutdown(&self, _deadline: Instant) {
        self.log("stop");
        if self.has.swap(false, Ordering::Relaxed) {
            self.config.port.as_ref().unwrap().store(false, Ordering::Relaxed);
        }
        let (held, next) =
            (std::mem::take(&mut *self.data.lock().unwrap()), self.next.lock().unwrap().clone());
        for data in held {
            next.as_ref().unwrap().consume(data, Context::new()).await.unwrap();
        }
    }
}

#[async_trait]
impl Processor<Traces> for Held {
    async fn process(
        &self,
        data: Traces,
        _context: Context,
        next: &Next<Traces>,
    ) -> Result<(), ConsumeError> {
        *self.next.lock().unwrap() = Some(next.clone());
        self.data.lock().unwrap().push(data);
        Ok(())
    }
}

/// source → processors → sink.
fn line(source: &Source<Traces>, processors: &[Holding], sink: &Sink<Traces>) -> Graph {
    let mut graph = Graph::new();
    let from = graph.receiver("source", source.clone());
    let to = graph.exporter("sink", sink.clone());
    let mut pipeline = graph.pipeline::<Traces>("traces").from(&from);
    for (at, processor) in processors.iter().enumerate() {
        pipeline = pipeline.through(&format!("holding/{at}"), processor.clone());
    }
    pipeline.to(&to);
    graph
}

fn taken(log: &Log) -> String {
    std::mem::take(&mut *log.lock().unwrap()).join(", ")
}

#[tokio::test(start_paused = true)]
async fn the_same_graph_again_changes_nothing() {
    let (source, sink, log) = (Source::new(), Sink::new(), Log::default());
    let mut running =
        line(&source, &[Holding::new("a", &log)], &sink).start(Options::default()).await.unwrap();
    source.send(spans(1)).await.unwrap();
    taken(&log);
    let applied = running.apply(line(&source, &[Holding::new("a", &log)], &sink)).await.unwrap();
    assert!(applied.is_nothing());
    assert_eq!(applied.kept, 3);
    assert_eq!((taken(&log).as_str(), sink.items()), ("", 0));
    assert!(running.shutdown().await.is_clean());
    assert_eq!(sink.items(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_unchanged_keeps_what_it_holds_and_sends_it_where_the_new_graph_leads() {
    let (source, log) = (Source::new(), Log::default());
    let (old, new) = (Sink::new(), Sink::new());
    let held = [Holding::new("a", &log)];
    let mut running = line(&source, &held, &old).start(Options::default()).await.unwrap();
    source.send(spans(1)).await.unwrap();
    taken(&log);
    let applied = running.apply(line(&source, &held, &new)).await.unwrap();
    assert_eq!(
        (&applied.started[..], &applied.stopped[..]),
        (&["exporter sink".to_owned()][..], &["exporter sink".to_owned()][..])
    );
    assert_eq!((taken(&log).as_str(), old.items(), new.items()), ("", 0, 0));
    assert!(running.shutdown().await.is_clean());
    assert_eq!((old.items(), new.items()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_new_instance_starts_before_the_old_one_stops_and_hands_on_what_it_held() {
    let (source, sink, log) = (Source::new(), Sink::new(), Log::default());
    let mut running =
        line(&source, &[Holding::new("old", &log)], &sink).start(Options::default()).await.unwrap();
    source.send(spans(1)).await.unwrap();
    running.apply(line(&source, &[Holding::new("new", &log)], &sink)).await.unwrap();
    assert_eq!(taken(&log), "start old, start new, stop old");
    assert_eq!(sink.items(), 1);
    source.send(spans(2)).await.unwrap();
    assert!(running.shutdown().await.is_clean());
    assert_eq!(sink.items(), 3);
}

#[tokio::test(start_paused = true)]
async fn processors_come_and_go_in_the_middle_of_a_pipeline() {
    let (source, sink, log) = (Source::new(), Sink::new(), Log::default());
    let held = |names: &[&'static str]| names.iter().map(|name| Holding::new(name, &log)).collect::<Vec<_>>();
    let mut running = line(&source, &held(&["a"]), &sink).start(Options::default()).await.unwrap();
    for (sent, names) in [&["a", "b"][..], &["b"], &[], &["a"]].into_iter().enumerate() {
        source.send(spans(1)).await.unwrap();
        running.apply(line(&source, &held(names), &sink)).await.unwrap();
        assert!(sink.items() <= sent + 1);
    }
    assert!(running.shutdown().await.is_clean());
    assert_eq!(sink.items(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_graph_that_does_not_start_leaves_everything_as_it_was() {
    let (source, sink, log) = (Source::new(), Sink::new(), Log::default());
    let old = Holding::new("old", &log);
    let mut running =
        line(&source, std::slice::from_ref(&old), &sink).start(Options::default()).await.unwrap();
    source.send(spans(1)).await.unwrap();
    let before: Vec<_> = running.status().into_iter().map(|event| (event.instance, event.status)).collect();
    let broken = Holding { broken: true, ..Holding::new("broken", &log) };
    let error = running.apply(line(&source, &[broken], &Sink::new())).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot start pipelines: failed to start \"holding/0\" processor");
    assert!(running.apply(Graph::new()).await.is_err());
    let after: Vec<_> = running.status().into_iter().map(|event| (event.instance, event.status)).collect();
    assert_eq!(before, after);
    assert_eq!(taken(&log), "start old, start broken, stop broken");
    source.send(spans(1)).await.unwrap();
    assert!(running.shutdown().await.is_clean());
    assert_eq!(sink.items(), 2);
}

/// A line with a stage of which only one can run, so that the old one has to stop first.
struct Exclusive {
    source: Source<Traces>,
    sink: Sink<Traces>,
    log: Log,
    port: Arc<AtomicBool>,
    running: Running,
}

impl Exclusive {
    async fn start(sink: Sink<Traces>) -> Self {
        let (source, log, port) = (Source::new(), Log::default(), Arc::new(AtomicBool::new(false)));
        let old = Holding { port: Some(Arc::clone(&port)), ..Holding::new("old", &log) };
        let running = line(&source, &[old], &sink).start(Options::default()).await.unwrap();
        Self { source, sink, log, port, running }
    }

    /// What comes in the place of the old one.
    fn new_stage(&self) -> Holding {
        Holding { port: Some(Arc::clone(&self.port)), ..Holding::new("new", &self.log) }
    }

    /// Replaces the old one, which takes two seconds to hand on what it holds; looks after one.
    async fn replace_slowly(&mut self, look: impl AsyncFnOnce(&Source<Traces>, &Log)) -> Applied {
        self.source.send(spans(1)).await.unwrap();
        self.sink.dawdle(Duration::from_secs(2));
        let graph = line(&self.source, &[self.new_stage()], &self.sink);
        let look = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            look(&self.source, &self.log).await;
        };
        tokio::join!(self.running.apply(graph), look).0.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn where_only_one_can_run_the_old_one_stops_first_and_data_waits() {
    let mut exclusive = Exclusive::start(Sink::new()).await;
    let look = async |source: &Source<Traces>, log: &Log| {
        assert_eq!(taken(log), "start old, start new, stop new, stop old");
        source.send(spans(2)).await.unwrap();
    };
    let applied = exclusive.replace_slowly(look).await;
    let Exclusive { sink, log, running, .. } = exclusive;
    assert_eq!(applied.started, ["processor holding/0"]);
    assert_eq!((taken(&log).as_str(), sink.items()), ("start new", 1));
    assert!(running.shutdown().await.is_clean());
    assert_eq!(sink.items(), 3);
}

/// Or else a stage that answers early where nothing durable follows would do so just then.
#[tokio::test(start_paused = true)]
async fn while_data_waits_its_answer_counts_for_as_much_as_before() {
    let mut exclusive = Exclusive::start(Sink::new().with_strength(Strength::Durable)).await;
    let look = async |source: &Source<Traces>, _: &Log| {
        assert_eq!(source.output().unwrap().strength(), Strength::Durable);
    };
    exclusive.replace_slowly(look).await;
}

#[tokio::test(start_paused = true)]
async fn what_had_to_stop_first_is_started_again_where_the_new_graph_does_not_start() {
    let mut exclusive = Exclusive::start(Sink::new()).await;
    let new = exclusive.new_stage();
    let Exclusive { source, sink, log, running, .. } = &mut exclusive;
    let broken = Holding { broken: true, ..Holding::new("broken", log) };
    // Started in this order: the second finds the port taken at first, and then the first is broken.
    let error = running.apply(line(source, &[broken, new], sink)).await.unwrap_err();
    assert!(matches!(error, EngineError::Start { .. }), "{error}");
    assert!(error.to_string().contains("\"holding/0\""), "{error}");
    let log = taken(log);
    assert!(log.ends_with("start old"), "{log}");
    source.send(spans(2)).await.unwrap();
    assert!(exclusive.running.shutdown().await.is_clean());
    assert_eq!(exclusive.sink.items(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_is_answered_by_what_it_was_sent_to() {
    let (source, old, new) = (Source::new(), Sink::new(), Sink::new());
    let mut running = line(&source, &[], &old).start(Options::default()).await.unwrap();
    old.stall();
    let call = tokio::spawn({
        let source = source.clone();
        async move { source.send(spans(1)).await }
    });
    tokio::task::yield_now().await;
    let change = async {
        let begun = Instant::now();
        running.apply(line(&source, &[], &new)).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
    };
    let release = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        source.send(spans(2)).await.unwrap();
        old.release();
    };
    tokio::join!(change, release);
    call.await.unwrap().unwrap();
    assert_eq!((old.items(), new.items()), (1, 2));
}

/// Which exporters have siblings.
fn siblings(running: &Running) -> Vec<(String, bool)> {
    let exporters = running.instances.parts.exporters.iter();
    exporters.map(|exporter| (exporter.host.id().to_string(), exporter.host.has_siblings())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_gets_another_pipeline_of_its_signal_stays() {
    let (source, one, two) = (Source::new(), Sink::new(), Sink::new());
    let graph = |both: bool| {
        let mut graph = Graph::new();
        let from = graph.receiver("source", source.clone());
        let to = graph.exporter("sink/1", one.clone());
        graph.pipeline::<Traces>("traces/1").from(&from).to(&to);
        if both {
            let to = graph.exporter("sink/2", two.clone());
            graph.pipeline::<Traces>("traces/2").from(&from).to(&to);
        }
        graph
    };
    let mut running = graph(false).start(Options::default()).await.unwrap();
    let applied = running.apply(graph(true)).await.unwrap();
    assert_eq!((applied.kept, applied.started.len(), applied.stopped.len()), (2, 1, 0));
    assert_eq!(siblings(&running), [("sink/1".to_owned(), true), ("sink/2".to_owned(), true)]);
    source.send(spans(1)).await.unwrap();
    assert_eq!((one.items(), two.items()), (1, 1));
    running.apply(graph(false)).await.unwrap();
    assert_eq!(siblings(&running), [("sink/1".to_owned(), false)]);
    source.send(spans(1)).await.unwrap();
    assert_eq!((one.items(), two.items()), (2, 1));
    assert!(running.shutdown().await.is_clean());
}

/// The configuration of an extension that offers its number, and of a processor that asks for it.
#[derive(Debug, Clone)]
struct Number(u64);

impl ComponentConfig for Number {
    const TYPE: &'static str = "number";

    fn same_as(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Component for Number {}

impl Extension for Number {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<u64>(Arc::new(self.0));
    }
}

impl ExtensionFactory for Number {
    fn create(&self, _host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(self.clone()))
    }
}

#[derive(Debug)]
struct Asks(Arc<Mutex<Vec<u64>>>);

impl ComponentConfig for Asks {
    const TYPE: &'static str = "asks";

    fn same_as(&self, _other: &Self) -> bool {
        true
    }
}

impl ProcessorFactory<Traces> for Asks {
    fn create(&self, host: &Host) -> Result<Box<dyn Processor<Traces>>, BuildError> {
        let number = host.capability::<u64>(&"number".parse().unwrap());
        self.0.lock().unwrap().push(*number.ok_or_else(|| BuildError::new("no number"))?);
        ProcessorFactory::create(&Fault::none(), host)
    }
}

#[tokio::test]
async fn whoever_asked_an_extension_is_started_anew_when_it_changes() {
    let (source, sink, asked) = (Source::new(), Sink::new(), Arc::default());
    let graph = |number| {
        let mut graph = Graph::new();
        let from = graph.receiver("source", source.clone());
        let to = graph.exporter("sink", sink.clone());
        graph.extension("number", Number(number));
        graph.pipeline::<Traces>("traces").from(&from).through("asks", Asks(Arc::clone(&asked))).to(&to);
        graph
    };
    let mut running = graph(1).start(Options::default()).await.unwrap();
    assert!(running.apply(graph(1)).await.unwrap().is_nothing());
    let applied = running.apply(graph(2)).await.unwrap();
    assert_eq!(applied.started, ["extension number", "processor asks"]);
    assert_eq!(*asked.lock().unwrap(), [1, 2]);
}

/// The configuration of an extension that asks another for its number when it starts.
#[derive(Debug, Clone)]
struct AsksAtStart(Arc<Mutex<Vec<Option<u64>>>>);

struct Asking(AsksAtStart, Host);

impl ComponentConfig for AsksAtStart {
    const TYPE: &'static str = "asks";

    fn same_as(&self, _other: &Self) -> bool {
        true
    }
}

impl ExtensionFactory for AsksAtStart {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(Asking(self.clone(), host.clone())))
    }
}

#[async_trait]
impl Component for Asking {
    async fn start(&self) -> Result<(), StartError> {
        let id = "number".parse().unwrap();
        assert!(self.1.has_extension(&id) && !self.1.has_extension(&"nothing".parse().unwrap()));
        self.0.0.lock().unwrap().push(self.1.capability::<u64>(&id).map(|number| *number));
        Ok(())
    }
}

impl Extension for Asking {}

#[tokio::test]
async fn extensions_ask_each_other_whatever_their_order_and_start_anew_with_what_they_asked() {
    let (source, sink, asked) = (Source::new(), Sink::new(), Arc::default());
    let graph = |number| {
        let mut graph = Graph::new();
        let from = graph.receiver("source", source.clone());
        let to = graph.exporter("sink", sink.clone());
        graph.extension("asks", AsksAtStart(Arc::clone(&asked)));
        graph.extension("number", Number(number));
        graph.pipeline::<Traces>("traces").from(&from).to(&to);
        graph
    };
    let mut running = graph(1).start(Options::default()).await.unwrap();
    assert!(running.apply(graph(1)).await.unwrap().is_nothing());
    let applied = running.apply(graph(2)).await.unwrap();
    assert_eq!(applied.started, ["extension asks", "extension number"]);
    assert_eq!(*asked.lock().unwrap(), [Some(1), Some(2)]);
}
