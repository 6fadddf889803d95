//! Metrics and their data points.

use super::field::{Varints, Zigzag};
use super::message::messages;
use super::{AggregationTemporality, Attributes, Repeated, Scalars, SpanId, TraceId};

/// The data of a metric.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub enum MetricData<'a> {
    /// None.
    #[default]
    Empty,
    /// Values at points in time.
    Gauge(Gauge<'a>),
    /// Sums over intervals.
    Sum(Sum<'a>),
    /// Histograms with explicit bounds.
    Histogram(Histogram<'a>),
    /// Histograms with exponential bounds.
    ExponentialHistogram(ExponentialHistogram<'a>),
    /// Quantiles computed at the source.
    Summary(Summary<'a>),
}

/// The value of a number data point or an exemplar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NumberValue {
    /// A floating point number.
    Double(f64),
    /// An integer.
    Int(i64),
}

impl NumberValue {
    /// The value as a floating point number; integers beyond 2⁵³ are rounded.
    pub fn to_f64(self) -> f64 {
        match self {
            NumberValue::Double(value) => value,
            NumberValue::Int(value) => value as f64,
        }
    }
}

impl From<f64> for NumberValue {
    fn from(value: f64) -> Self {
        NumberValue::Double(value)
    }
}

impl From<i64> for NumberValue {
    fn from(value: i64) -> Self {
        NumberValue::Int(value)
    }
}

impl From<i32> for NumberValue {
    fn from(value: i32) -> Self {
        NumberValue::Int(value.into())
    }
}

impl<'a> Metric<'a> {
    /// The data, whichever kind it is of.
    pub fn data(self) -> MetricData<'a> {
        let Some((number, bytes)) = self.raw_data() else { return MetricData::Empty };
        match number {
            5 => MetricData::Gauge(Gauge { bytes }),
            7 => MetricData::Sum(Sum { bytes }),
            9 => MetricData::Histogram(Histogram { bytes }),
            10 => MetricData::ExponentialHistogram(ExponentialHistogram { bytes }),
            _ => MetricData::Summary(Summary { bytes }),
        }
    }

    /// What the points count from; unspecified where the kind of data has no temporality.
    pub fn aggregation_temporality(self) -> AggregationTemporality {
        match self.data() {
            MetricData::Sum(data) => data.aggregation_temporality(),
            MetricData::Histogram(data) => data.aggregation_temporality(),
            MetricData::ExponentialHistogram(data) => data.aggregation_temporality(),
            MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => {
                AggregationTemporality::UNSPECIFIED
            }
        }
    }
}

impl NumberDataPoint<'_> {
    /// The value; nothing where the point carries none.
    pub fn value(self) -> Option<NumberValue> {
        number_value(self.as_double(), || self.as_int())
    }
}

impl Exemplar<'_> {
    /// The value; nothing where the exemplar carries none.
    pub fn value(self) -> Option<NumberValue> {
        number_value(self.as_double(), || self.as_int())
    }
}

fn number_value(double: Option<f64>, int: impl FnOnce() -> Option<i64>) -> Option<NumberValue> {
    double.map(NumberValue::Double).or_else(|| int().map(NumberValue::Int))
}

messages! {
    /// A metric: what is measured, and its data points.
    Metric {
        /// Its name.
        1 name: &'a str,
        /// What it is, for people.
        2 description: &'a str,
        /// The unit, in UCUM's notation.
        3 unit: &'a str,
        /// The data, if it is a gauge.
        5 gauge: Option<Gauge<'a>>,
        /// The data, if it is a sum.
        7 sum: Option<Sum<'a>>,
        /// The data, if it is a histogram.
        9 histogram: Option<Histogram<'a>>,
        /// The data, if it is an exponential histogram.
        10 exponential_histogram: Option<ExponentialHistogram<'a>>,
        /// The data, if it is a summary.
        11 summary: Option<Summary<'a>>,
        /// More that describes the metric, and is not part of its identity.
        12 metadata: Attributes<'a>,
    }

    /// Values at points in time.
    Gauge {
        /// The points.
        1 data_points: Repeated<'a, NumberDataPoint<'a>>,
    }

    /// Sums over intervals.
    Sum {
        /// The points.
        1 data_points: Repeated<'a, NumberDataPoint<'a>>,
        /// What the points count from.
        2 aggregation_temporality: AggregationTemporality,
        /// Whether the sum only grows.
        3 is_monotonic: bool,
    }

    /// Histograms with explicit bounds.
    Histogram {
        /// The points.
        1 data_points: Repeated<'a, HistogramDataPoint<'a>>,
        /// What the points count from.
        2 aggregation_temporality: AggregationTemporality,
    }

    /// Histograms with exponential bounds.
    ExponentialHistogram {
        /// The points.
        1 data_points: Repeated<'a, ExponentialHistogramDataPoint<'a>>,
        /// What the points count from.
        2 aggregation_temporality: AggregationTemporality,
    }

    /// Quantiles computed at the source.
    Summary {
        /// The points.
        1 data_points: Repeated<'a, SummaryDataPoint<'a>>,
    }

    /// A number at a time.
    NumberDataPoint {
        /// Start of the interval, in nanoseconds since the Unix epoch; 0 where unknown.
        2 start_time_unix_nano: u64,
        /// End of the interval, in nanoseconds since the Unix epoch.
        3 time_unix_nano: u64,
        /// The value, if it is a floating point number.
        4 as_double: Option<f64>,
        /// Measurements that went into the value.
        5 exemplars: Repeated<'a, Exemplar<'a>>,
        /// The value, if it is an integer.
        6 as_int: Option<i64>,
        /// What identifies the series.
        7 attributes: Attributes<'a>,
        /// Flags; bit 0: no recorded value.
        8 flags: u32,
    }

    /// A histogram with explicit bounds, over an interval.
    HistogramDataPoint {
        /// Start of the interval, in nanoseconds since the Unix epoch; 0 where unknown.
        2 start_time_unix_nano: u64,
        /// End of the interval, in nanoseconds since the Unix epoch.
        3 time_unix_nano: u64,
        /// How many values.
        4 count: u64,
        /// Their sum.
        5 sum: Option<f64>,
        /// How many values in each bucket: one more than there are bounds, or none.
        6 bucket_counts: Scalars<'a, u64>,
        /// The upper bounds of the buckets but the last, inclusive, ascending.
        7 explicit_bounds: Scalars<'a, f64>,
        /// Measurements that went into the histogram.
        8 exemplars: Repeated<'a, Exemplar<'a>>,
        /// What identifies the series.
        9 attributes: Attributes<'a>,
        /// Flags; bit 0: no recorded value.
        10 flags: u32,
        /// The smallest value.
        11 min: Option<f64>,
        /// The largest value.
        12 max: Option<f64>,
    }

    /// A histogram whose bounds grow exponentially, over an interval.
    ExponentialHistogramDataPoint {
        /// What identifies the series.
        1 attributes: Attributes<'a>,
        /// Start of the interval, in nanoseconds since the Unix epoch; 0 where unknown.
        2 start_time_unix_nano: u64,
        /// End of the interval, in nanoseconds since the Unix epoch.
        3 time_unix_nano: u64,
        /// How many values.
        4 count: u64,
        /// Their sum.
        5 sum: Option<f64>,
        /// Resolution: the bounds are the powers of 2^(2^-scale).
        6 scale: i32 => Zigzag,
        /// How many values within the zero threshold.
        7 zero_count: u64,
        /// The buckets of positive values.
        8 positive: Buckets<'a>,
        /// The buckets of negative values.
        9 negative: Buckets<'a>,
        /// Flags; bit 0: no recorded value.
        10 flags: u32,
        /// Measurements that went into the histogram.
        11 exemplars: Repeated<'a, Exemplar<'a>>,
        /// The smallest value.
        12 min: Option<f64>,
        /// The largest value.
        13 max: Option<f64>,
        /// Values up to this, either side of zero, count as zero.
        14 zero_threshold: f64,
    }

    /// One half of an exponential histogram.
    Buckets {
        /// The index of the first bucket.
        1 offset: i32 => Zigzag,
        /// How many values in each bucket.
        2 bucket_counts: Scalars<'a, u64> => Varints<'a>,
    }

    /// Quantiles over an interval.
    SummaryDataPoint {
        /// Start of the interval, in nanoseconds since the Unix epoch; 0 where unknown.
        2 start_time_unix_nano: u64,
        /// End of the interval, in nanoseconds since the Unix epoch.
        3 time_unix_nano: u64,
        /// How many values.
        4 count: u64,
        /// Their sum.
        5 sum: f64,
        /// The quantiles.
        6 quantile_values: Repeated<'a, ValueAtQuantile<'a>>,
        /// What identifies the series.
        7 attributes: Attributes<'a>,
        /// Flags; bit 0: no recorded value.
        8 flags: u32,
    }

    /// The value at a quantile.
    ValueAtQuantile {
        /// The quantile, from 0 to 1.
        1 quantile: f64,
        /// The value there.
        2 value: f64,
    }

    /// A measurement that went into a data point.
    Exemplar {
        /// When it was made, in nanoseconds since the Unix epoch.
        2 time_unix_nano: u64,
        /// The value, if it is a floating point number.
        3 as_double: Option<f64>,
        /// The span in which it was made.
        4 span_id: SpanId,
        /// The trace in which it was made.
        5 trace_id: TraceId,
        /// The value, if it is an integer.
        6 as_int: Option<i64>,
        /// Attributes of the measurement that the data point left out.
        7 filtered_attributes: Attributes<'a>,
    }
}
