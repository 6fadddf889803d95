//! Every protocol with every encoding and every compression.

use bytes::Bytes;
use otel_core::component::Code;
use otel_core::net::Status;
use otel_core::pdata::{Logs, Metrics, Signal, SignalKind, Traces};

use super::support::{BOTH, ENCODINGS, Running, TRACES, call, frame, method, pack, post, requests, start};

const PROTOBUF: &str = "content-type: application/x-protobuf";
const JSON: &str = "content-type: application/json";

/// gRPC's names, and what HTTP calls the same.
const GRPC: [(&str, &str); 3] = [("gzip", "gzip"), ("zstd", "zstd"), ("snappy", "x-snappy-framed")];

fn json(signal: SignalKind, bytes: &Bytes) -> Vec<u8> {
    fn of<S: Signal>(bytes: &Bytes) -> Vec<u8> {
        let mut json = Vec::new();
        S::from_bytes(bytes.clone()).unwrap().to_json(&mut json);
        json
    }
    match signal {
        SignalKind::Metrics => of::<Metrics>(bytes),
        SignalKind::Logs => of::<Logs>(bytes),
        _ => of::<Traces>(bytes),
    }
}

/// What arrived last, which must be the only thing since the last look.
fn last(running: &Running, count: usize) -> (SignalKind, Bytes) {
    let mut got = running.sink.got();
    assert_eq!(got.len(), count);
    let (signal, bytes, _) = got.pop().unwrap();
    (signal, bytes)
}

#[tokio::test]
async fn http_takes_protobuf_and_json_in_every_compression() {
    let running = start(BOTH).await;
    let mut count = 0;
    for (signal, bytes) in requests(1000) {
        let path = format!("/v1/{signal}");
        for (header, body) in [(PROTOBUF, bytes.to_vec()), (JSON, json(signal, &bytes))] {
            for encoding in ENCODINGS {
                let encoded = format!("content-encoding: {encoding}");
                let answer = post(running.http(), &path, &[header, &encoded], &pack(encoding, &body)).await;
                assert_eq!(answer.status, 200, "{signal} {header} {encoding}: {answer:?}");
                count += 1;
                let (kind, got) = last(&running, count);
                assert_eq!((kind, json(kind, &got)), (signal, json(signal, &bytes)), "{header} {encoding}");
            }
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn grpc_takes_every_compression() {
    let running = start(BOTH).await;
    let mut count = 0;
    for (signal, bytes) in requests(1000) {
        for (name, encoding) in GRPC {
            let body = frame(true, &pack(encoding, &bytes));
            let answer = call(running.grpc(), method(signal), &[("grpc-encoding", name)], body).await;
            assert_eq!(answer, (Status::new(Code::Ok, ""), Bytes::from_static(&[0; 5])), "{name}");
            count += 1;
            assert_eq!(last(&running, count), (signal, bytes.clone()), "{name}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn bombs_are_refused_in_every_compression() {
    let yaml = "
protocols:
  grpc: { endpoint: '127.0.0.1:0', max_recv_msg_size_mib: 1 }
  http: { endpoint: '127.0.0.1:0', max_request_body_size: 1048576 }
";
    let running = start(yaml).await;
    let zeros = vec![0; (1 << 20) + 1];
    for encoding in ENCODINGS {
        let bomb = pack(encoding, &zeros);
        let encoded = format!("content-encoding: {encoding}");
        let answer = post(running.http(), "/v1/traces", &[PROTOBUF, &encoded], &bomb).await;
        let status = Status::decode(&answer.body);
        let expected = (400, Code::InvalidArgument, "http: request body too large");
        assert_eq!((answer.status, status.code, &*status.message), expected, "{encoding}");
    }
    for (name, encoding) in GRPC {
        let body = frame(true, &pack(encoding, &zeros));
        let (status, _) = call(running.grpc(), TRACES, &[("grpc-encoding", name)], body).await;
        let expected = "grpc: received message after decompression larger than max 1048576";
        assert_eq!((status.code, &*status.message), (Code::ResourceExhausted, expected), "{name}");
    }
    let counted = |transport| {
        let attributes = [("transport", transport), ("reason", "too_large")];
        running.metrics.counted("otelcol_receiver_rejected_requests", &attributes)
    };
    assert_eq!((counted("http"), counted("grpc")), (7, 3));
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_so_compressed_is_refused_in_every_compression() {
    let running = start(BOTH).await;
    for encoding in ENCODINGS {
        let encoded = format!("content-encoding: {encoding}");
        let answer = post(running.http(), "/v1/traces", &[JSON, &encoded], b"\xff\xffgarbage").await;
        assert_eq!(answer.status, 400, "{encoding}");
        assert!(answer.body.starts_with(br#"{"code":3,"message":""#), "{answer:?}");
    }
    for (name, _) in GRPC {
        let body = frame(true, b"\xff\xffgarbage");
        let (status, _) = call(running.grpc(), TRACES, &[("grpc-encoding", name)], body).await;
        assert_eq!(status.code, Code::Internal, "{name}");
        assert!(status.message.starts_with("grpc: failed to decompress the received message: "), "{status}");
    }
    running.stop().await;
}

#[tokio::test]
async fn compressions_can_be_narrowed() {
    let yaml = "protocols: { http: { endpoint: '127.0.0.1:0', compression_algorithms: [gzip] } }";
    let running = start(yaml).await;
    let (_, bytes) = &requests(3)[0];
    let gzip = ["content-encoding: gzip", PROTOBUF];
    assert_eq!(post(running.http(), "/v1/traces", &gzip, &pack("gzip", bytes)).await.status, 200);
    let zstd = ["content-encoding: zstd", PROTOBUF];
    assert_eq!(post(running.http(), "/v1/traces", &zstd, &pack("zstd", bytes)).await.status, 400);
    let plain = post(running.http(), "/v1/traces", &[PROTOBUF], bytes).await;
    assert_eq!((plain.status, Status::decode(&plain.body).code), (400, Code::InvalidArgument));
    running.stop().await;
}

#[tokio::test]
async fn an_unsupported_encoding_is_told_in_whatever_the_client_reads() {
    let running = start(BOTH).await;
    let rot13 = "content-encoding: rot13";
    let protobuf = post(running.http(), "/v1/traces", &[rot13, PROTOBUF], b"").await;
    assert_eq!((protobuf.status, Status::decode(&protobuf.body).code), (400, Code::InvalidArgument));
    let told = br#"{"code":3,"message":"unsupported Content-Encoding: rot13"}"#;
    for headers in [&[rot13][..], &[rot13, JSON]] {
        let answer = post(running.http(), "/anywhere", headers, b"").await;
        assert_eq!((answer.status, &answer.body[..]), (400, &told[..]));
    }
    let neither = post(running.http(), "/v1/traces", &[rot13, "content-type: text/html"], b"").await;
    let told = br#"{"code": 13, "message": "failed to marshal error message"}"#;
    assert_eq!((neither.status, &neither.body[..]), (500, &told[..]));
    running.stop().await;
}
