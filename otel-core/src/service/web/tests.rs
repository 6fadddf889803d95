use std::io::Write as _;
use std::net::TcpListener;

use super::WebProvider;
use crate::component::ProxySettings;
use crate::config::{Diagnostics, Loader, MAX_BYTES, Node};
use crate::net::tls::{TlsClientConfig, TlsServer, TlsServerConfig};
use crate::telemetry::Logger;
use crate::testing::TestAuthority;

/// Answers one connection after the other on a thread of its own; gives where, and the requests after the last.
fn server(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = head(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            request
        };
        answers.into_iter().map(answer).collect()
    };
    (address, std::thread::spawn(serve))
}

fn head(stream: &mut impl std::io::Read) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        request.extend(byte);
    }
    String::from_utf8(request).unwrap()
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn load(uri: &str) -> (Option<Node>, String) {
    let mut diagnostics = Diagnostics::new();
    let root = Loader::default().with(WebProvider::http()).load([uri], &mut diagnostics);
    (root, diagnostics.to_string())
}

#[test]
fn a_configuration_is_read_from_where_a_server_redirects() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: /new?v=1\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (address, server) = server(vec![moved, ok("processors: {batch: {timeout: 1s}}")]);
    let (root, problems) = load(&format!("http://me:pw@{address}/old"));
    assert_eq!(problems, "");
    assert!(root.unwrap().entry("processors").is_some());
    let requests = server.join().unwrap();
    assert!(requests[0].starts_with("GET /old HTTP/1.1\r\n"), "{requests:?}");
    assert!(requests[1].starts_with("GET /new?v=1 HTTP/1.1\r\n"), "{requests:?}");
    assert!(requests[1].contains("authorization: Basic bWU6cHc=\r\n"), "{requests:?}");
}

#[test]
fn behind_a_proxy_it_is_the_proxy_that_is_asked() {
    let (proxy, server) = server(vec![ok("processors:")]);
    let proxies =
        ProxySettings::from_variables(|name| (name == "HTTP_PROXY").then(|| format!("http://{proxy}")));
    let loader = Loader::default().with(WebProvider::http().with_proxies(proxies));
    let mut diagnostics = Diagnostics::new();
    let root = loader.load(["http://configs.invalid/otelcol.yaml"], &mut diagnostics);
    assert_eq!((root.is_some(), diagnostics.to_string()), (true, String::new()));
    let requests = server.join().unwrap();
    assert!(requests[0].starts_with("GET http://configs.invalid/otelcol.yaml HTTP/1.1\r\n"), "{requests:?}");
}

#[test]
fn inside_a_runtime_a_reference_is_read_too() {
    let (address, server) = server(vec![ok("5s")]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (root, problems) =
        runtime.block_on(async { load(&format!("yaml:timeout: ${{http://{address}/t}}")) });
    assert_eq!(problems, "");
    assert_eq!(root.unwrap().entry("timeout").and_then(Node::text), Some("5s"));
    server.join().unwrap();
}

#[test]
fn what_a_server_refuses_is_told_without_the_password() {
    let (address, server) = server(vec!["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()]);
    let (root, problems) = load(&format!("http://me:pw@{address}/x"));
    assert!(root.is_none());
    let expected = format!(
        "error: failed to load resource from uri \"http://[REDACTED]@{address}/x\". status code: 404"
    );
    assert_eq!(problems, expected);
    server.join().unwrap();
    let (_, problems) = load(&format!("http://{address}/x"));
    assert!(problems.contains("cannot connect to"), "{problems}");
}

#[test]
fn a_configuration_without_end_is_refused() {
    let (address, server) = server(vec![ok(&"#".repeat(MAX_BYTES + 1))]);
    let (root, problems) = load(&format!("http://{address}/x"));
    assert!(root.is_none());
    assert!(problems.contains(&format!("the answer is longer than {MAX_BYTES} bytes")), "{problems}");
    server.join().unwrap();
}

#[test]
fn servers_are_authenticated() {
    let authority = TestAuthority::new();
    let identity = authority.issue("localhost");
    let mut config = TlsServerConfig::default();
    config.common.cert_pem = identity.certificate.as_str().into();
    config.common.key_pem = identity.key.as_str().into();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let tls = TlsServer::load(&config, &[b"http/1.1"], Logger::none()).unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = tls.accept(stream).await {
                // An answer that comes before its request is none.
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(ok("receivers: {nop: }").as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });

    let mut trusting = TlsClientConfig::default();
    trusting.common.ca_pem = authority.certificate().into();
    let uri = format!("https://localhost:{port}/config.yaml");
    for (provider, loads) in [(WebProvider::https().with_tls(trusting), true), (WebProvider::https(), false)]
    {
        let mut diagnostics = Diagnostics::new();
        let root = Loader::default().with(provider).load([&uri], &mut diagnostics);
        assert_eq!(root.is_some(), loads, "{diagnostics}");
        let refused = "the TLS handshake with localhost failed";
        assert_eq!(diagnostics.to_string().contains(refused), !loads, "{diagnostics}");
    }
}
