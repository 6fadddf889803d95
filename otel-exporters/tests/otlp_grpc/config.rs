use otel_core::config;
use otel_core::net::Compression;
use otel_exporters::otlp_grpc::OtlpGrpcExporterConfig;

fn read(yaml: &str) -> Result<OtlpGrpcExporterConfig, String> {
    config::from_yaml("exporter.yaml", yaml).map_err(|errors| errors.to_string())
}

#[test]
fn keys_are_read_and_headers_do_not_print() {
    let config = read(
        "
endpoint: http://collector:4317
tls: { insecure: true }
headers: { authorization: sesame }
compression: none
balancer_name: round_robin
timeout: 3s
",
    )
    .unwrap();
    assert_eq!(config.compression, Compression::None);
    assert_eq!(config.sending.timeout.as_secs(), 3);
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn what_does_not_work_is_refused_by_name() {
    let insecure = "tls: { insecure: true }";
    for (yaml, error) in [
        (format!("{{ {insecure} }}"), "requires a non-empty \"endpoint\""),
        (format!("{{ endpoint: 'a:b', {insecure} }}"), "invalid port \"b\""),
        (format!("{{ endpoint: 'https://a:1', {insecure} }}"), "`https` endpoints are not supported"),
        ("{ endpoint: 'a:1' }".to_owned(), "TLS is not supported"),
        ("{ endpoint: 'a:1', tls: { ca_file: x } }".to_owned(), "`ca_file` is not supported"),
        (format!("{{ endpoint: 'a:1', {insecure}, compression: snappy }}"), "snappy"),
        (
            format!("{{ endpoint: 'a:1', {insecure}, keepalive: {{ time: 1s }} }}"),
            "`keepalive` is not supported",
        ),
        (format!("{{ endpoint: 'a:1', {insecure}, headers: {{ 'a b': c }} }}"), "do not make a header"),
        (
            format!("{{ endpoint: 'a:1', {insecure}, sending_queue: {{ storage: x }} }}"),
            "`storage` is not supported",
        ),
    ] {
        let told = read(&yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("../../src/otlp_grpc/README.md");
    let yaml =
        readme.split("```yaml\nexporters:\n  otlp_grpc:\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(read(yaml).unwrap().compression, Compression::Gzip);
}
