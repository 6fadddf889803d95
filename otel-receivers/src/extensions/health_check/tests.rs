use std::sync::{Arc, Mutex};
use std::time::Duration;

use otel_core::component::{
    Component, ComponentKind, Extension, Overview, PipelineOverview, Status, StatusEvent,
};
use otel_core::config;
use otel_core::pdata::SignalKind;
use otel_core::testing::{ManualClock, TestHost};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::extensions::testing::{Answer, get};

fn read(yaml: &str) -> Result<HealthCheckConfig, String> {
    config::from_yaml("health.yaml", yaml).map_err(|errors| errors.to_string())
}

/// A collector with receiver `otlp`, processor `batch`, and exporters `debug` and `otlp`.
#[derive(Debug, Default)]
struct Collector {
    statuses: Mutex<Vec<StatusEvent>>,
    failed_reload: Mutex<Option<String>>,
}

impl Collector {
    fn with(statuses: impl IntoIterator<Item = StatusEvent>) -> Arc<Self> {
        Arc::new(Self { statuses: Mutex::new(statuses.into_iter().collect()), ..Self::default() })
    }

    /// All are of this status, but those named.
    fn of(status: &Status, others: &[(&str, Status)]) -> Arc<Self> {
        let clock = otel_core::telemetry::Clock::now(&ManualClock::default());
        let all = [
            (ComponentKind::Extension, "health_check", None, None),
            (ComponentKind::Receiver, "otlp", None, None),
            (ComponentKind::Processor, "batch", Some(SignalKind::Traces), Some("traces/eu")),
            (ComponentKind::Exporter, "debug", Some(SignalKind::Traces), None),
            (ComponentKind::Exporter, "debug", Some(SignalKind::Logs), None),
        ];
        Self::with(all.into_iter().map(|(kind, id, signal, pipeline)| {
            let name = format!("{kind}:{id}{}", signal.map_or(String::new(), |signal| format!(" {signal}")));
            let other = others.iter().find(|(of, _)| *of == name).map(|(_, status)| status);
            let mut event = StatusEvent::new(kind, id.parse().unwrap(), other.unwrap_or(status).clone());
            event.signal = signal;
            event.pipeline = pipeline.map(str::to_owned);
            event.time = clock;
            event
        }))
    }
}

impl Overview for Collector {
    fn pipelines(&self) -> Vec<PipelineOverview> {
        let mut traces = PipelineOverview::new("traces/eu".parse().unwrap(), SignalKind::Traces);
        traces.receivers = vec!["otlp".parse().unwrap()];
        traces.processors = vec!["batch".parse().unwrap()];
        traces.exporters = vec!["debug".parse().unwrap()];
        let mut logs = PipelineOverview::new("logs".parse().unwrap(), SignalKind::Logs);
        logs.receivers = vec!["otlp".parse().unwrap()];
        logs.exporters = vec!["debug".parse().unwrap()];
        vec![traces, logs]
    }

    fn extensions(&self) -> Vec<otel_core::ComponentId> {
        vec!["health_check".parse().unwrap()]
    }

    fn statuses(&self) -> Vec<StatusEvent> {
        self.statuses.lock().unwrap().clone()
    }

    fn failed_reload(&self) -> Option<String> {
        self.failed_reload.lock().unwrap().clone()
    }
}

struct Running {
    extension: HealthCheck,
    clock: ManualClock,
    host: TestHost,
}

async fn started(yaml: &str, collector: &Arc<Collector>) -> Running {
    let clock = ManualClock::default();
    let host = TestHost::new(ComponentKind::Extension, "health_check").with_clock(clock.clone());
    let extension = HealthCheck::new(read(yaml).unwrap(), &host.host());
    extension.attach(&(Arc::clone(collector) as Arc<dyn Overview>));
    extension.start().await.unwrap();
    Running { extension, clock, host }
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.content_type, "application/json");
    serde_json::from_str(&answer.body).unwrap()
}

impl Running {
    async fn get(&self, path: &str) -> Answer {
        get(self.extension.http_address().unwrap(), path).await
    }

    async fn code(&self, path: &str) -> u16 {
        self.get(path).await.code.as_u16()
    }
}

const LEGACY: &str = "endpoint: 127.0.0.1:0";
const V2: &str = "{use_v2: true, http: {endpoint: '127.0.0.1:0'}}";
const COUNTING: &str = "{use_v2: true, http: {endpoint: '127.0.0.1:0'}, component_health: {include_permanent_errors: true, \
                        include_recoverable_errors: true, recovery_duration: 5m}}";

// === yes or no ===

#[tokio::test]
async fn available_from_ready_to_not_ready() {
    let running = started(LEGACY, &Collector::of(&Status::Ok, &[])).await;
    let unavailable =
        json!({"status": "Server not available", "upSince": "0001-01-01T00:00:00Z", "uptime": ""});
    let before = running.get("/").await;
    assert_eq!((before.code.as_u16(), json(&before)), (503, unavailable.clone()));

    running.extension.ready().await;
    let ready = running.get("/anything?at=all").await;
    assert_eq!(ready.code.as_u16(), 200);
    let body = json(&ready);
    assert_eq!(
        (&body["status"], &body["upSince"]),
        (&json!("Server available"), &json!("2026-01-01T00:00:00Z"))
    );
    assert!(config::parse_duration(body["uptime"].as_str().unwrap()).is_some());

    running.extension.not_ready().await;
    let after = running.get("/").await;
    assert_eq!((after.code.as_u16(), json(&after)), (503, unavailable));
    running.extension.shutdown(Instant::now()).await;
    assert_eq!(running.host.tasks(), 0);
}

#[tokio::test]
async fn a_configuration_that_was_not_applied_and_a_dead_component_turn_it_red() {
    let collector =
        Collector::of(&Status::Ok, &[("exporter:debug logs", Status::PermanentError("no".to_owned()))]);
    let running = started(LEGACY, &collector).await;
    running.extension.ready().await;
    assert_eq!(running.code("/").await, 200);

    *collector.failed_reload.lock().unwrap() = Some("bad key".to_owned());
    let red = running.get("/").await;
    assert_eq!(red.code.as_u16(), 503);
    assert_eq!(json(&red)["reason"], "the last configuration was not applied: bad key");
    *collector.failed_reload.lock().unwrap() = None;
    assert_eq!(running.code("/").await, 200);

    collector.statuses.lock().unwrap().last_mut().unwrap().dead = true;
    let red = running.get("/").await;
    assert_eq!(red.code.as_u16(), 503);
    assert_eq!(json(&red)["reason"], "exporter debug: StatusPermanentError: no");
}

#[tokio::test]
async fn a_path_and_bodies_of_the_users_choice() {
    let yaml = "{endpoint: '127.0.0.1:0', path: /health, response_body: {healthy: fine, unhealthy: ill}, \
                response_headers: {X-Of: us}}";
    let running = started(yaml, &Collector::of(&Status::Ok, &[])).await;
    let ill = running.get("/health").await;
    assert_eq!((ill.code.as_u16(), ill.body.as_str()), (503, "ill"));
    running.extension.ready().await;
    assert_eq!(running.get("/health").await.body, "fine");
    assert_eq!((running.code("/").await, running.code("/health/x").await), (404, 404));
}

// === status ===

#[tokio::test]
async fn the_status_of_the_collector_and_of_its_pipelines() {
    let error = Status::RecoverableError("connection refused".to_owned());
    let running = started(V2, &Collector::of(&Status::Ok, &[("exporter:debug traces", error)])).await;
    let all = running.get("/status").await;
    assert_eq!(all.code.as_u16(), 200);
    let time = "2026-01-01T00:00:00Z";
    assert_eq!(
        json(&all),
        json!({"start_time": time, "healthy": false, "status": "StatusRecoverableError",
               "error": "connection refused", "status_time": time, "attributes": {}})
    );
    assert_eq!(
        json(&running.get("/status?pipeline=traces/eu&verbose").await)["components"],
        json!({
            "receiver:otlp": {"healthy": true, "status": "StatusOK", "status_time": time, "attributes": {}},
            "processor:batch": {"healthy": true, "status": "StatusOK", "status_time": time, "attributes": {}},
            "exporter:debug": {"healthy": false, "status": "StatusRecoverableError",
                               "error": "connection refused", "status_time": time, "attributes": {}},
        })
    );
    let verbose = json(&running.get("/status?verbose").await);
    let parts: Vec<_> = verbose["components"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(parts, ["extensions", "pipeline:logs", "pipeline:traces/eu"]);
    assert_eq!(json(&running.get("/status?pipeline=logs").await)["status"], "StatusOK");
    assert_eq!((running.code("/status?pipeline=none").await, running.code("/other").await), (404, 404));
}

#[tokio::test]
async fn the_code_follows_the_status() {
    let permanent = || Status::PermanentError("x".to_owned());
    for (status, others, code, shown) in [
        (Status::Ok, vec![], 200, "StatusOK"),
        (Status::Starting, vec![], 503, "StatusStarting"),
        (Status::Ok, vec![("receiver:otlp", Status::Starting)], 503, "StatusStarting"),
        (Status::Stopping, vec![("receiver:otlp", Status::Stopped)], 503, "StatusStopping"),
        (Status::Ok, vec![("receiver:otlp", Status::Stopped)], 503, "StatusStopping"),
        (Status::Stopped, vec![], 503, "StatusStopped"),
        (Status::Ok, vec![("receiver:otlp", permanent())], 200, "StatusPermanentError"),
        (permanent(), vec![("receiver:otlp", Status::FatalError("x".to_owned()))], 500, "StatusFatalError"),
    ] {
        let running = started(V2, &Collector::of(&status, &others)).await;
        let answer = running.get("/status").await;
        assert_eq!(
            (answer.code.as_u16(), &json(&answer)["status"]),
            (code, &json!(shown)),
            "{status} {others:?}"
        );
    }
    let unknown = started(V2, &Collector::with([])).await;
    assert_eq!(
        (unknown.code("/status").await, &json(&unknown.get("/status").await)["status"]),
        (503, &json!("StatusNone"))
    );
}

#[tokio::test]
async fn errors_that_count_make_it_unhealthy_once_they_last() {
    let permanent =
        Collector::of(&Status::Ok, &[("exporter:debug logs", Status::PermanentError("x".to_owned()))]);
    let running = started(COUNTING, &permanent).await;
    assert_eq!((running.code("/status").await, running.code("/status?pipeline=traces/eu").await), (500, 200));

    let passing =
        Collector::of(&Status::Ok, &[("exporter:debug logs", Status::RecoverableError("x".to_owned()))]);
    let running = started(COUNTING, &passing).await;
    let answer = running.get("/status").await;
    assert_eq!((answer.code.as_u16(), &json(&answer)["healthy"]), (200, &json!(true)));
    running.clock.advance(Duration::from_secs(300));
    let answer = running.get("/status").await;
    assert_eq!((answer.code.as_u16(), &json(&answer)["healthy"]), (500, &json!(false)));
}

#[tokio::test]
async fn the_status_is_red_for_what_was_not_applied_and_for_the_dead() {
    let collector =
        Collector::of(&Status::Ok, &[("processor:batch traces", Status::PermanentError("x".to_owned()))]);
    let running = started(V2, &collector).await;
    *collector.failed_reload.lock().unwrap() = Some("bad key".to_owned());
    let answer = running.get("/status").await;
    assert_eq!((answer.code.as_u16(), &json(&answer)["error"]), (500, &json!("bad key")));
    assert_eq!(running.code("/status?pipeline=traces/eu").await, 200);
    *collector.failed_reload.lock().unwrap() = None;
    collector.statuses.lock().unwrap()[2].dead = true;
    let codes = [
        running.code("/status").await,
        running.code("/status?pipeline=traces/eu").await,
        running.code("/status?pipeline=logs").await,
    ];
    assert_eq!(codes, [500, 500, 200]);
}

#[tokio::test]
async fn the_grpc_protocol_tells_it_too() {
    let yaml = "{use_v2: true, grpc: {endpoint: '127.0.0.1:0'}}";
    let error = Status::FatalError("x".to_owned());
    let running = started(yaml, &Collector::of(&Status::Ok, &[("processor:batch traces", error)])).await;
    let endpoint = format!("http://{}", running.extension.grpc_address().unwrap());
    let check = async |service: &str| {
        let channel = tonic::transport::Endpoint::new(endpoint.clone()).unwrap().connect().await.unwrap();
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        let request = tonic::Request::new(CheckRequest { service: service.to_owned() });
        let codec = tonic_prost::ProstCodec::<CheckRequest, CheckResponse>::default();
        client.unary(request, path, codec).await.map(|answer| answer.into_inner().status)
    };
    assert_eq!(check("").await.unwrap(), 2);
    assert_eq!(check("traces/eu").await.unwrap(), 2);
    assert_eq!(check("logs").await.unwrap(), 1);
    let unknown = check("nothing").await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (tonic::Code::NotFound, "Service not found."));
}

#[tokio::test]
async fn the_grpc_protocol_tells_every_change_to_who_watches() {
    let collector = Collector::of(&Status::Ok, &[]);
    let running = started("{use_v2: true, grpc: {endpoint: '127.0.0.1:0'}}", &collector).await;
    let endpoint = format!("http://{}", running.extension.grpc_address().unwrap());
    let watch = async |service: &str| {
        let channel = tonic::transport::Endpoint::new(endpoint.clone()).unwrap().connect().await.unwrap();
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Watch");
        let request = tonic::Request::new(CheckRequest { service: service.to_owned() });
        let codec = tonic_prost::ProstCodec::<CheckRequest, CheckResponse>::default();
        client.server_streaming(request, path, codec).await.unwrap().into_inner()
    };
    let (mut all, mut unknown) = (watch("").await, watch("nothing").await);
    assert_eq!(all.message().await.unwrap().unwrap().status, 1);
    assert_eq!(unknown.message().await.unwrap().unwrap().status, 3);
    let mut fatal = collector.statuses.lock().unwrap()[2].clone();
    fatal.status = Status::FatalError("x".to_owned());
    collector.statuses.lock().unwrap()[2] = fatal.clone();
    running.extension.on_status(&fatal);
    assert_eq!(all.message().await.unwrap().unwrap().status, 2);
    let begun = Instant::now();
    running.extension.shutdown(begun + Duration::from_secs(20)).await;
    let ended = all.message().await.unwrap_err();
    assert_eq!((ended.code(), ended.message()), (tonic::Code::Cancelled, "Server shutting down."));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[derive(Clone, PartialEq, prost::Message)]
struct CheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

// === configuration ===

#[test]
fn rules_between_keys_are_told() {
    for (yaml, error) in [
        ("endpoint: ''", "bad config: endpoint must be specified"),
        ("path: health", "bad config: path must start with /"),
        ("use_v2: true", "must specify at least one protocol"),
        ("{use_v2: true, http: {status: {path: x}}}", "path must start with /"),
        ("{use_v2: true, http: {config: {enabled: true}}}", "`config` is not supported"),
        ("{use_v2: true, grpc: {endpoint: x}}", "invalid endpoint \"x\", allowed: host:port"),
        ("auth: {}", "key `authenticator` is required"),
        ("response_headers: {'a b': c}", "`a b` is not a header of HTTP"),
        ("endpont: x", "did you mean `endpoint`?"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
    assert!(read("check_collector_pipeline: {enabled: true, interval: 5m}").is_ok());
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("README.md");
    let yaml = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let service = "receivers: {nop: }\nexporters: {nop: }\nservice: {extensions: [health_check, health_check/pipelines], \
                   pipelines: {traces: {receivers: [nop], exporters: [nop]}}}\n";
    let mut registry = otel_core::service::Registry::new();
    registry.extension::<HealthCheckConfig>();
    let errors =
        otel_core::service::Collector::from_yaml(&registry, "readme.yaml", &format!("{yaml}{service}"))
            .unwrap_err()
            .to_string();
    // The registry knows this extension only.
    assert!(errors.contains("unknown type: \"nop\"") && !errors.contains("health_check"), "{errors}");
}
