//! On a real disk.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::sleep;

use async_trait::async_trait;
use otel_core::component::{FileSettings, Files, StoredFile};

use super::super::store::LOOK_AFTER;
use super::super::{Log, Recovery};
use super::{append, contents, record, small};

struct Directory(PathBuf);

struct Opened(File);

#[async_trait]
impl Files for Directory {
    fn settings(&self) -> FileSettings {
        FileSettings::new().with_fsync(true)
    }

    fn location(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn names(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().into_string().unwrap())).collect()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let file = File::options().read(true).write(true).open(self.0.join(name))?;
        Ok(Arc::new(Opened(file)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(Opened(File::create_new(self.0.join(name))?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    async fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

#[async_trait]
impl StoredFile for Opened {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.0.write_at(&pieces[0], offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(std::os::unix::fs::MetadataExt::nlink(&self.0.metadata()?) > 0)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    async fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

fn open(directory: &tempfile::TempDir) -> (Log, Recovery) {
    Log::open(Arc::new(Directory(directory.path().to_owned())), &small()).unwrap()
}

/// Nobody would find after a restart what is written there.
#[tokio::test]
async fn what_somebody_removes_takes_no_more_records() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = open(&directory);
    let first = append(&log, &record(1, 100)).await;
    fs::remove_file(directory.path().join("0000000000000001.log")).unwrap();
    sleep(LOOK_AFTER);
    let second = append(&log, &record(2, 100)).await;
    assert_ne!(first.segment, second.segment);
    assert_eq!(log.read(first).unwrap(), record(1, 100), "what is open can be read");
    log.acknowledge(first).unwrap();
    assert_eq!(log.size(), fs::metadata(directory.path().join("0000000000000002.log")).unwrap().len());

    fs::remove_dir_all(directory.path()).unwrap();
    sleep(LOOK_AFTER);
    let error = log.append(&[record(3, 100)]).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().starts_with("failed to create "), "{error}");
    fs::create_dir(directory.path()).unwrap();
    let third = append(&log, &record(3, 100)).await;
    drop(log);
    let (log, recovery) = open(&directory);
    assert_eq!((contents(&log, &recovery), recovery.pending[0].id), (vec![record(3, 100)], third));
}

#[tokio::test]
async fn what_is_on_the_disk_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = open(&directory);
    let records: Vec<_> = (0..30).map(|byte| record(byte, 5_000)).collect();
    let mut ids = Vec::new();
    for record in &records {
        ids.push(append(&log, record).await);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    for id in &ids[..20] {
        log.acknowledge(*id).unwrap();
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    drop(log);
    let (log, recovery) = open(&directory);
    assert_eq!(contents(&log, &recovery), records[20..]);
    for pending in recovery.pending {
        log.acknowledge(pending.id).unwrap();
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}
