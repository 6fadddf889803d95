use std::path::Path;
use std::time::Duration;

use otel_core::component::{ComponentConfig, ComponentKind, Context, Exporter, ExporterFactory};
use otel_core::config;
use otel_core::pdata::build::LogsBuilder;
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use otel_core::testing::{LoggedRecord, TestHost};

use super::{DebugConfig, Verbosity};

/// What the Go collector prints of `goldens/<signal>.json` at each verbosity, see `goldens/README.md`.
macro_rules! golden {
    ($signal:literal) => {
        [
            include_str!(concat!("goldens/", $signal, "-basic.txt")),
            include_str!(concat!("goldens/", $signal, "-normal.txt")),
            include_str!(concat!("goldens/", $signal, "-detailed.txt")),
        ]
    };
}

/// What an exporter without the internal logger writes of one request.
async fn printed<S: Signal>(data: S, verbosity: Verbosity) -> String
where
    DebugConfig: ExporterFactory<S>,
{
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = DebugConfig { verbosity, ..to_file(file.path()) };
    let test = TestHost::new(ComponentKind::Exporter, "debug").with_signal(S::KIND);
    let exporter: Box<dyn Exporter<S>> = config.create(&test.host()).unwrap();
    exporter.export(data, Context::new()).await.unwrap();
    assert!(test.logs().is_empty(), "the collector's log was used as well");
    std::fs::read_to_string(file.path()).unwrap()
}

fn to_file(path: &Path) -> DebugConfig {
    let paths = vec![path.to_str().unwrap().to_owned()];
    DebugConfig { use_internal_logger: false, output_paths: Some(paths), ..DebugConfig::default() }
}

/// Asserts that our lines are those of the Go collector, but for the known differences.
#[track_caller]
fn assert_lines(ours: &str, golden: &str) {
    let golden = scopes_counted(golden);
    for (number, (ours, golden)) in ours.split('\n').zip(golden.split('\n')).enumerate() {
        assert_eq!(ours, golden, "line {}", number + 1);
    }
    assert_eq!(ours.split('\n').count(), golden.split('\n').count(), "the numbers of lines");
}

/// Go numbers the scopes of `normal` with their resource's number; this counts them.
fn scopes_counted(golden: &str) -> String {
    let mut scope = 0;
    let lines = golden.split('\n').map(|line| {
        let (title, rest) = line.split_once(" #").unwrap_or((line, ""));
        if title.starts_with("Resource") {
            scope = 0;
        }
        if !["ScopeTraces", "ScopeMetrics", "ScopeLog"].contains(&title) {
            return line.to_owned();
        }
        scope += 1;
        format!("{title} #{}{}", scope - 1, rest.trim_start_matches(|digit: char| digit.is_ascii_digit()))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Checks a signal at every verbosity.
async fn assert_golden<S: Signal>(data: S, basic: &str, normal: &str, detailed: &str)
where
    DebugConfig: ExporterFactory<S>,
{
    assert_lines(&printed(data.clone(), Verbosity::Basic).await, basic);
    assert_lines(&printed(data.clone(), Verbosity::Normal).await, normal);
    assert_lines(&printed(data, Verbosity::Detailed).await, detailed);
}

#[tokio::test]
async fn traces_look_as_the_go_collector_prints_them() {
    let data = Traces::from_json(include_bytes!("goldens/traces.json")).unwrap();
    let [basic, normal, detailed] = golden!("traces");
    assert_golden(data, basic, normal, detailed).await;
}

#[tokio::test]
async fn metrics_look_as_the_go_collector_prints_them() {
    let data = Metrics::from_json(include_bytes!("goldens/metrics.json")).unwrap();
    let [basic, normal, detailed] = golden!("metrics");
    assert_golden(data, basic, normal, detailed).await;
}

#[tokio::test]
async fn logs_look_as_the_go_collector_prints_them() {
    let data = Logs::from_json(include_bytes!("goldens/logs.json")).unwrap();
    let [basic, normal, detailed] = golden!("logs");
    assert_golden(data, basic, normal, detailed).await;
}

#[tokio::test]
async fn the_internal_logger_gets_a_line_with_counts_and_the_text() {
    let test = TestHost::new(ComponentKind::Exporter, "debug");
    let config = DebugConfig { verbosity: Verbosity::Normal, ..DebugConfig::default() };
    let exporter: Box<dyn Exporter<Logs>> = config.create(&test.host()).unwrap();
    exporter.export(records(2), Context::new()).await.unwrap();
    let [line, text] = &test.logs()[..] else { panic!("{:?}", test.logs()) };
    assert_eq!(line.message, "Logs");
    assert_eq!(line.fields, [("resource logs", 1.into()), ("log records", 2.into())]);
    assert_eq!(text.message, "ResourceLog #0\nScopeLog #0\nrecord \nrecord \n");
    assert_eq!(text.fields, []);
}

#[tokio::test(start_paused = true)]
async fn the_first_requests_of_each_second_are_printed_and_then_each_nth() {
    let test = TestHost::new(ComponentKind::Exporter, "debug");
    let config = DebugConfig { sampling_initial: 3, sampling_thereafter: 4, ..DebugConfig::default() };
    let exporter: Box<dyn Exporter<Logs>> = config.create(&test.host()).unwrap();
    // Each request has as many records as requests came before it in its second.
    for second in 0..2 {
        for request in 0..12 {
            exporter.export(records(second * 100 + request), Context::new()).await.unwrap();
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(printed_counts(&test), [0, 1, 2, 6, 10, 100, 101, 102, 106, 110]);
}

#[tokio::test(start_paused = true)]
async fn zero_after_the_first_requests_prints_no_more() {
    let test = TestHost::new(ComponentKind::Exporter, "debug");
    let config = DebugConfig { sampling_initial: 1, sampling_thereafter: 0, ..DebugConfig::default() };
    let exporter: Box<dyn Exporter<Logs>> = config.create(&test.host()).unwrap();
    for request in 0..5 {
        exporter.export(records(request), Context::new()).await.unwrap();
    }
    assert_eq!(printed_counts(&test), [0]);
}

#[tokio::test(start_paused = true)]
async fn by_default_everything_is_printed() {
    let test = TestHost::new(ComponentKind::Exporter, "debug");
    let exporter: Box<dyn Exporter<Logs>> = DebugConfig::default().create(&test.host()).unwrap();
    for request in 0..10 {
        exporter.export(records(request), Context::new()).await.unwrap();
    }
    assert_eq!(printed_counts(&test), (0..10).collect::<Vec<_>>());
}

#[test]
fn keys_are_read() {
    let config = read("{verbosity: detailed, sampling_initial: 5, sampling_thereafter: 200}").unwrap();
    assert_eq!(config.verbosity, Verbosity::Detailed);
    assert_eq!((config.sampling_initial, config.sampling_thereafter), (5, 200));
    assert!(config.use_internal_logger && config.validate().is_empty());
    let config = read("{use_internal_logger: false, output_paths: [stderr, /tmp/out]}").unwrap();
    assert_eq!(config.output_paths.as_deref().unwrap(), ["stderr", "/tmp/out"]);
    assert!(!config.use_internal_logger && config.validate().is_empty());
}

#[test]
fn outputs_need_the_internal_logger_off_and_a_path() {
    let message = |yaml| read(yaml).unwrap_err();
    let error = message("{output_paths: [stdout]}");
    assert!(error.contains("output_paths is not supported when use_internal_logger is true"), "{error}");
    let error = message("{use_internal_logger: false, output_paths: []}");
    assert!(error.contains("output_paths must not be empty when use_internal_logger is false"), "{error}");
    let error = message("{verbosity: loud}");
    assert!(error.contains("loud") && error.contains("basic") && error.contains("detailed"), "{error}");
    let error = message("{sending_queue: {queue_size: 0}}");
    assert!(error.contains("`queue_size` must be positive"), "{error}");
}

#[tokio::test]
async fn with_a_queue_what_is_printed_counts_once() {
    for (yaml, strength) in [("{}", "the exporter"), ("{sending_queue: }", "its queue")] {
        let test = TestHost::new(ComponentKind::Exporter, "debug");
        let exporter: Box<dyn Exporter<Traces>> = read(yaml).unwrap().create(&test.host()).unwrap();
        exporter.start().await.unwrap();
        let spans = Traces::from_bytes(b"\x0a\x04\x12\x02\x12\x00".as_slice().into()).unwrap();
        exporter.export(spans, Context::new()).await.unwrap();
        exporter.shutdown(tokio::time::Instant::now() + Duration::from_secs(5)).await;
        assert_eq!(test.metrics().counted("otelcol_exporter_sent_spans", &[]), 1, "{strength}");
        assert_eq!(test.logs()[0].message, "Traces");
    }
}

#[tokio::test]
async fn an_output_that_cannot_be_opened_is_named() {
    let test = TestHost::new(ComponentKind::Exporter, "debug");
    let config = to_file(Path::new("/nowhere/at/all"));
    let result: Result<Box<dyn Exporter<Traces>>, _> = config.create(&test.host());
    let error = result.err().expect("there is no such directory").to_string();
    assert!(error.contains("/nowhere/at/all"), "{error}");
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("README.md");
    let yaml = readme.split("```yaml\nexporters:\n  debug:\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(read(yaml).unwrap().verbosity, Verbosity::Detailed);
}

fn read(yaml: &str) -> Result<DebugConfig, String> {
    config::from_yaml("debug.yaml", yaml).map_err(|errors| errors.to_string())
}

fn records(count: usize) -> Logs {
    let mut builder = LogsBuilder::with_capacity(1024);
    let mut resource = builder.resource(|_| {});
    let mut scope = resource.scope(|_| {});
    for _ in 0..count {
        scope.log_record(|record| {
            record.body("record");
        });
    }
    builder.finish()
}

/// The numbers of records of the requests that were printed.
fn printed_counts(test: &TestHost) -> Vec<usize> {
    let count = |record: &LoggedRecord| record.fields[1].1.as_u64().unwrap() as usize;
    test.logs().iter().map(count).collect()
}
