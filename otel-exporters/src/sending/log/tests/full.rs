//! No room.

use bytes::Bytes;
use otel_core::component::FileSettings;
use otel_core::testing::MemoryStorage;

use super::{append, contents, open, owner, record};

#[tokio::test]
async fn a_full_disk_refuses_records_as_a_whole_and_takes_them_when_there_is_room() {
    for room in (1..4_000).step_by(37) {
        let storage = MemoryStorage::seeded(1);
        let (log, _) = open(&storage).await;
        let first = append(&log, &record(1, 1000)).await;
        let used = storage.used();
        storage.set_capacity(Some(used + room));
        let mut taken = vec![record(1, 1000)];
        let error = loop {
            let next = record(2, 700);
            match log.append(&[next.slice(..100), next.slice(100..)]).await {
                Ok(_) => taken.push(next),
                Err(error) => break error,
            }
        };
        assert!(error.is_full() && error.is_retryable());
        assert_eq!(
            error.to_string(),
            "no space is left for 0000000000000001.log of exporter \"otlp\" (traces)"
        );
        assert_eq!(storage.used(), log.size(), "no half record is left");
        // Draining needs no room.
        log.acknowledge(first).unwrap();
        taken.remove(0);
        storage.set_capacity(Some(used + room + 720));
        taken.push(record(3, 700));
        append(&log, &record(3, 700)).await;
        storage.kill();
        drop(log);
        let (log, recovery) = open(&storage).await;
        assert_eq!(contents(&log, &recovery), taken);
        assert!(recovery.damage.is_empty());
    }
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_start_costs_nothing_but_the_records() {
    for capacity in (0..1_300).step_by(13) {
        let storage = MemoryStorage::seeded(1);
        storage.set_capacity(Some(capacity));
        let (log, _) = open(&storage).await;
        assert!(log.append(&[record(1, 100)]).await.unwrap_err().is_full());
        assert_eq!(storage.used(), log.size());
        storage.set_capacity(None);
        append(&log, &record(1, 100)).await;
    }
}

#[tokio::test]
async fn a_drained_segment_gives_its_room_to_the_next_record() {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    let id = append(&log, &record(1, 10_000)).await;
    storage.set_capacity(Some(storage.used() + 5_000));
    assert!(log.append(&[record(2, 10_000)]).await.unwrap_err().is_full());
    log.acknowledge(id).unwrap();
    let id = append(&log, &record(2, 10_000)).await;
    assert_eq!(log.read(id).unwrap(), record(2, 10_000));
}

#[tokio::test]
async fn a_bounded_log_keeps_to_its_bound_and_drains() {
    let bound = 300 << 10;
    let storage = MemoryStorage::seeded(1).with_settings(FileSettings::new().with_max_size(bound));
    let (log, _) = open(&storage).await;
    let mut ids = std::collections::VecDeque::new();
    let mut refused = 0;
    for round in 0..2_000 {
        match log.append(&[record(round as u8, 3_000)]).await {
            Ok(id) => ids.push_back(id),
            Err(error) => {
                assert!(error.is_full() && !log.has_room_for(64 << 10), "{error}");
                refused += 1;
                for _ in 0..30 {
                    log.acknowledge(ids.pop_front().unwrap()).unwrap();
                }
            }
        }
        assert!(storage.used() <= bound, "{}", storage.used());
        assert_eq!(storage.used(), log.size());
    }
    assert!(refused > 20);
    assert!(ids.len() > 50, "the room is used: {}", ids.len());
}

#[tokio::test]
async fn what_never_fits_is_told_apart_from_what_does_not_fit_now() {
    let storage = MemoryStorage::seeded(1).with_settings(FileSettings::new().with_max_size(100_000));
    let (log, _) = open(&storage).await;
    let error = log.append(&[record(1, 200_000)]).await.unwrap_err();
    assert!(!error.is_retryable() && !error.is_full());
    assert_eq!(error.to_string(), "a record of 200020 bytes is too large for a log that may take 100000");
    append(&log, &record(1, 98_000)).await;
    let error = log.append(&[Bytes::from(vec![1; 2_000])]).await.unwrap_err();
    assert!(error.is_retryable() && error.is_full());
    assert_eq!(error.to_string(), "the log takes 99300 bytes, and may take 100000");
    assert_eq!(storage.names(&owner()).len(), 1);
}
