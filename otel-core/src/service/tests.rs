use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Collector, Registry};
use crate::component::*;
use crate::config::{Decode, Fields, FromNode, Node, ScalarValue, Schema, Value};
use crate::pdata::{Logs, Metrics, Traces};
use crate::testing::{Fault, Sink, Source};

/// `component!` makes a configuration that is a component of the test kit.
macro_rules! component {
    ($name:ident, $kind:literal, $aliases:expr) => {
        #[derive(Debug, Default)]
        struct $name {
            limit: Limit,
        }

        impl Decode for $name {
            fn decode(&mut self, fields: &mut Fields<'_>) {
                fields.take("limit", &mut self.limit);
            }
        }

        impl ComponentConfig for $name {
            const TYPE: &'static str = $kind;
            const ALIASES: &'static [&'static str] = $aliases;
        }
    };
}

/// A number, decoded by hand.
#[derive(Debug, Default)]
struct Limit(i128);

impl FromNode for Limit {
    fn from_node(node: &Node, decoder: &mut crate::config::Decoder) -> Option<Self> {
        if let Some(ScalarValue::Int(limit)) = node.scalar() {
            return Some(Self(limit));
        }
        decoder.mismatch(node, "a number");
        None
    }

    fn schema() -> Schema {
        Schema::number()
    }

    fn value(&mut self) -> Value {
        Value::Int(self.0)
    }
}

component!(Entrance, "entrance", &[]);
component!(Passage, "passage", &["corridor"]);
component!(Exit, "exit", &[]);

impl ReceiverFactory for Entrance {
    fn create(&self, host: &Host) -> Result<Box<dyn Receiver>, BuildError> {
        ReceiverFactory::create(&Source::<Traces>::new(), host)
    }
}

impl Emits<Traces> for Entrance {}

impl ProcessorFactory<Traces> for Passage {
    fn create(&self, host: &Host) -> Result<Box<dyn Processor<Traces>>, BuildError> {
        match self.limit.0 {
            0 => ProcessorFactory::create(&Fault::none(), host),
            limit => Err(BuildError::new(format!("{limit} is not possible"))),
        }
    }
}

impl ExporterFactory<Traces> for Exit {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<Traces>>, BuildError> {
        ExporterFactory::create(&Sink::<Traces>::new(), host)
    }
}

impl ExporterFactory<Logs> for Exit {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<Logs>>, BuildError> {
        ExporterFactory::create(&Sink::<Logs>::new(), host)
    }
}

component!(Bridge, "bridge", &[]);

struct Bridging;

impl Component for Bridging {}

#[async_trait::async_trait]
impl Connector<Traces, Logs> for Bridging {
    async fn connect(
        &self,
        _data: Traces,
        context: Context,
        outputs: &Router<Logs>,
    ) -> Result<(), ConsumeError> {
        outputs.all().consume(Logs::default(), context).await
    }
}

impl ConnectorFactory<Traces, Logs> for Bridge {
    fn create(&self, _host: &Host) -> Result<Box<dyn Connector<Traces, Logs>>, BuildError> {
        Ok(Box::new(Bridging))
    }
}

component!(Bell, "bell", &[]);

impl ExtensionFactory for Bell {
    fn create(&self, _host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        struct Ringing;
        impl Component for Ringing {}
        impl Extension for Ringing {}
        Ok(Arc::new(Ringing))
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.receiver::<Entrance>().traces();
    registry.processor::<Passage>().traces();
    registry.exporter::<Exit>().traces().logs();
    registry.connector::<Bridge>().connects::<Traces, Logs>();
    registry.extension::<Bell>();
    registry
}

fn errors(yaml: &str) -> Vec<String> {
    let errors = Collector::from_yaml(&registry(), "c.yaml", yaml).unwrap_err();
    let place = |at: &crate::config::Location| format!("{}:{}", at.line(), at.column());
    errors
        .diagnostics()
        .iter()
        .map(|error| {
            let place = error.location().map_or_else(String::new, place);
            format!("{place} {}: {}", error.path(), error.message())
        })
        .collect()
}

const GOOD: &str = "
receivers: {entrance: }
processors: {corridor: , passage/unused: }
exporters: {exit: , exit/logs: }
connectors: {bridge: }
extensions: {bell: , bell/unused: }
service:
  extensions: [bell]
  telemetry: {logs: {level: error}, metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}
  pipelines:
    traces: {receivers: [entrance], processors: [corridor], exporters: [exit, bridge]}
    logs: {receivers: [bridge], exporters: [exit/logs]}
";

#[tokio::test]
async fn a_collector_from_yaml_runs_and_shows_its_metrics() {
    let collector = Collector::from_yaml(&registry(), "c.yaml", GOOD).unwrap();
    let warnings: Vec<_> = collector.warnings().collect();
    assert!(
        matches!(&warnings[..], [only] if only.contains("\"corridor\" alias is deprecated; use \"passage\""))
    );
    let service = collector.start(BuildInfo::default()).await.unwrap();
    let status = service.running().status();
    let ids: Vec<_> = status.iter().map(|event| format!("{} {}", event.kind, event.id)).collect();
    assert_eq!(
        ids,
        [
            "receiver entrance",
            "processor corridor",
            "exporter exit",
            "exporter exit/logs",
            "connector bridge",
            "extension bell"
        ]
    );
    assert!(status.iter().all(|event| event.status == Status::Ok));

    let mut stream = TcpStream::connect(service.metrics_addresses()[0]).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    for line in [
        "# TYPE otelcol_process_uptime counter",
        "# TYPE otelcol_process_memory_rss gauge",
        "# TYPE otelcol_process_cpu_seconds counter",
        "promhttp_metric_handler_errors_total{cause=\"encoding\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert!(text.contains("target_info{service_instance_id="), "{text}");
    assert!(service.shutdown().await.is_clean());
}

#[test]
fn every_error_is_told_in_one_run_where_it_stands() {
    let found = errors(
        "receivers: {entrance: {limit: few}, entrnce: }
processors:
  passage: {limt: 1}
exporters: {exit: , bridge: }
connectors: {bridge: }
service:
  extensions: [bel]
  pipelines:
    traces: {receivers: [entrance], processors: [pasage], exporters: []}
    logs: {receivers: [entrance/2], exporters: [exit]}
    spans: {receivers: [entrance], exporters: [exit]}
",
    );
    for expected in [
        "1:31 receivers::entrance::limit: expected a number, got string \"few\"",
        "1:37 receivers::entrnce: unknown type: \"entrnce\" for id: \"entrnce\"",
        "3:13 processors::passage::limt: unknown key `limt`",
        "4:21 exporters::bridge: unknown type: \"bridge\" for id: \"bridge\"",
        "7:16 service::extensions: references extension \"bel\" which is not configured",
        "9:5 service::pipelines::traces: must have at least one exporter",
        "9:50 service::pipelines::traces: references processor \"pasage\" which is not configured",
        "10:24 service::pipelines::logs: references receiver \"entrance/2\" which is not configured",
        "11:5 service::pipelines::spans: unknown pipeline signal: \"spans\"",
    ] {
        assert!(found.iter().any(|error| error == expected), "{expected}\nis not in\n{found:#?}");
    }
    assert!(
        found.iter().any(|error| error.starts_with("5:14 connectors::bridge: ambiguous ID")),
        "{found:#?}"
    );
}

#[test]
fn receivers_and_exporters_count_once_however_often_they_are_named() {
    let yaml = "receivers: {entrance: }
exporters: {exit: }
service: {pipelines: {traces: {receivers: [entrance, entrance], exporters: [exit, exit]}}}
";
    let collector = Collector::from_yaml(&registry(), "c.yaml", yaml).unwrap();
    let warnings: Vec<String> = collector.warnings().collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("receiver \"entrance\" multiple times; once is enough"), "{warnings:?}");
    assert!(warnings[1].contains("exporter \"exit\" multiple times; once is enough"), "{warnings:?}");
}

#[test]
fn a_branch_is_an_id_with_or_without_options() {
    let yaml = |exporters: &str| {
        format!(
            "receivers: {{entrance: }}
exporters: {{exit: , exit/2: }}
connectors: {{bridge: }}
service:
  pipelines:
    traces: {{receivers: [entrance], exporters: {exporters}}}
    logs: {{receivers: [bridge], exporters: [exit/2]}}
"
        )
    };
    let good = yaml("[bridge, {exit: {best_effort: true}}, {exit/2: }]");
    Collector::from_yaml(&registry(), "c.yaml", &good).unwrap();
    for (exporters, expected) in [
        (
            "[{bridge: {best_effort: true}}]",
            "6:49 service::pipelines::traces: `best_effort` is for exporters, not for connectors",
        ),
        (
            "[bridge, {exit: {best_efort: true}}]",
            "6:65 service::pipelines::traces::exporters::1::exit::best_efort: unknown key `best_efort`",
        ),
        (
            "[{exit: , exit/2: }]",
            "6:49 service::pipelines::traces::exporters::0: expected one id, with or without options such as \
             `best_effort: true`",
        ),
    ] {
        let found = errors(&yaml(exporters));
        assert!(found.iter().any(|error| error == expected), "{expected}\nis not in\n{found:#?}");
    }
}

#[test]
fn a_component_of_another_signal_is_an_error_at_its_reference() {
    let found = errors(
        "receivers: {entrance: }
processors: {passage: }
exporters: {exit: }
service:
  pipelines:
    logs: {receivers: [entrance], processors: [passage], exporters: [exit]}
    metrics: {receivers: [entrance], exporters: [exit]}
",
    );
    for expected in [
        "6:24 service::pipelines::logs: failed to create \"entrance\" receiver for data type \"logs\": telemetry \
         type is not supported",
        "6:48 service::pipelines::logs: failed to create \"passage\" processor, in pipeline \"logs\": telemetry type \
         is not supported",
        "7:50 service::pipelines::metrics: failed to create \"exit\" exporter for data type \"metrics\": telemetry \
         type is not supported",
    ] {
        assert!(found.iter().any(|error| error == expected), "{expected}\nis not in\n{found:#?}");
    }
}

#[test]
fn connectors_need_both_sides() {
    let found = errors(
        "receivers: {entrance: }
exporters: {exit: }
connectors: {bridge: , bridge/2: }
service:
  pipelines:
    traces: {receivers: [entrance], exporters: [bridge]}
    logs: {receivers: [bridge/2], exporters: [exit]}
",
    );
    assert_eq!(
        found,
        [
            "6:49 service::pipelines::traces: connector \"bridge\" used as exporter in [traces] pipeline but not \
             used in any supported receiver pipeline",
            "7:24 service::pipelines::logs: connector \"bridge/2\" used as receiver in [logs] pipeline but not \
             used in any supported exporter pipeline",
        ]
    );
}

#[test]
fn what_an_empty_or_bare_configuration_lacks_is_told() {
    assert_eq!(errors("{}"), ["1:1 : empty configuration file"]);
    let found = errors("service: {}");
    for part in ["no receiver configuration", "no exporter configuration", "must have at least one pipeline"]
    {
        assert!(found.iter().any(|error| error.contains(part)), "{part}: {found:?}");
    }
}

#[test]
fn what_follows_from_an_error_is_not_told() {
    let good = "receivers: {entrance: }
exporters: {exit: }
service: {pipelines: {traces: {receivers: [entrance], exporters: [exit]}}}
";
    Collector::from_yaml(&registry(), "c.yaml", good).unwrap();
    for (from, to, only) in [
        ("[exit]", "[exit, 5]", "traces::exporters::1: expected a string, got integer 5"),
        ("[exit]", "[5]", "traces::exporters::0: expected a string, got integer 5"),
        ("[exit]", "{exit: }", "traces::exporters: expected a list, got a map"),
        ("[entrance]", "[entrance, [x]]", "traces::receivers::1: expected a string, got a list"),
        ("receivers: [", "reciever: [", "traces::reciever: unknown key `reciever`"),
        ("pipelines:", "pipeline:", "service::pipeline: unknown key `pipeline`"),
        (
            "pipelines: {traces:",
            "pipelines: {a b:",
            "service::pipelines: invalid character(s) in type \"a b\"",
        ),
        ("{exit: }", "{exitt: }", "exporters::exitt: unknown type: \"exitt\" for id: \"exitt\""),
        ("{exit: }", "{e xit: }", "exporters: invalid character(s) in type \"e xit\""),
        ("{exit: }", "[exit]", "exporters: expected a map of components by id, got a list"),
        ("receivers: {", "recievers: {", "recievers: unknown key `recievers`"),
    ] {
        let found = errors(&good.replacen(from, to, 1));
        assert!(found.len() == 1 && found[0].ends_with(only), "{only}: {found:#?}");
    }
}

#[tokio::test]
async fn a_dry_run_finds_what_only_creating_shows() {
    let yaml = GOOD.replace("corridor: ,", "corridor: {limit: 7},");
    let collector = Collector::from_yaml(&registry(), "c.yaml", &yaml).unwrap();
    let error = collector.dry_run(BuildInfo::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to build pipelines: failed to create \"corridor\" processor, in pipeline \"traces\""
    );
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "7 is not possible");
}

#[tokio::test]
async fn an_address_that_is_taken_fails_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let yaml = GOOD.replace("port: 0", &format!("port: {port}"));
    let collector = Collector::from_yaml(&registry(), "c.yaml", &yaml).unwrap();
    let error = collector.start(BuildInfo::default()).await.unwrap_err();
    let expected = format!("service::telemetry::metrics::readers: cannot listen on 127.0.0.1:{port}");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn the_shutdown_timeout_is_a_key_of_the_service() {
    let yaml = GOOD.replace("service:\n", "service:\n  shutdown_timeout: 3s\n");
    let collector = Collector::from_yaml(&registry(), "c.yaml", &yaml).unwrap();
    assert_eq!(collector.shutdown_timeout, Duration::from_secs(3));
}

#[test]
fn a_registry_lists_its_types() {
    let registry = registry();
    assert_eq!(registry.types(ComponentKind::Exporter).collect::<Vec<_>>(), ["exit"]);
    assert!(registry.find(ComponentKind::Processor, "corridor").is_some());
    assert!(registry.find(ComponentKind::Exporter, "corridor").is_none());
    let entry = registry.find(ComponentKind::Connector, "bridge").unwrap().1;
    assert!(entry.supports::<dyn Connector<Traces, Logs>>());
    assert!(!entry.supports::<dyn Connector<Metrics, Logs>>());
}
