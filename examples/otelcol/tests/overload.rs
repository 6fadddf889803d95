//! More than the collector and its backend can do.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use otel_core::pdata::Signal as _;
use otel_core::pdata::build::TracesBuilder;
use support::backend::Backend;
use support::client::{Answer, Ask};
use support::collector::{Collector, otelcol};
use support::config::Forwarding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const LIMIT_MIB: u64 = 100;
const SPANS: usize = 300;
const CLIENTS: usize = 48;
const LOAD: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(30);

/// A request of 300 spans of half a kilobyte.
fn request() -> Bytes {
    let mut traces = TracesBuilder::new();
    let mut resource = traces.resource(|_| {});
    let mut scope = resource.scope(|_| {});
    let filler = "x".repeat(480);
    for _ in 0..SPANS {
        scope.span(|span| {
            span.name("checkout").attribute("filler", filler.as_str());
        });
    }
    traces.finish().to_bytes()
}

/// How a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Http,
    Grpc,
}

/// What clients were told.
#[derive(Debug, Default)]
struct Told {
    taken: AtomicUsize,
    later: AtomicUsize,
    stop: AtomicBool,
}

/// Clients that send as fast as answers come; those that are told to come later come sooner than they should.
struct Clients {
    told: Arc<Told>,
    tasks: JoinSet<()>,
}

impl Way {
    /// Sends telemetry. Nothing where no answer came: a server may answer and close before it has read all, which some
    /// clients see as a broken connection.
    async fn send(self, collector: SocketAddr, body: &Bytes) -> Option<Answer> {
        match self {
            Way::Http => Ask::http("application/x-protobuf", body.clone()).http1(collector).await.ok(),
            Way::Grpc => Ask::grpc(0, body).http2(collector).await.ok(),
        }
    }

    /// Whether a request was taken. If not, it was for lack of room, and the client is told when to come again.
    fn is_taken(self, answer: &Answer, lacking: &str) -> bool {
        match self {
            Way::Http if answer.status == StatusCode::OK => true,
            Way::Http => {
                let lack = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
                assert!(lack.contains(&answer.status), "{answer:?}");
                assert_eq!(answer.headers["retry-after"], "1");
                assert!(String::from_utf8_lossy(&answer.body).contains(lacking), "{answer:?}");
                false
            }
            Way::Grpc => {
                let of = |name: &str| answer.trailers.get(name).or(answer.headers.get(name));
                let status = of("grpc-status").expect("gRPC answers have a status");
                if status == "0" {
                    return true;
                }
                assert_eq!(status, "8", "{answer:?}");
                assert_eq!(of("grpc-message").unwrap().to_str().unwrap().replace("%20", " "), lacking);
                // Without a delay clients drop what was refused so.
                assert!(of("grpc-status-details-bin").is_some(), "{answer:?}");
                false
            }
        }
    }
}

impl Clients {
    fn start(number: usize, way: Way, collector: SocketAddr, lacking: &'static str) -> Self {
        let (told, body, mut tasks) = (Arc::new(Told::default()), request(), JoinSet::new());
        for _ in 0..number {
            let (told, body) = (Arc::clone(&told), body.clone());
            tasks.spawn(async move {
                while !told.stop.load(Ordering::Relaxed) {
                    let Some(answer) = way.send(collector, &body).await else { continue };
                    let count = if way.is_taken(&answer, lacking) { &told.taken } else { &told.later };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { told, tasks }
    }

    fn counts(&self) -> (usize, usize) {
        (self.told.taken.load(Ordering::Relaxed), self.told.later.load(Ordering::Relaxed))
    }

    /// Waits until so many requests were taken, and so many not.
    async fn wait_for(&self, taken: usize, later: usize) {
        let reached = async {
            while self.counts().0 < taken || self.counts().1 < later {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("it stays at {:?}", self.counts()));
    }

    /// Ends them; how many requests were taken, and how many not.
    async fn stop(self) -> (usize, usize) {
        self.told.stop.store(true, Ordering::Relaxed);
        let counts = self.told;
        self.tasks.join_all().await;
        (counts.taken.load(Ordering::Relaxed), counts.later.load(Ordering::Relaxed))
    }
}

const SHORT_OF_MEMORY: &str = "data refused due to high memory usage";

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_within_its_limit_and_what_was_taken_arrives() {
    let backend = Backend::start().await;
    backend.traces.stall();
    let collector = Collector::start(&format!(
        "
receivers:
  otlp: {{ protocols: {{ http: {{ endpoint: '127.0.0.1:0' }} }} }}
processors:
  memory_limiter: {{ check_interval: 100ms, limit_mib: {LIMIT_MIB}, spike_limit_mib: 30 }}
  batch:
exporters:
  otlp_grpc: {{ endpoint: '{}', tls: {{ insecure: true }}, compression: none, timeout: 0 }}
service:
  telemetry: {{ metrics: {{ level: none }} }}
  pipelines:
    traces: {{ receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc] }}
",
        backend.grpc()
    ))
    .await;

    let clients = Clients::start(CLIENTS, Way::Http, collector.http(), "");
    let most = most_memory_in(LOAD, &collector).await;
    let (taken, later) = clients.stop().await;
    backend.traces.release();
    let (status, log) = collector.stop().await;

    assert!(status.success(), "{log}");
    assert!(taken > 0 && later > 0, "{taken} requests taken, {later} told to come later");
    assert!(most <= LIMIT_MIB << 20, "{} MiB held", most >> 20);
    assert_eq!(backend.traces.items(), taken * SPANS, "all that was taken arrives once");
    backend.stop().await;
}

async fn most_memory_in(time: Duration, collector: &Collector) -> u64 {
    let (begun, mut most) = (Instant::now(), 0);
    while begun.elapsed() < time {
        sleep(Duration::from_millis(20)).await;
        most = most.max(collector.memory());
    }
    most
}

async fn rejected(collector: &Collector, way: Way, reason: &str) -> usize {
    let transport = if way == Way::Http { "http" } else { "grpc" };
    let label = format!("reason=\"{reason}\",receiver=\"otlp\",transport=\"{transport}\"");
    collector.metric("otelcol_receiver_rejected_requests", &label).await as usize
}

/// A collector with the extension before both of its servers.
async fn limited(forwarding: &Forwarding) -> Collector {
    let limiter = format!("{{ check_interval: 100ms, limit_mib: {LIMIT_MIB}, spike_limit_mib: 30 }}");
    let extensions =
        format!("extensions: {{ memory_limiter: {limiter} }}\nservice: {{ extensions: [memory_limiter] }}");
    let forwarding = forwarding.clone().serving("middlewares: [{ id: memory_limiter }]");
    let mut command = otelcol();
    command.args(["--config", &format!("yaml:{}", forwarding.yaml())]);
    command.args(["--config", &format!("yaml:{extensions}")]);
    Collector::spawn(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_extension_stops_what_it_has_let_in_when_memory_gets_short() {
    const BODY: usize = 15 << 20;
    let collector = limited(&Forwarding::to("nop", "").measured()).await;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {BODY}\r\n\r\n"
    );
    // All are let in before any of them takes memory.
    let mut streams = Vec::new();
    for _ in 0..30 {
        let mut stream = TcpStream::connect(collector.http()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let mut clients = JoinSet::new();
    for mut stream in streams {
        clients.spawn(async move {
            // Without the last byte, so that none is ever read to its end.
            let _ = stream.write_all(&vec![b'x'; BODY - 1]).await;
            let mut answer = Vec::new();
            // A reset is an end, too.
            let _ = timeout(Duration::from_secs(2), stream.read_to_end(&mut answer)).await;
        });
    }
    clients.join_all().await;
    // Without a limiter they would hold the 256 MiB that a receiver has for them.
    let most = collector.most_memory() >> 20;
    assert!(most < LIMIT_MIB * 3 / 2, "{most} MiB held");
    assert!(rejected(&collector, Way::Http, "memory_limited").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_extension_refuses_at_the_door_and_lets_in_again_and_what_was_taken_arrives() {
    let backend = Backend::start().await;
    backend.traces.stall();
    let forwarding = Forwarding::to_grpc(backend.grpc(), "compression: none, timeout: 0");
    let forwarding = forwarding.batched().measured();
    let mut collector = limited(&forwarding).await;

    let http = Clients::start(CLIENTS / 2, Way::Http, collector.http(), SHORT_OF_MEMORY);
    let grpc = Clients::start(CLIENTS / 2, Way::Grpc, collector.grpc(), SHORT_OF_MEMORY);
    let most = most_memory_in(LOAD, &collector).await;
    for clients in [&http, &grpc] {
        clients.wait_for(1, 1).await;
    }
    collector.wait_for_log("Memory usage is above soft limit. Refusing data.").await;
    // With the backend there again, there is room again.
    backend.traces.release();
    collector.wait_for_log("Memory usage back within limits. Resuming normal operation.").await;
    for clients in [&http, &grpc] {
        clients.wait_for(clients.counts().0 + 10, 1).await;
    }
    let (http, grpc) = (http.stop().await, grpc.stop().await);
    for (way, (_, later)) in [(Way::Http, http), (Way::Grpc, grpc)] {
        let counted = rejected(&collector, way, "memory_limited").await;
        // One whose connection broke does not know what it was told.
        assert!(counted >= later, "{way:?}: {later} were told to come later, {counted} are counted");
    }
    let (status, log) = collector.stop().await;

    assert!(status.success(), "{log}");
    assert!(most <= LIMIT_MIB << 20, "{} MiB held", most >> 20);
    let taken = (http.0 + grpc.0) * SPANS;
    assert!(backend.traces.items() >= taken, "{} of {taken} arrive", backend.traces.items());
    backend.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_bounded_and_all_of_it_arrives() {
    let backend = Backend::start().await;
    backend.traces.stall();
    // A request is in flight until the backend has it.
    let keys = "compression: none, timeout: 0, sending_queue: { enabled: false }";
    let forwarding = Forwarding::to_grpc(backend.grpc(), keys);
    let collector =
        Collector::start(&forwarding.receiving("max_in_flight_bytes: 2097152").measured().yaml()).await;
    let http = Clients::start(CLIENTS / 2, Way::Http, collector.http(), "too many bytes in flight");
    let grpc = Clients::start(CLIENTS / 2, Way::Grpc, collector.grpc(), "too many bytes in flight");
    for clients in [&http, &grpc] {
        clients.wait_for(0, 10).await;
        assert_eq!(clients.counts().0, 0, "nothing is promised that the backend does not have");
    }
    backend.traces.release();
    for clients in [&http, &grpc] {
        clients.wait_for(10, 10).await;
    }
    let (http, grpc) = (http.stop().await, grpc.stop().await);
    for (way, (_, later)) in [(Way::Http, http), (Way::Grpc, grpc)] {
        assert!(rejected(&collector, way, "no_room").await >= later, "{way:?}");
    }
    let (status, log) = collector.stop().await;
    assert!(status.success(), "{log}");
    assert!(backend.traces.items() >= (http.0 + grpc.0) * SPANS);
    backend.stop().await;
}
