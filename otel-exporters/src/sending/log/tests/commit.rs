//! Waiting for the disk.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::poll;
use otel_core::component::{FileSettings, Files, Storage, StoredFile};
use otel_core::testing::MemoryStorage;
use tokio::sync::Semaphore;

use super::{Log, LogOptions, append, open, owner, record, small};

fn syncing(seed: u64) -> MemoryStorage {
    MemoryStorage::seeded(seed).with_settings(FileSettings::new().with_fsync(true))
}

/// Files on a disk that says when it is told what came of a sync of a file.
struct Slow(Arc<dyn Files>, Arc<Semaphore>);

struct SlowFile(Arc<dyn StoredFile>, Arc<Semaphore>);

#[async_trait]
impl Files for Slow {
    fn settings(&self) -> FileSettings {
        self.0.settings()
    }

    fn location(&self, name: &str) -> String {
        self.0.location(name)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        self.0.names()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        self.0.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(SlowFile(self.0.create(name)?, Arc::clone(&self.1))))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    async fn sync(&self) -> io::Result<()> {
        self.0.sync().await
    }
}

#[async_trait]
impl StoredFile for SlowFile {
    fn write_at(&self, pieces: &[io::IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.0.write_at(pieces, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.0.truncate(size)
    }

    async fn sync(&self) -> io::Result<()> {
        let synced = self.0.sync().await;
        self.1.acquire().await.unwrap().forget();
        synced
    }
}

async fn slow(storage: &MemoryStorage) -> (Log, Arc<Semaphore>) {
    let disk = Arc::new(Semaphore::new(0));
    let files = Slow(storage.files(&owner()).await.unwrap(), Arc::clone(&disk));
    (Log::open(Arc::new(files), &small()).unwrap().0, disk)
}

#[tokio::test]
async fn one_sync_serves_all_that_wait_for_one() {
    let storage = syncing(1);
    let (log, disk) = slow(&storage).await;
    let bytes = record(1, 10);
    let mut first = Box::pin(append(&log, &bytes));
    assert!(poll!(&mut first).is_pending());
    let mut others = Box::pin(join_all((0..50).map(|_| append(&log, &bytes))));
    assert!(poll!(&mut others).is_pending());
    disk.add_permits(1);
    first.await;
    assert!(poll!(&mut others).is_pending(), "they came when that sync had begun");
    disk.add_permits(1);
    others.await;
    assert_eq!(storage.syncs(), 3, "two of the file and one of the directory");
    storage.crash();
    drop(log);
    assert_eq!(open(&storage).await.1.pending.len(), 51);
}

#[tokio::test]
async fn another_syncs_when_the_one_that_did_goes_away() {
    let storage = syncing(1);
    let (log, disk) = slow(&storage).await;
    let (gone, kept) = (record(1, 10), record(2, 10));
    let mut first = Box::pin(append(&log, &gone));
    assert!(poll!(&mut first).is_pending());
    let mut second = Box::pin(append(&log, &kept));
    assert!(poll!(&mut second).is_pending());
    drop(first);
    assert_eq!(log.records(), 1, "the first has taken its record out");
    // That of the first, which was too early for the second, and its own.
    disk.add_permits(2);
    let id = second.await;
    storage.crash();
    drop(log);
    let (log, recovery) = open(&storage).await;
    assert_eq!(log.read(id).unwrap(), kept);
    assert!(recovery.pending.iter().any(|pending| pending.id == id));
}

#[tokio::test]
async fn a_failed_sync_fails_all_that_was_written_before_and_nothing_is_built_on_it() {
    let storage = syncing(1);
    let (log, disk) = slow(&storage).await;
    disk.add_permits(1);
    let before = append(&log, &record(1, 10)).await;
    storage.fail_syncs(1);
    let (one, other) = ([record(2, 10)], [record(3, 10)]);
    let finish = async { disk.add_permits(1) };
    let (one, other, ()) = tokio::join!(log.append(&one), log.append(&other), finish);
    disk.add_permits(1);
    for error in [one.unwrap_err(), other.unwrap_err()] {
        assert!(error.is_retryable() && !error.is_full(), "{error}");
        assert!(error.to_string().starts_with("failed to sync 0000000000000001.log of exporter"), "{error}");
    }
    assert_eq!(log.records(), 1);
    let after = append(&log, &record(4, 10)).await;
    assert_ne!(after.segment, before.segment);
    storage.crash();
    drop(log);
    let (log, _) = open(&storage).await;
    assert_eq!(log.read(before).unwrap(), record(1, 10));
    assert_eq!(log.read(after).unwrap(), record(4, 10));
}

#[tokio::test]
async fn a_sync_that_fails_when_nobody_waits_any_more_is_not_taken_for_one_that_worked() {
    let storage = syncing(1);
    let (log, disk) = slow(&storage).await;
    storage.fail_syncs(1);
    let (gone, kept) = (record(1, 10), record(2, 10));
    let mut first = Box::pin(append(&log, &gone));
    assert!(poll!(&mut first).is_pending());
    drop(first);
    disk.add_permits(10);
    let error = log.append(std::slice::from_ref(&kept)).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let id = append(&log, &kept).await;
    storage.crash();
    drop(log);
    assert_eq!(open(&storage).await.0.read(id).unwrap(), kept);
}

#[tokio::test]
async fn without_fsync_nothing_waits_for_the_disk() {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = slow(&storage).await;
    append(&log, &record(1, 10)).await;
    assert_eq!(storage.syncs(), 0);
}

#[tokio::test]
async fn room_is_made_ahead_so_that_a_sync_has_records_to_write_and_no_size() {
    let storage = syncing(1);
    let files = storage.files(&owner()).await.unwrap();
    let (log, _) = Log::open(files, &LogOptions::new().with_segment_size(1 << 20)).unwrap();
    let first = append(&log, &record(1, 1000)).await;
    let size = storage.used();
    assert_eq!(size, 1024 + 4 * 1024 + (64 << 10));
    for _ in 0..60 {
        append(&log, &record(2, 1000)).await;
        assert_eq!((storage.used(), log.size()), (size, size));
    }
    log.acknowledge(first).unwrap();
    storage.kill();
    drop(log);
    let (log, recovery) = open(&storage).await;
    assert_eq!((recovery.pending.len(), recovery.damage.len()), (60, 0), "what is left of it is no damage");
    assert_eq!((storage.used(), log.size()), (1024 + 4 * 1024 + 61 * 1020, storage.used()));
}

#[tokio::test]
async fn room_that_was_made_ahead_is_used_when_there_is_no_more_and_given_back_with_the_segment() {
    let bound = FileSettings::new().with_fsync(true).with_max_size(2 << 20);
    let storage = MemoryStorage::seeded(1).with_settings(bound);
    let (log, _) = open(&storage).await;
    let large = append(&log, &record(3, 60_000)).await;
    append(&log, &record(1, 100)).await;
    storage.set_capacity(Some(storage.used() + 10));
    while append_fits(&log).await {}
    let small = storage.used() - (1024 + 256 + 60_020);
    assert_eq!((log.size(), small % 120), (storage.used(), 0), "to the last record");
    assert!(small > 10 * 120, "room was there");
    storage.set_capacity(None);
    log.acknowledge(large).unwrap();
    append(&log, &record(1, 60_000)).await;
    assert_eq!(log.size(), storage.used());
}

async fn append_fits(log: &Log) -> bool {
    match log.append(&[record(2, 100)]).await {
        Ok(_) => true,
        Err(error) => {
            assert!(error.is_full(), "{error}");
            false
        }
    }
}
