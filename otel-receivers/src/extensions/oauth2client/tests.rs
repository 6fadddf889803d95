use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use otel_core::component::{
    Capabilities, Component as _, ComponentKind, ConsumeError, Context, Extension as _,
};
use otel_core::config;
use otel_core::net::auth::ClientAuthenticator;
use otel_core::net::tls::TlsClientConfig;
use otel_core::testing::{TestAuthority, TestHost};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaParameters};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::extensions::testing_web::{RSA_KEY, Web};

fn read(yaml: &str) -> Result<OAuth2ClientConfig, String> {
    config::from_yaml("oauth2.yaml", yaml).map_err(|errors| errors.to_string())
}

/// A request for a token: its authorization and its form.
type Request = (Option<String>, Vec<(String, String)>);

/// A server that gives out `token 1`, `token 2` and so on.
#[derive(Clone)]
struct Server(Arc<Mutex<State>>);

struct State {
    asked: Vec<Request>,
    /// What it answers beside the token.
    fields: Value,
    /// What it answers instead.
    instead: Option<(u16, String)>,
    /// Takes secrets in the form only.
    in_form: bool,
}

impl Server {
    async fn serve(fields: Value) -> (Self, Web) {
        let state = State { asked: Vec::new(), fields, instead: None, in_form: false };
        let server = Self(Arc::new(Mutex::new(state)));
        let answering = server.clone();
        let web = Web::serve(None, move |head, body| answering.answer(&head.headers, body)).await;
        (server, web)
    }

    fn answer(&self, headers: &HeaderMap, body: &str) -> (u16, String) {
        let mut state = self.0.lock().unwrap();
        assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        let authorization =
            headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
        let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let in_header = authorization.is_some();
        state.asked.push((authorization, form));
        if let Some(instead) = state.instead.clone() {
            return instead;
        }
        if state.in_form && in_header {
            return (401, json!({"error": "invalid_client"}).to_string());
        }
        let mut answer = state.fields.clone();
        answer["access_token"] = format!("token-{}", state.asked.len()).into();
        (200, answer.to_string())
    }

    fn instead(&self, status: u16, answer: &impl ToString) {
        self.0.lock().unwrap().instead = Some((status, answer.to_string()));
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    fn last(&self) -> Request {
        self.0.lock().unwrap().asked.last().unwrap().clone()
    }
}

struct Running {
    client: Arc<OAuth2Client>,
    host: TestHost,
}

async fn started(yaml: &str) -> Running {
    let host = TestHost::new(ComponentKind::Extension, "oauth2client");
    let client = Arc::new(OAuth2Client::new(read(yaml).unwrap(), &host.host()));
    client.start().await.unwrap();
    Running { client, host }
}

fn yaml(web: &Web, more: &str) -> String {
    format!("{{client_id: 'the client', client_secret: 'ses&me:', token_url: '{}/token'{more}}}", web.url)
}

impl Running {
    async fn headers(&self) -> Result<HeaderMap, ConsumeError> {
        let mut headers = HeaderMap::new();
        self.client.authorize(&mut headers, &Context::new()).await?;
        assert!(headers[header::AUTHORIZATION].is_sensitive());
        Ok(headers)
    }

    async fn authorization(&self) -> String {
        self.headers().await.unwrap()[header::AUTHORIZATION].to_str().unwrap().to_owned()
    }
}

/// Lets time pass without a pause for those who wait for sockets.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn field<'r>(request: &'r Request, name: &str) -> Vec<&'r str> {
    request.1.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
}

// === tokens ===

#[tokio::test]
async fn one_token_serves_all_requests_until_it_gets_old() {
    let (server, web) = Server::serve(json!({"token_type": "bearer", "expires_in": 3600})).await;
    let running =
        started(&yaml(&web, ", scopes: [a, b], endpoint_params: {audience: x, resource: [y, z]}")).await;
    assert_eq!(server.asked(), 0);
    let (first, second) = tokio::join!(running.authorization(), running.authorization());
    assert_eq!((first.as_str(), second.as_str(), server.asked()), ("Bearer token-1", "Bearer token-1", 1));
    let request = server.last();
    let basic = STANDARD.encode("the+client:ses%26me%3A");
    assert_eq!(request.0.as_deref(), Some(format!("Basic {basic}").as_str()));
    assert_eq!(field(&request, "grant_type"), ["client_credentials"]);
    assert_eq!(field(&request, "scope"), ["a b"]);
    assert_eq!((field(&request, "audience"), field(&request, "resource")), (vec!["x"], vec!["y", "z"]));

    pass(Duration::from_secs(3600 - 301)).await;
    assert_eq!(running.authorization().await, "Bearer token-1");
    assert_eq!(server.asked(), 1);
    pass(Duration::from_secs(2)).await;
    // Five minutes before its end it still does, and nobody waits for the next.
    assert_eq!(running.authorization().await, "Bearer token-1");
    let replaced = async {
        while running.authorization().await == "Bearer token-1" {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), replaced).await.unwrap();
    assert_eq!((running.authorization().await.as_str(), server.asked()), ("Bearer token-2", 2));

    pass(Duration::from_secs(3600)).await;
    assert_eq!(running.authorization().await, "Bearer token-3");
    assert_eq!(running.host.logs(), []);
}

#[tokio::test]
async fn a_token_that_lives_shorter_than_the_buffer_is_not_replaced_with_every_request() {
    let (server, web) = Server::serve(json!({"expires_in": "60"})).await;
    let running = started(&yaml(&web, "")).await;
    for _ in 0..5 {
        assert_eq!(running.authorization().await, "Bearer token-1");
        pass(Duration::from_secs(5)).await;
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_token_without_an_end_and_of_another_type() {
    let (server, web) = Server::serve(json!({"token_type": "MAC"})).await;
    let running = started(&yaml(&web, "")).await;
    assert_eq!(running.authorization().await, "MAC token-1");
    pass(Duration::from_secs(1_000_000)).await;
    assert_eq!(running.authorization().await, "MAC token-1");
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_token_that_had_ended_before_it_began_is_used_all_the_same() {
    let (_, web) = Server::serve(json!({"expires_in": -5})).await;
    let running = started(&yaml(&web, "")).await;
    assert_eq!(running.authorization().await, "Bearer token-1");
}

#[tokio::test]
async fn a_refused_token_is_replaced_but_not_one_that_was_just_given_out() {
    let (server, web) = Server::serve(json!({"expires_in": 3600})).await;
    let running = started(&yaml(&web, "")).await;
    let first = running.headers().await.unwrap();
    assert!(!running.client.rejected(&first).await);
    assert_eq!(running.authorization().await, "Bearer token-1");
    pass(Duration::from_secs(11)).await;
    assert!(running.client.rejected(&first).await);
    assert_eq!(running.authorization().await, "Bearer token-2");
    // Another request that was refused with the first token does not cost the second.
    assert!(running.client.rejected(&first).await);
    assert_eq!((running.authorization().await.as_str(), server.asked()), ("Bearer token-2", 2));
}

#[tokio::test]
async fn a_server_that_takes_secrets_in_the_form_only_is_found_out_once() {
    let (server, web) = Server::serve(json!({"expires_in": 60})).await;
    server.0.lock().unwrap().in_form = true;
    let running = started(&yaml(&web, "")).await;
    assert_eq!(running.authorization().await, "Bearer token-2");
    let request = server.last();
    assert_eq!((request.0.as_deref(), field(&request, "client_id")), (None, vec!["the client"]));
    assert_eq!(field(&request, "client_secret"), ["ses&me:"]);
    pass(Duration::from_secs(60)).await;
    assert_eq!((running.authorization().await.as_str(), server.asked()), ("Bearer token-3", 3));
}

#[tokio::test]
async fn credentials_in_files_are_read_for_each_token() {
    let (server, web) = Server::serve(json!({"expires_in": 60})).await;
    let directory = tempfile::tempdir().unwrap();
    let (id, secret) = (directory.path().join("id"), directory.path().join("secret"));
    std::fs::write(&id, " me\n").unwrap();
    std::fs::write(&secret, "one\n").unwrap();
    let files = format!(", client_id_file: '{}', client_secret_file: '{}'", id.display(), secret.display());
    let running = started(&yaml(&web, &files)).await;
    running.authorization().await;
    assert_eq!(server.last().0.unwrap(), format!("Basic {}", STANDARD.encode("me:one")));
    std::fs::write(&secret, "two").unwrap();
    pass(Duration::from_secs(60)).await;
    running.authorization().await;
    assert_eq!(server.last().0.unwrap(), format!("Basic {}", STANDARD.encode("me:two")));

    std::fs::write(&secret, "\n").unwrap();
    pass(Duration::from_secs(60)).await;
    let error = running.headers().await.unwrap_err().to_string();
    assert!(
        error.contains("no ClientSecret provided") && error.contains("empty credentials file"),
        "{error}"
    );
    std::fs::remove_file(&secret).unwrap();
    pass(Duration::from_secs(60)).await;
    let error = running.headers().await.unwrap_err().to_string();
    assert!(error.contains("failed to read credentials file"), "{error}");
}

// === failures ===

#[tokio::test]
async fn without_a_token_requests_fail_for_now_and_nothing_secret_is_said() {
    let (server, web) = Server::serve(json!({"expires_in": 60})).await;
    let running = started(&yaml(&web, "")).await;
    let begins =
        format!("failed to get security token from token endpoint (endpoint \"{}/token\"): ", web.url);
    for (status, answer, told) in [
        (
            400,
            json!({"error": "invalid_client", "error_description": "who?"}).to_string(),
            "oauth2: \"invalid_client\" \"who?\"",
        ),
        (
            400,
            json!({"error": "bad", "error_description": "not ses&me:"}).to_string(),
            "oauth2: \"bad\" \"[REDACTED]\"",
        ),
        (200, json!({"error": "unorthodox"}).to_string(), "oauth2: \"unorthodox\""),
        (503, "ses&me:".to_owned(), "oauth2: cannot fetch token: 503 Service Unavailable"),
        (200, "ses&me:".to_owned(), "oauth2: cannot parse the answer"),
        (200, json!({"expires_in": 5}).to_string(), "oauth2: server response missing access_token"),
        (200, json!({"access_token": "a\nb"}).to_string(), "oauth2: the token cannot be sent in a header"),
    ] {
        server.instead(status, &answer);
        let error = running.headers().await.unwrap_err();
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), format!("{begins}{told}"));
        pass(Duration::from_secs(2)).await;
    }
    let logs = format!("{:?}{:?}", running.host.logs(), running.client);
    assert!(logs.contains("failed to get security token from token endpoint"), "{logs}");
    assert!(!logs.contains("ses&me"), "{logs}");

    server.0.lock().unwrap().instead = None;
    assert!(running.authorization().await.starts_with("Bearer token-"));
    running.client.shutdown(Instant::now()).await;
    pass(Duration::from_secs(60)).await;
    let error = running.headers().await.unwrap_err().to_string();
    assert!(error.ends_with("the extension has stopped"), "{error}");
}

#[tokio::test]
async fn a_wrong_secret_is_not_tried_with_every_request() {
    let (server, web) = Server::serve(json!({})).await;
    server.instead(401, &json!({"error": "invalid_client"}));
    let running = started(&yaml(&web, "")).await;
    for _ in 0..20 {
        running.headers().await.unwrap_err();
    }
    // In the header and in the form.
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_token_that_still_does_is_used_while_the_server_is_away() {
    let (server, web) = Server::serve(json!({"expires_in": 600})).await;
    let running = started(&yaml(&web, "")).await;
    running.authorization().await;
    server.instead(503, &"");
    pass(Duration::from_secs(400)).await;
    assert_eq!(running.authorization().await, "Bearer token-1");
    let asked = async {
        while server.asked() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asked).await.unwrap();
    assert_eq!(running.authorization().await, "Bearer token-1");
    web.stop().await;
    pass(Duration::from_secs(200)).await;
    let error = running.headers().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("oauth2: cannot fetch token: "), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = format!("{{client_id: a, client_secret: b, token_url: 'http://{address}', timeout: 50ms}}");
    let running = started(&config).await;
    let error = running.headers().await.unwrap_err().to_string();
    assert!(error.contains("oauth2: cannot fetch token: no answer within 50ms"), "{error}");
}

#[tokio::test]
async fn the_server_is_trusted_as_configured() {
    let authority = TestAuthority::new();
    let answer = |_: &http::request::Parts, _: &str| (200, json!({"access_token": "x"}).to_string());
    let web = Web::serve(Some(&authority.issue("localhost")), answer).await;
    let untrusting = started(&yaml(&web, "")).await;
    let error = untrusting.headers().await.unwrap_err().to_string();
    assert!(error.contains("invalid peer certificate"), "{error}");

    let mut config = read(&yaml(&web, "")).unwrap();
    config.tls = TlsClientConfig::default();
    config.tls.common.ca_pem = authority.certificate().into();
    let host = TestHost::new(ComponentKind::Extension, "oauth2client");
    let client = OAuth2Client::new(config, &host.host());
    client.start().await.unwrap();
    let mut headers = HeaderMap::new();
    client.authorize(&mut headers, &Context::new()).await.unwrap();
    assert_eq!(headers[header::AUTHORIZATION], "Bearer x");
}

// === assertions ===

/// The header and the claims of an assertion that the key of the tests has signed.
fn opened(token: &str, algorithm: &'static RsaParameters) -> (Value, Value) {
    use rustls_pki_types::pem::PemObject as _;
    let der = rustls_pki_types::PrivatePkcs1KeyDer::from_pem_slice(RSA_KEY.as_bytes()).unwrap();
    let key = ring::rsa::KeyPair::from_der(der.secret_pkcs1_der()).unwrap();
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
    let (message, signature) = token.rsplit_once('.').unwrap();
    public.verify(algorithm, message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (json(header), json(claims))
}

#[tokio::test]
async fn a_client_without_a_secret_signs_an_assertion() {
    const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let (server, web) = Server::serve(json!({"expires_in": 60})).await;
    let url = format!("{}/token", web.url);
    let config = |more: &str| {
        let key = RSA_KEY.replace('\n', "\\n");
        let common = format!("client_id: agent, grant_type: '{GRANT}', client_certificate_key: \"{key}\"");
        format!("{{{common}, token_url: '{url}'{more}}}")
    };
    let running = started(&config("")).await;
    assert_eq!(running.authorization().await, "Bearer token-1");
    let request = server.last();
    assert_eq!((request.0.as_deref(), field(&request, "grant_type")), (None, vec![GRANT]));
    let (head, claims) = opened(field(&request, "assertion")[0], &RSA_PKCS1_2048_8192_SHA256);
    assert_eq!(head, json!({"alg": "RS256", "typ": "JWT"}));
    let now = 1_767_225_600;
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&json!("agent"), &json!("agent"), &json!(url))
    );
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 1800)));
    pass(Duration::from_secs(60)).await;
    running.authorization().await;
    let (_, again) = opened(field(&server.last(), "assertion")[0], &RSA_PKCS1_2048_8192_SHA256);
    assert_ne!(claims["jti"], again["jti"]);

    let more = ", signature_algorithm: RS512, iss: us, audience: them, client_certificate_key_id: k1, scopes: [a, b], \
                claims: {tenant: acme, level: 3, sub: other}";
    let running = started(&config(more)).await;
    running.authorization().await;
    let request = server.last();
    let (head, claims) = opened(field(&request, "assertion")[0], &RSA_PKCS1_2048_8192_SHA512);
    assert_eq!(head, json!({"alg": "RS512", "typ": "JWT", "kid": "k1"}));
    assert_eq!(field(&request, "scope"), ["a b"]);
    for (name, value) in [
        ("iss", json!("us")),
        ("aud", json!("them")),
        ("sub", json!("other")),
        ("scope", json!("a b")),
        ("tenant", json!("acme")),
        ("level", json!(3)),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_told_without_showing_it() {
    let (_server, web) = Server::serve(json!({})).await;
    let ec = TestAuthority::new().issue("x").key;
    for (key, told) in
        [("no key", "the key is not PEM"), (&ec, "the key is not an RSA key of 2048 bits or more")]
    {
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let key = key.replace('\n', "\\n");
        let config = format!(
            "{{client_id: a, grant_type: '{grant}', client_certificate_key: \"{key}\", token_url: '{}'}}",
            web.url
        );
        let error = started(&config).await.headers().await.unwrap_err().to_string();
        assert!(error.ends_with(&format!("cannot sign the assertion: {told}")), "{error}");
    }
}

// === configuration ===

#[test]
fn rules_between_keys_are_told() {
    let good = "client_id: a, client_secret: b, token_url: 'http://c/d'";
    assert!(read(&format!("{{{good}, grant_type: '', signature_algorithm: ''}}")).is_ok());
    for (yaml, error) in [
        (
            "{client_secret: b, token_url: 'http://c'}",
            "no ClientID provided in the OAuth2 exporter configuration",
        ),
        (
            "{client_id: a, token_url: 'http://c'}",
            "no ClientSecret provided in OAuth Client Credentials configuration",
        ),
        (
            "{client_id: a, client_secret: b}",
            "no TokenURL provided in OAuth Client Credentials configuration",
        ),
        ("{client_id: a, client_secret: b, token_url: c}", "a URL is written as"),
        (
            "{client_id: a, token_url: 'http://c', grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'}",
            "no ClientCertificateKey provided in the OAuth2 exporter configuration",
        ),
        (&format!("{{{good}, grant_type: password}}"), "\"password\" is not one of the allowed values"),
        (&format!("{{{good}, signature_algorithm: ES256}}"), "\"ES256\" is not one of the allowed values"),
        (
            &format!("{{{good}, scopes: [x], endpoint_params: {{scope: y}}}}"),
            "oauth2: cannot overwrite parameter \"scope\"",
        ),
        (&format!("{{{good}, tls: {{cert_file: x}}}}"), "TLS configuration must include both"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("README.md");
    let yaml = readme.split("```yaml\nextensions:\n").nth(1).unwrap().split("```").next().unwrap();
    let (first, second) = yaml.split_once("  oauth2client/signed:\n").unwrap();
    let first = read(first.strip_prefix("  oauth2client:\n").unwrap()).unwrap();
    assert_eq!((first.scopes.len(), first.grant_type), (2, GrantType::ClientCredentials));
    let second = read(second).unwrap();
    assert_eq!(
        (second.signature_algorithm, second.grant_type),
        (SignatureAlgorithm::Rs512, GrantType::JwtBearer)
    );
}

#[tokio::test]
async fn it_is_found_as_what_authenticates_clients_and_wants_tls() {
    let (_server, web) = Server::serve(json!({})).await;
    let running = started(&yaml(&web, "")).await;
    let mut capabilities = Capabilities::default();
    let id: otel_core::ComponentId = "oauth2client".parse().unwrap();
    capabilities.set_provider(id.clone());
    running.client.provide(&mut capabilities);
    assert!(capabilities.get::<dyn ClientAuthenticator>(&id).unwrap().needs_secure_transport());
}
