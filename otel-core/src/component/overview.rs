//! What extensions see of their collector.

use std::fmt;

use super::StatusEvent;
use crate::ComponentId;
use crate::pdata::SignalKind;

/// A collector from outside: what it consists of now, and how its parts are.
pub trait Overview: fmt::Debug + Send + Sync + 'static {
    /// The pipelines in the order of the configuration.
    fn pipelines(&self) -> Vec<PipelineOverview>;

    /// The extensions in the order of their start.
    fn extensions(&self) -> Vec<ComponentId>;

    /// The state of every instance. None once the collector is gone.
    fn statuses(&self) -> Vec<StatusEvent>;

    /// Why the last configuration that should have been applied was not, until one is.
    fn failed_reload(&self) -> Option<String>;
}

/// A pipeline and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineOverview {
    /// Its name, such as `traces/eu`.
    pub id: ComponentId,
    /// Its signal.
    pub signal: SignalKind,
    /// Receivers and connectors that it begins at.
    pub receivers: Vec<ComponentId>,
    /// Processors in their order.
    pub processors: Vec<ComponentId>,
    /// Exporters and connectors that it ends in.
    pub exporters: Vec<ComponentId>,
}

impl PipelineOverview {
    /// A pipeline without components; set the fields.
    pub fn new(id: ComponentId, signal: SignalKind) -> Self {
        Self { id, signal, receivers: Vec::new(), processors: Vec::new(), exporters: Vec::new() }
    }
}
