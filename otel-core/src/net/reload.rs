//! What is loaded from files, and loaded anew when its time has come.

use std::error::Error;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::telemetry::Logger;

/// How often a watched file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A value that its users always see the latest of.
pub(super) struct Reloading<T> {
    current: ArcSwap<T>,
    load: Box<dyn Fn() -> Result<T, Box<dyn Error + Send + Sync>> + Send + Sync>,
    interval: Duration,
    watched: Option<String>,
    due: Mutex<Due>,
    logger: Logger,
    /// What the log says where it fails.
    failed: &'static str,
}

struct Due {
    load: Instant,
    look: Instant,
    seen: Option<Fingerprint>,
}

/// By which a change of a file shows: when its contents or its permissions changed, and which file it is. When it was
/// written says less: who copies a file may copy that, and what could not be read for want of permission has not changed.
type Fingerprint = (i64, i64, u64, u64);

impl<T> Reloading<T> {
    /// Loads for the first time.
    pub(super) fn new<E: Error + Send + Sync + 'static>(
        interval: Duration,
        watched: Option<String>,
        logger: Logger,
        failed: &'static str,
        load: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let seen = watched.as_deref().and_then(fingerprint);
        let current = ArcSwap::from_pointee(load()?);
        let now = Instant::now();
        let due = Mutex::new(Due { load: now + interval, look: now + LOOK, seen });
        let load = Box::new(move || load().map_err(Into::into));
        Ok(Self { current, load, interval, watched, due, logger, failed })
    }

    /// The value, loaded anew where it is due. Files are small and local, so reading them does not hold others up for
    /// long; whoever comes meanwhile gets the former value.
    pub(super) fn get(&self) -> Arc<T> {
        if !self.interval.is_zero() || self.watched.is_some() {
            self.refresh();
        }
        self.current.load_full()
    }

    fn refresh(&self) {
        let Ok(mut due) = self.due.try_lock() else { return };
        let now = Instant::now();
        if !self.is_due(&mut due, now) {
            return;
        }
        due.load = now + self.interval;
        match (self.load)() {
            Ok(value) => self.current.store(Arc::new(value)),
            // It names the file, of which there may be several.
            Err(error) => self.logger.warn(self.failed).error(&*error).emit(),
        }
    }

    fn is_due(&self, due: &mut Due, now: Instant) -> bool {
        if !self.interval.is_zero() && due.load <= now {
            return true;
        }
        let Some(path) = self.watched.as_deref().filter(|_| due.look <= now) else { return false };
        due.look = now + LOOK;
        let seen = fingerprint(path);
        let changed = seen.is_some() && seen != due.seen;
        if changed {
            due.seen = seen;
        }
        changed
    }
}

fn fingerprint(path: &str) -> Option<Fingerprint> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ctime(), metadata.ctime_nsec(), metadata.len(), metadata.ino()))
}
