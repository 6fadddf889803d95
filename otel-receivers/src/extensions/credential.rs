//! Texts of credentials from a configuration or a file.

use std::fmt;

use otel_core::config::Secret;
use otel_core::net::{WatchedFile, WatchedFileError};
use otel_core::telemetry::Logger;

/// A text that is secret: as it was written, or what is in a file, without the white space around it.
pub(super) enum Credential {
    Fixed(Secret),
    File(WatchedFile<Secret>),
}

impl Credential {
    /// The file, where one is named, wins.
    pub(super) fn load(text: &Secret, file: &str, logger: &Logger) -> Result<Self, WatchedFileError> {
        if file.is_empty() {
            return Ok(Self::Fixed(text.clone()));
        }
        let make = |text: &str| match text.trim() {
            "" => Err("the file is empty"),
            text => Ok(Secret::new(text)),
        };
        WatchedFile::load(file, logger.clone(), make).map(Self::File)
    }

    /// The text as it is now.
    pub(super) fn get(&self) -> Secret {
        match self {
            Self::Fixed(text) => text.clone(),
            Self::File(file) => (*file.get()).clone(),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed",
            Self::File(_) => "File",
        })
    }
}
