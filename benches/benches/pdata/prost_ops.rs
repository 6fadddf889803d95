//! The operations on prost's types, as a collector on object trees does them.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum, Summary,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use otel_benches::inputs::STATUS_CODE;
use prost::Message;

/// A request that can be regrouped.
pub(crate) trait Operations: Message + Default + Clone {
    /// Appends another request.
    fn append(&mut self, other: Self);
    /// Takes the items from `at` on away and returns them.
    fn split_off(&mut self, at: usize) -> Self;
    /// Keeps the items whose attributes the predicate accepts, and what is not left empty.
    fn retain(&mut self, predicate: impl FnMut(&[KeyValue]) -> bool);
    /// Visits the attributes of every item.
    fn each(&self, visit: impl FnMut(&[KeyValue]));
}

/// The status code among attributes.
pub(crate) fn status_code(attributes: &[KeyValue]) -> Option<i64> {
    let attribute = attributes.iter().find(|attribute| attribute.key == STATUS_CODE)?;
    match attribute.value.as_ref()?.value {
        Some(Value::IntValue(code)) => Some(code),
        _ => None,
    }
}

/// Splits a list of containers: moves whole ones, and cuts the one in the middle with `cut`.
fn split_list<T>(
    list: &mut Vec<T>,
    left: &mut usize,
    count: impl Fn(&T) -> usize,
    cut: impl Fn(&mut T, &mut usize) -> T,
) -> Vec<T> {
    for at in 0..list.len() {
        let held = count(&list[at]);
        if held <= *left {
            *left -= held;
            continue;
        }
        let mut rest = Vec::with_capacity(list.len() - at);
        if *left > 0 {
            rest.push(cut(&mut list[at], left));
            rest.extend(list.drain(at + 1..));
        } else {
            rest.extend(list.drain(at..));
        }
        *left = 0;
        return rest;
    }
    Vec::new()
}

/// `operations!` becomes [`Operations`] for a signal whose scopes hold the items.
macro_rules! operations {
    ($request:ident . $resources:ident : $resource:ident . $scopes:ident : $scope:ident . $items:ident) => {
        impl Operations for $request {
            fn append(&mut self, other: Self) {
                self.$resources.extend(other.$resources);
            }

            fn split_off(&mut self, at: usize) -> Self {
                let mut left = at;
                let count_scope = |scope: &$scope| scope.$items.len();
                let $resources = split_list(
                    &mut self.$resources,
                    &mut left,
                    |resource| resource.$scopes.iter().map(count_scope).sum(),
                    |resource, left| $resource {
                        resource: resource.resource.clone(),
                        schema_url: resource.schema_url.clone(),
                        $scopes: split_list(&mut resource.$scopes, left, count_scope, |scope, left| $scope {
                            scope: scope.scope.clone(),
                            schema_url: scope.schema_url.clone(),
                            $items: scope.$items.split_off(*left),
                        }),
                    },
                );
                Self { $resources }
            }

            fn retain(&mut self, mut predicate: impl FnMut(&[KeyValue]) -> bool) {
                self.$resources.retain_mut(|resource| {
                    resource.$scopes.retain_mut(|scope| {
                        scope.$items.retain(|item| predicate(&item.attributes));
                        !scope.$items.is_empty()
                    });
                    !resource.$scopes.is_empty()
                });
            }

            fn each(&self, mut visit: impl FnMut(&[KeyValue])) {
                for scope in self.$resources.iter().flat_map(|resource| &resource.$scopes) {
                    scope.$items.iter().for_each(|item| visit(&item.attributes));
                }
            }
        }
    };
}

operations!(ExportTraceServiceRequest.resource_spans: ResourceSpans.scope_spans: ScopeSpans.spans);
operations!(ExportLogsServiceRequest.resource_logs: ResourceLogs.scope_logs: ScopeLogs.log_records);

/// `of_any_kind!(data, points => …)` does the same for the points of whichever kind.
macro_rules! of_any_kind {
    ($data:expr, $points:ident => $body:expr) => {
        match $data {
            Data::Gauge(Gauge { data_points: $points }) => $body,
            Data::Sum(Sum { data_points: $points, .. }) => $body,
            Data::Histogram(Histogram { data_points: $points, .. }) => $body,
            Data::ExponentialHistogram(ExponentialHistogram { data_points: $points, .. }) => $body,
            Data::Summary(Summary { data_points: $points }) => $body,
        }
    };
}

fn points(metric: &Metric) -> usize {
    metric.data.as_ref().map_or(0, |data| of_any_kind!(data, points => points.len()))
}

fn points_of_scope(scope: &ScopeMetrics) -> usize {
    scope.metrics.iter().map(points).sum()
}

/// Cuts a metric, whose points are moved to a copy of it.
fn cut_metric(metric: &mut Metric, left: &mut usize) -> Metric {
    let data = metric.data.as_mut().map(|data| match data {
        Data::Gauge(data) => Data::Gauge(Gauge { data_points: data.data_points.split_off(*left) }),
        Data::Sum(data) => Data::Sum(Sum { data_points: data.data_points.split_off(*left), ..*data }),
        Data::Histogram(data) => {
            Data::Histogram(Histogram { data_points: data.data_points.split_off(*left), ..*data })
        }
        Data::ExponentialHistogram(data) => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: data.data_points.split_off(*left),
            ..*data
        }),
        Data::Summary(data) => Data::Summary(Summary { data_points: data.data_points.split_off(*left) }),
    });
    Metric {
        name: metric.name.clone(),
        description: metric.description.clone(),
        unit: metric.unit.clone(),
        metadata: metric.metadata.clone(),
        data,
    }
}

impl Operations for ExportMetricsServiceRequest {
    fn append(&mut self, other: Self) {
        self.resource_metrics.extend(other.resource_metrics);
    }

    fn split_off(&mut self, at: usize) -> Self {
        let mut left = at;
        let resource_metrics = split_list(
            &mut self.resource_metrics,
            &mut left,
            |resource| resource.scope_metrics.iter().map(points_of_scope).sum(),
            |resource, left| ResourceMetrics {
                resource: resource.resource.clone(),
                schema_url: resource.schema_url.clone(),
                scope_metrics: split_list(
                    &mut resource.scope_metrics,
                    left,
                    points_of_scope,
                    |scope, left| ScopeMetrics {
                        scope: scope.scope.clone(),
                        schema_url: scope.schema_url.clone(),
                        metrics: split_list(&mut scope.metrics, left, points, cut_metric),
                    },
                ),
            },
        );
        Self { resource_metrics }
    }

    fn retain(&mut self, mut predicate: impl FnMut(&[KeyValue]) -> bool) {
        self.resource_metrics.retain_mut(|resource| {
            resource.scope_metrics.retain_mut(|scope| {
                scope.metrics.retain_mut(|metric| {
                    if let Some(data) = &mut metric.data {
                        of_any_kind!(data, points => points.retain(|point| predicate(&point.attributes)));
                    }
                    points(metric) > 0
                });
                !scope.metrics.is_empty()
            });
            !resource.scope_metrics.is_empty()
        });
    }

    fn each(&self, mut visit: impl FnMut(&[KeyValue])) {
        let scopes = self.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &scope.metrics) {
            if let Some(data) = &metric.data {
                of_any_kind!(data, points => points.iter().for_each(|point| visit(&point.attributes)));
            }
        }
    }
}
