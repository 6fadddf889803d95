//! Collectors composed in code.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::identity::Identity;
use super::options::Options;
use super::pipeline::{AnyPipeline, Blueprint, Create, Pipeline, Source, Target, edge};
use super::running::Running;
use super::{EngineError, topology};
use crate::component::{
    ComponentConfig, ComponentKind, Connector, ConnectorFactory, Emits, Exporter, ExporterFactory, Extension,
    ExtensionFactory, PipelineOverview, Processor, ProcessorFactory, Receiver, ReceiverFactory,
};
use crate::pdata::Signal;
use crate::{ComponentId, Invalid};

/// A collector that is being composed. See the [module](super).
#[derive(Default)]
pub struct Graph {
    pub(super) pipelines: Vec<Box<dyn AnyPipeline>>,
    pub(super) extensions: Vec<Blueprint<ExtensionBox>>,
    named: HashSet<(ComponentKind, ComponentId)>,
    problems: Vec<Invalid>,
    without_pipelines: bool,
}

/// An extension as factories make it.
pub(crate) type ExtensionBox = Arc<dyn Extension>;

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows that there is no pipeline at all.
    pub fn allow_no_pipelines(&mut self) {
        self.without_pipelines = true;
    }

    /// A receiver for pipelines to begin at. Only one that some pipeline begins at is created.
    ///
    /// Ids read `type` or `type/name`; what is wrong with one, or with a configuration, is told at the start.
    pub fn receiver<C: ReceiverFactory>(&mut self, id: &str, config: C) -> ReceiverHandle<C> {
        let id = self.name(ComponentKind::Receiver, id, &config);
        let config = Arc::new(config);
        let identity = Identity::of(&config);
        let create: Create<dyn Receiver> = Arc::new(move |host| config.create(host));
        ReceiverHandle { source: Source::Receiver(Blueprint { id, create, identity }), config: PhantomData }
    }

    /// An exporter for pipelines to end in. Only one that some pipeline ends in is created.
    pub fn exporter<C: ComponentConfig>(&mut self, id: &str, config: C) -> ExporterHandle<C> {
        let id = self.name(ComponentKind::Exporter, id, &config);
        ExporterHandle { id, config: Arc::new(config) }
    }

    /// A connector for pipelines of `In` to end in and pipelines of `Out` to begin at.
    pub fn connector<In: Signal, Out: Signal, C: ConnectorFactory<In, Out>>(
        &mut self,
        id: &str,
        config: C,
    ) -> ConnectorHandle<C, In, Out> {
        let id = self.name(ComponentKind::Connector, id, &config);
        ConnectorHandle { id, config: Arc::new(config), signals: PhantomData }
    }

    /// An extension, which runs from before the pipelines until after them.
    pub fn extension<C: ExtensionFactory>(&mut self, id: &str, config: C) -> &mut Self {
        let id = self.name(ComponentKind::Extension, id, &config);
        let config = Arc::new(config);
        let identity = Identity::of(&config);
        let create: Create<ExtensionBox> = Arc::new(move |host| config.create(host).map(Box::new));
        self.extensions.push(Blueprint { id, create, identity });
        self
    }

    /// Begins a pipeline. The name is the signal's, or the signal's and another after a slash, as in `traces/eu`.
    pub fn pipeline<S: Signal>(&mut self, name: &str) -> PipelineBuilder<'_, S> {
        let id = self.id("service::pipelines", name, S::KIND.as_str());
        if id.type_name() != S::KIND.as_str() {
            let message = format!("the name of this pipeline must be {0} or {0}/…", S::KIND);
            self.problems.push(Invalid::new(format!("service::pipelines::{id}"), message));
        }
        if self.pipelines.iter().any(|pipeline| *pipeline.id() == id) {
            self.problems
                .push(Invalid::new(format!("service::pipelines::{id}"), "there are two of that name"));
        }
        self.pipelines.push(Box::new(Pipeline::<S>::new(id)));
        PipelineBuilder { graph: self, signal: PhantomData }
    }

    /// Checks the graph without creating anything.
    pub fn check(&self) -> Result<(), super::GraphError> {
        super::GraphError::check(self.problems())
    }

    /// The pipelines in their order.
    pub fn pipelines(&self) -> Vec<PipelineOverview> {
        let overview = |pipeline: &dyn AnyPipeline| {
            let owned = |ids: Vec<&ComponentId>| ids.into_iter().cloned().collect::<Vec<_>>();
            let mut overview = PipelineOverview::new(pipeline.id().clone(), pipeline.signal());
            overview.receivers = pipeline.sources().iter().map(|source| source.id().clone()).collect();
            overview.processors = owned(pipeline.processor_ids());
            overview.exporters = owned(pipeline.target_ids());
            overview
        };
        self.pipelines.iter().map(|pipeline| overview(&**pipeline)).collect()
    }

    pub(crate) fn problems(&self) -> Vec<Invalid> {
        let mut problems = self.problems.clone();
        if !self.without_pipelines || !self.pipelines.is_empty() {
            problems.extend(topology::check(&self.pipelines));
        }
        problems
    }

    /// Creates and starts everything, on the tokio runtime of the caller.
    ///
    /// # Errors
    /// What is wrong with the graph or a configuration (everything at once), or the first component that could not
    /// be created or started. What was started by then is stopped.
    pub async fn start(self, options: Options) -> Result<Running, EngineError> {
        self.check()?;
        Running::start(self, options).await
    }

    /// Creates every component and drops them again: whether the graph can be built, without starting it.
    ///
    /// # Panics
    /// Outside a tokio runtime, as components may prepare tasks.
    pub fn dry_run(self, options: Options) -> Result<(), EngineError> {
        self.check()?;
        Running::dry_run(self, options)
    }

    #[cfg(feature = "service")]
    pub(crate) fn add<S: Signal>(&mut self, pipeline: Pipeline<S>) {
        self.pipelines.push(Box::new(pipeline));
    }

    #[cfg(feature = "service")]
    pub(crate) fn add_extension(&mut self, extension: Blueprint<ExtensionBox>) {
        self.extensions.push(extension);
    }

    fn name<C: ComponentConfig>(&mut self, kind: ComponentKind, text: &str, config: &C) -> ComponentId {
        let section = format!("{kind}s");
        let id = self.id(&section, text, C::TYPE);
        let path = format!("{section}::{id}");
        if !self.named.insert((kind, id.clone())) {
            self.problems.push(Invalid::new(&*path, "there are two of that id"));
        }
        self.problems.extend(config.validate().into_iter().map(|problem| below(&path, problem)));
        id
    }

    /// The id, or a stand-in where the text is none.
    fn id(&mut self, section: &str, text: &str, stand_in: &'static str) -> ComponentId {
        text.parse().unwrap_or_else(|error: crate::InvalidComponentId| {
            self.problems.push(Invalid::new(section, error.to_string()));
            ComponentId::of_type(stand_in)
        })
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pipelines.iter().map(|pipeline| pipeline.id().to_string())).finish()
    }
}

fn below(path: &str, problem: Invalid) -> Invalid {
    match problem.path.as_str() {
        "" => Invalid::new(path, problem.message),
        inner => Invalid::new(format!("{path}::{inner}"), problem.message),
    }
}

/// A receiver of a graph, by its configuration.
pub struct ReceiverHandle<C> {
    source: Source,
    config: PhantomData<fn() -> C>,
}

/// An exporter of a graph, by its configuration.
pub struct ExporterHandle<C> {
    id: ComponentId,
    config: Arc<C>,
}

/// A connector of a graph from one signal to another, by its configuration.
pub struct ConnectorHandle<C, In, Out> {
    id: ComponentId,
    config: Arc<C>,
    signals: PhantomData<fn(In) -> Out>,
}

impl<C, In: Signal, Out: Signal> ConnectorHandle<C, In, Out> {
    /// The same connector between two other signals.
    pub fn also<OtherIn: Signal, OtherOut: Signal>(&self) -> ConnectorHandle<C, OtherIn, OtherOut>
    where
        C: ConnectorFactory<OtherIn, OtherOut>,
    {
        ConnectorHandle { id: self.id.clone(), config: Arc::clone(&self.config), signals: PhantomData }
    }
}

/// What a pipeline of `S` can begin at: a [`ReceiverHandle`] or a [`ConnectorHandle`].
#[diagnostic::on_unimplemented(
    message = "a pipeline of {S} cannot begin at `{Self}`",
    label = "a receiver that emits {S}, or a connector to {S}, is needed here"
)]
pub trait Origin<S: Signal>: sealed::Origin<S> {}

/// What a pipeline of `S` can end in: an [`ExporterHandle`] or a [`ConnectorHandle`].
#[diagnostic::on_unimplemented(
    message = "a pipeline of {S} cannot end in `{Self}`",
    label = "an exporter of {S}, or a connector from {S}, is needed here"
)]
pub trait Destination<S: Signal>: sealed::Destination<S> {}

impl<S: Signal, C: Emits<S>> Origin<S> for ReceiverHandle<C> {}
impl<C: 'static, In: Signal, Out: Signal> Origin<Out> for ConnectorHandle<C, In, Out> {}
impl<S: Signal, C: ExporterFactory<S>> Destination<S> for ExporterHandle<C> {}
impl<In: Signal, Out: Signal, C: ConnectorFactory<In, Out>> Destination<In> for ConnectorHandle<C, In, Out> {}

mod sealed {
    use super::{
        Arc, Blueprint, Connector, ConnectorFactory, ConnectorHandle, Create, Exporter, ExporterFactory,
        ExporterHandle, Identity, PipelineBuilder, ReceiverHandle, Signal, Source, Target, edge,
    };

    pub trait Origin<S: Signal> {
        #[doc(hidden)]
        fn begin(&self, pipeline: &mut PipelineBuilder<'_, S>);
    }

    pub trait Destination<S: Signal> {
        #[doc(hidden)]
        fn end(&self, pipeline: &mut PipelineBuilder<'_, S>, required: bool);
    }

    impl<S: Signal, C> Origin<S> for ReceiverHandle<C> {
        fn begin(&self, pipeline: &mut PipelineBuilder<'_, S>) {
            pipeline.pipeline().sources.push(self.source.clone());
        }
    }

    impl<S: Signal, C, In, Out> Origin<S> for ConnectorHandle<C, In, Out> {
        fn begin(&self, pipeline: &mut PipelineBuilder<'_, S>) {
            pipeline.pipeline().sources.push(Source::Connector(self.id.clone()));
        }
    }

    impl<S: Signal, C: ExporterFactory<S>> Destination<S> for ExporterHandle<C> {
        fn end(&self, pipeline: &mut PipelineBuilder<'_, S>, required: bool) {
            let (config, identity) = (Arc::clone(&self.config), Identity::of(&self.config));
            let create: Create<dyn Exporter<S>> = Arc::new(move |host| config.create(host));
            let exporter = Blueprint { id: self.id.clone(), create, identity };
            pipeline.pipeline().targets.push(Target::Exporter { exporter, required });
        }
    }

    impl<In: Signal, Out: Signal, C: ConnectorFactory<In, Out>> Destination<In> for ConnectorHandle<C, In, Out> {
        fn end(&self, pipeline: &mut PipelineBuilder<'_, In>, _required: bool) {
            let (config, identity) = (Arc::clone(&self.config), Identity::of(&self.config));
            let create: Create<dyn Connector<In, Out>> = Arc::new(move |host| config.create(host));
            let edge = edge(Blueprint { id: self.id.clone(), create, identity });
            pipeline.pipeline().targets.push(Target::Connector(edge));
        }
    }
}

/// A pipeline that is being composed: begin it [`from`](Self::from) receivers, lead it
/// [`through`](Self::through) processors in their order, end it in exporters.
pub struct PipelineBuilder<'g, S: Signal> {
    graph: &'g mut Graph,
    signal: PhantomData<S>,
}

impl<S: Signal> PipelineBuilder<'_, S> {
    /// Begins the pipeline at a receiver or connector, also several.
    pub fn from(mut self, origin: &impl Origin<S>) -> Self {
        origin.begin(&mut self);
        self
    }

    /// Adds a processor, with an instance of its own. Equal ids in several pipelines mean that the instances may
    /// share what belongs to their configuration, such as the limit of a memory limiter.
    pub fn through<C: ProcessorFactory<S>>(mut self, id: &str, config: C) -> Self {
        let id = self.graph.id("processors", id, C::TYPE);
        let path = format!("processors::{id}");
        self.graph.problems.extend(config.validate().into_iter().map(|problem| below(&path, problem)));
        let config = Arc::new(config);
        let identity = Identity::of(&config);
        let create: Create<dyn Processor<S>> = Arc::new(move |host| config.create(host));
        self.pipeline().processors.push(Blueprint { id, create, identity });
        self
    }

    /// Ends the pipeline in an exporter or connector, also several. All of them have to take the data.
    pub fn to(mut self, destination: &impl Destination<S>) -> Self {
        destination.end(&mut self, true);
        self
    }

    /// Ends the pipeline in an exporter that gets what it can take: its failures are counted as drops with the
    /// reason `best_effort`, and nobody waits for it.
    pub fn to_best_effort<C: ExporterFactory<S>>(mut self, exporter: &ExporterHandle<C>) -> Self {
        sealed::Destination::end(exporter, &mut self, false);
        self
    }

    fn pipeline(&mut self) -> &mut Pipeline<S> {
        let last = self.graph.pipelines.last_mut().expect("the builder was made with its pipeline");
        (**last).as_any_mut().downcast_mut().expect("the builder has its pipeline's signal")
    }
}

impl<S: Signal> fmt::Debug for PipelineBuilder<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder").field("signal", &S::KIND).finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for ReceiverHandle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReceiverHandle").field(&self.source.id().to_string()).finish()
    }
}

impl<C> fmt::Debug for ExporterHandle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExporterHandle").field(&self.id.to_string()).finish()
    }
}

impl<C, In, Out> fmt::Debug for ConnectorHandle<C, In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectorHandle").field(&self.id.to_string()).finish()
    }
}
