//! Collectors with persistent queues that are killed at any moment, and start again on what the disk has kept.

use std::collections::BTreeSet;
use std::time::Duration;

use otel_core::component::{ComponentKind, Owner};
use otel_core::telemetry::Metrics;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

use super::backend::{Mood, silence_simulated_panics};
use super::chance::Chance;
use super::exporter::Queues;
use super::trace::tell;
use super::world::{Scenario, World};

/// How long it may take at most until everything that was stored has arrived.
const RECOVERY: Duration = Duration::from_secs(600);

/// What became of a seed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) lives: u64,
    /// Spans that clients were told are taken.
    pub(crate) accepted: usize,
    /// Spans of these that some backend lacks.
    pub(crate) missing: usize,
    /// Spans that were counted as given up.
    pub(crate) dropped: u64,
    /// What the disk still holds, in bytes.
    pub(crate) left: u64,
    /// The number of events, and what sums them up.
    pub(crate) trace: (u64, u64),
}

/// Lives through a seed. With `damage` a bit flips on the disk between two lives.
pub(crate) fn simulate(seed: u64, damage: bool) -> Outcome {
    silence_simulated_panics();
    let scenario = Scenario { moods: Mood::PASSING, changes: true, recovers: true, queues: Queues::Stored };
    let world = World::new(seed, scenario);
    let chance = Chance::of(seed, "crashes");
    let lives = 1 + chance.below(6);
    let mut given_up = 0;
    for _ in 0..lives {
        given_up += runtime().block_on(life(&world, &chance));
        if damage {
            let backend = chance.pick(&world.backends).backend.name();
            let id = format!("backend/{backend}").parse().expect("it is an id");
            world.disk.flip_bit(&Owner::new(ComponentKind::Exporter, id, "traces"));
        }
    }
    given_up += runtime().block_on(last_life(&world));
    let accepted = world.clients.accepted.lock().unwrap().len();
    Outcome {
        lives,
        accepted,
        missing: missing(&world).len(),
        dropped: given_up,
        left: world.disk.used(),
        trace: world.trace.sum(),
    }
}

/// Lives until the crash, which may come at any moment, and counts what was given up.
async fn life(world: &World, chance: &Chance) -> u64 {
    world.trace.begin();
    let (mut running, metrics) = world.start().await;
    let clients = 1 + chance.below(4);
    let until = chance.millis(10_000);
    tokio::select! {
        biased;
        () = sleep(until) => {}
        () = world.clients.send_for_ever(clients) => {}
        () = world.disk.live() => {}
        () = world.backends_live() => {}
        () = world.change_for_ever(&mut running) => {}
    }
    world.disk.crash();
    dropped(world, &metrics)
}

/// Lives on until everything has arrived, and stops.
async fn last_life(world: &World) -> u64 {
    world.trace.begin();
    world.disk.heal();
    world.backends_recover();
    let (running, metrics) = world.start().await;
    let begun = Instant::now();
    while !missing(world).is_empty() && begun.elapsed() < RECOVERY {
        sleep(Duration::from_secs(1)).await;
    }
    let missing = missing(world);
    tell!(world.trace, "missing {missing:?}");
    // What arrived more than once may still be on its way.
    sleep(Duration::from_secs(60)).await;
    world.stop(running).await;
    dropped(world, &metrics)
}

/// What was given up on the way to backends that have to get everything.
fn dropped(world: &World, metrics: &Metrics) -> u64 {
    let counted = |id: &str| metrics.counted("otelcol_dropped_items", &[("component", id)]);
    let batches: u64 = world.batches.iter().map(|(id, _)| counted(id)).sum();
    let exporters = world.backends.iter().map(|to| counted(&format!("backend/{}", to.backend.name())));
    batches + exporters.sum::<u64>()
}

fn missing(world: &World) -> BTreeSet<u64> {
    let accepted = world.clients.accepted.lock().unwrap();
    let lacking = world.backends.iter().flat_map(|to| {
        let account = to.backend.account();
        let lacking = accepted.iter().filter(|number| !account.arrived.contains_key(number));
        lacking.copied().collect::<Vec<_>>()
    });
    lacking.collect()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without sockets")
}
