//! What the level and the views of a configuration leave out or change.

use opentelemetry_sdk::metrics::{
    Aggregation, Instrument as SdkInstrument, InstrumentKind, MeterProviderBuilder, Stream as SdkStream,
};

use super::config::{AggregationConfig, MetricsConfig, ViewConfig};
use crate::telemetry::Instrument;

/// Adds the views of a configuration to a provider.
pub(super) fn apply(config: &MetricsConfig, mut provider: MeterProviderBuilder) -> MeterProviderBuilder {
    for view in &config.views {
        let view = view.clone();
        provider = provider.with_view(move |instrument| stream(&view, instrument));
    }
    provider
}

/// Which attributes the views keep.
pub(super) fn keep(views: &[ViewConfig]) -> impl Fn(&Instrument<'_>, &str) -> bool + Send + Sync + 'static {
    let views: Vec<_> = views.iter().filter(|view| view.stream.attribute_keys.is_some()).cloned().collect();
    move |instrument, key| {
        let Instrument { name, kind, unit, scope } = *instrument;
        views.iter().filter(|view| view.selector.selects(name, kind, unit, scope)).all(|view| {
            let keys = view.stream.attribute_keys.as_ref();
            keys.is_none_or(|keys| keys.keeps(key))
        })
    }
}

fn stream(view: &ViewConfig, instrument: &SdkInstrument) -> Option<SdkStream> {
    let kind = kind(instrument);
    if !view.selector.selects(instrument.name(), kind, instrument.unit(), instrument.scope().name()) {
        return None;
    }
    let mut stream = SdkStream::builder();
    if let Some(name) = &view.stream.name {
        stream = stream.with_name(name.clone());
    }
    if let Some(description) = &view.stream.description {
        stream = stream.with_description(description.clone());
    }
    if let Some(aggregation) = aggregation(&view.stream.aggregation) {
        stream = stream.with_aggregation(aggregation);
    }
    // What could be invalid was checked as the configuration was read; a name that is none changes nothing.
    stream.build().ok()
}

fn aggregation(config: &AggregationConfig) -> Option<Aggregation> {
    Some(match config {
        AggregationConfig::Default => return None,
        AggregationConfig::Drop => Aggregation::Drop,
        AggregationConfig::LastValue => Aggregation::LastValue,
        AggregationConfig::Sum => Aggregation::Sum,
        AggregationConfig::ExplicitBuckets { boundaries, record_min_max } => {
            Aggregation::ExplicitBucketHistogram {
                boundaries: boundaries.clone(),
                record_min_max: *record_min_max,
            }
        }
        AggregationConfig::ExponentialBuckets { max_scale, max_size, record_min_max } => {
            Aggregation::Base2ExponentialHistogram {
                max_size: *max_size,
                max_scale: *max_scale,
                record_min_max: *record_min_max,
            }
        }
    })
}

/// The kind of an instrument as the Go collector has it: what is counted as it happens is observed here.
fn kind(instrument: &SdkInstrument) -> &'static str {
    let observed = Instrument::is_observed(instrument.name());
    match instrument.kind() {
        InstrumentKind::ObservableCounter if observed => "observable_counter",
        InstrumentKind::ObservableUpDownCounter if observed => "observable_up_down_counter",
        InstrumentKind::Counter | InstrumentKind::ObservableCounter => "counter",
        InstrumentKind::UpDownCounter | InstrumentKind::ObservableUpDownCounter => "up_down_counter",
        InstrumentKind::Histogram => "histogram",
        InstrumentKind::Gauge => "gauge",
        InstrumentKind::ObservableGauge => "observable_gauge",
    }
}
