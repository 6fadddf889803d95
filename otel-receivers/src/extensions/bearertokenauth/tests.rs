use std::fs;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use otel_core::component::{
    Capabilities, Component as _, ComponentConfig as _, ComponentKind, Context, Extension as _,
};
use otel_core::config;
use otel_core::net::Peer;
use otel_core::net::auth::{
    AuthenticationError, AuthenticationFailure, ClientAuthenticator, RequestHead, ServerAuthenticator,
};
use otel_core::testing::TestHost;

use super::*;

fn read(yaml: &str) -> Result<BearerTokenAuthConfig, String> {
    config::from_yaml("bearer.yaml", yaml).map_err(|errors| errors.to_string())
}

async fn started(test: &TestHost, yaml: &str) -> Arc<BearerTokenAuth> {
    let extension = BearerTokenAuth::new(read(yaml).unwrap(), &test.host()).unwrap();
    extension.start().await.unwrap();
    Arc::new(extension)
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let mut headers = HeaderMap::new();
    pairs.iter().map(pair).for_each(|(name, value)| _ = headers.append(name, value));
    headers
}

async fn ask(extension: &BearerTokenAuth, pairs: &[(&str, &str)]) -> Result<(), AuthenticationError> {
    let headers = headers(pairs);
    let head = RequestHead::new(&Method::POST, "/", &headers, Peer::default());
    extension.authenticate(&head).await.map(|known| assert!(known.is_none()))
}

#[tokio::test]
async fn the_tokens_let_in_and_nothing_else_does() {
    let test = TestHost::new(ComponentKind::Extension, "bearertokenauth");
    let extension = started(&test, "tokens: [first, second]").await;
    for token in ["Bearer first", "Bearer second"] {
        assert!(ask(&extension, &[("authorization", token)]).await.is_ok());
    }
    let missing = "missing or empty authorization header: Authorization";
    let wrong = "provided authorization does not match expected scheme or token";
    let long = "x".repeat(60_000);
    for (pairs, expected) in [
        (&[][..], missing),
        (&[("authorization", "")], missing),
        (&[("x-authorization", "Bearer first")], missing),
        (&[("authorization", "first")], wrong),
        (&[("authorization", "bearer first")], wrong),
        (&[("authorization", "Bearer firs")], wrong),
        (&[("authorization", "Bearer first ")], wrong),
        (&[("authorization", "Bearer firstsecond")], wrong),
        (&[("authorization", "Bearer")], wrong),
        (&[("authorization", &long)], wrong),
        (
            &[("authorization", "Bearer first"), ("authorization", "Bearer first")],
            "the header authorization occurs more than once",
        ),
    ] {
        let error = ask(&extension, pairs).await.unwrap_err();
        assert_eq!(
            (error.failure(), &*error.to_string()),
            (AuthenticationFailure::Unauthenticated, expected)
        );
    }
    let error = ask(&extension, &[]).await.unwrap_err();
    assert_eq!(error.challenge().unwrap(), "Bearer");
}

#[tokio::test]
async fn the_header_and_the_scheme_can_be_others() {
    let test = TestHost::new(ComponentKind::Extension, "bearertokenauth");
    let extension = started(&test, "{header: X-Api-Key, scheme: '', token: first}").await;
    assert!(ask(&extension, &[("x-api-key", "first")]).await.is_ok());
    let error = ask(&extension, &[("authorization", "Bearer first")]).await.unwrap_err();
    assert_eq!(error.to_string(), "missing or empty authorization header: X-Api-Key");
    assert_eq!(error.challenge(), None);
    let mut sent = HeaderMap::new();
    extension.authorize(&mut sent, &Context::new()).await.unwrap();
    assert_eq!(sent, headers(&[("x-api-key", "first")]));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_followed_and_what_stands_behind_its_tokens_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens");
    fs::write(&path, "  first carol's\n\n\tsecond\n").unwrap();
    let yaml = format!("filename: {}", path.display());
    let test = TestHost::new(ComponentKind::Extension, "bearertokenauth");
    let extension = started(&test, &yaml).await;
    assert!(ask(&extension, &[("authorization", "Bearer first")]).await.is_ok());
    assert!(ask(&extension, &[("authorization", "Bearer second")]).await.is_ok());
    assert!(ask(&extension, &[("authorization", "Bearer carol's")]).await.is_err());
    let mut sent = headers(&[("authorization", "mine")]);
    extension.authorize(&mut sent, &Context::new()).await.unwrap();
    assert_eq!(sent, headers(&[("authorization", "Bearer first")]));
    assert!(sent["authorization"].is_sensitive() && !extension.rejected(&sent).await);

    fs::write(&path, "third\n").unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(ask(&extension, &[("authorization", "Bearer first")]).await.is_err());
    assert!(ask(&extension, &[("authorization", "Bearer third")]).await.is_ok());
    assert!(extension.rejected(&sent).await);
    fs::write(&path, "\n").unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(ask(&extension, &[("authorization", "Bearer third")]).await.is_ok());
    assert!(!format!("{:?}", test.logs()).contains("third"));
}

#[tokio::test]
async fn nobody_gets_in_before_the_start_or_without_a_file() {
    let test = TestHost::new(ComponentKind::Extension, "bearertokenauth");
    let extension = BearerTokenAuth::new(read("token: first").unwrap(), &test.host()).unwrap();
    let error = ask(&extension, &[("authorization", "Bearer first")]).await.unwrap_err();
    assert_eq!(error.failure(), AuthenticationFailure::Unavailable);
    assert!(extension.authorize(&mut HeaderMap::new(), &Context::new()).await.unwrap_err().is_retryable());
    let extension = BearerTokenAuth::new(read("filename: /nowhere").unwrap(), &test.host()).unwrap();
    assert_eq!(extension.start().await.unwrap_err().to_string(), "failed to load the token");
}

#[tokio::test]
async fn it_serves_servers_and_clients() {
    let test = TestHost::new(ComponentKind::Extension, "bearertokenauth");
    let id: otel_core::ComponentId = "bearertokenauth".parse().unwrap();
    let mut capabilities = Capabilities::default();
    capabilities.set_provider(id.clone());
    started(&test, "token: first").await.provide(&mut capabilities);
    assert!(capabilities.get::<dyn ServerAuthenticator>(&id).is_some());
    assert!(capabilities.get::<dyn ClientAuthenticator>(&id).unwrap().needs_secure_transport());
}

#[test]
fn rules_between_keys_are_told() {
    for (yaml, error) in [
        ("{}", "no bearer token provided"),
        ("{token: a, tokens: [b]}", "either tokens or token should be provided, not both"),
        ("tokens: ['']", "a token must not be empty"),
        ("token: \"a\\nb\"", "a token must consist of visible ASCII characters"),
        ("{token: a, header: 'a b'}", "`a b` is not a name that a header can have"),
        ("{token: a, scheme: \"a\\nb\"}", "must consist of visible ASCII characters"),
        ("{token: a, filname: b}", "did you mean `filename`?"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
    assert!(!read("{token: geheim, tokens: [geheim]}").unwrap_err().contains("geheim"));
}

#[test]
fn the_configurations_of_the_readme_are_valid_and_print_no_secrets() {
    let readme = include_str!("README.md");
    let yaml = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    for name in ["bearertokenauth:", "bearertokenauth/rotated:"] {
        let block = yaml.split(&format!("  {name}\n")).nth(1).unwrap();
        let lines = block.lines().take_while(|line| line.starts_with("    "));
        let block: Vec<_> = lines.map(|line| &line[4..]).collect();
        let config = read(&block.join("\n").replace("${env:TOKEN}", "geheim")).unwrap();
        assert!(config.validate().is_empty());
        assert!(!format!("{config:?}").contains("geheim"));
    }
}
