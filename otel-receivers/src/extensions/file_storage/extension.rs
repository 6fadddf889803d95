use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use otel_core::component::{
    Capabilities, Component, Extension, FileSettings, Files, Host, KeyedState, Owner, StartError, Storage,
    StorageError,
};
use tokio::time::Instant;

use super::FileStorageConfig;
use super::database::Settings;
use super::directory::{Directories, Directory};
use super::files::OwnedFiles;
use super::foreign;
use super::state::{OpenStates, OwnedState};

/// What the names of files of values end with.
const STATE: &str = ".redb";

/// What the names of directories of files end with.
const FILES: &str = ".files";

/// Stores what components keep, below a directory.
pub struct FileStorage {
    config: FileStorageConfig,
    host: Host,
    directory: Mutex<Option<Arc<Directory>>>,
    states: Arc<OpenStates>,
}

impl FileStorage {
    /// An extension that has not looked at its directory yet.
    pub fn new(config: FileStorageConfig, host: &Host) -> Self {
        Self { config, host: host.clone(), directory: Mutex::default(), states: Arc::default() }
    }

    fn directory(&self) -> Result<Arc<Directory>, StorageError> {
        let directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        directory.ok_or_else(|| StorageError::new(format!("extension \"{}\" is not started", self.host.id())))
    }

    fn set_directory(&self, directory: Option<Arc<Directory>>) {
        *self.directory.lock().unwrap_or_else(PoisonError::into_inner) = directory;
    }
}

#[async_trait]
impl Component for FileStorage {
    async fn start(&self) -> Result<(), StartError> {
        let directory = self.host.lasting::<Directories>().open(&self.config).await?;
        let path = directory.path().display();
        let foreign = foreign::databases(directory.path())
            .map_err(|error| StartError::new(format!("failed to read {path}")).with_source(error))?;
        if !foreign.is_empty() {
            return Err(StartError::new(format!(
                "the directory {path} holds storage of the Go collector, which would be left behind: {}; let that \
                 collector send what is in it, or move the files away",
                foreign.join(", ")
            )));
        }
        self.set_directory(Some(directory));
        Ok(())
    }

    async fn shutdown(&self, _deadline: Instant) {
        self.set_directory(None);
        let states = Arc::clone(&self.states);
        // What is not written out now is when the last of it is dropped.
        let _ = self.host.blocking(move || states.flush()).await;
    }
}

impl Extension for FileStorage {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn Storage>(self);
    }
}

#[async_trait]
impl Storage for FileStorage {
    async fn state(&self, owner: &Owner) -> Result<Arc<dyn KeyedState>, StorageError> {
        let FileStorageConfig { fsync, max_size, recreate, .. } = self.config;
        let settings = Settings { fsync, max_size, compact: self.config.compaction.on_start };
        let lease = self.directory()?.lease(owner, STATE)?;
        let state = OwnedState::open(lease, settings, recreate, &self.host).await?;
        self.states.add(&state);
        Ok(Arc::new(state))
    }

    async fn files(&self, owner: &Owner) -> Result<Arc<dyn Files>, StorageError> {
        let settings = FileSettings::new().with_max_size(self.config.max_size).with_fsync(self.config.fsync);
        let lease = self.directory()?.lease(owner, FILES)?;
        Ok(Arc::new(OwnedFiles::open(lease, settings, self.host.clone())?))
    }
}

impl fmt::Debug for FileStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStorage").field("config", &self.config).finish_non_exhaustive()
    }
}
