mod commit;
mod damage;
mod disk;
mod full;
mod properties;

use std::sync::Arc;

use bytes::Bytes;
use otel_core::component::{ComponentKind, FileSettings, Owner, Storage};
use otel_core::testing::MemoryStorage;

use super::{Log, LogOptions, ReadError, RecordId, Recovery};

/// The smallest segments: 64 KiB and 64 records.
fn small() -> LogOptions {
    LogOptions::new().with_segment_size(0)
}

fn owner() -> Owner {
    Owner::new(ComponentKind::Exporter, "otlp".parse().unwrap(), "traces")
}

async fn open(storage: &MemoryStorage) -> (Log, Recovery) {
    Log::open(storage.files(&owner()).await.unwrap(), &small()).unwrap()
}

/// A bytes of so many times this.
fn record(byte: u8, length: usize) -> Bytes {
    Bytes::from(vec![byte; length])
}

async fn append(log: &Log, bytes: &Bytes) -> RecordId {
    log.append(std::slice::from_ref(bytes)).await.unwrap()
}

/// All that waits, read.
fn contents(log: &Log, recovery: &Recovery) -> Vec<Bytes> {
    recovery.pending.iter().filter_map(|pending| log.read(pending.id).ok()).collect()
}

#[tokio::test]
async fn records_come_back_in_order_until_they_are_acknowledged() {
    let storage = MemoryStorage::seeded(1);
    let (log, recovery) = open(&storage).await;
    assert!(recovery.pending.is_empty() && recovery.damage.is_empty());
    let records: Vec<_> = (0..200_u8).map(|byte| record(byte, usize::from(byte) * 7)).collect();
    let mut ids = Vec::new();
    for record in &records {
        ids.push(
            log.append(&[record.slice(..record.len() / 3), record.slice(record.len() / 3..)]).await.unwrap(),
        );
    }
    assert!(ids.is_sorted());
    assert_eq!(log.records(), 200);
    assert_eq!(log.bytes(), records.iter().map(|record| record.len() as u64).sum::<u64>());
    for id in ids.iter().step_by(2) {
        assert!(log.acknowledge(*id).unwrap());
        assert!(!log.acknowledge(*id).unwrap(), "it is gone");
        assert!(matches!(log.read(*id), Err(ReadError::Gone(_))));
    }
    assert_eq!(log.read(ids[1]).unwrap(), records[1]);
    storage.kill();
    drop(log);

    let (log, recovery) = open(&storage).await;
    let odd: Vec<_> = records.iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(contents(&log, &recovery), odd);
    assert!(recovery.damage.is_empty(), "{:?}", recovery.damage);
    assert_eq!(log.records(), 100);
    assert_eq!(log.bytes(), odd.iter().map(|record| record.len() as u64).sum::<u64>());
    assert_eq!(recovery.pending.iter().map(|pending| pending.id).collect::<Vec<_>>(), {
        ids.into_iter().skip(1).step_by(2).collect::<Vec<_>>()
    });
}

#[tokio::test]
async fn the_first_bytes_of_a_record_are_shown_unverified() {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    let id = append(&log, &record(7, 5)).await;
    let mut few = [0; 3];
    assert_eq!((log.peek(id, &mut few), few), (Some(3), [7; 3]));
    let mut many = [0; 9];
    assert_eq!((log.peek(id, &mut many), many), (Some(5), [7, 7, 7, 7, 7, 0, 0, 0, 0]));
    log.acknowledge(id).unwrap();
    assert_eq!(log.peek(id, &mut few), None);
}

#[tokio::test]
async fn segments_go_when_their_records_are_acknowledged_in_whatever_order() {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    let mut ids = Vec::new();
    for byte in 0..40 {
        ids.push(append(&log, &record(byte, 10_000)).await);
    }
    assert_eq!(storage.names(&owner()).len(), 7);
    assert_eq!(log.size(), storage.used());
    for id in ids.iter().rev() {
        log.acknowledge(*id).unwrap();
    }
    assert_eq!(storage.names(&owner()).len(), 1, "the last is not full");
    assert_eq!(log.size(), storage.used());
    drop(log);
    assert_eq!(storage.used(), 0);
}

#[tokio::test]
async fn a_segment_takes_no_more_records_than_it_has_room_to_acknowledge() {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    for _ in 0..=64 * 3 {
        append(&log, &Bytes::new()).await;
    }
    assert_eq!(storage.names(&owner()).len(), 4);
    drop(log);
    let (log, recovery) = open(&storage).await;
    assert_eq!(contents(&log, &recovery), vec![Bytes::new(); 64 * 3 + 1]);
}

#[tokio::test]
async fn a_record_that_is_larger_than_a_segment_has_one_of_its_own() {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    let large = record(7, 1 << 20);
    for bytes in [&record(1, 5), &large, &record(2, 5)] {
        append(&log, bytes).await;
    }
    assert_eq!(storage.names(&owner()).len(), 3);
    drop(log);
    let (log, recovery) = open(&storage).await;
    assert_eq!(contents(&log, &recovery), [record(1, 5), large, record(2, 5)]);
}

#[tokio::test]
async fn a_reopened_log_leaves_old_segments_as_they_are() {
    let storage = MemoryStorage::seeded(1);
    for round in 1..=3 {
        let (log, recovery) = open(&storage).await;
        assert_eq!(recovery.pending.len(), round - 1);
        append(&log, &record(0, 10)).await;
        assert_eq!(storage.names(&owner()).len(), round);
    }
    let (log, recovery) = open(&storage).await;
    for pending in recovery.pending {
        log.acknowledge(pending.id).unwrap();
    }
    assert_eq!(storage.used(), 0);
}

#[tokio::test]
async fn many_threads_append_read_and_acknowledge_at_a_time() {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    let log = Arc::new(log);
    let threads: Vec<_> = (0..4_u8)
        .map(|thread| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    for length in 0..500 {
                        let record = record(thread, length);
                        let id = append(&log, &record).await;
                        assert_eq!(log.read(id).unwrap(), record);
                        if length % 10 != 0 {
                            log.acknowledge(id).unwrap();
                        }
                    }
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(log.records(), 4 * 50);
    storage.kill();
    drop(log);
    let (log, recovery) = open(&storage).await;
    assert_eq!(contents(&log, &recovery).len(), 4 * 50);
}

#[tokio::test]
async fn segments_of_a_bounded_log_are_a_part_of_it() {
    let bounded = FileSettings::new().with_max_size(1 << 20);
    assert_eq!(LogOptions::new().size_in(bounded), 128 << 10);
    assert_eq!(LogOptions::new().size_in(FileSettings::new()), 16 << 20);
    assert_eq!(LogOptions::slots_in(16 << 20), 16 << 10);
}
