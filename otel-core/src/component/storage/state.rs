use async_trait::async_trait;
use bytes::Bytes;

use super::StorageError;

/// Values by key. One owner's, and not shared: see [`Storage`](super::Storage).
///
/// # Guarantees
/// - A batch happens as a whole or not at all, through a crash too, and batches happen one after the other.
/// - What was set is read from then on. It survives the end of the process, a kill perhaps without the batches of the last
///   moments, and a crash of the machine as far as the storage is configured to.
///
/// # Cancellation
/// A batch whose future is dropped happens or does not.
#[async_trait]
pub trait KeyedState: Send + Sync + 'static {
    /// Does the operations in their order, and answers each: a [`Operation::Get`] with the value, the others with nothing.
    async fn batch(&self, operations: Vec<Operation>) -> Result<Vec<Option<Bytes>>, StorageError>;

    /// Writes out what may still be lost, and refuses what comes later. Who drops everything without it loses nothing, but
    /// the drop may then wait for a disk.
    async fn close(&self) -> Result<(), StorageError>;

    /// The value of a key.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StorageError> {
        let answers = self.batch(vec![Operation::Get(key.to_owned())]).await?;
        Ok(answers.into_iter().next().flatten())
    }

    /// Sets the value of a key.
    async fn set(&self, key: &str, value: Bytes) -> Result<(), StorageError> {
        self.batch(vec![Operation::Set(key.to_owned(), value)]).await.map(drop)
    }

    /// Takes a key away, if it is there.
    async fn delete(&self, key: &str) -> Result<(), StorageError> {
        self.batch(vec![Operation::Delete(key.to_owned())]).await.map(drop)
    }
}

/// One operation of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Asks for the value of a key.
    Get(String),
    /// Sets the value of a key.
    Set(String, Bytes),
    /// Takes a key away.
    Delete(String),
}
