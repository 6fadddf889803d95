//! Telemetry goes through the binary between two Go collectors unchanged.

mod support;

use http::{Method, StatusCode};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use otel_core::testing::generate::{self, Generate};
use otel_core::testing::raw::{Field, Tree, Value};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use prost::Message as _;
use support::backend::Backend;
use support::client::{gzip, http};
use support::collector::Collector;
use support::config::Forwarding;
use support::{assert_same, go};

/// Of each signal.
const REQUESTS: usize = 50;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

/// Requests of all shapes, the same every time.
fn requests<S: Generate>() -> Vec<S> {
    let mut runner = TestRunner::deterministic();
    let requests = generate::requests::<S>();
    let mut next = || {
        let request = requests.new_tree(&mut runner).unwrap().current();
        let mut tree = Tree::parse(S::KIND, &request.encode_to_vec()).unwrap();
        drop_zero_ids(&mut tree.fields);
        S::from_bytes(tree.encode().into()).unwrap()
    };
    (0..REQUESTS).map(|_| next()).collect()
}

/// Go takes an id of zeros for none, and sends none.
fn drop_zero_ids(fields: &mut Vec<Field>) {
    fields.retain_mut(|field| match &mut field.value {
        Value::Message(fields) => {
            drop_zero_ids(fields);
            true
        }
        Value::Bytes(bytes) => !matches!(bytes.len(), 8 | 16) || bytes.iter().any(|byte| *byte != 0),
        _ => true,
    });
}

async fn send<S: Signal>(collector: &Collector, requests: &[S]) {
    let path = format!("/v1/{}", S::KIND);
    for request in requests {
        let body = gzip(&request.to_bytes());
        let answer = http(collector.http(), Method::POST, &path, &[PROTOBUF, GZIP], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

/// Where a collector takes what another exports, as the keys of that exporter.
fn exporter(protocol: &str, to: &Collector, compression: &str) -> Forwarding {
    match protocol {
        "otlp_grpc" => Forwarding::to_grpc(to.grpc(), &format!("compression: {compression}")),
        _ => Forwarding::to(
            "otlp_http",
            format!("endpoint: 'http://{}', compression: {compression}", to.http()),
        ),
    }
}

/// Sends to a Go collector, that exports to this one, that exports to another Go collector.
async fn everything_arrives(to_ours: &str, to_go: &str, compression: &str) {
    let backend = Backend::start().await;
    let last = go::start(&Forwarding::to_grpc(backend.grpc(), "").batched()).await;
    let ours = Collector::start(&exporter(to_go, &last, compression).batched().yaml()).await;
    let first = go::start(&exporter(to_ours, &ours, compression)).await;

    let (traces, metrics, logs) = (requests::<Traces>(), requests::<Metrics>(), requests::<Logs>());
    send(&first, &traces).await;
    send(&first, &metrics).await;
    send(&first, &logs).await;
    for collector in [first, ours, last] {
        let (status, log) = collector.stop().await;
        assert!(status.success(), "{log}");
    }
    assert_same(traces, backend.traces.received());
    assert_same(metrics, backend.metrics.received());
    assert_same(logs, backend.logs.received());
}

#[tokio::test]
async fn grpc() {
    everything_arrives("otlp_grpc", "otlp_grpc", "none").await;
}

#[tokio::test]
async fn grpc_gzip() {
    everything_arrives("otlp_grpc", "otlp_grpc", "gzip").await;
}

#[tokio::test]
async fn http_in() {
    everything_arrives("otlp_http", "otlp_grpc", "none").await;
}

#[tokio::test]
async fn http_in_gzip() {
    everything_arrives("otlp_http", "otlp_grpc", "gzip").await;
}
