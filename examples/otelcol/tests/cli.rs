//! The binary as its users run it.

mod support;

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use rustix::process::Signal;
use support::backend::Backend;
use support::client::{Answer, http, span};
use support::collector::{Collector, otelcol, output};
use support::config::Forwarding;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const QUICKSTART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/quickstart.yaml");
const JSON: (&str, &str) = ("content-type", "application/json");

const QUICK_RETRY: &str = "retry_on_failure: { initial_interval: 50ms, max_interval: 200ms }";

async fn send(collector: &Collector, name: &str) -> Answer {
    http(collector.http(), Method::POST, "/v1/traces", &[JSON], span(name)).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_good_configuration_is_validated_in_silence() {
    let output = output(["validate", "--config", QUICKSTART]).await;
    assert!(output.status.success());
    assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), String::new()));
}

#[tokio::test]
async fn the_configuration_that_loses_nothing_is_good() {
    let page = include_str!("../../../docs/guarantees.md");
    let yaml = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let yaml = yaml.replace("/var/lib/otelcol/file_storage", directory.path().to_str().unwrap());
    let output = output(["validate", "--config", &format!("yaml:{yaml}")]).await;
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[tokio::test]
async fn every_error_of_a_configuration_is_told_with_its_place() {
    let file = NamedTempFile::new().unwrap();
    let yaml = "\
receivers:
  otlp:
    protocols:
      grpc: { endpont: 'localhost:4317' }
processors:
  batch:
    timeout: 5 parsecs
exporters:
  debug:
    verbosity: loud
service:
  pipelines:
    traces: { receivers: [otlp], processors: [bach], exporters: [debug, nop] }
";
    std::fs::write(&file, yaml).unwrap();
    let path = file.path().to_str().unwrap();
    for command in [&["validate", "--config", path][..], &["--config", path]] {
        let output = output(command).await;
        assert_eq!(output.status.code(), Some(1));
        let errors = text(&output.stderr);
        for (line, column, what) in [
            (4, 15, "unknown key `endpont`"),
            (4, 15, "did you mean `endpoint`?"),
            (7, 14, "invalid duration \"5 parsecs\""),
            (10, 16, "\"loud\" is not one of the allowed values"),
            (13, 47, "processor \"bach\" which is not configured"),
            (13, 73, "exporter \"nop\" which is not configured"),
        ] {
            assert!(errors.contains(what), "{what}: {errors}");
            assert!(
                errors.contains(&format!("{path}:{line}:{column}\n")),
                "{what} at {line}:{column}: {errors}"
            );
        }
    }
}

#[tokio::test]
async fn the_version_is_printed() {
    for flag in ["--version", "-v"] {
        let output = output([flag]).await;
        assert!(output.status.success());
        assert_eq!(text(&output.stdout), format!("otelcol version {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn without_a_configuration_it_says_what_to_do() {
    let output = output(&[] as &[&str]).await;
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.contains("at least one config flag must be provided"), "{errors}");
    assert!(errors.contains("--config config.yaml") && errors.contains("--help"), "{errors}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let output = output(["--config", "/nowhere/config.yaml"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/nowhere/config.yaml"));
}

#[tokio::test]
async fn the_quickstart_prints_what_a_client_sends() {
    let mut command = otelcol();
    command.args(["--config", QUICKSTART]);
    // The same on free ports, for tests that run side by side.
    for set in [
        "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
        "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
        "service.telemetry.metrics.level=none",
    ] {
        command.args(["--set", set]);
    }
    let mut collector = Collector::spawn(command).await;
    let log =
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"order 7 was taken"}}]}]}]}"#;
    let metric = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"orders","sum":{"dataPoints":[{"asInt":"7"}]}}]}]}]}"#;
    for (path, body, printed) in [
        ("/v1/traces", span("checkout").as_str(), "    Name           : checkout\n"),
        ("/v1/metrics", metric, "     -> Name: orders\n"),
        ("/v1/logs", log, "Body: Str(order 7 was taken)\n"),
    ] {
        let answer = http(collector.http(), Method::POST, path, &[JSON], body.to_owned()).await;
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &br#"{"partialSuccess":{}}"#[..]));
        assert_eq!(answer.headers["content-type"], "application/json");
        collector.wait_for_log(printed).await;
    }
    let (status, log) = collector.stop().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn what_is_held_is_sent_before_the_process_ends() {
    let backend = Backend::start().await;
    let yaml = Forwarding::to_grpc(backend.grpc(), "").batched().yaml();
    let yaml = yaml.replace("batch:\n", "batch: { timeout: 1h }\n");
    let collector = Collector::start(&yaml).await;
    assert_eq!(send(&collector, "held").await.status, StatusCode::OK);
    assert_eq!(send(&collector, "back").await.status, StatusCode::OK);
    assert_eq!(backend.traces.items(), 0);
    let (status, log) = collector.stop().await;
    assert!(status.success(), "{log}");
    assert!(log.contains("Shutdown complete."), "{log}");
    assert_eq!(backend.span_names(), ["held", "back"]);
}

#[tokio::test]
async fn an_interrupt_ends_it_too() {
    let backend = Backend::start().await;
    let collector = Collector::start(&Forwarding::to_grpc(backend.grpc(), "").yaml()).await;
    collector.signal(Signal::INT);
    let (status, log) = collector.ended().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn what_is_lost_at_shutdown_is_told_and_fails() {
    let backend = Backend::start().await;
    let gone = backend.grpc();
    backend.stop().await;
    let mut collector = Collector::start(&Forwarding::to_grpc(gone, QUICK_RETRY).yaml()).await;
    assert_eq!(send(&collector, "lost").await.status, StatusCode::OK);
    collector.wait_for_log("Will retry the request").await;
    let (status, log) = collector.stop().await;
    assert_eq!(status.code(), Some(1), "{log}");
    let told = log.lines().find(|line| line.contains("Items were dropped at shutdown"));
    assert!(told.is_some_and(|line| line.contains(r#""items": 1"#) && line.contains("otlp_grpc")), "{log}");
}

#[tokio::test]
async fn what_a_dead_backend_missed_arrives_when_it_is_back() {
    let backend = Backend::start().await;
    let address = backend.grpc();
    backend.stop().await;
    let mut collector = Collector::start(&Forwarding::to_grpc(address, QUICK_RETRY).yaml()).await;
    for name in ["a", "b", "c"] {
        assert_eq!(send(&collector, name).await.status, StatusCode::OK);
    }
    collector.wait_for_log("Will retry the request").await;
    let backend = Backend::start_at(address).await;
    backend.wait_for_traces(3).await;
    let mut names = backend.span_names();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
    let (status, log) = collector.stop().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn garbage_hurts_nobody_else() {
    let backend = Backend::start().await;
    let collector = Collector::start(&Forwarding::to_grpc(backend.grpc(), "").yaml()).await;
    let noise: Vec<u8> = (0..100_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    for address in [collector.grpc(), collector.http()] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // The server may close before it has read everything.
            let _ = stream.write_all(&noise).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }
    assert_eq!(send(&collector, "after").await.status, StatusCode::OK);
    backend.wait_for_traces(1).await;
    assert_eq!(backend.span_names(), ["after"]);
    let (status, log) = collector.stop().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = listener.local_addr().unwrap();
    let free = "127.0.0.1:0".parse().unwrap();
    let forwarding = Forwarding::to_grpc(free, "");
    let readers = format!(
        "readers: [{{ pull: {{ exporter: {{ prometheus: {{ host: 127.0.0.1, port: {} }} }} }} }}]",
        taken.port()
    );
    for (yaml, component, key) in [
        (forwarding.clone().at(taken, free).yaml(), "\"otlp\" receiver", "protocols::grpc::endpoint"),
        (forwarding.clone().at(free, taken).yaml(), "\"otlp\" receiver", "protocols::http::endpoint"),
        (forwarding.yaml().replace("level: none", &readers), "", "service::telemetry::metrics::readers"),
    ] {
        let output = output(["--config", &format!("yaml:{yaml}")]).await;
        assert_eq!(output.status.code(), Some(1));
        let log = text(&output.stderr);
        let error = log.lines().last().unwrap();
        let expected = format!("{key}: cannot listen on {taken}: Address already in use");
        assert!(error.starts_with("Error: ") && error.contains(component), "{log}");
        assert!(error.contains(&expected), "{expected}: {log}");
    }
}

#[tokio::test]
async fn a_branch_of_best_effort_holds_nobody_up_and_counts_what_it_misses() {
    let (backend, dead) = (Backend::start().await, TcpListener::bind("127.0.0.1:0").await.unwrap());
    // It takes connections and never answers, and nothing is queued for it.
    let silent = format!("\n  otlp_grpc/silent: {{ endpoint: '{}', ", dead.local_addr().unwrap());
    let silent = silent
        + "tls: { insecure: true }, timeout: 1s, sending_queue: { enabled: false }, \
                           retry_on_failure: { enabled: false } }\nservice:";
    let yaml = Forwarding::to_grpc(backend.grpc(), "").measured().yaml();
    let yaml = yaml
        .replace("\nservice:", &silent)
        .replace("[otlp_grpc]", "[otlp_grpc, { otlp_grpc/silent: { best_effort: true } }]");
    let collector = Collector::start(&yaml).await;
    let begun = Instant::now();
    assert_eq!(send(&collector, "kept").await.status, StatusCode::OK);
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    backend.wait_for_traces(1).await;
    collector.wait_for_metric("otelcol_dropped_items", "reason=\"best_effort\"", 1.0).await;
    assert!(collector.scrape().await.contains("component=\"otlp_grpc/silent\""));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    // It takes connections and never answers, so that what is held cannot be sent.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let yaml = Forwarding::to_grpc(silent.local_addr().unwrap(), "timeout: 20s").yaml();
    let mut collector = Collector::start(&yaml).await;
    assert_eq!(send(&collector, "stuck").await.status, StatusCode::OK);
    collector.signal(Signal::TERM);
    collector.wait_for_log("Starting shutdown...").await;
    let begun = Instant::now();
    let (status, log) = collector.stop().await;
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: {log}", begun.elapsed());
    assert!(!log.contains("Shutdown complete."), "{log}");
}
