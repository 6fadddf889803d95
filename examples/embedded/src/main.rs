//! A service with a collector inside: what its SDK sends goes to a pipeline in the same process, and so can what other
//! services send.

use std::error::Error;

use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_core::component::ExporterFactory;
use otel_core::config::Optional;
use otel_core::engine::{Graph, Options};
use otel_core::pdata::Traces;
use otel_exporters::debug::DebugConfig;
use otel_processors::batch::BatchConfig;
use otel_receivers::otlp::OtlpReceiverConfig;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let collector = collector("localhost:4317", DebugConfig::default()).start(Options::default()).await?;
    work("http://localhost:4317").await?;
    collector.shutdown().await;
    Ok(())
}

/// Takes OTLP/gRPC at an endpoint, makes batches, and hands them to an exporter.
fn collector(endpoint: &str, exporter: impl ExporterFactory<Traces>) -> Graph {
    let mut receiver = OtlpReceiverConfig::default();
    if let Some(grpc) = receiver.protocols.grpc.get_mut() {
        endpoint.clone_into(&mut grpc.endpoint);
    }
    receiver.protocols.http = Optional::none();
    let mut graph = Graph::new();
    let otlp = graph.receiver("otlp", receiver);
    let exporter = graph.exporter("exporter", exporter);
    graph.pipeline::<Traces>("traces").from(&otlp).through("batch", BatchConfig::default()).to(&exporter);
    graph
}

/// What the service is there for, with a span around it.
async fn work(endpoint: &str) -> Result<(), Box<dyn Error>> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    let resource = Resource::builder().with_service_name("shop").build();
    let spans = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    spans.tracer("shop").in_span("checkout", |_| ());
    // It waits for what is on its way, which must not keep the pipeline from working.
    tokio::task::spawn_blocking(move || spans.shutdown()).await??;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use otel_core::pdata::Signal as _;
    use otel_core::testing::Sink;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_sdk_sends_goes_through_the_pipeline() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let sink = Sink::<Traces>::new();
        let collector = collector(&free, sink.clone()).start(Options::default()).await.unwrap();
        work(&format!("http://{free}")).await.unwrap();
        assert!(collector.shutdown().await.is_clean());
        let received = sink.received();
        let span = received[0].iter().next().unwrap();
        assert_eq!(span.item().name(), "checkout");
        assert!(span.resource().attributes().get("service.name").is_some());
    }
}
