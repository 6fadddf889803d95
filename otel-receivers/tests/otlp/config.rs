use std::time::Duration;

use otel_core::component::ComponentConfig as _;
use otel_core::config;
use otel_core::net::{ContentEncodings, Transport};
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
    transport: tcp4
    max_recv_msg_size_mib: 16
    max_connections: 9
    keepalive:
      server_parameters:
        max_connection_idle: 1s
        max_connection_age: 2s
        max_connection_age_grace: 3s
        time: 5s
        timeout: 6s
      enforcement_policy: { min_time: 1s }
    read_buffer_size: 99
  http:
    read_timeout: 1s
    read_header_timeout: 2s
    write_timeout: 3s
    idle_timeout: 4s
    max_request_body_size: 7
    response_headers: [{ name: x-a, value: b }]
    cors: { allowed_origins: [x], allowed_headers: [y], exposed_headers: [z], max_age: 5 }
    compression_algorithms: ['', gzip, zstd, zlib, snappy, deflate, lz4, x-snappy-framed]
",
    )
    .unwrap();
    assert_eq!(config.invalid_utf8, InvalidUtf8::Reject);
    let seconds = Duration::from_secs;
    let grpc = config.protocols.grpc.get().unwrap();
    assert_eq!((grpc.max_message(), grpc.transport, grpc.max_connections), (16 << 20, Transport::Tcp4, 9));
    let keepalive = &grpc.keepalive;
    let age = (keepalive.max_connection_age, keepalive.max_connection_age_grace);
    assert_eq!((keepalive.max_connection_idle, age), (seconds(1), (seconds(2), seconds(3))));
    assert_eq!((keepalive.time, keepalive.timeout), (seconds(5), seconds(6)));
    let http = &config.protocols.http.get().unwrap().server;
    assert_eq!((http.max_body(), http.read_timeout, http.read_header_timeout), (7, seconds(1), seconds(2)));
    assert_eq!((http.write_timeout, http.idle_timeout), (seconds(3), seconds(4)));
    assert_eq!(http.response_headers.iter().next().unwrap().1.expose(), "b");
    let cors = http.cors.get().unwrap();
    assert_eq!((&*cors.allowed_origins[0], &*cors.allowed_headers[0], cors.max_age), ("x", "y", 5));
    assert_eq!(http.compression_algorithms, ContentEncodings::default());
}

#[test]
fn what_does_not_work_is_refused_by_name() {
    for (yaml, error) in [
        ("protocols: {}", "must specify at least one protocol when using the OTLP receiver"),
        (
            "protocols: { grpc: { tls: { cert_file: x } } }",
            "TLS configuration must include both certificate and key for server connections",
        ),
        ("protocols: { grpc: { transport: unixgram } }", "allowed: tcp, tcp4, tcp6, unix"),
        ("protocols: { http: { transport: npipe } }", "allowed: tcp, tcp4, tcp6, unix"),
        ("protocols: { grpc: { transport: unix, endpoint: '' } }", "must be the path of a Unix socket"),
        ("protocols: { grpc: { endpoint: nowhere } }", "invalid endpoint \"nowhere\", allowed: host:port"),
        ("protocols: { http: { auth: {} } }", "key `authenticator` is required"),
        (
            "protocols: { http: { auth: { authenticator: x, request_params: ['a b'] } } }",
            "`a b` is not a name that a header can have",
        ),
        (
            "protocols: { grpc: { auth: { authenticator: x, request_params: [a] } } }",
            "unknown key `request_params`",
        ),
        ("protocols: { grpc: { middlewares: [{}] } }", "key `id` is required"),
        ("protocols: { http: { compression_algorithms: [br] } }", "allowed: gzip, zstd, zlib, snappy"),
        ("protocols: { http: { response_headers: { 'a b': c } } }", "`a b` is not a header of HTTP"),
        ("protocols: { http: { logs_url_path: 'a b' } }", "invalid HTTP URL path set for signal: a b"),
        ("protocols: { http: { profiles_url_path: /p } }", "unknown key `profiles_url_path`"),
        ("protocols: { htttp: }", "did you mean `http`?"),
        ("protocols: { grpc: { middleware: 5 } }", "unknown key `middleware`"),
        ("protocols: { http: { middleware: 5 } }", "expected a list"),
        ("{ protocols: { grpc: }, max_in_flight_bytes: 0 }", "must be positive"),
        ("{ protocols: { grpc: }, invalid_utf8: maybe }", "maybe"),
    ] {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(error), "{yaml}: {told}");
    }
}

#[test]
fn what_could_not_be_read_is_not_said_to_be_missing() {
    for yaml in ["protocols: { htttp: }", "protocols: { http: { endpont: x } }"] {
        let told = read(yaml).unwrap_err();
        assert_eq!(told.matches("error: ").count() + told.matches("warning: ").count(), 1, "{told}");
    }
}

#[test]
fn the_example_of_the_readme_is_a_configuration() {
    let readme = include_str!("../../src/otlp/README.md");
    let yaml = readme.split("```yaml\nreceivers:\n  otlp:\n").nth(1).unwrap().split("```").next().unwrap();
    let config = read(yaml).unwrap();
    assert!(config.protocols.grpc.is_some() && config.protocols.http.is_some());
}

#[test]
fn in_code_both_protocols_are_served_by_default() {
    let config = OtlpReceiverConfig::default();
    assert_eq!(config.validate(), []);
    assert_eq!(config.protocols.grpc.get().unwrap().endpoint, "localhost:4317");
    assert_eq!(config.protocols.http.get().unwrap().server.endpoint, "localhost:4318");
}
