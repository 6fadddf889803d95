//! Pipelines as the engine sees them: generic over the signal inside, erased at the edge.

use std::any::Any;
use std::sync::Arc;

use super::assembly::{Assembly, Branches};
use super::error::EngineError;
use crate::ComponentId;
use crate::component::{BuildError, Connector, ConnectorFactory, Exporter, Host, Next, Processor, Receiver};
use crate::pdata::{Signal, SignalKind};

/// Creates a component when its host is known.
pub(crate) type Create<T> = Arc<dyn Fn(&Host) -> Result<Box<T>, BuildError> + Send + Sync>;

/// Where a pipeline begins.
#[derive(Clone)]
pub(crate) enum Source {
    /// A receiver with what creates it.
    Receiver(ComponentId, Create<dyn Receiver>),
    /// A connector; the pipelines that end in it know what creates it.
    Connector(ComponentId),
}

/// Where a pipeline ends.
pub(crate) enum Target<S: Signal> {
    Exporter { id: ComponentId, create: Create<dyn Exporter<S>>, required: bool },
    Connector { id: ComponentId, edge: Arc<dyn Edge<S>> },
}

impl Source {
    pub(crate) fn id(&self) -> &ComponentId {
        match self {
            Source::Receiver(id, _) | Source::Connector(id) => id,
        }
    }
}

/// One pipeline.
pub(crate) struct Pipeline<S: Signal> {
    pub(crate) id: ComponentId,
    pub(crate) sources: Vec<Source>,
    pub(crate) processors: Vec<(ComponentId, Create<dyn Processor<S>>)>,
    pub(crate) targets: Vec<Target<S>>,
}

impl<S: Signal> Pipeline<S> {
    pub(crate) fn new(id: ComponentId) -> Self {
        Self { id, sources: Vec::new(), processors: Vec::new(), targets: Vec::new() }
    }
}

/// A pipeline of whatever signal.
pub(crate) trait AnyPipeline: Any + Send {
    fn id(&self) -> &ComponentId;
    fn signal(&self) -> SignalKind;
    fn sources(&self) -> &[Source];
    fn processor_ids(&self) -> Vec<&ComponentId>;
    fn exporter_ids(&self) -> Vec<&ComponentId>;
    /// The connectors that it ends in, with the signal that comes out of each.
    fn connections(&self) -> Vec<(&ComponentId, SignalKind)>;
    /// Creates its components, those that it ends in first, and leaves its entry with the assembly.
    fn assemble(&self, assembly: &mut Assembly) -> Result<(), EngineError>;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<S: Signal> AnyPipeline for Pipeline<S> {
    fn id(&self) -> &ComponentId {
        &self.id
    }

    fn signal(&self) -> SignalKind {
        S::KIND
    }

    fn sources(&self) -> &[Source] {
        &self.sources
    }

    fn processor_ids(&self) -> Vec<&ComponentId> {
        self.processors.iter().map(|(id, _)| id).collect()
    }

    fn exporter_ids(&self) -> Vec<&ComponentId> {
        let exporter = |target: &'_ Target<S>| matches!(target, Target::Exporter { .. });
        self.targets.iter().filter(|target| exporter(target)).map(Target::id).collect()
    }

    fn connections(&self) -> Vec<(&ComponentId, SignalKind)> {
        let connectors = self.targets.iter().filter_map(|target| match target {
            Target::Connector { id, edge } => Some((id, edge.out())),
            Target::Exporter { .. } => None,
        });
        connectors.collect()
    }

    fn assemble(&self, assembly: &mut Assembly) -> Result<(), EngineError> {
        let mut branches = Branches::default();
        for target in &self.targets {
            match target {
                Target::Exporter { id, create, required } => {
                    let next = assembly.exporter(id, create)?;
                    if *required {
                        branches.required.push(next);
                    } else {
                        branches.best_effort.push(assembly.best_effort(id, next));
                    }
                }
                Target::Connector { id, edge } => branches.required.push(edge.assemble(id, assembly)?),
            }
        }
        let mut next = branches.join();
        for (id, create) in self.processors.iter().rev() {
            next = assembly.processor(&self.id, id, create, next)?;
        }
        assembly.enter(&self.id, &self.sources, &next);
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl<S: Signal> Target<S> {
    pub(crate) fn id(&self) -> &ComponentId {
        match self {
            Target::Exporter { id, .. } | Target::Connector { id, .. } => id,
        }
    }
}

/// A connector seen from the pipeline that ends in it.
pub(crate) trait Edge<In: Signal>: Send + Sync {
    fn out(&self) -> SignalKind;
    fn assemble(&self, id: &ComponentId, assembly: &mut Assembly) -> Result<Next<In>, EngineError>;
}

struct EdgeTo<In: Signal, Out: Signal>(Create<dyn Connector<In, Out>>);

impl<In: Signal, Out: Signal> Edge<In> for EdgeTo<In, Out> {
    fn out(&self) -> SignalKind {
        Out::KIND
    }

    fn assemble(&self, id: &ComponentId, assembly: &mut Assembly) -> Result<Next<In>, EngineError> {
        assembly.connector(id, &self.0)
    }
}

/// The edge of a connector that is created so.
pub(crate) fn edge_by<In: Signal, Out: Signal>(create: Create<dyn Connector<In, Out>>) -> Arc<dyn Edge<In>> {
    Arc::new(EdgeTo(create))
}

/// The edge of a connector's configuration.
pub(crate) fn edge<In: Signal, Out: Signal, C: ConnectorFactory<In, Out>>(
    config: &Arc<C>,
) -> Arc<dyn Edge<In>> {
    let config = Arc::clone(config);
    edge_by::<In, Out>(Arc::new(move |host| config.create(host)))
}
