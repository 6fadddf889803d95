use std::time::Duration;

use otel_core::component::{Code, ConsumeError, Next, Outputs};
use otel_core::net::Status;
use otel_core::pdata::{Signal as _, Traces};

use super::support::{BOTH, Sink, gzip, post, raw, requests, start, start_with, traces};

const PROTOBUF: &str = "content-type: application/x-protobuf";
const JSON: &str = "content-type: application/json";
const GZIP: &str = "content-encoding: gzip";

#[tokio::test]
async fn protobuf_arrives_plain_and_compressed_as_the_bytes_that_were_sent() {
    let running = start(BOTH).await;
    for (signal, bytes) in requests(3000) {
        let path = format!("/v1/{signal}");
        let plain = post(running.http(), &path, &[PROTOBUF], &bytes).await;
        let packed = post(running.http(), &path, &[PROTOBUF, GZIP], &gzip(&bytes)).await;
        for answer in [plain, packed] {
            assert_eq!((answer.status, &answer.body[..]), (200, &[0x0a, 0][..]));
            assert!(answer.head.contains("content-type: application/x-protobuf"), "{}", answer.head);
        }
        let got: Vec<_> = running.sink.got().into_iter().filter(|(kind, ..)| *kind == signal).collect();
        assert_eq!(got.len(), 2);
        assert!(got.iter().all(|(_, got, _)| *got == bytes));
        let counted = format!("otelcol_receiver_accepted_{}", signal.items_name());
        assert_eq!(running.metrics.counted(&counted, &[("transport", "http")]), 6000);
    }
    running.stop().await;
}

#[tokio::test]
async fn json_arrives_plain_and_compressed() {
    let running = start(BOTH).await;
    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"},{"name":"b"}]}]}]}"#;
    let plain =
        post(running.http(), "/v1/traces", &["Content-Type: Application/JSON; charset=utf-8"], json).await;
    let packed = post(running.http(), "/v1/traces", &[JSON, GZIP], &gzip(json)).await;
    for answer in [plain, packed] {
        assert_eq!((answer.status, &answer.body[..]), (200, &br#"{"partialSuccess":{}}"#[..]));
        assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    }
    for (_, got, _) in running.sink.got() {
        assert_eq!(Traces::from_bytes(got).unwrap().items(), 2);
    }
    assert_eq!(running.metrics.counted("otelcol_receiver_accepted_spans", &[]), 4);
    running.stop().await;
}

#[tokio::test]
async fn an_empty_request_succeeds_and_goes_no_further() {
    let running = start(BOTH).await;
    for (header, body) in [(PROTOBUF, &b""[..]), (JSON, b"{}")] {
        assert_eq!(post(running.http(), "/v1/logs", &[header], body).await.status, 200);
    }
    assert!(running.sink.got().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn errors_of_the_pipeline_reach_the_client_in_its_encoding() {
    let running = start(BOTH).await;
    let later = Duration::from_millis(1500);
    for (error, http, code, retry_after) in [
        (ConsumeError::permanent("no"), 500, Code::Internal, None),
        (ConsumeError::retryable("no"), 503, Code::Unavailable, None),
        (
            ConsumeError::retryable("no").with_retry_after(later),
            503,
            Code::Unavailable,
            Some("retry-after: 2"),
        ),
        (ConsumeError::permanent("no").with_retry_after(later), 500, Code::Internal, None),
        (ConsumeError::permanent("no").with_code(Code::Unauthenticated), 401, Code::Unauthenticated, None),
        (
            ConsumeError::retryable("no").with_code(Code::ResourceExhausted),
            429,
            Code::ResourceExhausted,
            None,
        ),
    ] {
        running.sink.answer(error);
        let protobuf = post(running.http(), "/v1/traces", &[PROTOBUF], &traces(1)).await;
        let status = Status::decode(&protobuf.body);
        assert_eq!((protobuf.status, status.code, status.message.as_str()), (http, code, "no"));
        assert_eq!(protobuf.head.lines().find(|line| line.starts_with("retry-after")), retry_after);
        let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}"#;
        let json = post(running.http(), "/v1/traces", &[JSON], json).await;
        assert_eq!(json.status, http);
        let text = String::from_utf8(json.body).unwrap();
        assert!(text.starts_with(&format!(r#"{{"code":{},"#, code.number())), "{text}");
        assert!(text.contains(r#""message":"no""#), "{text}");
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_a_request_is_refused_with_its_reason() {
    let running = start(BOTH).await;
    let big = vec![0; (20 << 20) + 1];
    for (headers, body, message) in [
        (&[PROTOBUF][..], b"garbage!".to_vec(), ""),
        (&[PROTOBUF][..], big.clone(), "http: request body too large"),
        (&[PROTOBUF, GZIP][..], gzip(&big), "http: request body too large"),
        (&[PROTOBUF, GZIP][..], b"garbage".to_vec(), ""),
        (&[PROTOBUF, "content-encoding: rot13"][..], b"".to_vec(), "unsupported Content-Encoding: rot13"),
    ] {
        let answer = post(running.http(), "/v1/traces", headers, &body).await;
        let status = Status::decode(&answer.body);
        assert_eq!((answer.status, status.code), (400, Code::InvalidArgument), "{status}");
        assert!(!status.message.is_empty() && status.message.starts_with(message), "{status}");
    }
    let answer = post(running.http(), "/v1/traces", &[JSON], b"{").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.starts_with(br#"{"code":3,"message":""#));
    running.stop().await;
}

#[tokio::test]
async fn other_paths_methods_and_types_are_refused() {
    let sink = Sink::default();
    let mut outputs = Outputs::new();
    outputs.traces = Some(Next::new(sink.clone()));
    let running = start_with(BOTH, outputs, sink).await;
    let answer = post(running.http(), "/v1/logs", &[PROTOBUF], b"").await;
    assert_eq!((answer.status, &answer.body[..]), (404, &b"404 page not found\n"[..]));
    assert!(answer.head.contains("x-content-type-options: nosniff"));
    let answer =
        raw(running.http(), b"GET /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!((answer.status, &answer.body[..]), (405, &b"405 method not allowed, supported: [POST]"[..]));
    assert!(answer.head.contains("content-type: text/plain"));
    for header in ["content-type: text/html", "x: y"] {
        let answer = post(running.http(), "/v1/traces", &[header], b"").await;
        let text = &b"415 unsupported media type, supported: [application/json, application/x-protobuf]"[..];
        assert_eq!((answer.status, &answer.body[..]), (415, text));
    }
    running.stop().await;
}

#[tokio::test]
async fn paths_are_configured_with_or_without_a_slash() {
    let yaml = "protocols: { http: { endpoint: '127.0.0.1:0', traces_url_path: in/spans } }";
    let running = start(yaml).await;
    for path in ["/in/spans", "//in//spans?x"] {
        assert_eq!(post(running.http(), path, &[PROTOBUF], &traces(1)).await.status, 200);
    }
    assert_eq!(post(running.http(), "/in/spans/", &[PROTOBUF], &traces(1)).await.status, 404);
    assert_eq!(post(running.http(), "/v1/traces", &[PROTOBUF], &traces(1)).await.status, 404);
    running.stop().await;
}
