//! Whether pipelines make a graph that can run, and in which order they are built.

use std::collections::HashSet;

use super::pipeline::{AnyPipeline, Blueprint, Source};
use crate::pdata::SignalKind;
use crate::{ComponentId, Invalid};

type Pipelines = [Box<dyn AnyPipeline>];

/// Everything that is wrong with the pipelines.
pub(crate) fn check(pipelines: &Pipelines) -> Vec<Invalid> {
    if pipelines.is_empty() {
        return vec![Invalid::new("service::pipelines", "service must have at least one pipeline")];
    }
    let mut problems = Vec::new();
    for pipeline in pipelines {
        let mut problem = |message: String| {
            problems.push(Invalid::new(format!("service::pipelines::{}", pipeline.id()), message));
        };
        if pipeline.sources().is_empty() {
            problem("must have at least one receiver".to_owned());
        }
        if pipeline.exporter_ids().is_empty() && pipeline.connections().is_empty() {
            problem("must have at least one exporter".to_owned());
        }
        for id in repeated(pipeline.processor_ids()) {
            problem(format!("references processor \"{id}\" multiple times"));
        }
        for id in repeated(pipeline.sources().iter().map(Source::id).collect()) {
            problem(format!("references receiver \"{id}\" multiple times"));
        }
        for id in repeated(pipeline.exporter_ids()) {
            problem(format!("references exporter \"{id}\" multiple times"));
        }
    }
    problems.extend(unconnected(pipelines));
    if let Err(cycle) = order(pipelines) {
        problems.push(Invalid::new("service::pipelines", format!("cycle detected: {cycle}")));
    }
    problems
}

/// The positions of the pipelines so that each comes after those that it leads to, or the cycle that forbids it.
pub(super) fn order(pipelines: &Pipelines) -> Result<Vec<usize>, String> {
    let mut walk =
        Walk { pipelines, marks: vec![Mark::New; pipelines.len()], path: Vec::new(), order: Vec::new() };
    for at in 0..pipelines.len() {
        walk.visit(at)?;
    }
    Ok(walk.order)
}

/// The exporters, each with its signal, that get what goes to other places too. Behind a connector all do, because who
/// gets what is decided for each batch.
pub(super) fn siblings(pipelines: &Pipelines) -> HashSet<(ComponentId, SignalKind)> {
    let feeds_others = |pipeline: &dyn AnyPipeline, source: &Source| match source {
        Source::Connector(_) => true,
        Source::Receiver(Blueprint { id, .. }) => {
            let fed = pipelines.iter().filter(|other| {
                other.signal() == pipeline.signal() && other.sources().iter().any(|source| source.id() == id)
            });
            fed.count() > 1
        }
    };
    let mut siblings = HashSet::new();
    for pipeline in pipelines {
        let exporters = pipeline.exporter_ids();
        if exporters.len() + pipeline.connections().len() > 1
            || pipeline.sources().iter().any(|source| feeds_others(&**pipeline, source))
        {
            siblings.extend(exporters.into_iter().map(|id| (id.clone(), pipeline.signal())));
        }
    }
    siblings
}

fn repeated(mut ids: Vec<&ComponentId>) -> Vec<&ComponentId> {
    ids.sort();
    let mut repeated: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    repeated.dedup();
    repeated
}

/// Connectors with one side only.
fn unconnected(pipelines: &Pipelines) -> Vec<Invalid> {
    let begins = |id: &ComponentId, signal| {
        pipelines.iter().any(|pipeline| pipeline.signal() == signal && begins_at(&**pipeline, id))
    };
    let ends = |id: &ComponentId, signal| {
        pipelines.iter().any(|pipeline| pipeline.connections().contains(&(id, signal)))
    };
    let mut problems = Vec::new();
    for pipeline in pipelines {
        let mut problem = |id: &ComponentId, side: &str, other: &str| {
            let name = pipeline.id();
            problems.push(Invalid::new(
                format!("service::pipelines::{name}"),
                format!(
                    "connector \"{id}\" used as {side} in [{name}] pipeline but not used in any supported \
                     {other} pipeline"
                ),
            ));
        };
        for (id, out) in pipeline.connections() {
            if !begins(id, out) {
                problem(id, "exporter", "receiver");
            }
        }
        for source in pipeline.sources() {
            if let Source::Connector(id) = source
                && !ends(id, pipeline.signal())
            {
                problem(id, "receiver", "exporter");
            }
        }
    }
    problems
}

fn begins_at(pipeline: &dyn AnyPipeline, connector: &ComponentId) -> bool {
    pipeline.sources().iter().any(|source| matches!(source, Source::Connector(id) if id == connector))
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// A walk in depth along the connectors.
struct Walk<'p> {
    pipelines: &'p Pipelines,
    marks: Vec<Mark>,
    /// The connectors on the way, each with the pipeline that it leads to.
    path: Vec<(String, usize)>,
    order: Vec<usize>,
}

impl Walk<'_> {
    fn visit(&mut self, at: usize) -> Result<(), String> {
        if self.marks[at] == Mark::Done {
            return Ok(());
        }
        self.marks[at] = Mark::Open;
        let pipeline = &*self.pipelines[at];
        for (id, out) in pipeline.connections() {
            for (next, candidate) in self.pipelines.iter().enumerate() {
                if candidate.signal() != out || !begins_at(&**candidate, id) {
                    continue;
                }
                self.path.push((label(id, pipeline.signal(), out), next));
                if self.marks[next] == Mark::Open {
                    return Err(self.cycle(next));
                }
                self.visit(next)?;
                self.path.pop();
            }
        }
        self.marks[at] = Mark::Done;
        self.order.push(at);
        Ok(())
    }

    /// The connectors and processors from the last connector back to itself.
    fn cycle(&self, closing: usize) -> String {
        let (last, _) = self.path.last().expect("a cycle was closed by a connector");
        let mut steps = vec![last.clone()];
        let entered = self.path[..self.path.len() - 1].iter().rposition(|(_, to)| *to == closing);
        let inside = entered.map_or(0, |at| at + 1);
        self.processors(closing, &mut steps);
        for (connector, to) in &self.path[inside..self.path.len() - 1] {
            steps.push(connector.clone());
            self.processors(*to, &mut steps);
        }
        steps.push(last.clone());
        steps.join(" -> ")
    }

    fn processors(&self, at: usize, steps: &mut Vec<String>) {
        let pipeline = &self.pipelines[at];
        let label = |id| format!("processor \"{id}\" in pipeline \"{}\"", pipeline.id());
        steps.extend(pipeline.processor_ids().into_iter().map(label));
    }
}

fn label(id: &ComponentId, from: SignalKind, to: SignalKind) -> String {
    format!("connector \"{id}\" ({from} to {to})")
}
