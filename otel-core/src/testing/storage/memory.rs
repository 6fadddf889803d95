use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::disk::{Disk, Part};
use super::files::MemoryFiles;
use super::state::MemoryState;
use crate::component::{FileSettings, Files, KeyedState, Owner, Storage, StorageError};

/// [`Storage`] in memory, for tests and simulations. Cloning shares it.
///
/// What happens to what was not synced, when the machine [crashes](Self::crash), is drawn from a seed, so it happens
/// again with the same seed and the same calls. A [kill](Self::kill) of the process keeps what was written to files.
/// After either, what was opened before fails, and can be opened anew.
///
/// ```
/// use std::io::IoSlice;
///
/// use otel_core::component::{ComponentKind, Owner, Storage};
/// use otel_core::testing::MemoryStorage;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let storage = MemoryStorage::seeded(7);
/// let owner = Owner::new(ComponentKind::Exporter, "otlp".parse().unwrap(), "traces");
/// let files = storage.files(&owner).await.unwrap();
/// let file = files.create("kept").unwrap();
/// file.write_all_at(&mut [IoSlice::new(b"synced")], 0).unwrap();
/// file.sync().await.unwrap();
/// files.sync().await.unwrap();
/// file.write_all_at(&mut [IoSlice::new(b", not synced")], 6).unwrap();
///
/// storage.crash();
/// assert!(files.names().is_err());
/// let files = storage.files(&owner).await.unwrap();
/// let mut kept = [0; 6];
/// files.open("kept").unwrap().read_exact_at(&mut kept, 0).unwrap();
/// assert_eq!(&kept, b"synced");
/// # });
/// ```
#[derive(Clone)]
pub struct MemoryStorage(Arc<Mutex<Disk>>);

impl MemoryStorage {
    /// Empty, unbounded, without faults. In an `Arc`, as extensions offer it.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::seeded(0))
    }

    /// The same with a seed for what a crash leaves.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Disk::new(seed))))
    }

    /// The same with settings, which its owners are told.
    pub fn with_settings(self, settings: FileSettings) -> Self {
        self.disk().settings = settings;
        self
    }

    /// Ends the process: what is open is closed, what was written stays. Without `fsync` the last batches of keyed
    /// states may be gone.
    pub fn kill(&self) {
        self.disk().kill();
    }

    /// Crashes the machine: of what was not synced each write may be gone, or be there up to some byte, and each name may
    /// be what it was at the last sync.
    pub fn crash(&self) {
        self.disk().crash();
    }

    /// Bounds what all files and values together may take in bytes; `None` for no bound. A write beyond it is done as far as
    /// there is room, and fails.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.disk().capacity = capacity;
    }

    /// What all files and values take together in bytes.
    pub fn used(&self) -> u64 {
        self.disk().used()
    }

    /// Lets so many syncs from now on fail. What they were to cover is as good as never synced.
    pub fn fail_syncs(&self, syncs: usize) {
        self.disk().failing_syncs = syncs;
    }

    /// How many syncs of files and directories were completed.
    pub fn syncs(&self) -> usize {
        self.disk().syncs
    }

    /// The names of an owner's files.
    pub fn names(&self, owner: &Owner) -> Vec<String> {
        self.disk().directory(owner).names()
    }

    /// The bytes of a file, which is empty where there is none.
    pub fn content(&self, owner: &Owner, name: &str) -> Vec<u8> {
        let Some(node) = self.disk().directory(owner).node(name) else { return Vec::new() };
        let mut content = vec![0; node.size() as usize];
        node.read(&mut content, 0);
        content
    }

    /// Changes the bytes of a file behind its owner's back, as a failing disk does. Nothing where there is none.
    pub fn damage(&self, owner: &Owner, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(node) = self.disk().directory(owner).node(name) {
            node.damage(change);
        }
    }

    /// Flips one bit, drawn from the seed, of one of the owner's files that are not empty. Tells the file and the bit.
    pub fn flip_bit(&self, owner: &Owner) -> Option<(String, usize)> {
        self.disk().flip_bit(owner)
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, owner: &Owner, part: Part) -> Result<Arc<Lease>, StorageError> {
        let mut disk = self.disk();
        if !disk.opened.insert((owner.clone(), part)) {
            let what = part.as_str();
            return Err(StorageError::in_use(format!(
                "the {what} of {owner} are in use by another instance"
            )));
        }
        let generation = disk.generation;
        Ok(Arc::new(Lease { storage: self.clone(), owner: owner.clone(), part, generation }))
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    async fn state(&self, owner: &Owner) -> Result<Arc<dyn KeyedState>, StorageError> {
        Ok(Arc::new(MemoryState::new(self.open(owner, Part::State)?)))
    }

    async fn files(&self, owner: &Owner) -> Result<Arc<dyn Files>, StorageError> {
        Ok(Arc::new(MemoryFiles::new(self.open(owner, Part::Files)?)))
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").field("used", &self.used()).finish_non_exhaustive()
    }
}

/// That an owner has opened a part of its storage.
pub(super) struct Lease {
    storage: MemoryStorage,
    pub(super) owner: Owner,
    part: Part,
    generation: u64,
}

impl Lease {
    /// The disk, as long as nothing has crashed.
    pub(super) fn disk(&self) -> Option<MutexGuard<'_, Disk>> {
        let disk = self.storage.disk();
        (disk.generation == self.generation).then_some(disk)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(mut disk) = self.disk() {
            disk.opened.remove(&(self.owner.clone(), self.part));
        }
    }
}
