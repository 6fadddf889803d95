//! A receiver before a sink, and clients that say exactly what they are told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otel_core::component::{
    ComponentKind, ConsumeError, Consumer, Context, Next, Outputs, Receiver as _, Strength,
};
use otel_core::config;
use otel_core::net::Status;
use otel_core::pdata::{Signal, SignalKind};
use otel_core::telemetry::Metrics;
use otel_core::testing::TestHost;
use otel_receivers::otlp::OtlpReceiver;
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

pub(crate) const BOTH: &str = "
protocols:
  grpc: { endpoint: '127.0.0.1:0', include_metadata: true }
  http: { endpoint: '127.0.0.1:0' }
";

/// A receiver that runs.
pub(crate) struct Running {
    pub(crate) receiver: OtlpReceiver,
    pub(crate) sink: Sink,
    pub(crate) metrics: Metrics,
}

/// Keeps what it gets, or answers with an error.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    got: Vec<(SignalKind, Bytes, Context)>,
    answer: Option<ConsumeError>,
}

impl Sink {
    pub(crate) fn got(&self) -> Vec<(SignalKind, Bytes, Context)> {
        self.0.lock().unwrap().got.clone()
    }

    pub(crate) fn answer(&self, error: ConsumeError) {
        self.0.lock().unwrap().answer = Some(error);
    }
}

#[async_trait]
impl<S: Signal> Consumer<S> for Sink {
    async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        let mut state = self.0.lock().unwrap();
        if let Some(error) = &state.answer {
            return Err(error.clone());
        }
        state.got.push((S::KIND, data.to_bytes(), context));
        Ok(())
    }

    fn strength(&self) -> Strength {
        Strength::Held
    }
}

pub(crate) async fn start(yaml: &str) -> Running {
    let sink = Sink::default();
    start_with(yaml, outputs(&sink), sink).await
}

/// Every signal goes to the sink.
pub(crate) fn outputs(sink: &Sink) -> Outputs {
    let mut outputs = Outputs::new();
    outputs.traces = Some(Next::new(sink.clone()));
    outputs.metrics = Some(Next::new(sink.clone()));
    outputs.logs = Some(Next::new(sink.clone()));
    outputs
}

pub(crate) async fn start_with(yaml: &str, outputs: Outputs, sink: Sink) -> Running {
    start_in(&TestHost::new(ComponentKind::Receiver, "otlp"), yaml, outputs, sink).await
}

pub(crate) async fn start_in(test: &TestHost, yaml: &str, outputs: Outputs, sink: Sink) -> Running {
    let config = config::from_yaml("otlp.yaml", yaml).unwrap();
    let receiver = OtlpReceiver::new(config, &test.host());
    receiver.start(outputs).await.unwrap();
    Running { receiver, sink, metrics: test.metrics().clone() }
}

impl Running {
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.receiver.grpc_address().unwrap()
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.receiver.http_address().unwrap()
    }

    pub(crate) async fn stop(&self) {
        self.receiver.shutdown(Instant::now() + Duration::from_secs(5)).await;
    }
}

// === telemetry ===

/// A request of each signal with that many items.
pub(crate) fn requests(items: usize) -> [(SignalKind, Bytes); 3] {
    let span = |at: usize| Span { name: format!("span {at} {}", "x".repeat(at % 97)), ..Span::default() };
    let spans = ScopeSpans { spans: (0..items).map(span).collect(), ..ScopeSpans::default() };
    let traces = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans: vec![spans], ..ResourceSpans::default() }],
    };
    let data_points =
        (0..items).map(|at| NumberDataPoint { time_unix_nano: at as u64, ..Default::default() });
    let gauge = Data::Gauge(Gauge { data_points: data_points.collect() });
    let metric = Metric { name: "m".to_owned(), data: Some(gauge), ..Metric::default() };
    let metrics = ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() };
    let metrics = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![metrics],
            ..ResourceMetrics::default()
        }],
    };
    let record = |at: usize| LogRecord { severity_text: format!("s{at}"), ..LogRecord::default() };
    let logs = ScopeLogs { log_records: (0..items).map(record).collect(), ..ScopeLogs::default() };
    let logs = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs: vec![logs], ..ResourceLogs::default() }],
    };
    [
        (SignalKind::Traces, traces.encode_to_vec().into()),
        (SignalKind::Metrics, metrics.encode_to_vec().into()),
        (SignalKind::Logs, logs.encode_to_vec().into()),
    ]
}

pub(crate) fn traces(items: usize) -> Bytes {
    requests(items)[0].1.clone()
}

/// The names under which HTTP knows compressions.
pub(crate) const ENCODINGS: [&str; 7] =
    ["gzip", "zstd", "zlib", "deflate", "snappy", "x-snappy-framed", "lz4"];

/// Compresses as HTTP names it.
pub(crate) fn pack(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    match encoding {
        "gzip" => written(flate2::write::GzEncoder::new(Vec::new(), level), bytes).finish().unwrap(),
        "zlib" | "deflate" => {
            written(flate2::write::ZlibEncoder::new(Vec::new(), level), bytes).finish().unwrap()
        }
        "zstd" => zstd::stream::encode_all(bytes, 1).unwrap(),
        "snappy" => snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
        "x-snappy-framed" => written(snap::write::FrameEncoder::new(Vec::new()), bytes).into_inner().unwrap(),
        "lz4" => written(lz4_flex::frame::FrameEncoder::new(Vec::new()), bytes).finish().unwrap(),
        other => panic!("nobody compresses with {other}"),
    }
}

fn written<W: std::io::Write>(mut encoder: W, bytes: &[u8]) -> W {
    encoder.write_all(bytes).unwrap();
    encoder
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    pack("gzip", bytes)
}

// === gRPC ===

pub(crate) const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

pub(crate) fn method(signal: SignalKind) -> &'static str {
    match signal {
        SignalKind::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        SignalKind::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        _ => TRACES,
    }
}

pub(crate) fn frame(compressed: bool, message: &[u8]) -> Bytes {
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[u8::from(compressed)][..], &len[..], message].concat().into()
}

/// Sends the body as it is, and gives the status and the response message's frame.
pub(crate) async fn call(
    address: SocketAddr,
    path: &str,
    headers: &[(&'static str, &str)],
    body: Bytes,
) -> (Status, Bytes) {
    call_over(TcpStream::connect(address).await.unwrap(), path, headers, body).await
}

/// The same over a connection.
pub(crate) async fn call_over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    path: &str,
    headers: &[(&'static str, &str)],
    body: Bytes,
) -> (Status, Bytes) {
    let io = TokioIo::new(stream);
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::post(format!("http://collector{path}"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
    let head: HeaderMap = response.headers().clone();
    let answer = response.into_body().collect().await.unwrap();
    let status = answer.trailers().and_then(Status::from_grpc_headers);
    (status.or_else(|| Status::from_grpc_headers(&head)).unwrap(), answer.to_bytes())
}

// === HTTP ===

/// An answer over HTTP/1.1: status, headers in lower case, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) async fn post(address: SocketAddr, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    raw(address, &request("POST", path, headers, body)).await
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len}\r\n");
    for header in headers {
        head = format!("{head}{header}\r\n");
    }
    [format!("{head}\r\n").as_bytes(), body].concat()
}

pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    raw_over(TcpStream::connect(address).await.unwrap(), bytes).await
}

/// The same over a connection.
pub(crate) async fn raw_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Answer {
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: answer[end + 4..].to_vec() }
}
