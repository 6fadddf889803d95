//! From a graph to instances that are connected with each other.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::EngineError;
use super::fanout::{BestEffort, FanOut};
use super::graph::{ExtensionBox, Graph};
use super::lifecycle::{Instance, Instances, ReceiverInstance};
use super::nodes::{ConnectorNode, ExporterNode, ProcessorNode};
use super::pipeline::{Create, Source};
use super::status::Board;
use super::tasks::Tasks;
use super::topology;
use crate::ComponentId;
use crate::component::{
    BuildInfo, Capabilities, ComponentKind, Connector, Exporter, Extension, Host, HostParts, Next, Outputs,
    Processor, ProxySettings, Receiver, Router, Shared,
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
}

/// Creates the components of a graph.
pub(super) fn assemble(graph: &Graph, surroundings: Surroundings) -> Result<Instances, EngineError> {
    let mut assembly = Assembly::new(surroundings, topology::siblings(&graph.pipelines));
    assembly.extensions(&graph.extensions)?;
    let order = topology::order(&graph.pipelines).expect("the graph was checked for cycles");
    for at in order {
        graph.pipelines[at].assemble(&mut assembly)?;
    }
    assembly.receivers(graph)?;
    Ok(assembly.instances)
}

/// What a pipeline leads to.
pub(super) struct Branches<S: Signal> {
    pub(super) required: Vec<Next<S>>,
    pub(super) best_effort: Vec<Arc<BestEffort<S>>>,
}

impl<S: Signal> Default for Branches<S> {
    fn default() -> Self {
        Self { required: Vec::new(), best_effort: Vec::new() }
    }
}

impl<S: Signal> Branches<S> {
    pub(super) fn join(self) -> Next<S> {
        FanOut::over(self.required, self.best_effort)
    }
}

/// The instances made so far.
pub(crate) struct Assembly {
    surroundings: Surroundings,
    shared: Shared,
    capabilities: Arc<Capabilities>,
    instances: Instances,
    /// The exporters that share what they get with others.
    siblings: HashSet<(ComponentId, SignalKind)>,
    /// `Next<S>` of exporters by id and signal.
    exporters: HashMap<(ComponentId, SignalKind), Box<dyn Any>>,
    /// `Next<In>` of connectors by id, signal in and signal out.
    connectors: HashMap<(ComponentId, SignalKind, SignalKind), Box<dyn Any>>,
    /// `Entries<S>`: the pipelines that begin at a receiver or connector.
    entries: HashMap<(ComponentKind, ComponentId, SignalKind), Box<dyn Any>>,
}

type Entries<S> = Vec<(String, Next<S>)>;

impl Assembly {
    fn new(surroundings: Surroundings, siblings: HashSet<(ComponentId, SignalKind)>) -> Self {
        Self {
            surroundings,
            shared: Shared::default(),
            capabilities: Arc::default(),
            instances: Instances::default(),
            siblings,
            exporters: HashMap::new(),
            connectors: HashMap::new(),
            entries: HashMap::new(),
        }
    }

    /// The exporter's instance for the signal, made where there is none yet.
    pub(super) fn exporter<S: Signal>(
        &mut self,
        id: &ComponentId,
        create: &Create<dyn Exporter<S>>,
    ) -> Result<Next<S>, EngineError> {
        let key = (id.clone(), S::KIND);
        if let Some(known) = self.exporters.get(&key) {
            return Ok(known.downcast_ref::<Next<S>>().expect("the key holds the signal").clone());
        }
        let host = self.host(ComponentKind::Exporter, id, Some(S::KIND), None, &[]);
        let exporter: Arc<dyn Exporter<S>> = Arc::from(created(create, &host, for_data_type(S::KIND))?);
        let next = Next::new(ExporterNode::new(Arc::clone(&exporter), &host));
        self.instances.exporters.push(Instance::new(host, exporter));
        self.exporters.insert(key, Box::new(next.clone()));
        Ok(next)
    }

    /// A branch to an exporter whose answers nobody waits for.
    pub(super) fn best_effort<S: Signal>(&mut self, id: &ComponentId, next: Next<S>) -> Arc<BestEffort<S>> {
        let host = self.host(ComponentKind::Exporter, id, Some(S::KIND), None, &[]);
        let branch = Arc::new(BestEffort::new(next, host.clone()));
        self.instances.inner.push(Instance::unseen(host, Arc::clone(&branch) as Arc<_>));
        branch
    }

    pub(super) fn processor<S: Signal>(
        &mut self,
        pipeline: &ComponentId,
        id: &ComponentId,
        create: &Create<dyn Processor<S>>,
        next: Next<S>,
    ) -> Result<Next<S>, EngineError> {
        let host = self.host(ComponentKind::Processor, id, Some(S::KIND), Some(pipeline), &[]);
        let place = format!(", in pipeline \"{pipeline}\"");
        let processor: Arc<dyn Processor<S>> = Arc::from(created(create, &host, place)?);
        let next = Next::new(ProcessorNode::new(Arc::clone(&processor), next, &host));
        self.instances.inner.push(Instance::new(host, processor));
        Ok(next)
    }

    /// The connector's instance for the two signals, made where there is none yet. The pipelines that begin at it
    /// have been assembled.
    pub(super) fn connector<In: Signal, Out: Signal>(
        &mut self,
        id: &ComponentId,
        create: &Create<dyn Connector<In, Out>>,
    ) -> Result<Next<In>, EngineError> {
        let key = (id.clone(), In::KIND, Out::KIND);
        if let Some(known) = self.connectors.get(&key) {
            return Ok(known.downcast_ref::<Next<In>>().expect("the key holds the signal").clone());
        }
        let signals = [("otelcol.signal.output", Out::KIND.as_str())];
        let host = self.host(ComponentKind::Connector, id, Some(In::KIND), None, &signals);
        let connector: Arc<dyn Connector<In, Out>> =
            Arc::from(created(create, &host, format!(" from {} to {}", In::KIND, Out::KIND))?);
        let pipelines = self.entries_of::<Out>(ComponentKind::Connector, id);
        let all = FanOut::over(pipelines.iter().map(|(_, next)| next.clone()).collect(), Vec::new());
        let node = ConnectorNode::new(Arc::clone(&connector), Router::new(all, pipelines), &host);
        let next = Next::new(node);
        self.instances.inner.push(Instance::new(host, connector));
        self.connectors.insert(key, Box::new(next.clone()));
        Ok(next)
    }

    /// Remembers where a pipeline begins.
    pub(super) fn enter<S: Signal>(&mut self, pipeline: &ComponentId, sources: &[Source], entry: &Next<S>) {
        for source in sources {
            let kind = match source {
                Source::Receiver(..) => ComponentKind::Receiver,
                Source::Connector(_) => ComponentKind::Connector,
            };
            let entries = self
                .entries
                .entry((kind, source.id().clone(), S::KIND))
                .or_insert_with(|| Box::new(Entries::<S>::new()));
            let entries: &mut Entries<S> = entries.downcast_mut().expect("the key holds the signal");
            entries.push((pipeline.to_string(), entry.clone()));
        }
    }

    fn entries_of<S: Signal>(&self, kind: ComponentKind, id: &ComponentId) -> Entries<S> {
        let entries = self.entries.get(&(kind, id.clone(), S::KIND));
        entries.and_then(|entries| entries.downcast_ref::<Entries<S>>()).cloned().unwrap_or_default()
    }

    fn output<S: Signal>(&self, receiver: &ComponentId) -> Option<Next<S>> {
        let entries = self.entries_of::<S>(ComponentKind::Receiver, receiver);
        let branches: Vec<_> = entries.into_iter().map(|(_, next)| next).collect();
        (!branches.is_empty()).then(|| FanOut::over(branches, Vec::new()))
    }

    fn receivers(&mut self, graph: &Graph) -> Result<(), EngineError> {
        for source in graph.pipelines.iter().flat_map(|pipeline| pipeline.sources()) {
            let Source::Receiver(id, create) = source else { continue };
            if self.instances.receivers.iter().any(|receiver| receiver.host.id() == id) {
                continue;
            }
            let host = self.host(ComponentKind::Receiver, id, None, None, &[]);
            let receiver: Box<dyn Receiver> = created(create, &host, String::new())?;
            let mut outputs = Outputs::new();
            outputs.traces = self.output::<Traces>(id);
            outputs.metrics = self.output::<Metrics>(id);
            outputs.logs = self.output::<Logs>(id);
            self.instances.receivers.push(ReceiverInstance { host, receiver: Arc::from(receiver), outputs });
        }
        Ok(())
    }

    fn extensions(&mut self, extensions: &[(ComponentId, Create<ExtensionBox>)]) -> Result<(), EngineError> {
        let mut capabilities = Capabilities::default();
        for (id, create) in extensions {
            let host = self.host(ComponentKind::Extension, id, None, None, &[]);
            let extension: Arc<dyn Extension> = *created(create, &host, String::new())?;
            capabilities.set_provider(id.clone());
            Arc::clone(&extension).provide(&mut capabilities);
            self.instances.watchers.push(Arc::clone(&extension));
            self.instances.extensions.push(Instance::new(host, extension));
        }
        self.capabilities = Arc::new(capabilities);
        Ok(())
    }

    fn host(
        &self,
        kind: ComponentKind,
        id: &ComponentId,
        signal: Option<SignalKind>,
        pipeline: Option<&ComponentId>,
        marks: &[(&'static str, &str)],
    ) -> Host {
        let mut logger = self
            .surroundings
            .telemetry
            .logger()
            .with("otelcol.component.id", id.to_string())
            .with("otelcol.component.kind", kind.as_str());
        if let Some(pipeline) = pipeline {
            logger = logger.with("otelcol.pipeline.id", pipeline.to_string());
        }
        if let Some(signal) = signal {
            logger = logger.with("otelcol.signal", signal.as_str());
        }
        for (key, value) in marks {
            logger = logger.with(key, *value);
        }
        Host::new(HostParts {
            id: id.clone(),
            kind,
            signal,
            pipeline: pipeline.map(ToString::to_string),
            telemetry: self.surroundings.telemetry.clone().with_logger(logger),
            build_info: Arc::clone(&self.surroundings.build_info),
            proxies: Arc::clone(&self.surroundings.proxies),
            spawn: Arc::clone(&self.surroundings.tasks) as Arc<_>,
            status: Arc::clone(&self.surroundings.board) as Arc<_>,
            shared: self.shared.clone(),
            capabilities: Arc::clone(&self.capabilities),
            has_siblings: kind == ComponentKind::Exporter
                && signal.is_some_and(|signal| self.siblings.contains(&(id.clone(), signal))),
        })
    }
}

fn created<T: ?Sized>(create: &Create<T>, host: &Host, place: String) -> Result<Box<T>, EngineError> {
    create(host).map_err(|source| EngineError::Create {
        id: host.id().clone(),
        kind: host.kind(),
        place,
        source,
    })
}

fn for_data_type(signal: SignalKind) -> String {
    format!(" for data type \"{signal}\"")
}
