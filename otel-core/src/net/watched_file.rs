//! Files whose contents are followed.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::reload::Reloading;
use crate::telemetry::Logger;

/// What was made of a file of credentials, made anew when the file has changed: whoever asks looks at it, at most once a
/// second. Where it cannot be read or used any more, what was made before stays, and a warning is logged.
///
/// ```
/// use otel_core::net::WatchedFile;
/// use otel_core::telemetry::Logger;
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("token");
/// std::fs::write(&path, "secret\n")?;
/// let token = WatchedFile::load(path.to_str().unwrap(), Logger::none(), |text| {
///     Ok::<_, std::convert::Infallible>(text.trim().to_owned())
/// })?;
/// assert_eq!(*token.get(), "secret");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct WatchedFile<T>(Reloading<T>);

/// A file that is no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchedFileError {
    /// It cannot be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Its contents cannot be used.
    #[error("cannot use {path}")]
    Contents {
        /// The file.
        path: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl<T> WatchedFile<T> {
    /// Reads a file and makes something of its text.
    ///
    /// # Errors
    /// It cannot be read, or nothing can be made of it.
    pub fn load<E>(
        path: impl Into<String>,
        logger: Logger,
        make: impl Fn(&str) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, WatchedFileError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = path.into();
        let watched = Some(path.clone());
        let load = move || {
            let text = fs::read_to_string(&path)
                .map_err(|source| WatchedFileError::Read { path: path.clone(), source })?;
            make(&text)
                .map_err(|source| WatchedFileError::Contents { path: path.clone(), source: source.into() })
        };
        let failed = "Failed to read a file again, what was read before stays";
        Reloading::new(Duration::ZERO, watched, logger, failed, load).map(Self)
    }

    /// What was made of it last.
    pub fn get(&self) -> Arc<T> {
        self.0.get()
    }
}

/// What is in it may be secret.
impl<T> fmt::Debug for WatchedFile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedFile").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::os::unix::fs::symlink;

    use tokio::time::advance;

    use super::*;

    fn watch(path: &std::path::Path) -> Result<WatchedFile<String>, WatchedFileError> {
        WatchedFile::load(path.to_str().unwrap(), Logger::none(), |text| {
            if text.is_empty() { Err("it is empty") } else { Ok(text.to_owned()) }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_read_anew_and_a_broken_one_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "one").unwrap();
        let file = watch(&path).unwrap();
        for (text, expected) in [("two!", "two!"), ("", "two!"), ("three", "three")] {
            fs::write(&path, text).unwrap();
            advance(Duration::from_secs(2)).await;
            assert_eq!(*file.get(), expected);
        }
        fs::remove_file(&path).unwrap();
        advance(Duration::from_secs(2)).await;
        assert_eq!(*file.get(), "three");
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_that_leads_elsewhere_is_a_change_as_when_kubernetes_mounts_a_secret_anew() {
        let directory = tempfile::tempdir().unwrap();
        let (old, new) = (directory.path().join("old"), directory.path().join("new"));
        fs::write(&old, "old").unwrap();
        fs::write(&new, "new").unwrap();
        let same = fs::metadata(&old).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&new).unwrap().set_modified(same).unwrap();
        let link = directory.path().join("secret");
        symlink(&old, &link).unwrap();
        let file = watch(&link).unwrap();
        assert_eq!(*file.get(), "old");
        let other = directory.path().join("other");
        symlink(&new, &other).unwrap();
        fs::rename(&other, &link).unwrap();
        advance(Duration::from_secs(2)).await;
        assert_eq!(*file.get(), "new");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_looks_as_old_as_before_is_read_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "one").unwrap();
        let file = watch(&path).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
        advance(Duration::from_secs(2)).await;
        assert_eq!(*file.get(), "two");
    }

    #[tokio::test]
    async fn what_cannot_be_read_at_first_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        assert!(matches!(watch(&path), Err(WatchedFileError::Read { .. })));
        fs::write(&path, "").unwrap();
        assert!(matches!(watch(&path), Err(WatchedFileError::Contents { .. })));
        let never = WatchedFile::load(path.to_str().unwrap(), Logger::none(), |_| Ok::<_, Infallible>(()));
        assert!(never.is_ok());
    }
}
