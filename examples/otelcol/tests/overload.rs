//! More than the collector and its backend can do.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode};
use otel_core::pdata::Signal as _;
use otel_core::pdata::build::TracesBuilder;
use support::backend::Backend;
use support::client::try_http;
use support::collector::Collector;
use tokio::task::JoinSet;
use tokio::time::sleep;

const LIMIT_MIB: u64 = 100;
const SPANS: usize = 300;
const CLIENTS: usize = 48;
const LOAD: Duration = Duration::from_secs(4);

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

/// What clients were told.
#[derive(Default)]
struct Told {
    taken: AtomicUsize,
    later: AtomicUsize,
    stop: AtomicBool,
}

/// Sends as fast as answers come; a client that is told to come later comes sooner than it should.
async fn client(address: std::net::SocketAddr, body: Bytes, told: Arc<Told>) {
    let protobuf = [("content-type", "application/x-protobuf")];
    while !told.stop.load(Ordering::Relaxed) {
        // A server may answer and close before it has read all, which some clients see as a broken connection.
        let Ok(answer) = try_http(address, Method::POST, "/v1/traces", &protobuf, body.clone()).await else {
            continue;
        };
        match answer.status {
            StatusCode::OK => told.taken.fetch_add(1, Ordering::Relaxed),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
                told.later.fetch_add(1, Ordering::Relaxed)
            }
            other => panic!("{other}: {answer:?}"),
        };
    }
}

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

    let (told, body, address) = (Arc::new(Told::default()), request(), collector.http());
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(client(address, body.clone(), Arc::clone(&told)));
    }
    let (begun, mut most) = (Instant::now(), 0);
    while begun.elapsed() < LOAD {
        sleep(Duration::from_millis(20)).await;
        most = most.max(collector.memory());
    }
    told.stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    backend.traces.release();
    let (taken, later) = (told.taken.load(Ordering::Relaxed), told.later.load(Ordering::Relaxed));
    let (status, log) = collector.stop().await;

    assert!(status.success(), "{log}");
    assert!(taken > 0 && later > 0, "{taken} requests taken, {later} told to come later");
    assert!(most <= LIMIT_MIB << 20, "{} MiB held", most >> 20);
    assert_eq!(backend.traces.items(), taken * SPANS, "all that was taken arrives once");
    backend.stop().await;
}
