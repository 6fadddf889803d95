use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body_util::{Empty, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use otel_core::component::{Code, Outputs, Receiver as _};
use otel_core::pdata::{Signal as _, Traces};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::support::{BOTH, Sink, TRACES, call, frame, gzip, post, start, start_with, traces};

const PROTOBUF: &str = "content-type: application/x-protobuf";
const LONG: Duration = Duration::from_secs(20);

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
async fn headers_without_an_end_are_cut_off() {
    let running = start(BOTH).await;
    let mut stream = TcpStream::connect(running.http()).await.unwrap();
    // A request before them changes nothing.
    let (whole, body) = (head(0), "x-long: ".to_owned() + &"a".repeat(200 << 10));
    stream.write_all(whole.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let sending = async {
        stream.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n").await?;
        for piece in body.as_bytes().chunks(1 << 10) {
            stream.write_all(piece).await?;
            tokio::task::yield_now().await;
        }
        stream.read_to_end(&mut Vec::new()).await.map(drop)
    };
    let _ = timeout(LONG, sending).await.expect("the server closes the connection");
    // Headers that are long, and a body that is longer.
    let long = format!("x-long: {}", "a".repeat(60 << 10));
    let all = traces(30_000);
    assert_eq!(post(running.http(), "/v1/traces", &[PROTOBUF, &long], &all).await.status, 200);
    // Over HTTP/2 the body may be here before the request has begun.
    let io = TokioIo::new(TcpStream::connect(running.http()).await.unwrap());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let (name, value) = PROTOBUF.split_once(": ").unwrap();
    let request = Request::post("http://x/v1/traces").header(name, value);
    let answer = client.send_request(request.body(Full::new(all)).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    connection.abort();
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
async fn long_headers_count_as_bytes_in_flight() {
    let running = start(&format!("{BOTH}max_in_flight_bytes: 100000\n")).await;
    let long = "a".repeat(60_000);
    let headers = [("x-long", &long[..])];
    // They fit once, and not twice at a time.
    let body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let io = TokioIo::new(TcpStream::connect(running.grpc()).await.unwrap());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::post(format!("http://x{TRACES}")).header("content-type", "application/grpc");
    let request = request.header("x-long", &long).body(body).unwrap();
    let waiting = tokio::spawn(client.send_request(request));
    let refused = async {
        let body = frame(false, &traces(1));
        while call(running.grpc(), TRACES, &headers, body.clone()).await.0.code == Code::Ok {}
        let status = call(running.grpc(), TRACES, &headers, body).await.0;
        assert_eq!(status.code, Code::ResourceExhausted);
    };
    timeout(LONG, refused).await.expect("there is no room for the second");
    let header = format!("x-long: {long}");
    let answer = post(running.http(), "/v1/traces", &[PROTOBUF, &header], &traces(1)).await;
    assert_eq!(answer.status, 429);
    waiting.abort();
    connection.abort();
    let free = async {
        while post(running.http(), "/v1/traces", &[PROTOBUF, &header], &traces(1)).await.status != 200 {}
    };
    timeout(LONG, free).await.expect("what they took is given back");
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

/// The beginning of a request that announces a body of that length.
fn head(len: usize) -> String {
    format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\n{PROTOBUF}\r\ncontent-length: {len}\r\n\r\n")
}

/// What comes until the end of the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("the connection ends");
    String::from_utf8_lossy(&rest).into_owned()
}

#[tokio::test]
async fn what_announces_too_much_is_refused_before_it_comes() {
    let running = start(&format!("{BOTH}max_in_flight_bytes: 100000\n")).await;
    for (len, status) in [(100_001, "429 Too Many Requests"), (30 << 20, "400 Bad Request")] {
        let mut stream = TcpStream::connect(running.http()).await.unwrap();
        stream.write_all(head(len).as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    let reasons =
        |reason| running.metrics.counted("otelcol_receiver_rejected_requests", &[("reason", reason)]);
    assert_eq!((reasons("no_room"), reasons("too_large")), (1, 1));
    running.stop().await;
}

#[tokio::test]
async fn what_clients_that_vanish_had_sent_is_given_back() {
    let running = start(&format!("{BOTH}max_in_flight_bytes: 100000\n")).await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(running.http()).await.unwrap();
        stream.write_all(head(90_000).as_bytes()).await.unwrap();
        stream.write_all(&vec![0; 60_000]).await.unwrap();
    }
    let whole = traces(1400);
    assert!((60_000..100_000).contains(&whole.len()), "{}", whole.len());
    let accepted =
        async { while post(running.http(), "/v1/traces", &[PROTOBUF], &whole).await.status != 200 {} };
    timeout(LONG, accepted).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn slow_bodies_are_cut_off_where_that_is_configured() {
    let yaml = "protocols: { http: { endpoint: '127.0.0.1:0', read_timeout: 50ms } }";
    let running = start(yaml).await;
    let mut stream = TcpStream::connect(running.http()).await.unwrap();
    stream.write_all(head(99).as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("i/o timeout"), "{answer}");
    // The same bound holds for headers and between requests.
    for bytes in ["POST /v1/traces HTTP/1.1\r\nhos", ""] {
        let mut stream = TcpStream::connect(running.http()).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
    }
    running.stop().await;
}

#[tokio::test]
async fn bodies_that_do_not_come_are_cut_off_in_any_case() {
    let minutes = |began: Instant| began.elapsed().as_secs() / 60;
    let running = start(BOTH).await;
    // Of a body of 8 MiB there comes a quarter at once, for which it gets 512 seconds more, and then nothing.
    for (sent, expected) in [(0, 1), (2 << 20, 9)] {
        let mut stream = TcpStream::connect(running.http()).await.unwrap();
        stream.write_all(&[head(8 << 20).as_bytes(), &vec![0; sent]].concat()).await.unwrap();
        tokio::time::pause();
        let began = Instant::now();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("i/o timeout"), "{answer}");
        assert_eq!(minutes(began), expected);
        tokio::time::resume();
    }
    let message = frame(false, &traces(10));
    let half = Frame::data(message.slice(..message.len() / 2));
    let body = StreamBody::new(stream::iter([Ok::<_, Infallible>(half)]).chain(stream::pending()));
    let io = TokioIo::new(TcpStream::connect(running.grpc()).await.unwrap());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::post(format!("http://x{TRACES}")).header("content-type", "application/grpc");
    tokio::time::pause();
    let began = Instant::now();
    let answer = client.send_request(request.body(body).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], Code::DeadlineExceeded.number().to_string());
    assert_eq!(minutes(began), 1);
    tokio::time::resume();
    connection.abort();
    for (transport, requests) in [("http", 2), ("grpc", 1)] {
        let attributes = [("transport", transport), ("reason", "timeout")];
        assert_eq!(running.metrics.counted("otelcol_receiver_rejected_requests", &attributes), requests);
    }
    running.stop().await;
}

#[tokio::test]
async fn answers_that_take_too_long_end_the_connection_where_that_is_configured() {
    let stalled = otel_core::testing::Sink::<Traces>::new();
    stalled.stall();
    let mut outputs = Outputs::new();
    outputs.traces = Some(stalled.next());
    let yaml = "protocols: { http: { endpoint: '127.0.0.1:0', write_timeout: 50ms } }";
    let running = start_with(yaml, outputs, Sink::default()).await;
    let mut stream = TcpStream::connect(running.http()).await.unwrap();
    let body = traces(1);
    stream.write_all(&[head(body.len()).as_bytes(), &body].concat()).await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    let attributes = [("transport", "http"), ("reason", "timeout")];
    assert_eq!(running.metrics.counted("otelcol_receiver_failed_connections", &attributes), 1);
    running.stop().await;
}

#[tokio::test]
async fn old_and_idle_connections_end_where_that_is_configured() {
    for bound in ["max_connection_idle", "max_connection_age"] {
        let keepalive = format!("{{ server_parameters: {{ {bound}: 50ms }} }}");
        let running =
            start(&format!("protocols: {{ grpc: {{ endpoint: '127.0.0.1:0', keepalive: {keepalive} }} }}"))
                .await;
        let io = TokioIo::new(TcpStream::connect(running.grpc()).await.unwrap());
        let (client, connection) =
            http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io).await.unwrap();
        // The server says goodbye, and the connection ends without an error.
        timeout(LONG, connection).await.unwrap().unwrap();
        drop(client);
        running.stop().await;
    }
}
