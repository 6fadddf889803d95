use std::time::Duration;

use otel_core::component::{Context, Exporter};
use otel_core::pdata::Traces;
use otel_core::testing::TestAuthority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::round_trip::exporter;
use super::server::{Answer, Backend};
use super::support::{Seen, spans};

const ONCE: &str = "retry_on_failure: { enabled: false }";

async fn export_at_once(exporter: &dyn Exporter<Traces>, count: usize) {
    let exports = (0..count).map(|_| exporter.export(spans(1), Context::new()));
    for sent in futures_util::future::join_all(exports).await {
        sent.unwrap();
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}'"), &seen).await;
    for _ in 0..5 {
        exporter.export(spans(1), Context::new()).await.unwrap();
    }
    export_at_once(&*exporter, 4).await;
    export_at_once(&*exporter, 4).await;
    assert_eq!(backend.connections(), (4, 4, 4));
}

#[tokio::test]
async fn bounds_on_connections_hold() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    backend.pause(Duration::from_millis(5));
    let yaml = format!("endpoint: 'http://{address}', max_conns_per_host: 2");
    let bounded = exporter::<Traces>(&yaml, &seen).await;
    export_at_once(&*bounded, 10).await;
    assert_eq!(backend.got().len(), 10);
    assert_eq!(backend.connections().2, 2);
}

#[tokio::test]
async fn connections_beyond_the_idle_bound_and_time_are_closed() {
    for more in ["max_idle_conns: 1", "max_idle_conns_per_host: 1"] {
        let (backend, seen) = (Backend::default(), Seen::new());
        let address = backend.start().await;
        backend.pause(Duration::from_millis(5));
        let yaml = format!("endpoint: 'http://{address}', {more}");
        let exporter = exporter::<Traces>(&yaml, &seen).await;
        export_at_once(&*exporter, 4).await;
        while backend.connections().1 > 1 {
            tokio::task::yield_now().await;
        }
        exporter.export(spans(1), Context::new()).await.unwrap();
        assert_eq!(backend.connections().0, 4);
    }
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    let yaml = format!("endpoint: 'http://{address}', idle_conn_timeout: 20ms");
    let exporter = exporter::<Traces>(&yaml, &seen).await;
    exporter.export(spans(1), Context::new()).await.unwrap();
    while backend.connections().1 > 0 {
        tokio::task::yield_now().await;
    }
    exporter.export(spans(1), Context::new()).await.unwrap();
    assert_eq!(backend.connections().0, 2);
}

#[tokio::test]
async fn without_keep_alives_each_request_has_its_connection() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    let yaml = format!("endpoint: 'http://{address}', disable_keep_alives: true");
    let exporter = exporter::<Traces>(&yaml, &seen).await;
    for _ in 0..3 {
        exporter.export(spans(1), Context::new()).await.unwrap();
    }
    assert_eq!(backend.connections().0, 3);
    assert_eq!(backend.got()[0].header("connection"), Some("close"));
}

#[tokio::test]
async fn http_2_needs_one_connection() {
    let authority = TestAuthority::new();
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start_tls(&authority.issue("localhost"), &[b"h2"]).await;
    let ca = authority.certificate().replace('\n', "\\n");
    let yaml = format!("endpoint: 'https://localhost:{}', tls: {{ ca_pem: \"{ca}\" }}", address.port());
    let exporter = exporter::<Traces>(&yaml, &seen).await;
    export_at_once(&*exporter, 20).await;
    assert_eq!(backend.got().len(), 20);
    assert_eq!(backend.connections().0, 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_costs_nothing() {
    let seen = Seen::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Answers one request of each connection, then closes it without a word about that.
    let server = tokio::spawn(async move {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    });
    let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}', {ONCE}"), &seen).await;
    for _ in 0..3 {
        exporter.export(spans(1), Context::new()).await.unwrap();
    }
    server.await.unwrap();
}

#[tokio::test]
async fn servers_that_are_dead_or_speak_something_else_are_retryable() {
    for bytes in [&b""[..], b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"] {
        let seen = Seen::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(bytes).await;
            }
        });
        let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}', {ONCE}"), &seen).await;
        let error = exporter.export(spans(1), Context::new()).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert!(error.to_string().starts_with("failed to make an HTTP request: "), "{error}");
    }
    let seen = Seen::new();
    let exporter = exporter::<Traces>(&format!("endpoint: 'http://127.0.0.1:1', {ONCE}"), &seen).await;
    let error = exporter.export(spans(1), Context::new()).await.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("cannot connect to 127.0.0.1:1: "), "{error}");
    assert_eq!(seen.counted("otelcol_exporter_send_failed_spans"), 1);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_after_the_timeout() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    backend.pause(Duration::from_secs(3600));
    let yaml = format!("endpoint: 'http://{address}', timeout: 50ms, {ONCE}");
    let exporter = exporter::<Traces>(&yaml, &seen).await;
    let error = exporter.export(spans(1), Context::new()).await.unwrap_err();
    assert!(error.is_retryable());
    // The connection is of no use any more.
    while backend.connections().1 > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn cookies_are_sent_back_where_asked_for() {
    for (more, told) in [("cookies: {}", Some("route=7")), ("max_idle_conns: 9", None)] {
        let (backend, seen) = (Backend::default(), Seen::new());
        let address = backend.start().await;
        backend.answer([Answer::new(200).with("set-cookie", "route=7; Path=/; HttpOnly")]);
        let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}', {more}"), &seen).await;
        for _ in 0..2 {
            exporter.export(spans(1), Context::new()).await.unwrap();
        }
        let got = backend.got();
        assert_eq!((got[0].header("cookie"), got[1].header("cookie")), (None, told));
    }
}

#[tokio::test]
async fn no_task_outlives_the_exporter() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}'"), &seen).await;
    export_at_once(&*exporter, 3).await;
    drop(exporter);
    while backend.connections().1 > 0 || seen.test.tasks() > 0 {
        tokio::task::yield_now().await;
    }
}
