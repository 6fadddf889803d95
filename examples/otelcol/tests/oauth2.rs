//! An exporter that gets tokens from an OAuth 2.0 server, for a backend that takes nobody without: both fail in many ways,
//! and nothing of what was taken is lost.

mod support;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use otel_core::testing::TestAuthority;
use serde_json::json;
use support::backend::Backend;
use support::client::{Ask, span};
use support::collector::{Collector, otelcol};
use support::config::Forwarding;
use support::web::{self, Web, unused_address};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, sleep_until, timeout};

const PATIENCE: Duration = Duration::from_secs(30);
/// A token that is refused before it is that old is not replaced.
const YOUNG: Duration = Duration::from_secs(10);

/// Gives out `token-1`, `token-2` and so on.
#[derive(Clone, Default)]
struct Issuer(Arc<Mutex<Issued>>);

#[derive(Default)]
struct Issued {
    /// What it answers first.
    instead: VecDeque<Response<Full<Bytes>>>,
    requests: usize,
    tokens: usize,
    /// When it gave out the last one.
    last: Option<Instant>,
    /// How long that does, in seconds.
    lifetime: u64,
}

impl Issuer {
    async fn serve(&self, address: SocketAddr) -> Web {
        let issuer = self.clone();
        Web::serve(TcpListener::bind(address).await.unwrap(), move |head, body| {
            // Where the secret is wanted has to be found out.
            let form = String::from_utf8_lossy(&body).contains("client_secret=sesame");
            let header = head.headers.get("authorization");
            assert!(form || header.is_some_and(|value| value == "Basic ZWRnZTpzZXNhbWU="), "{head:?}");
            assert_eq!(head.uri.path(), "/token");
            let mut issued = issuer.0.lock().unwrap();
            issued.requests += 1;
            if let Some(instead) = issued.instead.pop_front() {
                return instead;
            }
            issued.tokens += 1;
            issued.last = Some(Instant::now());
            let token = format!("token-{}", issued.tokens);
            web::json(json!({"access_token": token, "expires_in": issued.lifetime}).to_string())
        })
    }

    async fn wait_for(&self, tokens: usize) {
        let given = async {
            while self.0.lock().unwrap().tokens < tokens {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, given).await.unwrap_or_else(|_| panic!("nobody asks for token {tokens}"));
    }
}

/// What no token is in.
fn useless() -> VecDeque<Response<Full<Bytes>>> {
    let with = |status: StatusCode, body: Bytes| {
        let mut answer = web::json(body);
        *answer.status_mut() = status;
        answer
    };
    let mut elsewhere = with(StatusCode::FOUND, Bytes::new());
    elsewhere.headers_mut().insert("location", "/token".parse().unwrap());
    let huge = format!("{{\"access_token\": \"{}\"}}", "x".repeat(5 << 20));
    [with(StatusCode::OK, Bytes::from_static(b"\xff garbage")), elsewhere, with(StatusCode::OK, huge.into())]
        .into()
}

/// A collector that takes only those who have a token that stands in a file.
async fn gateway(directory: &Path, backend: &Backend) -> Collector {
    let authority = TestAuthority::new();
    let server = authority.issue("localhost");
    for (name, text) in [
        ("ca.pem", authority.certificate()),
        ("server.pem", &server.certificate),
        ("server.key", &server.key),
        ("tokens", "token-1\ntoken-2\ntoken-3\n"),
    ] {
        std::fs::write(directory.join(name), text).unwrap();
    }
    let at = directory.display();
    let forwarding = Forwarding::to_grpc(backend.grpc(), "").measured().serving(format!(
        "tls: {{ cert_file: {at}/server.pem, key_file: {at}/server.key }}, auth: {{ authenticator: bearertokenauth }}"
    ));
    start(&forwarding, "bearertokenauth", &format!("filename: {at}/tokens")).await
}

async fn start(forwarding: &Forwarding, extension: &str, keys: &str) -> Collector {
    let extensions =
        format!("extensions: {{ {extension}: {{ {keys} }} }}\nservice: {{ extensions: [{extension}] }}");
    let mut command = otelcol();
    command.args(["--config", &format!("yaml:{}", forwarding.yaml())]);
    command.args(["--config", &format!("yaml:{extensions}")]);
    Collector::spawn(command).await
}

/// Sends spans, all of which are taken.
async fn send(collector: &Collector, sent: &mut Vec<String>) {
    let name = format!("span {:04}", sent.len());
    let answer = Ask::http("application/json", span(&name)).http1(collector.http()).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    sent.push(name);
}

async fn arrive(backend: &Backend, sent: &[String]) {
    let arrived = async {
        while backend.traces.items() < sent.len() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, arrived).await.expect("all that was taken arrives");
}

async fn refused(gateway: &Collector) -> f64 {
    gateway.metric("otelcol_receiver_rejected_requests", "reason=\"unauthenticated\"").await
}

/// `exporter` with its endpoint, of which the port of the gateway is not yet known.
async fn nothing_is_lost(exporter: &'static str, endpoint: impl Fn(&Collector) -> String) {
    let (backend, directory) = (Backend::start().await, tempfile::tempdir().unwrap());
    let gateway = gateway(directory.path(), &backend).await;
    let (issuer, address) = (Issuer::default(), unused_address().await);
    let keys = format!(
        "endpoint: '{}', tls: {{ ca_file: {}/ca.pem }}, auth: {{ authenticator: oauth2client }}, \
         retry_on_failure: {{ initial_interval: 100ms, max_interval: 300ms }}",
        endpoint(&gateway),
        directory.path().display()
    );
    let client = format!(
        "client_id: edge, client_secret: sesame, token_url: 'http://{address}/token', timeout: 2s, expiry_buffer: 1s"
    );
    let mut edge = start(&Forwarding::to(exporter, keys).measured(), "oauth2client", &client).await;

    // First nobody answers, then there is somebody, but no token.
    let mut sent = Vec::new();
    for _ in 0..5 {
        send(&edge, &mut sent).await;
    }
    edge.wait_for_log("Will retry the request after interval").await;
    (issuer.0.lock().unwrap().instead, issuer.0.lock().unwrap().lifetime) = (useless(), 3);
    let _web = issuer.serve(address).await;
    arrive(&backend, &sent).await;
    assert_eq!(issuer.0.lock().unwrap().requests, 4);

    // The next token comes before this one has ended.
    issuer.0.lock().unwrap().lifetime = 3600;
    while issuer.0.lock().unwrap().tokens < 2 {
        send(&edge, &mut sent).await;
        sleep(Duration::from_millis(20)).await;
    }
    arrive(&backend, &sent).await;
    assert!(refused(&gateway).await < 0.5);

    // That one is withdrawn, once it is not young any more.
    let given = issuer.0.lock().unwrap().last.expect("it was given out");
    sleep_until(given + YOUNG).await;
    std::fs::write(directory.path().join("tokens"), "token-3\n").unwrap();
    while refused(&gateway).await < 0.5 {
        send(&edge, &mut sent).await;
    }
    issuer.wait_for(3).await;
    send(&edge, &mut sent).await;
    arrive(&backend, &sent).await;

    let (status, log) = edge.stop().await;
    assert!(status.success(), "{log}");
    let mut names = backend.span_names();
    names.sort_unstable();
    assert_eq!(names, sent);
    assert!(log.contains("failed to get security token from token endpoint"), "{log}");
    for secret in ["sesame", "token-1", "token-2", "token-3", "ZWRnZTpzZXNhbWU="] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_over_grpc_while_tokens_are_missing_ending_or_withdrawn() {
    nothing_is_lost("otlp_grpc", |gateway| format!("localhost:{}", gateway.grpc().port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_over_http_while_tokens_are_missing_ending_or_withdrawn() {
    nothing_is_lost("otlp_http", |gateway| format!("https://localhost:{}", gateway.http().port())).await;
}
