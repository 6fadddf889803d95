use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Files, KeyedState, StorageError};
use crate::ComponentId;
use crate::component::{ComponentKind, Host};

/// Storage that survives the process, for all components of a collector. An extension
/// [offers](super::super::Capabilities::offer) it, and a component that was configured with the extension's id
/// [asks](Host::capability) for it.
///
/// # Guarantees
/// - What one owner stores no other sees.
/// - An owner's state and its files are each open once at a time: a second opening fails with an error that is
///   [in use](StorageError::is_in_use). So no two instances write over one another. An instance that takes the place of
///   another returns that error from its `start` (by `?`); the engine then stops its predecessor first.
/// - They are free again when everything that was opened has been dropped, whether the extension still runs or not.
///
/// # Assumptions
/// The extension is started: extensions start before all other components and stop after them. Before its start it
/// answers with an error.
///
/// # Example
/// A component that counts its starts:
///
/// ```
/// use bytes::Bytes;
/// use otel_core::ComponentId;
/// use otel_core::component::{Host, Owner, StartError, Storage};
///
/// async fn count_starts(host: &Host, storage: &ComponentId) -> Result<u8, StartError> {
///     let Some(storage) = host.capability::<dyn Storage>(storage) else {
///         return Err(StartError::new(format!("extension {storage:?} provides no storage")));
///     };
///     let state = storage.state(&Owner::of(host, "")).await?;
///     let starts = state.get("starts").await?.map_or(0, |value| value[0]) + 1;
///     state.set("starts", Bytes::copy_from_slice(&[starts])).await?;
///     Ok(starts)
/// }
/// # use otel_core::component::{Capabilities, ComponentKind};
/// # use otel_core::testing::{MemoryStorage, TestHost};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let id: ComponentId = "file_storage".parse().unwrap();
/// let mut capabilities = Capabilities::default();
/// capabilities.set_provider(id.clone());
/// capabilities.offer::<dyn Storage>(MemoryStorage::new());
/// let test = TestHost::new(ComponentKind::Receiver, "counting").with_capabilities(capabilities);
/// assert_eq!(count_starts(&test.host(), &id).await.unwrap(), 1);
/// assert_eq!(count_starts(&test.host(), &id).await.unwrap(), 2);
/// # });
/// ```
///
/// An extension that stores elsewhere implements this trait, and offers itself:
///
/// ```
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use otel_core::component::{
///     Capabilities, Component, Extension, Files, KeyedState, Owner, Storage, StorageError,
/// };
/// use otel_core::testing::MemoryStorage;
///
/// /// Keeps everything until the process ends.
/// struct Forgetful(MemoryStorage);
///
/// impl Component for Forgetful {}
///
/// impl Extension for Forgetful {
///     fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
///         capabilities.offer::<dyn Storage>(self);
///     }
/// }
///
/// #[async_trait]
/// impl Storage for Forgetful {
///     async fn state(&self, owner: &Owner) -> Result<Arc<dyn KeyedState>, StorageError> {
///         self.0.state(owner).await
///     }
///
///     async fn files(&self, owner: &Owner) -> Result<Arc<dyn Files>, StorageError> {
///         self.0.files(owner).await
///     }
/// }
/// ```
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// Opens the keyed state of an owner: checkpoints, offsets, small things that change.
    async fn state(&self, owner: &Owner) -> Result<Arc<dyn KeyedState>, StorageError>;

    /// Opens the files of an owner, for a log that it writes itself.
    async fn files(&self, owner: &Owner) -> Result<Arc<dyn Files>, StorageError>;
}

/// Whose storage it is. The same owner finds after a restart what it has stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Owner {
    /// The kind of the component.
    pub kind: ComponentKind,
    /// Its id as the user wrote it.
    pub id: ComponentId,
    /// What tells the component's several storages apart, such as the signal of an exporter's queue. Often empty.
    pub name: String,
}

impl Owner {
    /// An owner.
    pub fn new(kind: ComponentKind, id: ComponentId, name: impl Into<String>) -> Self {
        Self { kind, id, name: name.into() }
    }

    /// The component of that host.
    pub fn of(host: &Host, name: impl Into<String>) -> Self {
        Self::new(host.kind(), host.id().clone(), name)
    }
}

/// As `exporter "otlp/eu" (traces)`, for messages.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.kind, self.id)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " ({})", self.name) }
    }
}
