//! What has no change is shared; what changes is seen at once.

use otel_core::pdata::build::{LogsBuilder, MetricsBuilder, TracesBuilder, ValueBuf};
use otel_core::pdata::edit::{PointEdit, Verdict};
use otel_core::pdata::view::{AggregationTemporality, AnyValue, NumberValue, Point};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use otel_core::testing::generate;
use proptest::prelude::*;

fn pointers<S: Signal>(data: &S) -> Vec<*const u8> {
    data.segments().map(|bytes| bytes.as_ptr()).collect()
}

proptest! {
    #[test]
    fn setting_every_field_of_a_span_to_what_it_is_shares_the_bytes(odd in generate::odd::<Traces>()) {
        let mut data = Traces::from_bytes(odd.bytes).unwrap();
        let original = data.clone();
        let mut rest = original.iter();
        let changed = data.edit(|item| {
            let at = rest.next().unwrap();
            let span = at.item();
            item.set_trace_id(span.trace_id()).set_span_id(span.span_id()).set_trace_state(span.trace_state());
            item.set_parent_span_id(span.parent_span_id()).set_name(span.name()).set_kind(span.kind());
            item.set_start_time_unix_nano(span.start_time_unix_nano());
            item.set_end_time_unix_nano(span.end_time_unix_nano()).set_flags(span.flags());
            item.set_dropped_attributes_count(span.dropped_attributes_count());
            item.set_dropped_events_count(span.dropped_events_count());
            item.set_dropped_links_count(span.dropped_links_count());
            item.set_status(span.status().code(), span.status().message());
            let mut events = span.events();
            item.edit_events(|event| {
                let same = events.next().unwrap();
                event.set_name(same.name()).set_time_unix_nano(same.time_unix_nano());
            });
            item.resource().set_dropped_attributes_count(at.resource().dropped_attributes_count());
            item.scope().set_name(at.scope().name()).set_version(at.scope().version());
        });
        prop_assert!(!changed);
        prop_assert_eq!(pointers(&data), pointers(&original));
    }

    #[test]
    fn setting_every_field_of_a_point_to_what_it_is_shares_the_bytes(odd in generate::odd::<Metrics>()) {
        let mut data = Metrics::from_bytes(odd.bytes).unwrap();
        let original = data.clone();
        let mut rest = original.iter();
        let changed = data.edit(|item| {
            let at = rest.next().unwrap();
            let same = at.item();
            item.set_time_unix_nano(same.time_unix_nano()).set_flags(same.flags());
            item.set_start_time_unix_nano(same.start_time_unix_nano());
            match (item.point(), same.point()) {
                (PointEdit::Number(mut edit), Point::Number(same)) => {
                    if let Some(value) = same.value() {
                        edit.set_value(value);
                    }
                }
                (PointEdit::Histogram(mut edit), Point::Histogram(same)) => {
                    edit.set_count(same.count()).set_sum(same.sum()).set_min(same.min()).set_max(same.max());
                    edit.set_bucket_counts(&same.bucket_counts().collect::<Vec<_>>());
                    edit.set_explicit_bounds(&same.explicit_bounds().collect::<Vec<_>>());
                }
                (PointEdit::ExponentialHistogram(mut edit), Point::ExponentialHistogram(same)) => {
                    edit.set_count(same.count()).set_scale(same.scale()).set_zero_count(same.zero_count());
                    edit.set_zero_threshold(same.zero_threshold());
                    edit.edit_positive(|buckets| {
                        buckets.set_offset(same.positive().offset());
                        buckets.set_bucket_counts(&same.positive().bucket_counts().collect::<Vec<_>>());
                    });
                }
                (PointEdit::Summary(mut edit), Point::Summary(same)) => {
                    edit.set_count(same.count()).set_sum(same.sum());
                }
                _ => panic!("the kinds differ"),
            }
            let metric = at.metric();
            let mut edit = item.metric();
            edit.set_name(metric.name()).set_unit(metric.unit()).set_description(metric.description());
            edit.set_aggregation_temporality(metric.aggregation_temporality());
        });
        prop_assert!(!changed);
        prop_assert_eq!(pointers(&data), pointers(&original));
    }

    #[test]
    fn setting_every_field_of_a_record_to_what_it_is_shares_the_bytes(odd in generate::odd::<Logs>()) {
        let mut data = Logs::from_bytes(odd.bytes).unwrap();
        let original = data.clone();
        let mut rest = original.iter();
        let changed = data.edit(|item| {
            let same = rest.next().unwrap().item();
            item.set_body(same.body()).set_severity_number(same.severity_number());
            item.set_severity_text(same.severity_text()).set_event_name(same.event_name());
            item.set_observed_time_unix_nano(same.observed_time_unix_nano());
            let first = same.attributes().iter().next();
            if let Some(first) = first
                && same.attributes().iter().filter(|other| other.key() == first.key()).count() == 1
            {
                item.attributes().upsert(first.key(), first.value());
            }
        });
        prop_assert!(!changed);
        prop_assert_eq!(pointers(&data), pointers(&original));
    }
}

/// Three services of two spans.
fn traces() -> Traces {
    let mut builder = TracesBuilder::new();
    for service in ["a", "b", "c"] {
        let mut group = builder.resource(|resource| {
            resource.attribute("service.name", service);
        });
        group.schema_url("https://schema").scope(|_| {}).span(|span| {
            span.name("first");
        });
        group.scope(|_| {}).span(|span| {
            span.name("second");
        });
    }
    builder.finish()
}

#[test]
fn reads_see_what_was_written_before() {
    let mut data = traces();
    data.edit(|span| {
        span.set_name("a name that is much longer than the one before").set_name("short");
        assert_eq!(span.view().name(), "short");
        span.attributes().upsert("k", 1).upsert("k", "text").insert("k", 2).rename("k", "l");
        assert_eq!(span.attributes().get("l"), Some(AnyValue::Str("text")));
        assert_eq!(span.attributes().view().len(), 1);
        span.scope().set_name("scope");
        assert_eq!(span.scope().view().name(), "scope");
    });
    assert!(data.iter().all(|at| at.item().name() == "short" && at.scope().name() == "scope"));
}

#[test]
fn later_items_see_what_an_item_wrote_to_its_resource() {
    let mut data = traces();
    let mut seen = Vec::new();
    data.edit(|span| {
        let mut resource = span.resource();
        let count = resource.attributes().get("count").and_then(AnyValue::as_int).unwrap_or(0);
        seen.push(count);
        resource.attributes().upsert("count", count + 1);
        resource.set_schema_url("https://other");
    });
    assert_eq!(seen, [0, 1, 0, 1, 0, 1]);
    for group in data.resource_spans() {
        assert_eq!(group.resource().attributes().get("count"), Some(AnyValue::Int(2)));
        assert_eq!((group.schema_url(), group.items().count()), ("https://other", 2));
    }
}

#[test]
fn a_group_that_loses_its_items_goes() {
    let mut data = traces();
    data.edit(|span| {
        let keep = span.resource().attributes().get("service.name") == Some(AnyValue::Str("b"));
        if keep && span.view().name() == "second" { Verdict::Keep } else { Verdict::Drop }
    });
    assert_eq!((data.items(), data.resource_spans().count()), (1, 1));
    assert_eq!(data.resource_spans().next().unwrap().scope_spans().count(), 1);
    data.edit(|_| Verdict::Drop);
    assert!(data.is_empty());
    assert_eq!(data.items(), 0);
}

#[test]
fn little_that_is_left_does_not_keep_much_memory() {
    let mut builder = TracesBuilder::new();
    let mut group = builder.resource(|_| {});
    let mut scope = group.scope(|_| {});
    for number in 0..1_000 {
        scope.span(|span| {
            span.name("a name").dropped_links_count(number);
        });
    }
    let mut data = builder.finish();
    data.edit(|span| if span.view().dropped_links_count() == 7 { Verdict::Keep } else { Verdict::Drop });
    let segment = data.segments().next().unwrap().clone();
    assert_eq!(data.items(), 1);
    drop(data);
    let buffer = segment.try_into_mut().expect("nobody else has it");
    assert!(buffer.capacity() < 100, "{}", buffer.capacity());
}

#[test]
fn a_group_that_came_empty_stays() {
    let mut builder = TracesBuilder::new();
    builder.resource(|_| {}).scope(|_| {});
    let mut data = builder.finish();
    assert!(!data.edit(|_| Verdict::Drop));
    assert_eq!(data.resource_spans().count(), 1);
}

#[test]
fn a_dropped_resource_takes_its_items_along() {
    let mut data = traces();
    data.edit_resources(|resource| {
        if resource.attributes().get("service.name") == Some(AnyValue::Str("a")) {
            Verdict::Drop
        } else {
            Verdict::Keep
        }
    });
    assert_eq!((data.items(), data.iter().count()), (4, 4));
}

#[test]
fn a_panic_leaves_the_signal_as_it_was() {
    let mut data = traces();
    let before = data.clone();
    let mut count = 0;
    let edit = std::panic::AssertUnwindSafe(|| {
        data.edit(|span| {
            span.set_name("changed");
            count += 1;
            assert!(count < 4, "the fourth is too much");
        })
    });
    assert!(std::panic::catch_unwind(edit).is_err());
    assert_eq!(pointers(&data), pointers(&before));
}

#[test]
fn values_within_values_are_edited() {
    let mut builder = LogsBuilder::new();
    builder.resource(|_| {}).scope(|_| {}).log_record(|record| {
        record.body_map(|body| {
            body.entry("password", "secret").entry_array("list", |list| {
                list.push(1).push("two").push_map(|map| {
                    map.entry("password", "secret");
                });
            });
        });
    });
    let mut data = builder.finish();
    data.edit(|record| {
        record.edit_body(|body| {
            body.edit_map(|map| {
                map.remove("password").edit("list", |list| {
                    list.edit_array(|array| {
                        array.push(3).edit_values(|value| {
                            if value.view() == AnyValue::Int(1) {
                                return Verdict::Drop;
                            }
                            value.edit_map(|map| {
                                map.update("password", "***");
                            });
                            Verdict::Keep
                        });
                    });
                });
            });
        });
    });
    let expected = ValueBuf::map(|body| {
        body.entry_array("list", |list| {
            list.push("two");
            list.push_map(|map| {
                map.entry("password", "***");
            });
            list.push(3);
        });
    });
    assert_eq!(data.iter().next().unwrap().item().body(), expected.value());
}

/// A sum and a histogram, whose own fields stand before their points.
fn metrics() -> Metrics {
    let mut builder = MetricsBuilder::new();
    let mut group = builder.resource(|_| {});
    let mut scope = group.scope(|_| {});
    for name in ["one", "two"] {
        let mut sum = scope.sum(AggregationTemporality::DELTA, true, |metric| {
            metric.name(name).metadata("m", 1);
        });
        for value in 0..2 {
            sum.point(|point| {
                point.value(value);
            });
        }
    }
    scope.histogram(AggregationTemporality::DELTA, |_| {}).point(|point| {
        point.count(1);
    });
    builder.finish()
}

#[test]
fn metrics_are_edited_apart_from_their_points() {
    let mut data = metrics();
    data.edit_metrics(|metric| {
        if metric.view().name() == "two" {
            return Verdict::Drop;
        }
        assert_eq!(metric.aggregation_temporality(), AggregationTemporality::DELTA);
        metric.set_aggregation_temporality(AggregationTemporality::CUMULATIVE).set_is_monotonic(false);
        metric.set_unit("By").metadata().upsert("m", 2);
        Verdict::Keep
    });
    assert_eq!((data.items(), data.iter().count()), (3, 3));
    for at in data.iter() {
        let metric = at.metric();
        assert_eq!(metric.aggregation_temporality(), AggregationTemporality::CUMULATIVE);
        assert_eq!(metric.unit(), "By");
        assert_eq!(metric.metadata().get("m"), Some(AnyValue::Int(2)));
        assert!(metric.sum().is_none_or(|sum| !sum.is_monotonic()));
    }
    Metrics::from_bytes(data.to_bytes()).expect("what was edited is valid");
}

#[test]
fn a_point_writes_its_metric() {
    let mut data = metrics();
    data.edit(|point| {
        if let PointEdit::Number(mut number) = point.point() {
            let Some(NumberValue::Int(value)) = number.view().value() else { panic!("an integer was built") };
            number.set_value(value as f64 / 2.0);
            let name = format!("{}+{value}", point.metric().view().name());
            point.metric().set_name(&name);
        }
    });
    let names: Vec<_> = data.iter().map(|at| at.metric().name().to_owned()).collect();
    assert_eq!(names, ["one+0+1", "one+0+1", "two+0+1", "two+0+1", ""]);
    Metrics::from_bytes(data.to_bytes()).expect("what was edited is valid");
}
