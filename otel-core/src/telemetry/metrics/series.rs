use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use opentelemetry::KeyValue;

use super::handles::{Counter, Read, UpDown};

/// The series of one instrument: what each is marked with, and where its value is.
pub(super) struct Family<V> {
    series: Shared<V>,
    /// Held, because dropping it would end the observation.
    _instrument: Box<dyn Any + Send + Sync>,
}

/// The series as the instrument's callback sees them.
pub(super) type Shared<V> = Arc<Mutex<Vec<(Vec<KeyValue>, V)>>>;

impl<V> Family<V> {
    /// A family without series; `observe` makes the instrument that reads them.
    pub(super) fn new<I: Send + Sync + 'static>(observe: impl FnOnce(Shared<V>) -> I) -> Self {
        let series: Shared<V> = Arc::default();
        Self { _instrument: Box::new(observe(Arc::clone(&series))), series }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<(Vec<KeyValue>, V)>> {
        lock(&self.series)
    }
}

impl<V: Clone + Default> Family<V> {
    /// The series of these attributes, made where there is none yet.
    pub(super) fn get(&self, attributes: Vec<KeyValue>) -> V {
        let mut series = self.lock();
        if let Some((_, known)) = series.iter().find(|(known, _)| *known == attributes) {
            return known.clone();
        }
        let value = V::default();
        series.push((attributes, value.clone()));
        value
    }
}

/// Calls `observe` with every value that was added to.
pub(super) fn read_counters(series: &Shared<Counter>, mut observe: impl FnMut(u64, &[KeyValue])) {
    for (attributes, value) in lock(series).iter() {
        if let Some(value) = value.shown() {
            observe(value, attributes);
        }
    }
}

/// Calls `observe` with every value that was added to.
pub(super) fn read_up_downs(series: &Shared<UpDown>, mut observe: impl FnMut(i64, &[KeyValue])) {
    for (attributes, value) in lock(series).iter() {
        if let Some(value) = value.shown() {
            observe(value, attributes);
        }
    }
}

/// Calls `observe` with every value that is still observed, and forgets the others.
pub(super) fn read_gauges(series: &Shared<Weak<Read>>, mut observe: impl FnMut(i64, &[KeyValue])) {
    lock(series).retain(|(attributes, read)| match read.upgrade() {
        Some(read) => {
            observe(read(), attributes);
            true
        }
        None => false,
    });
}

fn lock<V>(series: &Shared<V>) -> MutexGuard<'_, Vec<(Vec<KeyValue>, V)>> {
    series.lock().unwrap_or_else(PoisonError::into_inner)
}
