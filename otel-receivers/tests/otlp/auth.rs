//! Extensions that decide who may send, and that see requests before they are read.

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use otel_core::component::{Authentication, Capabilities, Code, ComponentKind, Outputs, Receiver as _};
use otel_core::config;
use otel_core::net::auth::{AuthenticationError, RequestHead, ServerAuthenticator, ServerMiddleware};
use otel_core::net::tls::{TlsClient, TlsClientConfig};
use otel_core::net::{Refused, Status};
use otel_core::telemetry::Logger;
use otel_core::testing::{TestAuthority, TestHost};
use otel_receivers::otlp::OtlpReceiver;
use tokio::net::TcpStream;

use super::support::{
    Answer, Running, Sink, TRACES, call, call_over, frame, outputs, post, raw, request, start_in, traces,
};

const JSON: &str = "content-type: application/json";
const PROTOBUF: &str = "content-type: application/x-protobuf";

/// Lets in whom the header `who` calls a friend, and remembers what it was asked.
#[derive(Debug, Default)]
struct Door(Mutex<Vec<String>>);

/// Who came in.
#[derive(Debug)]
struct Guest(String);

/// Says no to whatever has the header `heavy`.
#[derive(Debug)]
struct Scales;

impl Authentication for Guest {
    fn attribute(&self, name: &str) -> Option<String> {
        (name == "name").then(|| self.0.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[async_trait]
impl ServerAuthenticator for Door {
    async fn authenticate(
        &self,
        head: &RequestHead<'_>,
    ) -> Result<Option<Arc<dyn Authentication>>, AuthenticationError> {
        let who = head.headers.get("who").map_or("", |who| who.to_str().unwrap());
        let line = format!("{} {} {who} {}", head.method, head.path, head.certificates.len());
        assert!(head.peer.address.is_some());
        assert!(!format!("{head:?}").contains("friend"), "values of headers do not print");
        self.0.lock().unwrap().push(line);
        match who {
            "friend" => Ok(Some(Arc::new(Guest(who.to_owned())))),
            "ghost" => Ok(None),
            "banned" => Err(AuthenticationError::permission_denied("not you")),
            "new" => Err(AuthenticationError::unavailable("ask again")),
            _ => Err(AuthenticationError::unauthenticated("who is there?")
                .with_challenge(HeaderValue::from_static("Knock"))),
        }
    }
}

#[async_trait]
impl ServerMiddleware for Scales {
    async fn admit(&self, head: &RequestHead<'_>) -> Result<(), Refused> {
        if !head.headers.contains_key("heavy") {
            return Ok(());
        }
        let mut refused = Refused::new("weight", Code::ResourceExhausted, "too heavy");
        refused.status.retry_after = Some(Duration::from_millis(1500));
        Err(refused)
    }
}

/// A host with both extensions.
fn host() -> (TestHost, Arc<Door>) {
    let (door, mut capabilities) = (Arc::new(Door::default()), Capabilities::default());
    capabilities.set_provider("door".parse().unwrap());
    capabilities.offer::<dyn ServerAuthenticator>(Arc::clone(&door) as Arc<_>);
    capabilities.set_provider("scales".parse().unwrap());
    capabilities.offer::<dyn ServerMiddleware>(Arc::new(Scales));
    (TestHost::new(ComponentKind::Receiver, "otlp").with_capabilities(capabilities), door)
}

const SERVER: &str = "auth: { authenticator: door }, middlewares: [{ id: scales }]";

async fn guarded(more: &str) -> (Running, Arc<Door>) {
    let (test, door) = host();
    let sink = Sink::default();
    let server = format!("{{ endpoint: '127.0.0.1:0', {SERVER}, {more} }}");
    let yaml = format!("protocols: {{ grpc: {server}, http: {server} }}");
    (start_in(&test, &yaml, outputs(&sink), sink).await, door)
}

async fn ask(running: &Running, headers: &[&str]) -> Answer {
    post(running.http(), "/v1/traces", headers, b"{").await
}

async fn ask_grpc(running: &Running, headers: &[(&'static str, &str)], body: &[u8]) -> Status {
    call(running.grpc(), TRACES, headers, frame(false, body)).await.0
}

#[tokio::test]
async fn what_was_found_out_goes_with_the_data() {
    let (running, door) = guarded("").await;
    let answer = post(running.http(), "/v1/traces", &[PROTOBUF, "who: friend"], &traces(1)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(ask_grpc(&running, &[("who", "friend")], &traces(1)).await.code, Code::Ok);
    assert_eq!(ask_grpc(&running, &[("who", "ghost")], &traces(1)).await.code, Code::Ok);
    let names: Vec<_> = running
        .sink
        .got()
        .iter()
        .map(|(_, _, context)| {
            // Nothing of the headers travels that is not asked for.
            assert!(context.metadata().is_empty());
            context.authentication().and_then(|known| known.attribute("name"))
        })
        .collect();
    assert_eq!(names, [Some("friend".to_owned()), Some("friend".to_owned()), None]);
    let asked = door.0.lock().unwrap().clone();
    assert_eq!(asked[0], "POST /v1/traces friend 0");
    assert_eq!(asked[1], format!("POST {TRACES} friend 0"));
    running.stop().await;
}

#[tokio::test]
async fn refusals_have_the_code_of_their_kind_in_the_encoding_of_the_request() {
    let (running, _) = guarded("").await;
    for (who, http, grpc, reason, message) in [
        ("stranger", 401, Code::Unauthenticated, "unauthenticated", "who is there?"),
        ("banned", 403, Code::PermissionDenied, "permission_denied", "not you"),
        ("new", 503, Code::Unavailable, "authenticator_unavailable", "ask again"),
    ] {
        let header = format!("who: {who}");
        let answer = ask(&running, &[JSON, &header]).await;
        let expected = format!(r#"{{"code":{},"message":"{message}"}}"#, grpc.number());
        assert_eq!((answer.status, String::from_utf8(answer.body).unwrap()), (http, expected));
        assert_eq!(answer.head.contains("www-authenticate: knock"), http == 401);
        let answer = ask(&running, &[PROTOBUF, &header]).await;
        assert_eq!((answer.status, Status::decode(&answer.body)), (http, Status::new(grpc, message)));
        // Whatever it calls itself, before its path or encoding are looked at.
        let answer = ask(&running, &["content-type: text/plain", "content-encoding: rot13", &header]).await;
        assert_eq!(answer.status, http);
        assert_eq!(ask_grpc(&running, &[("who", who)], b"").await, Status::new(grpc, message));
        let unknown = call(running.grpc(), "/no.Such/Method", &[("who", who)], frame(false, b"")).await.0;
        assert_eq!(unknown.code, grpc);
        for (transport, times) in [("http", 3), ("grpc", 2)] {
            let attributes = [("transport", transport), ("reason", reason)];
            let counted = running.metrics.counted("otelcol_receiver_rejected_requests", &attributes);
            assert_eq!(counted, times, "{who} {transport}");
        }
    }
    assert!(running.sink.got().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn middlewares_see_who_was_let_in_and_their_delays_reach_the_client() {
    let (running, _) = guarded("").await;
    let answer = ask(&running, &[JSON, "who: friend", "heavy: yes"]).await;
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after: 2"), "{}", answer.head);
    let status = ask_grpc(&running, &[("who", "friend"), ("heavy", "yes")], b"").await;
    assert_eq!(
        (status.code, status.retry_after),
        (Code::ResourceExhausted, Some(Duration::from_millis(1500)))
    );
    assert_eq!(ask(&running, &[JSON, "who: stranger", "heavy: yes"]).await.status, 401);
    let counted = running.metrics.counted("otelcol_receiver_rejected_requests", &[("reason", "weight")]);
    assert_eq!(counted, 2);
    running.stop().await;
}

#[tokio::test]
async fn preflight_requests_need_no_credentials() {
    let (test, door) = host();
    let sink = Sink::default();
    let yaml = format!(
        "protocols: {{ http: {{ endpoint: '127.0.0.1:0', {SERVER}, cors: {{ allowed_origins: ['*'] }} }} }}"
    );
    let running = start_in(&test, &yaml, outputs(&sink), sink).await;
    let headers = ["origin: https://a.example", "access-control-request-method: POST"];
    let answer = raw(running.http(), &request("OPTIONS", "/v1/traces", &headers, b"")).await;
    assert_eq!(answer.status, 204);
    assert!(answer.head.contains("access-control-allow-origin"));
    assert!(door.0.lock().unwrap().is_empty());
    let answer = ask(&running, &["origin: https://a.example", JSON]).await;
    assert_eq!(answer.status, 401);
    // The page may see why.
    assert!(answer.head.contains("access-control-allow-origin"));
    running.stop().await;
}

#[tokio::test]
async fn an_authenticator_sees_the_certificates_of_a_client() {
    let authority = TestAuthority::new();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (server, client) = (authority.issue("localhost"), authority.issue("agent"));
    let (cert, key) = (path("cert.pem", &server.certificate), path("key.pem", &server.key));
    let ca = path("ca.pem", authority.certificate());
    let tls = format!("tls: {{ cert_file: {cert}, key_file: {key}, client_ca_file: {ca} }}");
    let (running, door) = guarded(&tls).await;
    let mut config = TlsClientConfig::default();
    config.common.ca_pem = authority.certificate().into();
    config.common.cert_pem = client.certificate.as_str().into();
    config.common.key_pem = client.key.as_str().into();
    let tls = TlsClient::load(&config, &[b"h2"], Logger::none()).unwrap();
    let stream = TcpStream::connect(running.grpc()).await.unwrap();
    let stream = tls.connect("localhost", stream).await.unwrap();
    let (status, _) = call_over(stream, TRACES, &[("who", "friend")], frame(false, &traces(1))).await;
    assert_eq!(status.code, Code::Ok);
    assert_eq!(*door.0.lock().unwrap(), [format!("POST {TRACES} friend 1")]);
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_does_not_start_without_what_it_names() {
    for (server, error) in [
        (
            "grpc: { auth: { authenticator: nobody } }",
            "failed to resolve authenticator \"nobody\": authenticator not found",
        ),
        (
            "http: { auth: { authenticator: nobody/2 } }",
            "failed to resolve authenticator \"nobody/2\": authenticator not found",
        ),
        (
            "grpc: { auth: { authenticator: scales } }",
            "requested authenticator is not a server authenticator",
        ),
        (
            "http: { middlewares: [{ id: nobody }] }",
            "failed to resolve middleware \"nobody\": middleware not found",
        ),
        ("http: { middlewares: [{ id: door }] }", "requested extension is not an HTTP server middleware"),
        ("grpc: { middlewares: [{ id: door }] }", "requested extension is not a gRPC server middleware"),
    ] {
        let (test, _) = host();
        let yaml = format!("protocols: {{ {} }}", server.replacen("{ ", "{ endpoint: '127.0.0.1:0', ", 1));
        let receiver = OtlpReceiver::new(config::from_yaml("otlp.yaml", &yaml).unwrap(), &test.host());
        let failed = receiver.start(Outputs::new()).await.unwrap_err();
        let source = std::error::Error::source(&failed).unwrap();
        assert_eq!(source.to_string(), error, "{server}");
    }
}
