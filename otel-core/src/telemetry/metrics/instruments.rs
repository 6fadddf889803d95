use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use opentelemetry::metrics::noop::NoopMeterProvider;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::{InstrumentationScope, KeyValue};

use super::handles::{Counter, Histogram, Observation, Read, UpDown};
use super::level::MetricsLevel;
use super::names::{Instrument, scope_of};
use super::series::{Family, read_counters, read_gauges, read_up_downs};

/// The instruments of one collector, over an OpenTelemetry meter provider.
///
/// Counters are atomics of our own that the provider reads when somebody asks (an addition through the SDK looks
/// its attributes up every time), and histograms are bound to their attributes. Make an instrument once, keep it,
/// and record with it: making one takes a lock, recording does not allocate.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
    /// False where the configured level is below that of what is made from here on.
    shown: bool,
}

/// The attributes of one series of a counter, and its value.
pub type Series = (Vec<(String, String)>, u64);

type Attributes<'a> = &'a [(&'static str, &'a str)];
type Keep = dyn Fn(&Instrument<'_>, &str) -> bool + Send + Sync;

struct Inner {
    provider: Arc<dyn MeterProvider + Send + Sync>,
    level: MetricsLevel,
    /// Whether an attribute of an instrument is kept.
    keep: Box<Keep>,
    families: Mutex<Families>,
}

#[derive(Default)]
struct Families {
    meters: HashMap<&'static str, Meter>,
    counters: HashMap<&'static str, Family<Counter>>,
    up_downs: HashMap<&'static str, Family<UpDown>>,
    gauges: HashMap<&'static str, Family<Weak<Read>>>,
}

impl Metrics {
    /// Metrics of a provider, up to a level.
    pub fn new(provider: Arc<dyn MeterProvider + Send + Sync>, level: MetricsLevel) -> Self {
        Self::keeping(provider, level, |_, _| true)
    }

    /// The same, where `keep` says by instrument and key which attributes to keep. Series that differ only in
    /// others become one, with the sum.
    pub fn keeping(
        provider: Arc<dyn MeterProvider + Send + Sync>,
        level: MetricsLevel,
        keep: impl Fn(&Instrument<'_>, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        let inner = Inner { provider, level, keep: Box::new(keep), families: Mutex::default() };
        Self { inner: Arc::new(inner), shown: true }
    }

    /// Metrics that nobody reads.
    pub fn none() -> Self {
        Self::new(Arc::new(NoopMeterProvider::new()), MetricsLevel::None)
    }

    /// How much is measured.
    pub fn level(&self) -> MetricsLevel {
        self.inner.level
    }

    /// For instruments that exist from a level on: below it they work, and nobody reads them.
    pub fn at(&self, level: MetricsLevel) -> Self {
        Self { inner: Arc::clone(&self.inner), shown: self.shown && self.inner.level >= level }
    }

    /// A meter, for instruments of other kinds.
    pub fn meter(&self, scope: &'static str) -> Meter {
        self.families().meter(self.inner.provider.as_ref(), scope)
    }

    /// The counter of that name and those attributes: the same one whoever asks.
    pub fn counter(
        &self,
        name: &'static str,
        description: &'static str,
        unit: &'static str,
        attributes: Attributes<'_>,
    ) -> Counter {
        if !self.shown {
            return Counter::default();
        }
        let mut families = self.families();
        let meter = families.meter(self.inner.provider.as_ref(), scope_of(name));
        let make = || {
            Family::new(|series| {
                let instrument = meter.u64_observable_counter(name);
                let callback = instrument.with_callback(move |observer| {
                    read_counters(&series, |value, attributes| observer.observe(value, attributes));
                });
                callback.with_description(description).with_unit(unit).build()
            })
        };
        let attributes = self.attributes(("counter", name, unit), attributes);
        families.counters.entry(name).or_insert_with(make).get(attributes)
    }

    /// The number of that name and those attributes that grows and shrinks: the same one whoever asks.
    pub fn up_down(
        &self,
        name: &'static str,
        description: &'static str,
        unit: &'static str,
        attributes: Attributes<'_>,
    ) -> UpDown {
        if !self.shown {
            return UpDown::default();
        }
        let mut families = self.families();
        let meter = families.meter(self.inner.provider.as_ref(), scope_of(name));
        let make = || {
            Family::new(|series| {
                let instrument = meter.i64_observable_up_down_counter(name);
                let callback = instrument.with_callback(move |observer| {
                    read_up_downs(&series, |value, attributes| observer.observe(value, attributes));
                });
                callback.with_description(description).with_unit(unit).build()
            })
        };
        let attributes = self.attributes(("up_down_counter", name, unit), attributes);
        families.up_downs.entry(name).or_insert_with(make).get(attributes)
    }

    /// Lets `read` be asked whenever somebody reads the metrics, until the observation is dropped. It must be
    /// quick, and must not make instruments.
    pub fn gauge(
        &self,
        name: &'static str,
        description: &'static str,
        unit: &'static str,
        attributes: Attributes<'_>,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Observation {
        if !self.shown {
            return Observation::default();
        }
        let mut families = self.families();
        let meter = families.meter(self.inner.provider.as_ref(), scope_of(name));
        let make = || {
            Family::new(|series| {
                let instrument = meter.i64_observable_gauge(name);
                let callback = instrument.with_callback(move |observer| {
                    read_gauges(&series, |value, attributes| observer.observe(value, attributes));
                });
                callback.with_description(description).with_unit(unit).build()
            })
        };
        let read: Arc<Read> = Arc::new(read);
        let family = families.gauges.entry(name).or_insert_with(make);
        let attributes = self.attributes(("observable_gauge", name, unit), attributes);
        family.lock().push((attributes, Arc::downgrade(&read)));
        Observation::of(read)
    }

    /// The histogram of that name and those attributes, with the upper bounds of its buckets.
    pub fn histogram(
        &self,
        name: &'static str,
        description: &'static str,
        unit: &'static str,
        bounds: &[f64],
        attributes: Attributes<'_>,
    ) -> Histogram {
        if !self.shown || self.inner.level == MetricsLevel::None {
            return Histogram::none();
        }
        let meter = self.meter(scope_of(name));
        let instrument = meter.f64_histogram(name).with_boundaries(bounds.to_vec());
        let instrument = instrument.with_description(description).with_unit(unit).build();
        Histogram::of(instrument, self.attributes(("histogram", name, unit), attributes))
    }

    /// The series of a counter.
    pub fn series(&self, name: &str) -> Vec<Series> {
        let families = self.families();
        let Some(family) = families.counters.get(name) else { return Vec::new() };
        let plain = |known: &KeyValue| (known.key.to_string(), known.value.to_string());
        let series = family.lock();
        let each = series.iter().map(|(known, value)| (known.iter().map(plain).collect(), value.value()));
        each.collect()
    }

    /// The value of a counter summed over its series whose attributes include the given ones: what tests and
    /// embedders look at.
    pub fn counted(&self, name: &str, attributes: &[(&str, &str)]) -> u64 {
        let matches = |known: &[(String, String)]| {
            let has = |(key, value): &(&str, &str)| known.iter().any(|(k, v)| k == key && v == value);
            attributes.iter().all(has)
        };
        self.series(name).iter().filter(|(known, _)| matches(known)).map(|(_, value)| value).sum()
    }

    fn attributes(
        &self,
        (kind, name, unit): (&'static str, &str, &str),
        attributes: Attributes<'_>,
    ) -> Vec<KeyValue> {
        let kind = match kind {
            "up_down_counter" if Instrument::is_observed(name) => "observable_up_down_counter",
            kind => kind,
        };
        let instrument = Instrument { name, kind, unit, scope: scope_of(name) };
        let kept = attributes.iter().filter(|(key, _)| (self.inner.keep)(&instrument, key));
        kept.map(|(key, value)| KeyValue::new(*key, (*value).to_owned())).collect()
    }

    fn families(&self) -> MutexGuard<'_, Families> {
        self.inner.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Families {
    fn meter(&mut self, provider: &dyn MeterProvider, scope: &'static str) -> Meter {
        let make = || provider.meter_with_scope(InstrumentationScope::builder(scope).build());
        self.meters.entry(scope).or_insert_with(make).clone()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("level", &self.inner.level).finish_non_exhaustive()
    }
}
