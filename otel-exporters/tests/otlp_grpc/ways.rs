//! TLS, Unix sockets and proxies.

use otel_core::component::{ComponentKind, Context, Exporter, ExporterFactory, ProxySettings};
use otel_core::config;
use otel_core::pdata::{Signal as _, Traces};
use otel_core::testing::{TestAuthority, TestHost};
use otel_exporters::otlp_grpc::OtlpGrpcExporterConfig;

use super::inputs;
use super::proxy::Proxy;
use super::raw::RawServer;
use super::support::{Seen, spans};

const ENCODINGS: [&str; 4] = ["none", "gzip", "snappy", "zstd"];

async fn exporter(yaml: &str, seen: &Seen) -> Box<dyn Exporter<Traces>> {
    let yaml =
        format!("{{ sending_queue: {{ enabled: false }}, retry_on_failure: {{ enabled: false }}, {yaml} }}");
    let config: OtlpGrpcExporterConfig = config::from_yaml("exporter.yaml", &yaml).unwrap();
    let exporter: Box<dyn Exporter<Traces>> = config.create(&seen.host).unwrap();
    exporter.start().await.unwrap();
    exporter
}

fn pem(text: &str) -> String {
    format!("\"{}\"", text.replace('\n', "\\n"))
}

async fn sends_each_way(server: &RawServer, yaml: &str, authority: &str, scheme: &str) {
    for compression in ENCODINGS {
        let seen = Seen::new();
        let exporter = exporter(&format!("{yaml}, compression: {compression}"), &seen).await;
        let bytes = inputs::traces(20_000);
        exporter.export(Traces::from_bytes(bytes.clone()).unwrap(), Context::new()).await.unwrap();
        let got = server.got().pop().unwrap();
        assert_eq!(got.message, bytes, "{compression}");
        assert_eq!(got.encoding.as_deref(), Some(compression).filter(|it| *it != "none"));
        assert_eq!((got.authority.as_str(), got.scheme.as_str()), (authority, scheme));
    }
}

#[tokio::test]
async fn plain_connections_carry_each_compression() {
    let server = RawServer::new();
    let address = server.start().await;
    let yaml = format!("endpoint: 'dns:///{address}', tls: {{ insecure: true }}");
    sends_each_way(&server, &yaml, &address.to_string(), "http").await;
}

#[tokio::test]
async fn tls_carries_each_compression() {
    let (server, authority) = (RawServer::new(), TestAuthority::new());
    let address = server.start_tls(&authority.issue("localhost"), None).await;
    let endpoint = format!("localhost:{}", address.port());
    let ca = pem(authority.certificate());
    let yaml = format!("endpoint: '{endpoint}', tls: {{ ca_pem: {ca} }}");
    sends_each_way(&server, &yaml, &endpoint, "https").await;
    let yaml = format!("endpoint: 'https://{endpoint}', tls: {{ insecure: true, ca_pem: {ca} }}");
    sends_each_way(&server, &yaml, &endpoint, "https").await;
}

#[tokio::test]
async fn a_unix_socket_carries_each_compression() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("otlp.sock");
    let server = RawServer::new();
    server.start_unix(&path);
    let yaml = format!("endpoint: 'unix://{}', tls: {{ insecure: true }}", path.display());
    sends_each_way(&server, &yaml, "localhost", "http").await;
}

#[tokio::test]
async fn a_proxy_carries_each_compression_with_tls_and_without() {
    let authority = TestAuthority::new();
    let ca = pem(authority.certificate());
    for (secure, scheme, tls) in
        [(true, "https", format!("ca_pem: {ca}")), (false, "http", "insecure: true".to_owned())]
    {
        let server = RawServer::new();
        let address = if secure {
            server.start_tls(&authority.issue("collector.example"), None).await
        } else {
            server.start().await
        };
        let proxy = Proxy::start(address, None).await;
        let settings = ProxySettings::from_variables(|name| {
            (name == "HTTPS_PROXY").then(|| format!("http://me:sesame@{}", proxy.address))
        });
        for compression in ENCODINGS {
            let test = TestHost::new(ComponentKind::Exporter, "otlp_grpc").with_proxies(settings.clone());
            let yaml =
                format!("endpoint: 'collector.example:4317', tls: {{ {tls} }}, compression: {compression}");
            let exporter = exporter(&yaml, &Seen::of(test)).await;
            exporter.export(spans(1), Context::new()).await.unwrap();
            assert_eq!(server.got().pop().unwrap().scheme, scheme);
        }
        let head = proxy.heads().remove(0);
        assert!(head.starts_with("CONNECT collector.example:4317 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("Proxy-Authorization: Basic bWU6c2VzYW1l\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told() {
    let server = RawServer::new();
    let proxy = Proxy::start(server.start().await, Some("HTTP/1.1 403 Forbidden")).await;
    let settings =
        ProxySettings::from_variables(|name| (name == "HTTPS_PROXY").then(|| proxy.address.to_string()));
    let test = TestHost::new(ComponentKind::Exporter, "otlp_grpc").with_proxies(settings);
    let yaml = "endpoint: 'collector.example:4317', tls: { insecure: true }";
    let error = exporter(yaml, &Seen::of(test)).await.export(spans(1), Context::new()).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("refused: HTTP/1.1 403 Forbidden"), "{error}");
}

#[tokio::test]
async fn certificates_decide_who_is_talked_to() {
    let (server, authority) = (RawServer::new(), TestAuthority::new());
    let directory = tempfile::tempdir().unwrap();
    let client_ca = directory.path().join("ca.pem");
    std::fs::write(&client_ca, authority.certificate()).unwrap();
    let address = server.start_tls(&authority.issue("other.example"), Some(&client_ca)).await;
    let client = authority.issue("client");
    let ca = format!("ca_pem: {}", pem(authority.certificate()));
    let own = format!("cert_pem: {}, key_pem: {}", pem(&client.certificate), pem(&client.key));
    let stranger = format!("ca_pem: {}", pem(TestAuthority::new().certificate()));
    for (keys, expected) in [
        (format!("{ca}, {own}, server_name_override: other.example"), Ok("other.example")),
        (format!("{ca}, {own}"), Err("the TLS handshake with 127.0.0.1 failed")),
        (format!("{own}, {stranger}, server_name_override: other.example"), Err("invalid peer certificate")),
        (format!("{own}, insecure_skip_verify: true"), Ok("127.0.0.1")),
        (format!("{ca}, server_name_override: other.example"), Err("rpc error")),
    ] {
        let seen = Seen::new();
        let exporter = exporter(&format!("endpoint: '{address}', tls: {{ {keys} }}"), &seen).await;
        match (exporter.export(spans(1), Context::new()).await, expected) {
            (Ok(()), Ok(authority)) => {
                assert!(server.got().pop().unwrap().authority.starts_with(authority), "{authority}");
            }
            (Err(error), Err(told)) => {
                assert!(error.is_retryable());
                assert!(error.to_string().contains(told), "{error}");
            }
            (sent, _) => panic!("{keys}: {sent:?}"),
        }
    }
}

#[tokio::test]
async fn an_authority_names_the_server_in_requests_and_certificates() {
    let (server, authority) = (RawServer::new(), TestAuthority::new());
    let address = server.start_tls(&authority.issue("other.example"), None).await;
    let yaml = format!(
        "endpoint: '{address}', authority: 'other.example:99', tls: {{ ca_pem: {} }}",
        pem(authority.certificate())
    );
    exporter(&yaml, &Seen::new()).await.export(spans(1), Context::new()).await.unwrap();
    assert_eq!(server.got().pop().unwrap().authority, "other.example:99");
}
