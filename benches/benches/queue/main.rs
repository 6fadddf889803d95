//! The log of the persistent queue against embedded stores that a queue could be built on: ids are
//! `queue/<fsync|no_fsync>/<size>/<log|redb|fjall>`, so that the ratio is read off one run.
//!
//! The time is that of one record that is pushed, read and acknowledged, behind 16 MiB (at least eight records) that wait.
//! With `fsync` a push returns when the record would survive a crash of the machine; that a record is acknowledged may be
//! forgotten in one, as it comes again then. The files are where the benches are built.

mod fjall;
mod log;
mod redb;

use std::path::Path;

use bytes::Bytes;
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

const SIZES: [(&str, usize); 3] = [("4KiB", 4 << 10), ("64KiB", 64 << 10), ("1MiB", 1 << 20)];
/// What waits in the queue, in bytes.
const BACKLOG: usize = 16 << 20;
/// So many different records take turns.
const DISTINCT: usize = 16;

/// First in, first out.
trait Queue {
    /// An empty queue in a directory.
    fn open(directory: &Path, fsync: bool) -> Self;

    /// Appends a record.
    fn push(&mut self, record: &Bytes);

    /// Shows the oldest record, and takes it out.
    fn pop(&mut self, look: impl FnOnce(&[u8]));
}

fn queue(c: &mut Criterion) {
    for (name, fsync) in [("no_fsync", false), ("fsync", true)] {
        for (size_name, size) in SIZES {
            let mut group = c.benchmark_group(format!("queue/{name}/{size_name}"));
            group.throughput(Throughput::Bytes(size as u64)).sample_size(30);
            let records = records(size);
            measure::<log::LogQueue>(&mut group, "log", &records, fsync);
            measure::<redb::RedbQueue>(&mut group, "redb", &records, fsync);
            measure::<fjall::FjallQueue>(&mut group, "fjall", &records, fsync);
            group.finish();
        }
    }
}

fn measure<Q: Queue>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, records: &[Bytes], fsync: bool) {
    group.bench_function(name, |b| {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build wrote there too");
        let mut queue = Q::open(directory.path(), fsync);
        let mut pushed = records.iter().cycle();
        let mut popped = records.iter().cycle();
        for record in pushed.by_ref().take((BACKLOG / records[0].len()).max(8)) {
            queue.push(record);
        }
        b.iter(|| {
            queue.push(pushed.next().expect("a cycle has no end"));
            let expected = popped.next().expect("a cycle has no end");
            queue.pop(|record| {
                assert_eq!(record.len(), expected.len());
                assert_eq!(record[..8], expected[..8], "records come in the order in which they went");
            });
        });
    });
}

/// Records that nothing compresses, so that no store has an advantage by that.
fn records(size: usize) -> Vec<Bytes> {
    let mut random = SmallRng::seed_from_u64(1);
    let mut record = || {
        let mut bytes = vec![0; size];
        random.fill_bytes(&mut bytes);
        Bytes::from(bytes)
    };
    (0..DISTINCT).map(|_| record()).collect()
}

criterion_group!(benches, queue);
criterion_main!(benches);
