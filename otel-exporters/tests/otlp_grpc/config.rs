use otel_core::config;
use otel_core::net::{Balancing, Compression};
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
balancer_name: pick_first
timeout: 3s
keepalive: { time: 20s, timeout: 5s, permit_without_stream: true }
read_buffer_size: 1
write_buffer_size: 1024
wait_for_ready: true
authority: collector.example
user_agent: me
",
    )
    .unwrap();
    assert_eq!(config.client.compression, Compression::None);
    assert_eq!(config.client.balancer_name, Balancing::PickFirst);
    assert_eq!(config.client.write_buffer_size, 1024);
    assert_eq!(config.client.keepalive.get().unwrap().time.as_secs(), 20);
    assert_eq!(config.sending.timeout.as_secs(), 3);
    assert!(config.client.wait_for_ready);
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn defaults_are_those_of_the_go_collector() {
    let config = read("{ endpoint: 'collector:4317' }").unwrap();
    assert_eq!(config.client.compression, Compression::Gzip);
    assert_eq!(config.client.balancer_name, Balancing::RoundRobin);
    assert_eq!((config.client.write_buffer_size, config.sending.timeout.as_secs()), (524_288, 5));
    assert!(!config.client.tls.insecure && !config.client.wait_for_ready);
    assert!(!config.client.keepalive.is_some());
}

#[test]
fn what_does_not_work_is_refused_by_name() {
    for (yaml, error) in [
        ("{}", "requires a non-empty \"endpoint\""),
        ("{ endpoint: 'a:b' }", "invalid port \"b\""),
        ("{ endpoint: 'a' }", "address a: missing port in address"),
        ("{ endpoint: 'ftp://a:1' }", "`ftp` endpoints are not supported"),
        ("{ endpoint: 'a:1', tls: { cert_file: x } }", "must include both certificate and key"),
        ("{ endpoint: 'a:1', tls: { tpm: { enabled: true } } }", "`tpm` is not supported"),
        ("{ endpoint: 'a:1', compression: lz4 }", "\"lz4\" is not one of the allowed values"),
        ("{ endpoint: 'a:1', balancer_name: foo }", "\"foo\" is not one of the allowed values"),
        ("{ endpoint: 'a:1', authority: 'a b' }", "must be a host"),
        (
            "{ endpoint: 'a:1', headers: { 'a b': c } }",
            "headers::a b: `a b` is not a name that a header can have",
        ),
        (
            "{ endpoint: 'a:1', headers: { a: \"b\\n\" } }",
            "headers::a: a header can have no line break; a file may end in one",
        ),
        ("{ endpoint: 'a:1', auth: {} }", "key `authenticator` is required"),
        ("{ endpoint: 'a:1', middlewares: [{ id: x }] }", "`middlewares` is not supported"),
        ("{ endpoint: 'a:1', keepalive: { interval: 1s } }", "unknown key `interval`"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
}

#[test]
fn the_examples_of_the_readmes_are_configurations() {
    let of = |readme: &str| {
        let yaml = readme.split("```yaml\nexporters:\n  otlp_grpc:\n").nth(1).unwrap();
        read(yaml.split("```").next().unwrap()).unwrap()
    };
    let own = of(include_str!("../../src/otlp_grpc/README.md"));
    assert_eq!(own.client.compression, Compression::Gzip);
    let of_sending = of(include_str!("../../src/sending/README.md"));
    let queue = of_sending.sending.sending_queue.get().unwrap();
    assert!(queue.storage.is_some() && queue.batch.is_some());
}
