use otel_core::engine::{Graph, Options};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use otel_core::service::{Collector, Registry};
use otel_core::testing::{Sink, Source};

use super::ForwardConfig;

/// Three equal pipelines in two steps: what comes in leaves twice.
async fn doubled<S: Signal>() {
    let (source_config, sinks) = (Source::<S>::new(), [Sink::<S>::new(), Sink::<S>::new()]);
    let mut graph = Graph::new();
    let source = graph.receiver("source", source_config.clone());
    let forward = graph.connector::<S, S, _>("forward", ForwardConfig::default());
    graph.pipeline::<S>(S::KIND.as_str()).from(&source).to(&forward);
    for (at, sink) in sinks.iter().enumerate() {
        let sink = graph.exporter(&format!("sink/{at}"), sink.clone());
        graph.pipeline::<S>(&format!("{}/{at}", S::KIND)).from(&forward).to(&sink);
    }
    let running = graph.start(Options::default()).await.unwrap();
    source_config.send(S::default()).await.unwrap();
    assert_eq!(sinks.map(|sink| sink.received().len()), [1, 1], "{}", S::KIND);
    assert!(running.shutdown().await.is_clean());
}

#[tokio::test]
async fn every_pipeline_that_begins_at_it_gets_what_ends_in_it() {
    doubled::<Traces>().await;
    doubled::<Metrics>().await;
    doubled::<Logs>().await;
}

/// What a configuration with pipelines of the two signals, connected by the README's connector, is told.
fn told(from: &str, to: &str) -> String {
    let readme = include_str!("README.md");
    let yaml = readme.split("```").nth(1).unwrap().strip_prefix("yaml\n").unwrap();
    let mut registry = Registry::new();
    crate::register(&mut registry);
    let yaml = format!(
        "{yaml}service:\n  pipelines:\n    {from}/in: {{receivers: [a], exporters: [forward]}}\n    \
         {to}/out: {{receivers: [forward], exporters: [b]}}\n"
    );
    Collector::from_yaml(&registry, "readme", &yaml).unwrap_err().to_string()
}

#[test]
fn it_connects_pipelines_of_the_same_signal_only() {
    for from in ["traces", "metrics", "logs"] {
        for to in ["traces", "metrics", "logs"] {
            let told = told(from, to);
            assert!(told.contains("references receiver \"a\" which is not configured"), "{told}");
            assert_eq!(told.contains("connector \"forward\""), from != to, "{told}");
        }
    }
}
