//! Keyed state of an owner.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use otel_core::component::{Host, KeyedState, Operation, StorageError};
use tokio::time::sleep;

use super::database::{self, Database, OpenError, Settings, storage_error};
use super::directory::Lease;

/// Without `fsync` a kill takes the batches of so long at most.
const FLUSH_AFTER: Duration = Duration::from_millis(200);

/// An owner's values in a file of their own.
pub(super) struct OwnedState {
    inner: Arc<Inner>,
    host: Host,
}

struct Inner {
    path: PathBuf,
    settings: Settings,
    recreate: bool,
    host: Host,
    opened: Mutex<Opened>,
    _lease: Lease,
}

enum Opened {
    Yes(Database),
    /// After an error of the disk. The next batch opens the file again.
    Broken,
    Closed,
}

impl OwnedState {
    /// Opens the file, and makes it where there is none.
    pub(super) async fn open(
        lease: Lease,
        settings: Settings,
        recreate: bool,
        host: &Host,
    ) -> Result<Self, StorageError> {
        let inner = Inner {
            path: lease.path(),
            settings,
            recreate,
            host: host.clone(),
            opened: Mutex::new(Opened::Broken),
            _lease: lease,
        };
        let inner = Arc::new(inner);
        let state = Self { inner: Arc::clone(&inner), host: host.clone() };
        let opened = state.host.blocking(move || inner.with(|_| Ok(()))).await;
        opened.unwrap_or_else(|broken| Err(state.inner.failed("open").with_source(broken)))?;
        Ok(state)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let inner = Arc::clone(&self.inner);
        let done = self.host.blocking(move || work(&inner)).await;
        done.unwrap_or_else(|broken| Err(self.inner.failed("access").with_source(broken)))
    }

    /// Writes out later what a kill would take until then.
    fn flush_later(&self) {
        let (inner, host) = (Arc::downgrade(&self.inner), self.host.clone());
        self.host.spawn("storage flush", async move {
            sleep(FLUSH_AFTER).await;
            // Whoever drops the last of it has written it out.
            let flushed = host.blocking(move || inner.upgrade().map_or(Ok(()), |inner| inner.flush())).await;
            if let Ok(Err(error)) = flushed {
                host.logger().error("Failed to write out stored state").error(&error).emit();
            }
            Ok(())
        });
    }
}

#[async_trait]
impl KeyedState for OwnedState {
    async fn batch(&self, operations: Vec<Operation>) -> Result<Vec<Option<Bytes>>, StorageError> {
        let done = self.blocking(move |inner| {
            inner.with(|database| {
                let was_dirty = database.is_dirty();
                let answers = database.batch(&operations)?;
                Ok((answers, database.is_dirty() && !was_dirty))
            })
        });
        let (answers, is_newly_dirty) = done.await?;
        if is_newly_dirty {
            self.flush_later();
        }
        Ok(answers)
    }

    async fn close(&self) -> Result<(), StorageError> {
        self.blocking(|inner| {
            let flushed = inner.flush();
            *inner.opened() = Opened::Closed;
            flushed
        })
        .await
    }
}

// === impl Inner ===

impl Inner {
    /// Works with the file.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut opened = self.opened();
        if matches!(*opened, Opened::Broken) {
            *opened = Opened::Yes(self.open()?);
        }
        let Opened::Yes(database) = &mut *opened else {
            return Err(StorageError::new(format!("{} is closed", self.path.display())));
        };
        let done = work(database);
        if let Err(error) = &done
            && std::error::Error::source(error).is_some()
        {
            // The database takes nothing more after an error of its disk.
            *opened = Opened::Broken;
        }
        done
    }

    fn open(&self) -> Result<Database, StorageError> {
        let error = match Database::open(&self.path, self.settings) {
            Ok(database) => return Ok(database),
            Err(OpenError::Failed(error)) => return Err(storage_error("open", &self.path, error)),
            Err(OpenError::Damaged(error)) => error,
        };
        let path = self.path.display();
        if !self.recreate {
            let message = format!("{path} is damaged; `recreate` sets it aside and begins anew");
            return Err(StorageError::new(message).with_source(error));
        }
        let aside =
            database::set_aside(&self.path).map_err(|error| self.failed("rename").with_source(error))?;
        self.host
            .logger()
            .warn("Stored state is damaged, beginning anew")
            .text("file", &path)
            .text("backup", &aside.display())
            .text("error", &error)
            .emit();
        match Database::open(&self.path, self.settings) {
            Ok(database) => Ok(database),
            Err(OpenError::Failed(error) | OpenError::Damaged(error)) => {
                Err(storage_error("create", &self.path, error))
            }
        }
    }

    fn flush(&self) -> Result<(), StorageError> {
        match &mut *self.opened() {
            Opened::Yes(database) => database.flush(),
            Opened::Broken | Opened::Closed => Ok(()),
        }
    }

    fn failed(&self, action: &str) -> StorageError {
        StorageError::new(format!("failed to {action} {}", self.path.display()))
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            self.host.logger().error("Failed to write out stored state").error(&error).emit();
        }
    }
}

/// What is open, for the extension to write it out at its end.
#[derive(Default)]
pub(super) struct OpenStates(Mutex<Vec<Weak<Inner>>>);

impl OpenStates {
    pub(super) fn add(&self, state: &OwnedState) {
        let mut states = self.states();
        states.retain(|state| state.strong_count() > 0);
        states.push(Arc::downgrade(&state.inner));
    }

    /// Writes all of them out. Blocks.
    pub(super) fn flush(&self) {
        let states: Vec<_> = self.states().iter().filter_map(Weak::upgrade).collect();
        for state in states {
            if let Err(error) = state.flush() {
                state.host.logger().error("Failed to write out stored state").error(&error).emit();
            }
        }
    }

    fn states(&self) -> MutexGuard<'_, Vec<Weak<Inner>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
