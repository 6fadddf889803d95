//! A backend that is away for half an hour, while 10,000 spans a second come in. The queue is on a real disk, the clock is
//! simulated.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{
    BuildError, Component, ComponentConfig, ConsumeError, Context, Exporter, ExporterFactory, Host,
};
use otel_core::engine::{Graph, Options};
use otel_core::pdata::build::TracesBuilder;
use otel_core::pdata::view::{ResourceSpans, ScopeSpans};
use otel_core::pdata::{Signal as _, Traces};
use otel_core::testing::Source;
use otel_exporters::sending::{Sending, SendingConfig};
use otel_processors::memory_limiter::{Memory as _, ProcessMemory};
use otel_receivers::extensions::file_storage::FileStorageConfig;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Spans in a request, of which five come in a second.
const REQUEST: usize = 2000;
const EVERY: Duration = Duration::from_millis(200);
/// Spans that come in, in a second.
const RATE: f64 = 10_000.0;
const OUTAGE: Duration = Duration::from_secs(30 * 60);
/// What a request takes once the backend is back.
const LATENCY: Duration = Duration::from_millis(50);
/// Memory that the process may need more during the outage than before it.
const MEMORY: u64 = 64 << 20;

/// The other side.
#[derive(Clone, Default)]
struct Backend(Arc<Mutex<Arrived>>);

#[derive(Default)]
struct Arrived {
    is_up: bool,
    /// When the first request was taken.
    first: Option<Instant>,
    requests: BTreeSet<usize>,
    spans: usize,
}

impl Component for Backend {}

#[async_trait]
impl Exporter<Traces> for Backend {
    async fn export(&self, data: Traces, _context: Context) -> Result<(), ConsumeError> {
        if !self.0.lock().unwrap().is_up {
            return Err(ConsumeError::retryable("connection refused"));
        }
        sleep(LATENCY).await;
        let mut arrived = self.0.lock().unwrap();
        arrived.first.get_or_insert_with(Instant::now);
        if arrived.requests.insert(number(&data)) {
            arrived.spans += data.items();
        }
        Ok(())
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").finish_non_exhaustive()
    }
}

impl ComponentConfig for Backend {
    const TYPE: &'static str = "backend";
}

impl ExporterFactory<Traces> for Backend {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<Traces>>, BuildError> {
        let mut config = SendingConfig::default();
        config.retry_on_failure.max_elapsed_time = Duration::ZERO;
        let queue = config.sending_queue.get_mut().expect("there is a queue by default");
        queue.queue_size = 10_000;
        queue.storage = Some("file_storage".parse().expect("it is an id"));
        Ok(Box::new(Sending::new(self.clone(), &config, host, &[])))
    }
}

#[tokio::test(start_paused = true)]
async fn half_an_hour_without_a_backend_costs_disk_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = FileStorageConfig::default();
    directory.path().to_str().unwrap().clone_into(&mut storage.directory);
    let (source_config, backend) = (Source::new(), Backend::default());
    let mut graph = Graph::new();
    graph.extension("file_storage", storage);
    let source = graph.receiver("source", source_config.clone());
    let exporter = graph.exporter("backend", backend.clone());
    graph.pipeline::<Traces>("traces").from(&source).to(&exporter);
    let running = graph.start(Options::default()).await.unwrap();

    let usual = spans(REQUEST - 1, "checkout");
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (begun, real) = (Instant::now(), std::time::Instant::now());
    let (mut sent, mut least, mut most) = (0, u64::MAX, 0);
    let mut recovered = None;
    loop {
        ticks.tick().await;
        let request = Traces::merged([spans(1, &sent.to_string()), usual.clone()]);
        source_config.send(request).await.expect("there is room for it in the queue");
        sent += 1;
        if sent % 50 == 0 {
            let used = ProcessMemory.used().expect("this is Linux");
            (least, most) = (least.min(used), most.max(used));
        }
        let mut arrived = backend.0.lock().unwrap();
        if begun.elapsed() >= OUTAGE && !arrived.is_up {
            arrived.is_up = true;
            recovered = Some(std::time::Instant::now());
            println!("{sent} requests after {:?}, on {} MB", real.elapsed(), megabytes(directory.path()));
        }
        if sent - arrived.requests.len() <= 10 && arrived.is_up {
            break;
        }
    }
    let (spans, first) = {
        let arrived = backend.0.lock().unwrap();
        (arrived.spans as f64, arrived.first.expect("something arrived"))
    };
    let simulated = spans / first.elapsed().as_secs_f64();
    let really = spans / recovered.expect("it is over").elapsed().as_secs_f64();
    println!("drained at {simulated:.0} spans/s of simulated and {really:.0} of real time");
    println!("between {} and {} MiB of memory", least >> 20, most >> 20);
    assert!(simulated > 2.0 * RATE, "it drains at {simulated:.0} spans/s");
    assert!(most - least < MEMORY, "between {least} and {most} bytes");
    // What is still queued at a shutdown would stay on the disk.
    sleep(Duration::from_secs(5)).await;
    assert!(running.shutdown().await.is_clean());
    let arrived = backend.0.lock().unwrap();
    assert_eq!((arrived.requests.len(), arrived.spans), (sent, sent * REQUEST));
}

fn spans(count: usize, name: &str) -> Traces {
    let mut builder = TracesBuilder::with_capacity(count * 64);
    let mut resource = builder.resource(|_| {});
    let mut scope = resource.scope(|_| {});
    for at in 0..count {
        scope.span(|span| {
            span.trace_id([1 + at as u8 % 250; 16]);
            span.span_id([1 + at as u8 % 250; 8]);
            span.name(name);
        });
    }
    builder.finish()
}

/// The number that is the name of the first span.
fn number(data: &Traces) -> usize {
    let mut scopes = data.resource_spans().flat_map(ResourceSpans::scope_spans);
    let first = scopes.next().and_then(|scope| ScopeSpans::spans(scope).next());
    first.and_then(|span| span.name().parse().ok()).expect("requests begin with their number")
}

fn megabytes(directory: &std::path::Path) -> u64 {
    let inside = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let sizes = inside.map(|entry| match entry.metadata().unwrap() {
        found if found.is_dir() => megabytes(&entry.path()) * 1_000_000,
        found => found.len(),
    });
    sizes.sum::<u64>() / 1_000_000
}
