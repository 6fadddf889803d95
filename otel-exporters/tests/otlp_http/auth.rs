//! Extensions that say who the exporter is.

use otel_core::component::{Code, Context, Exporter, ExporterFactory as _};
use otel_core::config;
use otel_core::pdata::Traces;
use otel_core::testing::TestAuthority;
use otel_exporters::otlp_http::OtlpHttpExporterConfig;

use super::credentials::{Tokens, tenant};
use super::round_trip::exporter;
use super::server::{Answer, Backend};
use super::support::spans;

const KEYS: &str = "auth: { authenticator: tokens }, retry_on_failure: { enabled: false }, \
                    headers: { authorization: mine, x-tenant: nobody }";

#[tokio::test]
async fn each_request_has_credentials_that_win_over_configured_headers() {
    let (backend, tokens) = (Backend::default(), Tokens::new(0, true));
    let address = backend.start().await;
    let seen = tokens.host();
    let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}', {KEYS}"), &seen).await;
    exporter.export(spans(1), tenant("blue")).await.unwrap();
    exporter.export(spans(1), Context::new()).await.unwrap();
    let got = backend.got();
    assert_eq!(got[0].header("authorization"), Some("token 1"));
    assert_eq!((got[0].header("x-tenant"), got[1].header("x-tenant")), (Some("blue"), Some("nobody")));
    assert_eq!(got[0].header("content-type"), Some("application/x-protobuf"));
    assert_eq!(got[0].header("content-encoding"), Some("gzip"));
    assert_eq!(got[0].headers.get_all("authorization").iter().count(), 1);
}

#[tokio::test]
async fn refused_credentials_are_renewed_once() {
    for (renewals, answers, sent) in [(1, 1, Ok(2)), (1, 2, Err(2)), (0, 1, Err(1))] {
        let (backend, tokens) = (Backend::default(), Tokens::new(renewals, true));
        let address = backend.start().await;
        backend.answer((0..answers).map(|_| Answer::new(401)));
        let seen = tokens.host();
        let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}', {KEYS}"), &seen).await;
        let result = exporter.export(spans(1), Context::new()).await;
        let got = backend.got();
        match sent {
            Ok(requests) => {
                result.unwrap();
                assert_eq!(got.len(), requests);
                assert_eq!(got[1].header("authorization"), Some("token 2"));
                assert_eq!(got[0].body, got[1].body);
            }
            Err(requests) => {
                assert_eq!(result.unwrap_err().code(), Some(Code::Unauthenticated));
                assert_eq!(got.len(), requests);
            }
        }
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_keep_a_request_from_being_sent() {
    let (backend, tokens) = (Backend::default(), Tokens::new(0, true));
    let address = backend.start().await;
    let seen = tokens.host();
    let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}', {KEYS}"), &seen).await;
    tokens.assert_failures_are_told(&*exporter).await;
    assert!(backend.got().is_empty());
    tokens.fail(None);
    exporter.export(spans(1), Context::new()).await.unwrap();
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirection_to_another_host_or_out_of_tls() {
    let (here, there, tokens) = (Backend::default(), Backend::default(), Tokens::new(0, true));
    let (address, target) = (here.start().await, there.start().await);
    here.answer([Answer::new(307).with("location", &format!("http://localhost:{}/there", target.port()))]);
    let seen = tokens.host();
    let elsewhere = exporter::<Traces>(&format!("endpoint: 'http://{address}', {KEYS}"), &seen).await;
    elsewhere.export(spans(1), tenant("blue")).await.unwrap();
    assert_eq!(here.got()[0].header("authorization"), Some("token 1"));
    assert_eq!(there.got()[0].header("authorization"), None);
    assert_eq!(there.got()[0].header("x-tenant"), Some("nobody"));

    let (authority, here, there) = (TestAuthority::new(), Backend::default(), Backend::default());
    let secure = here.start_tls(&authority.issue("localhost"), &[b"http/1.1"]).await;
    let plain = there.start().await;
    here.answer([Answer::new(308).with("location", &format!("http://localhost:{}/there", plain.port()))]);
    let ca = authority.certificate().replace('\n', "\\n");
    let yaml =
        format!("endpoint: 'https://localhost:{}', tls: {{ ca_pem: \"{ca}\" }}, {KEYS}", secure.port());
    let error = exporter::<Traces>(&yaml, &seen).await.export(spans(1), tenant("blue")).await.unwrap_err();
    assert!(error.to_string().contains("cannot be followed"), "{error}");
    assert_eq!((here.got().len(), there.got().len()), (1, 0));
}

#[tokio::test]
async fn an_exporter_does_not_start_without_what_it_names() {
    for (id, told) in [
        ("nobody", "failed to resolve authenticator \"nobody\": authenticator not found"),
        ("other", "requested authenticator is not a HTTP client authenticator"),
    ] {
        let yaml = format!(
            "{{ endpoint: 'http://a', auth: {{ authenticator: {id} }}, sending_queue: {{ enabled: false }} }}"
        );
        let config: OtlpHttpExporterConfig = config::from_yaml("exporter.yaml", &yaml).unwrap();
        let exporter: Box<dyn Exporter<Traces>> = config.create(&Tokens::new(0, true).host().host).unwrap();
        let error = exporter.start().await.unwrap_err();
        assert_eq!(
            otel_core::net::error_chain(&error),
            format!("cannot make the HTTP client: cannot authenticate: {told}")
        );
    }
}
