//! Changing a graph while it runs.

use std::sync::Arc;

use super::assembly::{Instances, Plan, assemble};
use super::error::EngineError;
use super::graph::Graph;
use super::lifecycle::{Deadlines, Parts};
use super::link::Released;
use super::running::{Dropped, Leaving, Running, dropped, dropped_since};
use crate::telemetry::{Telemetry, with_causes};

/// What a change of the graph did.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Applied {
    /// How many instances are as they were.
    pub kept: usize,
    /// Instances that were started, as `exporter debug`.
    pub started: Vec<String>,
    /// Instances that were stopped.
    pub stopped: Vec<String>,
    /// What those gave up that were stopped.
    pub dropped: Vec<Dropped>,
    /// Those that panicked or did not end in time while they were stopped.
    pub failures: Vec<String>,
}

impl Applied {
    /// Whether all is as it was.
    pub fn is_nothing(&self) -> bool {
        self.started.is_empty() && self.stopped.is_empty()
    }
}

impl Running {
    /// Makes the collector one of another graph. What is the same in both stays as it is, with everything that it
    /// holds; the rest of the new graph is started, data is led there, and what is left of the old one hands on what it
    /// holds and stops, within the timeout of [`Options::shutdown_timeout`](super::Options::shutdown_timeout).
    ///
    /// A component is the same if its id and its place in the graph are, and its configuration is: see
    /// [`ComponentConfig::same_as`](crate::component::ComponentConfig::same_as). A receiver that gets its first pipeline
    /// of a signal, or loses the last, is another; so is a connector whose pipelines are others, and whoever has something
    /// from an extension that is another.
    ///
    /// New components start beside the old ones. Only where they cannot, because a port or a directory is in use, the
    /// old ones stop first, while data waits.
    ///
    /// Dropping the future is legal: what has begun to stop is stopped by the next call or by
    /// [`shutdown`](Self::shutdown). Where the old ones stopped first, data waits until the next call; a shutdown starts them again,
    /// so that what waits, and what they held, goes on.
    ///
    /// # Errors
    /// What is wrong with the graph, or the first component that could not be created or started. The collector then is
    /// as it was. [`EngineError::Restore`] says that even this failed, and [`fatal`](Self::fatal) does.
    pub async fn apply(&mut self, graph: Graph) -> Result<Applied, EngineError> {
        let telemetry = self.surroundings.telemetry.clone();
        self.apply_within(graph, telemetry).await
    }

    /// As [`apply`](Self::apply), with components that know only this telemetry, so that all of them are new.
    ///
    /// # Errors
    /// As those of `apply`; the telemetry then is as it was, too.
    #[cfg(feature = "service")]
    pub(crate) async fn apply_anew(
        &mut self,
        graph: Graph,
        telemetry: Telemetry,
    ) -> Result<Applied, EngineError> {
        self.renewing = true;
        self.apply_within(graph, telemetry).await
    }

    async fn apply_within(&mut self, graph: Graph, telemetry: Telemetry) -> Result<Applied, EngineError> {
        let outcome = self.try_apply(graph, telemetry).await;
        self.renewing = false;
        self.overview.set_failed_reload(outcome.as_ref().err().map(|error| with_causes(error)));
        outcome
    }

    /// Tells extensions of a change that failed before it came to a graph, until one succeeds.
    pub fn reload_failed(&self, error: &str) {
        self.overview.set_failed_reload(Some(error.to_owned()));
    }

    /// How long the shutdown may take.
    #[cfg(feature = "service")]
    pub(crate) fn shutdown_timeout(&self) -> std::time::Duration {
        self.shutdown_timeout
    }

    /// Sets how long the shutdown, and that of components that are replaced, may take.
    pub fn set_shutdown_timeout(&mut self, timeout: std::time::Duration) {
        self.shutdown_timeout = timeout;
    }

    async fn try_apply(&mut self, graph: Graph, telemetry: Telemetry) -> Result<Applied, EngineError> {
        graph.check()?;
        let graph = Arc::new(graph);
        let telemetry = std::mem::replace(&mut self.surroundings.telemetry, telemetry);
        let before = dropped(&telemetry);
        let old = self.instances.parts.clone();
        let outcome = match self.start_beside(&graph).await {
            Ok(plan) => {
                self.commit(graph, plan).await;
                Ok(self.drain().await)
            }
            Err(error) if error.is_in_use() => self.start_instead(graph).await,
            Err(error) => Err(error),
        };
        let failures = match outcome {
            Ok(failures) => failures,
            Err(error) => {
                self.surroundings.telemetry = telemetry;
                self.renewing = false;
                return Err(self.restore(error).await);
            }
        };
        let new = &self.instances.parts;
        let (started, stopped) = (new.without(&old), old.without(new));
        Ok(Applied {
            kept: new.all().filter(|one| one.is_seen()).count() - names(&started).len(),
            started: names(&started),
            stopped: names(&stopped),
            dropped: dropped_since(&telemetry, before),
            failures,
        })
    }

    /// Starts what is new while everything runs on.
    async fn start_beside(&mut self, graph: &Graph) -> Result<Plan, EngineError> {
        let plan = self.make_way(graph).await?;
        self.start_new(&plan.instances).await?;
        Ok(plan)
    }

    /// Creates what is new, and then stops whatever was begun before, which hands on what it holds to what is new.
    async fn make_way(&mut self, graph: &Graph) -> Result<Plan, EngineError> {
        let plan = self.plan(graph)?;
        self.withdraw_for(plan.instances.parts.without(&self.instances.parts)).await;
        Ok(plan)
    }

    fn plan(&self, graph: &Graph) -> Result<Plan, EngineError> {
        let none = Instances::default();
        assemble(graph, &self.surroundings, if self.renewing { &none } else { &self.instances })
    }

    /// Stops what is no longer part of the graph, and starts what is new; data waits meanwhile.
    async fn start_instead(&mut self, graph: Arc<Graph>) -> Result<Vec<String>, EngineError> {
        let plan = self.make_way(&graph).await?;
        let old = self.instances.parts.without(&plan.instances.parts);
        self.instances = self.instances.without(&old);
        self.surroundings.board.replace(&old.numbers());
        self.incomplete = true;
        let released = plan.redirections.iter().map(|redirection| redirection.hold()).collect();
        self.leave(old, released);
        let failures = self.drain().await;
        self.start_new(&plan.instances).await?;
        self.commit(graph, plan).await;
        self.drain().await;
        Ok(failures)
    }

    /// After an error: stops what was to become part of the graph, and starts anew what was stopped for it.
    async fn restore(&mut self, error: EngineError) -> EngineError {
        let Err(restore) = self.complete().await else { return error };
        let failed = EngineError::Restore { error: Box::new(error), restore: Box::new(restore) };
        self.surroundings.board.end(failed.to_string());
        failed
    }

    /// Stops what was to become part of the graph, and starts anew what was stopped for it.
    pub(super) async fn complete(&mut self) -> Result<(), EngineError> {
        if self.incomplete {
            let graph = Arc::clone(&self.graph);
            match self.start_beside(&graph).await {
                Ok(plan) => self.commit(graph, plan).await,
                Err(error) => {
                    self.withdraw_for(Parts::default()).await;
                    return Err(error);
                }
            }
            self.drain().await;
        } else {
            self.withdraw_for(Parts::default()).await;
        }
        Ok(())
    }

    async fn start_new(&mut self, instances: &Instances) -> Result<(), EngineError> {
        let (old, new) = (&self.instances.parts, &instances.parts);
        self.surroundings.lasting.set_leaving(old.without(new).numbers());
        self.surroundings.board.try_out(self.starting.numbers());
        self.surroundings.board.watched_by(new.clone().and(old).watchers());
        self.starting.start(&self.surroundings.board).await
    }

    /// Stops what was to become part of the graph, for others that are to.
    async fn withdraw_for(&mut self, others: Parts) {
        let starting = std::mem::replace(&mut self.starting, others);
        self.leave(starting, Vec::new());
        self.drain().await;
        self.surroundings.board.give_up();
        self.surroundings.board.watched_by(self.instances.parts.watchers());
    }

    /// Makes the plan, whose components run, the collector.
    async fn commit(&mut self, graph: Arc<Graph>, plan: Plan) {
        let old = std::mem::replace(&mut self.instances, plan.instances);
        let parts = old.parts.without(&self.instances.parts);
        let released = plan.redirections.iter().map(|redirection| redirection.lead()).collect();
        for (exporter, has_siblings) in plan.siblings {
            exporter.host.set_siblings(has_siblings);
        }
        self.surroundings.board.replace(&parts.numbers());
        self.surroundings.board.watched_by(self.instances.parts.watchers());
        self.graph = graph;
        self.overview.show(&self.graph);
        let new = std::mem::take(&mut self.starting);
        self.incomplete = false;
        self.leave(parts, released);
        new.ready().await;
    }

    /// Begins to stop what is part of the graph no more, once the last call to it has been answered. The stop goes on
    /// whoever waits for it.
    fn leave(&mut self, parts: Parts, mut released: Vec<Released>) {
        let deadlines = Deadlines::new(self.shutdown_timeout);
        let leaving = parts.clone();
        self.tell_who_leaves(&parts);
        let stop = tokio::spawn(async move {
            let released = async {
                for released in &mut released {
                    released.wait().await;
                }
            };
            leaving.stop(&deadlines, released).await
        });
        self.leaving.push(Leaving { parts, stop });
    }

    /// Lets those that stop, and these, hand on what they have, and nobody else.
    pub(super) fn tell_who_leaves(&self, more: &Parts) {
        let leaving = self.leaving.iter().map(|leaving| &leaving.parts).chain([more]);
        self.surroundings.lasting.set_leaving(leaving.flat_map(Parts::numbers).collect());
    }

    /// Waits until what is part of the graph no more has stopped. Cancel safe.
    async fn drain(&mut self) -> Vec<String> {
        let mut failures = Vec::new();
        while let Some(leaving) = self.leaving.last_mut() {
            failures.extend(leaving.stopped().await);
            self.surroundings.tasks.abort_of(&leaving.parts.numbers());
            self.leaving.pop();
        }
        self.tell_who_leaves(&Parts::default());
        failures
    }
}

fn names(parts: &Parts) -> Vec<String> {
    let seen = parts.all().filter(|one| one.is_seen());
    seen.map(|one| format!("{} {}", one.host.kind(), one.host.id())).collect()
}
