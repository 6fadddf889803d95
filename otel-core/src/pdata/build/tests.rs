use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use prost::Message;

use super::*;
use crate::pdata::view::{AggregationTemporality, AnyValue, SeverityNumber, SpanKind, StatusCode};
use crate::pdata::{Logs, Metrics, Signal, Traces};

fn any(value: Value) -> common::AnyValue {
    common::AnyValue { value: Some(value) }
}

fn attribute(key: &str, value: Value) -> common::KeyValue {
    common::KeyValue { key: key.into(), value: Some(any(value)), ..Default::default() }
}

/// What was built passes validation with the same count, and decodes with prost.
#[track_caller]
fn decode<S: Signal, M: Message + Default>(built: &S) -> M {
    let validated = S::from_bytes(built.to_bytes()).expect("what was built is valid");
    assert_eq!(validated.items(), built.items());
    M::decode(built.to_bytes()).expect("what was built decodes")
}

#[test]
fn every_field_of_a_span_arrives() {
    let mut builder = TracesBuilder::new();
    let mut group = builder.resource(|resource| {
        resource.attribute("service.name", "shop").dropped_attributes_count(1).entity_ref(|entity| {
            entity.schema_url("e").entity_type("service").id_key("service.name").description_key("d");
        });
    });
    group.schema_url("https://resource");
    let mut scope = group.scope(|scope| {
        scope.name("lib").version("1").attribute("s", true).dropped_attributes_count(2);
    });
    scope.schema_url("https://scope").span(|span| {
        span.trace_id([1; 16]).span_id([2; 8]).trace_state("a=b").parent_span_id([3; 8]).name("GET");
        span.kind(SpanKind::CLIENT).start_time_unix_nano(4).end_time_unix_nano(5);
        span.attribute("int", -6).attribute("double", 0.5).attribute("bytes", b"\xff");
        span.dropped_attributes_count(7).dropped_events_count(8).dropped_links_count(9).flags(0x101);
        span.event(|event| {
            event.time_unix_nano(10).name("e").attribute("k", "v").dropped_attributes_count(11);
        });
        span.link(|link| {
            link.trace_id([12; 16]).span_id([13; 8]).trace_state("c=d").attribute("k", "v");
            link.dropped_attributes_count(14).flags(15);
        });
        span.status(StatusCode::ERROR, "broken");
    });
    let request: ExportTraceServiceRequest = decode(&builder.finish());
    let expected = ExportTraceServiceRequest {
        resource_spans: vec![trace::ResourceSpans {
            resource: Some(resource::Resource {
                attributes: vec![attribute("service.name", Value::StringValue("shop".into()))],
                dropped_attributes_count: 1,
                entity_refs: vec![common::EntityRef {
                    schema_url: "e".into(),
                    r#type: "service".into(),
                    id_keys: vec!["service.name".into()],
                    description_keys: vec!["d".into()],
                }],
            }),
            scope_spans: vec![trace::ScopeSpans {
                scope: Some(common::InstrumentationScope {
                    name: "lib".into(),
                    version: "1".into(),
                    attributes: vec![attribute("s", Value::BoolValue(true))],
                    dropped_attributes_count: 2,
                }),
                spans: vec![trace::Span {
                    trace_id: vec![1; 16],
                    span_id: vec![2; 8],
                    trace_state: "a=b".into(),
                    parent_span_id: vec![3; 8],
                    flags: 0x101,
                    name: "GET".into(),
                    kind: 3,
                    start_time_unix_nano: 4,
                    end_time_unix_nano: 5,
                    attributes: vec![
                        attribute("int", Value::IntValue(-6)),
                        attribute("double", Value::DoubleValue(0.5)),
                        attribute("bytes", Value::BytesValue(vec![0xff])),
                    ],
                    dropped_attributes_count: 7,
                    events: vec![trace::span::Event {
                        time_unix_nano: 10,
                        name: "e".into(),
                        attributes: vec![attribute("k", Value::StringValue("v".into()))],
                        dropped_attributes_count: 11,
                    }],
                    dropped_events_count: 8,
                    links: vec![trace::span::Link {
                        trace_id: vec![12; 16],
                        span_id: vec![13; 8],
                        trace_state: "c=d".into(),
                        attributes: vec![attribute("k", Value::StringValue("v".into()))],
                        dropped_attributes_count: 14,
                        flags: 15,
                    }],
                    dropped_links_count: 9,
                    status: Some(trace::Status { message: "broken".into(), code: 2 }),
                }],
                schema_url: "https://scope".into(),
            }],
            schema_url: "https://resource".into(),
        }],
    };
    assert_eq!(request, expected);
}

#[test]
fn every_field_of_a_log_record_arrives() {
    let mut builder = LogsBuilder::new();
    builder.resource(|_| {}).scope(|_| {}).log_record(|record| {
        record.time_unix_nano(1).observed_time_unix_nano(2).severity_number(SeverityNumber::WARN);
        record.severity_text("warning").attribute("k", 1).dropped_attributes_count(3).flags(4);
        record.trace_id([5; 16]).span_id([6; 8]).event_name("disk.full");
        record.body_map(|body| {
            body.entry("free", 0).entry_array("disks", |disks| {
                disks.push("sda").push_map(|disk| {
                    disk.entry("name", "sdb");
                });
            });
        });
    });
    let request: ExportLogsServiceRequest = decode(&builder.finish());
    let disk = common::KeyValueList { values: vec![attribute("name", Value::StringValue("sdb".into()))] };
    let disks = common::ArrayValue {
        values: vec![any(Value::StringValue("sda".into())), any(Value::KvlistValue(disk))],
    };
    let body = common::KeyValueList {
        values: vec![attribute("free", Value::IntValue(0)), attribute("disks", Value::ArrayValue(disks))],
    };
    let expected = logs::LogRecord {
        time_unix_nano: 1,
        observed_time_unix_nano: 2,
        severity_number: 13,
        severity_text: "warning".into(),
        body: Some(any(Value::KvlistValue(body))),
        attributes: vec![attribute("k", Value::IntValue(1))],
        dropped_attributes_count: 3,
        flags: 4,
        trace_id: vec![5; 16],
        span_id: vec![6; 8],
        event_name: "disk.full".into(),
    };
    assert_eq!(request.resource_logs[0].scope_logs[0].log_records, [expected]);
}

fn build_metrics() -> Metrics {
    let mut builder = MetricsBuilder::new();
    let mut group = builder.resource(|_| {});
    let mut scope = group.scope(|_| {});
    scope
        .gauge(|metric| {
            metric.name("gauge").description("d").unit("1").metadata("m", "v");
        })
        .point(|point| {
            point.start_time_unix_nano(1).time_unix_nano(2).value(3).flags(1).attribute("k", "v");
            point.exemplar(|exemplar| {
                exemplar.time_unix_nano(4).value(0.0).span_id([5; 8]).trace_id([6; 16]).attribute("f", "g");
            });
        })
        .point(|point| {
            point.value(2.5).exemplar(|exemplar| {
                exemplar.value(1.5).value(7);
            });
        });
    scope.sum(AggregationTemporality::DELTA, true, |metric| {
        metric.name("empty sum");
    });
    scope.histogram(AggregationTemporality::CUMULATIVE, |_| {}).point(|point| {
        point.count(3).sum(0.0).min(-1.0).max(None).bucket_counts(&[1, 2]).explicit_bounds(&[0.5]);
    });
    scope.exponential_histogram(AggregationTemporality::DELTA, |_| {}).point(|point| {
        point.count(300).sum(9.5).scale(-2).zero_count(1).zero_threshold(0.25).attribute("k", 1);
        point.positive(|buckets| {
            buckets.offset(-3).bucket_counts(&[0, 299]);
        });
        point.negative(|_| {});
    });
    scope.summary(|_| {}).point(|point| {
        point.count(2).sum(4.0).quantile(0.0, 1.0).quantile(0.5, 3.0);
    });
    builder.finish()
}

#[test]
fn every_kind_of_metric_arrives() {
    let request: ExportMetricsServiceRequest = decode(&build_metrics());
    let built = &request.resource_metrics[0].scope_metrics[0].metrics;
    let number = |value| metrics::NumberDataPoint { value: Some(value), ..Default::default() };
    let data: Vec<_> = built.iter().map(|metric| metric.data.clone().expect("data was built")).collect();
    use metrics::metric::Data;
    let expected = [
        Data::Gauge(metrics::Gauge {
            data_points: vec![
                metrics::NumberDataPoint {
                    attributes: vec![attribute("k", Value::StringValue("v".into()))],
                    start_time_unix_nano: 1,
                    time_unix_nano: 2,
                    exemplars: vec![metrics::Exemplar {
                        filtered_attributes: vec![attribute("f", Value::StringValue("g".into()))],
                        time_unix_nano: 4,
                        span_id: vec![5; 8],
                        trace_id: vec![6; 16],
                        value: Some(metrics::exemplar::Value::AsDouble(0.0)),
                    }],
                    flags: 1,
                    ..number(metrics::number_data_point::Value::AsInt(3))
                },
                metrics::NumberDataPoint {
                    exemplars: vec![metrics::Exemplar {
                        value: Some(metrics::exemplar::Value::AsInt(7)),
                        ..Default::default()
                    }],
                    ..number(metrics::number_data_point::Value::AsDouble(2.5))
                },
            ],
        }),
        Data::Sum(metrics::Sum { data_points: vec![], aggregation_temporality: 1, is_monotonic: true }),
        Data::Histogram(metrics::Histogram {
            data_points: vec![metrics::HistogramDataPoint {
                count: 3,
                sum: Some(0.0),
                bucket_counts: vec![1, 2],
                explicit_bounds: vec![0.5],
                min: Some(-1.0),
                ..Default::default()
            }],
            aggregation_temporality: 2,
        }),
        Data::ExponentialHistogram(metrics::ExponentialHistogram {
            data_points: vec![metrics::ExponentialHistogramDataPoint {
                attributes: vec![attribute("k", Value::IntValue(1))],
                count: 300,
                sum: Some(9.5),
                scale: -2,
                zero_count: 1,
                positive: Some(metrics::exponential_histogram_data_point::Buckets {
                    offset: -3,
                    bucket_counts: vec![0, 299],
                }),
                negative: Some(metrics::exponential_histogram_data_point::Buckets::default()),
                zero_threshold: 0.25,
                ..Default::default()
            }],
            aggregation_temporality: 1,
        }),
        Data::Summary(metrics::Summary {
            data_points: vec![metrics::SummaryDataPoint {
                count: 2,
                sum: 4.0,
                quantile_values: [(0.0, 1.0), (0.5, 3.0)]
                    .map(|(quantile, value)| metrics::summary_data_point::ValueAtQuantile { quantile, value })
                    .into(),
                ..Default::default()
            }],
        }),
    ];
    assert_eq!(data, expected);
    assert_eq!((built[0].description.as_str(), built[0].unit.as_str()), ("d", "1"));
    assert_eq!(built[0].metadata, [attribute("m", Value::StringValue("v".into()))]);
}

#[test]
fn what_is_set_again_holds_the_last_value_and_stands_once() {
    let mut builder = MetricsBuilder::new();
    let mut group = builder.resource(|_| {});
    group.schema_url("first").schema_url("second");
    let mut scope = group.scope(|scope| {
        scope.name("first").version("1").name("second").version("");
    });
    scope.gauge(|_| {}).point(|point| {
        point.value(1).time_unix_nano(1).value(2.0).time_unix_nano(0);
    });
    scope.schema_url("first").schema_url("second");
    let request: ExportMetricsServiceRequest = decode(&builder.finish());
    let mut expected = ExportMetricsServiceRequest {
        resource_metrics: vec![metrics::ResourceMetrics {
            resource: Some(resource::Resource::default()),
            scope_metrics: vec![metrics::ScopeMetrics {
                scope: Some(common::InstrumentationScope { name: "second".into(), ..Default::default() }),
                metrics: vec![metrics::Metric {
                    data: Some(metrics::metric::Data::Gauge(metrics::Gauge {
                        data_points: vec![metrics::NumberDataPoint {
                            value: Some(metrics::number_data_point::Value::AsDouble(2.0)),
                            ..Default::default()
                        }],
                    })),
                    ..Default::default()
                }],
                schema_url: "second".into(),
            }],
            schema_url: "second".into(),
        }],
    };
    assert_eq!(request, expected);
    let by_prost = expected.encoded_len();
    expected.resource_metrics.clear();
    let mut again = MetricsBuilder::new();
    again.resource(|_| {}).schema_url("second");
    assert!(again.finish().encoded_len() < by_prost, "superseded fields leave no bytes");
}

#[test]
fn a_builder_is_used_again() {
    let mut builder = TracesBuilder::with_capacity(1 << 16);
    let fill = |builder: &mut TracesBuilder, spans: u8| {
        let mut group = builder.resource(|_| {});
        let mut scope = group.scope(|_| {});
        for _ in 0..spans {
            scope.span(|span| {
                span.name("a name that is no shorter than many another");
            });
        }
    };
    fill(&mut builder, 3);
    builder.clear();
    assert_eq!(builder.items(), 0);
    assert!(builder.finish().is_empty());
    fill(&mut builder, 2);
    let two = builder.finish();
    fill(&mut builder, 1);
    let one = builder.finish();
    for (traces, items) in [(two, 2), (one, 1)] {
        assert_eq!(traces.items(), items);
        decode::<_, ExportTraceServiceRequest>(&traces);
    }
}

#[test]
fn an_item_whose_closure_panics_leaves_nothing_behind() {
    let mut builder = LogsBuilder::new();
    let mut group = builder.resource(|_| {});
    let mut scope = group.scope(|_| {});
    scope.log_record(|record| {
        record.body("kept");
    });
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        scope.log_record(|record| {
            record.body_array(|_| panic!("in the middle of a body"));
        });
    }));
    assert!(panicked.is_err());
    scope.log_record(|record| {
        record.body("kept too");
    });
    let logs = builder.finish();
    let bodies: Vec<_> = logs.iter().map(|at| at.item().body()).collect();
    assert_eq!(bodies, [AnyValue::Str("kept"), AnyValue::Str("kept too")]);
    decode::<Logs, ExportLogsServiceRequest>(&logs);
}

#[test]
fn values_nested_too_deeply_are_left_out() {
    fn deeper(array: &mut ArrayBuilder<'_>, left: u32) {
        if left > 0 {
            array.push_map(|map| {
                map.entry_array("deeper", |array| deeper(array, left - 1));
            });
        }
    }
    let value = ValueBuf::array(|array| deeper(array, 200));
    let mut builder = TracesBuilder::new();
    builder.resource(|_| {}).scope(|_| {}).span(|span| {
        span.event(|event| {
            event.attribute("deep", &value);
        });
    });
    decode::<_, ExportTraceServiceRequest>(&builder.finish());
}

#[test]
fn values_that_were_read_are_written_as_they_were() {
    let source = {
        let mut builder = LogsBuilder::new();
        builder.resource(|_| {}).scope(|_| {}).log_record(|record| {
            record.attribute("text", "x".repeat(300).as_str()).attribute("none", AnyValue::Empty);
            record.attribute_array("array", |array| {
                array.push(1).push(b"\0").push_array(|_| {});
            });
        });
        builder.finish()
    };
    let read = source.iter().next().expect("a record was built").item().attributes();
    let mut builder = TracesBuilder::new();
    builder.resource(|_| {}).scope(|_| {}).span(|span| {
        span.attribute("all", AnyValue::KvList(read));
    });
    let traces = Traces::from_bytes(builder.finish().to_bytes()).expect("what was built is valid");
    let written = traces.iter().next().expect("a span was built").item().attributes().get("all");
    assert_eq!(written, Some(AnyValue::KvList(read)));
}
