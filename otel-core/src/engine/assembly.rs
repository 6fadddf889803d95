//! From a graph to instances that are connected with each other, reusing those that can stay.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::EngineError;
use super::fanout::BestEffort;
use super::graph::{ExtensionBox, Graph};
use super::identity::Identity;
use super::lifecycle::{Instance, Part, Parts};
use super::link::{Branches, Link, Redirect, Redirection};
use super::nodes::{ConnectorNode, ExporterNode, ProcessorNode};
use super::pipeline::{Blueprint, Create, Pipeline, Source};
use super::status::Board;
use super::tasks::Tasks;
use super::topology;
use crate::ComponentId;
use crate::component::{
    BuildInfo, Capabilities, ComponentKind, Connector, Exporter, Extension, Host, HostParts, Lasting, Next,
    Outputs, Overview, Processor, ProxySettings, Receiver, Router, Shared,
};
use crate::pdata::{Logs, Metrics, Signal, SignalKind, Traces};
use crate::telemetry::Telemetry;

/// What all components of a collector are handed.
pub(super) struct Surroundings {
    pub(super) telemetry: Telemetry,
    pub(super) build_info: Arc<BuildInfo>,
    pub(super) proxies: Arc<ProxySettings>,
    pub(super) tasks: Arc<Tasks>,
    pub(super) board: Arc<Board>,
    pub(super) overview: Arc<dyn Overview>,
    pub(super) lasting: Lasting,
    /// The number of the next instance.
    pub(super) number: AtomicU64,
}

/// The components of a graph.
#[derive(Default)]
pub(super) struct Instances {
    pub(super) parts: Parts,
    by_key: HashMap<Key, Arc<Instance>>,
    shared: HashMap<(ComponentKind, ComponentId), (Identity, Shared)>,
}

impl Instances {
    /// Those that are not among the others.
    pub(super) fn without(&self, others: &Parts) -> Self {
        let gone = others.numbers();
        let by_key = self.by_key.iter().filter(|(_, instance)| !gone.contains(&instance.number()));
        let by_key: HashMap<_, _> =
            by_key.map(|(key, instance)| (key.clone(), Arc::clone(instance))).collect();
        let used = |kind, id: &ComponentId| by_key.keys().any(|key| key.kind == kind && key.id == *id);
        let shared = self.shared.iter().filter(|((kind, id), _)| used(*kind, id));
        let shared = shared.map(|(key, shared)| (key.clone(), shared.clone())).collect();
        Self { parts: self.parts.without(others), by_key, shared }
    }
}

/// What a graph becomes: instances that are kept and new ones, and the links between kept ones that are to change.
pub(super) struct Plan {
    pub(super) instances: Instances,
    pub(super) redirections: Vec<Box<dyn Redirection>>,
    /// Whether exporters that are kept share what they get with others.
    pub(super) siblings: Vec<(Arc<Instance>, bool)>,
}

/// Creates the components of a graph that are not among the old ones already. Nothing that runs is touched.
pub(super) fn assemble(
    graph: &Graph,
    surroundings: &Surroundings,
    old: &Instances,
) -> Result<Plan, EngineError> {
    let mut assembly = Assembly {
        surroundings,
        old,
        capabilities: Capabilities::default(),
        changed_extensions: changed_extensions(graph, old),
        instances: Instances::default(),
        redirections: Vec::new(),
        siblings: topology::siblings(&graph.pipelines),
        siblings_of: Vec::new(),
        entries: HashMap::new(),
    };
    for extension in &graph.extensions {
        assembly.extension(extension)?;
    }
    assembly.capabilities.publish();
    let order = topology::order(&graph.pipelines).expect("the graph was checked for cycles");
    for at in order {
        graph.pipelines[at].assemble(&mut assembly)?;
    }
    for source in graph.pipelines.iter().flat_map(|pipeline| pipeline.sources()) {
        if let Source::Receiver(receiver) = source {
            assembly.receiver(receiver)?;
        }
    }
    let Assembly { instances, redirections, siblings_of, .. } = assembly;
    Ok(Plan { instances, redirections, siblings: siblings_of })
}

/// Tells apart what a graph has once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: ComponentKind,
    id: ComponentId,
    signal: Option<SignalKind>,
    /// What comes out of a connector.
    out: Option<SignalKind>,
    pipeline: Option<ComponentId>,
}

impl Key {
    fn new(kind: ComponentKind, id: &ComponentId) -> Self {
        Self { kind, id: id.clone(), signal: None, out: None, pipeline: None }
    }

    fn of<S: Signal>(kind: ComponentKind, id: &ComponentId) -> Self {
        Self { signal: Some(S::KIND), ..Self::new(kind, id) }
    }

    fn within(self, pipeline: &ComponentId) -> Self {
        Self { pipeline: Some(pipeline.clone()), ..self }
    }
}

/// The instances made so far.
pub(crate) struct Assembly<'o> {
    surroundings: &'o Surroundings,
    old: &'o Instances,
    capabilities: Capabilities,
    /// Whoever asked one of them has to be created anew.
    changed_extensions: HashSet<ComponentId>,
    instances: Instances,
    redirections: Vec<Box<dyn Redirection>>,
    /// The exporters that share what they get with others.
    siblings: HashSet<(ComponentId, SignalKind)>,
    siblings_of: Vec<(Arc<Instance>, bool)>,
    /// `Entries<S>`: the pipelines that begin at a receiver or connector.
    entries: HashMap<(ComponentKind, ComponentId, SignalKind), Box<dyn Any>>,
}

type Entries<S> = Vec<(String, Branches<S>)>;

struct ProcessorWiring<S: Signal> {
    node: Next<S>,
    next: Arc<Link<S>>,
}

struct ConnectorWiring<In: Signal, Out: Signal> {
    node: Next<In>,
    all: Arc<Link<Out>>,
    pipelines: Vec<(String, Arc<Link<Out>>)>,
}

#[derive(Default)]
struct Outlets {
    traces: Option<Arc<Link<Traces>>>,
    metrics: Option<Arc<Link<Metrics>>>,
    logs: Option<Arc<Link<Logs>>>,
}

impl Assembly<'_> {
    fn extension(&mut self, blueprint: &Blueprint<ExtensionBox>) -> Result<(), EngineError> {
        let key = Key::new(ComponentKind::Extension, &blueprint.id);
        let instance = if let Some(kept) = self.kept(&key, &blueprint.identity) {
            kept
        } else {
            let host = self.host(&key, &blueprint.identity);
            let extension: Arc<dyn Extension> = *created(&blueprint.create, &host, String::new())?;
            extension.attach(&self.surroundings.overview);
            Instance::new(host, blueprint.identity.clone(), Part::Extension(extension), ())
        };
        if let Some(extension) = instance.extension() {
            self.capabilities.set_provider(blueprint.id.clone());
            Arc::clone(extension).provide(&mut self.capabilities);
        }
        self.instances.parts.extensions.push(Arc::clone(&instance));
        self.instances.by_key.insert(key, instance);
        Ok(())
    }

    fn receiver(&mut self, blueprint: &Blueprint<dyn Receiver>) -> Result<(), EngineError> {
        let (id, key) = (&blueprint.id, Key::new(ComponentKind::Receiver, &blueprint.id));
        if self.instances.by_key.contains_key(&key) {
            return Ok(());
        }
        let traces = self.output::<Traces>(id);
        let metrics = self.output::<Metrics>(id);
        let logs = self.output::<Logs>(id);
        let kept = self.kept(&key, &blueprint.identity).filter(|kept| {
            // Outputs are handed over at the start.
            let outlets = kept.wiring::<Outlets>();
            outlets.traces.is_some() == traces.is_some()
                && outlets.metrics.is_some() == metrics.is_some()
                && outlets.logs.is_some() == logs.is_some()
        });
        let instance = if let Some(kept) = kept {
            let outlets = kept.wiring::<Outlets>();
            self.lead_if(outlets.traces.as_ref(), traces);
            self.lead_if(outlets.metrics.as_ref(), metrics);
            self.lead_if(outlets.logs.as_ref(), logs);
            kept
        } else {
            let host = self.host(&key, &blueprint.identity);
            let receiver: Box<dyn Receiver> = created(&blueprint.create, &host, String::new())?;
            let outlets = Outlets {
                traces: traces.map(|branches| Link::new(branches, None)),
                metrics: metrics.map(|branches| Link::new(branches, None)),
                logs: logs.map(|branches| Link::new(branches, None)),
            };
            let mut outputs = Outputs::new();
            outputs.traces = outlets.traces.as_ref().map(Link::next);
            outputs.metrics = outlets.metrics.as_ref().map(Link::next);
            outputs.logs = outlets.logs.as_ref().map(Link::next);
            let part = Part::Receiver(Arc::from(receiver), outputs);
            Instance::new(host, blueprint.identity.clone(), part, outlets)
        };
        self.instances.parts.receivers.push(Arc::clone(&instance));
        self.instances.by_key.insert(key, instance);
        Ok(())
    }

    /// The old instance of that key, if it can stay.
    fn kept(&self, key: &Key, identity: &Identity) -> Option<Arc<Instance>> {
        let old = self.old.by_key.get(key)?;
        let stays = old.identity.is(identity) && !old.host.capabilities().asked_any(&self.changed_extensions);
        stays.then(|| Arc::clone(old))
    }

    fn lead<S: Signal>(&mut self, link: &Arc<Link<S>>, to: Branches<S>) {
        if !link.leads_to(&to) {
            self.redirections.push(Box::new(Redirect { link: Arc::clone(link), to }));
        }
    }

    fn lead_if<S: Signal>(&mut self, link: Option<&Arc<Link<S>>>, to: Option<Branches<S>>) {
        if let (Some(link), Some(to)) = (link, to) {
            self.lead(link, to);
        }
    }

    fn entries_of<S: Signal>(&self, kind: ComponentKind, id: &ComponentId) -> Entries<S> {
        let entries = self.entries.get(&(kind, id.clone(), S::KIND));
        entries.and_then(|entries| entries.downcast_ref::<Entries<S>>()).cloned().unwrap_or_default()
    }

    fn output<S: Signal>(&self, receiver: &ComponentId) -> Option<Branches<S>> {
        let entries = self.entries_of::<S>(ComponentKind::Receiver, receiver);
        (!entries.is_empty()).then(|| joined(&entries))
    }

    /// What the instances of that configuration share: that of the old ones, if they have the same.
    fn shared(&mut self, key: &Key, identity: &Identity) -> Shared {
        let at = (key.kind, key.id.clone());
        let old = self.old.shared.get(&at).filter(|(old, _)| old.is(identity));
        let made = self.instances.shared.entry(at);
        let (_, shared) = made.or_insert_with(|| match old {
            Some(old) => old.clone(),
            None => (identity.clone(), Shared::default()),
        });
        shared.clone()
    }

    fn has_siblings(&self, key: &Key) -> bool {
        let is_sibling = |signal| self.siblings.contains(&(key.id.clone(), signal));
        key.kind == ComponentKind::Exporter && key.signal.is_some_and(is_sibling)
    }

    fn host(&mut self, key: &Key, identity: &Identity) -> Host {
        let shared = self.shared(key, identity);
        let of = self.surroundings;
        let logger = of.telemetry.logger();
        let mut logger = logger
            .with("otelcol.component.id", key.id.to_string())
            .with("otelcol.component.kind", key.kind.as_str());
        if let Some(pipeline) = &key.pipeline {
            logger = logger.with("otelcol.pipeline.id", pipeline.to_string());
        }
        if let Some(signal) = key.signal {
            logger = logger.with("otelcol.signal", signal.as_str());
        }
        if let Some(out) = key.out {
            logger = logger.with("otelcol.signal.output", out.as_str());
        }
        Host::new(HostParts {
            id: key.id.clone(),
            kind: key.kind,
            signal: key.signal,
            pipeline: key.pipeline.as_ref().map(ToString::to_string),
            telemetry: of.telemetry.clone().with_logger(logger),
            build_info: Arc::clone(&of.build_info),
            proxies: Arc::clone(&of.proxies),
            spawn: Arc::clone(&of.tasks) as Arc<_>,
            status: Arc::clone(&of.board) as Arc<_>,
            shared,
            lasting: of.lasting.clone(),
            instance: of.number.fetch_add(1, Ordering::Relaxed),
            capabilities: Arc::new(self.capabilities.view()),
            has_siblings: Arc::new(AtomicBool::new(self.has_siblings(key))),
        })
    }
}

/// A pipeline that is being assembled.
pub(crate) struct Place<'a, 'o, S: Signal> {
    assembly: &'a mut Assembly<'o>,
    pipeline: &'a Pipeline<S>,
}

impl<'a, 'o, S: Signal> Place<'a, 'o, S> {
    pub(super) fn new(assembly: &'a mut Assembly<'o>, pipeline: &'a Pipeline<S>) -> Self {
        Self { assembly, pipeline }
    }

    /// The exporter's instance for the signal, made where there is none yet.
    pub(super) fn exporter(
        &mut self,
        blueprint: &Blueprint<dyn Exporter<S>>,
    ) -> Result<Next<S>, EngineError> {
        let key = Key::of::<S>(ComponentKind::Exporter, &blueprint.id);
        let assembly = &mut *self.assembly;
        if let Some(known) = assembly.instances.by_key.get(&key) {
            return Ok(known.wiring::<Next<S>>().clone());
        }
        let instance = if let Some(kept) = assembly.kept(&key, &blueprint.identity) {
            assembly.siblings_of.push((Arc::clone(&kept), assembly.has_siblings(&key)));
            kept
        } else {
            let host = assembly.host(&key, &blueprint.identity);
            let place = format!(" for data type \"{}\"", S::KIND);
            let exporter: Arc<dyn Exporter<S>> = Arc::from(created(&blueprint.create, &host, place)?);
            let node = Next::new(ExporterNode::new(Arc::clone(&exporter), &host));
            Instance::new(host, blueprint.identity.clone(), Part::Component(exporter), node)
        };
        let node = instance.wiring::<Next<S>>().clone();
        assembly.instances.parts.exporters.push(Arc::clone(&instance));
        assembly.instances.by_key.insert(key, instance);
        Ok(node)
    }

    /// A branch to an exporter whose answers nobody waits for.
    pub(super) fn best_effort(
        &mut self,
        blueprint: &Blueprint<dyn Exporter<S>>,
    ) -> Result<Arc<BestEffort<S>>, EngineError> {
        let next = self.exporter(blueprint)?;
        let key = Key::of::<S>(ComponentKind::Exporter, &blueprint.id).within(&self.pipeline.id);
        let assembly = &mut *self.assembly;
        let kept = assembly.kept(&key, &blueprint.identity);
        let instance =
            if let Some(kept) = kept.filter(|kept| kept.wiring::<Arc<BestEffort<S>>>().leads_to(&next)) {
                kept
            } else {
                let host = assembly.host(&key, &blueprint.identity);
                let branch = Arc::new(BestEffort::new(next, host.clone()));
                let part = Part::Unseen(Arc::clone(&branch) as Arc<_>);
                Instance::new(host, blueprint.identity.clone(), part, branch)
            };
        let branch = Arc::clone(instance.wiring::<Arc<BestEffort<S>>>());
        assembly.instances.parts.inner.push(Arc::clone(&instance));
        assembly.instances.by_key.insert(key, instance);
        Ok(branch)
    }

    pub(super) fn processor(
        &mut self,
        blueprint: &Blueprint<dyn Processor<S>>,
        branches: Branches<S>,
    ) -> Result<Next<S>, EngineError> {
        let pipeline = &self.pipeline.id;
        let key = Key::of::<S>(ComponentKind::Processor, &blueprint.id).within(pipeline);
        let assembly = &mut *self.assembly;
        let instance = if let Some(kept) = assembly.kept(&key, &blueprint.identity) {
            assembly.lead(&kept.wiring::<ProcessorWiring<S>>().next, branches);
            kept
        } else {
            let host = assembly.host(&key, &blueprint.identity);
            let place = format!(", in pipeline \"{pipeline}\"");
            let processor: Arc<dyn Processor<S>> = Arc::from(created(&blueprint.create, &host, place)?);
            let (node, next) = ProcessorNode::new(Arc::clone(&processor), branches, &host);
            let wiring = ProcessorWiring { node: Next::new(node), next };
            Instance::new(host, blueprint.identity.clone(), Part::Component(processor), wiring)
        };
        let node = instance.wiring::<ProcessorWiring<S>>().node.clone();
        assembly.instances.parts.inner.push(Arc::clone(&instance));
        assembly.instances.by_key.insert(key, instance);
        Ok(node)
    }

    /// The connector's instance for the two signals, made where there is none yet. The pipelines that begin at it
    /// have been assembled.
    pub(super) fn connector<Out: Signal>(
        &mut self,
        blueprint: &Blueprint<dyn Connector<S, Out>>,
    ) -> Result<Next<S>, EngineError> {
        let (kind, id) = (ComponentKind::Connector, &blueprint.id);
        let key = Key { out: Some(Out::KIND), ..Key::of::<S>(kind, id) };
        let assembly = &mut *self.assembly;
        if let Some(known) = assembly.instances.by_key.get(&key) {
            return Ok(known.wiring::<ConnectorWiring<S, Out>>().node.clone());
        }
        let entries = assembly.entries_of::<Out>(kind, id);
        let all = joined(&entries);
        let kept = assembly.kept(&key, &blueprint.identity).filter(|kept| {
            // What it knows of its pipelines it may have asked once.
            let names = kept.wiring::<ConnectorWiring<S, Out>>().pipelines.iter().map(|(name, _)| name);
            names.eq(entries.iter().map(|(name, _)| name))
        });
        let instance = if let Some(kept) = kept {
            let wiring = kept.wiring::<ConnectorWiring<S, Out>>();
            assembly.lead(&wiring.all, all);
            for ((_, link), (_, branches)) in std::iter::zip(&wiring.pipelines, entries) {
                assembly.lead(link, branches);
            }
            kept
        } else {
            let host = assembly.host(&key, &blueprint.identity);
            let place = format!(" from {} to {}", S::KIND, Out::KIND);
            let connector: Arc<dyn Connector<S, Out>> = Arc::from(created(&blueprint.create, &host, place)?);
            let all = Link::new(all, None);
            let links = entries.into_iter().map(|(name, branches)| (name, Link::new(branches, None)));
            let pipelines: Vec<_> = links.collect();
            let names = pipelines.iter().map(|(name, link)| (name.clone(), link.next())).collect();
            let router = Router::new(all.next(), names);
            let node = Next::new(ConnectorNode::new(Arc::clone(&connector), router, &host));
            let wiring = ConnectorWiring { node, all, pipelines };
            Instance::new(host, blueprint.identity.clone(), Part::Component(connector), wiring)
        };
        let node = instance.wiring::<ConnectorWiring<S, Out>>().node.clone();
        assembly.instances.parts.inner.push(Arc::clone(&instance));
        assembly.instances.by_key.insert(key, instance);
        Ok(node)
    }

    /// Remembers where the pipeline begins.
    pub(super) fn enter(&mut self, branches: &Branches<S>) {
        for source in &self.pipeline.sources {
            let kind = match source {
                Source::Receiver(_) => ComponentKind::Receiver,
                Source::Connector(_) => ComponentKind::Connector,
            };
            let entries = self.assembly.entries.entry((kind, source.id().clone(), S::KIND));
            let entries = entries.or_insert_with(|| Box::new(Entries::<S>::new()));
            let entries: &mut Entries<S> = entries.downcast_mut().expect("the key holds the signal");
            entries.push((self.pipeline.id.to_string(), branches.clone()));
        }
    }
}

/// The extensions that are gone, new or have changed, and those that asked one of them, in whatever order they are listed.
fn changed_extensions(graph: &Graph, old: &Instances) -> HashSet<ComponentId> {
    let instance = |id: &ComponentId| old.by_key.get(&Key::new(ComponentKind::Extension, id));
    let mut changed: HashSet<_> = old.parts.extensions.iter().map(|one| one.host.id().clone()).collect();
    for blueprint in &graph.extensions {
        if instance(&blueprint.id).is_some_and(|old| old.identity.is(&blueprint.identity)) {
            changed.remove(&blueprint.id);
        } else {
            changed.insert(blueprint.id.clone());
        }
    }
    loop {
        let asked = old.parts.extensions.iter().filter(|one| one.host.capabilities().asked_any(&changed));
        let asked: Vec<_> = asked.map(|one| one.host.id().clone()).collect();
        let known = changed.len();
        changed.extend(asked);
        if changed.len() == known {
            return changed;
        }
    }
}

/// All branches of the pipelines.
fn joined<S: Signal>(entries: &Entries<S>) -> Branches<S> {
    let mut all = Branches::default();
    for (_, branches) in entries {
        all.extend(branches);
    }
    all
}

fn created<T: ?Sized>(create: &Create<T>, host: &Host, place: String) -> Result<Box<T>, EngineError> {
    create(host).map_err(|source| EngineError::Create {
        id: host.id().clone(),
        kind: host.kind(),
        place,
        source,
    })
}
