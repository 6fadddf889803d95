mod keys;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method};
use otel_core::component::{Authentication, Component as _, ComponentKind, Extension as _};
use otel_core::config;
use otel_core::net::Peer;
use otel_core::net::auth::{AuthenticationError, AuthenticationFailure, RequestHead, ServerAuthenticator};
use otel_core::testing::{ManualClock, TestAuthority, TestHost, TestIdentity};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::keys::{Key, encode, hs256, unsigned};
use super::*;
use crate::extensions::testing_web::Web;

fn read(yaml: &str) -> Result<OidcConfig, String> {
    config::from_yaml("oidc.yaml", yaml).map_err(|errors| errors.to_string())
}

/// An issuer whose keys and algorithms a test changes.
#[derive(Clone, Default)]
struct Issuer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    url: String,
    keys: Vec<Value>,
    algorithms: Vec<&'static str>,
    /// Answers instead of the keys.
    instead: Option<(u16, String)>,
    /// How often it was asked for the keys.
    asked: usize,
}

impl Issuer {
    async fn serve(keys: &[Value]) -> (Self, Web) {
        Self::serve_with(keys, None).await
    }

    async fn serve_with(keys: &[Value], identity: Option<&TestIdentity>) -> (Self, Web) {
        let issuer = Self::default();
        let answering = issuer.clone();
        let web = Web::serve(identity, move |asked, _| answering.answer(asked.uri.path())).await;
        let mut state = issuer.0.lock().unwrap();
        (state.url, state.keys) = (web.url.clone(), keys.to_vec());
        state.algorithms = vec!["RS256", "PS512", "ES256", "ES384", "EdDSA", "HS256", "none"];
        drop(state);
        (issuer, web)
    }

    fn answer(&self, path: &str) -> (u16, String) {
        let mut state = self.0.lock().unwrap();
        let url = &state.url;
        match path {
            "/.well-known/openid-configuration" => {
                let document = json!({"issuer": url, "jwks_uri": format!("{url}/keys"),
                                      "id_token_signing_alg_values_supported": state.algorithms});
                (200, document.to_string())
            }
            "/keys" => {
                state.asked += 1;
                let keys = || (200, json!({"keys": state.keys}).to_string());
                state.instead.clone().unwrap_or_else(keys)
            }
            _ => (404, String::new()),
        }
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }
}

struct Running {
    oidc: Arc<Oidc>,
    clock: ManualClock,
    host: TestHost,
}

async fn started(yaml: &str) -> Running {
    let clock = ManualClock::default();
    let host = TestHost::new(ComponentKind::Extension, "oidc").with_clock(clock.clone());
    let oidc = Arc::new(Oidc::new(read(yaml).unwrap(), &host.host()));
    oidc.start().await.unwrap();
    Running { oidc, clock, host }
}

impl Running {
    async fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<Arc<dyn Authentication>, AuthenticationError> {
        let peer = Peer::new(None);
        let head = RequestHead::new(&Method::POST, "/v1/traces", headers, peer);
        Ok(self.oidc.authenticate(&head).await?.expect("whoever gets in is known"))
    }

    async fn with(&self, token: &str) -> Result<Arc<dyn Authentication>, AuthenticationError> {
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        self.authenticate(&HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])).await
    }

    /// The kind and the text of the refusal of a token.
    async fn refusal(&self, token: &str) -> (AuthenticationFailure, String) {
        let error = self.with(token).await.expect_err("the token is refused");
        (error.failure(), error.to_string())
    }

    fn seconds(&self) -> u64 {
        let now = otel_core::telemetry::Clock::now(&self.clock);
        now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    /// The claims of a token of an issuer that is good for an hour.
    fn claims(&self, issuer: &str) -> Value {
        let now = self.seconds();
        json!({"iss": issuer, "aud": "otel", "sub": "agent-7", "iat": now, "nbf": now, "exp": now + 3600})
    }
}

/// Claims that differ in one.
fn but(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

/// Lets time pass without a pause for those who wait for sockets.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits until no task is left.
async fn ended(host: &TestHost) {
    let ended = async {
        while host.tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
}

const REFUSED: AuthenticationFailure = AuthenticationFailure::Unauthenticated;
const FORGED: &str =
    "failed to verify token: failed to verify signature: failed to verify id token signature";
const NO_KEYS: &str =
    "failed to verify token: failed to verify signature: fetching keys oidc: get keys failed";

// === who gets in ===

#[tokio::test]
async fn a_token_of_the_issuer_lets_its_client_in_and_tells_who_it_is() {
    let key = Key::rsa();
    let (_issuer, web) = Issuer::serve(&[key.jwk("one")]).await;
    let url = &web.url;
    let running = started(&format!("{{issuer_url: '{url}', audience: otel, groups_claim: groups}}")).await;
    let claims = but(&running.claims(url), "groups", json!(["a", "b", 3]));
    let claims = but(&but(&claims, "tenant", "acme"), "aud", json!(["other", "otel"]));
    let token = key.sign("RS256", "one", &claims);
    let client = running.with(&token).await.unwrap();
    let attribute = |name| client.attribute(name);
    assert_eq!(attribute("subject").unwrap(), "agent-7");
    assert_eq!(attribute("membership").unwrap(), r#"["a","b","3"]"#);
    assert_eq!(attribute("raw").unwrap(), token);
    assert_eq!(attribute("tenant").unwrap(), "acme");
    assert_eq!(attribute("groups").unwrap(), r#"["a","b",3]"#);
    assert_eq!(attribute("absent"), None);
    let printed = format!("{client:?} {:?}", running.oidc);
    assert!(!printed.contains("agent-7") && !printed.contains(&token), "{printed}");
    assert_eq!(running.host.logs(), []);
    running.oidc.shutdown(Instant::now()).await;
    ended(&running.host).await;
}

#[tokio::test]
async fn every_algorithm_that_the_issuer_names_works_and_no_other() {
    let keys = [Key::rsa(), Key::p256(), Key::p384(), Key::ed25519()];
    let jwks: Vec<_> = ["r", "a", "b", "e"].iter().zip(&keys).map(|(id, key)| key.jwk(id)).collect();
    let (issuer, web) = Issuer::serve(&jwks).await;
    issuer.0.lock().unwrap().algorithms.extend(["RS384", "RS512", "PS256", "PS384"]);
    let url = &web.url;
    let yaml = format!("{{issuer_url: '{url}', audience: otel}}");
    let running = started(&yaml).await;
    let [rsa, p256, p384, ed25519] = &keys;
    let claims = running.claims(url);
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        running.with(&rsa.sign(algorithm, "r", &claims)).await.unwrap();
    }
    running.with(&p256.sign("ES256", "a", &claims)).await.unwrap();
    running.with(&p384.sign("ES384", "b", &claims)).await.unwrap();
    running.with(&ed25519.sign("EdDSA", "e", &claims)).await.unwrap();
    // Without a name of a key, each that can be it is tried.
    running.with(&p384.sign_with(&json!({"alg": "ES384"}), "ES384", &claims)).await.unwrap();

    // An issuer that names none means RS256.
    issuer.0.lock().unwrap().algorithms.clear();
    let running = started(&yaml).await;
    running.with(&rsa.sign("RS256", "r", &claims)).await.unwrap();
    let (failure, text) = running.refusal(&p256.sign("ES256", "a", &claims)).await;
    assert_eq!(failure, REFUSED);
    assert_eq!(text, "failed to verify token: oidc: malformed jwt: unexpected signature algorithm \"ES256\"");
}

#[tokio::test]
async fn names_and_groups_come_from_the_claims_that_are_configured() {
    let key = Key::ed25519();
    let (_issuer, web) = Issuer::serve(&[key.jwk("one")]).await;
    let url = &web.url;
    let running = started(&format!(
        "{{attribute: X-Token, providers: [{{issuer_url: '{url}', ignore_audience: true, username_claim: email, \
         groups_claim: role}}]}}"
    ))
    .await;
    let claims = running.claims(url);
    let headers = |claims: &Value| {
        let value = format!("anything {}", key.sign("EdDSA", "one", claims));
        HeaderMap::from_iter([("x-token".parse::<http::HeaderName>().unwrap(), value.parse().unwrap())])
    };
    let whole = but(&but(&claims, "email", "a@b.c"), "role", "writer");
    let client = running.authenticate(&headers(&but(&whole, "aud", "anybody"))).await.unwrap();
    assert_eq!(client.attribute("subject").unwrap(), "a@b.c");
    assert_eq!(client.attribute("membership").unwrap(), r#"["writer"]"#);
    for (claims, told) in [
        (but(&claims, "role", "x"), "username claim from the OIDC configuration not found"),
        (but(&whole, "email", 7), "the username returned by the OIDC provider isn't a regular string"),
        (but(&claims, "email", "a@b.c"), "groups claim from the OIDC configuration not found"),
    ] {
        let error = running.authenticate(&headers(&claims)).await.unwrap_err();
        assert_eq!(error.failure(), REFUSED);
        assert!(error.to_string().contains(told), "{error}");
    }
}

// === who does not ===

#[tokio::test]
async fn hostile_tokens_are_refused_without_a_word_of_them_in_the_log() {
    let (key, stranger) = (Key::rsa(), Key::p256());
    let ours = Key::p256();
    let jwks = [key.jwk("one"), ours.jwk("two")];
    let (_issuer, web) = Issuer::serve(&jwks).await;
    let url = &web.url;
    let running = started(&format!("{{issuer_url: '{url}', audience: otel}}")).await;
    let claims = running.claims(url);
    let now = running.seconds();
    let good = key.sign("RS256", "one", &claims);
    running.with(&good).await.unwrap();

    let mut tampered = good.clone().into_bytes();
    let middle = good.find('.').unwrap() + 20;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let none = unsigned(&json!({"alg": "none"}), &claims);
    let public = jwks[0]["n"].as_str().unwrap();
    let crit = json!({"alg": "ES256", "kid": "two", "crit": ["exp"], "exp": 1});
    let cross = ours.sign_with(&json!({"alg": "RS256", "kid": "one"}), "ES256", &claims);
    for (token, told) in [
        ("garbage".to_owned(), "failed to parse the token: oidc: malformed jws: compact JWS format"),
        ("a.b.c.d".to_owned(), "compact JWS format must have three parts"),
        (format!("{}.{}.c", encode(b"{}"), encode(b"{}")), "no JSON object with an algorithm"),
        (format!("{head}=.{signature}"), "a part is not base64url"),
        ("x".repeat(70_000), "oidc: malformed jws: it is longer than 65536 bytes"),
        (tampered, "failed to "),
        (format!("{head}.{}", encode(&[0; 256])), FORGED),
        (format!("{head}."), FORGED),
        (stranger.sign("ES256", "two", &claims), FORGED),
        (stranger.sign("ES256", "three", &claims), FORGED),
        (cross, FORGED),
        (ours.sign_with(&crit, "ES256", &claims), "unsupported crit header"),
        (format!("{none}."), "unexpected signature algorithm \"none\""),
        (none.replace("none", "NONE"), "compact JWS format"),
        (hs256(public.as_bytes(), "one", &claims), "unexpected signature algorithm \"HS256\""),
        (key.sign("RS256", "one", &but(&claims, "exp", now - 1)), "oidc: token is expired (Token Expiry: "),
        (key.sign("RS256", "one", &but(&claims, "exp", Value::Null)), "oidc: token is expired"),
        (key.sign("RS256", "one", &but(&claims, "exp", "never")), "failed to unmarshal claims: exp"),
        (key.sign("RS256", "one", &but(&claims, "exp", "inf")), "failed to unmarshal claims: exp"),
        (key.sign("RS256", "one", &but(&claims, "nbf", "99999999999")), "before the nbf (not before) time"),
        (key.sign("RS256", "one", &but(&claims, "nbf", json!([]))), "failed to unmarshal claims: nbf"),
        (key.sign("RS256", "one", &but(&claims, "nbf", now + 301)), "before the nbf (not before) time"),
        (key.sign("RS256", "one", &but(&claims, "aud", "us")), r#"expected audience "otel" got ["us"]"#),
        (key.sign("RS256", "one", &but(&claims, "aud", Value::Null)), r#"expected audience "otel" got []"#),
        (
            key.sign("RS256", "one", &but(&claims, "iss", format!("{url}/tenant"))),
            "oidc: id token issued by a different provider",
        ),
    ] {
        let (failure, text) = running.refusal(&token).await;
        assert_eq!(failure, REFUSED, "{token}: {text}");
        assert!(text.contains(told), "{token}: {text}");
        assert!(text.len() < 600 && !text.contains(signature), "{text}");
    }
    // Clocks of issuers may be ahead of ours, by a little.
    running.with(&key.sign("RS256", "one", &but(&claims, "nbf", now + 299))).await.unwrap();
    running.with(&key.sign("RS256", "one", &but(&claims, "exp", now))).await.unwrap();
    running.with(&key.sign("RS256", "one", &but(&claims, "exp", now.to_string()))).await.unwrap();
    assert_eq!(running.host.logs(), []);
}

#[tokio::test]
async fn requests_without_a_token_are_told_what_to_bring() {
    let (_issuer, web) = Issuer::serve(&[]).await;
    let running = started(&format!("{{issuer_url: '{}', audience: otel}}", web.url)).await;
    let none = running.authenticate(&HeaderMap::new()).await.unwrap_err();
    assert_eq!(none.to_string(), "authentication didn't succeed");
    assert_eq!((none.failure(), none.challenge().unwrap().as_bytes()), (REFUSED, &b"Bearer"[..]));
    for value in ["Bearer", "Bearer  x", "Bearer a b"] {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
        let error = running.authenticate(&headers).await.unwrap_err();
        assert_eq!(
            (error.failure(), error.to_string().as_str()),
            (REFUSED, "invalid authorization header format")
        );
    }
    let mut twice = HeaderMap::new();
    for value in ["Bearer a", "Bearer b"] {
        twice.append(http::header::AUTHORIZATION, HeaderValue::from_static(value));
    }
    let error = running.authenticate(&twice).await.unwrap_err();
    assert_eq!(error.to_string(), "the header authorization occurs more than once");
}

#[tokio::test]
async fn a_token_is_verified_by_the_provider_that_it_names_and_by_no_other() {
    let (one, two) = (Key::ed25519(), Key::ed25519());
    let (_issuer, here) = Issuer::serve(&[one.jwk("k")]).await;
    let (_other, there) = Issuer::serve(&[two.jwk("k")]).await;
    let running = started(&format!(
        "{{providers: [{{issuer_url: '{}', audience: otel}}, {{issuer_url: '{}', audience: otel, username_claim: jti}}]}}",
        here.url, there.url
    ))
    .await;
    let claims = but(&running.claims(&there.url), "jti", "from there");
    let client = running.with(&two.sign("EdDSA", "k", &claims)).await.unwrap();
    assert_eq!(client.attribute("subject").unwrap(), "from there");
    running.with(&one.sign("EdDSA", "k", &running.claims(&here.url))).await.unwrap();
    assert_eq!(running.refusal(&one.sign("EdDSA", "k", &claims)).await, (REFUSED, FORGED.to_owned()));
    let unknown = one.sign("EdDSA", "k", &but(&claims, "iss", "https://evil.example"));
    let told = "failed to resolve OIDC provider for the issuer \"https://evil.example\": no OIDC provider configured \
                for the issuer \"https://evil.example\"";
    assert_eq!(running.refusal(&unknown).await, (REFUSED, told.to_owned()));
}

#[tokio::test]
async fn a_single_provider_may_sign_for_other_issuers_if_that_is_wanted() {
    let key = Key::ed25519();
    let (_issuer, web) = Issuer::serve(&[key.jwk("k")]).await;
    let provider = format!("issuer_url: '{}', audience: otel, ignore_issuer: true", web.url);
    let running = started(&format!("{{providers: [{{{provider}}}]}}")).await;
    running.with(&key.sign("EdDSA", "k", &running.claims("https://tenant.example"))).await.unwrap();
}

// === keys ===

#[tokio::test]
async fn a_new_key_is_fetched_once_and_random_names_do_not_make_us_hammer_the_issuer() {
    let (old, new) = (Key::ed25519(), Key::ed25519());
    let (issuer, web) = Issuer::serve(&[old.jwk("old")]).await;
    let running = started(&format!("{{issuer_url: '{}', audience: otel}}", web.url)).await;
    let claims = running.claims(&web.url);
    running.with(&old.sign("EdDSA", "old", &claims)).await.unwrap();
    assert_eq!(issuer.asked(), 1);

    issuer.0.lock().unwrap().keys = vec![old.jwk("old"), new.jwk("new")];
    pass(provider::PAUSE).await;
    let token = new.sign("EdDSA", "new", &claims);
    let (first, second) = tokio::join!(running.with(&token), running.with(&token));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(issuer.asked(), 2);

    for attempt in 0..50 {
        let name = format!("random {attempt}");
        assert_eq!(running.refusal(&old.sign("EdDSA", &name, &claims)).await, (REFUSED, FORGED.to_owned()));
    }
    assert_eq!(issuer.asked(), 2);
    pass(provider::PAUSE).await;
    for attempt in 0..50 {
        let name = format!("random {attempt}");
        assert_eq!(running.refusal(&old.sign("EdDSA", &name, &claims)).await, (REFUSED, FORGED.to_owned()));
    }
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn a_key_that_the_issuer_withdraws_is_forgotten_in_time() {
    let key = Key::ed25519();
    let (issuer, web) = Issuer::serve(&[key.jwk("k")]).await;
    let running = started(&format!("{{issuer_url: '{}', audience: otel}}", web.url)).await;
    let token = key.sign("EdDSA", "k", &running.claims(&web.url));
    running.with(&token).await.unwrap();
    issuer.0.lock().unwrap().keys.clear();
    pass(Duration::from_secs(3600)).await;
    let forgotten = async {
        while running.with(&token).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.unwrap();
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn without_the_issuer_known_keys_work_on_and_the_unknown_cannot_be_told() {
    let key = Key::ed25519();
    let (issuer, web) = Issuer::serve(&[key.jwk("k")]).await;
    let yaml = format!("{{issuer_url: '{}', audience: otel}}", web.url);
    let knowing = started(&yaml).await;
    let claims = knowing.claims(&web.url);
    let token = key.sign("EdDSA", "k", &claims);
    knowing.with(&token).await.unwrap();
    issuer.0.lock().unwrap().instead = Some((500, "secret of the issuer".to_owned()));
    let unknowing = started(&yaml).await;
    let unavailable = AuthenticationFailure::Unavailable;
    assert_eq!(unknowing.refusal(&token).await, (unavailable, NO_KEYS.to_owned()));
    web.stop().await;

    pass(provider::PAUSE).await;
    knowing.with(&token).await.unwrap();
    assert_eq!(knowing.refusal(&key.sign("EdDSA", "new", &claims)).await, (unavailable, NO_KEYS.to_owned()));
    // Whoever names a key that is known has to have it.
    let forged = Key::ed25519().sign("EdDSA", "k", &claims);
    assert_eq!(knowing.refusal(&forged).await, (REFUSED, FORGED.to_owned()));
    assert_eq!(unknowing.refusal(&token).await, (unavailable, NO_KEYS.to_owned()));
    for running in [&knowing, &unknowing] {
        let logs = running.host.logs();
        assert!(logs.iter().any(|log| log.message == "Failed to fetch the keys of an issuer"), "{logs:?}");
        let logs = format!("{logs:?}");
        assert!(!logs.contains(&token) && !logs.contains("secret of the issuer"), "{logs}");
    }
}

#[tokio::test]
async fn answers_that_are_no_keys_or_too_long_are_as_none() {
    let key = Key::ed25519();
    for instead in ["no json".to_owned(), format!("{{\"keys\": [], \"x\": \"{}\"}}", "x".repeat(2 << 20))] {
        let (issuer, web) = Issuer::serve(&[key.jwk("k")]).await;
        issuer.0.lock().unwrap().instead = Some((200, instead));
        let running = started(&format!("{{issuer_url: '{}', audience: otel}}", web.url)).await;
        let token = key.sign("EdDSA", "k", &running.claims(&web.url));
        let (failure, _) = running.refusal(&token).await;
        assert_eq!(failure, AuthenticationFailure::Unavailable);
        // It recovers by itself.
        issuer.0.lock().unwrap().instead = None;
        pass(provider::PAUSE).await;
        running.with(&token).await.unwrap();
    }
}

#[tokio::test]
async fn keys_for_something_else_are_not_used() {
    let key = Key::rsa();
    let with = |name: &str, value: &str| {
        let mut jwk = key.jwk("k");
        jwk[name] = value.into();
        jwk
    };
    for jwk in [
        with("use", "enc"),
        with("alg", "RSA-OAEP"),
        with("alg", "PS512"),
        with("alg", "HS256"),
        json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"}),
        json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": "AA", "y": "AA"}),
        json!({"kty": "future", "kid": "k"}),
        json!("no key"),
    ] {
        let (_issuer, web) = Issuer::serve(&[jwk]).await;
        let running = started(&format!("{{issuer_url: '{}', audience: otel}}", web.url)).await;
        let token = key.sign("RS256", "k", &running.claims(&web.url));
        assert_eq!(running.refusal(&token).await, (REFUSED, FORGED.to_owned()));
    }
}

#[tokio::test]
async fn keys_from_a_file_need_no_issuer_and_follow_the_file() {
    let (old, new) = (Key::rsa(), Key::p256());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    std::fs::write(&path, json!({"keys": [old.jwk("a")]}).to_string()).unwrap();
    let yaml = format!(
        "{{providers: [{{issuer_url: 'https://issuer.example', audience: otel, public_keys_file: '{}'}}]}}",
        path.display()
    );
    let running = started(&yaml).await;
    let claims = running.claims("https://issuer.example");
    let (by_old, by_new) = (old.sign("PS256", "another name", &claims), new.sign("ES256", "b", &claims));
    running.with(&by_old).await.unwrap();
    let told = "failed to verify token: failed to verify signature: no public keys able to verify jwt";
    assert_eq!(running.refusal(&by_new).await, (REFUSED, told.to_owned()));

    std::fs::write(&path, json!({"keys": [new.jwk("b")]}).to_string()).unwrap();
    pass(Duration::from_secs(1)).await;
    running.with(&by_new).await.unwrap();
    assert_eq!(running.refusal(&by_old).await.0, REFUSED);

    std::fs::write(&path, "{\"keys\": []}").unwrap();
    let host = TestHost::new(ComponentKind::Extension, "oidc");
    let error = Oidc::new(read(&yaml).unwrap(), &host.host()).start().await.unwrap_err();
    let told = otel_core::net::error_chain(&error);
    assert!(told.contains("failed to load JWKS file") && told.contains("no supported keys"), "{told}");
}

// === start ===

#[tokio::test]
async fn the_start_needs_issuers_that_are_who_they_should_be() {
    let authority = TestAuthority::new();
    let key = Key::ed25519();
    let (issuer, web) = Issuer::serve_with(&[key.jwk("k")], Some(&authority.issue("localhost"))).await;
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.certificate()).unwrap();
    let url = web.url.clone();
    let yaml = |ca: &str| format!("{{issuer_url: '{url}', audience: otel, issuer_ca_path: '{ca}'}}");
    let ca = ca.display().to_string();
    let running = started(&yaml(&ca)).await;
    running.with(&key.sign("EdDSA", "k", &running.claims(&web.url))).await.unwrap();

    let other = directory.path().join("other.pem");
    std::fs::write(&other, TestAuthority::new().certificate()).unwrap();
    let failure = async |yaml: &str| {
        let host = TestHost::new(ComponentKind::Extension, "oidc");
        let oidc = Oidc::new(read(yaml).unwrap(), &host.host());
        let error = oidc.start().await.unwrap_err();
        oidc.shutdown(Instant::now()).await;
        ended(&host).await;
        otel_core::net::error_chain(&error)
    };
    let begins = format!(
        "failed to get configuration from at least one configured auth server: failed to create OIDC provider for \"{}\": ",
        web.url
    );
    for (ca, told) in [
        (other.display().to_string(), "invalid peer certificate"),
        (directory.path().join("none").display().to_string(), "failed to load TLS config"),
    ] {
        let error = failure(&yaml(&ca)).await;
        assert!(error.starts_with(&begins) && error.contains(told), "{error}");
    }
    issuer.0.lock().unwrap().url = "https://another.example".to_owned();
    let error = failure(&yaml(&ca)).await;
    assert!(error.contains("did not match the issuer URL returned by provider"), "{error}");
    web.stop().await;
    let error = failure(&yaml(&ca)).await;
    assert!(error.contains("it cannot be reached"), "{error}");
}

// === configuration ===

#[test]
fn rules_between_keys_are_told() {
    let provider = "issuer_url: a, audience: b";
    for (yaml, error) in [
        ("issuer_url: a", "no Audience provided for the OIDC configuration"),
        ("ignore_audience: true", "no IssuerURL provided for the OIDC configuration"),
        ("providers: [{audience: a}]", "providers::0::issuer_url: no IssuerURL provided"),
        (
            &format!("{{{provider}, providers: [{{{provider}}}]}}"),
            "providers::0::issuer_url: duplicate issuer URL found: a",
        ),
        (
            &format!("{{{provider}, providers: [{{issuer_url: c, audience: d, ignore_issuer: true}}]}}"),
            "ignore_issuer cannot be true when multiple providers are configured",
        ),
        ("{issuer_url: a, audience: b, attribute: 'a b'}", "\"a b\" is not the name of a header"),
        ("{issuer_url: a, audience: b, public_keys_file: c}", "unknown key `public_keys_file`"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
    let config = read(&format!("{{{provider}, attribute: ''}}")).unwrap();
    assert_eq!(config.all_providers().cloned().collect::<Vec<_>>(), [OidcProviderConfig::new("a", "b")]);
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("../README.md");
    let yaml = readme.split("```yaml\nextensions:\n  oidc:\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(read(yaml).unwrap().all_providers().count(), 2);
}

#[tokio::test]
async fn it_is_found_as_what_authenticates_the_clients_of_servers() {
    let (_issuer, web) = Issuer::serve(&[]).await;
    let running = started(&format!("{{issuer_url: '{}', audience: otel}}", web.url)).await;
    let mut capabilities = otel_core::component::Capabilities::default();
    let id: otel_core::ComponentId = "oidc".parse().unwrap();
    capabilities.set_provider(id.clone());
    running.oidc.provide(&mut capabilities);
    assert!(capabilities.get::<dyn ServerAuthenticator>(&id).is_some());
}
