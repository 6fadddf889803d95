//! What sends to a collector, and when it loses patience.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use otel_core::component::{Context, Metadata};
use otel_core::pdata::Traces;
use otel_core::testing::Source;
use tokio::time::{Instant, sleep, timeout};

use super::chance::{Chance, at_most};
use super::spans::request;
use super::trace::{Trace, tell};

/// The clients of a collector.
pub(crate) struct Clients {
    /// Where they send to: in every graph.
    pub(crate) source: Source<Traces>,
    /// What they were told is taken.
    pub(crate) accepted: Mutex<BTreeSet<u64>>,
    seed: u64,
    /// How many there were.
    known: AtomicU64,
    trace: Trace,
}

impl Clients {
    pub(crate) fn new(seed: u64, trace: &Trace) -> Self {
        Self {
            source: Source::new(),
            accepted: Mutex::default(),
            seed,
            known: AtomicU64::new(1),
            trace: trace.clone(),
        }
    }

    /// So many clients send until this is dropped.
    pub(crate) async fn send_for_ever(&self, clients: u64) {
        let first = self.known.fetch_add(clients, Ordering::Relaxed);
        // Each is polled for its own sake only: some count how often they are.
        let mut clients: FuturesUnordered<_> =
            (first..first + clients).map(|client| self.client(client)).collect();
        while clients.next().await.is_some() {}
    }

    /// Sends spans, and remembers those that were taken.
    async fn client(&self, client: u64) {
        let chance = Chance::of(self.seed, &format!("client {client}"));
        let mut next = client * 1_000_000;
        loop {
            let count = 1 + chance.below(7);
            let numbers: Vec<u64> = (next..next + count).collect();
            next += count;
            // Some try again, as long as they care.
            for _ in 0..=chance.below(3) {
                match self.send(&numbers, &chance).await {
                    Answer::Taken => {
                        self.accepted.lock().unwrap().extend(&numbers);
                        break;
                    }
                    Answer::Again => sleep(chance.millis(500)).await,
                    Answer::Never => break,
                }
            }
            sleep(chance.millis(100)).await;
        }
    }

    async fn send(&self, numbers: &[u64], chance: &Chance) -> Answer {
        let patience = Duration::from_millis(50) + chance.millis(4000);
        let mut metadata = Metadata::new();
        let tenant = *chance.pick(&["one", "two", "three"]);
        metadata.append("tenant", tenant);
        let mut context = Context::new().with_metadata(metadata);
        if chance.percent(80) {
            context = context.with_deadline(Instant::now() + patience);
        }
        let sending = self.source.send_with(request(numbers), context);
        // A client that goes away ends the call wherever it waits.
        let sending = async {
            match chance.below(10) {
                0 => timeout(chance.millis(100), sending).await.ok(),
                1 => at_most(1 + chance.below(12), sending).await,
                _ => timeout(patience, sending).await.ok(),
            }
        };
        let answer = sending.await;
        match &answer {
            Some(Ok(())) => tell!(self.trace, "{numbers:?} taken"),
            Some(Err(error)) => tell!(self.trace, "{numbers:?} refused: {error}"),
            None => tell!(self.trace, "{numbers:?} broken off"),
        }
        match answer {
            Some(Ok(())) => Answer::Taken,
            Some(Err(error)) if error.is_permanent() => Answer::Never,
            _ => Answer::Again,
        }
    }
}

enum Answer {
    Taken,
    Again,
    Never,
}
