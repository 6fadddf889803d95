use std::time::Duration;

use otel_core::config;
use otel_receivers::otlp::{InvalidUtf8, OtlpReceiverConfig};

fn read(yaml: &str) -> Result<OtlpReceiverConfig, String> {
    config::from_yaml("otlp.yaml", yaml).map_err(|errors| errors.to_string())
}

#[test]
fn a_protocol_that_is_named_is_on_with_its_defaults() {
    let config = read("protocols: { grpc: }").unwrap();
    assert_eq!(config.protocols.grpc.get().unwrap().endpoint, "localhost:4317");
    assert_eq!(config.protocols.grpc.get().unwrap().max_message(), 4 << 20);
    assert!(!config.protocols.http.is_some());
    assert_eq!(config.invalid_utf8, InvalidUtf8::Repair);
}

#[test]
fn keys_are_read() {
    let config = read(
        "
invalid_utf8: reject
protocols:
  grpc:
    max_recv_msg_size_mib: 16
    keepalive: { server_parameters: { time: 5s }, enforcement_policy: { min_time: 1s } }
    read_buffer_size: 99
  http: { read_header_timeout: 2s, max_request_body_size: 7 }
",
    )
    .unwrap();
    assert_eq!(config.invalid_utf8, InvalidUtf8::Reject);
    let grpc = config.protocols.grpc.get().unwrap();
    assert_eq!((grpc.max_message(), grpc.keepalive.time), (16 << 20, Duration::from_secs(5)));
    let http = config.protocols.http.get().unwrap();
    assert_eq!((http.max_body(), http.read_header_timeout), (7, Duration::from_secs(2)));
}

#[test]
fn what_does_not_work_is_refused_by_name() {
    for (yaml, error) in [
        ("protocols: {}", "must specify at least one protocol when using the OTLP receiver"),
        ("protocols: { grpc: { tls: { cert_file: x } } }", "`tls` is not supported"),
        ("protocols: { grpc: { transport: unix } }", "unix"),
        ("protocols: { grpc: { endpoint: nowhere } }", "invalid endpoint \"nowhere\", allowed: host:port"),
        ("protocols: { http: { cors: { allowed_origins: [x] } } }", "`cors` is not supported"),
        ("protocols: { http: { idle_timeout: 1s } }", "`idle_timeout` is not supported"),
        ("protocols: { http: { logs_url_path: 'a b' } }", "invalid HTTP URL path set for signal: a b"),
        ("protocols: { htttp: }", "did you mean `http`?"),
        ("{ protocols: { grpc: }, max_in_flight_bytes: 0 }", "must be positive"),
        ("{ protocols: { grpc: }, invalid_utf8: maybe }", "maybe"),
        (
            "protocols: { grpc: { keepalive: { server_parameters: { max_connection_age: 1s } } } }",
            "`max_connection_age` is not supported",
        ),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("../../src/otlp/README.md");
    let yaml = readme.split("```yaml\nreceivers:\n  otlp:\n").nth(1).unwrap().split("```").next().unwrap();
    let config = read(yaml).unwrap();
    assert!(config.protocols.grpc.is_some() && config.protocols.http.is_some());
}
