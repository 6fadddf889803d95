//! A disk that takes its time, fills up, fails, and forgets in a crash what was not synced.

use std::io::{self, IoSlice};
use std::sync::Arc;

use async_trait::async_trait;
use otel_core::component::{
    BuildError, Capabilities, Component, ComponentConfig, Extension, ExtensionFactory, FileSettings, Files,
    Host, KeyedState, Owner, Storage, StorageError, StoredFile,
};
use otel_core::testing::MemoryStorage;
use tokio::time::sleep;

use super::chance::Chance;
use super::trace::{Trace, tell};

/// The id of the extension.
pub(crate) const STORAGE: &str = "disk";

/// A disk, and the configuration of an extension that offers it. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    storage: MemoryStorage,
    /// Whether what is answered with success survives a crash of the machine.
    fsync: bool,
    chance: Chance,
    trace: Trace,
}

impl Disk {
    pub(crate) fn new(seed: u64, trace: &Trace) -> Self {
        let chance = Chance::of(seed, "disk");
        let fsync = chance.percent(60);
        let storage = MemoryStorage::seeded(seed).with_settings(FileSettings::new().with_fsync(fsync));
        tell!(trace, "a disk, with fsync: {fsync}");
        Self { storage, fsync, chance, trace: trace.clone() }
    }

    /// Ends the process or, where that may be survived, the machine.
    pub(crate) fn crash(&self) {
        let machine = self.fsync && self.chance.percent(60);
        tell!(self.trace, "crash, of the machine: {machine}, {} bytes used", self.storage.used());
        if machine { self.storage.crash() } else { self.storage.kill() }
    }

    /// Is full at times, and fails at times.
    pub(crate) async fn live(&self) {
        loop {
            sleep(self.chance.millis(6000)).await;
            if self.chance.percent(60) {
                let capacity = self.storage.used() + self.chance.below(3000);
                tell!(self.trace, "the disk has room for {capacity} bytes");
                self.storage.set_capacity(Some(capacity));
            } else if self.fsync && self.chance.percent(50) {
                tell!(self.trace, "syncs fail");
                self.storage.fail_syncs(1 + self.chance.below(4) as usize);
            }
            sleep(self.chance.millis(3000)).await;
            tell!(self.trace, "the disk is well");
            self.heal();
        }
    }

    pub(crate) fn heal(&self) {
        self.storage.set_capacity(None);
        self.storage.fail_syncs(0);
    }

    /// Flips a bit of what an exporter has stored.
    pub(crate) fn flip_bit(&self, owner: &Owner) {
        let flipped = self.storage.flip_bit(owner);
        tell!(self.trace, "flipped {flipped:?} of {owner}");
    }

    pub(crate) fn used(&self) -> u64 {
        self.storage.used()
    }

    /// Syncs, which takes time. What is written meanwhile may be covered, or not.
    async fn sync(&self, sync: impl Future<Output = io::Result<()>> + Send) -> io::Result<()> {
        let time = self.chance.millis(15);
        if self.chance.percent(50) {
            sleep(time).await;
            return sync.await;
        }
        let synced = sync.await;
        sleep(time).await;
        synced
    }
}

impl ComponentConfig for Disk {
    const TYPE: &'static str = STORAGE;

    fn same_as(&self, _: &Self) -> bool {
        true
    }
}

impl ExtensionFactory for Disk {
    fn create(&self, _host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Component for Disk {}

impl Extension for Disk {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn Storage>(self);
    }
}

#[async_trait]
impl Storage for Disk {
    async fn state(&self, owner: &Owner) -> Result<Arc<dyn KeyedState>, StorageError> {
        self.storage.state(owner).await
    }

    async fn files(&self, owner: &Owner) -> Result<Arc<dyn Files>, StorageError> {
        Ok(Arc::new(On { disk: self.clone(), it: self.storage.files(owner).await? }))
    }
}

/// Files, or a file, on a disk.
struct On<T: ?Sized> {
    disk: Disk,
    it: Arc<T>,
}

impl On<dyn Files> {
    fn file(&self, it: Arc<dyn StoredFile>) -> Arc<dyn StoredFile> {
        Arc::new(On { disk: self.disk.clone(), it })
    }
}

#[async_trait]
impl Files for On<dyn Files> {
    fn settings(&self) -> FileSettings {
        self.it.settings()
    }

    fn location(&self, name: &str) -> String {
        self.it.location(name)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        self.it.names()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(self.file(self.it.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(self.file(self.it.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.it.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.it.remove(name)
    }

    async fn sync(&self) -> io::Result<()> {
        self.disk.sync(self.it.sync()).await
    }
}

#[async_trait]
impl StoredFile for On<dyn StoredFile> {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.it.write_at(pieces, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.it.read_at(buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.it.size()
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.it.truncate(size)
    }

    async fn sync(&self) -> io::Result<()> {
        self.disk.sync(self.it.sync()).await
    }
}
