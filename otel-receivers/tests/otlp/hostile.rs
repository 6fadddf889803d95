use std::time::Duration;

use otel_core::component::{Code, Receiver as _};
use otel_core::pdata::{Signal as _, Traces};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::support::{BOTH, TRACES, call, frame, gzip, post, start, traces};

const PROTOBUF: &str = "content-type: application/x-protobuf";

#[tokio::test]
async fn garbage_on_both_ports_ends_only_its_own_connection() {
    let running = start(BOTH).await;
    for address in [running.grpc(), running.http()] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[0xa5; 4096]).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
    assert_eq!(call(running.grpc(), TRACES, &[], frame(false, &traces(1))).await.0.code, Code::Ok);
    assert_eq!(post(running.http(), "/v1/traces", &[PROTOBUF], &traces(1)).await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_stops_in_its_headers_or_body_holds_nobody_up() {
    let running = start(BOTH).await;
    let mut slow_head = TcpStream::connect(running.http()).await.unwrap();
    slow_head.write_all(b"POST /v1/traces HTTP/1.1\r\nhos").await.unwrap();
    let mut slow_body = TcpStream::connect(running.http()).await.unwrap();
    let head = format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\n{PROTOBUF}\r\ncontent-length: 99\r\n\r\nab");
    slow_body.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(post(running.http(), "/v1/traces", &[PROTOBUF], &traces(1)).await.status, 200);
    // They also do not keep the receiver from ending.
    let begun = Instant::now();
    running.receiver.shutdown(begun + Duration::from_millis(200)).await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(TcpStream::connect(running.http()).await.is_err());
}

#[tokio::test]
async fn slow_headers_are_cut_off_where_that_is_configured() {
    let yaml = "protocols: { http: { endpoint: '127.0.0.1:0', read_header_timeout: 50ms } }";
    let running = start(yaml).await;
    let mut stream = TcpStream::connect(running.http()).await.unwrap();
    stream.write_all(b"POST /v1/traces HTTP/1.1\r\nhos").await.unwrap();
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "the server kept the connection");
    running.stop().await;
}

#[tokio::test]
async fn more_bytes_than_may_be_in_flight_are_refused_with_a_delay() {
    let yaml = format!("{BOTH}max_in_flight_bytes: 100000\n");
    let running = start(&yaml).await;
    let big = traces(9000);
    assert!(big.len() > 100_000);
    for (headers, body) in
        [(&[][..], frame(false, &big)), (&[("grpc-encoding", "gzip")][..], frame(true, &gzip(&big)))]
    {
        let (status, _) = call(running.grpc(), TRACES, headers, body).await;
        assert_eq!(
            (status.code, status.retry_after),
            (Code::ResourceExhausted, Some(Duration::from_secs(1)))
        );
    }
    let answer = post(running.http(), "/v1/traces", &[PROTOBUF], &big).await;
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    // What was refused is given back.
    for _ in 0..20 {
        let (status, _) = call(running.grpc(), TRACES, &[], frame(false, &traces(1000))).await;
        assert_eq!(status.code, Code::Ok);
    }
    running.stop().await;
}

#[tokio::test]
async fn broken_utf8_is_repaired_and_counted_or_refused() {
    // A resource group with a scope with a span with the name ff.
    let broken = [0x0a, 7, 0x12, 5, 0x12, 3, 0x2a, 1, 0xff];
    let running = start(BOTH).await;
    let (status, _) = call(running.grpc(), TRACES, &[], frame(false, &broken)).await;
    assert_eq!(status.code, Code::Ok);
    let (_, got, _) = running.sink.got().remove(0);
    assert!(Traces::from_bytes(got).is_ok());
    assert_eq!(running.metrics.counted("otelcol_receiver_repaired_strings", &[("transport", "grpc")]), 1);
    running.stop().await;

    let running = start(&format!("{BOTH}invalid_utf8: reject\n")).await;
    let (status, _) = call(running.grpc(), TRACES, &[], frame(false, &broken)).await;
    assert_eq!(status.code, Code::Internal);
    assert_eq!(post(running.http(), "/v1/traces", &[PROTOBUF], &broken).await.status, 400);
    assert!(running.sink.got().is_empty());
    running.stop().await;
}
