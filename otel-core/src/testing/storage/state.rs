use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::memory::Lease;
use crate::component::{KeyedState, Operation, StorageError};

/// An owner's values in memory.
pub(super) struct MemoryState {
    lease: Arc<Lease>,
    closed: AtomicBool,
}

impl MemoryState {
    pub(super) fn new(lease: Arc<Lease>) -> Self {
        Self { lease, closed: AtomicBool::new(false) }
    }
}

#[async_trait]
impl KeyedState for MemoryState {
    async fn batch(&self, operations: Vec<Operation>) -> Result<Vec<Option<Bytes>>, StorageError> {
        let disk = self.lease.disk().filter(|_| !self.closed.load(Ordering::Relaxed));
        let mut disk = disk.ok_or_else(|| StorageError::new("the storage is closed"))?;
        let growth = disk.values(&self.lease.owner).growth(&operations);
        if disk.room(growth) < growth {
            return Err(StorageError::full("no room is left in the storage"));
        }
        let fsync = disk.settings.fsync;
        let values = disk.values(&self.lease.owner);
        let answers = values.batch(operations);
        if fsync {
            values.sync();
        }
        Ok(answers)
    }

    async fn close(&self) -> Result<(), StorageError> {
        self.closed.store(true, Ordering::Relaxed);
        if let Some(mut disk) = self.lease.disk() {
            disk.values(&self.lease.owner).sync();
        }
        Ok(())
    }
}
