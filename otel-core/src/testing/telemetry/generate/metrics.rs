//! Metrics of every kind.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    number_data_point,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::common::{attributes, count, double, enumeration, id, resource, scope, text, time};

pub(super) fn metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let scope_metrics = (scope(), vec(metric(), 0..4), text())
        .prop_map(|(scope, metrics, schema_url)| ScopeMetrics { scope, metrics, schema_url });
    let resource_metrics =
        (resource(), vec(scope_metrics, 0..3), text()).prop_map(|(resource, scope_metrics, schema_url)| {
            ResourceMetrics { resource, scope_metrics, schema_url }
        });
    vec(resource_metrics, 0..4).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

fn metric() -> impl Strategy<Value = Metric> {
    (text(), text(), text(), attributes(), option::weighted(0.95, data())).prop_map(
        |(name, description, unit, metadata, data)| Metric { name, description, unit, metadata, data },
    )
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        vec(number_point(), 0..4).prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (vec(number_point(), 0..4), enumeration(2), any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
            }
        ),
        (vec(histogram_point(), 0..3), enumeration(2)).prop_map(|(data_points, aggregation_temporality)| {
            Data::Histogram(Histogram { data_points, aggregation_temporality })
        }),
        (vec(exponential_point(), 0..3), enumeration(2)).prop_map(
            |(data_points, aggregation_temporality)| {
                Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
            }
        ),
        vec(summary_point(), 0..3).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ]
}

/// A double of a field that does not tell zero from absence: prost does not write a negative zero there.
fn plain_double() -> impl Strategy<Value = f64> {
    double().prop_map(|value| value + 0.0)
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let value = prop_oneof![
        double().prop_map(exemplar::Value::AsDouble),
        any::<i64>().prop_map(exemplar::Value::AsInt),
    ];
    let exemplar = (attributes(), time(), id(8), id(16), option::weighted(0.9, value)).prop_map(
        |(filtered_attributes, time_unix_nano, span_id, trace_id, value)| Exemplar {
            filtered_attributes,
            time_unix_nano,
            span_id,
            trace_id,
            value,
        },
    );
    prop_oneof![2 => Just(Vec::new()), 1 => vec(exemplar, 1..3)]
}

fn number_point() -> impl Strategy<Value = NumberDataPoint> {
    let value = prop_oneof![
        double().prop_map(number_data_point::Value::AsDouble),
        any::<i64>().prop_map(number_data_point::Value::AsInt),
    ];
    (attributes(), time(), time(), exemplars(), count(), option::weighted(0.9, value)).prop_map(
        |(attributes, start_time_unix_nano, time_unix_nano, exemplars, flags, value)| NumberDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            exemplars,
            flags,
            value,
        },
    )
}

fn optional_double() -> impl Strategy<Value = Option<f64>> {
    option::of(double())
}

fn histogram_point() -> impl Strategy<Value = HistogramDataPoint> {
    let head = (attributes(), time(), time(), time(), count());
    let buckets = (vec(time(), 0..5), vec(double(), 0..5), exemplars());
    let range = (optional_double(), optional_double(), optional_double());
    (head, buckets, range).prop_map(|(head, buckets, (sum, min, max))| {
        let (attributes, start_time_unix_nano, time_unix_nano, count, flags) = head;
        let (bucket_counts, explicit_bounds, exemplars) = buckets;
        HistogramDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            count,
            sum,
            bucket_counts,
            explicit_bounds,
            exemplars,
            flags,
            min,
            max,
        }
    })
}

fn buckets() -> impl Strategy<Value = Option<Buckets>> {
    let buckets = (any::<i32>(), vec(time(), 0..5))
        .prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts });
    option::of(buckets)
}

fn exponential_point() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let head = (attributes(), time(), time(), time(), count());
    let buckets = (any::<i32>(), time(), buckets(), buckets(), plain_double(), exemplars());
    let range = (optional_double(), optional_double(), optional_double());
    (head, buckets, range).prop_map(|(head, buckets, (sum, min, max))| {
        let (attributes, start_time_unix_nano, time_unix_nano, count, flags) = head;
        let (scale, zero_count, positive, negative, zero_threshold, exemplars) = buckets;
        ExponentialHistogramDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            count,
            sum,
            scale,
            zero_count,
            positive,
            negative,
            flags,
            exemplars,
            min,
            max,
            zero_threshold,
        }
    })
}

fn summary_point() -> impl Strategy<Value = SummaryDataPoint> {
    let quantile =
        (plain_double(), plain_double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    (attributes(), time(), time(), time(), plain_double(), vec(quantile, 0..3), count()).prop_map(
        |(attributes, start_time_unix_nano, time_unix_nano, count, sum, quantile_values, flags)| {
            SummaryDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                count,
                sum,
                quantile_values,
                flags,
            }
        },
    )
}
