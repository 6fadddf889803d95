use std::{fmt, sync::LazyLock};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
        metric::Data, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message as _;

use crate::{
    e2e::Signal,
    inputs::{attribute, int, scope, text},
};

/// The attribute with an item's number.
const NUMBER: &str = "crash.item";
/// The attribute of a resource with the number of its first item.
const FIRST: &str = "crash.first";
const SCOPE: &str = "crash";
const ITEMS_PER_RESOURCE: u16 = 250;
const POINTS_PER_METRIC: u16 = 5;
/// 14 November 2023, so that times have today's widths.
const EPOCH_NANOS: u64 = 1_700_000_000_000_000_000;
const LONGEST_PADDING: u64 = 300;
const LETTERS_LENGTH: u64 = 1 << 16;

/// One span, log record or data point of a run.
///
/// All that is in an item, and in the metric, scope and resource around it, follows from its id. So whoever receives it knows
/// what it has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId {
    /// The number of its request.
    pub request: u32,
    /// Its place in the request.
    pub index: u16,
}

impl ItemId {
    fn number(self) -> i64 {
        i64::from(self.request) << 16 | i64::from(self.index)
    }

    fn of_number(number: i64) -> Option<Self> {
        Some(Self { request: u32::try_from(number >> 16).ok()?, index: (number & 0xffff) as u16 })
    }

    /// The first of the items that share something that so many share.
    fn first_of(self, shared_by: u16) -> Self {
        Self { index: self.index - self.index % shared_by, ..self }
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item {} of request {}", self.index, self.request)
    }
}

/// What a message turned out to hold.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The items that are as they were sent.
    pub(super) intact: Vec<ItemId>,
    /// What is wrong with each of the others, or with the message as a whole.
    pub(super) damaged: Vec<String>,
}

/// An export request with so many items, encoded.
pub(super) fn encode(signal: Signal, request: u32, items: u16) -> Vec<u8> {
    let id = |index| ItemId { request, index };
    let groups = chunks(0, items, ITEMS_PER_RESOURCE);
    match signal {
        Signal::Traces => {
            let resource_spans = groups.map(|(from, to)| ResourceSpans {
                resource: Some(resource(id(from))),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope(SCOPE)),
                    spans: (from..to).map(|index| span(id(index))).collect(),
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            });
            ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec()
        }
        Signal::Logs => {
            let resource_logs = groups.map(|(from, to)| ResourceLogs {
                resource: Some(resource(id(from))),
                scope_logs: vec![ScopeLogs {
                    scope: Some(scope(SCOPE)),
                    log_records: (from..to).map(|index| log_record(id(index))).collect(),
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            });
            ExportLogsServiceRequest { resource_logs: resource_logs.collect() }.encode_to_vec()
        }
        Signal::Metrics => {
            let resource_metrics = groups.map(|(from, to)| ResourceMetrics {
                resource: Some(resource(id(from))),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(scope(SCOPE)),
                    metrics: chunks(from, to, POINTS_PER_METRIC)
                        .map(|(from, to)| {
                            metric(id(from), (from..to).map(|index| point(id(index))).collect())
                        })
                        .collect(),
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            });
            ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() }.encode_to_vec()
        }
    }
}

/// Compares each item of an export request, and what is around it, with what its id says.
pub(super) fn decode(signal: Signal, message: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let decoded = match signal {
        Signal::Traces => {
            ExportTraceServiceRequest::decode(message).map(|request| contents.add_traces(request))
        }
        Signal::Logs => ExportLogsServiceRequest::decode(message).map(|request| contents.add_logs(request)),
        Signal::Metrics => {
            ExportMetricsServiceRequest::decode(message).map(|request| contents.add_metrics(request))
        }
    };
    if let Err(error) = decoded {
        contents.damaged.push(format!("a message of {} bytes: {error}", message.len()));
    }
    contents
}

impl Contents {
    /// A body that holds no message.
    pub(super) fn malformed() -> Self {
        Self { intact: Vec::new(), damaged: vec!["a body that is no gRPC message".into()] }
    }

    fn add_traces(&mut self, request: ExportTraceServiceRequest) {
        for group in request.resource_spans {
            for in_scope in group.scope_spans {
                let around = Around::of(group.resource.as_ref(), in_scope.scope.as_ref());
                for received in in_scope.spans {
                    self.add(item_id(&received.attributes), around, |id| received == span(id));
                }
            }
        }
    }

    fn add_logs(&mut self, request: ExportLogsServiceRequest) {
        for group in request.resource_logs {
            for in_scope in group.scope_logs {
                let around = Around::of(group.resource.as_ref(), in_scope.scope.as_ref());
                for received in in_scope.log_records {
                    self.add(item_id(&received.attributes), around, |id| received == log_record(id));
                }
            }
        }
    }

    fn add_metrics(&mut self, request: ExportMetricsServiceRequest) {
        for group in request.resource_metrics {
            for in_scope in group.scope_metrics {
                let around = Around::of(group.resource.as_ref(), in_scope.scope.as_ref());
                for mut received in in_scope.metrics {
                    let points = match &mut received.data {
                        Some(Data::Gauge(Gauge { data_points }) | Data::Sum(Sum { data_points, .. })) => {
                            std::mem::take(data_points)
                        }
                        _ => Vec::new(),
                    };
                    let first = points.first().and_then(|point| item_id(&point.attributes));
                    let first = first.map(|id| id.first_of(POINTS_PER_METRIC));
                    let first = first.filter(|&first| received == metric(first, Vec::new()));
                    for got in points {
                        self.add(item_id(&got.attributes), around, |id| {
                            first == Some(id.first_of(POINTS_PER_METRIC)) && got == point(id)
                        });
                    }
                }
            }
        }
    }

    fn add(&mut self, id: Option<ItemId>, around: Around, intact: impl FnOnce(ItemId) -> bool) {
        let wrong = match id {
            None => Some("an item without its number".to_owned()),
            Some(id) if !around.belongs_to(id) => Some(format!("{id} in another resource or scope")),
            Some(id) if !intact(id) => Some(format!("{id} is not what was sent")),
            Some(id) => {
                self.intact.push(id);
                None
            }
        };
        self.damaged.extend(wrong);
    }
}

/// What an item was found in: the first item of the resource, if resource and scope are as they were sent.
#[derive(Clone, Copy)]
struct Around(Option<ItemId>);

impl Around {
    fn of(found: Option<&Resource>, found_scope: Option<&InstrumentationScope>) -> Self {
        let first = found.and_then(|found| number(&found.attributes, FIRST)).and_then(ItemId::of_number);
        let as_sent = |&first: &ItemId| found == Some(&resource(first)) && found_scope == Some(&scope(SCOPE));
        Self(first.filter(as_sent))
    }

    fn belongs_to(self, id: ItemId) -> bool {
        self.0 == Some(id.first_of(ITEMS_PER_RESOURCE))
    }
}

fn item_id(attributes: &[KeyValue]) -> Option<ItemId> {
    number(attributes, NUMBER).and_then(ItemId::of_number)
}

fn number(attributes: &[KeyValue], key: &str) -> Option<i64> {
    match attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value {
        Some(Value::IntValue(number)) => Some(number),
        _ => None,
    }
}

fn resource(first: ItemId) -> Resource {
    Resource {
        attributes: vec![
            attribute("service.name", text("crash")),
            attribute(FIRST, int(first.number())),
            attribute("crash.padding", text(padding(first))),
        ],
        ..Resource::default()
    }
}

fn span(id: ItemId) -> Span {
    let mut bits = Bits::new(id);
    Span {
        trace_id: [bits.next().to_be_bytes(), bits.next().to_be_bytes()].concat(),
        span_id: bits.next().to_be_bytes().to_vec(),
        name: format!("span {}", id.index),
        kind: 1 + i32::from(id.index) % 5,
        start_time_unix_nano: time(id),
        end_time_unix_nano: time(id) + bits.below(1_000_000),
        attributes: attributes(id),
        status: Some(Status { code: i32::from(id.index) % 3, ..Status::default() }),
        ..Span::default()
    }
}

fn log_record(id: ItemId) -> LogRecord {
    LogRecord {
        time_unix_nano: time(id),
        observed_time_unix_nano: time(id) + 1,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue { value: Some(text(format!("record {}", id.index))) }),
        attributes: attributes(id),
        ..LogRecord::default()
    }
}

/// A gauge or a sum, which says so itself.
fn metric(first: ItemId, data_points: Vec<NumberDataPoint>) -> Metric {
    let data = if (first.index / POINTS_PER_METRIC).is_multiple_of(2) {
        Data::Gauge(Gauge { data_points })
    } else {
        Data::Sum(Sum {
            data_points,
            aggregation_temporality: AggregationTemporality::Delta as i32,
            is_monotonic: true,
        })
    };
    Metric {
        name: format!("metric.{}", first.index),
        unit: "By".into(),
        data: Some(data),
        ..Metric::default()
    }
}

fn point(id: ItemId) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(id),
        start_time_unix_nano: EPOCH_NANOS,
        time_unix_nano: time(id),
        value: Some(number_data_point::Value::AsInt(Bits::new(id).next().cast_signed())),
        ..NumberDataPoint::default()
    }
}

fn attributes(id: ItemId) -> Vec<KeyValue> {
    vec![attribute(NUMBER, int(id.number())), attribute("crash.padding", text(padding(id)))]
}

fn time(id: ItemId) -> u64 {
    EPOCH_NANOS + u64::from(id.request) * 1_000_000 + u64::from(id.index)
}

/// A piece of a long text of letters, which follows from the id.
fn padding(id: ItemId) -> &'static str {
    static LETTERS: LazyLock<String> = LazyLock::new(|| {
        let mut bits = Bits(0);
        (0..LETTERS_LENGTH).map(|_| char::from(b'a' + bits.below(26) as u8)).collect()
    });
    let mut bits = Bits::new(id);
    let length = bits.below(LONGEST_PADDING) as usize;
    let start = bits.below(LETTERS_LENGTH - LONGEST_PADDING) as usize;
    &LETTERS[start..start + length]
}

/// The pieces of at most `size` of a range, that begin at multiples of it.
fn chunks(from: u16, to: u16, size: u16) -> impl Iterator<Item = (u16, u16)> {
    (from..to).step_by(size.into()).map(move |start| (start, to.min(start + size)))
}

/// Random numbers that follow from an id (SplitMix64).
struct Bits(u64);

impl Bits {
    fn new(id: ItemId) -> Self {
        Self(id.number().cast_unsigned())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_found_intact() {
        for signal in Signal::ALL {
            let contents = decode(signal, &encode(signal, 7, 612));
            assert_eq!(contents.damaged, [""; 0]);
            let expected: Vec<ItemId> = (0..612).map(|index| ItemId { request: 7, index }).collect();
            assert_eq!(contents.intact, expected, "{signal}");
        }
    }

    #[test]
    fn every_changed_byte_is_found() {
        for signal in Signal::ALL {
            let message = encode(signal, 3, 7);
            for at in 0..message.len() {
                let mut changed = message.clone();
                // Any bit but the upper ones of a boolean, which mean nothing.
                changed[at] ^= 1;
                let contents = decode(signal, &changed);
                assert!(contents.intact.len() < 7, "{signal}: byte {at} of {}", message.len());
            }
        }
    }

    #[test]
    fn an_item_in_anothers_resource_is_damaged() {
        let mut request = ExportTraceServiceRequest::decode(&*encode(Signal::Traces, 1, 300)).unwrap();
        let strayed = request.resource_spans[0].scope_spans[0].spans.pop().unwrap();
        request.resource_spans[1].scope_spans[0].spans.push(strayed);
        let contents = decode(Signal::Traces, &request.encode_to_vec());
        assert_eq!(contents.damaged, ["item 249 of request 1 in another resource or scope"]);
        assert_eq!(contents.intact.len(), 299);
    }
}
