//! Files of an owner, below the directory.

use std::fs::{self, DirBuilder, File};
use std::io::{self, IoSlice};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use otel_core::component::{FileSettings, Files, Host, StorageError, StoredFile};

use super::directory::Lease;

/// A directory of one owner.
pub(super) struct OwnedFiles {
    lease: Arc<Lease>,
    path: PathBuf,
    settings: FileSettings,
    host: Host,
}

struct OwnedFile {
    file: Arc<File>,
    host: Host,
    _lease: Arc<Lease>,
}

impl OwnedFiles {
    pub(super) fn open(lease: Lease, settings: FileSettings, host: Host) -> Result<Self, StorageError> {
        let path = lease.path();
        if !path.is_dir() {
            let failed =
                |error| StorageError::new(format!("failed to create {}", path.display())).with_source(error);
            DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
            if settings.fsync {
                path.parent().map_or(Ok(()), sync_directory).map_err(failed)?;
            }
        }
        Ok(Self { lease: Arc::new(lease), path, settings, host })
    }

    fn file(&self, file: File) -> Arc<dyn StoredFile> {
        Arc::new(OwnedFile { file: Arc::new(file), host: self.host.clone(), _lease: Arc::clone(&self.lease) })
    }
}

#[async_trait]
impl Files for OwnedFiles {
    fn settings(&self) -> FileSettings {
        self.settings
    }

    fn location(&self, name: &str) -> String {
        if name.is_empty() {
            self.path.display().to_string()
        } else {
            self.path.join(name).display().to_string()
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        Ok(self.file(File::options().read(true).write(true).open(self.path.join(name))?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let mut options = File::options();
        let options = options.read(true).write(true).create_new(true).mode(0o600);
        Ok(self.file(options.open(self.path.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        // The owner is the only one who makes files here.
        if self.path.join(to).exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    async fn sync(&self) -> io::Result<()> {
        let path = self.path.clone();
        self.host.blocking(move || sync_directory(&path)).await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl StoredFile for OwnedFile {
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&*self.file, pieces, offset)?)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.nlink() > 0)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }

    async fn sync(&self) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        self.host.blocking(move || file.sync_data()).await.map_err(io::Error::other)?
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
