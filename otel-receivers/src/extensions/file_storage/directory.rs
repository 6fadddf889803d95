//! The directory, which belongs to one process, and what in it belongs to whom.

use std::collections::{HashMap, HashSet};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use otel_core::component::{Owner, StartError, StorageError};
use tokio::time::{Instant, sleep};

use super::{FileStorageConfig, name};

/// The file that is locked, and tells by whom.
const LOCK: &str = "otelcol.lock";

/// How often a lock that another process has is tried.
const PERIOD: Duration = Duration::from_millis(50);

/// The directories that this collector has locked. Several extensions may share one.
#[derive(Debug, Default)]
pub(super) struct Directories(Mutex<HashMap<PathBuf, Weak<Directory>>>);

/// A directory that this process has locked.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Names that are open.
    opened: Mutex<HashSet<String>>,
    _lock: File,
}

/// That somebody has opened something, until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    directory: Arc<Directory>,
    name: String,
}

// === impl Directories ===

impl Directories {
    /// Locks a directory, if this collector has not, and makes it first where it is to be made.
    pub(super) async fn open(&self, config: &FileStorageConfig) -> Result<Arc<Directory>, StartError> {
        let path = Path::new(&config.directory);
        let failed = |action: &str, error: io::Error| {
            StartError::new(format!("failed to {action} {}", path.display())).with_source(error)
        };
        if config.create_directory && !path.is_dir() {
            let mode = config.mode().map_err(StartError::new)?;
            DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(path)
                .map_err(|error| failed("create", error))?;
        }
        let path = path.canonicalize().map_err(|error| failed("open", error))?;
        let deadline = (!config.timeout.is_zero()).then(|| Instant::now() + config.timeout);
        loop {
            match self.try_open(&path).map_err(|error| failed("lock", error))? {
                Ok(directory) => return Ok(directory),
                Err(holder) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Err(StartError::new(format!(
                        "the directory {} is in use by {holder}: each collector needs one of its own",
                        path.display()
                    ))
                    .in_use());
                }
                Err(_) => sleep(PERIOD).await,
            }
        }
    }

    /// The directory, or who has it.
    fn try_open(&self, path: &Path) -> io::Result<Result<Arc<Directory>, String>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, directory| directory.strong_count() > 0);
        if let Some(directory) = known.get(path).and_then(Weak::upgrade) {
            return Ok(Ok(directory));
        }
        let mut options = File::options();
        let lock = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = lock.open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Err(holder(lock))),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Only says who has the lock: where the disk is full it says nothing.
        let _ = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()));
        let directory = Directory { path: path.to_owned(), opened: Mutex::default(), _lock: lock };
        let directory = Arc::new(directory);
        known.insert(path.to_owned(), Arc::downgrade(&directory));
        Ok(Ok(directory))
    }
}

/// Who has the lock, as far as the file says.
fn holder(mut lock: File) -> String {
    let mut text = String::new();
    let id = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok());
    match id {
        Some(id) if id == std::process::id() => "another collector of this process".to_owned(),
        Some(id) => format!("the process {id}"),
        None => "another process".to_owned(),
    }
}

// === impl Directory ===

impl Directory {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes what has this ending of an owner's.
    pub(super) fn lease(self: &Arc<Self>, owner: &Owner, ending: &str) -> Result<Lease, StorageError> {
        let name = format!("{}{ending}", name::of(owner));
        if !self.opened().insert(name.clone()) {
            return Err(StorageError::in_use(format!(
                "{} of {owner} is in use by another instance",
                self.path.join(name).display()
            )));
        }
        Ok(Lease { directory: Arc::clone(self), name })
    }

    fn opened(&self) -> MutexGuard<'_, HashSet<String>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Lease ===

impl Lease {
    /// Where what was opened is.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.path.join(&self.name)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.directory.opened().remove(&self.name);
    }
}
