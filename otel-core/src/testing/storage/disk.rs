//! What is on the disk, and what is only in the page cache.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::component::{FileSettings, Operation, Owner};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    State,
    Files,
}

impl Part {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Part::State => "values",
            Part::Files => "files",
        }
    }
}

pub(super) struct Disk {
    random: StdRng,
    pub(super) settings: FileSettings,
    pub(super) capacity: Option<u64>,
    /// Counts crashes, so that what was opened before one is known.
    pub(super) generation: u64,
    pub(super) opened: HashSet<(Owner, Part)>,
    pub(super) failing_syncs: usize,
    pub(super) syncs: usize,
    directories: HashMap<Owner, Directory>,
    values: HashMap<Owner, Values>,
}

impl Disk {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            settings: FileSettings::new(),
            capacity: None,
            generation: 0,
            opened: HashSet::new(),
            failing_syncs: 0,
            syncs: 0,
            directories: HashMap::new(),
            values: HashMap::new(),
        }
    }

    pub(super) fn directory(&mut self, owner: &Owner) -> &mut Directory {
        self.directories.entry(owner.clone()).or_default()
    }

    pub(super) fn values(&mut self, owner: &Owner) -> &mut Values {
        self.values.entry(owner.clone()).or_default()
    }

    pub(super) fn used(&self) -> u64 {
        let files: u64 = self.directories.values().map(Directory::size).sum();
        let values: u64 = self.values.values().map(Values::size).sum();
        files + values
    }

    /// How many of so many more bytes there is room for.
    pub(super) fn room(&self, bytes: u64) -> u64 {
        self.capacity.map_or(bytes, |capacity| capacity.saturating_sub(self.used()).min(bytes))
    }

    /// Counts a sync, unless it is one of those that fail.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.failing_syncs > 0 {
            self.failing_syncs -= 1;
            return Err(io::Error::other("input/output error"));
        }
        self.syncs += 1;
        Ok(())
    }

    pub(super) fn kill(&mut self) {
        self.generation += 1;
        self.opened.clear();
        let fsync = self.settings.fsync;
        for owner in sorted(self.values.keys()) {
            if let Some(values) = self.values.get_mut(&owner) {
                values.lose(&mut self.random, fsync);
            }
        }
    }

    pub(super) fn crash(&mut self) {
        self.kill();
        for owner in sorted(self.directories.keys()) {
            if let Some(directory) = self.directories.get_mut(&owner) {
                directory.lose(&mut self.random);
            }
        }
    }

    pub(super) fn flip_bit(&mut self, owner: &Owner) -> Option<(String, usize)> {
        let directory = self.directories.get(owner)?;
        let files: Vec<_> = directory.entries.iter().filter(|(_, node)| node.size() > 0).collect();
        let size: u64 = files.iter().map(|(_, node)| node.size()).sum();
        let mut byte = self.random.random_range(0..size.max(1));
        let bit = self.random.random_range(0..8);
        for (name, node) in files {
            if byte < node.size() {
                node.damage(|bytes| bytes[byte as usize] ^= 1 << bit);
                return Some((name.clone(), byte as usize * 8 + bit));
            }
            byte -= node.size();
        }
        None
    }
}

/// The owners in an order that does not depend on how they are hashed.
fn sorted<'o>(owners: impl Iterator<Item = &'o Owner>) -> Vec<Owner> {
    let mut owners: Vec<_> = owners.cloned().collect();
    owners.sort_by_key(ToString::to_string);
    owners
}

/// An owner's files.
#[derive(Default)]
pub(super) struct Directory {
    pub(super) entries: BTreeMap<String, Arc<Node>>,
    synced: BTreeMap<String, Arc<Node>>,
}

impl Directory {
    pub(super) fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    pub(super) fn node(&self, name: &str) -> Option<Arc<Node>> {
        self.entries.get(name).cloned()
    }

    pub(super) fn sync(&mut self) {
        self.synced.clone_from(&self.entries);
    }

    fn size(&self) -> u64 {
        self.entries.values().map(|node| node.size()).sum()
    }

    /// Each name is what it was at the last sync, or what it is now.
    fn lose(&mut self, random: &mut StdRng) {
        let names: HashSet<_> = self.entries.keys().chain(self.synced.keys()).cloned().collect();
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        for name in names {
            if random.random() {
                match self.synced.get(&name).cloned() {
                    Some(node) => self.entries.insert(name, node),
                    None => self.entries.remove(&name),
                };
            }
        }
        self.entries.values().for_each(|node| node.lose(random));
        self.sync();
    }
}

/// A file.
#[derive(Default)]
pub(super) struct Node(Mutex<Content>);

#[derive(Default)]
struct Content {
    cached: Vec<u8>,
    synced: Vec<u8>,
    /// What has changed since the last sync.
    changes: Vec<Change>,
}

#[derive(Clone, Copy)]
enum Change {
    Write { from: usize, to: usize },
    Truncate { size: usize },
}

impl Node {
    pub(super) fn size(&self) -> u64 {
        self.content().cached.len() as u64
    }

    /// Reads what there is.
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let content = self.content();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.cached.len());
        let length = buffer.len().min(content.cached.len() - from);
        buffer[..length].copy_from_slice(&content.cached[from..from + length]);
        length
    }

    pub(super) fn write(&self, bytes: &[u8], offset: u64) {
        let mut content = self.content();
        let from = offset as usize;
        let to = from + bytes.len();
        if content.cached.len() < to {
            content.cached.resize(to, 0);
        }
        content.cached[from..to].copy_from_slice(bytes);
        match content.changes.last_mut() {
            // Writes may fuse, as a disk sees only pages.
            Some(Change::Write { to: end, .. }) if *end == from => *end = to,
            _ => content.changes.push(Change::Write { from, to }),
        }
    }

    pub(super) fn truncate(&self, size: u64) {
        let mut content = self.content();
        let size = (size as usize).min(content.cached.len());
        content.cached.truncate(size);
        content.changes.push(Change::Truncate { size });
    }

    pub(super) fn sync(&self) {
        let mut content = self.content();
        let Content { cached, synced, changes } = &mut *content;
        for change in changes.drain(..) {
            change.apply(cached, synced, usize::MAX);
        }
        // A range that never came to the disk is a hole.
        synced.resize(cached.len(), 0);
    }

    /// What has changed since the last sync never comes to the disk.
    pub(super) fn forget(&self) {
        self.content().changes.clear();
    }

    pub(super) fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut content = self.content();
        let Content { cached, synced, changes } = &mut *content;
        change(cached);
        synced.clone_from(cached);
        changes.clear();
    }

    /// Each change has happened, or has not, or has up to some byte.
    fn lose(&self, random: &mut StdRng) {
        let mut content = self.content();
        let Content { cached, synced, changes } = &mut *content;
        for change in changes.drain(..) {
            let length = change.length();
            match random.random_range(0..3) {
                0 => {}
                1 => change.apply(cached, synced, usize::MAX),
                _ => change.apply(cached, synced, random.random_range(0..=length)),
            }
        }
        cached.clone_from(synced);
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Change {
    fn length(self) -> usize {
        match self {
            Change::Write { from, to } => to - from,
            Change::Truncate { .. } => 0,
        }
    }

    /// Does the first bytes of the change on the disk.
    fn apply(self, cached: &[u8], synced: &mut Vec<u8>, first: usize) {
        match self {
            Change::Write { from, to } => {
                let to = to.min(from.saturating_add(first)).min(cached.len());
                if from < to {
                    if synced.len() < to {
                        synced.resize(to, 0);
                    }
                    synced[from..to].copy_from_slice(&cached[from..to]);
                }
            }
            Change::Truncate { size } => synced.truncate(size),
        }
    }
}

/// An owner's values.
#[derive(Default)]
pub(super) struct Values {
    pub(super) cached: BTreeMap<String, Bytes>,
    synced: BTreeMap<String, Bytes>,
    batches: Vec<Vec<Operation>>,
}

impl Values {
    /// A crash takes at most so many batches.
    const UNCERTAIN: usize = 100;

    pub(super) fn batch(&mut self, operations: Vec<Operation>) -> Vec<Option<Bytes>> {
        let mut answers = Vec::with_capacity(operations.len());
        for operation in &operations {
            answers.push(match operation {
                Operation::Get(key) => self.cached.get(key).cloned(),
                Operation::Set(..) | Operation::Delete(_) => None,
            });
            apply(&mut self.cached, operation);
        }
        self.batches.push(operations);
        if self.batches.len() > Self::UNCERTAIN {
            for operation in self.batches.remove(0) {
                apply(&mut self.synced, &operation);
            }
        }
        answers
    }

    pub(super) fn sync(&mut self) {
        self.batches.clear();
        self.synced.clone_from(&self.cached);
    }

    /// What these operations add to the size.
    pub(super) fn growth(&self, operations: &[Operation]) -> u64 {
        let mut after = self.cached.clone();
        for operation in operations {
            apply(&mut after, operation);
        }
        size(&after).saturating_sub(self.size())
    }

    fn size(&self) -> u64 {
        size(&self.cached)
    }

    /// Some first batches have happened: all of them where each is synced.
    fn lose(&mut self, random: &mut StdRng, fsync: bool) {
        let kept = if fsync { self.batches.len() } else { random.random_range(0..=self.batches.len()) };
        for operation in self.batches.drain(..).take(kept).flatten() {
            apply(&mut self.synced, &operation);
        }
        self.cached.clone_from(&self.synced);
    }
}

fn apply(values: &mut BTreeMap<String, Bytes>, operation: &Operation) {
    match operation {
        Operation::Get(_) => {}
        Operation::Set(key, value) => drop(values.insert(key.clone(), value.clone())),
        Operation::Delete(key) => drop(values.remove(key)),
    }
}

fn size(values: &BTreeMap<String, Bytes>) -> u64 {
    values.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
}
