//! Servers that are slow, silent, or have bad manners.

use std::time::Duration;

use otel_core::component::{Code, Context};
use otel_core::pdata::{Signal as _, Traces};
use tokio::net::TcpListener;

use super::inputs;
use super::raw::{Manners, RawServer};
use super::round_trip::exporter;
use super::server::Backend;
use super::support::{Seen, spans};

const ONCE: &str = "retry_on_failure: { enabled: false }";

#[tokio::test]
async fn bad_manners_are_retryable_where_the_outcome_is_unknown() {
    let (server, seen) = (RawServer::new(), Seen::new());
    let address = server.start().await;
    let exporter = exporter::<Traces>(&address.to_string(), &format!("timeout: 50ms, {ONCE}"), &seen).await;
    for (manners, retryable, code) in [
        (Manners::Status(503), true, Code::Unavailable),
        (Manners::Status(502), true, Code::Unavailable),
        (Manners::Status(429), true, Code::Unavailable),
        (Manners::Status(404), false, Code::Unimplemented),
        (Manners::Status(401), false, Code::Unauthenticated),
        (Manners::Status(403), false, Code::PermissionDenied),
        (Manners::Status(400), false, Code::Internal),
        (Manners::NoTrailers, true, Code::Unavailable),
        (Manners::Reset, true, Code::Unavailable),
        (Manners::Silent, true, Code::DeadlineExceeded),
    ] {
        server.behave(manners);
        let error = exporter.export(spans(1), Context::new()).await.unwrap_err();
        assert_eq!((error.is_retryable(), error.code()), (retryable, Some(code)), "{manners:?}: {error}");
    }
    server.behave(Manners::Good);
    exporter.export(spans(1), Context::new()).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn small_windows_make_it_slow_and_nothing_else() {
    let (server, seen) = (RawServer::with_window(1000), Seen::new());
    let address = server.start().await;
    for size in [0, 1, 100, 1 << 30] {
        let more = format!("compression: none, write_buffer_size: {size}");
        let exporter = exporter::<Traces>(&address.to_string(), &more, &seen).await;
        let bytes = inputs::traces(5000);
        let sent =
            (0..3).map(|_| exporter.export(Traces::from_bytes(bytes.clone()).unwrap(), Context::new()));
        for sent in futures_util::future::join_all(sent).await {
            sent.unwrap();
        }
        assert!(server.got().iter().all(|got| got.message == bytes));
    }
    assert_eq!(server.got().len(), 12);
}

#[tokio::test]
async fn requests_wait_for_a_server_where_they_are_told_to() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let more = format!("wait_for_ready: true, timeout: 20s, {ONCE}");
    let exporter = exporter::<Traces>(&address.to_string(), &more, &seen).await;
    let appear = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(backend.serve(TcpListener::bind(address).await.unwrap()));
    };
    let (sent, ()) = tokio::join!(exporter.export(spans(1), Context::new()), appear);
    sent.unwrap();
    let more = format!("wait_for_ready: true, timeout: 50ms, {ONCE}");
    let nobody = super::round_trip::exporter::<Traces>("127.0.0.1:1", &more, &seen).await;
    let error = nobody.export(spans(1), Context::new()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::DeadlineExceeded));
}

#[tokio::test]
async fn no_task_outlives_the_exporter() {
    let (server, seen) = (RawServer::new(), Seen::new());
    let address = server.start().await;
    for balancer in ["round_robin", "pick_first"] {
        let more = format!("balancer_name: {balancer}");
        let exporter = exporter::<Traces>(&address.to_string(), &more, &seen).await;
        exporter.export(spans(1), Context::new()).await.unwrap();
        assert!(seen.test.tasks() > 0);
        drop(exporter);
        while seen.test.tasks() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
