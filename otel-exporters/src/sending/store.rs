//! The part of a persistent queue that is on a disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use otel_core::ComponentId;
use otel_core::component::{ConsumeError, Context, Host, Metadata, MetadataKeys, Owner, StartError, Storage};
use otel_core::pdata::{Signal, SignalKind};
use tokio::time::sleep;

use super::log::{Log, LogError, LogOptions, Pending, ReadError, RecordId, Recovery};
use super::record::{self, InvalidRecord};

/// How much of what is stored may stay in memory too, so that a backend that keeps up needs no reading.
const MOST_RESIDENT: usize = 16 << 20;

/// When to come again to a disk that is full or fails.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often a record is tried that the disk fails to read.
const READS: usize = 5;

/// Headers with which clients prove who they are.
const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

/// The log of a queue.
#[derive(Debug)]
pub(super) struct Store {
    log: Log,
    host: Host,
    signal: SignalKind,
    /// Metadata that goes on with data whatever it is.
    keys: MetadataKeys,
    resident: Arc<AtomicUsize>,
}

/// A request in the log. Dropping this leaves it there.
#[derive(Debug)]
pub(super) struct Record {
    store: Arc<Store>,
    id: RecordId,
}

/// What was in the log when it was opened.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) record: Record,
    /// What the record has beside the least of a header.
    pub(super) bytes: usize,
    /// Zero where that cannot be told.
    pub(super) items: usize,
}

/// Memory that something takes until this is dropped.
#[derive(Debug)]
pub(super) struct Resident {
    total: Arc<AtomicUsize>,
    bytes: usize,
}

impl Store {
    /// Opens the log that the storage extension has for the exporter.
    pub(super) async fn open(
        host: &Host,
        signal: SignalKind,
        extension: &ComponentId,
        keys: MetadataKeys,
    ) -> Result<(Arc<Self>, Vec<Recovered>), StartError> {
        let Some(storage) = host.capability::<dyn Storage>(extension) else {
            let message = if host.has_extension(extension) {
                "requested extension is not a storage extension"
            } else {
                "no storage client extension found"
            };
            return Err(StartError::new(format!("{message}: \"{extension}\"")));
        };
        let files = storage.files(&Owner::of(host, signal.as_str())).await?;
        let opened = host.blocking(move || {
            let (log, recovery) = Log::open(files, &LogOptions::new())?;
            let items = recovery.pending.iter().map(|pending| items(&log, pending)).collect::<Vec<_>>();
            Ok((log, recovery, items))
        });
        let failed = || StartError::new("cannot open the log of the sending queue");
        let opened = opened.await.map_err(|error| failed().with_source(error))?;
        let (log, recovery, items) = opened.map_err(|error: LogError| failed().with_source(error))?;
        let store = Arc::new(Self { log, host: host.clone(), signal, keys, resident: Arc::default() });
        store.tell(&recovery);
        let recovered = recovery.pending.iter().zip(items).map(|(pending, items)| {
            let bytes = (pending.length as usize).saturating_sub(record::START);
            let record = Record { store: Arc::clone(&store), id: pending.id };
            Recovered { record, bytes, items }
        });
        let recovered = recovered.collect();
        Ok((store, recovered))
    }

    /// How many requests are in the log.
    pub(super) fn records(&self) -> usize {
        self.log.records()
    }

    /// Whether data of that size would be refused for the bound of the disk.
    pub(super) fn admit(&self, bytes: usize) -> Result<(), ConsumeError> {
        // What an empty log still takes is given back by the next record.
        if self.log.records() == 0 || self.log.has_room_for(bytes as u64) {
            return Ok(());
        }
        Err(no_room())
    }

    /// What is stored of a context: no client, no authentication, and no credentials unless they keep data apart.
    pub(super) fn kept(&self, context: &Context) -> Context {
        let mut metadata = Metadata::new();
        for (key, values) in context.metadata().iter() {
            if !CREDENTIALS.contains(&key) || self.keys.contains(key) {
                for value in values {
                    metadata.append(key, value);
                }
            }
        }
        let mut kept = Context::new();
        if !metadata.is_empty() {
            kept = kept.with_metadata(metadata);
        }
        match context.trace() {
            Some(trace) => kept.with_trace(*trace).with_span(context.span()),
            None => kept,
        }
    }

    /// Adds a request to the log.
    pub(super) async fn append<S: Signal>(
        self: &Arc<Self>,
        data: &S,
        context: &Context,
    ) -> Result<Record, ConsumeError> {
        let appended = self.log.append(&record::encode(data, context)).await;
        appended.map(|id| Record { store: Arc::clone(self), id }).map_err(refusal)
    }

    /// Room to keep in memory what is stored; nothing where too much is there already.
    pub(super) fn keep(&self, bytes: usize) -> Option<Resident> {
        let fits = |total: usize| Some(total + bytes).filter(|total| *total <= MOST_RESIDENT);
        self.resident.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Resident { total: Arc::clone(&self.resident), bytes })
    }

    fn tell(&self, recovery: &Recovery) {
        for damage in &recovery.damage {
            let logger = self.host.logger();
            logger.warn("The persistent queue is damaged.").field("damage", damage.to_string()).emit();
        }
        let lost = recovery.lost_records() as usize;
        if lost > 0 {
            // Nobody knows how many items they had.
            self.host.dropped(self.signal, "storage_damaged", lost);
        }
        if !recovery.pending.is_empty() {
            self.host
                .logger()
                .info("Requests from before are in the persistent queue.")
                .field("requests", recovery.pending.len())
                .field("bytes", self.log.bytes())
                .emit();
        }
    }
}

impl Record {
    /// Reads the request. What is damaged is counted as so many items, or one; what cannot be read stays in the log.
    pub(super) async fn load<S: Signal>(&self, items: usize) -> Option<(S, Context)> {
        let logger = self.store.host.logger();
        let lost = match self.read().await {
            Ok(record) => match record::decode(record) {
                Ok(request) => return Some(request),
                Err(error @ InvalidRecord::Version(_)) => {
                    logger.error("A request stays in the persistent queue.").error(&error).emit();
                    return None;
                }
                Err(error) => error.to_string(),
            },
            Err(error) if error.is_damaged() => error.to_string(),
            Err(error) => {
                logger.error("A request stays in the persistent queue.").error(&error).emit();
                return None;
            }
        };
        let items = items.max(1);
        logger
            .error("A damaged request in the persistent queue is lost.")
            .field("error", lost)
            .field("dropped_items", items)
            .emit();
        self.store.host.dropped(self.store.signal, "storage_damaged", items);
        self.acknowledge();
        None
    }

    /// Takes the request out of the log.
    pub(super) fn acknowledge(&self) {
        if let Err(error) = self.store.log.acknowledge(self.id) {
            let message = "A request that is done with could not be taken out of the persistent queue.";
            self.store.host.logger().warn(message).error(&error).emit();
        }
    }

    async fn read(&self) -> Result<bytes::Bytes, ReadError> {
        let mut tries = 1;
        loop {
            let (store, id) = (Arc::clone(&self.store), self.id);
            let read = self.store.host.blocking(move || store.log.read(id)).await;
            match read {
                Ok(Err(ReadError::Io { .. })) if tries < READS => sleep(RETRY_AFTER).await,
                Ok(read) => return read,
                Err(_) if tries < READS => {}
                Err(_) => return Err(ReadError::Gone(self.id)),
            }
            tries += 1;
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// How many items a record seems to have, or zero.
fn items(log: &Log, pending: &Pending) -> usize {
    let mut start = [0; record::START];
    let read = log.peek(pending.id, &mut start).unwrap_or_default();
    // Each has two bytes at the least.
    record::items(&start[..read]).unwrap_or_default().min(pending.length as usize / 2)
}

fn refusal(error: LogError) -> ConsumeError {
    match error {
        LogError::TooLarge { .. } => {
            ConsumeError::permanent("element size too large").with_reason("queue_full").with_source(error)
        }
        error if error.is_full() => no_room().with_source(error),
        error => ConsumeError::retryable("sending queue cannot store")
            .with_reason("storage")
            .with_retry_after(RETRY_AFTER)
            .with_source(error),
    }
}

fn no_room() -> ConsumeError {
    let error = ConsumeError::retryable("sending queue is full");
    error.with_reason("storage_full").with_retry_after(RETRY_AFTER)
}
