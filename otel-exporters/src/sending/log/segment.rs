use std::fmt;
use std::sync::Arc;

use otel_core::component::StoredFile;

use super::format::Key;

/// A record of a log, for as long as it is open. Ordered as the records are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    pub(super) segment: u64,
    pub(super) slot: u32,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.segment, self.slot)
    }
}

/// What is known of a segment while its log is open.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) file: Arc<dyn StoredFile>,
    pub(super) key: Key,
    /// How many bytes its file has.
    pub(super) size: u64,
    /// Whether nothing is appended to it any more.
    pub(super) sealed: bool,
    entries: Vec<Entry>,
    pending: usize,
}

/// Where a record is, by its slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) offset: u32,
    pub(super) length: u32,
}

impl Entry {
    /// One that is acknowledged or lost.
    const GONE: Self = Self { offset: u32::MAX, length: 0 };

    fn is_gone(self) -> bool {
        self.offset == u32::MAX
    }
}

impl Segment {
    pub(super) fn new(number: u64, file: Arc<dyn StoredFile>, key: Key, size: u64) -> Self {
        Self { number, file, key, size, sealed: false, entries: Vec::new(), pending: 0 }
    }

    /// The name of the file of a segment.
    pub(super) fn name(number: u64) -> String {
        format!("{number:016x}.log")
    }

    /// The number of the segment of that name.
    pub(super) fn number(name: &str) -> Option<u64> {
        let number = name.strip_suffix(".log")?;
        u64::from_str_radix(number, 16).ok().filter(|parsed| Self::name(*parsed) == name)
    }

    /// How many records are neither acknowledged nor lost.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// How many slots are used.
    pub(super) fn slots(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Adds the next record.
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        self.pending += 1;
    }

    /// Leaves the next slot empty.
    pub(super) fn skip(&mut self) {
        self.entries.push(Entry::GONE);
    }

    /// The record of a slot, unless it is gone.
    pub(super) fn entry(&self, slot: u32) -> Option<Entry> {
        self.entries.get(slot as usize).copied().filter(|entry| !entry.is_gone())
    }

    /// Takes out the record of a slot, unless it is gone.
    pub(super) fn take(&mut self, slot: u32) -> Option<Entry> {
        let entry = self.entry(slot)?;
        self.entries[slot as usize] = Entry::GONE;
        self.pending -= 1;
        Some(entry)
    }

    /// The records that are left, in order.
    pub(super) fn left(&self) -> impl Iterator<Item = (RecordId, Entry)> {
        let ids = (0..).map(|slot| RecordId { segment: self.number, slot });
        ids.zip(self.entries.iter().copied()).filter(|(_, entry)| !entry.is_gone())
    }
}
