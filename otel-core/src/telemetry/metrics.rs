//! Metrics that cost an atomic addition on the hot path.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider, ObservableCounter};

/// The instruments of one collector, over an OpenTelemetry meter. Counters are atomics of our own that the meter
/// reads when somebody asks: an addition through the SDK looks its attributes up every time.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    meter: Meter,
    counters: Mutex<HashMap<&'static str, Family>>,
}

/// One counter by name, with its series.
struct Family {
    series: Arc<Mutex<Vec<Series>>>,
    /// Held, because dropping it would end the observation.
    _instrument: ObservableCounter<u64>,
}

struct Series {
    attributes: Vec<KeyValue>,
    value: Counter,
}

impl Metrics {
    /// Metrics over a meter.
    pub fn new(meter: Meter) -> Self {
        Self(Arc::new(Inner { meter, counters: Mutex::default() }))
    }

    /// Metrics that nobody reads.
    pub fn none() -> Self {
        Self::new(opentelemetry::metrics::noop::NoopMeterProvider::new().meter("none"))
    }

    /// The meter, for histograms, gauges and whatever else a component has.
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// The counter of that name and those attributes: the same one whoever asks. Look it up once, keep it, add
    /// to it.
    pub fn counter(
        &self,
        name: &'static str,
        description: &'static str,
        unit: &'static str,
        attributes: &[(&'static str, &str)],
    ) -> Counter {
        let mut counters = self.0.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let family = counters.entry(name).or_insert_with(|| {
            let series: Arc<Mutex<Vec<Series>>> = Arc::default();
            let observed = Arc::clone(&series);
            let instrument = self
                .0
                .meter
                .u64_observable_counter(name)
                .with_description(description)
                .with_unit(unit)
                .with_callback(move |observer| {
                    for series in observed.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                        observer.observe(series.value.value(), &series.attributes);
                    }
                })
                .build();
            Family { series, _instrument: instrument }
        });
        let attributes: Vec<_> =
            attributes.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned())).collect();
        let mut series = family.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = series.iter().find(|series| series.attributes == attributes) {
            return known.value.clone();
        }
        let value = Counter::default();
        series.push(Series { attributes, value: value.clone() });
        value
    }

    /// The series of a counter: the attributes and value of each.
    pub fn series(&self, name: &str) -> Vec<(Vec<(String, String)>, u64)> {
        let counters = self.0.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(family) = counters.get(name) else { return Vec::new() };
        let series = family.series.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = |known: &KeyValue| (known.key.to_string(), known.value.to_string());
        series
            .iter()
            .map(|series| (series.attributes.iter().map(plain).collect(), series.value.value()))
            .collect()
    }

    /// The value of a counter summed over its series whose attributes include the given ones: what tests and
    /// embedders look at.
    pub fn counted(&self, name: &str, attributes: &[(&str, &str)]) -> u64 {
        let counters = self.0.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(family) = counters.get(name) else { return 0 };
        let series = family.series.lock().unwrap_or_else(PoisonError::into_inner);
        let matches = |series: &&Series| {
            attributes.iter().all(|(key, value)| {
                series
                    .attributes
                    .iter()
                    .any(|known| known.key.as_str() == *key && known.value.as_str() == *value)
            })
        };
        series.iter().filter(matches).map(|series| series.value.value()).sum()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

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
