use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;

use bytes::Bytes;

use super::MemoryStorage;
use crate::component::{ComponentKind, FileSettings, Files, Operation, Owner, Storage, StoredFile};

fn owner() -> Owner {
    Owner::new(ComponentKind::Exporter, "otlp/eu".parse().unwrap(), "traces")
}

async fn files(storage: &MemoryStorage) -> Arc<dyn Files> {
    storage.files(&owner()).await.unwrap()
}

fn append(file: &dyn StoredFile, bytes: &[u8]) {
    file.write_all_at(&mut [IoSlice::new(bytes)], file.size().unwrap()).unwrap();
}

fn content(file: &dyn StoredFile) -> Vec<u8> {
    let mut content = vec![0; file.size().unwrap() as usize];
    file.read_exact_at(&mut content, 0).unwrap();
    content
}

#[tokio::test]
async fn an_owner_has_its_files_once_until_all_is_dropped() {
    let storage = MemoryStorage::seeded(1);
    let first = files(&storage).await;
    let file = first.create("a").unwrap();
    drop(first);
    let error = storage.files(&owner()).await.err().unwrap();
    assert!(error.is_in_use());
    assert_eq!(
        error.to_string(),
        "the files of exporter \"otlp/eu\" (traces) are in use by another instance"
    );
    storage.files(&Owner::new(ComponentKind::Exporter, "otlp".parse().unwrap(), "traces")).await.unwrap();
    storage.state(&owner()).await.unwrap();
    drop(file);
    assert_eq!(files(&storage).await.names().unwrap(), ["a"]);
}

#[tokio::test]
async fn a_kill_keeps_what_was_written() {
    let storage = MemoryStorage::seeded(1);
    let file = files(&storage).await.create("a").unwrap();
    append(&*file, b"written");
    storage.kill();
    assert!(file.size().is_err(), "the process is gone");
    assert_eq!(content(&*files(&storage).await.open("a").unwrap()), b"written");
}

#[tokio::test]
async fn a_crash_keeps_what_was_synced_and_any_part_of_the_rest() {
    let (mut shorter, mut whole, mut gone) = (0, 0, 0);
    for seed in 0..200 {
        let storage = MemoryStorage::seeded(seed);
        let opened = files(&storage).await;
        let file = opened.create("a").unwrap();
        append(&*file, b"synced");
        file.sync().await.unwrap();
        opened.sync().await.unwrap();
        opened.create("b").unwrap();
        append(&*file, b"|later");
        assert_eq!(storage.content(&owner(), "a"), b"synced|later", "looking saves nothing");
        storage.crash();
        let opened = files(&storage).await;
        let left = content(&*opened.open("a").unwrap());
        assert!(b"synced|later".starts_with(&left), "{left:?}");
        assert!(left.starts_with(b"synced"));
        shorter += usize::from(left.len() < 12);
        whole += usize::from(left.len() == 12);
        gone += usize::from(opened.open("b").is_err());
    }
    assert!(shorter > 20 && whole > 20 && gone > 20, "{shorter} {whole} {gone}");
}

#[tokio::test]
async fn the_same_seed_crashes_alike() {
    let mut left = Vec::new();
    for _ in 0..2 {
        let storage = MemoryStorage::seeded(3);
        let opened = files(&storage).await;
        for name in ["a", "b", "c", "d"] {
            let file = opened.create(name).unwrap();
            append(&*file, &[7; 1000]);
        }
        opened.sync().await.unwrap();
        storage.crash();
        left.push(["a", "b", "c", "d"].map(|name| storage.content(&owner(), name)));
    }
    assert_eq!(left[0], left[1]);
}

#[tokio::test]
async fn what_has_no_room_is_written_as_far_as_it_fits() {
    let storage = MemoryStorage::seeded(1);
    let opened = files(&storage).await;
    let file = opened.create("a").unwrap();
    file.allocate(10).unwrap();
    storage.set_capacity(Some(15));
    let error = file.write_all_at(&mut [IoSlice::new(b"0123456789")], 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(content(&*file), b"\0\0\0\0\0\0\0\0\0\x0001234");
    file.write_all_at(&mut [IoSlice::new(b"over"), IoSlice::new(b"written")], 0).unwrap();
    assert_eq!(content(&*file), b"overwritten1234");
    opened.remove("a").unwrap();
    assert_eq!(storage.used(), 0);
}

#[tokio::test]
async fn what_a_failed_sync_was_to_cover_is_lost_whatever_is_synced_later() {
    let storage = MemoryStorage::seeded(1);
    let opened = files(&storage).await;
    let file = opened.create("a").unwrap();
    opened.sync().await.unwrap();
    append(&*file, b"lost");
    storage.fail_syncs(1);
    file.sync().await.unwrap_err();
    append(&*file, b"kept");
    file.sync().await.unwrap();
    assert_eq!(content(&*file), b"lostkept");
    storage.crash();
    assert_eq!(storage.content(&owner(), "a"), b"\0\0\0\0kept");
}

#[tokio::test]
async fn batches_happen_as_a_whole_or_not() {
    let storage = MemoryStorage::seeded(1).with_settings(FileSettings::new().with_fsync(false));
    for round in 0..50_u8 {
        let state = storage.state(&owner()).await.unwrap();
        let value = Bytes::copy_from_slice(&[round]);
        let set = |key: &str| Operation::Set(key.to_owned(), value.clone());
        let answers = state.batch(vec![set("a"), Operation::Get("a".to_owned()), set("b")]).await.unwrap();
        assert_eq!(answers, [None, Some(value.clone()), None]);
        storage.crash();
        assert!(state.get("a").await.is_err());
        let state = storage.state(&owner()).await.unwrap();
        assert_eq!(state.get("a").await.unwrap(), state.get("b").await.unwrap());
        state.set("kept", value.clone()).await.unwrap();
        state.close().await.unwrap();
        assert!(state.get("kept").await.is_err(), "it is closed");
        storage.crash();
        let state = storage.state(&owner()).await.unwrap();
        assert_eq!(state.get("kept").await.unwrap(), Some(value));
        state.delete("kept").await.unwrap();
    }
}

#[tokio::test]
async fn one_bit_is_flipped() {
    let storage = MemoryStorage::seeded(1);
    assert_eq!(storage.flip_bit(&owner()), None);
    append(&*files(&storage).await.create("a").unwrap(), &[0; 100]);
    let (name, bit) = storage.flip_bit(&owner()).unwrap();
    let content = storage.content(&owner(), &name);
    assert_eq!(content[bit / 8], 1 << (bit % 8));
    assert_eq!(content.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
}
