use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use otel_core::component::{Code, ConsumeError, Next, Outputs};
use otel_core::net::Status;
use prost::Message as _;
use tokio::time::Instant;
use tonic::codec::CompressionEncoding;

use super::support::{BOTH, Sink, TRACES, call, frame, gzip, method, requests, start, start_with, traces};

#[tokio::test]
async fn every_signal_arrives_plain_and_compressed_as_the_bytes_that_were_sent() {
    let running = start(BOTH).await;
    for (signal, bytes) in requests(3000) {
        let plain = call(running.grpc(), method(signal), &[], frame(false, &bytes)).await;
        let packed = frame(true, &gzip(&bytes));
        let packed = call(running.grpc(), method(signal), &[("grpc-encoding", "gzip")], packed).await;
        for answer in [plain, packed] {
            assert_eq!(answer, (Status::new(Code::Ok, ""), Bytes::from_static(&[0; 5])));
        }
        let got: Vec<_> = running.sink.got().into_iter().filter(|(kind, ..)| *kind == signal).collect();
        assert_eq!(got.len(), 2);
        assert!(got.iter().all(|(_, got, _)| *got == bytes));
        let counted = format!("otelcol_receiver_accepted_{}", signal.items_name());
        assert_eq!(running.metrics.counted(&counted, &[("receiver", "otlp"), ("transport", "grpc")]), 6000);
    }
    running.stop().await;
}

#[tokio::test]
async fn the_generated_client_is_understood() {
    let running = start(BOTH).await;
    let request = ExportTraceServiceRequest::decode(traces(50)).unwrap();
    let client = TraceServiceClient::connect(format!("http://{}", running.grpc())).await.unwrap();
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    let answer = client.export(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.partial_success, None);
    let (_, got, _) = running.sink.got().remove(0);
    assert_eq!(ExportTraceServiceRequest::decode(got).unwrap(), request);
    running.stop().await;
}

#[tokio::test]
async fn the_context_has_client_deadline_and_metadata() {
    let running = start(BOTH).await;
    let before = Instant::now();
    let headers = [("grpc-timeout", "9S"), ("x-tenant", "blue")];
    call(running.grpc(), TRACES, &headers, frame(false, &traces(1))).await;
    let (_, _, context) = running.sink.got().remove(0);
    assert!(context.client().unwrap().address.ip().is_loopback());
    assert_eq!(&*context.metadata().get("X-Tenant")[0], "blue");
    let wait = context.deadline().unwrap() - before;
    assert!((Duration::from_secs(9)..Duration::from_secs(12)).contains(&wait), "{wait:?}");
    running.stop().await;
}

#[tokio::test]
async fn an_empty_request_succeeds_and_goes_no_further() {
    let running = start(BOTH).await;
    for message in [&b""[..], &[0x0a, 0]] {
        let (status, _) = call(running.grpc(), TRACES, &[], frame(false, message)).await;
        assert_eq!(status.code, Code::Ok);
    }
    assert!(running.sink.got().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn errors_of_the_pipeline_reach_the_client() {
    let running = start(BOTH).await;
    let later = Duration::from_millis(1500);
    for (error, expected) in [
        (ConsumeError::permanent("no"), Status::new(Code::Internal, "no")),
        (ConsumeError::retryable("later"), Status::new(Code::Unavailable, "later")),
        (
            ConsumeError::retryable("later").with_code(Code::ResourceExhausted).with_retry_after(later),
            Status::new(Code::ResourceExhausted, "later").with_retry_after(later),
        ),
    ] {
        running.sink.answer(error);
        let (status, _) = call(running.grpc(), TRACES, &[], frame(false, &traces(2))).await;
        assert_eq!(status, expected);
    }
    assert_eq!(running.metrics.counted("otelcol_receiver_refused_spans", &[("transport", "grpc")]), 6);
    assert_eq!(running.metrics.counted("otelcol_receiver_accepted_spans", &[]), 0);
    running.stop().await;
}

#[tokio::test]
async fn only_signals_with_a_pipeline_are_served() {
    let sink = Sink::default();
    let mut outputs = Outputs::new();
    outputs.traces = Some(Next::new(sink.clone()));
    let running = start_with(BOTH, outputs, sink).await;
    for (signal, bytes) in requests(1) {
        let (status, _) = call(running.grpc(), method(signal), &[], frame(false, &bytes)).await;
        let served = signal.as_str() == "traces";
        assert_eq!(status.code, if served { Code::Ok } else { Code::Unimplemented }, "{signal}");
    }
    let (status, _) = call(running.grpc(), "/a.B/C", &[], frame(false, b"")).await;
    assert_eq!(status, Status::new(Code::Unimplemented, "unknown service a.B"));
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_a_request_is_refused_with_its_reason() {
    let running = start(BOTH).await;
    let big = vec![0; (4 << 20) + 1];
    let gzip_header = &[("grpc-encoding", "gzip")][..];
    for (headers, body, code, message) in [
        (&[][..], frame(false, b"garbage!"), Code::Internal, "grpc: error unmarshalling request: "),
        (
            &[][..],
            frame(false, &big),
            Code::ResourceExhausted,
            "grpc: received message larger than max (4194305 vs. 4194304)",
        ),
        (
            gzip_header,
            frame(true, &gzip(&big)),
            Code::ResourceExhausted,
            "grpc: received message after decompression larger than max 4194304",
        ),
        (
            gzip_header,
            frame(true, b"garbage"),
            Code::Internal,
            "grpc: failed to decompress the received message",
        ),
        (&[][..], frame(true, b""), Code::Internal, "grpc: compressed flag set with identity"),
        (
            &[("grpc-encoding", "br")][..],
            frame(true, b""),
            Code::Unimplemented,
            "grpc: Decompressor is not installed for grpc-encoding \"br\"",
        ),
        (&[("grpc-timeout", "soon")][..], frame(false, b""), Code::Internal, "malformed grpc-timeout"),
        (&[][..], Bytes::new(), Code::Internal, "grpc: the request has no message"),
        (&[][..], frame(false, b"abc").slice(..6), Code::Internal, "grpc: the message ends early"),
        (
            &[][..],
            [frame(false, b""), frame(false, b"")].concat().into(),
            Code::Internal,
            "grpc: more than one message in a unary request",
        ),
    ] {
        let (status, _) = call(running.grpc(), TRACES, headers, body).await;
        assert_eq!(status.code, code, "{status}");
        assert!(status.message.starts_with(message), "{status}");
    }
    assert!(running.sink.got().is_empty());
    running.stop().await;
}
