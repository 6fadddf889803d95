//! Pipelines as the engine sees them: generic over the signal inside, erased at the edge.

use std::any::Any;
use std::sync::Arc;

use super::assembly::{Assembly, Place};
use super::error::EngineError;
use super::identity::Identity;
use super::link::Branches;
use crate::ComponentId;
use crate::component::{BuildError, Connector, Exporter, Host, Next, Processor, Receiver};
use crate::pdata::{Signal, SignalKind};

/// Creates a component when its host is known.
pub(crate) type Create<T> = Arc<dyn Fn(&Host) -> Result<Box<T>, BuildError> + Send + Sync>;

/// A component that is to be.
pub(crate) struct Blueprint<T: ?Sized> {
    pub(crate) id: ComponentId,
    pub(crate) create: Create<T>,
    pub(crate) identity: Identity,
}

impl<T: ?Sized> Clone for Blueprint<T> {
    fn clone(&self) -> Self {
        Self { id: self.id.clone(), create: Arc::clone(&self.create), identity: self.identity.clone() }
    }
}

/// Where a pipeline begins.
#[derive(Clone)]
pub(crate) enum Source {
    /// A receiver with what creates it.
    Receiver(Blueprint<dyn Receiver>),
    /// A connector; the pipelines that end in it know what creates it.
    Connector(ComponentId),
}

/// Where a pipeline ends.
pub(crate) enum Target<S: Signal> {
    Exporter { exporter: Blueprint<dyn Exporter<S>>, required: bool },
    Connector(Arc<dyn Edge<S>>),
}

impl Source {
    pub(crate) fn id(&self) -> &ComponentId {
        match self {
            Source::Receiver(Blueprint { id, .. }) | Source::Connector(id) => id,
        }
    }
}

/// One pipeline.
pub(crate) struct Pipeline<S: Signal> {
    pub(crate) id: ComponentId,
    pub(crate) sources: Vec<Source>,
    pub(crate) processors: Vec<Blueprint<dyn Processor<S>>>,
    pub(crate) targets: Vec<Target<S>>,
}

impl<S: Signal> Pipeline<S> {
    pub(crate) fn new(id: ComponentId) -> Self {
        Self { id, sources: Vec::new(), processors: Vec::new(), targets: Vec::new() }
    }
}

/// A pipeline of whatever signal.
pub(crate) trait AnyPipeline: Any + Send + Sync {
    fn id(&self) -> &ComponentId;
    fn signal(&self) -> SignalKind;
    fn sources(&self) -> &[Source];
    fn processor_ids(&self) -> Vec<&ComponentId>;
    fn exporter_ids(&self) -> Vec<&ComponentId>;
    /// What it ends in, each id once.
    fn target_ids(&self) -> Vec<&ComponentId>;
    /// The connectors that it ends in, with the signal that comes out of each.
    fn connections(&self) -> Vec<(&ComponentId, SignalKind)>;
    /// Creates its components, those that it ends in first, and leaves its entry with the assembly.
    fn assemble(&self, assembly: &mut Assembly<'_>) -> Result<(), EngineError>;
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
        self.processors.iter().map(|processor| &processor.id).collect()
    }

    fn exporter_ids(&self) -> Vec<&ComponentId> {
        let exporter = |target: &'_ Target<S>| matches!(target, Target::Exporter { .. });
        self.targets.iter().filter(|target| exporter(target)).map(Target::id).collect()
    }

    fn target_ids(&self) -> Vec<&ComponentId> {
        let mut ids: Vec<_> = self.targets.iter().map(Target::id).collect();
        // A connector to several signals is several targets side by side.
        ids.dedup();
        ids
    }

    fn connections(&self) -> Vec<(&ComponentId, SignalKind)> {
        let connectors = self.targets.iter().filter_map(|target| match target {
            Target::Connector(edge) => Some((edge.id(), edge.out())),
            Target::Exporter { .. } => None,
        });
        connectors.collect()
    }

    fn assemble(&self, assembly: &mut Assembly<'_>) -> Result<(), EngineError> {
        let mut place = Place::new(assembly, self);
        let mut branches = Branches::default();
        for target in &self.targets {
            match target {
                Target::Exporter { exporter, required: true } => {
                    branches.required.push(place.exporter(exporter)?);
                }
                Target::Exporter { exporter, required: false } => {
                    branches.best_effort.push(place.best_effort(exporter)?);
                }
                Target::Connector(edge) => branches.required.push(edge.assemble(&mut place)?),
            }
        }
        for processor in self.processors.iter().rev() {
            branches = Branches::to(place.processor(processor, branches)?);
        }
        place.enter(&branches);
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl<S: Signal> Target<S> {
    pub(crate) fn id(&self) -> &ComponentId {
        match self {
            Target::Exporter { exporter, .. } => &exporter.id,
            Target::Connector(edge) => edge.id(),
        }
    }
}

/// A connector seen from the pipeline that ends in it.
pub(crate) trait Edge<In: Signal>: Send + Sync {
    fn id(&self) -> &ComponentId;
    fn out(&self) -> SignalKind;
    fn assemble(&self, place: &mut Place<'_, '_, In>) -> Result<Next<In>, EngineError>;
}

struct EdgeTo<In: Signal, Out: Signal>(Blueprint<dyn Connector<In, Out>>);

impl<In: Signal, Out: Signal> Edge<In> for EdgeTo<In, Out> {
    fn id(&self) -> &ComponentId {
        &self.0.id
    }

    fn out(&self) -> SignalKind {
        Out::KIND
    }

    fn assemble(&self, place: &mut Place<'_, '_, In>) -> Result<Next<In>, EngineError> {
        place.connector(&self.0)
    }
}

/// The edge of a connector that is to be.
pub(crate) fn edge<In: Signal, Out: Signal>(
    connector: Blueprint<dyn Connector<In, Out>>,
) -> Arc<dyn Edge<In>> {
    Arc::new(EdgeTo(connector))
}
