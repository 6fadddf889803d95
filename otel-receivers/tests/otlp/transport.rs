//! TLS and Unix sockets.

use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use otel_core::component::{Code, ComponentKind, Outputs, Receiver as _};
use otel_core::config;
use otel_core::net::tls::{TlsClient, TlsClientConfig};
use otel_core::telemetry::Logger;
use otel_core::testing::{TestAuthority, TestHost, TestIdentity};
use otel_receivers::otlp::OtlpReceiver;
use tokio::net::{TcpStream, UnixStream};

use super::support::{Running, TRACES, call_over, frame, raw_over, request, start, traces};

const PROTOBUF: &str = "content-type: application/x-protobuf";

fn client(authority: &TestAuthority, identity: Option<&TestIdentity>) -> TlsClientConfig {
    let mut config = TlsClientConfig::default();
    config.common.ca_pem = authority.certificate().into();
    if let Some(identity) = identity {
        config.common.cert_pem = identity.certificate.as_str().into();
        config.common.key_pem = identity.key.as_str().into();
    }
    config
}

/// The ways in which telemetry travels over TLS.
#[derive(Clone, Copy)]
enum Way {
    Grpc,
    Http1,
    Http2,
}

/// Sends in every way; whether all of them succeeded, or none.
async fn send(running: &Running, config: &TlsClientConfig) -> bool {
    let mut outcomes = Vec::new();
    for way in [Way::Grpc, Way::Http1, Way::Http2] {
        // A client learns with the first read whether its certificate was accepted.
        let sent = tokio::spawn(send_by(way, running.grpc(), running.http(), config.clone()));
        outcomes.push(sent.await.unwrap_or(false));
    }
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
    outcomes[0]
}

async fn send_by(way: Way, grpc: SocketAddr, http: SocketAddr, config: TlsClientConfig) -> bool {
    let (address, protocols): (_, &'static [&'static [u8]]) = match way {
        Way::Grpc => (grpc, &[b"h2"]),
        Way::Http1 => (http, &[b"http/1.1"]),
        Way::Http2 => (http, &[b"h2", b"http/1.1"]),
    };
    let tls = TlsClient::load(&config, protocols, Logger::none()).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let Ok(stream) = tls.connect("localhost", stream).await else { return false };
    match way {
        Way::Grpc => call_over(stream, TRACES, &[], frame(false, &traces(9))).await.0.code == Code::Ok,
        Way::Http1 => {
            raw_over(stream, &request("POST", "/v1/traces", &[PROTOBUF], &traces(9))).await.status == 200
        }
        Way::Http2 => {
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let (mut client, connection) =
                http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let request = Request::post("https://localhost/v1/traces")
                .header("content-type", "application/x-protobuf")
                .body(Full::new(traces(9)))
                .unwrap();
            client.send_request(request).await.is_ok_and(|answer| answer.status() == 200)
        }
    }
}

fn both_with(tls: &str) -> String {
    format!(
        "protocols:\n  grpc: {{ endpoint: '127.0.0.1:0', tls: {tls} }}\n  http: {{ endpoint: '127.0.0.1:0', tls: {tls} }}"
    )
}

#[tokio::test]
async fn both_protocols_speak_tls_and_load_certificates_anew() {
    let authority = TestAuthority::new();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let issue = |identity: TestIdentity| {
        std::fs::write(path("cert.pem"), identity.certificate).unwrap();
        std::fs::write(path("key.pem"), identity.key).unwrap();
    };
    issue(TestAuthority::new().issue("localhost"));
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let tls = format!("{{ cert_file: {cert}, key_file: {key}, reload_interval: 1ms }}");
    let running = start(&both_with(&tls)).await;
    assert!(!send(&running, &client(&authority, None)).await);
    issue(authority.issue("localhost"));
    // The interval is over by now.
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(send(&running, &client(&authority, None)).await);
    assert_eq!(running.sink.got().len(), 3);
    let handshakes = |transport| {
        let attributes = [("transport", transport), ("reason", "tls_handshake")];
        running.metrics.counted("otelcol_receiver_failed_connections", &attributes)
    };
    assert_eq!((handshakes("grpc"), handshakes("http")), (1, 2));
    running.stop().await;
}

#[tokio::test]
async fn clients_need_a_certificate_where_that_is_asked_for() {
    let (authority, clients) = (TestAuthority::new(), TestAuthority::new());
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let identity = authority.issue("localhost");
    let cert = path("cert.pem", &identity.certificate);
    let key = path("key.pem", &identity.key);
    let ca = path("clients.pem", clients.certificate());
    let tls = format!("{{ cert_file: {cert}, key_file: {key}, client_ca_file: {ca} }}");
    let running = start(&both_with(&tls)).await;
    assert!(send(&running, &client(&authority, Some(&clients.issue("agent")))).await);
    assert!(!send(&running, &client(&authority, Some(&authority.issue("agent")))).await);
    assert!(!send(&running, &client(&authority, None)).await);
    running.stop().await;
}

#[tokio::test]
async fn certificates_that_cannot_be_loaded_fail_the_start() {
    let yaml = both_with("{ cert_file: /nonexistent/cert.pem, key_file: /nonexistent/key.pem }");
    let test = TestHost::new(ComponentKind::Receiver, "otlp");
    let receiver = OtlpReceiver::new(config::from_yaml("otlp.yaml", &yaml).unwrap(), &test.host());
    let error = receiver.start(Outputs::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to load TLS config");
}

#[tokio::test]
async fn unix_sockets_are_served_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (grpc, http) = (path("grpc.sock"), path("http.sock"));
    let yaml = format!(
        "protocols:\n  grpc: {{ transport: unix, endpoint: {grpc} }}\n  http: {{ transport: unix, endpoint: {http} }}"
    );
    let running = start(&yaml).await;
    assert_eq!(running.receiver.grpc_address(), None);
    let stream = UnixStream::connect(&grpc).await.unwrap();
    assert_eq!(call_over(stream, TRACES, &[], frame(false, &traces(2))).await.0.code, Code::Ok);
    let stream = UnixStream::connect(&http).await.unwrap();
    let bytes = request("POST", "/v1/traces", &[PROTOBUF], &traces(2));
    assert_eq!(raw_over(stream, &bytes).await.status, 200);
    assert!(running.sink.got().iter().all(|(_, _, context)| context.client().is_none()));
    running.stop().await;
    assert!(UnixStream::connect(&grpc).await.is_err() && UnixStream::connect(&http).await.is_err());
}
