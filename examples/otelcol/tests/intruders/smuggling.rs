//! Requests that try to look like something else, and bodies that do not end.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::StreamBody;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::support::collector::Collector;
use super::{PATIENCE, Way, accepted, refusals, spans, start, status};

const GOOD: &str = "authorization: Bearer first-token";
const BODY: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}"#;

async fn guarded() -> Collector {
    let extensions = "{ bearertokenauth: { token: first-token } }";
    start("auth: { authenticator: bearertokenauth }", extensions, "bearertokenauth").await
}

/// Writes bytes and reads until the server closes or says no more.
async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    // A server that has answered what it understood need not wait for more.
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(headers: &[&str], body: &str) -> Vec<u8> {
    let head = ["POST /v1/traces HTTP/1.1", "host: x", "content-type: application/json"];
    format!("{}\r\n\r\n{body}", [&head, headers].concat().join("\r\n")).into_bytes()
}

#[tokio::test]
async fn credentials_that_are_smuggled_into_other_headers_get_nobody_in() {
    let collector = guarded().await;
    let length = format!("content-length: {}", BODY.len());
    for headers in [
        &["x-a: b\rauthorization: Bearer first-token"][..],
        &["x-a: b\nauthorization : Bearer first-token"],
        &["authorization : Bearer first-token"],
        &["x-a: b\r\n authorization: Bearer first-token"],
        &["authorization\0: Bearer first-token"],
        &["authorization: Bearer\r\n first-token"],
        &["proxy-authorization: Bearer first-token"],
        &["x-authorization: Bearer first-token", "x-forwarded-authorization: Bearer first-token"],
        &["authorization: Bearer wrong", GOOD],
        &[GOOD, GOOD],
        &["authorization: Bearer first-token\0"],
    ] {
        let answer = raw(collector.http(), &post(&[&[&*length], headers].concat(), BODY)).await;
        let refused = answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 400");
        assert!(refused || answer.is_empty(), "{headers:?}: {answer}");
    }
    assert!(spans(&collector).await < 0.5);
    let answer = raw(collector.http(), &post(&[&length, GOOD], BODY)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn who_pretends_to_be_another_client_in_metadata_is_nobody() {
    let collector = guarded().await;
    for way in super::WAYS {
        let ask = way
            .ask()
            .header("x-forwarded-user", "carol")
            .header("x-forwarded-client-cert", "Subject=\"CN=carol\"")
            .header("x-forwarded-for", "127.0.0.1")
            .header("auth.username", "carol")
            .header("username", "carol");
        assert_eq!(status(&way.send(&collector, ask).await).0, super::refused(way), "{way:?}");
    }
}

#[tokio::test]
async fn a_request_within_the_body_of_another_needs_credentials_of_its_own() {
    let collector = guarded().await;
    let length = format!("content-length: {}", BODY.len());
    let inner = String::from_utf8(post(&[&length], BODY)).unwrap();
    // By the length the second request is a part of the first one's body, by the chunks it is one of its own.
    let both = format!("content-length: {}", inner.len() + 5);
    for (first, credentials) in [
        (vec![&*both, "transfer-encoding: chunked", GOOD], true),
        (vec!["transfer-encoding: chunked", &both, GOOD], true),
        (vec![&*both, "transfer-encoding: chunked"], false),
        (vec!["transfer-encoding: chunked", "transfer-encoding: identity", &both, GOOD], true),
        (vec![&both, "content-length: 5", GOOD], true),
    ] {
        let answer = raw(collector.http(), &post(&first, &format!("0\r\n\r\n{inner}"))).await;
        let statuses: Vec<_> = answer.matches("HTTP/1.1 ").collect();
        assert!(statuses.len() <= 2, "{first:?}: {answer}");
        assert!(!answer.contains("HTTP/1.1 200") || credentials, "{first:?}: {answer}");
        // The empty body of the first may be taken for what it is: not JSON. The second is never taken.
        assert!(spans(&collector).await < 0.5, "{first:?}: {answer}");
    }
}

#[tokio::test]
async fn nothing_of_a_refused_body_is_waited_for_over_http1() {
    let collector = guarded().await;
    let refused = refusals(&collector, "http").await;
    for expect in ["", "expect: 100-continue\r\n"] {
        let stream = TcpStream::connect(collector.http()).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: x\r\n{expect}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        write.write_all(head.as_bytes()).await.unwrap();
        let endless = tokio::spawn(async move {
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            let mut written = 0;
            while write.write_all(chunk.as_bytes()).await.is_ok() {
                written += chunk.len();
            }
            written
        });
        let begun = Instant::now();
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ = timeout(PATIENCE, read.read_to_end(&mut answer)).await.expect("the server closes");
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(begun.elapsed() < PATIENCE / 4);
        // What the sockets hold is written, and little is read.
        let written = timeout(PATIENCE, endless).await.expect("it cannot go on").unwrap();
        assert!(written < 32 << 20, "{written}");
    }
    assert!((refusals(&collector, "http").await - refused - 2.0).abs() < 0.5);
}

#[tokio::test]
async fn nothing_of_a_refused_body_is_waited_for_over_http2() {
    let collector = guarded().await;
    for (way, content_type, path) in [
        (Way::Grpc, "application/grpc", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        (Way::Http2, "application/json", "/v1/traces"),
    ] {
        let address = way.address(&collector);
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let body = StreamBody::new(stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>());
        let request = Request::post(format!("http://{address}{path}")).header("content-type", content_type);
        let answer = client.send_request(request.body(body).unwrap());
        let answer = timeout(PATIENCE, answer).await.expect("the refusal does not wait").unwrap();
        match way {
            Way::Grpc => assert_eq!(answer.headers()["grpc-status"], "16"),
            _ => assert_eq!(answer.status(), 401),
        }
        assert!((refusals(&collector, way.transport()).await - 1.0).abs() < 0.5);
        let good = way.ask().header("authorization", "Bearer first-token");
        assert_eq!(status(&way.send(&collector, good).await).0, accepted(way));
    }
}
