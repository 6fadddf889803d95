use bytes::{BufMut as _, Bytes, BytesMut};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use otel_core::pdata;
use prost::Message;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{Compression, Protocol, Signal};
use crate::inputs::{attribute, http_attributes, id, resource, scope, status_code, text};

/// How many items share a resource. A service's exporter sends one resource a request; a gateway sees merged ones.
const ITEMS_PER_RESOURCE: usize = 250;
const SCOPE: &str = "com.shop.checkout";
const POINTS_PER_METRIC: usize = 5;
/// 14 November 2023, so that the varints and fixed fields have today's widths.
const EPOCH_NANOS: u64 = 1_700_000_000_000_000_000;

/// Pre-encoded export requests of one signal, distinct and random.
///
/// An item (span, log record, data point) takes 440 to 530 bytes and has 10 attributes.
#[derive(Clone, Debug)]
pub struct Requests {
    signal: Signal,
    items: usize,
    messages: Vec<Bytes>,
}

impl Requests {
    /// Makes `count` requests of `items` items each; the same `seed` makes the same requests.
    pub fn random(signal: Signal, items: usize, count: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let messages = (0..count)
            .map(|_| match signal {
                Signal::Traces => traces(&mut rng, items).encode_to_vec(),
                Signal::Metrics => metrics(&mut rng, items).encode_to_vec(),
                Signal::Logs => logs(&mut rng, items).encode_to_vec(),
            })
            .map(Bytes::from)
            .collect();
        Self { signal, items, messages }
    }

    /// The signal of the requests.
    pub const fn signal(&self) -> Signal {
        self.signal
    }

    /// The items in each request.
    pub const fn items(&self) -> usize {
        self.items
    }

    /// The encoded `Export…ServiceRequest` messages.
    pub fn messages(&self) -> &[Bytes] {
        &self.messages
    }

    /// The mean size of an item in bytes, its share of resources and scopes included.
    pub fn bytes_per_item(&self) -> f64 {
        let bytes: usize = self.messages.iter().map(Bytes::len).sum();
        bytes as f64 / (self.messages.len() * self.items) as f64
    }

    /// The bodies of requests over a protocol: gRPC frames, messages, or JSON; compressed.
    pub fn bodies(&self, protocol: Protocol, compression: Compression) -> Vec<Bytes> {
        let body = |message: &Bytes| match protocol {
            Protocol::Grpc => frame(&compression.compress(message), compression),
            Protocol::Http => compression.compress(message),
            Protocol::HttpJson => compression.compress(&json(self.signal, message)),
        };
        self.messages.iter().map(body).collect()
    }
}

/// A gRPC frame: whether the message is compressed, its length, itself.
pub(crate) fn frame(message: &Bytes, compression: Compression) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(u8::from(compression != Compression::None));
    frame.put_u32(u32::try_from(message.len()).expect("a request is far below 4 GiB"));
    frame.put_slice(message);
    frame.freeze()
}

fn json(signal: Signal, message: &Bytes) -> Bytes {
    fn of<S: pdata::Signal>(message: &Bytes) -> Bytes {
        let mut json = Vec::new();
        S::from_bytes(message.clone()).expect("the requests are valid").to_json(&mut json);
        json.into()
    }
    match signal {
        Signal::Traces => of::<pdata::Traces>(message),
        Signal::Metrics => of::<pdata::Metrics>(message),
        Signal::Logs => of::<pdata::Logs>(message),
    }
}

fn traces(rng: &mut StdRng, items: usize) -> ExportTraceServiceRequest {
    let resource_spans = groups(items)
        .map(|items| ResourceSpans {
            resource: Some(resource(rng)),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope(SCOPE)),
                spans: (0..items).map(|_| span(rng)).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        })
        .collect();
    ExportTraceServiceRequest { resource_spans }
}

fn logs(rng: &mut StdRng, items: usize) -> ExportLogsServiceRequest {
    let resource_logs = groups(items)
        .map(|items| ResourceLogs {
            resource: Some(resource(rng)),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope(SCOPE)),
                log_records: (0..items).map(|_| log_record(rng)).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        })
        .collect();
    ExportLogsServiceRequest { resource_logs }
}

fn metrics(rng: &mut StdRng, items: usize) -> ExportMetricsServiceRequest {
    let resource_metrics = groups(items)
        .map(|items| ResourceMetrics {
            resource: Some(resource(rng)),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope(SCOPE)),
                metrics: chunks(items, POINTS_PER_METRIC)
                    .enumerate()
                    .map(|(index, points)| metric(rng, index, points))
                    .collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        })
        .collect();
    ExportMetricsServiceRequest { resource_metrics }
}

fn groups(items: usize) -> impl Iterator<Item = usize> {
    chunks(items, ITEMS_PER_RESOURCE)
}

/// The sizes of the pieces of at most `size` that `items` make.
fn chunks(items: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..items).step_by(size).map(move |start| size.min(items - start))
}

fn span(rng: &mut StdRng) -> Span {
    let start = time(rng);
    Span {
        trace_id: id::<16>(rng),
        span_id: id::<8>(rng),
        parent_span_id: id::<8>(rng),
        name: format!("GET /api/{}", letters(rng, 12)),
        kind: rng.random_range(1..=5),
        start_time_unix_nano: start,
        end_time_unix_nano: start + rng.random_range(10_000..900_000_000),
        attributes: attributes(rng, 85),
        status: Some(Status { message: String::new(), code: rng.random_range(0..=2) }),
        ..Span::default()
    }
}

fn log_record(rng: &mut StdRng) -> LogRecord {
    let time = time(rng);
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + rng.random_range(1_000..1_000_000),
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue {
            value: Some(text(format!("order {} was handled by the payment provider", letters(rng, 20)))),
        }),
        attributes: attributes(rng, 85),
        trace_id: id::<16>(rng),
        span_id: id::<8>(rng),
        ..LogRecord::default()
    }
}

/// A gauge, a sum or a histogram, in turn.
fn metric(rng: &mut StdRng, index: usize, points: usize) -> Metric {
    let delta = AggregationTemporality::Delta as i32;
    let data = match index % 3 {
        0 => Data::Gauge(Gauge { data_points: (0..points).map(|_| number(rng)).collect() }),
        1 => Data::Sum(Sum {
            data_points: (0..points).map(|_| number(rng)).collect(),
            aggregation_temporality: delta,
            is_monotonic: true,
        }),
        _ => Data::Histogram(Histogram {
            data_points: (0..points).map(|_| histogram(rng)).collect(),
            aggregation_temporality: delta,
        }),
    };
    Metric {
        name: format!("http.server.{}", letters(rng, 8)),
        unit: "ms".into(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(rng: &mut StdRng) -> NumberDataPoint {
    let time = time(rng);
    NumberDataPoint {
        attributes: attributes(rng, 130),
        start_time_unix_nano: time,
        time_unix_nano: time + 10_000_000_000,
        value: Some(number_data_point::Value::AsDouble(rng.random_range(0.0..1e6))),
        ..NumberDataPoint::default()
    }
}

fn histogram(rng: &mut StdRng) -> HistogramDataPoint {
    let time = time(rng);
    let bucket_counts: Vec<u64> = (0..5).map(|_| rng.random_range(0..100)).collect();
    HistogramDataPoint {
        attributes: attributes(rng, 85),
        start_time_unix_nano: time,
        time_unix_nano: time + 10_000_000_000,
        count: bucket_counts.iter().sum(),
        sum: Some(rng.random_range(0.0..1e6)),
        bucket_counts,
        explicit_bounds: vec![5.0, 25.0, 100.0, 500.0],
        ..HistogramDataPoint::default()
    }
}

/// Ten attributes, of which one is a user agent of so many bytes.
fn attributes(rng: &mut StdRng, user_agent: usize) -> Vec<KeyValue> {
    let status = status_code(rng);
    let mut attributes = http_attributes(rng, status);
    let last = attributes.last_mut().expect("there are ten");
    *last = attribute("user_agent.original", text(letters(rng, user_agent)));
    attributes
}

fn time(rng: &mut StdRng) -> u64 {
    EPOCH_NANOS + rng.random_range(0..86_400_000_000_000)
}

fn letters(rng: &mut StdRng, length: usize) -> String {
    (0..length).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_take_440_to_530_bytes_and_have_ten_attributes() {
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..300 {
            let (span, log) = (span(&mut rng), log_record(&mut rng));
            let (number, histogram) = (number(&mut rng), histogram(&mut rng));
            for (kind, size, attributes) in [
                ("span", span.encoded_len(), span.attributes.len()),
                ("log record", log.encoded_len(), log.attributes.len()),
                ("number data point", number.encoded_len(), number.attributes.len()),
                ("histogram data point", histogram.encoded_len(), histogram.attributes.len()),
            ] {
                assert!((440..=530).contains(&size), "{kind} of {size} bytes");
                assert_eq!(attributes, 10, "{kind}");
            }
        }
    }

    #[test]
    fn requests_of_one_seed_are_equal_and_all_distinct() {
        let one = Requests::random(Signal::Traces, 3, 8, 42);
        let other = Requests::random(Signal::Traces, 3, 8, 42);
        assert_eq!(one.messages(), other.messages());
        for (index, message) in one.messages().iter().enumerate() {
            assert!(!one.messages()[..index].contains(message));
        }
    }

    #[test]
    fn a_grpc_body_is_one_frame() {
        let requests = Requests::random(Signal::Logs, 2, 1, 1);
        let body = &requests.bodies(Protocol::Grpc, Compression::None)[0];
        assert_eq!(body[0], 0);
        assert_eq!(body[1..5], (body.len() as u32 - 5).to_be_bytes());
        assert_eq!(body[5..], requests.messages()[0]);
        assert_eq!(requests.bodies(Protocol::Grpc, Compression::Zstd)[0][0], 1);
    }

    #[test]
    fn a_json_body_says_the_same() {
        let requests = Requests::random(Signal::Metrics, 2, 1, 1);
        let body = &requests.bodies(Protocol::HttpJson, Compression::None)[0];
        let read: ExportMetricsServiceRequest = serde_json::from_slice(body).unwrap();
        assert_eq!(read.encode_to_vec(), requests.messages()[0]);
    }
}
