//! One sync for all appends that wait for one.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use otel_core::component::{Files, StoredFile};
use tokio::sync::Notify;

use super::LogError;
use super::segment::Segment;

/// What has been written and not yet synced, and who waits for that.
///
/// Of those that wait one leads: it syncs for all whose writes were done when it began. If it goes away in the middle, another
/// goes on with the same sync: whether that failed is told once, and a later sync says nothing of what it was to cover.
#[derive(Default)]
pub(super) struct Commits {
    lead: tokio::sync::Mutex<Option<Commit>>,
    uncommitted: Mutex<Uncommitted>,
}

#[derive(Default)]
struct Uncommitted {
    /// Segments by their number.
    files: BTreeMap<u64, Arc<dyn StoredFile>>,
    /// Whether segments came or went.
    directory: bool,
    /// Batches without an outcome.
    batches: Vec<Arc<Batch>>,
    /// The last of them, while no commit that covers it has begun.
    current: Option<Arc<Batch>>,
}

/// Writes that are synced together.
pub(super) struct Batch {
    outcome: OnceLock<Result<(), LogError>>,
    /// Told of the outcome. It wakes who waits in the order in which they came, which a watch does not, so that a
    /// simulation is the same each time.
    told: Notify,
}

impl Batch {
    fn new() -> Self {
        Self { outcome: OnceLock::new(), told: Notify::new() }
    }

    async fn outcome(&self) -> Result<(), LogError> {
        loop {
            // Asked for before the look, so that nothing is missed between the look and the wait.
            let told = self.told.notified();
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            told.await;
        }
    }

    fn is_open(&self) -> bool {
        self.outcome.get().is_none()
    }
}

impl Commits {
    /// Adds what has just been written to a segment to what the next commit covers.
    pub(super) fn join(&self, number: u64, file: &Arc<dyn StoredFile>) -> Arc<Batch> {
        let mut uncommitted = self.uncommitted();
        uncommitted.files.entry(number).or_insert_with(|| Arc::clone(file));
        let Uncommitted { batches, current, .. } = &mut *uncommitted;
        let batch = current.get_or_insert_with(|| {
            let batch = Arc::new(Batch::new());
            batches.push(Arc::clone(&batch));
            batch
        });
        Arc::clone(batch)
    }

    /// Segments came or went.
    pub(super) fn directory_changed(&self) {
        self.uncommitted().directory = true;
    }

    /// Waits until the batch is synced, and syncs it where nobody else does. `failed` is told of segments that failed to.
    pub(super) async fn wait(
        &self,
        batch: &Batch,
        files: &Arc<dyn Files>,
        failed: impl Fn(u64),
    ) -> Result<(), LogError> {
        let mut lead = tokio::select! {
            biased;
            outcome = batch.outcome() => return outcome,
            lead = self.lead.lock() => lead,
        };
        // What somebody else has begun may be too early for this batch.
        while batch.is_open() {
            let commit = lead.get_or_insert_with(|| self.begin(files));
            let outcome = commit.sync.as_mut().await;
            if outcome.is_err() {
                commit.segments.iter().copied().for_each(&failed);
            }
            if let Some(commit) = lead.take() {
                self.end(commit, &outcome);
            }
        }
        drop(lead);
        batch.outcome().await
    }

    fn begin(&self, files: &Arc<dyn Files>) -> Commit {
        let mut uncommitted = self.uncommitted();
        uncommitted.current = None;
        let segments = std::mem::take(&mut uncommitted.files);
        let directory = std::mem::take(&mut uncommitted.directory);
        Commit {
            segments: segments.keys().copied().collect(),
            directory,
            batches: uncommitted.batches.clone(),
            sync: Box::pin(sync(Arc::clone(files), segments, directory)),
        }
    }

    fn end(&self, commit: Commit, outcome: &Result<(), LogError>) {
        let mut uncommitted = self.uncommitted();
        let mut batches = commit.batches;
        if outcome.is_err() {
            // What was written in the meantime may be among what could not be synced.
            uncommitted.files.retain(|number, _| !commit.segments.contains(number));
            uncommitted.directory |= commit.directory;
            uncommitted.current = None;
            batches.clone_from(&uncommitted.batches);
        }
        for batch in batches {
            // Whose outcome is known keeps it.
            let _ = batch.outcome.set(outcome.clone());
            batch.told.notify_waiters();
        }
        uncommitted.batches.retain(|batch| batch.is_open());
    }

    fn uncommitted(&self) -> MutexGuard<'_, Uncommitted> {
        self.uncommitted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sync that is under way.
struct Commit {
    /// What it covers.
    segments: Vec<u64>,
    directory: bool,
    batches: Vec<Arc<Batch>>,
    sync: Pin<Box<dyn Future<Output = Result<(), LogError>> + Send>>,
}

/// Segments first: the name of one that is empty would be of no use.
async fn sync(
    files: Arc<dyn Files>,
    segments: BTreeMap<u64, Arc<dyn StoredFile>>,
    directory: bool,
) -> Result<(), LogError> {
    for (number, file) in &segments {
        let location = || files.location(&Segment::name(*number));
        file.sync().await.map_err(|error| LogError::io("sync", location(), error))?;
    }
    if directory {
        let location = || files.location("");
        files.sync().await.map_err(|error| LogError::io("sync", location(), error))?;
    }
    Ok(())
}
