//! Proxies, and hosts with several addresses.

use otel_core::component::{ComponentKind, Context, ProxySettings};
use otel_core::pdata::Traces;
use otel_core::testing::{TestAuthority, TestHost};

use super::proxy::Proxy;
use super::round_trip::exporter;
use super::server::Backend;
use super::support::{Seen, spans};

const ONCE: &str = "retry_on_failure: { enabled: false }";

fn environment(variables: &[(&str, String)]) -> Seen {
    let settings = ProxySettings::from_variables(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    });
    Seen::of(TestHost::new(ComponentKind::Exporter, "otlp_http").with_proxies(settings))
}

#[tokio::test]
async fn a_host_is_reached_at_whichever_address_answers() {
    // `localhost` has an address of each family on most machines, and the server listens at one of them.
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    let yaml = format!("endpoint: 'http://localhost:{}'", address.port());
    exporter::<Traces>(&yaml, &seen).await.export(spans(1), Context::new()).await.unwrap();
    assert_eq!(backend.got().len(), 1);
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_retryable() {
    let seen = Seen::new();
    let yaml = format!("endpoint: 'http://nowhere.invalid:4318', {ONCE}");
    let error = exporter::<Traces>(&yaml, &seen).await.export(spans(1), Context::new()).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("cannot resolve nowhere.invalid"), "{error}");
}

#[tokio::test]
async fn plain_requests_go_through_the_configured_proxy_as_they_are() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let proxy = Proxy::start(backend.start().await, None).await;
    let yaml =
        format!("endpoint: 'http://collector.example:4318', proxy_url: 'http://me:sesame@{}'", proxy.address);
    let exporter = exporter::<Traces>(&yaml, &seen).await;
    for _ in 0..2 {
        exporter.export(spans(1), Context::new()).await.unwrap();
    }
    assert_eq!(backend.got().len(), 2);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "the connection to the proxy is used again");
    assert!(heads[0].starts_with("POST http://collector.example:4318/v1/traces HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains("proxy-authorization: Basic bWU6c2VzYW1l\r\n"), "{heads:?}");
    assert!(heads[0].contains("host: collector.example:4318\r\n"), "{heads:?}");
}

#[tokio::test]
async fn secure_requests_go_through_a_tunnel() {
    let authority = TestAuthority::new();
    let (backend, ca) = (Backend::default(), authority.certificate().replace('\n', "\\n"));
    let identity = authority.issue("collector.example");
    let proxy = Proxy::start(backend.start_tls(&identity, &[b"h2"]).await, None).await;
    let seen = environment(&[("HTTPS_PROXY", format!("http://me:sesame@{}", proxy.address))]);
    let yaml = format!("endpoint: 'https://collector.example:4318', tls: {{ ca_pem: \"{ca}\" }}");
    exporter::<Traces>(&yaml, &seen).await.export(spans(1), Context::new()).await.unwrap();
    assert_eq!(backend.got().len(), 1);
    let head = proxy.heads().remove(0);
    assert!(head.starts_with("CONNECT collector.example:4318 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6c2VzYW1l\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_and_retryable() {
    let backend = Backend::default();
    let line = "HTTP/1.1 407 Proxy Authentication Required";
    let proxy = Proxy::start(backend.start().await, Some(line)).await;
    let seen = environment(&[("HTTPS_PROXY", proxy.address.to_string())]);
    let yaml = format!("endpoint: 'https://collector.example:4318', {ONCE}");
    let error = exporter::<Traces>(&yaml, &seen).await.export(spans(1), Context::new()).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("refused: HTTP/1.1 407 Proxy Authentication Required"), "{error}");
}

#[tokio::test]
async fn the_environment_says_who_needs_no_proxy() {
    let backend = Backend::default();
    let address = backend.start().await;
    let proxy = Proxy::start(address, None).await;
    for (no_proxy, endpoint, proxied) in [
        ("", "http://collector.example:4318".to_owned(), true),
        ("", format!("http://{address}"), false),
        ("other.example", "http://collector.example:4318".to_owned(), true),
    ] {
        let before = proxy.heads().len();
        let variables = [("HTTP_PROXY", proxy.address.to_string()), ("NO_PROXY", no_proxy.to_owned())];
        let yaml = format!("endpoint: '{endpoint}'");
        let seen = environment(&variables);
        exporter::<Traces>(&yaml, &seen).await.export(spans(1), Context::new()).await.unwrap();
        assert_eq!(proxy.heads().len() - before, usize::from(proxied), "{endpoint}");
    }
}
