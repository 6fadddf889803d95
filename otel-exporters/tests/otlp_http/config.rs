use otel_core::component::{BuildError, Exporter, ExporterFactory};
use otel_core::config;
use otel_core::net::Compression;
use otel_core::pdata::{Logs, Traces};
use otel_exporters::otlp_http::{Encoding, OtlpHttpExporterConfig};

use super::support::Seen;

fn read(yaml: &str) -> Result<OtlpHttpExporterConfig, String> {
    config::from_yaml("exporter.yaml", yaml).map_err(|errors| errors.to_string())
}

#[test]
fn keys_are_read_and_secrets_do_not_print() {
    let config = read(
        "
endpoint: https://collector:4318
profiles_endpoint: https://collector:4318/profiles
encoding: json
compression: zstd
compression_params: { level: 3 }
headers: [{ name: authorization, value: sesame }]
proxy_url: http://me:sesame@proxy:3128
tls: { insecure_skip_verify: true, min_version: '1.3' }
timeout: 3s
read_buffer_size: 1
write_buffer_size: 1
max_idle_conns: 5
max_idle_conns_per_host: 4
max_conns_per_host: 3
idle_conn_timeout: 10s
disable_keep_alives: true
force_attempt_http2: false
http2_read_idle_timeout: 10s
http2_ping_timeout: 5s
cookies: { enabled: true }
",
    )
    .unwrap();
    assert_eq!((config.encoding, config.client.compression), (Encoding::Json, Compression::Zstd));
    assert_eq!((config.client.compression_params.level, config.sending.timeout.as_secs()), (3, 3));
    assert_eq!(config.client.idle_conn_timeout.as_secs(), 10);
    assert!(config.client.cookies.is_some() && config.client.disable_keep_alives);
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn defaults_are_those_of_the_go_collector() {
    let config = read("{ endpoint: 'http://a' }").unwrap();
    assert_eq!((config.client.compression, config.encoding), (Compression::Gzip, Encoding::Proto));
    assert_eq!((config.sending.timeout.as_secs(), config.client.max_idle_conns), (30, 100));
    assert_eq!(config.client.idle_conn_timeout.as_secs(), 90);
    assert!(config.client.force_attempt_http2 && !config.client.cookies.is_some());
}

#[test]
fn what_does_not_work_is_refused_by_name() {
    for (yaml, error) in [
        ("{}", "at least one endpoint must be specified"),
        ("{ endpoint: 'localhost:4318' }", "a URL is written as http://host:port/path"),
        ("{ logs_endpoint: 'ftp://a' }", "a URL is written as http://host:port/path"),
        ("{ endpoint: 'http://a', encoding: xml }", "\"xml\" is not one of the allowed values"),
        ("{ endpoint: 'http://a', compression: brotli }", "\"brotli\" is not one of the allowed values"),
        (
            "{ endpoint: 'http://a', compression_params: { level: 99 } }",
            "unsupported parameters {Level:99} for compression type \"gzip\"",
        ),
        (
            "{ endpoint: 'http://a', compression: snappy, compression_params: { level: 1 } }",
            "unsupported parameters {Level:1} for compression type \"snappy\"",
        ),
        ("{ endpoint: 'http://a', proxy_url: 'socks5://a:1' }", "a proxy is written as http://host:port"),
        (
            "{ endpoint: 'http://a', headers: { 'a b': c } }",
            "headers::a b: `a b` is not a name that a header can have",
        ),
        (
            "{ endpoint: 'http://a', headers: { a: \"b\\n\" } }",
            "headers::a: a header can have no line break; a file may end in one",
        ),
        ("{ endpoint: 'http://a', tls: { cert_file: x } }", "must include both certificate and key"),
        ("{ endpoint: 'http://a', auth: {} }", "key `authenticator` is required"),
        ("{ endpoint: 'http://a', middlewares: [{ id: x }] }", "`middlewares` is not supported"),
        ("{ endpoint: 'http://a', middleware: [{ id: x }] }", "`middleware` is not supported"),
        ("{ endpoint: 'http://a', endpont: b }", "unknown key `endpont`"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
}

#[tokio::test]
async fn a_signal_without_an_endpoint_cannot_be_built() {
    let config = read("{ logs_endpoint: 'http://a/logs' }").unwrap();
    let seen = Seen::new();
    let traces: Result<Box<dyn Exporter<Traces>>, BuildError> = config.create(&seen.host);
    let told = traces.err().unwrap().to_string();
    assert_eq!(told, "either endpoint or traces_endpoint must be specified");
    let logs: Result<Box<dyn Exporter<Logs>>, BuildError> = config.create(&seen.host);
    assert!(logs.is_ok());
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("../../src/otlp_http/README.md");
    let yaml =
        readme.split("```yaml\nexporters:\n  otlp_http:\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(read(yaml).unwrap().endpoint, "https://collector.example:4318");
}
