use std::fs;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, header};
use otel_core::component::{
    Authentication, Capabilities, Component as _, ComponentConfig as _, ComponentKind, Context, Extension,
    ExtensionFactory as _,
};
use otel_core::config::{self, Secret};
use otel_core::net::auth::{
    AuthenticationError, AuthenticationFailure, ClientAuthenticator, RequestHead, ServerAuthenticator,
};
use otel_core::testing::TestHost;

use super::passwords::Users;
use super::*;

fn read(yaml: &str) -> Result<BasicAuthConfig, String> {
    config::from_yaml("basicauth.yaml", yaml).map_err(|errors| errors.to_string())
}

fn basic(user: &str, password: &str) -> HeaderMap {
    header_of(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn header_of(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    headers
}

type Answer = Result<Option<Arc<dyn Authentication>>, AuthenticationError>;

async fn ask(server: &BasicAuthServer, headers: &HeaderMap) -> Answer {
    let head = RequestHead::new(&Method::POST, "/v1/traces", headers, otel_core::net::Peer::default());
    server.authenticate(&head).await
}

fn server(test: &TestHost, file: &str, inline: &str) -> BasicAuthServer {
    let htpasswd = HtpasswdConfig { file: file.to_owned(), inline: Secret::new(inline) };
    BasicAuthServer::new(htpasswd, &test.host())
}

#[test]
fn every_kind_of_password_is_known() {
    for (stored, password) in [
        ("$2y$05$bWBMg3oUStnhfy5rFvoyreviPySU6hvEmBub5wIlM/D.c5FeYJQ6O", "bar"),
        ("$2b$08$hQbZuw.cHsECArUAP9mOjehaJxTG9NMJfioQIHcbC0YyXpVybhoQa", "bar"),
        ("$apr1$IDZSCL/o$IsJ.HtZGHa28Jxm11gVKe1", "mickey5"),
        ("$apr1$abc$liOmvXgSN9S3YzYNOUmLN0", "a password of more than sixteen letters"),
        ("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "password"),
        ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"),
        ("$5$123456$2hClNSDw3lZ0X/9PFBSI2eCGMOS06v6IbChiRsjy6tA", "mickey"),
        (
            "$6$123456$By3XGEfRf2RwFvWYR0kHRVJGq2/IKwLEGQxwyncoP88TGiBzHMBmvrTNxHgyqrmhZ/M7CGtkfIw0rBRfewW.y1",
            "vinnie6",
        ),
        (
            "$6$rounds=5000$98765432101234567890$FPU3HtJ9RcPVUvxifkIJ/AlrBxWLqJQvyxK2f8x4qDX/A1RpcIvgjToU5erVkR6XUl7qwPsm7idpbMH5f/pBn0",
            "dreadpirateroberts",
        ),
        ("secret: with a colon", "secret: with a colon"),
        ("{PLAIN}secret", "secret"),
    ] {
        let (users, bad) = Users::read(&[&format!("carol:{stored}\n")]);
        assert!(bad.is_empty(), "{stored}");
        assert!(users.verify("carol", password), "{stored}");
        assert!(!users.verify("carol", &format!("{password}x")) && !users.verify("carol", ""), "{stored}");
        assert!(!users.verify("dave", password), "{stored}");
        assert!(!format!("{users:?}").contains("secret"));
    }
}

#[test]
fn salted_sha1_is_known() {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, b"secretsalt");
    let stored = STANDARD.encode([digest.as_ref(), b"salt"].concat());
    let (users, _) = Users::read(&[&format!("carol:{{SSHA}}{stored}")]);
    assert!(users.verify("carol", "secret") && !users.verify("carol", "secretsalt"));
}

#[test]
fn lines_that_are_no_users_are_left_out_and_not_shown() {
    let text = "\n  carol:secret  \nnobody\ndave:{SHA}short\nerin:$apr1$x\nfrank:$6$x\ngrace:{SSHA}!\n";
    let (users, bad) = Users::read(&[text]);
    assert!(users.verify("carol", "secret"));
    assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    assert_eq!(bad[0].to_string(), "line 3: malformed line, no colon");
    assert!(bad.iter().all(|bad| !bad.to_string().contains("short")));
}

#[test]
fn later_lines_win() {
    let (users, _) = Users::read(&["carol:one\ncarol:two", "carol:three\ndave:x"]);
    assert!(users.verify("carol", "three") && !users.verify("carol", "two") && users.verify("dave", "x"));
}

#[tokio::test]
async fn whoever_has_a_password_gets_in_and_is_known_by_name() {
    let test = TestHost::new(ComponentKind::Extension, "basicauth");
    let server = server(&test, "", "carol:secret");
    let early = ask(&server, &basic("carol", "secret")).await.unwrap_err();
    assert_eq!(early.failure(), AuthenticationFailure::Unavailable);
    server.start().await.unwrap();
    let known = ask(&server, &basic("carol", "secret")).await.unwrap().unwrap();
    assert_eq!(known.attribute("username").as_deref(), Some("carol"));
    assert_eq!(known.attribute("raw"), Some(STANDARD.encode("carol:secret")));
    assert_eq!(known.attribute("password"), None);
    assert!(!format!("{known:?}").contains(&STANDARD.encode("carol:secret")));
    let raw = STANDARD.encode("carol:secret");
    assert!(ask(&server, &header_of(&format!("bAsIc {raw}"))).await.is_ok());
}

#[tokio::test]
async fn everyone_else_is_told_why_not_and_what_is_asked_for() {
    let test = TestHost::new(ComponentKind::Extension, "basicauth");
    let server = server(&test, "", "carol:secret");
    server.start().await.unwrap();
    let mut twice = basic("carol", "secret");
    twice.append(header::AUTHORIZATION, HeaderValue::from_static("Basic x"));
    for (headers, expected) in [
        (HeaderMap::new(), "no basic auth provided"),
        (header_of(""), "no basic auth provided"),
        (header_of("Bearer x"), "invalid authorization scheme prefix"),
        (header_of("Basic"), "invalid authorization scheme prefix"),
        (header_of("Basic !"), "invalid authorization format"),
        (header_of(&format!("Basic {}", STANDARD.encode("carol"))), "invalid authorization format"),
        (header_of(&format!("Basic {}", STANDARD.encode(b"\xff:x"))), "invalid authorization format"),
        (basic("carol", "wrong"), "invalid credentials"),
        (basic("dave", "secret"), "invalid credentials"),
        (basic("carol", &"x".repeat(2000)), "invalid credentials"),
        (twice, "the header authorization occurs more than once"),
    ] {
        let error = ask(&server, &headers).await.unwrap_err();
        assert_eq!(
            (error.failure(), &*error.to_string()),
            (AuthenticationFailure::Unauthenticated, expected)
        );
        let challenge = error.challenge().map(|value| value.to_str().unwrap());
        assert!(challenge.is_none_or(|challenge| challenge.starts_with("Basic realm=")), "{challenge:?}");
        assert_eq!(challenge.is_some(), !expected.contains("more than once"));
    }
}

#[tokio::test]
async fn a_slow_hash_is_computed_once_for_a_client_and_again_when_the_file_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("htpasswd");
    fs::write(&path, "carol:$2y$05$bWBMg3oUStnhfy5rFvoyreviPySU6hvEmBub5wIlM/D.c5FeYJQ6O\n").unwrap();
    let (users, _) = Users::read(&[&fs::read_to_string(&path).unwrap()]);
    assert!(users.are_slow() && !users.remembers("carol", "bar"));
    assert!(!users.verify("carol", "wrong") && !users.verify("dave", "bar"));
    assert!(!users.remembers("carol", "wrong") && !users.remembers("dave", "bar"));
    assert!(users.verify("carol", "bar") && users.remembers("carol", "bar"));

    let test = TestHost::new(ComponentKind::Extension, "basicauth");
    let server = server(&test, path.to_str().unwrap(), "dave:secret");
    server.start().await.unwrap();
    for _ in 0..2 {
        assert!(ask(&server, &basic("carol", "bar")).await.is_ok());
        assert!(ask(&server, &basic("dave", "secret")).await.is_ok());
    }
    tokio::time::pause();
    fs::write(&path, "erin:other\n").unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(ask(&server, &basic("carol", "bar")).await.is_err());
    assert!(ask(&server, &basic("erin", "other")).await.is_ok());
    assert!(ask(&server, &basic("dave", "secret")).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_loaded_fails_the_start() {
    let test = TestHost::new(ComponentKind::Extension, "basicauth");
    let error = server(&test, "/nowhere/htpasswd", "").start().await.unwrap_err();
    assert_eq!(error.to_string(), "open htpasswd file");
    let config =
        ClientAuthConfig { password_file: "/nowhere/password".to_owned(), ..ClientAuthConfig::default() };
    let error = BasicAuthClient::new(config, &test.host()).start().await.unwrap_err();
    assert_eq!(error.to_string(), "failed to load the credentials");
}

#[tokio::test(start_paused = true)]
async fn clients_say_who_they_are_and_again_when_a_file_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    fs::write(&path, " one\n").unwrap();
    let config = ClientAuthConfig {
        username: "carol".to_owned(),
        password_file: path.to_str().unwrap().to_owned(),
        ..ClientAuthConfig::default()
    };
    let test = TestHost::new(ComponentKind::Extension, "basicauth");
    let client = BasicAuthClient::new(config, &test.host());
    let mut headers = HeaderMap::new();
    assert!(client.authorize(&mut headers, &Context::new()).await.unwrap_err().is_retryable());
    client.start().await.unwrap();
    headers = basic("someone", "else");
    client.authorize(&mut headers, &Context::new()).await.unwrap();
    assert_eq!(headers, basic("carol", "one"));
    assert!(headers[header::AUTHORIZATION].is_sensitive() && client.needs_secure_transport());
    assert!(!client.rejected(&headers).await);
    fs::write(&path, "another").unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(client.rejected(&headers).await);
    client.authorize(&mut headers, &Context::new()).await.unwrap();
    assert_eq!(headers, basic("carol", "another"));
}

#[tokio::test]
async fn an_extension_is_one_of_the_two() {
    let test = TestHost::new(ComponentKind::Extension, "basicauth");
    let id: otel_core::ComponentId = "basicauth".parse().unwrap();
    for (yaml, is_server) in [("htpasswd: {inline: 'a:b'}", true), ("client_auth: {username: a}", false)] {
        let extension: Arc<dyn Extension> = read(yaml).unwrap().create(&test.host()).unwrap();
        let mut capabilities = Capabilities::default();
        capabilities.set_provider(id.clone());
        extension.provide(&mut capabilities);
        assert_eq!(capabilities.get::<dyn ServerAuthenticator>(&id).is_some(), is_server);
        assert_eq!(capabilities.get::<dyn ClientAuthenticator>(&id).is_some(), !is_server);
    }
}

#[test]
fn rules_between_keys_are_told() {
    for (yaml, error) in [
        ("{}", "no credential source provided"),
        ("htpasswd: {}", "no credential source provided"),
        ("client_auth: {}", "no credential source provided"),
        (
            "{htpasswd: {inline: 'a:b'}, client_auth: {username: a}}",
            "only one of `htpasswd` or `client_auth` can be specified",
        ),
        ("client_auth: {username: 'a:b'}", "invalid authorization format"),
        ("client_auth: {usernam: a}", "did you mean `username`?"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
    let told = read("{htpasswd: {inline: 'a:geheim'}, client_auth: {password: geheim}}").unwrap_err();
    assert!(!told.contains("geheim"), "{told}");
}

#[test]
fn the_configuration_of_the_readme_is_valid_and_prints_no_secrets() {
    let readme = include_str!("README.md");
    let yaml = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    for name in ["server", "client"] {
        let block = yaml.split(&format!("  basicauth/{name}:\n")).nth(1).unwrap();
        let lines = block.lines().take_while(|line| line.starts_with("    "));
        let block: Vec<_> = lines.map(|line| &line[4..]).collect();
        let config = read(&block.join("\n")).unwrap();
        assert!(config.validate().is_empty());
        assert!(!format!("{config:?}").contains("$2y$"));
    }
}
