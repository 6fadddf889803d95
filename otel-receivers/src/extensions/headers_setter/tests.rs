use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use otel_core::ComponentId;
use otel_core::component::{
    Authentication, Capabilities, Component as _, ComponentKind, ConsumeError, Context, Extension as _, Host,
    Metadata, StartError,
};
use otel_core::config;
use otel_core::net::auth::ClientAuthenticator;
use otel_core::testing::TestHost;

use super::*;

fn read(yaml: &str) -> Result<HeadersSetterConfig, String> {
    config::from_yaml("headers.yaml", yaml).map_err(|errors| errors.to_string())
}

/// A client that is known by its attributes.
#[derive(Debug)]
struct Client(&'static [(&'static str, &'static str)]);

impl Authentication for Client {
    fn attribute(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Authenticates with a header.
#[derive(Debug)]
struct Token;

#[async_trait]
impl ClientAuthenticator for Token {
    async fn authorize(&self, headers: &mut HeaderMap, _: &Context) -> Result<(), ConsumeError> {
        if headers.contains_key("no-token") {
            return Err(ConsumeError::retryable("no token"));
        }
        headers.insert("authorization", "Bearer x".parse().unwrap());
        Ok(())
    }

    async fn rejected(&self, headers: &HeaderMap) -> bool {
        headers["authorization"] == "Bearer x"
    }
}

fn started(yaml: &str, host: &Host) -> Result<HeadersSetter, StartError> {
    let setter = HeadersSetter::new(read(yaml).unwrap(), host);
    futures_util::FutureExt::now_or_never(setter.start()).expect("it does not wait")?;
    Ok(setter)
}

/// The headers that a request has after a setter of these headers, sorted.
async fn set(headers: &str, given: &[(&str, &str)], context: &Context) -> Result<Vec<String>, ConsumeError> {
    let test = TestHost::new(ComponentKind::Extension, "headers_setter");
    let setter = started(&format!("headers: {headers}"), &test.host()).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in given {
        map.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    setter.authorize(&mut map, context).await?;
    let mut all: Vec<_> =
        map.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    all.sort();
    Ok(all)
}

fn metadata(pairs: &[(&str, &str)]) -> Context {
    let mut metadata = Metadata::new();
    for (key, value) in pairs {
        metadata.append(key, value);
    }
    Context::new().with_metadata(metadata)
}

#[tokio::test]
async fn actions_depend_on_what_is_there() {
    let none = Context::new();
    let yaml = "[{action: insert, key: A, value: '1'}, {action: update, key: B, value: '2'}, \
                {action: upsert, key: C, value: '3'}, {action: delete, key: D}]";
    assert_eq!(set(yaml, &[], &none).await.unwrap(), ["a: 1", "c: 3"]);
    let given = [("a", "x"), ("b", "x"), ("b", "y"), ("c", "x"), ("d", "x"), ("e", "x")];
    assert_eq!(set(yaml, &given, &none).await.unwrap(), ["a: x", "b: 2", "c: 3", "e: x"]);
    // As in Go, an empty header is not there.
    assert_eq!(set(yaml, &[("a", ""), ("b", "")], &none).await.unwrap(), ["a: 1", "b: ", "c: 3"]);
    // One after the other.
    let yaml = "[{action: upsert, key: A, value: '1'}, {action: update, key: a, value: '2'}]";
    assert_eq!(set(yaml, &[], &none).await.unwrap(), ["a: 2"]);
}

#[tokio::test]
async fn values_come_from_what_the_client_sent_and_from_who_it_is() {
    let yaml = "[{action: upsert, key: X-Tenant, from_context: Tenant-Id, default_value: nobody}, \
                {action: upsert, key: X-Who, from_attribute: subject, default_value: anonymous}]";
    assert_eq!(set(yaml, &[], &Context::new()).await.unwrap(), ["x-tenant: nobody", "x-who: anonymous"]);
    let context =
        metadata(&[("tenant-id", "acme")]).with_authentication(Arc::new(Client(&[("subject", "me")])));
    assert_eq!(set(yaml, &[], &context).await.unwrap(), ["x-tenant: acme", "x-who: me"]);
    let without_default = "[{action: upsert, key: X-Tenant, from_context: tenant-id}]";
    assert_eq!(set(without_default, &[], &Context::new()).await.unwrap(), ["x-tenant: "]);
}

#[tokio::test]
async fn what_a_client_brought_cannot_smuggle_headers() {
    let yaml = "[{action: upsert, key: X-Tenant, from_context: tenant}]";
    let several = set(yaml, &[], &metadata(&[("tenant", "a"), ("tenant", "b")])).await.unwrap_err();
    assert!(several.is_permanent());
    assert_eq!(
        several.to_string(),
        "failed to determine the source: 2 source keys found in the context, can't determine which one to use"
    );
    let yaml = "[{action: upsert, key: X-Who, from_attribute: name}]";
    let context = Context::new().with_authentication(Arc::new(Client(&[("name", "a\r\nx-admin: yes")])));
    let smuggled = set(yaml, &[], &context).await.unwrap_err();
    assert!(smuggled.is_permanent());
    let told = "failed to determine the source: what \"name\" says cannot be sent in a header";
    assert_eq!(smuggled.to_string(), told);
}

#[tokio::test(start_paused = true)]
async fn values_from_files_follow_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, "one\n").unwrap();
    let test = TestHost::new(ComponentKind::Extension, "headers_setter");
    let yaml = format!("headers: [{{action: upsert, key: X-Key, value_file: '{}'}}]", path.display());
    let setter = started(&yaml, &test.host()).unwrap();
    let value = async || {
        let mut headers = HeaderMap::new();
        setter.authorize(&mut headers, &Context::new()).await.unwrap();
        assert!(headers["x-key"].is_sensitive());
        headers["x-key"].to_str().unwrap().to_owned()
    };
    assert_eq!(value().await, "one");
    std::fs::write(&path, "another").unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(value().await, "another");

    std::fs::write(&path, " \n").unwrap();
    let error = otel_core::config::from_yaml::<HeadersSetterConfig>("x.yaml", &yaml).map(|config| {
        let setter = HeadersSetter::new(config, &test.host());
        futures_util::FutureExt::now_or_never(setter.start()).unwrap().unwrap_err()
    });
    let error = error.unwrap();
    assert!(error.to_string().contains("has no value in its file"), "{error}");
}

// === chains ===

fn id(id: &str) -> ComponentId {
    id.parse().unwrap()
}

#[tokio::test]
async fn another_extension_authenticates_first() {
    let mut capabilities = Capabilities::default();
    capabilities.set_provider(id("token"));
    capabilities.offer::<dyn ClientAuthenticator>(Arc::new(Token));
    let test = TestHost::new(ComponentKind::Extension, "headers_setter").with_capabilities(capabilities);
    let yaml = "{additional_auth: token, headers: [{action: insert, key: A, value: b}]}";
    let setter = started(yaml, &test.host()).unwrap();
    let mut headers = HeaderMap::new();
    setter.authorize(&mut headers, &Context::new()).await.unwrap();
    assert_eq!(
        (&headers["authorization"], &headers["a"]),
        (&"Bearer x".parse().unwrap(), &"b".parse().unwrap())
    );
    assert!(setter.needs_secure_transport() && setter.rejected(&headers).await);

    let mut headers = HeaderMap::from_iter([("no-token".parse().unwrap(), "x".parse().unwrap())]);
    assert_eq!(setter.authorize(&mut headers, &Context::new()).await.unwrap_err().to_string(), "no token");

    let alone = started("headers: [{action: insert, key: A, value: b}]", &test.host()).unwrap();
    assert!(!alone.needs_secure_transport() && !alone.rejected(&headers).await);
}

#[tokio::test]
async fn a_chain_that_ends_nowhere_or_where_it_began_is_told_at_the_start() {
    let yaml = |other: &str| format!("{{additional_auth: {other}, headers: [{{action: delete, key: A}}]}}");
    let test = TestHost::new(ComponentKind::Extension, "headers_setter/a");
    let error = started(&yaml("absent"), &test.host()).unwrap_err();
    assert_eq!(
        otel_core::net::error_chain(&error),
        "additional_auth cannot be used: failed to resolve authenticator \"absent\": authenticator not found"
    );
    let error = started(&yaml("headers_setter/a"), &test.host()).unwrap_err();
    assert_eq!(error.to_string(), "additional_auth headers_setter/a leads back here");
}

// === configuration ===

#[test]
fn rules_between_keys_are_told() {
    for (yaml, error) in [
        ("headers: []", "headers: missing headers configuration"),
        ("{}", "headers: missing headers configuration"),
        ("headers: [{value: a}]", "headers::0::key: missing header name"),
        (
            "headers: [{key: a}]",
            "missing header source, must be 'from_context', 'from_attribute', 'value', or 'value_file'",
        ),
        ("headers: [{key: a, default_value: b}]", "missing header source"),
        (
            "headers: [{key: a, value: b, from_context: c}]",
            "invalid header source, must be only one of 'from_context', 'from_attribute', 'value', or 'value_file'",
        ),
        ("headers: [{key: 'a b', value: c}]", "headers::0::key: \"a b\" is not the name of a header"),
        ("headers: [{key: ':path', value: c}]", "\":path\" is not the name of a header"),
        ("headers: [{key: Transfer-Encoding, value: c}]", "\"Transfer-Encoding\" is not for others to set"),
        ("headers: [{key: Host, action: delete}]", "\"Host\" is not for others to set"),
        ("headers: [{key: a, value: \"b\\r\\nc: d\"}]", "what it says cannot be sent in a header"),
        ("headers: [{key: a, value: b, action: set}]", "\"set\" is not one of the allowed values"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
        assert!(!told.contains("c: d"), "{told}");
    }
}

#[tokio::test]
async fn a_missing_action_is_an_upsert_with_a_warning() {
    let test = TestHost::new(ComponentKind::Extension, "headers_setter");
    let setter = started("headers: [{key: a, value: b}]", &test.host()).unwrap();
    let mut headers = HeaderMap::from_iter([("a".parse().unwrap(), "x".parse().unwrap())]);
    setter.authorize(&mut headers, &Context::new()).await.unwrap();
    assert_eq!(headers["a"], "b");
    assert!(test.logs()[0].message.starts_with("The action was not provided, using 'upsert'."));
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("README.md");
    let yaml = readme.split("```yaml\nextensions:\n  headers_setter:\n").nth(1).unwrap();
    let config = read(yaml.split("```").next().unwrap()).unwrap();
    assert_eq!((config.headers.len(), config.additional_auth), (5, Some(id("oauth2client"))));
}

#[tokio::test]
async fn it_is_found_as_what_authenticates_clients() {
    let test = TestHost::new(ComponentKind::Extension, "headers_setter");
    let setter = Arc::new(started("headers: [{action: delete, key: a}]", &test.host()).unwrap());
    let mut capabilities = Capabilities::default();
    capabilities.set_provider(id("headers_setter"));
    setter.provide(&mut capabilities);
    assert!(capabilities.get::<dyn ClientAuthenticator>(&id("headers_setter")).is_some());
}
