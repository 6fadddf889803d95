use bytes::Bytes;
use otel_core::component::{Context, Exporter, ExporterFactory};
use otel_core::config;
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use otel_exporters::otlp_grpc::OtlpGrpcExporterConfig;
use tokio::net::TcpListener;

use super::inputs;
use super::server::Backend;
use super::support::{Seen, spans};

/// An exporter that answers with what came of the sending.
pub(crate) async fn exporter<S: Signal>(address: &str, more: &str, seen: &Seen) -> Box<dyn Exporter<S>> {
    let yaml = format!(
        "{{ endpoint: '{address}', tls: {{ insecure: true }}, sending_queue: {{ enabled: false }}, {more} }}"
    );
    let config: OtlpGrpcExporterConfig = config::from_yaml("exporter.yaml", &yaml).unwrap();
    let exporter: Box<dyn Exporter<S>> = config.create(&seen.host).unwrap();
    exporter.start().await.unwrap();
    exporter
}

async fn arrives<S: Signal>(bytes: Bytes) {
    for (compression, encoding) in [("none", None), ("gzip", Some("gzip")), ("zstd", Some("zstd"))] {
        let (backend, seen) = (Backend::default(), Seen::new());
        let (address, _server) = backend.start().await;
        let more = format!("compression: {compression}, headers: {{ x-tenant: blue }}");
        let exporter = exporter::<S>(&address.to_string(), &more, &seen).await;
        exporter.export(S::from_bytes(bytes.clone()).unwrap(), Context::new()).await.unwrap();
        let got = backend.got().remove(0);
        assert_eq!(got.message, bytes);
        let header = |name| got.metadata.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("grpc-encoding").as_deref(), encoding);
        assert_eq!(header("x-tenant").as_deref(), Some("blue"));
        assert!(header("user-agent").unwrap().starts_with("OpenTelemetry Collector/"));
        assert!(header("grpc-timeout").is_some());
    }
}

#[tokio::test]
async fn traces_arrive_plain_and_compressed() {
    arrives::<Traces>(inputs::traces(5000)).await;
}

#[tokio::test]
async fn metrics_arrive_plain_and_compressed() {
    arrives::<Metrics>(inputs::metrics(50)).await;
}

#[tokio::test]
async fn logs_arrive_plain_and_compressed() {
    arrives::<Logs>(inputs::logs(50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_up_later_gets_the_data() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let more = "retry_on_failure: { initial_interval: 20ms }";
    let exporter = exporter::<Traces>(&address.to_string(), more, &seen).await;
    let export = tokio::spawn(async move { exporter.export(spans(3), Context::new()).await });
    while !seen.logged("Will retry the request after interval") {
        tokio::task::yield_now().await;
    }
    let _server = backend.serve(TcpListener::bind(address).await.unwrap());
    export.await.unwrap().unwrap();
    assert_eq!(backend.got().len(), 1);
    let labels = [("server.address", "127.0.0.1"), ("server.port", &address.port().to_string())];
    assert_eq!(seen.metrics.counted("otelcol_exporter_sent_spans", &labels), 3);
}
