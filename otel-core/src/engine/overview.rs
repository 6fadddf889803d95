//! What extensions see of the collector that they are in.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::graph::Graph;
use super::status::Board;
use crate::ComponentId;
use crate::component::{FeatureGateOverview, Overview, PipelineOverview, StatusEvent};

/// The collector from outside. Extensions hold it, so it does not hold them.
pub(super) struct View {
    board: Weak<Board>,
    feature_gates: Vec<FeatureGateOverview>,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    pipelines: Vec<PipelineOverview>,
    extensions: Vec<ComponentId>,
    failed_reload: Option<String>,
}

impl View {
    pub(super) fn new(board: &Arc<Board>, feature_gates: Vec<FeatureGateOverview>) -> Self {
        Self { board: Arc::downgrade(board), feature_gates, shown: Mutex::default() }
    }

    /// Shows another graph.
    pub(super) fn show(&self, graph: &Graph) {
        let mut shown = self.shown();
        shown.pipelines = graph.pipelines();
        shown.extensions = graph.extensions.iter().map(|extension| extension.id.clone()).collect();
    }

    /// Says why a configuration was not applied, or that one was.
    pub(super) fn set_failed_reload(&self, error: Option<String>) {
        self.shown().failed_reload = error;
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overview for View {
    fn pipelines(&self) -> Vec<PipelineOverview> {
        self.shown().pipelines.clone()
    }

    fn extensions(&self) -> Vec<ComponentId> {
        self.shown().extensions.clone()
    }

    fn statuses(&self) -> Vec<StatusEvent> {
        self.board.upgrade().map(|board| board.snapshot()).unwrap_or_default()
    }

    fn feature_gates(&self) -> Vec<FeatureGateOverview> {
        self.feature_gates.clone()
    }

    fn failed_reload(&self) -> Option<String> {
        self.shown().failed_reload.clone()
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}
