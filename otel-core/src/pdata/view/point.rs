//! Data points of any kind.

use super::metric::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
};
use super::{Attributes, Repeated};
use crate::pdata::layout::Level;
use crate::pdata::wire::RawFields;

/// A data point of any kind, with its metric: the item of metrics.
#[derive(Debug, Clone, Copy)]
pub struct DataPoint<'a> {
    metric: Metric<'a>,
    point: Point<'a>,
}

/// A data point by its kind.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Point<'a> {
    /// Of a gauge or a sum.
    Number(NumberDataPoint<'a>),
    /// Of a histogram.
    Histogram(HistogramDataPoint<'a>),
    /// Of an exponential histogram.
    ExponentialHistogram(ExponentialHistogramDataPoint<'a>),
    /// Of a summary.
    Summary(SummaryDataPoint<'a>),
}

/// `self.point.$field()`, whichever the kind.
macro_rules! of_any_kind {
    ($self:ident . $field:ident) => {
        match $self.point {
            Point::Number(point) => point.$field(),
            Point::Histogram(point) => point.$field(),
            Point::ExponentialHistogram(point) => point.$field(),
            Point::Summary(point) => point.$field(),
        }
    };
}

impl<'a> DataPoint<'a> {
    /// The point of a metric's data of that field number.
    #[inline]
    pub(crate) fn new(metric: Metric<'a>, data: u32, bytes: &'a [u8]) -> Self {
        let point = match data {
            5 | 7 => Point::Number(NumberDataPoint { bytes }),
            9 => Point::Histogram(HistogramDataPoint { bytes }),
            10 => Point::ExponentialHistogram(ExponentialHistogramDataPoint { bytes }),
            _ => Point::Summary(SummaryDataPoint { bytes }),
        };
        Self { metric, point }
    }

    /// The metric that it is a point of.
    #[inline]
    pub fn metric(self) -> Metric<'a> {
        self.metric
    }

    /// The point by its kind, for what only that kind has.
    #[inline]
    pub fn point(self) -> Point<'a> {
        self.point
    }

    /// What identifies the series.
    #[inline]
    pub fn attributes(self) -> Attributes<'a> {
        of_any_kind!(self.attributes)
    }

    /// Start of the interval, in nanoseconds since the Unix epoch; 0 where unknown.
    pub fn start_time_unix_nano(self) -> u64 {
        of_any_kind!(self.start_time_unix_nano)
    }

    /// End of the interval, in nanoseconds since the Unix epoch.
    pub fn time_unix_nano(self) -> u64 {
        of_any_kind!(self.time_unix_nano)
    }

    /// Flags; bit 0: no recorded value.
    pub fn flags(self) -> u32 {
        of_any_kind!(self.flags)
    }

    /// Whether the point says that there is no value, such as at the end of a series.
    pub fn has_no_recorded_value(self) -> bool {
        self.flags() & 1 != 0
    }

    /// Measurements that went into the point; none for a summary.
    pub fn exemplars(self) -> Repeated<'a, Exemplar<'a>> {
        match self.point {
            Point::Number(point) => point.exemplars(),
            Point::Histogram(point) => point.exemplars(),
            Point::ExponentialHistogram(point) => point.exemplars(),
            Point::Summary(_) => Repeated::new(&[], 0),
        }
    }
}

impl<'a> Metric<'a> {
    /// The data points, whichever kind they are of.
    pub fn data_points(self) -> impl Iterator<Item = DataPoint<'a>> + Clone {
        let (number, data) = self.raw_data().unwrap_or_default();
        RawFields::new(data)
            .filter(|field| Level::Data.is_child(field.number))
            .map(move |field| DataPoint::new(self, number, field.value))
    }

    /// The data: the number of its field, and its bytes.
    #[inline]
    pub(super) fn raw_data(self) -> Option<(u32, &'a [u8])> {
        RawFields::new(self.bytes)
            .find(|field| Level::Metric.is_child(field.number))
            .map(|field| (field.number, field.value))
    }
}
