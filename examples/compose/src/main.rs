//! A collector composed in code: receives OTLP, makes batches, prints them.

use otel_core::engine::{Graph, Options};
use otel_core::pdata::{Logs, Metrics, Traces};
use otel_exporters::debug::DebugConfig;
use otel_processors::batch::BatchConfig;
use otel_receivers::otlp::OtlpReceiverConfig;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut graph = Graph::new();
    let otlp = graph.receiver("otlp", OtlpReceiverConfig::default());
    let debug = graph.exporter("debug", DebugConfig::default());
    graph.pipeline::<Traces>("traces").from(&otlp).through("batch", BatchConfig::default()).to(&debug);
    graph.pipeline::<Metrics>("metrics").from(&otlp).through("batch", BatchConfig::default()).to(&debug);
    graph.pipeline::<Logs>("logs").from(&otlp).through("batch", BatchConfig::default()).to(&debug);

    let running = graph.start(Options::default()).await?;
    tokio::signal::ctrl_c().await?;
    running.shutdown().await;
    Ok(())
}
