use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use opentelemetry::KeyValue;
use opentelemetry::metrics::BoundHistogram;

/// A number that only grows. Cloning shares it. Readers see it from the first addition on, be it of zero.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    value: AtomicU64,
    shown: AtomicBool,
}

impl Counter {
    /// Adds. To add nothing costs next to nothing, and shows the series.
    #[inline]
    pub fn add(&self, count: u64) {
        if count > 0 {
            self.0.value.fetch_add(count, Ordering::Relaxed);
        }
        show(&self.0.shown);
    }

    /// The sum so far.
    pub fn value(&self) -> u64 {
        self.0.value.load(Ordering::Relaxed)
    }

    /// The sum, where something was added.
    pub(super) fn shown(&self) -> Option<u64> {
        self.0.shown.load(Ordering::Relaxed).then(|| self.value())
    }
}

/// A number that grows and shrinks. Cloning shares it. Readers see it from the first addition on.
#[derive(Debug, Clone, Default)]
pub struct UpDown(Arc<Level>);

#[derive(Debug, Default)]
struct Level {
    value: AtomicI64,
    shown: AtomicBool,
}

impl UpDown {
    /// Adds, or takes away.
    #[inline]
    pub fn add(&self, count: i64) {
        self.0.value.fetch_add(count, Ordering::Relaxed);
        show(&self.0.shown);
    }

    /// The value now.
    pub fn value(&self) -> i64 {
        self.0.value.load(Ordering::Relaxed)
    }

    /// The value, where something was added.
    pub(super) fn shown(&self) -> Option<i64> {
        self.0.shown.load(Ordering::Relaxed).then(|| self.value())
    }
}

/// A store only the first time: the others read what no processor has to fetch from another.
#[inline]
fn show(shown: &AtomicBool) {
    if !shown.load(Ordering::Relaxed) {
        shown.store(true, Ordering::Relaxed);
    }
}

/// A distribution, bound to its attributes. Cloning shares it. Readers see it from the first value on.
#[derive(Clone, Default)]
pub struct Histogram(Option<Arc<Distribution>>);

struct Distribution {
    instrument: opentelemetry::metrics::Histogram<f64>,
    attributes: Vec<KeyValue>,
    /// Made with the first value, because it shows a series from then on.
    bound: OnceLock<BoundHistogram<f64>>,
}

impl Histogram {
    /// A histogram that nobody reads.
    pub const fn none() -> Self {
        Self(None)
    }

    pub(super) fn of(instrument: opentelemetry::metrics::Histogram<f64>, attributes: Vec<KeyValue>) -> Self {
        Self(Some(Arc::new(Distribution { instrument, attributes, bound: OnceLock::new() })))
    }

    /// Whether somebody reads it: where not, a value need not be measured.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Records a value.
    #[inline]
    pub fn record(&self, value: f64) {
        if let Some(Distribution { instrument, attributes, bound }) = self.0.as_deref() {
            bound.get_or_init(|| instrument.bind(attributes)).record(value);
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
