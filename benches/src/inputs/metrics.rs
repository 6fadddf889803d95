//! Data points.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    number_data_point,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{ITEMS, SCOPES, attribute, id, int, pick, resource, scope, status_code, text};

const START: u64 = 1_790_000_000_000_000_000;
const NOW: u64 = START + 3_600_000_000_000;
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const POINTS: usize = 10;
const CUMULATIVE: i32 = 2;

/// 1,000 data points: 100 metrics of 10 points, of which 40 sums, 25 gauges, 25 histograms, 5 exponential
/// histograms and 5 summaries, in one resource and four scopes.
pub fn metrics(seed: u64) -> ExportMetricsServiceRequest {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut number = 0;
    let scope_metrics = SCOPES.map(|name| ScopeMetrics {
        scope: Some(scope(name)),
        metrics: (0..ITEMS / POINTS / SCOPES.len())
            .map(|_| {
                number += 1;
                metric(&mut rng, number)
            })
            .collect(),
        schema_url: "https://opentelemetry.io/schemas/1.37.0".into(),
    });
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource(&mut rng)),
            scope_metrics: scope_metrics.into(),
            schema_url: String::new(),
        }],
    }
}

fn metric(rng: &mut StdRng, number: usize) -> Metric {
    let (unit, data) = match number % 20 {
        0..8 => (
            "{request}",
            Data::Sum(Sum {
                data_points: points(rng, number_point),
                aggregation_temporality: CUMULATIVE,
                is_monotonic: true,
            }),
        ),
        8..13 => ("By", Data::Gauge(Gauge { data_points: points(rng, number_point) })),
        13..18 => (
            "s",
            Data::Histogram(Histogram {
                data_points: points(rng, histogram_point),
                aggregation_temporality: CUMULATIVE,
            }),
        ),
        18 => (
            "s",
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: points(rng, exponential_point),
                aggregation_temporality: CUMULATIVE,
            }),
        ),
        _ => ("s", Data::Summary(Summary { data_points: points(rng, summary_point) })),
    };
    Metric {
        name: format!("shop.checkout.measurement_{number}"),
        description: "What the instrument measures, in a sentence.".into(),
        unit: unit.into(),
        metadata: Vec::new(),
        data: Some(data),
    }
}

fn points<P>(rng: &mut StdRng, point: fn(&mut StdRng) -> P) -> Vec<P> {
    (0..POINTS).map(|_| point(rng)).collect()
}

fn attributes(rng: &mut StdRng) -> Vec<KeyValue> {
    vec![
        attribute("http.request.method", text(pick(rng, &["GET", "POST", "DELETE"]))),
        attribute("url.scheme", text("https")),
        attribute(super::STATUS_CODE, int(status_code(rng))),
        attribute("http.route", text(pick(rng, &["/api/cart", "/api/products/{id}", "/api/checkout"]))),
        attribute("server.address", text(pick(rng, &["shop.example.com", "api.shop.example.com"]))),
        attribute("network.protocol.version", text(pick(rng, &["1.1", "2"]))),
    ]
}

fn number_point(rng: &mut StdRng) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(rng),
        start_time_unix_nano: START,
        time_unix_nano: NOW,
        value: Some(if rng.random() {
            number_data_point::Value::AsInt(rng.random_range(0..100_000))
        } else {
            number_data_point::Value::AsDouble(rng.random())
        }),
        ..Default::default()
    }
}

fn histogram_point(rng: &mut StdRng) -> HistogramDataPoint {
    let bucket_counts: Vec<u64> = (0..=BOUNDS.len()).map(|_| rng.random_range(0..500)).collect();
    HistogramDataPoint {
        attributes: attributes(rng),
        start_time_unix_nano: START,
        time_unix_nano: NOW,
        count: bucket_counts.iter().sum(),
        sum: Some(rng.random()),
        bucket_counts,
        explicit_bounds: BOUNDS.into(),
        exemplars: vec![exemplar(rng)],
        min: Some(0.001),
        max: Some(rng.random()),
        ..Default::default()
    }
}

fn exponential_point(rng: &mut StdRng) -> ExponentialHistogramDataPoint {
    let bucket_counts: Vec<u64> = (0..40).map(|_| rng.random_range(0..500)).collect();
    ExponentialHistogramDataPoint {
        attributes: attributes(rng),
        start_time_unix_nano: START,
        time_unix_nano: NOW,
        count: bucket_counts.iter().sum(),
        sum: Some(rng.random()),
        scale: 4,
        positive: Some(Buckets { offset: -30, bucket_counts }),
        negative: Some(Buckets::default()),
        min: Some(0.001),
        max: Some(rng.random()),
        ..Default::default()
    }
}

fn summary_point(rng: &mut StdRng) -> SummaryDataPoint {
    SummaryDataPoint {
        attributes: attributes(rng),
        start_time_unix_nano: START,
        time_unix_nano: NOW,
        count: rng.random_range(1..5_000),
        sum: rng.random(),
        quantile_values: [0.5, 0.9, 0.99]
            .map(|quantile| ValueAtQuantile { quantile, value: rng.random() })
            .into(),
        ..Default::default()
    }
}

fn exemplar(rng: &mut StdRng) -> Exemplar {
    Exemplar {
        time_unix_nano: NOW,
        span_id: id::<8>(rng),
        trace_id: id::<16>(rng),
        value: Some(exemplar::Value::AsDouble(rng.random())),
        ..Default::default()
    }
}
