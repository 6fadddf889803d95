use std::io;
use std::sync::Arc;

/// Why a log did not take a record, or something else came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The log takes as much as it may. There is room again when records are acknowledged.
    #[error("the log takes {size} bytes, and may take {max_size}")]
    Full {
        /// What it takes, in bytes.
        size: u64,
        /// What it may take, in bytes.
        max_size: u64,
    },
    /// The disk is full, or its owner's quota of it.
    #[error("no space is left for {location}")]
    NoSpace {
        /// The file.
        location: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// No log of these settings ever takes a record of that size.
    #[error("a record of {size} bytes is too large for a log that may take {max_size}")]
    TooLarge {
        /// The size of the record in bytes.
        size: u64,
        /// What the log may take, in bytes.
        max_size: u64,
    },
    /// Reading, writing or syncing failed.
    #[error("failed to {action} {location}")]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file.
        location: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
}

impl LogError {
    pub(super) fn io(action: &'static str, location: String, source: impl Into<Arc<io::Error>>) -> Self {
        let source = source.into();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return Self::NoSpace { location, source };
        }
        Self::Io { action, location, source }
    }

    /// Whether there is no room, while there may be later.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::NoSpace { .. })
    }

    /// Whether the same may succeed later: all but what is too large.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::TooLarge { .. })
    }
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not there: acknowledged, or never part of this log.
    #[error("there is no record {0} in the log")]
    Gone(super::RecordId),
    /// Its bytes are not those that were written. The log has given it up and counted it.
    #[error("the record at offset {offset} of {location} is damaged ({length} bytes)")]
    Damaged {
        /// The file.
        location: String,
        /// Where in it the record begins.
        offset: u64,
        /// How many bytes were lost.
        length: u64,
    },
    /// Reading failed. Another try may succeed; who does not want one acknowledges the record.
    #[error("failed to read {location}")]
    Io {
        /// The file.
        location: String,
        /// What the system said.
        source: io::Error,
    },
}

impl ReadError {
    /// Whether the record is lost for good.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }
}
