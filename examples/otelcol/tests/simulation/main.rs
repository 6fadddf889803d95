//! Collectors in a simulated world: the clock is simulated, backends are slow, flapping, half-open and lying, clients go away,
//! and the graph changes and stops at any moment. All of it comes from a seed, which is printed where something is
//! wrong, and the same seed is the same run again.
//!
//! `docs/simulation.md` says what is simulated, what is checked, and how to run one seed or thousands.

mod backend;
mod batch;
mod chance;
mod clients;
mod crash;
mod disk;
mod exporter;
mod network;
mod spans;
mod trace;
mod world;

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;

use otel_core::engine::ShutdownReport;
use otel_core::telemetry::Metrics;

use backend::{Mood, silence_simulated_panics};
use exporter::Queues;
use trace::tell;
use world::{Scenario, World};

/// What became of a world.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Spans that clients were told are taken.
    accepted: usize,
    /// Spans of these that some backend lacks.
    missing: usize,
    /// Spans that are missing without a refusal for good.
    unexplained: usize,
    /// Spans that were counted as given up.
    dropped: u64,
    /// Spans for which a caller did not wait: nobody was told that they are taken.
    unknown: u64,
    /// The number of events, and what sums them up.
    trace: (u64, u64),
}

/// Runs a world to its end, and checks what holds in every one of them.
fn simulate(seed: u64, scenario: Scenario) -> Outcome {
    silence_simulated_panics();
    alone(&format!("seed {seed} of {scenario:?}"), move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime without sockets").block_on(async {
            let world = World::new(seed, scenario);
            let (report, metrics) = world.run().await;
            outcome(&world, &report, &metrics)
        })
    })
}

/// Runs something on a thread with a random state of its own, so that two runs have nothing in common but the seed.
fn alone<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    // Where it panics the sender goes without a word.
    let run = move || drop(done.send(run()));
    std::thread::Builder::new().name(name.to_owned()).spawn(run).expect("a thread");
    outcome.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// How long a seed may take in real time before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

fn outcome(world: &World, report: &ShutdownReport, metrics: &Metrics) -> Outcome {
    let accepted = world.clients.accepted.lock().unwrap();
    let mut missing = BTreeSet::new();
    let mut unexplained = BTreeSet::new();
    for destination in &world.backends {
        let account = destination.backend.account();
        let lacking = accepted.iter().filter(|number| !account.arrived.contains_key(number));
        for number in lacking {
            missing.insert(*number);
            if !account.refused.contains(number) {
                unexplained.insert(*number);
            }
        }
    }
    let counted = |component: &str| metrics.counted("otelcol_dropped_items", &[("component", component)]);
    let mut unknown = 0;
    let mut dropped = 0;
    for (id, flow) in &world.batches {
        let (flow, counted) = (flow.lock().unwrap(), counted(id));
        let left = flow.taken.difference(&flow.handed_on).count();
        assert!(left as u64 <= counted, "{id} handed all on but {left}, and counts {counted} as dropped");
        dropped += counted;
    }
    for destination in &world.backends {
        let name = format!("backend/{}", destination.backend.name());
        let counted = counted(&name);
        dropped += counted;
        let (calls, answered) = (destination.calls.lock().unwrap(), destination.backend.account().answered);
        let (least, most) = (calls.taken as u64, (calls.taken + calls.unknown) as u64);
        unknown += calls.unknown as u64;
        let accounted = answered as u64 + counted;
        assert!(
            (least..=most).contains(&accounted),
            "{name} took {least} to {most} spans, sent {answered} and counts {counted} as dropped"
        );
    }
    assert!(missing.len() as u64 <= dropped, "{} are missing, {dropped} counted", missing.len());
    let at_the_end: u64 = report.dropped.iter().map(|dropped| dropped.items).sum();
    assert!(at_the_end <= metrics.counted("otelcol_dropped_items", &[]));
    tell!(world.trace, "missing {missing:?}, unexplained {unexplained:?}, dropped {dropped}");
    Outcome {
        accepted: accepted.len(),
        missing: missing.len(),
        unexplained: unexplained.len(),
        dropped,
        unknown,
        trace: world.trace.sum(),
    }
}

/// The seeds that the variables ask for, or the first so many.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let variable = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().expect(name));
    let first = variable("SIMULATION_SEED");
    let count = variable("SIMULATION_SEEDS").unwrap_or(if first.is_some() { 1 } else { usual });
    let first = first.unwrap_or(1);
    first..first + count
}

/// Runs seeds, and sums up.
fn each_seed(scenario: Scenario, check: impl Fn(u64, &Outcome)) {
    let seeds = seeds(100);
    let count = seeds.end - seeds.start;
    let (mut accepted, mut missing, mut dropped, mut events) = (0, 0, 0, 0);
    for seed in seeds {
        let outcome = simulate(seed, scenario);
        check(seed, &outcome);
        accepted += outcome.accepted;
        missing += outcome.missing;
        dropped += outcome.dropped;
        events += outcome.trace.0;
    }
    println!(
        "{count} seeds, {events} events: {accepted} spans accepted, {missing} missing, {dropped} counted as dropped"
    );
    assert!(accepted as u64 > count);
}

const CHANGING: Scenario =
    Scenario { moods: Mood::GENTLE, changes: true, recovers: false, queues: Queues::Patient };
const RECOVERING: Scenario =
    Scenario { moods: Mood::PASSING, changes: false, recovers: true, queues: Queues::Patient };
const PICKY: Scenario = Scenario { moods: Mood::ALL, ..RECOVERING };
const HARSH: Scenario = Scenario { moods: Mood::ALL, changes: true, recovers: false, queues: Queues::Any };

#[test]
fn with_backends_that_are_only_slow_nothing_is_lost_whatever_changes() {
    each_seed(CHANGING, |seed, outcome| {
        assert_eq!(outcome.missing, 0, "seed {seed}");
        assert!(outcome.dropped <= outcome.unknown, "seed {seed}: {outcome:?}");
    });
}

#[test]
fn backends_that_recover_have_everything_whatever_was_wrong_with_them() {
    each_seed(RECOVERING, |seed, outcome| {
        assert_eq!(outcome.missing, 0, "seed {seed}");
        assert!(outcome.dropped <= outcome.unknown, "seed {seed}: {outcome:?}");
    });
}

#[test]
fn only_what_a_backend_refused_for_good_is_missing_once_it_recovered() {
    each_seed(PICKY, |seed, outcome| assert_eq!(outcome.unexplained, 0, "seed {seed}"));
}

#[test]
fn every_loss_is_counted_whatever_happens() {
    each_seed(HARSH, |_, _| {});
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in seeds(20) {
        assert_eq!(simulate(seed, HARSH), simulate(seed, HARSH), "seed {seed}");
    }
}

#[test]
fn over_a_network_that_fails_everything_arrives_once_it_works_again() {
    let mut accepted = 0;
    for seed in seeds(20) {
        println!("seed {seed}");
        let outcome = network::simulate(seed);
        assert_eq!((outcome.missing, outcome.dropped), (0, 0), "seed {seed}: {outcome:?}");
        accepted += outcome.accepted;
    }
    println!("{accepted} spans");
    assert!(accepted > 0);
}

/// Lives through seeds, and sums up.
fn each_crash(damage: bool, check: impl Fn(u64, &crash::Outcome)) {
    let (mut lives, mut accepted, mut missing, mut dropped) = (0, 0, 0, 0);
    for seed in seeds(100) {
        let outcome = alone(&format!("seed {seed}"), move || crash::simulate(seed, damage));
        check(seed, &outcome);
        lives += outcome.lives;
        accepted += outcome.accepted;
        missing += outcome.missing;
        dropped += outcome.dropped;
    }
    println!("{lives} crashes: {accepted} spans accepted, {missing} missing, {dropped} counted as dropped");
    assert!(accepted > 0);
}

#[test]
fn what_a_persistent_queue_took_survives_crashes_full_disks_and_changes() {
    each_crash(false, |seed, outcome| assert_eq!(outcome.missing, 0, "seed {seed}: {outcome:?}"));
}

/// What the log cannot read any more counts as one span, as nobody knows how many there were.
#[test]
fn a_flipped_bit_costs_one_request_at_most_and_is_counted() {
    each_crash(true, |seed, outcome| {
        let most = outcome.lives as usize * LARGEST_REQUEST;
        assert!(outcome.missing <= most, "seed {seed}: {outcome:?}");
        assert!(outcome.missing == 0 || outcome.dropped > 0, "seed {seed}: {outcome:?}");
    });
}

/// The largest batch in spans, with what comes on top.
const LARGEST_REQUEST: usize = 206;
