//! Extensions that say who the exporter is.

use otel_core::component::{Code, Context, Exporter, ExporterFactory as _, StartError};
use otel_core::config;
use otel_core::net::error_chain;
use otel_core::pdata::Traces;
use otel_exporters::otlp_grpc::OtlpGrpcExporterConfig;
use tonic::Status;

use super::credentials::{Tokens, tenant};
use super::round_trip::exporter;
use super::server::Backend;
use super::support::spans;

const KEYS: &str = "auth: { authenticator: tokens }, retry_on_failure: { enabled: false }, \
                    headers: { authorization: mine, x-tenant: nobody }";

#[tokio::test]
async fn each_request_has_credentials_that_win_over_configured_headers() {
    let (backend, tokens) = (Backend::default(), Tokens::new(0, false));
    let (address, _server) = backend.start().await;
    let seen = tokens.host();
    let exporter = exporter::<Traces>(&address.to_string(), KEYS, &seen).await;
    exporter.export(spans(1), tenant("blue")).await.unwrap();
    exporter.export(spans(1), Context::new()).await.unwrap();
    let got = backend.got();
    let header = |at: usize, name: &str| {
        let values: Vec<_> =
            got[at].metadata.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        values.join(", ")
    };
    assert_eq!(header(0, "authorization"), "token 1");
    assert_eq!((header(0, "x-tenant"), header(1, "x-tenant")), ("blue".to_owned(), "nobody".to_owned()));
    assert_eq!(header(0, "content-encoding"), "");
}

#[tokio::test]
async fn refused_credentials_are_renewed_once() {
    for (renewals, refusals, succeeds) in [(1, 1, true), (1, 2, false), (0, 1, false)] {
        let (backend, tokens) = (Backend::default(), Tokens::new(renewals, false));
        let (address, _server) = backend.start().await;
        backend.fail((0..refusals).map(|_| Status::unauthenticated("expired")));
        let seen = tokens.host();
        let exporter = exporter::<Traces>(&address.to_string(), KEYS, &seen).await;
        let result = exporter.export(spans(1), Context::new()).await;
        if succeeds {
            result.unwrap();
            assert_eq!(backend.got()[0].metadata.get("authorization").unwrap(), "token 2");
        } else {
            let error = result.unwrap_err();
            assert_eq!((error.is_permanent(), error.code()), (true, Some(Code::Unauthenticated)));
            assert!(backend.got().is_empty());
        }
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_keep_a_request_from_being_sent() {
    let (backend, tokens) = (Backend::default(), Tokens::new(0, false));
    let (address, _server) = backend.start().await;
    let seen = tokens.host();
    let exporter = exporter::<Traces>(&address.to_string(), KEYS, &seen).await;
    tokens.assert_failures_are_told(&*exporter).await;
    assert!(backend.got().is_empty());
}

async fn started(id: &str, secure: bool, tls: &str) -> Result<(), StartError> {
    let yaml = format!(
        "{{ endpoint: 'a:1', auth: {{ authenticator: {id} }}, tls: {{ {tls} }}, sending_queue: {{ enabled: false }} }}"
    );
    let config: OtlpGrpcExporterConfig = config::from_yaml("exporter.yaml", &yaml).unwrap();
    let exporter: Box<dyn Exporter<Traces>> = config.create(&Tokens::new(0, secure).host().host).unwrap();
    exporter.start().await
}

#[tokio::test]
async fn an_exporter_does_not_start_without_what_it_names_or_where_secrets_would_be_in_the_open() {
    for (id, told) in [
        (
            "nobody",
            "cannot authenticate: failed to resolve authenticator \"nobody\": authenticator not found",
        ),
        ("other", "cannot authenticate: requested authenticator is not a gRPC client authenticator"),
        (
            "tokens",
            "grpc: the credentials require transport level security (TLS), which `tls::insecure` turns off",
        ),
    ] {
        let error = started(id, true, "insecure: true").await.unwrap_err();
        assert_eq!(error_chain(&error), format!("cannot make the gRPC client: {told}"));
    }
    started("tokens", false, "insecure: true").await.unwrap();
    started("tokens", true, "insecure_skip_verify: true").await.unwrap();
}
