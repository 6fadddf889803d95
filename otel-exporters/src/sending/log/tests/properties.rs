//! Whatever happens in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use otel_core::component::FileSettings;
use otel_core::testing::MemoryStorage;
use proptest::prelude::*;

use super::super::{Log, RecordId, Recovery};
use super::{open, owner};

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Acknowledge(prop::sample::Index),
    Read(prop::sample::Index),
    /// Bounds the disk to this much more than is used.
    Fill(u64),
    Empty,
    FailSync,
    Close,
    Kill,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop_oneof![0..100_usize, 0..30_000_usize].prop_map(Step::Append),
        8 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
        2 => any::<prop::sample::Index>().prop_map(Step::Read),
        1 => (0..40_000_u64).prop_map(Step::Fill),
        1 => Just(Step::Empty),
        1 => Just(Step::FailSync),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
        1 => Just(Step::Crash),
    ]
}

/// What has to be in the log.
struct Model {
    next: u64,
    fsync: bool,
    live: BTreeMap<RecordId, Bytes>,
    /// What was acknowledged or refused, by its number.
    done: BTreeSet<u64>,
}

impl Model {
    /// A payload that tells its number.
    fn payload(&mut self, length: usize) -> Bytes {
        self.next += 1;
        let mut bytes = self.next.to_le_bytes().to_vec();
        bytes.extend((0..length).map(|index| (index as u64 ^ self.next) as u8));
        bytes.into()
    }

    fn number(payload: &Bytes) -> u64 {
        u64::from_le_bytes(payload[..8].try_into().unwrap())
    }

    fn chosen(&self, index: prop::sample::Index) -> Option<RecordId> {
        (!self.live.is_empty()).then(|| *index.get(&self.live.keys().copied().collect::<Vec<_>>()))
    }

    /// After a reopening in which nothing may get lost or come again.
    fn assert_exact(&self, log: &Log, recovery: &Recovery) {
        let found: BTreeMap<_, _> =
            recovery.pending.iter().map(|pending| (pending.id, log.read(pending.id).unwrap())).collect();
        assert_eq!(found, self.live);
        assert!(recovery.damage.is_empty(), "{:?}", recovery.damage);
    }

    /// After a crash of the machine: what is found is what has to be in the log from now on.
    fn adopt(&mut self, log: &Log, recovery: &Recovery) {
        let mut found = BTreeMap::new();
        let mut numbers = BTreeSet::new();
        for pending in &recovery.pending {
            match log.read(pending.id) {
                Ok(payload) => {
                    let number = Self::number(&payload);
                    let known =
                        self.live.values().any(|live| *live == payload) || self.done.contains(&number);
                    assert!(known, "a record comes out that nobody wrote");
                    assert!(numbers.insert(number), "a record comes out twice");
                    found.insert(pending.id, payload);
                }
                Err(error) => assert!(error.is_damaged(), "{error}"),
            }
        }
        if self.fsync {
            for (id, payload) in &self.live {
                assert_eq!(found.get(id), Some(payload), "what was synced is lost");
            }
        }
        let lost = self.live.values().map(Self::number).filter(|number| !numbers.contains(number));
        self.done.extend(lost.collect::<Vec<_>>());
        self.live = found;
    }
}

async fn run(fsync: bool, bound: u64, seed: u64, steps: Vec<Step>) {
    let settings = FileSettings::new().with_fsync(fsync).with_max_size(bound);
    let storage = MemoryStorage::seeded(seed).with_settings(settings);
    let mut model = Model { next: 0, fsync, live: BTreeMap::new(), done: BTreeSet::new() };
    let (mut log, _) = open(&storage).await;
    // A crash may bring back segments that had been removed.
    let mut after_crash = 0;
    for step in steps {
        match step {
            Step::Append(length) => {
                let payload = model.payload(length);
                let middle = payload.len() / 2;
                match log.append(&[payload.slice(..middle), payload.slice(middle..)]).await {
                    Ok(id) => assert!(model.live.insert(id, payload).is_none(), "an id is used twice"),
                    Err(error) => {
                        assert!(error.is_retryable(), "{error}");
                        model.done.insert(Model::number(&payload));
                    }
                }
            }
            Step::Acknowledge(index) => {
                if let Some(id) = model.chosen(index) {
                    assert!(log.acknowledge(id).unwrap(), "draining always works");
                    model.done.insert(Model::number(&model.live.remove(&id).unwrap()));
                }
            }
            Step::Read(index) => {
                if let Some(id) = model.chosen(index) {
                    assert_eq!(log.read(id).unwrap(), model.live[&id]);
                }
            }
            Step::Fill(more) => storage.set_capacity(Some(storage.used() + more)),
            Step::Empty => storage.set_capacity(None),
            Step::FailSync => storage.fail_syncs(usize::from(fsync)),
            Step::Close | Step::Kill => {
                if matches!(step, Step::Kill) {
                    storage.kill();
                }
                drop(log);
                let recovery;
                (log, recovery) = open(&storage).await;
                model.assert_exact(&log, &recovery);
            }
            Step::Crash => {
                storage.crash();
                drop(log);
                let recovery;
                (log, recovery) = open(&storage).await;
                model.adopt(&log, &recovery);
                after_crash = used(&storage);
            }
        }
        assert_eq!(log.records(), model.live.len());
        assert_eq!(log.bytes(), model.live.values().map(|payload| payload.len() as u64).sum::<u64>());
        let used = used(&storage);
        assert!(bound == 0 || used <= bound.max(after_crash), "{used} of {bound}");
    }
}

/// What the log takes, without what was set aside.
fn used(storage: &MemoryStorage) -> u64 {
    let names = storage.names(&owner());
    let aside = names.iter().filter(|name| name.contains(".damaged"));
    storage.used() - aside.map(|name| storage.content(&owner(), name).len() as u64).sum::<u64>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_taken_is_lost_and_nothing_else_comes_out(
        fsync: bool,
        bound in prop_oneof![Just(0), 100_000..600_000_u64],
        seed: u64,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(fsync, bound, seed, steps));
    }
}
