//! The metrics at `:8888` are those of the Go collector: names, types, units, descriptions, labels, buckets, by level.
//!
//! The files in `golden` are what the Go collector 0.152.0 answered to the same configuration and requests; see
//! `golden/README.md`.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::Method;
use otel_core::component::Context;
use otel_core::net::{Compression, GrpcClient, GrpcClientConfig, Surroundings};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use support::backend::Backend;
use support::client::http;
use support::collector::Collector;

const TRACES: &str = r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[
    {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"a"},
    {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060709","name":"b"}]}]}]}"#;
const METRICS: &str = r#"{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"metrics":[
    {"name":"m","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1"}]}}]}]}]}"#;
const LOGS: &str =
    r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#;

#[tokio::test]
async fn the_level_basic_shows_what_the_go_collector_shows() {
    compare("basic", include_str!("golden/metrics-basic.txt")).await;
}

#[tokio::test]
async fn the_level_normal_shows_what_the_go_collector_shows() {
    compare("normal", include_str!("golden/metrics-normal.txt")).await;
}

#[tokio::test]
async fn the_level_detailed_shows_what_the_go_collector_shows() {
    compare("detailed", include_str!("golden/metrics-detailed.txt")).await;
}

async fn compare(level: &str, golden: &str) {
    let expected = as_here(parse(golden));
    let found = parse(&scrape(level).await);
    let names = |families: &BTreeMap<String, Family>| families.keys().cloned().collect::<Vec<_>>();
    let (mut only_there, mut only_here) = (names(&expected), names(&found));
    only_there.retain(|name| !found.contains_key(name));
    only_here.retain(|name| !expected.contains_key(name) && !ADDED.contains(&name.as_str()));
    assert_eq!((only_there, only_here), (vec![], vec![]), "families that only one of them has");
    for (name, expected) in &expected {
        let found = &found[name];
        assert_eq!((&found.kind, &found.help), (&expected.kind, &expected.help), "{name}");
        let only_there: Vec<_> = expected.series.difference(&found.series).collect();
        let only_here: Vec<_> = found.series.difference(&expected.series).collect();
        assert!(
            only_there.is_empty() && only_here.is_empty(),
            "{name}: not {only_there:#?}\nbut {only_here:#?}"
        );
    }
}

/// What the Go collector 0.152 does not have.
const ADDED: [&str; 3] =
    ["otelcol_dropped_items", "otelcol_exporter_enqueue_size", "otelcol_exporter_enqueue_size_bytes"];

/// What is known to differ from the Go collector 0.152.
fn as_here(mut families: BTreeMap<String, Family>) -> BTreeMap<String, Family> {
    // Nothing here counts what was allocated and given back.
    families.remove("otelcol_process_runtime_total_alloc_bytes");
    // These two are of the process here, where Go asks its own memory management.
    let described = [
        (
            "otelcol_process_runtime_heap_alloc_bytes",
            "Bytes of memory that the process alone holds: heap and stacks [Alpha]",
        ),
        (
            "otelcol_process_runtime_total_sys_memory_bytes",
            "Total bytes of memory obtained from the OS, whether used or not [Alpha]",
        ),
    ];
    for (name, help) in described {
        help.clone_into(&mut families.get_mut(name).unwrap().help);
    }
    // Go's 0.154 names the counters of the memory limiter after it.
    for item in ["spans", "metric_points", "log_records"] {
        let mut family = families.remove(&format!("otelcol_processor_accepted_{item}")).unwrap();
        family.help = family.help.replace("[Deprecated]", "[Alpha]");
        families.insert(format!("otelcol_processor_memory_limiter_accepted_{item}"), family);
    }
    // Later releases than 0.152 tell sizes in bytes apart by powers of two.
    for (name, family) in &mut families {
        if name.ends_with("_size_bytes") {
            let bounds = (7..=24).map(|power| (1u32 << power).to_string()).chain(["+Inf".to_owned()]);
            let bounds: Vec<_> = bounds.collect();
            let others =
                family.series.iter().filter_map(|series| series.strip_prefix("_sum")).map(str::to_owned);
            let others: Vec<_> = others.collect();
            family.series.retain(|series| !series.starts_with("_bucket"));
            for labels in others {
                let labels = labels.trim_end_matches("} ");
                family.series.extend(bounds.iter().map(|le| format!("_bucket{labels},le={le}}} ")));
            }
        }
    }
    // Every processor says what goes in and comes out, where Go's batch does not.
    for name in ["otelcol_processor_incoming_items", "otelcol_processor_outgoing_items"] {
        let series = &mut families.get_mut(name).unwrap().series;
        let of_batch: Vec<_> =
            series.iter().map(|series| series.replace("memory_limiter", "batch")).collect();
        series.extend(of_batch);
    }
    families
}

/// What a collector shows after two requests of every signal, over HTTP and over gRPC, with one exporter whose backend
/// takes what it is sent and one whose backend is not there.
async fn scrape(level: &str) -> String {
    let backend = Backend::start().await;
    let collector = Collector::start(&format!(
        "
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: 127.0.0.1:0}}
      http: {{endpoint: 127.0.0.1:0}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 1000}}
  batch: {{timeout: 100ms}}
exporters:
  otlp: {{endpoint: {backend}, tls: {{insecure: true}}}}
  otlp/closed: {{endpoint: 127.0.0.1:9, tls: {{insecure: true}}, retry_on_failure: {{enabled: false}}}}
service:
  telemetry:
    metrics: {{level: {level}, readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: 0}}}}}}}}]}}
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp, otlp/closed]}}
    metrics: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp]}}
    logs: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp]}}
",
        backend = backend.grpc()
    ))
    .await;
    for (path, body) in [("/v1/traces", TRACES), ("/v1/metrics", METRICS), ("/v1/logs", LOGS)] {
        let json = [("content-type", "application/json")];
        let answer = http(collector.http(), Method::POST, path, &json, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let client = client(&collector);
    send(
        &client,
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        &Traces::from_json(TRACES.as_bytes()).unwrap(),
    )
    .await;
    send(
        &client,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        &Metrics::from_json(METRICS.as_bytes()).unwrap(),
    )
    .await;
    send(
        &client,
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        &Logs::from_json(LOGS.as_bytes()).unwrap(),
    )
    .await;
    for (name, label, value) in [
        ("otelcol_exporter_send_failed_spans", "otlp/closed", 4.0),
        ("otelcol_exporter_sent_spans", "\"otlp\"", 4.0),
        ("otelcol_exporter_sent_metric_points", "\"otlp\"", 2.0),
        ("otelcol_exporter_sent_log_records", "\"otlp\"", 2.0),
    ] {
        collector.wait_for_metric(name, label, value).await;
    }
    let text = collector.scrape().await;
    collector.stop().await;
    text
}

fn client(collector: &Collector) -> GrpcClient {
    let mut config = GrpcClientConfig::default();
    config.endpoint = collector.grpc().to_string();
    config.compression = Compression::None;
    config.tls.insecure = true;
    GrpcClient::new(&config, "test", Surroundings::bare()).unwrap()
}

async fn send<S: Signal>(client: &GrpcClient, path: &'static str, request: &S) {
    client.call(path, request, None, &Context::new()).await.unwrap();
}

#[tokio::test]
async fn names_take_suffixes_and_views_change_what_is_shown() {
    let collector = Collector::start(
        "
receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:0}}}}
exporters: {debug: }
service:
  telemetry:
    resource: {team: blue}
    metrics:
      level: detailed
      readers:
      - pull:
          exporter:
            prometheus:
              host: 127.0.0.1
              port: 0
              without_scope_info: false
              without_units: false
              without_type_suffix: false
              with_resource_constant_labels: {included: [team]}
      views:
      - selector: {instrument_name: otelcol_process_uptime}
        stream: {name: up, description: since the start}
      - selector: {instrument_name: otelcol_process_runtime*}
        stream: {aggregation: {drop: {}}}
      - selector: {meter_name: go.opentelemetry.io/collector/receiver/receiverhelper, instrument_type: counter}
        stream: {attribute_keys: {excluded: [transport]}}
      - selector: {instrument_name: http.server.request.duration}
        stream: {aggregation: {explicit_bucket_histogram: {boundaries: [1, 60]}}}
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
",
    )
    .await;
    let json = [("content-type", "application/json")];
    let answer = http(collector.http(), Method::POST, "/v1/traces", &json, TRACES).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = collector.scrape().await;
    let scope = "go.opentelemetry.io/collector/receiver/receiverhelper";
    for line in [
        "# HELP up_seconds_total since the start".to_owned(),
        "# TYPE otelcol_process_cpu_seconds_total counter".to_owned(),
        "# TYPE otelcol_process_memory_rss_bytes gauge".to_owned(),
        "# TYPE otelcol_exporter_sent_spans_total counter".to_owned(),
        format!(
            "otelcol_receiver_accepted_spans_total{{receiver=\"otlp\",otel_scope_name=\"{scope}\",team=\"blue\"}} 2"
        ),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains("otelcol_process_runtime") && !text.contains("otelcol_process_uptime"), "{text}");
    let bounds = text.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_bucket"));
    assert_eq!(bounds.count(), 3, "{text}");
    collector.stop().await;
}

#[tokio::test]
async fn at_the_level_none_nobody_is_shown_anything() {
    let collector = Collector::start(
        "
receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:0}}}}
exporters: {nop: }
service:
  telemetry: {metrics: {level: none, address: 127.0.0.1:0}}
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
",
    )
    .await;
    assert!(!collector.log().contains("Serving metrics"), "{}", collector.log());
    collector.stop().await;
}

/// A row of the table of metrics in the documentation.
struct Documented {
    kind: &'static str,
    level: usize,
    attributes: BTreeSet<String>,
}

const LEVELS: [&str; 3] = ["basic", "normal", "detailed"];

/// The table of metrics, by the names that Prometheus shows.
fn documented() -> BTreeMap<String, Documented> {
    let text = include_str!("../../../docs/telemetry.md");
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, _, level, attributes, _] = cells[..] else { return None };
        let level = LEVELS.iter().position(|known| *known == level)?;
        let kind = if kind == "up-down counter" { "gauge" } else { kind };
        let attributes = attributes.split(',').map(|key| shown(key.trim().trim_matches('`')));
        let attributes = attributes.filter(|key| !key.is_empty()).collect();
        Some((shown(name.trim_matches('`')), Documented { kind, level, attributes }))
    });
    rows.collect()
}

fn shown(name: &str) -> String {
    name.replace('.', "_")
}

#[tokio::test]
async fn the_documentation_says_which_level_shows_what() {
    let documented = documented();
    for (at, level) in LEVELS.into_iter().enumerate() {
        let families = parse(&scrape(level).await);
        for (name, family) in families {
            if matches!(name.as_str(), "target_info" | "promhttp_metric_handler_errors_total") {
                continue;
            }
            let row = documented.get(&name).unwrap_or_else(|| panic!("{name} is not documented"));
            assert!(row.level <= at, "{name} is shown at {level}");
            assert_eq!(row.kind, family.kind, "{name}");
            for series in &family.series {
                let (_, labels) = series.split_once('{').unwrap();
                let keys = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0));
                for key in keys.filter(|key| *key != "le" && !key.is_empty()) {
                    assert!(row.attributes.contains(key), "{name} has {key}");
                }
            }
        }
    }
}

#[test]
fn the_documentation_has_every_metric_of_the_sources() {
    let documented = documented();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = BTreeSet::new();
    for member in ["otel-core", "otel-receivers", "otel-processors", "otel-exporters"] {
        names_in(&root.join(member).join("src"), &mut found);
    }
    let missing: Vec<_> = found.iter().filter(|name| !documented.contains_key(*name)).collect();
    assert!(missing.is_empty(), "not documented: {missing:?}");
    let gone: Vec<_> = documented.keys().filter(|name| !found.contains(*name)).collect();
    assert!(gone.is_empty(), "documented, but nowhere: {gone:?}");
}

/// Names of metrics in the sources below a folder, as Prometheus shows them.
fn names_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let texts = text.split('"');
            let is_name = |text: &&str| {
                let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || b"_.".contains(&byte));
                let measured = [".size", ".duration"].iter().any(|end| text.ends_with(end));
                let begins = ["http.", "rpc."].iter().any(|begin| text.starts_with(begin));
                plain && (text.starts_with("otelcol_") && !text.ends_with('_') || begins && measured)
            };
            found.extend(texts.filter(is_name).map(shown));
        }
    }
}

/// Metrics of one name.
#[derive(Debug, Default, PartialEq)]
struct Family {
    kind: String,
    help: String,
    /// The labels of each series, and its value where that is the same in every run.
    series: BTreeSet<String>,
}

fn parse(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
            help.clone_into(&mut families.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' '))
        {
            kind.clone_into(&mut families.entry(name.to_owned()).or_default().kind);
        } else if let Some((series, value)) = line.rsplit_once(' ') {
            let (sample, labels) = series.split_once('{').unwrap_or((series, "}"));
            let known = families.iter_mut().find(|(name, family)| {
                let parts: &[&str] =
                    if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                sample.strip_prefix(name.as_str()).is_some_and(|rest| parts.contains(&rest))
            });
            let (name, family) = known.unwrap_or_else(|| panic!("{line} belongs to no family"));
            let value = if is_repeatable(name) { value } else { "" };
            let sample = &sample[name.len()..];
            family.series.insert(format!("{sample}{{{}}} {value}", labels_of(labels)));
        }
    }
    families
}

/// Labels in order, the bounds of buckets last, without what differs between runs.
fn labels_of(labels: &str) -> String {
    let mut labels: Vec<_> = labels
        .trim_end_matches('}')
        .split("\",")
        .map(|label| {
            let (key, value) = label.split_once("=\"").unwrap_or((label, ""));
            let value = match key {
                "server_port"
                | "server_address"
                | "service_instance_id"
                | "service_name"
                | "service_version" => "*",
                _ => value.trim_end_matches('"'),
            };
            format!("{key}={value}")
        })
        .collect();
    labels.sort_by_key(|label| (label.starts_with("le="), label.clone()));
    labels.join(",")
}

/// Whether the values of a metric are the same in every run.
fn is_repeatable(name: &str) -> bool {
    let counted = ["otelcol_receiver_", "otelcol_exporter_sent_", "otelcol_exporter_send_failed_"];
    counted.iter().any(|prefix| name.starts_with(prefix))
        || name.ends_with("_items")
        || name.ends_with("_queue_capacity")
        || name.ends_with("_queue_size")
        || name.ends_with("_cardinality")
        || name.starts_with("otelcol_processor_accepted_")
        || name.starts_with("otelcol_processor_memory_limiter_")
}
