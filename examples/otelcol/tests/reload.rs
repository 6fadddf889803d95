//! The configuration of a running collector is changed.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use otel_core::pdata::Traces;
use otel_core::pdata::view::{ResourceSpans, ScopeSpans};
use rustix::process::Signal;
use support::backend::Backend;
use support::client::{get, http, span, try_http};
use support::collector::{Collector, otelcol};
use tempfile::NamedTempFile;

const JSON: (&str, &str) = ("content-type", "application/json");

/// A configuration in a file, and the collector that runs with it.
struct Running {
    file: NamedTempFile,
    collector: Collector,
}

impl Running {
    async fn start(yaml: &str, watch: bool) -> Self {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(&file, yaml).unwrap();
        let mut command = otelcol();
        command.arg("--config").arg(file.path());
        if watch {
            command.arg("--watch-config");
        }
        Self { file, collector: Collector::spawn(command).await }
    }

    fn write(&self, yaml: &str) {
        std::fs::write(&self.file, yaml).unwrap();
    }

    /// Changes the configuration, and waits until the collector says what came of it.
    async fn reload(&mut self, yaml: &str, outcome: &str) {
        let before = self.collector.log().matches(outcome).count();
        self.write(yaml);
        self.collector.signal(Signal::HUP);
        self.collector.wait_for_logs(outcome, before + 1).await;
    }
}

const APPLIED: &str = "Config applied";
const FAILED: &str = "Config not applied";

/// Ports that are free now.
fn ports<const N: usize>() -> [u16; N] {
    let bound: [std::net::TcpListener; N] =
        std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    bound.map(|listener| listener.local_addr().unwrap().port())
}

struct Shape<'a> {
    port: u16,
    receiver: &'a str,
    batch: &'a str,
    health: u16,
    backend: SocketAddr,
}

impl Shape<'_> {
    fn yaml(&self) -> String {
        let Self { port, receiver, batch, health, backend } = self;
        format!(
            "
receivers:
  {receiver}: {{ protocols: {{ http: {{ endpoint: '127.0.0.1:{port}' }} }} }}
processors:
  batch: {{ {batch} }}
exporters:
  otlp_grpc: {{ endpoint: '{backend}', tls: {{ insecure: true }}, retry_on_failure: {{ initial_interval: 50ms }} }}
extensions:
  health_check: {{ endpoint: '127.0.0.1:{health}' }}
service:
  telemetry: {{ metrics: {{ level: none }} }}
  extensions: [health_check]
  pipelines:
    traces: {{ receivers: [{receiver}], processors: [batch], exporters: [otlp_grpc] }}
"
        )
    }
}

/// What became of requests.
#[derive(Default)]
struct Count {
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Connections that were closed before the answer.
    broken: AtomicU64,
    stop: AtomicBool,
}

/// Sends spans one after the other until it is told to stop.
async fn load(address: SocketAddr, count: Arc<Count>) {
    while !count.stop.load(Ordering::Relaxed) {
        let outcome = match try_http(address, Method::POST, "/v1/traces", &[JSON], span("loaded")).await {
            Ok(answer) if answer.status.is_success() => &count.accepted,
            Ok(_) => &count.refused,
            Err(_) => &count.broken,
        };
        outcome.fetch_add(1, Ordering::Relaxed);
    }
}

fn spans(backend: &Backend) -> u64 {
    let received = backend.traces.received();
    let scopes = received.iter().flat_map(Traces::resource_spans).flat_map(ResourceSpans::scope_spans);
    scopes.map(|scope| ScopeSpans::spans(scope).count() as u64).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_nothing_is_lost_and_nobody_refused_whatever_changes() {
    let backends = [Backend::start().await, Backend::start().await];
    let [port, health] = ports();
    let mut shape =
        Shape { port, receiver: "otlp", batch: "timeout: 50ms", health, backend: backends[0].grpc() };
    let mut running = Running::start(&shape.yaml(), false).await;
    let count = Arc::new(Count::default());
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let clients: Vec<_> = (0..4).map(|_| tokio::spawn(load(address, Arc::clone(&count)))).collect();

    let reload = async |running: &mut Running, shape: &Shape<'_>| {
        let before = count.accepted.load(Ordering::Relaxed);
        while count.accepted.load(Ordering::Relaxed) < before + 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.reload(&shape.yaml(), APPLIED).await;
    };
    // Nothing, a processor, an exporter, the receiver at the same port under another id, and all at once.
    reload(&mut running, &shape).await;
    shape.batch = "timeout: 20ms";
    reload(&mut running, &shape).await;
    shape.backend = backends[1].grpc();
    reload(&mut running, &shape).await;
    shape.receiver = "otlp/other";
    reload(&mut running, &shape).await;
    shape = Shape { receiver: "otlp", batch: "timeout: 10ms", backend: backends[0].grpc(), ..shape };
    reload(&mut running, &shape).await;

    count.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let (status, log) = running.collector.stop().await;
    assert!(status.success(), "{log}");
    let [accepted, refused, broken] =
        [&count.accepted, &count.refused, &count.broken].map(|count| count.load(Ordering::Relaxed));
    assert!(accepted > 0);
    assert_eq!(refused, 0, "{log}");
    // A client connects just when the old receiver stops, each time that one does.
    assert!(broken < 20, "{broken}");
    let received = backends.iter().map(spans).sum::<u64>();
    assert!((accepted..=accepted + broken).contains(&received), "{accepted} {broken} {received}\n{log}");
    assert!(spans(&backends[1]) > 0);
    assert!(log.contains(r#""kept": 4, "started": [], "stopped": []"#), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_does_not_work_changes_nothing_but_the_health() {
    let backend = Backend::start().await;
    let [port, health, taken] = ports();
    let shape = Shape { port, receiver: "otlp", batch: "timeout: 10ms", health, backend: backend.grpc() };
    let mut running = Running::start(&shape.yaml(), false).await;
    let health = SocketAddr::from(([127, 0, 0, 1], health));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(get(health, "/").await.status, 200);

    let wrong = Shape { batch: "timeot: 1s", ..shape };
    running.reload(&wrong.yaml(), FAILED).await;
    let red = get(health, "/").await;
    assert_eq!(red.status, 503);
    assert!(String::from_utf8_lossy(&red.body).contains("unknown key `timeot`"));

    // Others have the port that the receiver is to move to.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let moved = Shape { port: taken, batch: "timeout: 20ms", ..shape };
    running.write(&moved.yaml());
    running.collector.signal(Signal::HUP);
    running.collector.wait_for_logs(FAILED, 2).await;
    assert_eq!(get(health, "/").await.status, 503);
    assert!(http(address, Method::POST, "/v1/traces", &[JSON], span("kept")).await.status.is_success());

    running.reload(&shape.yaml(), APPLIED).await;
    assert_eq!(get(health, "/").await.status, 200);
    let (status, log) = running.collector.stop().await;
    assert!(status.success(), "{log}");
    assert_eq!(spans(&backend), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_file_is_applied_when_it_changes() {
    let backend = Backend::start().await;
    let [port, health, other] = ports();
    let shape = Shape { port, receiver: "otlp", batch: "timeout: 10ms", health, backend: backend.grpc() };
    let mut running = Running::start(&shape.yaml(), true).await;
    running.write(&Shape { port: other, ..shape }.yaml());
    running.collector.wait_for_log(APPLIED).await;
    let address = SocketAddr::from(([127, 0, 0, 1], other));
    assert!(http(address, Method::POST, "/v1/traces", &[JSON], span("moved")).await.status.is_success());
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    running.collector.stop().await;
    assert_eq!(spans(&backend), 1);
}

#[tokio::test]
async fn telemetry_of_its_own_is_changed_as_well_and_nothing_sent_is_lost() {
    let backend = Backend::start().await;
    let [port, metrics] = ports();
    let yaml = |telemetry: &str, endpoint: u16| {
        format!(
            "
receivers: {{ otlp: {{ protocols: {{ http: {{ endpoint: '127.0.0.1:{port}' }} }} }} }}
processors: {{ batch: {{ timeout: 10s }} }}
exporters: {{ otlp_grpc: {{ endpoint: '{}', tls: {{ insecure: true }} }} }}
service:
  telemetry:
    {telemetry}
    metrics: {{ readers: [{{ pull: {{ exporter: {{ prometheus: {{ host: 127.0.0.1, port: {endpoint} }} }} }} }}] }}
  pipelines: {{ traces: {{ receivers: [otlp], processors: [batch], exporters: [otlp_grpc] }} }}
",
            backend.grpc()
        )
    };
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mut running = Running::start(&yaml("logs: { level: info }", metrics), false).await;
    let sent = |name| http(address(port), Method::POST, "/v1/traces", &[JSON], span(name));
    assert_eq!(sent("before").await.status, 200);
    // At the address of the metrics, with another shape of logs.
    running.reload(&yaml("logs: { encoding: json }", metrics), APPLIED).await;
    assert!(running.collector.log().contains("{\"level\":\"info\""), "{}", running.collector.log());
    assert_eq!(backend.span_names(), ["before"]);
    assert_eq!(sent("between").await.status, 200);
    let text = String::from_utf8(get(address(metrics), "/metrics").await.body.to_vec()).unwrap();
    assert!(
        text.contains("otelcol_config_reloads") && text.contains("otelcol_receiver_accepted_spans"),
        "{text}"
    );
    // Where somebody else is, what there was goes on.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().port();
    running.reload(&yaml("logs: { level: warn }", taken), FAILED).await;
    assert_eq!(get(address(metrics), "/metrics").await.status, 200);
    assert_eq!(sent("after").await.status, 200);
    let (status, log) = running.collector.stop().await;
    assert!(status.success(), "{log}");
    assert_eq!(backend.span_names(), ["before", "between", "after"]);
}
