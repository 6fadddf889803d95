//! From a description to a graph: every reference resolved, or told where it stands.

use std::collections::HashSet;

use super::description::{Branch, Defined, Description, PipelineConfig, Reference, Section, section_name};
use crate::ComponentId;
use crate::component::{ComponentKind, Connector, Exporter, Processor, Receiver};
use crate::config::{Decoder, nearest};
use crate::engine::{ExtensionBox, Graph, Pipeline, Source, Target, edge};
use crate::pdata::{Logs, Metrics, Signal, Traces};

const UNSUPPORTED: &str = "telemetry type is not supported";

/// The graph of a description. What is wrong is recorded with the decoder, at its root.
pub(super) fn graph(description: &Description<'_>, decoder: &mut Decoder) -> Graph {
    let mut graph = Graph::new();
    ambiguous(description, decoder);
    decoder.at("service", |decoder| {
        decoder.at("extensions", |decoder| extensions(description, &mut graph, decoder));
        decoder.at("pipelines", |decoder| {
            let mut seen = HashSet::new();
            for pipeline in &description.service.pipelines.0 {
                decoder.at(&pipeline.id, |decoder| {
                    if !seen.insert(&pipeline.id) {
                        decoder.error_at(&pipeline.key, "there are two pipelines of that name");
                    }
                    let resolver = Resolver { description, pipeline, decoder };
                    match pipeline.id.type_name() {
                        "traces" => resolver.add::<Traces>(&mut graph),
                        "metrics" => resolver.add::<Metrics>(&mut graph),
                        "logs" => resolver.add::<Logs>(&mut graph),
                        _ => resolver.unknown_signal(),
                    }
                });
            }
        });
    });
    graph
}

/// Connectors whose id is also that of a receiver or exporter.
fn ambiguous(description: &Description<'_>, decoder: &mut Decoder) {
    for (id, connector) in &description.connectors {
        for (kind, section) in [("exporter", &description.exporters), ("receiver", &description.receivers)] {
            if section.contains_key(id) {
                let message = format!(
                    "ambiguous ID: Found both \"{id}\" {kind} and \"{id}\" connector. Change one of the \
                     components' IDs to eliminate ambiguity (e.g. rename \"{id}\" connector to \
                     \"{id}/connector\")"
                );
                decoder.at(section_name(ComponentKind::Connector), |decoder| {
                    decoder.at(id, |decoder| {
                        decoder.error_at(&connector.key, message);
                    });
                });
            }
        }
    }
}

fn extensions(description: &Description<'_>, graph: &mut Graph, decoder: &mut Decoder) {
    for reference in &description.service.extensions {
        match description.extensions.get(&reference.id) {
            Some(defined @ Defined { entry: Some(_), config: Some(_), .. }) => {
                if let Some(extension) = defined.blueprint::<ExtensionBox>(&reference.id) {
                    graph.add_extension(extension);
                }
            }
            // What is wrong with it has been told.
            Some(_) => {}
            None => {
                let sections = [(ComponentKind::Extension, &description.extensions)];
                unresolved(reference, ComponentKind::Extension, &sections, decoder);
            }
        }
    }
}

/// Records that a reference leads nowhere, unless it is to something whose definition could not be read.
fn unresolved(
    reference: &Reference,
    kind: ComponentKind,
    sections: &[(ComponentKind, &Section<'_>)],
    decoder: &mut Decoder,
) {
    let known: Vec<(ComponentKind, String)> = sections
        .iter()
        .flat_map(|(kind, section)| section.keys().map(|id| (*kind, id.to_string())))
        .collect();
    let id = reference.id.to_string();
    let nearest = nearest(&id, known.iter().map(|(_, id)| id.as_str()));
    let unread = |(kind, id): &(ComponentKind, String)| {
        nearest == Some(id.as_str()) && decoder.is_unread(&format!("{}::{id}", section_name(*kind)))
    };
    if known.iter().any(unread) || sections.iter().any(|(kind, _)| decoder.is_unread(section_name(*kind))) {
        return;
    }
    let problem =
        decoder.error(&reference.node, format!("references {kind} \"{id}\" which is not configured"));
    if let Some(nearest) = nearest {
        problem.help(format!("help: did you mean `{nearest}`?"));
    }
    if !known.is_empty() {
        let known: Vec<_> = known.iter().map(|(_, id)| id.as_str()).collect();
        problem.help(format!("configured: {}", known.join(", ")));
    }
}

/// Resolves what one pipeline refers to.
struct Resolver<'a, 'r> {
    description: &'a Description<'r>,
    pipeline: &'a PipelineConfig,
    decoder: &'a mut Decoder,
}

impl Resolver<'_, '_> {
    fn add<S: Signal>(mut self, graph: &mut Graph) {
        let mut pipeline = Pipeline::<S>::new(self.pipeline.id.clone());
        let parts = &self.pipeline.parts;
        for (count, kind) in [(parts.receivers.len(), "receiver"), (parts.exporters.len(), "exporter")] {
            let list = self.decoder.path_to(&format!("{kind}s"));
            if count == 0 && !self.decoder.is_partly_unread(&list) {
                let message = format!("must have at least one {kind}");
                self.decoder.error_at(&self.pipeline.key, message);
            }
        }
        let receivers = self.once(&parts.receivers, "receiver", |receiver| receiver);
        pipeline.sources = receivers.into_iter().filter_map(|from| self.source::<S>(from)).collect();
        self.repeated(&parts.processors);
        for reference in &parts.processors {
            self.processor(reference, &mut pipeline);
        }
        for branch in self.once(&parts.exporters, "exporter", |branch| &branch.to) {
            self.target(branch, &mut pipeline);
        }
        graph.add(pipeline);
    }

    fn unknown_signal(self) {
        let signal = self.pipeline.id.type_name();
        let message = if signal == "profiles" {
            "profiling signal support is not available".to_owned()
        } else {
            format!("unknown pipeline signal: \"{signal}\"")
        };
        let nearest = nearest(signal, ["traces", "metrics", "logs"]);
        let problem = self.decoder.error_at(&self.pipeline.key, message);
        if let Some(nearest) = nearest {
            problem.help(format!("help: did you mean `{nearest}`?"));
        }
        problem.help("allowed: traces, metrics, logs, each alone or followed by /name");
    }

    fn repeated(&mut self, processors: &[Reference]) {
        let mut seen = HashSet::new();
        for reference in processors {
            if !seen.insert(&reference.id) {
                let message = format!("references processor \"{}\" multiple times", reference.id);
                self.decoder.error(&reference.node, message);
            }
        }
    }

    /// The references without those that repeat another, which change nothing in the Go collector either.
    fn once<'l, T>(&mut self, all: &'l [T], kind: &str, reference: fn(&T) -> &Reference) -> Vec<&'l T> {
        let mut seen = HashSet::new();
        let mut first = Vec::with_capacity(all.len());
        for one in all {
            let reference = reference(one);
            if seen.insert(&reference.id) {
                first.push(one);
            } else {
                let message =
                    format!("references {kind} \"{}\" multiple times; once is enough", reference.id);
                self.decoder.warning(&reference.node, message);
            }
        }
        first
    }

    /// Records that a reference is to neither a component of a kind nor a connector.
    fn unresolved(&mut self, reference: &Reference, kind: ComponentKind, section: &Section<'_>) {
        let sections = [(kind, section), (ComponentKind::Connector, &self.description.connectors)];
        unresolved(reference, kind, &sections, self.decoder);
    }

    fn source<S: Signal>(&mut self, reference: &Reference) -> Option<Source> {
        let id = &reference.id;
        if let Some(connector) = self.description.connectors.get(id) {
            self.check_connected_to::<S>(reference, connector);
            return Some(Source::Connector(id.clone()));
        }
        let Some(receiver) = self.description.receivers.get(id) else {
            self.unresolved(reference, ComponentKind::Receiver, &self.description.receivers);
            return None;
        };
        let entry = receiver.entry.filter(|_| receiver.config.is_some())?;
        if !entry.emits(S::KIND) {
            let message =
                format!("failed to create \"{id}\" receiver for data type \"{}\": {UNSUPPORTED}", S::KIND);
            self.decoder.error(&reference.node, message);
            return None;
        }
        receiver.blueprint::<dyn Receiver>(id).map(Source::Receiver)
    }

    fn processor<S: Signal>(&mut self, reference: &Reference, pipeline: &mut Pipeline<S>) {
        let id = &reference.id;
        let Some(processor) = self.description.processors.get(id) else {
            let sections = [(ComponentKind::Processor, &self.description.processors)];
            return unresolved(reference, ComponentKind::Processor, &sections, self.decoder);
        };
        if processor.config.is_none() {
            return;
        }
        if let Some(processor) = processor.blueprint::<dyn Processor<S>>(id) {
            pipeline.processors.push(processor);
            return;
        }
        let name = &self.pipeline.id;
        let message = format!("failed to create \"{id}\" processor, in pipeline \"{name}\": {UNSUPPORTED}");
        self.decoder.error(&reference.node, message);
    }

    fn target<S: Signal>(&mut self, branch: &Branch, pipeline: &mut Pipeline<S>) {
        let (reference, required) = (&branch.to, !branch.options.best_effort);
        let id = &reference.id;
        if let Some(connector) = self.description.connectors.get(id) {
            if !required {
                self.decoder.error(&reference.node, "`best_effort` is for exporters, not for connectors");
            }
            return self.edges(reference, connector, pipeline);
        }
        let Some(exporter) = self.description.exporters.get(id) else {
            return self.unresolved(reference, ComponentKind::Exporter, &self.description.exporters);
        };
        if exporter.config.is_none() {
            return;
        }
        if let Some(exporter) = exporter.blueprint::<dyn Exporter<S>>(id) {
            pipeline.targets.push(Target::Exporter { exporter, required });
            return;
        }
        let message =
            format!("failed to create \"{id}\" exporter for data type \"{}\": {UNSUPPORTED}", S::KIND);
        self.decoder.error(&reference.node, message);
    }

    /// The connector's ways to each signal of the pipelines that begin at it.
    fn edges<S: Signal>(
        &mut self,
        reference: &Reference,
        connector: &Defined<'_>,
        pipeline: &mut Pipeline<S>,
    ) {
        let before = pipeline.targets.len();
        self.edge::<S, Traces>(&reference.id, connector, pipeline);
        self.edge::<S, Metrics>(&reference.id, connector, pipeline);
        self.edge::<S, Logs>(&reference.id, connector, pipeline);
        if pipeline.targets.len() == before && connector.config.is_some() {
            let message = format!(
                "connector \"{}\" used as exporter in [{}] pipeline but not used in any supported receiver pipeline",
                reference.id, self.pipeline.id
            );
            self.decoder.error(&reference.node, message);
        }
    }

    fn edge<In: Signal, Out: Signal>(
        &self,
        id: &ComponentId,
        connector: &Defined<'_>,
        pipeline: &mut Pipeline<In>,
    ) {
        let begins = self.description.service.pipelines.0.iter().any(|other| {
            other.id.type_name() == Out::KIND.as_str()
                && other.parts.receivers.iter().any(|reference| reference.id == *id)
        });
        if let Some(connector) = connector.blueprint::<dyn Connector<In, Out>>(id).filter(|_| begins) {
            pipeline.targets.push(Target::Connector(edge(connector)));
        }
    }

    /// Records an error if no pipeline ends in the connector with a signal that it turns into `S`.
    fn check_connected_to<S: Signal>(&mut self, reference: &Reference, connector: &Defined<'_>) {
        let Some(entry) = connector.entry else { return };
        let supported = |signal: &str| {
            (signal == "traces" && entry.supports::<dyn Connector<Traces, S>>())
                || (signal == "metrics" && entry.supports::<dyn Connector<Metrics, S>>())
                || (signal == "logs" && entry.supports::<dyn Connector<Logs, S>>())
        };
        let connected = self.description.service.pipelines.0.iter().any(|other| {
            supported(other.id.type_name())
                && other.parts.exporters.iter().any(|branch| branch.to.id == reference.id)
        });
        if !connected {
            let message = format!(
                "connector \"{}\" used as receiver in [{}] pipeline but not used in any supported exporter pipeline",
                reference.id, self.pipeline.id
            );
            self.decoder.error(&reference.node, message);
        }
    }
}
