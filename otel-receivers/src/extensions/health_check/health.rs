//! From the states of components to those of pipelines and of the collector, by the rules of the Go collector.

use std::time::{Duration, SystemTime};

use otel_core::ComponentId;
use otel_core::component::{ComponentKind, Overview, PipelineOverview, Status, StatusEvent};

use super::ComponentHealthConfig;

/// The states of a collector at a moment.
pub(super) struct Health<'o> {
    overview: &'o dyn Overview,
    settings: ComponentHealthConfig,
    events: Vec<StatusEvent>,
    now: SystemTime,
}

/// The state of a component, or of what consists of such.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Aggregate {
    /// `None` before anything is known.
    pub(super) status: Option<Status>,
    pub(super) time: SystemTime,
    /// Whether a part has died and will not come back by itself.
    pub(super) dead: bool,
    /// Whether the errors that count make it unhealthy.
    pub(super) failed: bool,
    /// What is wrong with the collector beside its components.
    pub(super) trouble: Option<String>,
    pub(super) parts: Vec<(String, Aggregate)>,
}

impl Aggregate {
    /// Whether it works: an error is none while it may still pass.
    pub(super) fn is_healthy(&self, recovery: Duration, now: SystemTime) -> bool {
        let passing = matches!(self.status, Some(Status::RecoverableError(_)))
            && now.duration_since(self.time).unwrap_or_default() < recovery;
        let error = self.status.as_ref().and_then(Status::error).is_some();
        !self.dead && self.trouble.is_none() && (passing || !error)
    }

    /// What to answer: see the README.
    pub(super) fn http_status(&self) -> u16 {
        if self.dead || self.failed || self.trouble.is_some() {
            return 500;
        }
        match self.status {
            Some(Status::Ok | Status::RecoverableError(_) | Status::PermanentError(_)) => 200,
            Some(Status::FatalError(_)) => 500,
            _ => 503,
        }
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.trouble.as_deref().or_else(|| self.status.as_ref().and_then(Status::error))
    }
}

impl<'o> Health<'o> {
    pub(super) fn new(overview: &'o dyn Overview, settings: ComponentHealthConfig, now: SystemTime) -> Self {
        Self { overview, settings, events: overview.statuses(), now }
    }

    /// The whole collector: its extensions and its pipelines.
    pub(super) fn all(&self) -> Aggregate {
        let extensions = self.overview.extensions();
        let extensions = extensions.iter().map(|id| self.component(ComponentKind::Extension, id, |_| true));
        let mut parts = vec![("extensions".to_owned(), self.group(extensions.flatten().collect()))];
        let pipelines = self.overview.pipelines();
        parts.extend(
            pipelines.iter().map(|pipeline| (format!("pipeline:{}", pipeline.id), self.of(pipeline))),
        );
        let mut all = self.group(parts);
        all.trouble = self.overview.failed_reload();
        all
    }

    /// One pipeline by its name.
    pub(super) fn pipeline(&self, name: &str) -> Option<Aggregate> {
        let pipelines = self.overview.pipelines();
        pipelines.iter().find(|pipeline| pipeline.id.to_string() == name).map(|pipeline| self.of(pipeline))
    }

    fn of(&self, pipeline: &PipelineOverview) -> Aggregate {
        use ComponentKind::{Connector, Exporter, Processor, Receiver};
        let name = pipeline.id.to_string();
        let mut parts = Vec::new();
        for id in &pipeline.receivers {
            parts.extend(self.component(Receiver, id, |_| true));
            parts.extend(self.component(Connector, id, |_| true));
        }
        for id in &pipeline.processors {
            parts.extend(self.component(Processor, id, |event| event.pipeline.as_ref() == Some(&name)));
        }
        for id in &pipeline.exporters {
            parts.extend(self.component(Exporter, id, |event| event.signal == Some(pipeline.signal)));
            parts.extend(self.component(Connector, id, |event| event.signal == Some(pipeline.signal)));
        }
        parts.dedup_by(|one, other| one.0 == other.0);
        self.group(parts)
    }

    /// The instances of a component that count, as one.
    fn component(
        &self,
        kind: ComponentKind,
        id: &ComponentId,
        counts: impl Fn(&StatusEvent) -> bool,
    ) -> Option<(String, Aggregate)> {
        let events =
            self.events.iter().filter(|event| event.kind == kind && event.id == *id && counts(event));
        let instances: Vec<_> = events.map(|event| (String::new(), self.leaf(event))).collect();
        if instances.is_empty() {
            return None;
        }
        let component = Aggregate { parts: Vec::new(), ..self.group(instances) };
        Some((format!("{kind}:{id}"), component))
    }

    fn leaf(&self, event: &StatusEvent) -> Aggregate {
        let lasts = self.now.duration_since(event.time).unwrap_or_default();
        let failed = match event.status {
            Status::PermanentError(_) => self.settings.include_permanent_errors,
            Status::RecoverableError(_) => {
                self.settings.include_recoverable_errors && lasts >= self.settings.recovery_duration
            }
            _ => false,
        };
        Aggregate {
            status: Some(event.status.clone()),
            time: event.time,
            dead: event.dead,
            failed,
            trouble: None,
            parts: Vec::new(),
        }
    }

    /// The state of a whole: that of its parts where they agree, else the one that says most.
    fn group(&self, parts: Vec<(String, Aggregate)>) -> Aggregate {
        // With only errors that may pass counted, they are the ones to show.
        let recoverable_first =
            self.settings.include_recoverable_errors && !self.settings.include_permanent_errors;
        let rank = |part: &Aggregate| match &part.status {
            Some(Status::FatalError(_)) => 8,
            None | Some(Status::Starting) => 7,
            Some(Status::Stopping) => 6,
            Some(Status::Stopped) => 5,
            Some(Status::PermanentError(_)) if recoverable_first => 3,
            Some(Status::PermanentError(_)) => 4,
            Some(Status::RecoverableError(_)) if recoverable_first => 4,
            Some(Status::RecoverableError(_)) => 3,
            Some(_) => 0,
        };
        let worst = parts.iter().map(|(_, part)| part).max_by_key(|part| (rank(part), part.time));
        let status = worst.and_then(|worst| match &worst.status {
            // Some have stopped, some not yet.
            Some(Status::Stopped) if parts.iter().any(|(_, part)| part.status != worst.status) => {
                Some(Status::Stopping)
            }
            None if parts.iter().any(|(_, part)| part.status.is_some()) => Some(Status::Starting),
            status => status.clone(),
        });
        Aggregate {
            status,
            time: worst.map_or(self.now, |worst| worst.time),
            dead: parts.iter().any(|(_, part)| part.dead),
            failed: parts.iter().any(|(_, part)| part.failed),
            trouble: None,
            parts,
        }
    }
}
