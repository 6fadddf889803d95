//! Certificates of clients, and versions of TLS.

use std::path::Path;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use otel_core::net::tls::{TlsClient, TlsClientConfig, TlsVersion};
use otel_core::telemetry::Logger;
use otel_core::testing::{TestAuthority, TestIdentity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::collector::Collector;
use super::{PATIENCE, WAYS, Way, accepted, spans, start, status};

/// An authority with a server's certificate, in a directory.
struct Keys {
    authority: TestAuthority,
    directory: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        let (authority, directory) = (TestAuthority::new(), tempfile::tempdir().unwrap());
        let server = authority.issue("localhost");
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write("server.pem", &server.certificate);
        write("server.key", &server.key);
        write("ca.pem", authority.certificate());
        Self { authority, directory }
    }

    /// The keys of a server that knows its clients.
    fn server(&self, more: &str) -> String {
        let path = |name: &str| Path::new(self.directory.path()).join(name).display().to_string();
        format!(
            "tls: {{ cert_file: '{}', key_file: '{}', client_ca_file: '{}', {more} }}",
            path("server.pem"),
            path("server.key"),
            path("ca.pem")
        )
    }

    fn client(&self, identity: Option<&TestIdentity>) -> TlsClientConfig {
        let mut config = TlsClientConfig::default();
        config.common.ca_pem = self.authority.certificate().into();
        if let Some(identity) = identity {
            config.common.cert_pem = identity.certificate.as_str().into();
            config.common.key_pem = identity.key.as_str().into();
        }
        config
    }
}

/// Sends a request over TLS. Nothing where the connection does not get that far.
async fn send(way: Way, collector: &Collector, config: &TlsClientConfig) -> Option<u16> {
    let protocols: &[&[u8]] = if way == Way::Http1 { &[b"http/1.1"] } else { &[b"h2"] };
    let tls = TlsClient::load(config, protocols, Logger::none()).unwrap();
    let stream = TcpStream::connect(way.address(collector)).await.unwrap();
    let stream = TokioIo::new(tls.connect("localhost", stream).await.ok()?);
    let ask = way.ask();
    let uri = if way == Way::Http1 { ask.path.clone() } else { format!("https://localhost{}", ask.path) };
    let mut request = Request::post(uri).header("host", "localhost");
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    if way != Way::Http1 {
        request.headers_mut().unwrap().remove("host");
    }
    let request = request.body(Full::new(ask.body)).unwrap();
    let answer = if way == Way::Http1 {
        let (mut client, connection) = http1::handshake(stream).await.ok()?;
        tokio::spawn(connection);
        client.send_request(request).await
    } else {
        let (mut client, connection) = http2::handshake(TokioExecutor::new(), stream).await.ok()?;
        tokio::spawn(connection);
        client.send_request(request).await
    };
    let (head, body) = answer.ok()?.into_parts();
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let answer =
        super::Answer { status: head.status, headers: head.headers, body: body.to_bytes(), trailers };
    Some(status(&answer).0)
}

async fn handshakes(collector: &Collector, transport: &str) -> f64 {
    let text = collector.scrape().await;
    let series = text.lines().filter(|line| {
        line.starts_with("otelcol_receiver_failed_connections")
            && line.contains(&format!("transport=\"{transport}\""))
            && line.contains("reason=\"tls_handshake\"")
    });
    series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// Waits until that many handshakes have failed: a client with TLS 1.3 is done before its server is.
async fn failed(collector: &Collector, transport: &str, expected: f64) {
    let counted = async {
        while handshakes(collector, transport).await < expected {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, counted).await.expect("it is counted");
    assert!((handshakes(collector, transport).await - expected).abs() < 0.5);
}

#[tokio::test]
async fn clients_without_a_certificate_of_the_authority_get_no_connection() {
    let keys = Keys::new();
    let collector = start(&keys.server(""), "{}", "").await;
    let strangers = TestAuthority::new();
    let (good, expired) = (keys.authority.issue("carol"), keys.authority.issue_expired("carol"));
    let stranger = strangers.issue("carol");
    // A certificate without its key is worth nothing.
    let mut stolen = keys.client(Some(&good));
    stolen.common.key_pem = stranger.key.as_str().into();
    assert!(TlsClient::load(&stolen, &[b"h2"], Logger::none()).is_err());
    for way in WAYS {
        let before = handshakes(&collector, way.transport()).await;
        for identity in [None, Some(&expired), Some(&stranger)] {
            assert_eq!(send(way, &collector, &keys.client(identity)).await, None, "{way:?}");
        }
        failed(&collector, way.transport(), before + 3.0).await;
        assert_eq!(send(way, &collector, &keys.client(Some(&good))).await, Some(accepted(way)), "{way:?}");
    }
    assert!((spans(&collector).await - 3.0).abs() < 0.5);
}

#[tokio::test]
async fn a_certificate_does_not_stand_in_for_credentials() {
    let keys = Keys::new();
    let server = format!("{}, auth: {{ authenticator: bearertokenauth }}", keys.server(""));
    let collector = start(&server, "{ bearertokenauth: { token: first-token } }", "bearertokenauth").await;
    let good = keys.authority.issue("carol");
    for way in WAYS {
        let answer = send(way, &collector, &keys.client(Some(&good))).await;
        assert_eq!(answer, Some(super::refused(way)), "{way:?}");
    }
    assert!(spans(&collector).await < 0.5);
}

#[tokio::test]
async fn older_versions_of_tls_than_the_server_takes_get_no_connection() {
    let keys = Keys::new();
    let good = keys.authority.issue("carol");
    let mut older = keys.client(Some(&good));
    older.common.max_version = Some(TlsVersion::V1_2);
    for (least, takes_older) in [("min_version: '1.2'", true), ("min_version: '1.3'", false)] {
        let collector = start(&keys.server(least), "{}", "").await;
        for way in WAYS {
            let answer = send(way, &collector, &older).await;
            assert_eq!(answer, takes_older.then_some(accepted(way)), "{way:?} {least}");
            let answer = send(way, &collector, &keys.client(Some(&good))).await;
            assert_eq!(answer, Some(accepted(way)), "{way:?} {least}");
        }
    }
}

/// A greeting that offers nothing newer than a version, whose number ends with this.
fn client_hello(version: u8) -> Vec<u8> {
    let mut hello = vec![3, version];
    hello.extend([7; 32]);
    // No session, four cipher suites of those days, no compression.
    hello.extend([0, 0, 8, 0xc0, 0x13, 0xc0, 0x14, 0, 0x2f, 0, 0x35, 1, 0]);
    let mut handshake = vec![1, 0, 0, hello.len() as u8];
    handshake.extend(hello);
    let mut record = vec![22, 3, 1, 0, handshake.len() as u8];
    record.extend(handshake);
    record
}

#[tokio::test]
async fn tls_of_the_last_century_and_no_tls_at_all_get_no_connection() {
    let keys = Keys::new();
    let mut collector = start(&keys.server(""), "{}", "").await;
    let plain = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let prior = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for way in [Way::Grpc, Way::Http1] {
        let mut count = handshakes(&collector, way.transport()).await;
        for greeting in [&client_hello(1)[..], &client_hello(2), &client_hello(0), plain, prior] {
            let mut stream = TcpStream::connect(way.address(&collector)).await.unwrap();
            stream.write_all(greeting).await.unwrap();
            let mut answer = Vec::new();
            // A reset is an end, too.
            let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
            // At most an alert, which is fatal.
            assert!(answer.is_empty() || (answer[0] == 21 && answer[5] == 2), "{answer:?}");
            count += 1.0;
            failed(&collector, way.transport(), count).await;
        }
    }
    // Somebody is told, but not of each.
    collector.wait_for_log("TLS handshake failed").await;
    assert_eq!(collector.log().matches("TLS handshake failed").count(), 2, "{}", collector.log());
    assert!(spans(&collector).await < 0.5);
}
