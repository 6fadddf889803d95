//! What survives the process: keyed state and files, which extensions provide.

mod error;
mod files;
mod provider;
mod state;

pub use error::StorageError;
pub use files::{FileSettings, Files, StoredFile};
pub use provider::{Owner, Storage};
pub use state::{KeyedState, Operation};
