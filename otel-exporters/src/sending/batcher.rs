//! Makes batches of what is queued.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use otel_core::component::{ConsumeError, Host, Metadata, MetadataKeys};
use otel_core::pdata::{Signal, SignalKind};
use tokio::time::{Instant, sleep_until};

use super::batch::{Batch, Shares};
use super::queue::{Queue, Request};
use super::sender::Sent;
use super::{BatchConfig, Sizer};

/// Combinations of metadata values that are kept apart at a time. One more sends the batch that has waited longest.
const MOST_PARTITIONS: usize = 10_000;

/// Buffers that a batch in the making keeps alive at most, in bytes.
const MOST_PINNED: usize = 32 << 20;

/// What consumers send: each asks for the next one.
#[derive(Debug)]
pub(super) struct Batches<S> {
    queue: Arc<Queue<S>>,
    keys: MetadataKeys,
    /// Whoever has it makes the next batch, and lets go of it to send that. None where requests go out as they came.
    batcher: Option<tokio::sync::Mutex<Batcher<S>>>,
}

/// The batches in the making. One lives from its first request until it is sent.
#[derive(Debug)]
struct Batcher<S> {
    host: Host,
    limits: Limits,
    keys: MetadataKeys,
    pending: HashMap<Metadata, Pending<S>>,
    /// When each goes out at the latest, with a number where that is the same.
    due: BTreeMap<Due, Metadata>,
    opened: u64,
    ready: VecDeque<Batch<S>>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    sizer: Sizer,
    flush_timeout: Duration,
    min: usize,
    max: Option<NonZeroUsize>,
}

type Due = (Instant, u64);

#[derive(Debug)]
struct Pending<S> {
    data: Vec<S>,
    shares: Shares,
    size: usize,
    pinned: usize,
    due: Due,
}

impl<S: Signal> Batches<S> {
    pub(super) fn new(queue: Arc<Queue<S>>, config: Option<&BatchConfig>) -> Self {
        let host = queue.room().host().clone();
        let keys =
            config.map(|config| MetadataKeys::new(&config.partition.metadata_keys)).unwrap_or_default();
        let batcher = config.map(|config| tokio::sync::Mutex::new(Batcher::new(config, keys.clone(), host)));
        Self { queue, keys, batcher }
    }

    pub(super) fn queue(&self) -> &Queue<S> {
        &self.queue
    }

    /// The metadata by which batches are kept apart.
    pub(super) fn keys(&self) -> &MetadataKeys {
        &self.keys
    }

    /// The next batch; nothing once the queue is closed and everything was handed out.
    pub(super) async fn next(&self) -> Option<Batch<S>> {
        let Some(batcher) = &self.batcher else {
            loop {
                if let Some(request) = self.queue.next().await?.load().await {
                    return Some(Batch::of_one(request));
                }
            }
        };
        let mut batcher = batcher.lock().await;
        loop {
            if let Some(batch) = batcher.ready.pop_front() {
                return Some(batch);
            }
            let due = batcher.due();
            if due.is_some_and(|due| due <= Instant::now()) {
                batcher.flush_due();
                continue;
            }
            let entry = match (self.queue.try_next(), due) {
                (Some(entry), _) => Some(entry),
                (None, None) => self.queue.next().await,
                (None, Some(due)) => tokio::select! {
                    biased;
                    entry = self.queue.next() => entry,
                    () = sleep_until(due) => continue,
                },
            };
            match entry {
                Some(entry) => {
                    if let Some(request) = entry.load().await {
                        batcher.add(request);
                    }
                }
                // What is stored is not hurried out at the end.
                None if batcher.pending.is_empty() || self.queue.is_stored() => return None,
                None => batcher.flush_all(),
            }
        }
    }

    /// Lets go of everything that is held, and tells how many items are given up and how many requests stay on the disk.
    pub(super) fn end(&self) -> (usize, usize) {
        let (requests, stored) = self.queue.end();
        let mut items = requests.iter().map(|request| request.data.items()).sum();
        // Who still has it was broken off and is about to end.
        if let Some(mut batcher) = self.batcher.as_ref().and_then(|batcher| batcher.try_lock().ok()) {
            items += batcher.ready.drain(..).map(|batch| batch.shares.items()).sum::<usize>();
            items += batcher.pending.drain().map(|(_, pending)| pending.shares.items()).sum::<usize>();
            batcher.due.clear();
        }
        (if self.queue.is_stored() { 0 } else { items }, stored)
    }
}

impl<S: Signal> Batcher<S> {
    fn new(config: &BatchConfig, keys: MetadataKeys, host: Host) -> Self {
        Self {
            host,
            limits: Limits {
                sizer: config.sizer,
                flush_timeout: config.flush_timeout,
                min: config.min_size,
                max: NonZeroUsize::new(config.max_size),
            },
            keys,
            pending: HashMap::new(),
            due: BTreeMap::new(),
            opened: 0,
            ready: VecDeque::new(),
        }
    }

    fn add(&mut self, request: Request<S>) {
        let Request { data, context, ticket } = request;
        let metadata = self.keys.of(&context);
        if !self.pending.contains_key(&metadata) {
            if self.pending.len() >= MOST_PARTITIONS {
                self.flush_first();
            }
            self.open(metadata.clone());
        }
        let Some(pending) = self.pending.get_mut(&metadata) else { return };
        pending.size += self.limits.sizer.size(&data);
        pending.pinned += data.pinned_len();
        pending.shares.add(ticket, data.items(), context);
        pending.data.push(data);
        if pending.size >= self.limits.min || pending.pinned >= MOST_PINNED {
            self.flush(&metadata, true);
        }
    }

    fn open(&mut self, metadata: Metadata) -> &mut Pending<S> {
        self.opened += 1;
        let due = (Instant::now() + self.limits.flush_timeout, self.opened);
        self.due.insert(due, metadata.clone());
        let new = Pending { data: Vec::new(), shares: Shares::default(), size: 0, pinned: 0, due };
        self.pending.entry(metadata).or_insert(new)
    }

    fn due(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    fn flush_due(&mut self) {
        let now = Instant::now();
        while self.due().is_some_and(|due| due <= now) {
            self.flush_first();
        }
    }

    fn flush_all(&mut self) {
        while !self.due.is_empty() {
            self.flush_first();
        }
    }

    fn flush_first(&mut self) {
        if let Some((_, metadata)) = self.due.pop_first() {
            self.flush(&metadata, false);
        }
    }

    /// Makes what is pending ready to be sent. What a cut leaves that is too small may begin the next batch.
    fn flush(&mut self, metadata: &Metadata, may_keep: bool) {
        let Some(Pending { data, mut shares, due, .. }) = self.pending.remove(metadata) else { return };
        self.due.remove(&due);
        let mut pieces = self.limits.cut(S::merged(data)).into_iter().peekable();
        let mut is_first = true;
        while let Some(piece) = pieces.next() {
            let of_piece = shares.split_off_first(piece.items());
            let size = self.limits.sizer.size(&piece);
            let is_rest = !is_first && pieces.peek().is_none();
            is_first = false;
            if self.limits.max.is_some_and(|max| size > max.get()) {
                self.refuse(&piece, of_piece);
            } else if is_rest && may_keep && size < self.limits.min {
                let pinned = piece.pinned_len();
                let next = self.open(metadata.clone());
                *next = Pending { data: vec![piece], shares: of_piece, size, pinned, due: next.due };
            } else {
                self.ready.push_back(Batch::of_shares(piece, metadata, of_piece));
            }
        }
    }

    /// Gives up a single item that no batch can hold.
    fn refuse(&self, piece: &S, shares: Shares) {
        let lost = piece.items();
        let item = match S::KIND {
            SignalKind::Metrics => "one datapoint",
            SignalKind::Logs => "one log record",
            _ => "one span",
        };
        let message = format!("{item} size is greater than max size, dropping items: {lost}");
        let error = ConsumeError::permanent(message).with_reason("item_too_large");
        self.host.logger().warn("Failed to split request.").error(&error).emit();
        shares.done(&Sent { result: Err(error), lost, is_interrupted: false });
    }
}

impl Limits {
    /// Pieces of at most the largest size, but for single items that are larger.
    fn cut<S: Signal>(&self, data: S) -> Vec<S> {
        match self.max {
            Some(max) if self.sizer.size(&data) > max.get() => match self.sizer {
                Sizer::Bytes => {
                    let mut pieces = Vec::new();
                    let mut rest = data;
                    while !rest.is_empty() {
                        let (piece, left) = rest.split_bytes(max.get());
                        // A group without items is no telemetry.
                        pieces.extend(Some(piece).filter(|piece| piece.items() > 0));
                        rest = left;
                    }
                    pieces
                }
                _ => data.chunks(max).collect(),
            },
            _ => vec![data],
        }
    }
}
