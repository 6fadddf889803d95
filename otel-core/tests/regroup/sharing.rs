//! What is shared, what is copied, and what a cut keeps.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use otel_core::pdata::view::{self, AggregationTemporality};
use otel_core::pdata::{Interop, Metrics, Signal, Traces};

/// A resource for each name, with that many spans of the name.
fn traces(resources: &[(&str, usize)]) -> Traces {
    let group = |(name, spans): &(&str, usize)| ResourceSpans {
        scope_spans: vec![ScopeSpans {
            spans: vec![Span { name: (*name).into(), ..Default::default() }; *spans],
            ..Default::default()
        }],
        ..Default::default()
    };
    let request = ExportTraceServiceRequest { resource_spans: resources.iter().map(group).collect() };
    Traces::from_request(&request).expect("it is valid")
}

fn addresses(traces: &Traces) -> Vec<*const u8> {
    traces.segments().map(|segment| segment.as_ptr()).collect()
}

#[test]
fn what_keeps_everything_shares_the_bytes() {
    let traces = Traces::merged([traces(&[("a", 3), ("b", 2)]), traces(&[("c", 1)])]);
    let before = addresses(&traces);
    let mut kept = traces.clone();
    kept.retain(|_| true);
    kept.retain_resources(|_| true);
    kept.retain_scopes(|_, _| true);
    assert_eq!(addresses(&kept), before);
    assert_eq!(addresses(&kept.partition(|_| true).0), before);
    let (all, none) = traces.split_items(6);
    assert_eq!(addresses(&all), before);
    assert!(none.is_empty());
}

#[test]
fn a_filter_shares_large_parts_and_copies_small_ones() {
    let traces = traces(&[("large", 50), ("small", 5)]);
    let buffer = traces.to_bytes();
    let of = |name: &str| {
        let mut kept = traces.clone();
        kept.retain(|at| at.item().name() == name);
        kept
    };
    let (large, small) = (of("large"), of("small"));
    assert_eq!((large.items(), small.items()), (50, 5));
    assert!(buffer.as_ptr_range().contains(&addresses(&large)[0]));
    assert_eq!(large.pinned_len(), buffer.len());
    assert!(!buffer.as_ptr_range().contains(&addresses(&small)[0]));
    assert_eq!(small.pinned_len(), small.encoded_len());
}

#[test]
fn a_split_shares_whole_groups() {
    let traces = traces(&[("first", 3), ("torn", 4), ("last", 3)]);
    let buffer = traces.to_bytes();
    let is_shared = |at: &*const u8| buffer.as_ptr_range().contains(at);
    let (first, second) = traces.split_items(5);
    assert_eq!(addresses(&first).iter().map(is_shared).collect::<Vec<_>>(), [true, false]);
    assert_eq!(addresses(&second).iter().map(is_shared).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn an_item_that_is_too_large_comes_alone() {
    let traces = traces(&[("a span of some length", 3)]);
    let (first, rest) = traces.split_bytes(1);
    assert_eq!((first.items(), rest.items()), (1, 2));
    assert!(first.encoded_len() > 1);
}

#[test]
fn both_parts_of_a_metric_say_what_it_is() {
    let metric = Metric {
        name: "requests".into(),
        description: "how many".into(),
        unit: "1".into(),
        metadata: Vec::new(),
        data: Some(Data::Sum(Sum {
            data_points: vec![NumberDataPoint { time_unix_nano: 7, ..Default::default() }; 3],
            aggregation_temporality: 2,
            is_monotonic: true,
        })),
    };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..Default::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..Default::default() }];
    let metrics =
        Metrics::from_request(&ExportMetricsServiceRequest { resource_metrics }).expect("it is valid");
    let (first, second) = metrics.split_items(1);
    assert_eq!((first.items(), second.items()), (1, 2));
    for part in [first, second] {
        for at in part.iter() {
            let metric = at.metric();
            assert_eq!((metric.name(), metric.description(), metric.unit()), ("requests", "how many", "1"));
            assert_eq!(metric.aggregation_temporality(), AggregationTemporality::CUMULATIVE);
            assert!(metric.sum().is_some_and(view::Sum::is_monotonic));
            assert_eq!(at.item().time_unix_nano(), 7);
        }
    }
}
