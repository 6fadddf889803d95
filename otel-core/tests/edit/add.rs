//! What an edit appends to items and resources, and metrics that change their kind.

use otel_core::pdata::build::{MetricsBuilder, TracesBuilder};
use otel_core::pdata::edit::{PointEdit, Verdict};
use otel_core::pdata::view::{AggregationTemporality, AnyValue, MetricData, NumberValue, Point};
use otel_core::pdata::{Metrics, Signal, Traces};
use otel_core::testing::generate;
use proptest::prelude::*;

fn revalidated<S: Signal>(data: &S) -> S {
    let again = S::from_bytes(data.to_bytes()).expect("what was edited is valid");
    assert_eq!(again.items(), data.items());
    again
}

#[test]
fn events_links_and_entities_are_appended() {
    let mut builder = TracesBuilder::new();
    builder.resource(|_| {}).scope(|_| {}).span(|span| {
        span.name("s").event(|event| {
            event.name("first");
        });
    });
    let mut data = builder.finish();
    assert!(data.edit(|span| {
        span.push_event(|event| {
            event.name("second").time_unix_nano(7).attribute("k", 1);
        });
        span.push_link(|link| {
            link.span_id([2; 8]).trace_id([1; 16]);
        });
        span.resource().push_entity_ref(|entity| {
            entity.entity_type("service").id_key("service.name");
        });
        assert_eq!((span.view().events().count(), span.view().links().count()), (2, 1));
    }));
    let data = revalidated(&data);
    let at = data.iter().next().expect("the span is there");
    let names: Vec<_> = at.item().events().map(otel_core::pdata::view::Event::name).collect();
    assert_eq!(names, ["first", "second"]);
    let second = at.item().events().nth(1).expect("there are two");
    assert_eq!((second.time_unix_nano(), second.attributes().get("k")), (7, Some(AnyValue::Int(1))));
    assert_eq!(at.item().links().next().map(otel_core::pdata::view::Link::span_id), Some([2; 8].into()));
    let entity = at.resource().entity_refs().next().expect("it was appended");
    assert_eq!((entity.r#type(), entity.id_keys().next()), ("service", Some("service.name")));
}

/// A metric of each kind, with two points.
fn metrics() -> Metrics {
    let mut builder = MetricsBuilder::new();
    let mut group = builder.resource(|_| {});
    let mut scope = group.scope(|_| {});
    for (name, is_sum) in [("gauge", false), ("sum", true)] {
        let mut points = if is_sum {
            scope.sum(AggregationTemporality::DELTA, true, |metric| {
                metric.name(name);
            })
        } else {
            scope.gauge(|metric| {
                metric.name(name);
            })
        };
        for value in 1..=2 {
            points.point(|point| {
                point.value(value);
            });
        }
    }
    let mut points = scope.histogram(AggregationTemporality::DELTA, |_| {});
    points.point(|_| {}).point(|_| {});
    let mut points = scope.exponential_histogram(AggregationTemporality::DELTA, |_| {});
    points.point(|_| {}).point(|_| {});
    let mut points = scope.summary(|_| {});
    points.point(|_| {}).point(|_| {});
    builder.finish()
}

#[test]
fn exemplars_and_quantiles_are_appended() {
    let mut data = metrics();
    data.edit(|item| match item.point() {
        PointEdit::Number(mut point) => drop(point.push_exemplar(|exemplar| {
            exemplar.value(1.5).attribute("k", "v");
        })),
        PointEdit::Histogram(mut point) => drop(point.push_exemplar(|exemplar| {
            exemplar.value(2);
        })),
        PointEdit::ExponentialHistogram(mut point) => drop(point.push_exemplar(|exemplar| {
            exemplar.value(3);
        })),
        PointEdit::Summary(mut point) => drop(point.push_quantile(0.5, 4.0).push_quantile(0.9, 5.0)),
        _ => panic!("there are four kinds of points"),
    });
    let data = revalidated(&data);
    for at in data.iter() {
        let values: Vec<_> = match at.item().point() {
            Point::Number(point) => point.exemplars().map(otel_core::pdata::view::Exemplar::value).collect(),
            Point::Histogram(point) => {
                point.exemplars().map(otel_core::pdata::view::Exemplar::value).collect()
            }
            Point::ExponentialHistogram(point) => {
                point.exemplars().map(otel_core::pdata::view::Exemplar::value).collect()
            }
            Point::Summary(point) => {
                let quantiles: Vec<_> =
                    point.quantile_values().map(|value| (value.quantile(), value.value())).collect();
                assert_eq!(quantiles, [(0.5, 4.0), (0.9, 5.0)]);
                continue;
            }
            _ => panic!("there are four kinds of points"),
        };
        assert_eq!(values.len(), 1);
        assert!(values[0].is_some());
    }
}

fn kinds(data: &Metrics) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for group in data.resource_metrics() {
        for scope in group.scope_metrics() {
            kinds.extend(scope.metrics().map(|metric| match metric.data() {
                MetricData::Gauge(_) => "gauge",
                MetricData::Sum(_) => "sum",
                MetricData::Histogram(_) => "histogram",
                MetricData::ExponentialHistogram(_) => "exponential histogram",
                MetricData::Summary(_) => "summary",
                _ => "none",
            }));
        }
    }
    kinds
}

#[test]
fn gauges_become_sums_and_sums_become_gauges() {
    let mut data = metrics();
    data.edit_metrics(|metric| {
        let is_gauge = metric.view().name() == "gauge";
        if is_gauge {
            assert!(metric.make_sum(AggregationTemporality::CUMULATIVE, false));
            assert_eq!(metric.aggregation_temporality(), AggregationTemporality::CUMULATIVE);
            metric.set_name("was a gauge");
        } else if !metric.make_gauge() {
            assert_ne!(metric.view().name(), "sum");
        }
    });
    let data = revalidated(&data);
    assert_eq!(kinds(&data), ["sum", "gauge", "histogram", "exponential histogram", "summary"]);
    let values: Vec<_> = data
        .iter()
        .filter_map(|at| match at.item().point() {
            Point::Number(point) => Some((at.metric().name().to_owned(), point.value())),
            _ => None,
        })
        .collect();
    let one = |name: &str, value| (name.to_owned(), Some(NumberValue::Int(value)));
    assert_eq!(values, [one("was a gauge", 1), one("was a gauge", 2), one("sum", 1), one("sum", 2)]);
    for at in data.iter() {
        let sum = at.metric().sum();
        assert!(
            sum.is_none_or(|sum| !sum.is_monotonic()
                && sum.aggregation_temporality() == AggregationTemporality::CUMULATIVE)
        );
    }
    // The fields that a gauge does not have are gone, not unknown in it.
    let mut back = data.clone();
    assert!(back.edit_metrics(|metric| {
        metric.make_sum(AggregationTemporality::UNSPECIFIED, false);
    }));
    assert_eq!(kinds(&back), ["sum", "sum", "histogram", "exponential histogram", "summary"]);
}

#[test]
fn unknown_fields_of_a_gauge_are_not_taken_for_those_of_a_sum() {
    // A gauge of one point, with the fields 2, as text, and 3, twice.
    let gauge = b"\x2a\x0a\x0a\x00\x12\x02hi\x18\x01\x18\x01";
    let scope = [&[0x12, gauge.len() as u8], gauge.as_slice()].concat();
    let group = [&[0x12, scope.len() as u8], scope.as_slice()].concat();
    let request = [&[0x0a, group.len() as u8], group.as_slice()].concat();
    let mut data = Metrics::from_bytes(request.into()).expect("a gauge has no such fields");
    data.edit_metrics(|metric| assert!(metric.make_sum(AggregationTemporality::DELTA, false)));
    let sum = revalidated(&data);
    let sum = sum.iter().next().expect("the point is there").metric().sum().expect("it is a sum");
    assert_eq!((sum.aggregation_temporality(), sum.is_monotonic()), (AggregationTemporality::DELTA, false));
}

#[test]
fn a_metric_that_is_what_it_is_made_shares_its_bytes() {
    let mut data = metrics();
    assert!(!data.edit_metrics(|metric| match metric.view().name() {
        "gauge" => assert!(metric.make_gauge()),
        "sum" => assert!(metric.make_sum(AggregationTemporality::DELTA, true)),
        _ => assert!(!metric.make_gauge()),
    }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// From points, at any of them, with points that are dropped and others that change around it.
    #[test]
    fn points_change_the_kind_of_their_metric(
        odd in generate::odd::<Metrics>(),
        decisions in proptest::collection::vec(0..5u8, 1..12),
    ) {
        let mut data = Metrics::from_bytes(odd.bytes).unwrap();
        let mut turn = decisions.iter().cycle();
        let mut expected = Vec::new();
        data.edit(|item| {
            let mut is_gauge = None;
            match turn.next() {
                Some(0) => return Verdict::Drop,
                Some(1) => drop(item.attributes().upsert("k", "a value")),
                Some(2) if item.metric().make_gauge() => is_gauge = Some(true),
                Some(3) if item.metric().make_sum(AggregationTemporality::DELTA, true) => is_gauge = Some(false),
                _ => {}
            }
            expected.push(is_gauge);
            Verdict::Keep
        });
        let data = revalidated(&data);
        // The last point of a metric that decided is the one that counts.
        let mut at = 0;
        for group in data.resource_metrics() {
            for metric in group.scope_metrics().flat_map(otel_core::pdata::view::ScopeGroup::metrics) {
                let points = match metric.data() {
                    MetricData::Gauge(data) => data.data_points().count(),
                    MetricData::Sum(data) => data.data_points().count(),
                    MetricData::Histogram(data) => data.data_points().count(),
                    MetricData::ExponentialHistogram(data) => data.data_points().count(),
                    MetricData::Summary(data) => data.data_points().count(),
                    _ => 0,
                };
                let decided = expected[at..at + points].iter().rev().find_map(|decision| *decision);
                at += points;
                if let Some(is_gauge) = decided {
                    prop_assert_eq!(metric.gauge().is_some(), is_gauge);
                    let sum = metric.sum().map(|sum| (sum.aggregation_temporality(), sum.is_monotonic()));
                    prop_assert_eq!(sum, (!is_gauge).then_some((AggregationTemporality::DELTA, true)));
                }
            }
        }
        prop_assert_eq!(at, expected.len());
    }
}

#[test]
fn what_is_appended_to_many_items_is_in_each() {
    let mut builder = TracesBuilder::new();
    let mut group = builder.resource(|_| {});
    let mut scope = group.scope(|_| {});
    for _ in 0..100 {
        scope.span(|_| {});
    }
    let mut data: Traces = builder.finish();
    data.edit(|span| {
        span.push_event(|event| {
            event.name("e");
        });
    });
    assert!(revalidated(&data).iter().all(|at| at.item().events().count() == 1));
}
