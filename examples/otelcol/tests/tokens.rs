//! Clients come in by tokens of an OpenID provider, and who they are goes on to a backend that wants tokens of its own.

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use otel_core::pdata::{Signal as _, Traces};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use support::client::{Answer, Ask, span};
use support::collector::{Collector, otelcol};
use support::config::Forwarding;
use support::web::{self, Web, unused_address};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A provider of tokens, and a backend that keeps the headers of what it gets.
struct World {
    url: String,
    key: Ed25519KeyPair,
    seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    web: Web,
}

impl World {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    /// A provider that says its keys were at another address.
    async fn start_without_keys(keys: SocketAddr) -> Self {
        Self::start_with(Some(keys)).await
    }

    async fn start_with(keys_at: Option<SocketAddr>) -> Self {
        let listener = web::listen().await;
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = new_key();
        let x = encode(key.public_key().as_ref());
        let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x}]});
        let keys_at = keys_at.map_or_else(|| url.clone(), |address| format!("http://{address}"));
        let document = json!({"issuer": url, "jwks_uri": format!("{keys_at}/keys"),
                              "id_token_signing_alg_values_supported": ["EdDSA"]});
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        let web = Web::serve(listener, move |head, _| {
            let path = head.uri.path();
            keep.lock().unwrap().push((path.to_owned(), head.headers.clone()));
            web::json(match path {
                "/.well-known/openid-configuration" => document.to_string(),
                "/keys" => keys.to_string(),
                "/token" => json!({"access_token": "for-the-backend", "expires_in": 3600}).to_string(),
                _ => "{}".to_owned(),
            })
        });
        Self { url, key, seen, web }
    }

    /// The headers of requests to a path.
    fn seen(&self, path: &str) -> Vec<HeaderMap> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(of, _)| of == path).map(|(_, headers)| headers.clone()).collect()
    }

    fn claims(&self) -> Value {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        json!({"iss": self.url, "aud": "otel", "sub": "agent-7", "exp": now + 600})
    }

    /// What the collector is configured with.
    fn extensions(&self) -> String {
        let url = &self.url;
        format!(
            "extensions:
  oidc: {{ issuer_url: '{url}', audience: otel }}
  oauth2client: {{ client_id: edge, client_secret: sesame, token_url: '{url}/token' }}
  headers_setter:
    additional_auth: oauth2client
    headers:
    - {{ action: upsert, key: x-client, from_attribute: subject }}
    - {{ action: upsert, key: x-tenant, from_context: x-tenant, default_value: none }}
service: {{ extensions: [headers_setter, oauth2client, oidc] }}
"
        )
    }
}

async fn start(forwarding: &Forwarding, extensions: &str) -> Collector {
    let mut command = otelcol();
    command.args(["--config", &format!("yaml:{}", forwarding.clone().yaml())]);
    command.args(["--config", &format!("yaml:{extensions}")]);
    Collector::spawn(command).await
}

fn new_key() -> Ed25519KeyPair {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sign(key: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let message =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = encode(key.sign(message.as_bytes()).as_ref());
    format!("Bearer {message}.{signature}")
}

/// The status by HTTP and by gRPC of a request with this authorization.
async fn statuses(collector: &Collector, authorization: Option<&str>) -> [u16; 2] {
    let with = |ask: Ask| match authorization {
        Some(value) => ask.header("authorization", value),
        None => ask,
    };
    let http = with(Ask::http("application/json", span("x"))).http1(collector.http()).await.unwrap();
    let message = Traces::from_json(span("x").as_bytes()).unwrap().to_bytes();
    let grpc = with(Ask::grpc(0, &message)).http2(collector.grpc()).await.unwrap();
    [http.status.as_u16(), grpc_status(&grpc)]
}

fn grpc_status(answer: &Answer) -> u16 {
    let status = answer.trailers.get("grpc-status").or(answer.headers.get("grpc-status"));
    status.expect("gRPC has a status").to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn who_a_client_is_goes_on_to_a_backend_that_wants_tokens_of_its_own() {
    let world = World::start().await;
    let keys = format!(
        "endpoint: '{}', compression: none, auth: {{ authenticator: headers_setter }}, sending_queue: {{ enabled: false }}",
        world.url
    );
    let server = "auth: { authenticator: oidc }, include_metadata: true";
    let collector = start(&Forwarding::to("otlp_http", keys).serving(server), &world.extensions()).await;
    let token = sign(&world.key, &json!({"alg": "EdDSA", "kid": "one"}), &world.claims());
    let ask = Ask::http("application/json", span("x")).header("authorization", &token);
    let answer = ask.header("x-tenant", "acme").http1(collector.http()).await.unwrap();
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(statuses(&collector, Some(&token)).await, [200, 0]);

    let requests = world.seen("/v1/traces");
    assert_eq!(requests.len(), 3);
    for (headers, tenant) in requests.iter().zip(["acme", "none", "none"]) {
        assert_eq!(headers["authorization"], "Bearer for-the-backend");
        assert_eq!(
            (&headers["x-client"], &headers["x-tenant"]),
            (&"agent-7".parse().unwrap(), &tenant.parse().unwrap())
        );
    }
    assert_eq!((world.seen("/token").len(), world.seen("/keys").len()), (1, 1));
    let (status, log) = collector.stop().await;
    assert!(status.success());
    for secret in [&token, "sesame", "for-the-backend", "agent-7"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn a_client_whose_tenant_cannot_be_told_is_not_taken_for_another() {
    let world = World::start().await;
    let keys = format!(
        "endpoint: '{}', auth: {{ authenticator: headers_setter }}, sending_queue: {{ enabled: false }}",
        world.url
    );
    let server = "include_metadata: true";
    let collector = start(&Forwarding::to("otlp_http", keys).serving(server), &world.extensions()).await;
    let body = span("x");
    for (tenant, status) in [
        (&b"x-tenant: one\r\nx-tenant: two\r\n"[..], "400"),
        (b"x-tenant: t\xe9nant\r\n", "400"),
        ("x-tenant: t\u{e9}nant\r\n".as_bytes(), "200"),
    ] {
        let head = format!("host: x\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
        let head = format!("{head}\r\nconnection: close\r\n\r\n{body}");
        let request = [b"POST /v1/traces HTTP/1.1\r\n", tenant, head.as_bytes()].concat();
        let mut stream = TcpStream::connect(collector.http()).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{tenant:?} {answer}");
    }
    let seen = world.seen("/v1/traces");
    assert_eq!((seen.len(), seen[0]["x-tenant"].as_bytes()), (1, "t\u{e9}nant".as_bytes()));
    collector.stop().await;
}

#[tokio::test]
async fn whoever_has_no_token_of_the_provider_stays_out() {
    let world = World::start().await;
    let server = "auth: { authenticator: oidc }";
    let collector = start(&Forwarding::to("nop", "").serving(server), &world.extensions()).await;
    let (head, claims) = (json!({"alg": "EdDSA", "kid": "one"}), world.claims());
    let but = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    assert_eq!(statuses(&collector, Some(&sign(&world.key, &head, &claims))).await, [200, 0]);
    let none = json!({"alg": "none"});
    for authorization in [
        None,
        Some("Bearer garbage".to_owned()),
        Some("Basic YTpi".to_owned()),
        Some(format!("Bearer {}", "x".repeat(9000))),
        Some(sign(&new_key(), &head, &claims)),
        Some(sign(&new_key(), &json!({"alg": "EdDSA", "kid": "two"}), &claims)),
        Some(sign(&world.key, &none, &claims)),
        Some(sign(&world.key, &json!({"alg": "HS256", "kid": "one"}), &claims)),
        Some(sign(&world.key, &head, &but("exp", json!(1)))),
        Some(sign(&world.key, &head, &but("nbf", json!(32_503_680_000_u64)))),
        Some(sign(&world.key, &head, &but("aud", json!("another")))),
        Some(sign(&world.key, &head, &but("iss", json!("https://tenant.example")))),
    ] {
        let authorization = authorization.as_deref();
        assert_eq!(statuses(&collector, authorization).await, [401, 16], "{authorization:?}");
    }
    collector.stop().await;
}

#[tokio::test]
async fn while_the_keys_cannot_be_had_clients_are_told_to_come_again() {
    let world = World::start_without_keys(unused_address().await).await;
    let token = sign(&world.key, &json!({"alg": "EdDSA", "kid": "one"}), &world.claims());
    let (server, extensions) = ("auth: { authenticator: oidc }", world.extensions());
    let collector = start(&Forwarding::to("nop", "").serving(server), &extensions).await;
    assert_eq!(statuses(&collector, Some(&token)).await, [503, 14]);
    let (_, log) = collector.stop().await;
    assert!(log.contains("Failed to fetch the keys of an issuer") && !log.contains(&token), "{log}");

    drop(world.web);
    let mut command = otelcol();
    let forwarding = Forwarding::to("nop", "").serving(server).yaml();
    command.args(["--config", &format!("yaml:{forwarding}"), "--config", &format!("yaml:{extensions}")]);
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        while tokio::net::TcpStream::connect(world.url.trim_start_matches("http://")).await.is_ok() {
            tokio::task::yield_now().await;
        }
        Collector::try_spawn(command).await
    });
    let Err(log) = ended.await.expect("the start does not wait for long") else {
        panic!("it started without an issuer");
    };
    assert!(log.contains("failed to get configuration from at least one configured auth server"), "{log}");
}
