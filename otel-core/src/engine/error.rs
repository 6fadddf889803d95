//! Why a collector does not start.

use std::fmt;

use crate::component::{BuildError, ComponentKind, StartError};
use crate::{ComponentId, Invalid};

/// Everything that is wrong with a graph.
#[derive(Debug, Clone)]
pub struct GraphError {
    problems: Vec<Invalid>,
}

impl GraphError {
    pub(crate) fn check(problems: Vec<Invalid>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }

    /// The problems, with the keys that they concern, such as `service::pipelines::traces`.
    pub fn problems(&self) -> &[Invalid] {
        &self.problems
    }
}

/// One problem a line.
impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for GraphError {}

/// A collector that did not start. What had been started was stopped again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The graph makes no sense.
    #[error("invalid configuration: {0}")]
    Graph(#[from] GraphError),
    /// A component could not be created.
    #[error("failed to build pipelines: failed to create \"{id}\" {kind}{place}")]
    Create {
        /// Its id.
        id: ComponentId,
        /// Its kind.
        kind: ComponentKind,
        /// For which signal or pipeline, as the message shows it.
        place: String,
        /// Why.
        source: BuildError,
    },
    /// A component did not start.
    #[error("cannot start {stage}: failed to start \"{id}\" {kind}")]
    Start {
        /// `extensions` or `pipelines`.
        stage: &'static str,
        /// Its id.
        id: ComponentId,
        /// Its kind.
        kind: ComponentKind,
        /// Why.
        source: StartError,
    },
    /// A graph could not take the place of another, and that could not be put back.
    #[error("{error}; what ran before could not be started again: {restore}")]
    Restore {
        /// Why the new graph does not run.
        error: Box<EngineError>,
        /// Why the old one does not.
        restore: Box<EngineError>,
    },
}

impl EngineError {
    /// Whether something that only one can have is taken.
    pub(super) fn is_in_use(&self) -> bool {
        matches!(self, EngineError::Start { source, .. } if source.is_in_use())
    }
}
