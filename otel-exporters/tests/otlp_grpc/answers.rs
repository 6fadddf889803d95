use std::time::Duration;

use otel_core::component::Code as PipelineCode;
use otel_core::component::Context;
use otel_core::net;
use otel_core::pdata::Traces;
use tonic::{Code, Status};

use super::round_trip::exporter;
use super::server::Backend;
use super::support::{Seen, spans};

const ONCE: &str = "retry_on_failure: { enabled: false }";

#[tokio::test]
async fn codes_are_retryable_or_permanent() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let (address, _server) = backend.start().await;
    let exporter = exporter::<Traces>(&address.to_string(), ONCE, &seen).await;
    for number in 1..=16 {
        let code = Code::from_i32(number);
        backend.fail([Status::new(code, "no, später")]);
        let error = exporter.export(spans(1), Context::new()).await.unwrap_err();
        let retryable = matches!(
            code,
            Code::Cancelled
                | Code::DeadlineExceeded
                | Code::Aborted
                | Code::OutOfRange
                | Code::Unavailable
                | Code::DataLoss
        );
        assert_eq!(error.is_retryable(), retryable, "{code:?}");
        assert_eq!(error.code().map(PipelineCode::number), Some(number));
        assert!(error.to_string().ends_with("desc = no, später"), "{error}");
    }
}

#[tokio::test]
async fn a_named_delay_makes_exhaustion_retryable() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let (address, _server) = backend.start().await;
    let exporter = exporter::<Traces>(&address.to_string(), ONCE, &seen).await;
    let delay = Duration::from_millis(2500);
    let details = net::Status::new(PipelineCode::ResourceExhausted, "slow").with_retry_after(delay).encode();
    backend.fail([Status::with_details(Code::ResourceExhausted, "slow", details)]);
    let error = exporter.export(spans(1), Context::new()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), Some(delay));
}

#[tokio::test]
async fn a_partial_success_is_logged_and_counted_as_sent() {
    let (backend, seen) = (Backend::default(), Seen::new());
    let (address, _server) = backend.start().await;
    let exporter = exporter::<Traces>(&address.to_string(), ONCE, &seen).await;
    backend.partial(2, "too old");
    exporter.export(spans(3), Context::new()).await.unwrap();
    assert!(seen.logged("warn Partial success response message=\"too old\" dropped_spans=2"));
    assert_eq!(backend.got().len(), 1);
    assert_eq!(seen.counted("otelcol_exporter_sent_spans"), 3);
}

#[tokio::test]
async fn nobody_there_is_retryable() {
    let seen = Seen::new();
    let exporter = exporter::<Traces>("127.0.0.1:1", ONCE, &seen).await;
    let error = exporter.export(spans(1), Context::new()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.code(), Some(PipelineCode::Unavailable));
    assert_eq!(seen.counted("otelcol_exporter_send_failed_spans"), 1);
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_retryable() {
    let seen = Seen::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.writable().await;
            let _ = stream.try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let exporter = exporter::<Traces>(&address.to_string(), ONCE, &seen).await;
    assert!(exporter.export(spans(1), Context::new()).await.unwrap_err().is_retryable());
}
