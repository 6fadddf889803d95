//! A collector's own logs, metrics and spans leave over OTLP, and arrive.

mod support;

use std::time::Duration;

use http::Method;
use otel_core::pdata::{Logs, Metrics, Signal, SignalKind, Traces};
use otel_core::testing::{Sink, TestAuthority};
use serde_json::Value;
use support::backend::Backend;
use support::client::{http, span};
use support::collector::{Collector, output};
use tokio::time::timeout;

/// The trace of the client's request.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// How own telemetry is sent: a protocol, a scheme, and keys of TLS.
struct Way {
    protocol: &'static str,
    scheme: &'static str,
    keys: String,
}

impl Way {
    fn plain(protocol: &'static str) -> Self {
        Self { protocol, scheme: "http", keys: String::new() }
    }
}

/// A collector whose pipeline ends at one backend and whose own telemetry goes to another.
async fn collector(pipeline: &Backend, telemetry: &Backend, way: &Way, level: &str) -> Collector {
    let Way { protocol, scheme, keys } = way;
    let endpoint = match *protocol {
        "grpc" => telemetry.grpc(),
        _ => telemetry.http(),
    };
    let otlp = format!(
        "{{otlp: {{protocol: {protocol}, endpoint: '{scheme}://{endpoint}', compression: gzip, \
         headers: [{{name: x-token, value: t}}]{keys}}}}}"
    );
    Collector::start(&format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: 127.0.0.1:0}}, http: {{endpoint: 127.0.0.1:0}}}}}}
exporters:
  otlp_grpc: {{endpoint: {backend}, tls: {{insecure: true}}}}
service:
  telemetry:
    resource: {{service.name: own, service.version: , team: blue}}
    logs:
      level: info
      initial_fields: {{only: here}}
      processors: [{{batch: {{schedule_delay: 50, exporter: {otlp}}}}}]
    metrics:
      level: {level}
      readers: [{{periodic: {{interval: 100, exporter: {otlp}}}}}]
    traces:
      propagators: [tracecontext]
      processors: [{{batch: {{schedule_delay: 50, exporter: {otlp}}}}}]
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp_grpc]}}
",
        backend = pipeline.grpc(),
    ))
    .await
}

async fn send(collector: &Collector) {
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [("content-type", "application/json"), ("traceparent", traceparent.as_str())];
    let answer = http(collector.http(), Method::POST, "/v1/traces", &headers, span("the client's")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Everything that came, once `enough` of it has.
async fn arrived<S: Signal>(sink: &Sink<S>, enough: impl Fn(&S) -> bool) -> S {
    let waiting = async {
        for requests in 1.. {
            sink.wait_for(requests).await;
            let all = S::merged(sink.received());
            if enough(&all) {
                return all;
            }
        }
        unreachable!("there is no last number");
    };
    timeout(Duration::from_secs(30), waiting).await.expect("it arrives")
}

/// Every item with its scope and resource, as OTLP/JSON, wherever it is in a request.
struct Item {
    resource: Value,
    scope: Value,
    json: Value,
}

fn items<S: Signal>(data: &S) -> Vec<Item> {
    let mut text = Vec::new();
    data.to_json(&mut text);
    let data: Value = serde_json::from_slice(&text).unwrap();
    let (resources, scopes, items) = match S::KIND {
        SignalKind::Metrics => ("resourceMetrics", "scopeMetrics", "metrics"),
        SignalKind::Logs => ("resourceLogs", "scopeLogs", "logRecords"),
        _ => ("resourceSpans", "scopeSpans", "spans"),
    };
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for group in list(&data, resources) {
        for scoped in list(&group, scopes) {
            let whole =
                |json| Item { resource: group["resource"].clone(), scope: scoped["scope"].clone(), json };
            found.extend(list(&scoped, items).into_iter().map(whole));
        }
    }
    found
}

/// The text of an attribute.
fn attribute<'v>(of: &'v Value, key: &str) -> Option<&'v str> {
    let attributes = of["attributes"].as_array()?;
    attributes.iter().find(|attribute| attribute["key"] == key)?["value"]["stringValue"].as_str()
}

/// A collector that sends by `otlp_http` to another one, and to nobody; both tell of that.
#[tokio::test]
async fn requests_over_http_are_told_of_and_carry_the_trace_on() {
    let (pipeline, telemetry) = (Backend::start().await, Backend::start().await);
    let second = collector(&pipeline, &telemetry, &Way::plain("grpc"), "detailed").await;
    let otlp = format!("{{otlp: {{protocol: grpc, endpoint: 'http://{}'}}}}", telemetry.grpc());
    let port = second.http().port();
    let first = Collector::start(&format!(
        "
receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:0}}}}}}}}
exporters:
  otlp_http: {{endpoint: 'http://127.0.0.1:{port}', compression: none}}
  otlp_http/nobody: {{endpoint: 'http://127.0.0.1:9', retry_on_failure: {{enabled: false}}}}
service:
  telemetry:
    metrics: {{level: detailed, readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: 0}}}}}}}}]}}
    traces: {{propagators: [tracecontext], processors: [{{simple: {{exporter: {otlp}}}}}]}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http, otlp_http/nobody]}}}}
"
    ))
    .await;
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [("content-type", "application/json"), ("traceparent", traceparent.as_str())];
    http(first.http(), Method::POST, "/v1/traces", &headers, span("the client's")).await;

    let (called, sent) = ("HTTP POST", "exporter/otlp_http/traces");
    let failed = |span: &Value| span["status"]["code"] == 2;
    let of = |spans: &[Item], name: &str, fits: &dyn Fn(&Value) -> bool| {
        spans.iter().map(|span| span.json.clone()).find(|span| span["name"] == name && fits(span))
    };
    let all = |traces: &Traces| {
        let spans = items(traces);
        let succeeded = of(&spans, called, &|span| !failed(span));
        let received =
            |span: &Value| succeeded.as_ref().is_some_and(|it| span["parentSpanId"] == it["spanId"]);
        let served = of(&spans, "POST /v1/traces", &received);
        Some((succeeded.clone()?, served?, of(&spans, sent, &|_| true)?, of(&spans, called, &failed)?))
    };
    let traces = arrived(&telemetry.traces, |traces: &Traces| all(traces).is_some()).await;
    let (request, served, export, refused) = all(&traces).unwrap();
    for span in [&request, &served, &refused] {
        assert_eq!(span["traceId"], TRACE, "{span}");
    }
    // Of the kind client.
    assert_eq!((&request["kind"], &request["parentSpanId"]), (&3.into(), &export["spanId"]));
    assert_eq!(attribute(&request, "http.request.method"), Some("POST"));
    let url = format!("http://127.0.0.1:{port}/v1/traces");
    assert_eq!(attribute(&request, "url.full"), Some(url.as_str()));
    assert_eq!(attribute(&request, "network.protocol.version"), Some("1.1"));
    let message = refused["status"]["message"].as_str().unwrap();
    assert!(message.contains("cannot connect to 127.0.0.1:9"), "{message}");

    let labels = |status: &str, port: u16| {
        format!(
            "{{http_request_method=\"POST\",{status}network_protocol_name=\"http\",network_protocol_version=\"1.1\",\
             server_address=\"127.0.0.1\",server_port=\"{port}\",url_scheme=\"http\"}}"
        )
    };
    let text = first.scrape().await;
    let size = pipeline.traces.received()[0].encoded_len();
    for line in [
        format!("http_client_request_duration_count{} 1", labels("http_response_status_code=\"200\",", port)),
        format!(
            "http_client_request_body_size_sum{} {size}",
            labels("http_response_status_code=\"200\",", port)
        ),
        format!("http_client_request_duration_count{} 1", labels("", 9)),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    first.stop().await;
    second.stop().await;
}

fn check_resource(item: &Item) {
    let Item { resource, .. } = item;
    assert_eq!(
        (attribute(resource, "service.name"), attribute(resource, "team")),
        (Some("own"), Some("blue"))
    );
    assert_eq!(attribute(resource, "service.instance.id").map(str::len), Some(36));
    assert_eq!(attribute(resource, "service.version"), None);
}

async fn everything_arrives(way: Way, telemetry: Backend) {
    let pipeline = Backend::start().await;
    let collector = collector(&pipeline, &telemetry, &way, "detailed").await;
    send(&collector).await;
    pipeline.wait_for_traces(1).await;
    check_spans(&items(&arrived(&telemetry.traces, |traces: &Traces| traces.items() >= 5).await));
    let has = |name: &'static str| move |item: &Item| item.json["name"] == name;
    let sent = |metrics: &Metrics| items(metrics).iter().any(has("otelcol_exporter_sent_spans"));
    check_metrics(&items(&arrived(&telemetry.metrics, sent).await));
    let (status, log) = collector.stop().await;
    assert!(status.success(), "{log}");
    // What was said last arrives too: the shutdown waits for it.
    let says = |item: &Item| item.json["body"]["stringValue"] == "Starting shutdown...";
    check_logs(&items(&arrived(&telemetry.logs, |logs: &Logs| items(logs).iter().any(says)).await));
    pipeline.stop().await;
    telemetry.stop().await;
}

#[tokio::test]
async fn everything_arrives_over_grpc() {
    everything_arrives(Way::plain("grpc"), Backend::start().await).await;
}

#[tokio::test]
async fn everything_arrives_over_http() {
    everything_arrives(Way::plain("http/protobuf"), Backend::start().await).await;
}

/// Both sides know each other by their certificates.
async fn everything_arrives_with_tls(protocol: &'static str) {
    let authority = TestAuthority::new();
    let (server, client) = (authority.issue("127.0.0.1"), authority.issue("otelcol"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let ca = file("ca.pem", authority.certificate());
    let tls = format!(
        "{{cert_file: '{}', key_file: '{}', client_ca_file: '{ca}'}}",
        file("server.pem", &server.certificate),
        file("server.key", &server.key)
    );
    let keys = format!(
        ", certificate: '{ca}', client_certificate: '{}', client_key: '{}'",
        file("client.pem", &client.certificate),
        file("client.key", &client.key)
    );
    let telemetry = Backend::start_tls(&tls).await;
    everything_arrives(Way { protocol, scheme: "https", keys }, telemetry).await;
}

#[tokio::test]
async fn everything_arrives_over_grpc_with_tls() {
    everything_arrives_with_tls("grpc").await;
}

#[tokio::test]
async fn everything_arrives_over_http_with_tls() {
    everything_arrives_with_tls("http/protobuf").await;
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_told_at_the_start() {
    for protocol in ["grpc", "http/protobuf"] {
        let yaml = format!(
            "{{receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:0}}}}}}}}, exporters: {{nop: }}, \
             service: {{pipelines: {{logs: {{receivers: [otlp], exporters: [nop]}}}}, telemetry: {{logs: \
             {{processors: [{{simple: {{exporter: {{otlp: {{protocol: {protocol}, \
             endpoint: 'https://localhost:1', certificate: /is/not/there.pem}}}}}}}}]}}}}}}}}"
        );
        let ended = output(["--config", &format!("yaml:{yaml}")]).await;
        let log = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && log.contains("/is/not/there.pem"), "{log}");
    }
}

#[tokio::test]
async fn requests_over_tls_are_told_of_as_https() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let authority = TestAuthority::new();
    let server = authority.issue("127.0.0.1");
    for (name, pem) in [("ca", authority.certificate()), ("cert", &server.certificate), ("key", &server.key)]
    {
        std::fs::write(path(name), pem).unwrap();
    }
    let second = Collector::start(&format!(
        "
receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:0, tls: {{cert_file: {}, key_file: {}}}}}}}}}}}
exporters: {{nop: }}
service:
  telemetry: {{metrics: {{level: detailed, readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: 0}}}}}}}}]}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}
",
        path("cert"),
        path("key"),
    ))
    .await;
    let first = Collector::start(&format!(
        "
receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:0}}}}}}}}
exporters: {{otlp_http: {{endpoint: 'https://{}', tls: {{ca_file: {}}}, sending_queue: {{enabled: false}}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}
",
        second.http(),
        path("ca"),
    ))
    .await;
    let headers = [("content-type", "application/json")];
    http(first.http(), Method::POST, "/v1/traces", &headers, span("of a client")).await;
    let text = second.scrape().await;
    let told = text.lines().find(|line| line.starts_with("http_server_request_duration_count"));
    assert!(told.is_some_and(|line| line.contains("url_scheme=\"https\"")), "{text}");
}

fn check_spans(spans: &[Item]) {
    spans.iter().for_each(check_resource);
    let of = |name: &str| {
        let found = spans.iter().map(|span| &span.json).find(|span| span["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is not there")).clone()
    };
    let server = of("POST /v1/traces");
    let received = of("receiver/otlp/TraceDataReceived");
    let enqueued = of("exporter/enqueue");
    let sent = of("exporter/otlp_grpc/traces");
    let called = of("opentelemetry.proto.collector.trace.v1.TraceService/Export");
    assert_eq!(server["parentSpanId"], "00f067aa0ba902b7");
    for (child, parent) in
        [(&received, &server), (&enqueued, &received), (&sent, &enqueued), (&called, &sent)]
    {
        assert_eq!(
            (&child["traceId"], &child["parentSpanId"]),
            (&TRACE.into(), &parent["spanId"]),
            "{child}"
        );
    }
    for (key, value) in [
        ("client.address", "127.0.0.1"),
        ("network.peer.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("url.scheme", "http"),
    ] {
        assert_eq!(attribute(&server, key), Some(value), "{server}");
    }
    // Server, internal, client.
    assert_eq!((&server["kind"], &received["kind"], &called["kind"]), (&2.into(), &1.into(), &3.into()));
    assert_eq!(
        (attribute(&received, "transport"), attribute(&received, "format")),
        (Some("http"), Some("protobuf"))
    );
    assert_eq!(attribute(&sent, "data_type"), Some("traces"));
    let counted = |span: &Value, key: &str| {
        let attributes = span["attributes"].as_array().unwrap();
        attributes.iter().find(|attribute| attribute["key"] == key).unwrap()["value"]["intValue"].clone()
    };
    assert_eq!(counted(&received, "accepted_spans"), "1");
    assert_eq!(counted(&sent, "items.sent"), "1");
}

fn check_metrics(metrics: &[Item]) {
    metrics.iter().for_each(check_resource);
    let last = |name: &str| {
        let found = metrics.iter().rfind(|metric| metric.json["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is not there"))
    };
    let sent = last("otelcol_exporter_sent_spans");
    assert_eq!(sent.scope["name"], "go.opentelemetry.io/collector/exporter/exporterhelper");
    assert_eq!(sent.json["unit"], "{span}");
    assert_eq!(sent.json["sum"]["isMonotonic"], true);
    assert_eq!(sent.json["sum"]["aggregationTemporality"], 2);
    let point = &sent.json["sum"]["dataPoints"][0];
    assert_eq!((&point["asInt"], attribute(point, "exporter")), (&"1".into(), Some("otlp_grpc")));
    assert!(last("otelcol_process_memory_rss").json["gauge"]["dataPoints"][0]["asInt"].is_string());
    let duration = &last("http.server.request.duration").json["histogram"]["dataPoints"][0];
    assert_eq!((&duration["count"], attribute(duration, "http.route")), (&"1".into(), Some("/v1/traces")));
    assert_eq!(duration["bucketCounts"].as_array().unwrap().len(), 15);
}

fn check_logs(records: &[Item]) {
    records.iter().for_each(check_resource);
    let of = |body: &str| {
        let found = records.iter().find(|record| record.json["body"]["stringValue"] == body);
        found.unwrap_or_else(|| panic!("{body} is not there"))
    };
    let started = of("Starting GRPC server");
    assert_eq!(attribute(&started.scope, "otelcol.component.id"), Some("otlp"));
    assert_eq!(attribute(&started.scope, "otelcol.component.kind"), Some("receiver"));
    assert_eq!((&started.json["severityNumber"], &started.json["severityText"]), (&9.into(), &"info".into()));
    assert!(attribute(&started.json, "endpoint").is_some_and(|endpoint| endpoint.starts_with("127.0.0.1:")));
    // The resource is that of the request, not a field of each record.
    assert_eq!(attribute(&started.json, "resource"), None);
}
