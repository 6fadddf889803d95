//! Clients that are broken or mean: they cost bounded memory, and the others do not notice them.

mod support;

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use otel_core::pdata::{Signal as _, Traces};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::backend::Backend;
use support::client::{Answer, Ask, Http2, gzip, span};
use support::collector::Collector;
use support::config::Forwarding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const PATIENCE: Duration = Duration::from_secs(30);

/// What ends there is forgotten.
fn nop() -> Forwarding {
    Forwarding::to("nop", "").measured()
}

fn good() -> Ask {
    Ask::http(JSON, span("good"))
}

fn good_grpc(name: &str) -> Ask {
    Ask::grpc(0, &Traces::from_json(span(name).as_bytes()).unwrap().to_bytes())
}

fn grpc_status(answer: &Answer) -> &str {
    let status = answer.trailers.get("grpc-status").or(answer.headers.get("grpc-status"));
    status.expect("gRPC answers have a status").to_str().unwrap()
}

/// A client that behaves is served at both ports.
async fn serves(collector: &Collector) {
    let answer = timeout(PATIENCE, good().http1(collector.http())).await.expect("it is answered").unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let answer = timeout(PATIENCE, good_grpc("good").http2(collector.grpc())).await.expect("it is answered");
    assert_eq!(grpc_status(&answer.unwrap()), "0");
}

async fn connected(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// What else comes before the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the server closes");
    String::from_utf8_lossy(&rest).into_owned()
}

/// A gibibyte of zeros, in every encoding in which it is small.
fn bombs() -> Vec<(&'static str, Bytes)> {
    let block = vec![0; 1 << 20];
    let snappy = {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(&block).unwrap();
        encoder.into_inner().unwrap()
    };
    // All of them may be members, frames or chunks in a row.
    vec![
        ("gzip", gzip(&block).repeat(1024).into()),
        ("zstd", zstd::encode_all(&block[..], 1).unwrap().repeat(1024).into()),
        ("x-snappy-framed", snappy.repeat(64).into()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn decompression_bombs_are_refused_and_cost_what_one_request_may() {
    let collector = Collector::start(&nop().yaml()).await;
    for (encoding, bomb) in bombs() {
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let http = Ask::http(PROTOBUF, bomb.clone()).header("content-encoding", encoding);
            tasks.spawn(http.http1(collector.http()));
            let grpc_encoding = encoding.trim_start_matches("x-").trim_end_matches("-framed");
            let grpc = Ask::grpc(1, &bomb).header("grpc-encoding", grpc_encoding);
            tasks.spawn(grpc.http2(collector.grpc()));
        }
        serves(&collector).await;
        while let Some(answer) = timeout(PATIENCE, tasks.join_next()).await.expect("all are answered") {
            let answer = answer.unwrap().unwrap();
            if answer.headers["content-type"] == "application/grpc" {
                assert_eq!(grpc_status(&answer), "8", "{encoding}: {answer:?}");
            } else {
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{encoding}: {answer:?}");
            }
        }
    }
    // Four requests of 20 MiB and four of 4 MiB, while they grow, and not one of a gibibyte.
    let most = collector.most_memory() >> 20;
    assert!(most < 400, "{most} MiB");
    serves(&collector).await;
    assert!(collector.stop().await.0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_stays_within_its_bound() {
    let collector = Collector::start(&nop().receiving("max_in_flight_bytes: 33554432").yaml()).await;
    let (_, bomb) = bombs().swap_remove(0);
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        let ask = Ask::http(PROTOBUF, bomb.clone()).header("content-encoding", "gzip");
        tasks.spawn(ask.http1(collector.http()));
    }
    let mut refused = 0;
    while let Some(answer) = timeout(PATIENCE, tasks.join_next()).await.expect("all are answered") {
        match answer.unwrap().unwrap().status {
            StatusCode::BAD_REQUEST => {}
            StatusCode::TOO_MANY_REQUESTS => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused > 0);
    // Without a bound it would be 1,200 MiB. The allocator keeps some of what is freed, 200 MiB at times.
    let most = collector.most_memory() >> 20;
    assert!(most < 400, "{most} MiB");
    // What they held is given back.
    serves(&collector).await;
    assert!(collector.stop().await.0.success());
}

#[tokio::test]
async fn slow_headers_hold_nobody_up() {
    let collector = Collector::start(&nop().yaml()).await;
    let mut slow = Vec::new();
    for address in [collector.http(), collector.grpc()] {
        for _ in 0..50 {
            slow.push(connected(address, b"POST /v1/traces HTTP/1.1\r\nhost").await);
            slow.push(connected(address, b"PRI * HTT").await);
            slow.push(connected(address, b"").await);
        }
    }
    for _ in 0..10 {
        for stream in &mut slow {
            // Some are closed by now.
            let _ = stream.write_all(b" ").await;
        }
        serves(&collector).await;
    }
    // They also do not keep it from ending.
    let begun = Instant::now();
    assert!(collector.stop().await.0.success());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_client_that_closes_its_half_gets_its_answer() {
    let collector = Collector::start(&nop().yaml()).await;
    let head =
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let body = span("half");
    let whole = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    for (request, answer) in [(&whole[..], "HTTP/1.1 200"), (&whole[..whole.len() - 1], ""), (head, "")] {
        let mut stream = connected(collector.http(), request.as_bytes()).await;
        stream.shutdown().await.unwrap();
        let rest = rest(&mut stream).await;
        assert!(rest.starts_with(answer), "{request}\n{rest}");
        assert!(!answer.is_empty() || !rest.contains("200 OK"), "{request}\n{rest}");
    }
    serves(&collector).await;
    assert!(collector.stop().await.0.success());
}

#[tokio::test]
async fn clients_that_vanish_leave_nothing_behind() {
    let collector = Collector::start(&nop().receiving("max_in_flight_bytes: 4194304").yaml()).await;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 1048576\r\n\r\n"
    );
    let half = [head.as_bytes(), &vec![0; 512 << 10]].concat();
    for _ in 0..10 {
        // Together they want more than there is.
        let mut clients = Vec::new();
        for _ in 0..8 {
            let mut stream = TcpStream::connect(collector.http()).await.unwrap();
            // The server may have refused it by now.
            let _ = stream.write_all(&half).await;
            clients.push(stream);
        }
    }
    // All of the room is there again as soon as the server has seen them go.
    let all = vec![0x7a; 4 << 20];
    let served = async {
        loop {
            let answer = Ask::http(PROTOBUF, all.clone()).http1(collector.http()).await.unwrap();
            if answer.status != StatusCode::TOO_MANY_REQUESTS {
                // It is garbage, but it was read.
                return assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            }
        }
    };
    timeout(PATIENCE, served).await.expect("what vanished clients held is given back");
    serves(&collector).await;
    assert!(collector.stop().await.0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_cheap() {
    // The collector inherits what this process may open.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let most = limit.maximum.map_or(u64::MAX, |most| most - 500).min(10_000);
    let collector = Collector::start(&nop().yaml()).await;
    serves(&collector).await;
    let (memory, files) = (collector.memory(), collector.files());
    let mut idle = Vec::new();
    for number in 0..most {
        let address = if number % 2 == 0 { collector.http() } else { collector.grpc() };
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    serves(&collector).await;
    assert!(collector.files() > files + most as usize - 100, "{} files", collector.files());
    // 16 KiB for each.
    let more = (collector.memory() - memory) >> 20;
    assert!(more <= 10 + (most >> 6), "{most} idle connections hold {more} MiB");
    drop(idle);
    while collector.files() > files + 10 {
        serves(&collector).await;
    }
    assert!(collector.stop().await.0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_does_not_spoil_the_batch_of_others() {
    let backend = Backend::start().await;
    let config = Forwarding::to_grpc(backend.grpc(), "").batched().measured();
    let collector = Collector::start(&config.yaml()).await;
    let mut tasks = JoinSet::new();
    let shared = Http2::connect(collector.grpc()).await.unwrap();
    for number in 0..100 {
        let (http, mut grpc) = (collector.http(), shared.clone());
        tasks.spawn(async move {
            let broken = Ask::grpc(0, &[0x0a, 0x7f, b'?']);
            assert_eq!(grpc_status(&grpc.ask(broken).await.unwrap()), "13");
            let answer = grpc.ask(good_grpc(&format!("grpc {number}"))).await.unwrap();
            assert_eq!(grpc_status(&answer), "0");
            let broken =
                Ask::http(JSON, r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"broken"},7]}]}]}"#);
            assert_eq!(broken.http1(http).await.unwrap().status, StatusCode::BAD_REQUEST);
            let answer = Ask::http(JSON, span(&format!("http {number}"))).http1(http).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let accepted = collector.metric("otelcol_receiver_accepted_spans", "").await as u64;
    let rejected = collector.metric("otelcol_receiver_rejected_requests", "").await as u64;
    assert_eq!((accepted, rejected), (200, 200));
    let (status, log) = collector.stop().await;
    assert!(status.success(), "{log}");
    let mut expected: Vec<String> = ["grpc", "http"]
        .into_iter()
        .flat_map(|protocol| (0..100).map(move |number| format!("{protocol} {number}")))
        .collect();
    let mut arrived = backend.span_names();
    expected.sort_unstable();
    arrived.sort_unstable();
    assert_eq!(arrived, expected);
}

#[tokio::test]
async fn what_is_refused_is_counted_with_its_reason() {
    let collector = Collector::start(&nop().yaml()).await;
    for (ask, reason) in [
        (Ask::http(PROTOBUF, vec![0xff; 9]), "invalid"),
        (Ask::http(PROTOBUF, "not gzip").header("content-encoding", "gzip"), "encoding"),
        (Ask::http(PROTOBUF, gzip(&vec![0; (20 << 20) + 1])).header("content-encoding", "gzip"), "too_large"),
    ] {
        assert_eq!(ask.http1(collector.http()).await.unwrap().status, StatusCode::BAD_REQUEST);
        let label = format!("reason=\"{reason}\"");
        let counted = collector.metric("otelcol_receiver_rejected_requests", &label).await as u64;
        assert_eq!(counted, 1, "{reason}");
    }
    assert!(collector.stop().await.0.success());
}
