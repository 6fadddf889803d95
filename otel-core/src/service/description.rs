//! The sections of a configuration, decoded but not connected.

use std::collections::BTreeMap;
use std::time::Duration;

use documented::DocumentedFieldsOpt;

use super::registry::{Config, Decoded, Entry, Registry};
use super::sameness::identity;
use super::telemetry::TelemetryConfig;
use crate::ComponentId;
use crate::component::ComponentKind;
use crate::config::gates::LOCALHOST_DEFAULT_FOR_METRICS;
use crate::config::{
    Decode, Decoder, Fields, FromNode, KeyDocs, Location, Mapping, Node, Schema, Value, nearest,
};
use crate::engine::{Blueprint, Identity, Options};

/// A whole configuration.
pub(super) struct Description<'r> {
    pub(super) receivers: Section<'r>,
    pub(super) processors: Section<'r>,
    pub(super) exporters: Section<'r>,
    pub(super) connectors: Section<'r>,
    pub(super) extensions: Section<'r>,
    pub(super) service: ServiceConfig,
    /// What to print of the service.
    value: Value,
}

/// The components of a kind by id. Extensions that are gone are among them, without an entry.
pub(super) type Section<'r> = BTreeMap<ComponentId, Defined<'r>>;

/// A component as the configuration defines it.
pub(super) struct Defined<'r> {
    pub(super) key: Location,
    /// `None` for a type that is not known.
    pub(super) entry: Option<&'r Entry>,
    /// `None` where it could not be decoded.
    pub(super) config: Option<Config>,
    /// What the configuration says, by which it is compared with others.
    pub(super) identity: Identity,
    /// What to print of it.
    pub(super) value: Value,
}

impl Defined<'_> {
    /// The component as a `T`, if it is sound and can be one.
    pub(super) fn blueprint<T: ?Sized + 'static>(&self, id: &ComponentId) -> Option<Blueprint<T>> {
        let create = self.entry?.create::<T>(self.config.as_ref()?)?;
        Some(Blueprint { id: id.clone(), create, identity: self.identity.clone() })
    }
}

/// The section `service`.
#[derive(DocumentedFieldsOpt)]
pub(super) struct ServiceConfig {
    /// The extensions that run.
    pub(super) extensions: Vec<Reference>,
    /// The ways of the data, each of one signal: `traces`, `metrics` or `logs`, with or without `/name`.
    pub(super) pipelines: Pipelines,
    /// The collector's own logs, metrics and traces.
    pub(super) telemetry: TelemetryConfig,
    /// How long the components may take to hand on what they hold when the collector stops.
    pub(super) shutdown_timeout: Duration,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            extensions: Vec::new(),
            pipelines: Pipelines::default(),
            telemetry: TelemetryConfig::default(),
            shutdown_timeout: Options::SHUTDOWN_TIMEOUT,
        }
    }
}

/// The pipelines, in the order of the file.
#[derive(Default)]
pub(super) struct Pipelines(pub(super) Vec<PipelineConfig>);

/// A pipeline with what it refers to.
pub(super) struct PipelineConfig {
    pub(super) id: ComponentId,
    pub(super) key: Location,
    pub(super) parts: PipelineParts,
}

#[derive(Default, DocumentedFieldsOpt)]
pub(super) struct PipelineParts {
    /// Where the data comes from: receivers, and connectors of other pipelines.
    pub(super) receivers: Vec<Reference>,
    /// What it goes through, in this order.
    pub(super) processors: Vec<Reference>,
    /// Where all of it goes: exporters, and connectors to other pipelines.
    pub(super) exporters: Vec<Branch>,
}

/// The id of a component where it is referred to.
pub(super) struct Reference {
    pub(super) id: ComponentId,
    pub(super) node: Node,
}

/// What a pipeline ends in, as one of its branches.
pub(super) struct Branch {
    pub(super) to: Reference,
    pub(super) options: BranchOptions,
}

#[derive(Default, DocumentedFieldsOpt)]
pub(super) struct BranchOptions {
    /// It gets what it can take. Its failures are counted and nobody waits for it.
    pub(super) best_effort: bool,
}

impl<'r> Description<'r> {
    pub(super) fn decode(registry: &'r Registry, root: &Node, decoder: &mut Decoder) -> Option<Self> {
        if root.is_null() || root.mapping().is_some_and(Mapping::is_empty) {
            decoder.error(root, "empty configuration file");
            return None;
        }
        decoder.fields(root, |fields| {
            let mut section = |kind| section(registry, fields, kind);
            let (receivers, processors) =
                (section(ComponentKind::Receiver), section(ComponentKind::Processor));
            let (exporters, connectors) =
                (section(ComponentKind::Exporter), section(ComponentKind::Connector));
            let extensions = section(ComponentKind::Extension);
            let mut service = ServiceConfig::default();
            if !registry.gates().is_enabled(&LOCALHOST_DEFAULT_FOR_METRICS) {
                service.telemetry.metrics.listen_everywhere();
            }
            fields.take("service", &mut service);
            let mut value = service.value();
            value.conceal(root.entry("service").unwrap_or(root));
            Description { receivers, processors, exporters, connectors, extensions, service, value }
        })
    }

    /// The whole configuration with its defaults, to print.
    pub(super) fn into_value(self) -> Value {
        let section = |section: Section<'_>| {
            Value::map(section.into_iter().map(|(id, defined)| (id.to_string(), defined.value)))
        };
        Value::map([
            ("connectors", section(self.connectors)),
            ("exporters", section(self.exporters)),
            ("extensions", section(self.extensions)),
            ("processors", section(self.processors)),
            ("receivers", section(self.receivers)),
            ("service", self.value),
        ])
        .sorted()
    }
}

/// The key of a kind's section.
pub(super) fn section_name(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Receiver => "receivers",
        ComponentKind::Processor => "processors",
        ComponentKind::Exporter => "exporters",
        ComponentKind::Connector => "connectors",
        ComponentKind::Extension => "extensions",
    }
}

fn section<'r>(registry: &'r Registry, fields: &mut Fields<'_>, kind: ComponentKind) -> Section<'r> {
    let name = section_name(kind);
    let Some(node) = fields.node(name) else { return Section::new() };
    fields.decoder().at(name, |decoder| {
        let Some(mapping) = node.mapping() else {
            if !node.is_null() {
                decoder.mismatch(node, "a map of components by id");
            }
            return Section::new();
        };
        let mut section = Section::new();
        for (text, entry) in mapping {
            let id: ComponentId = match text.parse() {
                Ok(id) => id,
                Err(error) => {
                    decoder.error_at(&entry.key, format!("{error}"));
                    decoder.mask(&entry.value);
                    continue;
                }
            };
            if section.contains_key(&id) {
                decoder.error_at(&entry.key, format!("duplicate name \"{id}\" after unmarshaling"));
                continue;
            }
            let identity = identity(Some(&entry.value));
            let mut defined =
                Defined { key: entry.key.clone(), entry: None, config: None, identity, value: Value::Null };
            decoder.at(&id, |decoder| {
                if let Some(known) = entry_of(registry, kind, &id, &entry.key, decoder) {
                    defined.entry = Some(known);
                    if let Some(Decoded { config, mut value }) = (known.decode)(&entry.value, decoder) {
                        value.conceal(&entry.value);
                        defined.config = Some(config);
                        defined.value = value;
                    }
                } else {
                    // Nobody knows which of its values are secrets.
                    decoder.mask(&entry.value);
                }
            });
            section.insert(id, defined);
        }
        section
    })
}

fn entry_of<'r>(
    registry: &'r Registry,
    kind: ComponentKind,
    id: &ComponentId,
    key: &Location,
    decoder: &mut Decoder,
) -> Option<&'r Entry> {
    let name = id.type_name();
    if let Some((of, entry)) = registry.find(kind, name) {
        if of != name {
            decoder.warning_at(key, format!("\"{name}\" alias is deprecated; use \"{of}\" instead"));
        }
        return Some(entry);
    }
    if let Some(why) = registry.retired_extensions().get(name).filter(|_| kind == ComponentKind::Extension) {
        decoder.warning_at(key, format!("extension \"{name}\" is gone: {why}"));
        return None;
    }
    let valid: Vec<_> = registry.types(kind).collect();
    let problem = decoder.error_at(key, format!("unknown type: \"{name}\" for id: \"{id}\""));
    if let Some(nearest) = nearest(name, valid.iter().copied()) {
        problem.help(format!("help: did you mean `{nearest}`?"));
    }
    problem.help(format!("valid values: [{}]", valid.join(" ")));
    None
}

impl Decode for ServiceConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { extensions, pipelines, telemetry, shutdown_timeout } = self;
        fields.take("extensions", extensions);
        fields.take("telemetry", telemetry);
        fields.take("shutdown_timeout", shutdown_timeout);
        fields.take("pipelines", pipelines);
    }
}

impl FromNode for Pipelines {
    /// Pipelines whose names or contents are wrong are left out, having been recorded.
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let Some(mapping) = node.mapping() else {
            if !node.is_null() {
                decoder.mismatch(node, "a map of pipelines by name");
            }
            return Some(Self::default());
        };
        let mut pipelines = Vec::new();
        for (name, entry) in mapping {
            let id: ComponentId = match name.parse() {
                Ok(id) => id,
                Err(error) => {
                    decoder.error_at(&entry.key, format!("{error}"));
                    continue;
                }
            };
            let mut parts = PipelineParts::default();
            decoder.at(&id, |decoder| parts.update(&entry.value, decoder));
            pipelines.push(PipelineConfig { id, key: entry.key.clone(), parts });
        }
        Some(Self(pipelines))
    }

    fn schema() -> Schema {
        Schema::patterns([("^ *(traces|metrics|logs) *(/.+)?$".to_owned(), PipelineParts::schema())])
    }

    fn value(&mut self) -> Value {
        Value::map(self.0.iter_mut().map(|pipeline| (pipeline.id.to_string(), pipeline.parts.value())))
    }
}

impl Decode for PipelineParts {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { receivers, processors, exporters } = self;
        fields.take("receivers", receivers);
        fields.take("processors", processors);
        fields.take("exporters", exporters);
    }
}

impl FromNode for Reference {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.parse(node).map(|id| Self { id, node: node.clone() })
    }

    fn schema() -> Schema {
        ComponentId::schema()
    }

    fn value(&mut self) -> Value {
        self.id.value()
    }
}

impl FromNode for Branch {
    /// An id, or an id with options.
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let Some(mapping) = node.mapping() else {
            return Reference::from_node(node, decoder)
                .map(|to| Self { to, options: BranchOptions::default() });
        };
        let mut entries = mapping.iter();
        let (Some((text, entry)), None) = (entries.next(), entries.next()) else {
            decoder.error(node, "expected one id, with or without options such as `best_effort: true`");
            return None;
        };
        let id = match text.parse() {
            Ok(id) => id,
            Err(error) => {
                decoder.error_at(&entry.key, format!("{error}"));
                return None;
            }
        };
        let mut options = BranchOptions::default();
        decoder.at(&id, |decoder| options.update(&entry.value, decoder));
        Some(Self { to: Reference { id, node: node.clone() }, options })
    }

    fn schema() -> Schema {
        Schema::either([Reference::schema(), Schema::map(BranchOptions::schema())])
    }

    fn value(&mut self) -> Value {
        if !self.options.best_effort {
            return self.to.value();
        }
        Value::map([(self.to.id.to_string(), self.options.value())])
    }
}

impl Decode for BranchOptions {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { best_effort } = self;
        fields.take("best_effort", best_effort);
    }
}
