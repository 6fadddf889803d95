use std::error::Error;
use std::{fmt, io};

use crate::component::StartError;

/// Why storage could not be opened, read or written.
#[derive(Debug)]
pub struct StorageError {
    message: String,
    kind: Kind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    InUse,
    Full,
    Other,
}

impl StorageError {
    /// An error with its text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), kind: Kind::Other, source: None }
    }

    /// Somebody else has what only one may have at a time.
    pub fn in_use(message: impl Into<String>) -> Self {
        Self { kind: Kind::InUse, ..Self::new(message) }
    }

    /// There is no room; there may be again.
    pub fn full(message: impl Into<String>) -> Self {
        Self { kind: Kind::Full, ..Self::new(message) }
    }

    /// The same with a cause. A cause that says that the disk is full makes it [full](Self::is_full).
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        let source: Box<dyn Error + Send + Sync> = Box::new(source);
        if source.downcast_ref::<io::Error>().is_some_and(is_full) {
            self.kind = Kind::Full;
        }
        self.source = Some(source);
        self
    }

    /// Whether somebody else has what only one may have at a time, such as a predecessor that is about to stop.
    pub fn is_in_use(&self) -> bool {
        self.kind == Kind::InUse
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.kind == Kind::Full
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// What is in use stays so: the engine then stops the predecessor first, and starts the component again.
impl From<StorageError> for StartError {
    fn from(error: StorageError) -> Self {
        let start = StartError::new(error.message);
        let start = if error.kind == Kind::InUse { start.in_use() } else { start };
        match error.source {
            Some(source) => start.with_boxed_source(source),
            None => start,
        }
    }
}

/// Whether an error says that a disk, a quota or a bound is used up.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_that_needs_what_is_in_use_starts_after_its_predecessor() {
        let start = StartError::from(StorageError::in_use("taken"));
        assert!(start.is_in_use());
        assert_eq!(start.to_string(), "taken");
        assert!(!StartError::from(StorageError::new("broken")).is_in_use());
    }

    #[test]
    fn a_full_disk_is_told_from_the_cause() {
        let cause = io::Error::from(io::ErrorKind::StorageFull);
        let error = StorageError::new("cannot write").with_source(cause);
        assert!(error.is_full());
        assert!(StartError::from(error).source().is_some());
    }
}
