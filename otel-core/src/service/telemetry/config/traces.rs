use documented::DocumentedFieldsOpt;

use super::export::{BatchConfig, SPAN_DELAY, take_processors};
use super::level::take_metrics_level;
use crate::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Schema, Value};
use crate::telemetry::MetricsLevel;

/// Spans of a collector's own work. Without processors there are none.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct TracesConfig {
    /// None makes no spans; the others are alike. Default: basic.
    pub level: MetricsLevel,
    /// How a trace crosses from clients to the collector and on to servers. Default: not at all.
    pub propagators: Vec<Propagator>,
    /// Where spans go.
    pub processors: Vec<BatchConfig>,
    /// Which spans are recorded. Default: as the caller's span was, and all without one.
    pub sampler: SamplerConfig,
    /// How much a span may hold.
    pub limits: SpanLimitsConfig,
}

/// The headers that carry a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagator {
    /// `traceparent` of W3C.
    TraceContext,
    /// `b3` and `x-b3-*` of Zipkin.
    B3,
}

/// Which spans are recorded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SamplerConfig {
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// That share of traces.
    TraceIdRatio(f64),
    /// By what the caller did.
    ParentBased(Box<ParentBasedConfig>),
}

/// What to do by what the caller did.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct ParentBasedConfig {
    /// Without a caller's span. Default: record.
    pub root: SamplerConfig,
    /// A caller elsewhere has recorded. Default: record.
    pub remote_parent_sampled: SamplerConfig,
    /// A caller elsewhere has not. Default: do not.
    pub remote_parent_not_sampled: SamplerConfig,
    /// A span of this collector is recorded. Default: record.
    pub local_parent_sampled: SamplerConfig,
    /// A span of this collector is not. Default: do not.
    pub local_parent_not_sampled: SamplerConfig,
}

/// How much a span may hold; 128 of each by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct SpanLimitsConfig {
    /// Attributes.
    pub attributes: u32,
    /// Events.
    pub events: u32,
    /// Links.
    pub links: u32,
    /// Attributes of an event.
    pub event_attributes: u32,
    /// Attributes of a link.
    pub link_attributes: u32,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            level: MetricsLevel::Basic,
            propagators: Vec::new(),
            processors: Vec::new(),
            sampler: SamplerConfig::default(),
            limits: SpanLimitsConfig::default(),
        }
    }
}

impl Default for SamplerConfig {
    fn default() -> Self {
        Self::ParentBased(Box::default())
    }
}

impl Default for ParentBasedConfig {
    fn default() -> Self {
        Self {
            root: SamplerConfig::AlwaysOn,
            remote_parent_sampled: SamplerConfig::AlwaysOn,
            remote_parent_not_sampled: SamplerConfig::AlwaysOff,
            local_parent_sampled: SamplerConfig::AlwaysOn,
            local_parent_not_sampled: SamplerConfig::AlwaysOff,
        }
    }
}

impl Default for SpanLimitsConfig {
    fn default() -> Self {
        Self { attributes: 128, events: 128, links: 128, event_attributes: 128, link_attributes: 128 }
    }
}

// === decoding ===

impl Decode for TracesConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { level, propagators, processors, sampler, limits } = self;
        take_metrics_level(fields, level);
        fields.take("propagators", propagators);
        take_processors(fields, SPAN_DELAY, processors);
        fields.take("sampler", sampler);
        fields.take("limits", limits);
    }
}

const PROPAGATORS: [(&str, Propagator); 2] =
    [("tracecontext", Propagator::TraceContext), ("b3", Propagator::B3)];

impl FromNode for Propagator {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &PROPAGATORS)
    }

    fn schema() -> Schema {
        Schema::one_of(&PROPAGATORS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &PROPAGATORS)
    }
}

impl FromNode for SamplerConfig {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if node.is_null() {
            return Some(Self::default());
        }
        decoder.fields(node, |fields| {
            let mut found = Vec::new();
            for (key, plain) in [("always_on", Self::AlwaysOn), ("always_off", Self::AlwaysOff)] {
                found.extend(fields.node(key).map(|_| plain));
            }
            if let Some(node) = fields.node("trace_id_ratio_based") {
                let read = fields.decoder().at("trace_id_ratio_based", |decoder| {
                    decoder.fields(node, |fields| {
                        let mut ratio = 1.0;
                        fields.take("ratio", &mut ratio);
                        if !(0.0..=1.0).contains(&ratio) {
                            let map = fields.map();
                            fields.decoder().error(map, "the ratio must be from 0 to 1");
                        }
                        Self::TraceIdRatio(ratio)
                    })
                });
                found.extend(read);
            }
            if let Some(node) = fields.node("parent_based") {
                let read = fields
                    .decoder()
                    .at("parent_based", |decoder| ParentBasedConfig::from_node(node, decoder));
                found.extend(read.map(|read| Self::ParentBased(Box::new(read))));
            }
            let refused = fields.contains("jaeger_remote");
            fields.unsupported("jaeger_remote", "samplers are set here, by name");
            if found.len() != 1 && !refused {
                let map = fields.map();
                let message = "a sampler is one of always_on, always_off, trace_id_ratio_based, parent_based";
                fields.decoder().error(map, message);
            }
            found.pop()
        })?
    }

    fn schema() -> Schema {
        let ratio = Schema::number().with_default(&Value::Float(1.0)).described("The share, from 0 to 1.");
        let ratio = Schema::keys([("ratio", ratio)]).described("A share of the traces, chosen by their ids.");
        // Its keys are samplers again.
        let parent_based = Schema::map(Schema::map(Schema::any()));
        Schema::keys([
            ("always_on", Schema::keys::<&str>([]).described("Every trace.")),
            ("always_off", Schema::keys::<&str>([]).described("No trace.")),
            ("trace_id_ratio_based", ratio),
            (
                "parent_based",
                parent_based.described("As the parent, with a sampler for each kind of parent."),
            ),
        ])
    }

    fn value(&mut self) -> Value {
        let (key, value) = match self {
            Self::AlwaysOn => ("always_on", Value::map::<&str>([])),
            Self::AlwaysOff => ("always_off", Value::map::<&str>([])),
            Self::TraceIdRatio(ratio) => ("trace_id_ratio_based", Value::map([("ratio", ratio.value())])),
            Self::ParentBased(config) => ("parent_based", config.value()),
        };
        Value::map([(key, value)])
    }
}

impl Decode for ParentBasedConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            root,
            remote_parent_sampled,
            remote_parent_not_sampled,
            local_parent_sampled,
            local_parent_not_sampled,
        } = self;
        fields.take("root", root);
        fields.take("remote_parent_sampled", remote_parent_sampled);
        fields.take("remote_parent_not_sampled", remote_parent_not_sampled);
        fields.take("local_parent_sampled", local_parent_sampled);
        fields.take("local_parent_not_sampled", local_parent_not_sampled);
    }
}

impl Decode for SpanLimitsConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { attributes, events, links, event_attributes, link_attributes } = self;
        fields.take("attribute_count_limit", attributes);
        fields.take("event_count_limit", events);
        fields.take("link_count_limit", links);
        fields.take("event_attribute_count_limit", event_attributes);
        fields.take("link_attribute_count_limit", link_attributes);
        for (key, what) in [
            ("attribute_count_limit", "The most attributes of a span."),
            ("event_count_limit", "The most events of a span."),
            ("link_count_limit", "The most links of a span."),
            ("event_attribute_count_limit", "The most attributes of an event."),
            ("link_attribute_count_limit", "The most attributes of a link."),
        ] {
            fields.says(key, what);
        }
        fields.unsupported("attribute_value_length_limit", "values are not cut");
    }
}
