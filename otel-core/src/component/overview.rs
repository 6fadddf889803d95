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

    /// The feature gates, in alphabetical order.
    fn feature_gates(&self) -> Vec<FeatureGateOverview> {
        Vec::new()
    }

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

/// A feature gate and whether it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeatureGateOverview {
    /// Its name.
    pub id: String,
    /// Whether it is on.
    pub enabled: bool,
    /// How settled it is: `Alpha`, `Beta`, `Stable` or `Deprecated`.
    pub stage: String,
    /// What it does.
    pub description: String,
    /// The first version that has it.
    pub from_version: String,
    /// The first version that has it no more, if that is known.
    pub to_version: Option<String>,
}

impl FeatureGateOverview {
    /// A gate with nothing said of it; set the fields.
    pub fn new(id: impl Into<String>, enabled: bool) -> Self {
        let none = String::new;
        Self {
            id: id.into(),
            enabled,
            stage: none(),
            description: none(),
            from_version: none(),
            to_version: None,
        }
    }
}
