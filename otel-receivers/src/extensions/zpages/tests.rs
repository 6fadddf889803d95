use std::sync::Arc;

use otel_core::component::{
    Component, ComponentKind, Extension, FeatureGateOverview, Overview, PipelineOverview, Status, StatusEvent,
};
use otel_core::pdata::SignalKind;
use otel_core::testing::TestHost;
use otel_core::{ComponentId, config};
use tokio::time::Instant;

use super::*;
use crate::extensions::testing::get;

fn read(yaml: &str) -> Result<ZpagesConfig, String> {
    config::from_yaml("zpages.yaml", yaml).map_err(|errors| errors.to_string())
}

#[derive(Debug)]
struct Collector;

impl Overview for Collector {
    fn pipelines(&self) -> Vec<PipelineOverview> {
        let mut traces = PipelineOverview::new("traces/eu".parse().unwrap(), SignalKind::Traces);
        traces.receivers = vec!["otlp".parse().unwrap()];
        traces.processors = vec!["batch".parse().unwrap()];
        traces.exporters = vec!["debug".parse().unwrap()];
        vec![traces]
    }

    fn extensions(&self) -> Vec<ComponentId> {
        vec!["zpages".parse().unwrap()]
    }

    fn statuses(&self) -> Vec<StatusEvent> {
        let event = |kind, id: &str, status| StatusEvent::new(kind, id.parse().unwrap(), status);
        let mut exporter =
            event(ComponentKind::Exporter, "debug", Status::PermanentError("<no> \"disk\"".to_owned()));
        exporter.signal = Some(SignalKind::Traces);
        let mut other = event(ComponentKind::Exporter, "debug", Status::Ok);
        other.signal = Some(SignalKind::Logs);
        vec![
            event(ComponentKind::Extension, "zpages", Status::Ok),
            event(ComponentKind::Receiver, "otlp", Status::Ok),
            exporter,
            other,
        ]
    }

    fn feature_gates(&self) -> Vec<FeatureGateOverview> {
        vec![FeatureGateOverview::new("service.AllowNoPipelines", true)]
    }

    fn failed_reload(&self) -> Option<String> {
        Some("unknown key `batsch`".to_owned())
    }
}

#[tokio::test]
async fn pages_show_the_collector() {
    let host = TestHost::new(ComponentKind::Extension, "zpages");
    let extension = Zpages::new(read("endpoint: 127.0.0.1:0").unwrap(), &host.host());
    extension.attach(&(Arc::new(Collector) as Arc<dyn Overview>));
    extension.start().await.unwrap();
    let address = extension.address().unwrap();
    for (path, shown) in [
        ("/debug/servicez", &["<td>otelcol</td>", "2026-01-01T00:00:00Z", "unknown key `batsch`"][..]),
        (
            "/debug/pipelinez",
            &[
                "<a href=\"/debug/pipelinez?pipelinename=traces%2Feu\">traces/eu</a>",
                "<td>traces</td><td>otlp</td><td>batch</td><td>debug</td>",
            ],
        ),
        (
            "/debug/pipelinez?pipelinename=traces%2Feu",
            &[
                "<td>receiver</td><td>otlp</td><td>StatusOK</td>",
                "<td>exporter</td><td>debug</td><td>StatusPermanentError: &lt;no&gt; &quot;disk&quot;</td>",
            ],
        ),
        ("/debug/extensionz", &["<td>zpages</td><td>StatusOK</td>"]),
        ("/debug/featurez", &["<td>service.AllowNoPipelines</td><td>true</td>"]),
    ] {
        let answer = get(address, path).await;
        assert_eq!((answer.code.as_u16(), answer.content_type.as_str()), (200, "text/html; charset=utf-8"));
        for shown in shown {
            assert!(answer.body.contains(shown), "{shown} is not in\n{}", answer.body);
        }
    }
    // One line for the head, the receiver, and the exporter of this signal.
    let pipeline = get(address, "/debug/pipelinez?pipelinename=traces/eu").await;
    assert_eq!(pipeline.body.matches("<tr>").count(), 3);
    for path in ["/", "/debug/tracez", "/debug/pipelinez?pipelinename=none"] {
        assert_eq!(get(address, path).await.code.as_u16(), 404);
    }
    extension.shutdown(Instant::now()).await;
    assert_eq!(host.tasks(), 0);
}

#[test]
fn rules_between_keys_are_told() {
    for (yaml, error) in [
        ("endpoint: ''", "\"endpoint\" is required when using the \"zpages\" extension"),
        ("endpoint: nowhere", "invalid endpoint \"nowhere\", allowed: host:port"),
        ("expvar: {enabled: true}", "`expvar` is not supported"),
        ("tls: {cert_file: x}", "must include both certificate and key"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
    assert!(read("expvar: {enabled: false}").is_ok());
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("README.md");
    let yaml = readme.split("```yaml\nextensions:\n  zpages:\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(read(yaml).unwrap().server.endpoint, "localhost:55679");
}
