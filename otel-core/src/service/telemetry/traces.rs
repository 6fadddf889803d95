//! Spans of the collector's own work.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource as SdkResource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    ParentBasedSampler, Sampler, SdkTracerProvider, ShouldSample, Span, SpanData, SpanLimits, SpanProcessor,
};
use tokio::task::JoinSet;

use super::config::{Propagator, SamplerConfig, SpanLimitsConfig, TracesConfig};
use super::export::{Outlet, Outlets, encode_spans};
use crate::service::run::ServiceError;
use crate::telemetry::{MetricsLevel, Propagation, Tracer};

/// A tracer that sends to where a configuration says, and its provider; none where that is nowhere.
pub(super) fn start(
    config: &TracesConfig,
    outlets: &Outlets,
    resource: SdkResource,
    tasks: &mut JoinSet<()>,
) -> Result<Option<(Tracer, SdkTracerProvider)>, ServiceError> {
    if config.level == MetricsLevel::None || config.processors.is_empty() {
        outlets.logger.info("Internal trace telemetry disabled").emit();
        return Ok(None);
    }
    let mut provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler(&config.sampler))
        .with_span_limits(limits(&config.limits));
    for processor in &config.processors {
        provider = provider.with_span_processor(ToOutlet(outlets.open(processor, tasks, encode_spans)?));
    }
    let provider = provider.build();
    let propagation = Propagation {
        trace_context: config.propagators.contains(&Propagator::TraceContext),
        b3: config.propagators.contains(&Propagator::B3),
    };
    let tracer = Tracer::new(provider.tracer("otelcol")).with_propagation(propagation);
    Ok(Some((tracer, provider)))
}

fn limits(config: &SpanLimitsConfig) -> SpanLimits {
    SpanLimits {
        max_events_per_span: config.events,
        max_attributes_per_span: config.attributes,
        max_links_per_span: config.links,
        max_attributes_per_event: config.event_attributes,
        max_attributes_per_link: config.link_attributes,
    }
}

fn sampler(config: &SamplerConfig) -> Box<dyn ShouldSample> {
    match config {
        SamplerConfig::AlwaysOn => Box::new(Sampler::AlwaysOn),
        SamplerConfig::AlwaysOff => Box::new(Sampler::AlwaysOff),
        SamplerConfig::TraceIdRatio(ratio) => Box::new(Sampler::TraceIdRatioBased(*ratio)),
        SamplerConfig::ParentBased(config) => Box::new(
            ParentBasedSampler::new(sampler(&config.root))
                .with_remote_parent_sampled(sampler(&config.remote_parent_sampled))
                .with_remote_parent_not_sampled(sampler(&config.remote_parent_not_sampled))
                .with_local_parent_sampled(sampler(&config.local_parent_sampled))
                .with_local_parent_not_sampled(sampler(&config.local_parent_not_sampled)),
        ),
    }
}

/// Puts spans that have ended where a task takes them.
#[derive(Debug)]
struct ToOutlet(Outlet<SpanData>);

impl SpanProcessor for ToOutlet {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.put(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
