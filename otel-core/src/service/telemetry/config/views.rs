use documented::DocumentedFieldsOpt;

use super::export::take_choice;
use crate::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Schema, Value};
use crate::telemetry::bounds;

/// Changes the instruments that it selects.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct ViewConfig {
    /// Which instruments.
    pub selector: Selector,
    /// What becomes of them.
    pub stream: Stream,
}

/// What an instrument must be to be selected; what is absent is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct Selector {
    /// Its name, where `*` stands for any text and `?` for any character.
    pub instrument_name: Option<String>,
    /// Its kind: `counter`, `histogram`, `observable_counter`, `observable_gauge`, `observable_up_down_counter` or
    /// `up_down_counter`.
    pub instrument_type: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
    /// The name of its scope.
    pub meter_name: Option<String>,
}

/// What becomes of selected instruments.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct Stream {
    /// Another name.
    pub name: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// The attributes that are kept. Default: all.
    pub attribute_keys: Option<AttributeKeys>,
    /// How values are summed up. Default: as the instrument says.
    pub aggregation: AggregationConfig,
}

/// Names of attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct AttributeKeys {
    /// Only these; all where it is absent.
    pub included: Option<Vec<String>>,
    /// Not these.
    pub excluded: Vec<String>,
}

/// How values are summed up.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum AggregationConfig {
    /// As the kind of the instrument says.
    #[default]
    Default,
    /// Not at all: there is no such metric.
    Drop,
    /// The last one.
    LastValue,
    /// The sum.
    Sum,
    /// Buckets with these upper bounds.
    ExplicitBuckets {
        /// The bounds, ascending.
        boundaries: Vec<f64>,
        /// Whether the least and the greatest value are kept.
        record_min_max: bool,
    },
    /// Buckets whose bounds grow by a factor.
    ExponentialBuckets {
        /// The finest scale.
        max_scale: i8,
        /// The number of buckets.
        max_size: u32,
        /// Whether the least and the greatest value are kept.
        record_min_max: bool,
    },
}

impl Selector {
    /// Whether an instrument is selected.
    pub(in crate::service::telemetry) fn selects(
        &self,
        name: &str,
        kind: &str,
        unit: &str,
        scope: &str,
    ) -> bool {
        let is =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let named = |pattern: &String| matches(pattern.as_bytes(), name.as_bytes());
        self.instrument_name.as_ref().is_none_or(named)
            && is(&self.instrument_type, kind)
            && is(&self.unit, unit)
            && is(&self.meter_name, scope)
    }
}

impl AttributeKeys {
    /// Whether an attribute is kept.
    pub(in crate::service::telemetry) fn keeps(&self, key: &str) -> bool {
        let is = |known: &String| known == key;
        self.included.as_ref().is_none_or(|included| included.iter().any(is)) && !self.excluded.iter().any(is)
    }
}

/// Whether a text matches a pattern with `*` and `?`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|skipped| matches(rest, &text[skipped..])),
        (Some((wanted, pattern)), Some((found, text))) if *wanted == b'?' || wanted == found => {
            matches(pattern, text)
        }
        _ => false,
    }
}

// === decoding ===

impl Decode for ViewConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { selector, stream } = self;
        fields.take("selector", selector);
        fields.take("stream", stream);
        let pattern = selector.instrument_name.as_deref();
        if stream.name.is_some() && pattern.is_none_or(|name| name.contains(['*', '?'])) {
            let map = fields.map();
            let message = "a stream with a name needs a selector with an instrument_name without wildcards";
            fields.decoder().error(map, message);
        }
        if *selector == Selector::default() {
            let map = fields.map();
            fields.decoder().error(map, "a selector needs at least one of its keys");
        }
    }
}

impl Decode for Selector {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { instrument_name, instrument_type, unit, meter_name } = self;
        fields.take("instrument_name", instrument_name);
        let kinds = [
            "counter",
            "histogram",
            "observable_counter",
            "observable_gauge",
            "observable_up_down_counter",
            "up_down_counter",
        ];
        take_choice(
            fields,
            "instrument_type",
            instrument_type,
            &kinds.map(|kind| (kind, Some(kind.to_owned()))),
        );
        fields.take("unit", unit);
        fields.take("meter_name", meter_name);
        fields.unsupported("meter_version", "the scopes of the collector have no versions");
        fields.unsupported("meter_schema_url", "the scopes of the collector have no schemas");
    }
}

impl Decode for Stream {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { name, description, attribute_keys, aggregation } = self;
        fields.take("name", name);
        fields.take("description", description);
        fields.take("attribute_keys", attribute_keys);
        fields.take("aggregation", aggregation);
    }
}

impl Decode for AttributeKeys {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { included, excluded } = self;
        fields.take("included", included);
        fields.take("excluded", excluded);
    }
}

impl FromNode for AggregationConfig {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let mut found = Vec::new();
        decoder.fields(node, |fields| {
            let plain = [
                ("default", Self::Default),
                ("drop", Self::Drop),
                ("last_value", Self::LastValue),
                ("sum", Self::Sum),
            ];
            found.extend(
                plain.into_iter().filter(|(key, _)| fields.node(*key).is_some()).map(|(_, plain)| plain),
            );
            let mut explicit: Option<Explicit> = None;
            fields.take("explicit_bucket_histogram", &mut explicit);
            found.extend(explicit.map(|Explicit { boundaries, record_min_max }| Self::ExplicitBuckets {
                boundaries,
                record_min_max,
            }));
            let mut exponential: Option<Exponential> = None;
            fields.take("base2_exponential_bucket_histogram", &mut exponential);
            found.extend(exponential.map(|Exponential { max_scale, max_size, record_min_max }| {
                Self::ExponentialBuckets { max_scale, max_size, record_min_max }
            }));
        })?;
        if found.len() > 1 {
            decoder.error(node, "an aggregation is one of these, not several");
        }
        Some(found.pop().unwrap_or_default())
    }

    fn schema() -> Schema {
        let plain = [
            ("default", "What the instrument does without a view."),
            ("drop", "Nothing is counted."),
            ("last_value", "The last value."),
            ("sum", "The sum."),
        ]
        .map(|(key, what)| (key, Schema::keys::<&str>([]).described(what)));
        let explicit = Explicit::schema().described("A histogram with these boundaries.");
        let exponential =
            Exponential::schema().described("A histogram whose buckets fit themselves to the values.");
        Schema::keys(plain.into_iter().chain([
            ("explicit_bucket_histogram", explicit),
            ("base2_exponential_bucket_histogram", exponential),
        ]))
    }

    fn value(&mut self) -> Value {
        let plain = |key| (key, Value::map::<&str>([]));
        let (key, value) = match self.clone() {
            Self::Default => plain("default"),
            Self::Drop => plain("drop"),
            Self::LastValue => plain("last_value"),
            Self::Sum => plain("sum"),
            Self::ExplicitBuckets { boundaries, record_min_max } => {
                ("explicit_bucket_histogram", Explicit { boundaries, record_min_max }.value())
            }
            Self::ExponentialBuckets { max_scale, max_size, record_min_max } => {
                let mut buckets = Exponential { max_scale, max_size, record_min_max };
                ("base2_exponential_bucket_histogram", buckets.value())
            }
        };
        Value::map([(key, value)])
    }
}

#[derive(DocumentedFieldsOpt)]
struct Explicit {
    /// The upper bounds of all buckets but the last, ascending.
    boundaries: Vec<f64>,
    /// The least and the greatest value are kept, too.
    record_min_max: bool,
}

impl Default for Explicit {
    fn default() -> Self {
        Self { boundaries: bounds::DEFAULT.to_vec(), record_min_max: true }
    }
}

impl Decode for Explicit {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("boundaries", &mut self.boundaries);
        fields.take("record_min_max", &mut self.record_min_max);
        if !self.boundaries.is_sorted_by(|a, b| a < b) {
            let map = fields.map();
            fields.decoder().error(map, "the boundaries must ascend");
        }
    }
}

#[derive(DocumentedFieldsOpt)]
struct Exponential {
    /// How fine the buckets are at first.
    max_scale: i8,
    /// The most buckets on each side of zero.
    max_size: u32,
    /// The least and the greatest value are kept, too.
    record_min_max: bool,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { max_scale: 20, max_size: 160, record_min_max: true }
    }
}

impl Decode for Exponential {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("max_scale", &mut self.max_scale);
        fields.take("max_size", &mut self.max_size);
        fields.take("record_min_max", &mut self.record_min_max);
        if !(-10..=20).contains(&self.max_scale) || self.max_size < 2 {
            let map = fields.map();
            fields.decoder().error(map, "max_scale must be from -10 to 20 and max_size at least 2");
        }
    }
}
