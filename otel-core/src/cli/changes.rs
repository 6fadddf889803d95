//! When to read the configuration again.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::signals::Hangup;

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Tells when the configuration is to be read again: at a SIGHUP, and when one of its files has changed.
pub(super) struct Changes {
    hangup: Hangup,
    files: Option<Files>,
}

impl Changes {
    /// Hears signals from now on, and watches files as they are now.
    pub(super) fn new(hangup: Hangup, files: Option<Vec<PathBuf>>) -> Self {
        Self { hangup, files: files.map(Files::new) }
    }

    /// Waits for the next change. Cancel safe.
    pub(super) async fn next(&mut self) {
        let Some(files) = &mut self.files else { return self.hangup.next().await };
        tokio::select! {
            () = self.hangup.next() => {}
            () = files.changed(INTERVAL) => {}
        }
    }
}

/// Files by their content, so that it does not matter how they are replaced.
struct Files {
    paths: Vec<PathBuf>,
    /// What was read last, and what the reader of the configuration has seen.
    last: Content,
    told: Content,
}

/// `None` for a file that cannot be read.
type Content = Vec<Option<Vec<u8>>>;

impl Files {
    fn new(paths: Vec<PathBuf>) -> Self {
        let content = read(&paths);
        Self { paths, last: content.clone(), told: content }
    }

    /// Waits until the content is another, and has been the same twice: a file may be half written.
    async fn changed(&mut self, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let paths = self.paths.clone();
            // The files are small, but the disk may be slow or far away.
            let Ok(content) = tokio::task::spawn_blocking(move || read(&paths)).await else { continue };
            let settled = content == self.last;
            self.last = content;
            if settled && self.last != self.told {
                self.told.clone_from(&self.last);
                return;
            }
        }
    }
}

fn read(paths: &[PathBuf]) -> Content {
    paths.iter().map(|path| std::fs::read(path).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn files_that_were_written_or_replaced_have_changed_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        std::fs::write(&path, "a").unwrap();
        let mut files = Files::new(vec![path.clone()]);

        std::fs::write(&path, "b").unwrap();
        files.changed(SOON).await;
        let other = directory.path().join("other.yaml");
        std::fs::write(&other, "c").unwrap();
        std::fs::rename(&other, &path).unwrap();
        files.changed(SOON).await;
        std::fs::remove_file(&path).unwrap();
        files.changed(SOON).await;

        std::fs::write(&path, "c").unwrap();
        files.changed(SOON).await;
        assert!(tokio::time::timeout(SOON * 10, files.changed(SOON)).await.is_err());
    }
}
