use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use opentelemetry::metrics::BoundHistogram;

/// A number that only grows. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The sum so far.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that grows and shrinks. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct UpDown(Arc<AtomicI64>);

impl UpDown {
    /// Adds, or takes away.
    #[inline]
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The value now.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A distribution, bound to its attributes. Cloning shares it.
#[derive(Clone, Default)]
pub struct Histogram(Option<BoundHistogram<f64>>);

impl Histogram {
    /// A histogram that nobody reads.
    pub const fn none() -> Self {
        Self(None)
    }

    pub(super) fn bound(histogram: BoundHistogram<f64>) -> Self {
        Self(Some(histogram))
    }

    /// Whether somebody reads it: where not, a value need not be measured.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Records a value.
    #[inline]
    pub fn record(&self, value: f64) {
        if let Some(histogram) = &self.0 {
            histogram.record(value);
        }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").field("enabled", &self.is_enabled()).finish()
    }
}

/// A value that is looked up when somebody reads the metrics, until this is dropped.
#[must_use = "the value is observed until the observation is dropped"]
#[derive(Default)]
pub struct Observation(Option<Arc<Read>>);

pub(super) type Read = dyn Fn() -> i64 + Send + Sync;

impl Observation {
    pub(super) fn of(read: Arc<Read>) -> Self {
        Self(Some(read))
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation").field("enabled", &self.0.is_some()).finish()
    }
}
