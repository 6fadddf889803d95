use std::io::{self, IoSlice};
use std::sync::{Arc, MutexGuard};

use async_trait::async_trait;

use super::disk::{Disk, Node};
use super::memory::Lease;
use crate::component::{FileSettings, Files, StoredFile};

/// An owner's files in memory.
pub(super) struct MemoryFiles {
    lease: Arc<Lease>,
    settings: FileSettings,
}

struct MemoryFile {
    lease: Arc<Lease>,
    node: Arc<Node>,
}

impl MemoryFiles {
    pub(super) fn new(lease: Arc<Lease>) -> Self {
        let settings = lease.disk().map(|disk| disk.settings).unwrap_or_default();
        Self { lease, settings }
    }

    fn file(&self, node: Arc<Node>) -> Arc<dyn StoredFile> {
        Arc::new(MemoryFile { lease: Arc::clone(&self.lease), node })
    }
}

#[async_trait]
impl Files for MemoryFiles {
    fn settings(&self) -> FileSettings {
        self.settings
    }

    fn location(&self, name: &str) -> String {
        format!("{name} of {}", self.lease.owner)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lease.running()?.directory(&self.lease.owner).names())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let node = self.lease.running()?.directory(&self.lease.owner).node(name);
        Ok(self.file(node.ok_or(io::ErrorKind::NotFound)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        check(name)?;
        let mut disk = self.lease.running()?;
        let directory = disk.directory(&self.lease.owner);
        if directory.entries.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let node = Arc::<Node>::default();
        directory.entries.insert(name.to_owned(), Arc::clone(&node));
        Ok(self.file(node))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check(to)?;
        let mut disk = self.lease.running()?;
        let directory = disk.directory(&self.lease.owner);
        if directory.entries.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let node = directory.entries.remove(from).ok_or(io::ErrorKind::NotFound)?;
        directory.entries.insert(to.to_owned(), node);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.lease.running()?;
        let removed = disk.directory(&self.lease.owner).entries.remove(name);
        removed.map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    async fn sync(&self) -> io::Result<()> {
        let mut disk = self.lease.running()?;
        disk.sync()?;
        disk.directory(&self.lease.owner).sync();
        Ok(())
    }
}

#[async_trait]
impl StoredFile for MemoryFile {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let disk = self.lease.running()?;
        let size = self.node.size();
        if offset > size {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the offset is past the end of the file",
            ));
        }
        let bytes = pieces.iter().map(|piece| &**piece).collect::<Vec<_>>().concat();
        let growth = (offset + bytes.len() as u64).saturating_sub(size);
        let lacking = growth - disk.room(growth);
        let fitting = bytes.len() - lacking as usize;
        if fitting == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.node.write(&bytes[..fitting], offset);
        Ok(fitting)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let _disk = self.lease.running()?;
        Ok(self.node.read(buffer, offset))
    }

    fn size(&self) -> io::Result<u64> {
        let _disk = self.lease.running()?;
        Ok(self.node.size())
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let _disk = self.lease.running()?;
        self.node.truncate(size);
        Ok(())
    }

    async fn sync(&self) -> io::Result<()> {
        let mut disk = self.lease.running()?;
        match disk.sync() {
            Ok(()) => self.node.sync(),
            Err(error) => {
                self.node.forget();
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Lease {
    fn running(&self) -> io::Result<MutexGuard<'_, Disk>> {
        self.disk().ok_or_else(|| io::Error::other("the storage has crashed since this was opened"))
    }
}

/// Whether a real storage would take that name.
fn check(name: &str) -> io::Result<()> {
    let fits = (1..=100).contains(&name.len()) && !name.starts_with('.');
    if fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is no name of a file of a storage")))
}
