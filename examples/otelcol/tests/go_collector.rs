//! Telemetry goes through the binary between two Go collectors unchanged.

mod support;

use http::{Method, StatusCode};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use otel_core::testing::generate::{self, Generate};
use otel_core::testing::raw::{Field, Tree, Value};
use otel_core::testing::{TestAuthority, TestIdentity};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use prost::Message as _;
use support::backend::Backend;
use support::client::{self, gzip};
use support::collector::Collector;
use support::config::Forwarding;
use support::{assert_same, go};
use tempfile::NamedTempFile;

/// Of each signal.
const REQUESTS: usize = 50;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const GZIPPED: (&str, &str) = ("content-encoding", "gzip");

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
        let answer = client::http(collector.http(), Method::POST, &path, &[PROTOBUF, GZIPPED], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

/// How one collector sends to the next.
#[derive(Debug, Clone, Copy)]
struct Link {
    exporter: &'static str,
    compression: &'static str,
}

const GRPC: Link = Link { exporter: "otlp_grpc", compression: "none" };
const HTTP: Link = Link { exporter: "otlp_http", compression: "none" };

impl Link {
    const fn with(self, compression: &'static str) -> Self {
        Self { compression, ..self }
    }

    /// To a collector, with the keys of `tls`, which are empty for none.
    fn to(self, collector: &Collector, tls: &str) -> Forwarding {
        let Self { exporter, compression } = self;
        let (scheme, tls) = if tls.is_empty() { ("http", "insecure: true") } else { ("https", tls) };
        let address = if exporter == "otlp_grpc" { collector.grpc() } else { collector.http() };
        let keys = format!("endpoint: '{scheme}://{address}', compression: {compression}, tls: {{ {tls} }}");
        Forwarding::to(exporter, keys)
    }
}

/// What servers and clients need to know each other by.
#[derive(Default)]
struct Tls {
    server: String,
    client: String,
    /// As long as this is there.
    _authority: Option<NamedTempFile>,
}

impl Tls {
    /// Each with a certificate that the other verifies.
    fn mutual() -> Self {
        let authority = TestAuthority::new();
        let (server, client) = (authority.issue("127.0.0.1"), authority.issue("client"));
        let file = NamedTempFile::new().unwrap();
        std::fs::write(&file, authority.certificate()).unwrap();
        let ca = file.path().display();
        let keys = |identity: &TestIdentity| {
            // A string of Rust with line feeds is one of YAML.
            format!("cert_pem: {:?}, key_pem: {:?}", identity.certificate, identity.key)
        };
        Self {
            server: format!("tls: {{ client_ca_file: '{ca}', {} }}", keys(&server)),
            client: format!("ca_file: '{ca}', {}", keys(&client)),
            _authority: Some(file),
        }
    }
}

/// Sends to a Go collector, that exports to this one, that exports to another Go collector.
async fn everything_arrives(to_ours: Link, to_go: Link, tls: Tls) {
    let Tls { server, client, .. } = &tls;
    let backend = Backend::start().await;
    let last = go::start(&Forwarding::to_grpc(backend.grpc(), "").batched().serving(server)).await;
    let ours = Collector::start(&to_go.to(&last, client).batched().serving(server).yaml()).await;
    let first = go::start(&to_ours.to(&ours, client)).await;

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
    everything_arrives(GRPC, GRPC, Tls::default()).await;
}

#[tokio::test]
async fn grpc_compressed() {
    for compression in ["gzip", "zstd", "snappy"] {
        let link = GRPC.with(compression);
        everything_arrives(link, link, Tls::default()).await;
    }
}

#[tokio::test]
async fn http() {
    everything_arrives(HTTP, HTTP, Tls::default()).await;
}

#[tokio::test]
async fn http_compressed() {
    for compression in ["gzip", "zstd", "zlib", "deflate", "snappy", "x-snappy-framed", "lz4"] {
        let link = HTTP.with(compression);
        everything_arrives(link, link, Tls::default()).await;
    }
}

#[tokio::test]
async fn grpc_in_and_http_out() {
    everything_arrives(GRPC.with("gzip"), HTTP.with("gzip"), Tls::default()).await;
}

#[tokio::test]
async fn http_in_and_grpc_out() {
    everything_arrives(HTTP.with("gzip"), GRPC.with("gzip"), Tls::default()).await;
}

#[tokio::test]
async fn grpc_with_tls_on_both_sides() {
    everything_arrives(GRPC, GRPC, Tls::mutual()).await;
}

#[tokio::test]
async fn http_with_tls_on_both_sides() {
    everything_arrives(HTTP, HTTP, Tls::mutual()).await;
}
