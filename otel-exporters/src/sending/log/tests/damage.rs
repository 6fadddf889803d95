//! Bytes that are not those that were written.

use bytes::Bytes;
use otel_core::testing::MemoryStorage;

use super::super::{DamageKind, Log};
use super::{append, contents, open, owner, record};

const SEGMENT: &str = "0000000000000001.log";

/// Where records begin in a segment of 64 records.
const BEGIN: usize = 1024 + 4 * 64;

const LENGTHS: [usize; 4] = [30, 0, 41, 17];

fn records() -> Vec<Bytes> {
    LENGTHS.iter().zip(1..).map(|(length, byte)| record(byte, *length)).collect()
}

/// Where the records end.
fn ends() -> Vec<usize> {
    let ends = LENGTHS.iter().scan(BEGIN, |end, length| {
        *end += 20 + length;
        Some(*end)
    });
    ends.collect()
}

/// The bytes of a log of four records, of which those are acknowledged.
async fn written(acknowledged: &[usize]) -> Vec<u8> {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    let mut ids = Vec::new();
    for record in records() {
        ids.push(append(&log, &record).await);
    }
    for index in acknowledged {
        log.acknowledge(ids[*index]).unwrap();
    }
    storage.content(&owner(), SEGMENT)
}

/// A storage that holds these bytes as a segment.
async fn holding(bytes: &[u8]) -> MemoryStorage {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    append(&log, &record(0, 1)).await;
    drop(log);
    storage.damage(&owner(), SEGMENT, |content| bytes.clone_into(content));
    storage
}

/// That the log takes a record and finds it again.
async fn assert_works(storage: &MemoryStorage, log: Log) {
    let id = append(&log, &record(99, 99)).await;
    drop(log);
    let (log, recovery) = open(storage).await;
    assert_eq!(log.read(id).unwrap(), record(99, 99));
    assert_eq!(recovery.pending.last().unwrap().id, id);
}

#[tokio::test]
async fn a_write_that_is_torn_at_any_byte_costs_its_record_alone() {
    let whole = written(&[]).await;
    let ends = ends();
    assert_eq!(*ends.last().unwrap(), whole.len());
    for cut in 0..=whole.len() {
        let storage = holding(&whole[..cut]).await;
        let (log, recovery) = open(&storage).await;
        let left = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(contents(&log, &recovery), records()[..left], "cut at {cut}");
        assert_eq!(recovery.pending.len(), left, "the torn one is not told of");
        let is_even = cut == 0 || (64..=BEGIN).contains(&cut) || ends.contains(&cut);
        if !is_even {
            let [damage] = &recovery.damage[..] else { panic!("{cut}: {:?}", recovery.damage) };
            assert_eq!(damage.kind, DamageKind::Torn, "cut at {cut}");
        }
        if left == 0 {
            assert!(!storage.names(&owner()).contains(&SEGMENT.to_owned()), "nothing was in it");
        }
        assert_works(&storage, log).await;
    }
}

#[tokio::test]
async fn zeros_where_a_write_was_to_be_are_cut_off() {
    let (whole, ends) = (written(&[]).await, ends());
    for from in BEGIN..whole.len() {
        let mut bytes = whole.clone();
        bytes[from..].fill(0);
        let storage = holding(&bytes).await;
        let (log, recovery) = open(&storage).await;
        let found = contents(&log, &recovery);
        assert!(records().starts_with(&found), "zeros from {from}");
        assert!(recovery.pending.len() <= found.len() + 1);
        let is_begun = !ends.contains(&from) && from != BEGIN;
        assert!(
            log.lost_records() <= u64::from(is_begun),
            "zeros from {from} cost what was begun at the most"
        );
        assert_works(&storage, log).await;
    }
}

#[tokio::test]
async fn a_flipped_bit_costs_at_most_one_record() {
    let whole = written(&[2]).await;
    let kept: Vec<_> = [0, 1, 3].map(|index| records()[index].clone()).into();
    let mut costs = 0;
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let storage = holding(&bytes).await;
        let (log, recovery) = open(&storage).await;
        let found = contents(&log, &recovery);
        let lost: Vec<_> = kept.iter().filter(|record| !found.contains(record)).collect();
        assert!(lost.len() <= 1, "bit {bit} costs {lost:?}");
        assert!(
            lost.is_empty() || bit / 8 >= BEGIN,
            "no header and no acknowledgement costs a record: bit {bit}"
        );
        assert!(found.iter().all(|record| records().contains(record)), "bit {bit} delivers {found:?}");
        if found.len() > kept.len() {
            assert!((1024..BEGIN).contains(&(bit / 8)), "an acknowledgement is forgotten by bit {bit}");
            assert_eq!(recovery.damage[0].kind, DamageKind::Acknowledgements(1));
        }
        if !lost.is_empty() {
            costs += 1;
            assert_eq!(log.lost_records(), 1, "it is counted: bit {bit}");
        }
    }
    let damageable: usize = [0, 1, 3].iter().map(|index| 20 + LENGTHS[*index]).sum();
    assert_eq!(costs, damageable * 8, "every bit of a record is verified");
}

#[tokio::test]
async fn damage_in_the_middle_is_told_with_its_place() {
    let whole = written(&[]).await;
    let storage = holding(&whole).await;
    // From within the header of the second to within the payload of the third.
    let (from, to) = (BEGIN + 50 + 3, BEGIN + 50 + 20 + 25);
    storage.damage(&owner(), SEGMENT, |bytes| bytes[from..to].fill(0xff));
    let (log, recovery) = open(&storage).await;
    assert_eq!(contents(&log, &recovery), [record(1, 30), record(4, 17)]);
    assert_eq!((log.lost_records(), recovery.lost_records()), (2, 2));
    let [damage] = &recovery.damage[..] else { panic!("{:?}", recovery.damage) };
    assert_eq!(
        damage.to_string(),
        "2 damaged records are lost: 81 bytes at offset 1330 of 0000000000000001.log of exporter \"otlp\" (traces)"
    );
}

/// The system writes page by page, so that is how a write breaks off for which room was made ahead.
#[tokio::test]
async fn a_write_into_room_that_was_made_ahead_is_torn_where_a_page_ends() {
    let (first, second) = (record(1, 100), record(2, 10_000));
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    append(&log, &first).await;
    append(&log, &second).await;
    let whole = storage.content(&owner(), SEGMENT);
    drop(log);
    let (begin, end) = (BEGIN + 120, whole.len());
    for (from, flipped, is_torn) in [
        (4096, None, true),
        (8192, None, true),
        (8193, None, false),
        (end, Some(5000), false),
        (8192, Some(5000), true),
    ] {
        let mut bytes = whole.clone();
        bytes[from..].fill(0);
        bytes.resize(end + 1000, 0);
        if let Some(at) = flipped {
            bytes[at] ^= 1;
        }
        let storage = holding(&bytes).await;
        let (log, recovery) = open(&storage).await;
        assert_eq!(contents(&log, &recovery), std::slice::from_ref(&first));
        let torn: Vec<_> =
            recovery.damage.iter().map(|damage| (damage.offset, damage.kind.clone())).collect();
        assert_eq!(torn, is_torn.then_some((begin as u64, DamageKind::Torn)).into_iter().collect::<Vec<_>>());
        assert_eq!(log.lost_records(), u64::from(!is_torn), "zeros from {from}");
        assert_works(&storage, log).await;
    }
}

#[tokio::test]
async fn damage_at_the_end_is_told_once_with_what_is_known_of_it() {
    // The header of the third: two records without one that is found behind them.
    let damage = |bytes: &mut Vec<u8>| {
        bytes[BEGIN + 70] ^= 1;
        bytes[BEGIN + 70 + 61] ^= 1;
    };
    for (acknowledged, lost) in [(&[][..], 1), (&[2], 0), (&[3], 1), (&[2, 3], 0)] {
        let storage = holding(&written(acknowledged).await).await;
        storage.damage(&owner(), SEGMENT, damage);
        let (log, recovery) = open(&storage).await;
        assert_eq!(contents(&log, &recovery), records()[..2]);
        assert_eq!((log.lost_records(), recovery.lost_records()), (lost, lost), "{acknowledged:?}");
        let told: Vec<_> = recovery.damage.iter().map(ToString::to_string).collect();
        let message = "1 damaged records are lost: 98 bytes at offset 1350 of 0000000000000001.log of exporter \"otlp\" (traces)";
        assert_eq!(told, vec![message; lost as usize]);
        drop(log);
        let (log, recovery) = open(&storage).await;
        assert!(recovery.damage.is_empty(), "{:?}", recovery.damage);
        assert_works(&storage, log).await;
    }
}

#[tokio::test]
async fn a_torn_record_behind_a_damaged_one_hides_it_not() {
    let whole = written(&[]).await;
    let storage = holding(&whole[..whole.len() - 5]).await;
    storage.damage(&owner(), SEGMENT, |bytes| bytes[BEGIN + 70] ^= 1);
    let (log, recovery) = open(&storage).await;
    assert_eq!(contents(&log, &recovery), records()[..2]);
    let kinds: Vec<_> = recovery.damage.iter().map(|damage| (damage.offset, damage.kind.clone())).collect();
    assert_eq!(kinds, [(1350, DamageKind::Records(1)), (1411, DamageKind::Torn)]);
    assert_works(&storage, log).await;
}

#[tokio::test]
async fn records_that_are_known_by_later_acknowledgements_alone_are_counted() {
    let storage = holding(&written(&[3]).await[..BEGIN + 50]).await;
    let (log, recovery) = open(&storage).await;
    assert_eq!(contents(&log, &recovery), records()[..1]);
    assert_eq!(recovery.damage.len(), 1);
    assert_eq!(log.lost_records(), 2, "the second and the third");
    drop(log);
    assert!(open(&storage).await.1.damage.is_empty());
}

#[tokio::test]
async fn damage_that_is_found_when_a_record_is_read_is_told_and_counted_once() {
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    let first = append(&log, &record(1, 30)).await;
    let second = append(&log, &record(2, 30)).await;
    storage.damage(&owner(), SEGMENT, |bytes| bytes[BEGIN + 25] ^= 1);
    let error = log.read(first).unwrap_err();
    assert!(error.is_damaged());
    assert_eq!(
        error.to_string(),
        "the record at offset 1280 of 0000000000000001.log of exporter \"otlp\" (traces) is damaged (50 bytes)"
    );
    assert!(!log.read(first).unwrap_err().is_damaged(), "it is gone");
    assert!(!log.acknowledge(first).unwrap());
    assert_eq!((log.lost_records(), log.records()), (1, 1));
    assert_eq!(log.read(second).unwrap(), record(2, 30));
}

#[tokio::test]
async fn a_segment_without_a_header_is_set_aside_and_the_log_goes_on() {
    for version in [false, true] {
        let mut bytes = written(&[]).await;
        for at in [0, 512] {
            if version {
                bytes[at + 8] = 9;
            } else {
                bytes[at..at + 64].fill(b'x');
            }
        }
        let storage = holding(&bytes).await;
        let (log, recovery) = open(&storage).await;
        assert!(recovery.pending.is_empty());
        assert_eq!(
            (log.lost_records(), recovery.lost_records()),
            (1, 1),
            "nobody knows how many, but one at least"
        );
        let aside = format!("{SEGMENT}.damaged");
        assert_eq!(
            recovery.damage[0].to_string(),
            format!(
                "the header of {SEGMENT} of exporter \"otlp\" (traces) is damaged or of another version: it was set \
                 aside as {aside} of exporter \"otlp\" (traces)"
            )
        );
        assert_works(&storage, log).await;
        assert_eq!(storage.content(&owner(), &aside), bytes, "it is as it was");
        let (_log, recovery) = open(&storage).await;
        assert!(recovery.damage.is_empty(), "it is told once");
    }
}

#[tokio::test]
async fn no_payload_is_taken_for_a_record() {
    // What a stranger may know: the bytes of records of another log.
    let strange = written(&[]).await;
    let payload = Bytes::copy_from_slice(&strange[BEGIN..]);
    let storage = MemoryStorage::seeded(1);
    let (log, _) = open(&storage).await;
    append(&log, &payload).await;
    append(&log, &record(5, 5)).await;
    drop(log);
    storage.damage(&owner(), SEGMENT, |bytes| bytes[BEGIN] ^= 1);
    let (log, recovery) = open(&storage).await;
    assert_eq!(contents(&log, &recovery), [record(5, 5)]);
    assert_eq!(log.lost_records(), 1);
}

#[tokio::test]
async fn a_segment_under_the_name_of_another_is_set_aside() {
    let storage = holding(&written(&[]).await).await;
    let files = otel_core::component::Storage::files(&storage, &owner()).await.unwrap();
    files.rename(SEGMENT, "0000000000000005.log").unwrap();
    drop(files);
    let (log, recovery) = open(&storage).await;
    assert!(matches!(recovery.damage[0].kind, DamageKind::SetAside(_)));
    let id = append(&log, &record(1, 1)).await;
    assert_eq!(id.to_string(), "6/0", "numbers are not used again");
}
