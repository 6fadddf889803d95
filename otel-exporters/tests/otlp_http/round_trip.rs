use bytes::Bytes;
use http::Version;
use otel_core::component::{Context, Exporter, ExporterFactory};
use otel_core::config;
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use otel_core::testing::TestAuthority;
use otel_exporters::otlp_http::OtlpHttpExporterConfig;

use super::inputs;
use super::server::Backend;
use super::support::{Seen, spans};

const ENCODINGS: [&str; 8] = ["none", "gzip", "zlib", "deflate", "snappy", "x-snappy-framed", "zstd", "lz4"];

/// An exporter that answers with what came of the sending.
pub(crate) async fn exporter<S: Signal>(yaml: &str, seen: &Seen) -> Box<dyn Exporter<S>> {
    let yaml = format!("{{ sending_queue: {{ enabled: false }}, {yaml} }}");
    let config: OtlpHttpExporterConfig = config::from_yaml("exporter.yaml", &yaml).unwrap();
    let exporter: Box<dyn Exporter<S>> = config.create(&seen.host).unwrap();
    exporter.start().await.unwrap();
    exporter
}

async fn arrives<S: Signal>(path: &str, bytes: Bytes) {
    let backend = Backend::default();
    let address = backend.start().await;
    for (encoding, content_type) in [("proto", "application/x-protobuf"), ("json", "application/json")] {
        for compression in ENCODINGS {
            let seen = Seen::new();
            let yaml = format!(
                "endpoint: 'http://{address}', compression: {compression}, encoding: {encoding}, \
                 headers: {{ x-tenant: blue }}"
            );
            let exporter = exporter::<S>(&yaml, &seen).await;
            let data = S::from_bytes(bytes.clone()).unwrap();
            exporter.export(data.clone(), Context::new()).await.unwrap();
            let got = backend.got().pop().unwrap();
            let expected = if encoding == "json" {
                let mut json = Vec::new();
                data.to_json(&mut json);
                Bytes::from(json)
            } else {
                bytes.clone()
            };
            assert_eq!(got.body, expected, "{compression} {encoding}");
            assert_eq!(got.target, path);
            assert_eq!(got.header("content-type"), Some(content_type));
            let named = Some(compression).filter(|compression| *compression != "none");
            assert_eq!(got.header("content-encoding"), named);
            assert_eq!(got.header("x-tenant"), Some("blue"));
            assert_eq!(got.header("host"), Some(address.to_string().as_str()));
            assert!(got.header("user-agent").unwrap().starts_with("OpenTelemetry Collector/"));
        }
    }
}

#[tokio::test]
async fn traces_arrive_in_each_encoding_and_compression() {
    arrives::<Traces>("/v1/traces", inputs::traces(5000)).await;
}

#[tokio::test]
async fn metrics_arrive_in_each_encoding_and_compression() {
    arrives::<Metrics>("/v1/metrics", inputs::metrics(50)).await;
}

#[tokio::test]
async fn logs_arrive_in_each_encoding_and_compression() {
    arrives::<Logs>("/v1/logs", inputs::logs(50)).await;
}

#[tokio::test]
async fn tls_carries_each_compression_over_http_2_and_http_1() {
    let authority = TestAuthority::new();
    let (backend, identity) = (Backend::default(), authority.issue("localhost"));
    let ca = authority.certificate().replace('\n', "\\n");
    let address = backend.start_tls(&identity, &[b"h2", b"http/1.1"]).await;
    for (force, version) in [(true, Version::HTTP_2), (false, Version::HTTP_11)] {
        for compression in ENCODINGS {
            let seen = Seen::new();
            let yaml = format!(
                "endpoint: 'https://localhost:{}', compression: {compression}, tls: {{ ca_pem: \"{ca}\" }}, \
                 force_attempt_http2: {force}",
                address.port()
            );
            let exporter = exporter::<Traces>(&yaml, &seen).await;
            let bytes = inputs::traces(20_000);
            exporter.export(Traces::from_bytes(bytes.clone()).unwrap(), Context::new()).await.unwrap();
            let got = backend.got().pop().unwrap();
            assert_eq!((got.version, &got.body), (version, &bytes), "{compression}");
        }
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_nothing() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start_tls(&TestAuthority::new().issue("localhost"), &[b"h2"]).await;
    let ca = TestAuthority::new().certificate().replace('\n', "\\n");
    let retry = "retry_on_failure: { enabled: false }";
    let url = format!("endpoint: 'https://localhost:{}', {retry}", address.port());
    let distrusting = exporter::<Traces>(&format!("{url}, tls: {{ ca_pem: \"{ca}\" }}"), &seen).await;
    let error = distrusting.export(spans(1), Context::new()).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("the TLS handshake with localhost failed"), "{error}");
    let trusting = exporter::<Traces>(&format!("{url}, tls: {{ insecure_skip_verify: true }}"), &seen).await;
    trusting.export(spans(1), Context::new()).await.unwrap();
}

#[tokio::test]
async fn endpoints_of_signals_are_used_as_they_are() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    let yaml = format!(
        "endpoint: 'http://{address}/base/', metrics_endpoint: 'http://{address}/m?tenant=a', \
         logs_endpoint: 'http://me:se%20same@{address}'"
    );
    exporter::<Traces>(&yaml, &seen).await.export(spans(1), Context::new()).await.unwrap();
    let metrics = Metrics::from_bytes(inputs::metrics(1)).unwrap();
    exporter::<Metrics>(&yaml, &seen).await.export(metrics, Context::new()).await.unwrap();
    let logs = Logs::from_bytes(inputs::logs(1)).unwrap();
    exporter::<Logs>(&yaml, &seen).await.export(logs, Context::new()).await.unwrap();
    let got = backend.got();
    let targets: Vec<_> = got.iter().map(|got| got.target.as_str()).collect();
    assert_eq!(targets, ["/base/v1/traces", "/m?tenant=a", "/"]);
    assert_eq!(got[2].header("authorization"), Some("Basic bWU6c2Ugc2FtZQ=="));
    let port = address.port().to_string();
    let labels = [("server.address", "127.0.0.1"), ("server.port", &port), ("url.path", "/base/v1/traces")];
    assert_eq!(seen.metrics.counted("otelcol_exporter_sent_spans", &labels), 1);
}

#[tokio::test]
async fn configured_headers_win() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    let headers = "{ User-Agent: me, Host: other.example, Content-Type: application/x-mine }";
    let exporter =
        exporter::<Traces>(&format!("endpoint: 'http://{address}', headers: {headers}"), &seen).await;
    exporter.export(spans(1), Context::new()).await.unwrap();
    let got = backend.got().remove(0);
    assert_eq!(got.header("user-agent"), Some("me"));
    assert_eq!(got.header("host"), Some("other.example"));
    assert_eq!(got.header("content-type"), Some("application/x-mine"));
}
