use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use otel_core::component::{FileSettings, Files, StoredFile};
use tokio::time::Instant;

use super::commit::{Batch, Commits};
use super::format::{self, Key, RECORD_HEADER, RecordHeader, SegmentHeader};
use super::segment::{Entry, Segment};
use super::{LogError, LogOptions, Pending, ReadError, RecordId, Recovery, scan};

/// A log of records in the files of one owner. See the [module](super).
///
/// Its calls may come from several threads at a time. Dropping it closes it, and removes the last segment if nothing in it
/// is left.
pub struct Log {
    files: Arc<dyn Files>,
    settings: FileSettings,
    segment_size: u64,
    slots: u32,
    /// Locked before the state where both are. Held while a record is written.
    writer: Mutex<Writer>,
    /// Never held while a file is read or written.
    state: Mutex<State>,
    /// What all segments take.
    size: AtomicU64,
    commits: Commits,
}

struct Writer {
    next: u64,
    active: Option<Active>,
}

/// The segment that is appended to.
struct Active {
    number: u64,
    file: Arc<dyn StoredFile>,
    key: Key,
    end: u64,
    /// Up to where its file reaches: there are zeros behind the end where room was made ahead.
    filled: u64,
    slot: u32,
    /// When it was last known that the file has a name.
    linked: Instant,
}

impl Active {
    /// By how many bytes its file grows for a record.
    fn growth(&self, size: u64) -> u64 {
        (self.end + size).saturating_sub(self.filled)
    }

    /// Whether the file still had a name not long ago.
    fn is_linked(&mut self) -> bool {
        if self.linked.elapsed() >= LOOK_AFTER {
            if !self.file.is_linked().unwrap_or(false) {
                return false;
            }
            self.linked = Instant::now();
        }
        true
    }
}

#[derive(Default)]
struct State {
    segments: BTreeMap<u64, Segment>,
    /// Segments that are done with and could not be removed, with their sizes.
    leftovers: Vec<(u64, u64)>,
    records: usize,
    bytes: u64,
    lost: u64,
}

/// How often to look whether somebody has removed a file: to ask costs a fifth of a small record.
pub(super) const LOOK_AFTER: Duration = Duration::from_millis(100);

/// How much room is made ahead at a time for records that are synced, at most.
const AHEAD: u64 = 256 << 10;

impl Log {
    /// Opens the log in these files, and tells what is in it. Blocks: reads the headers of all records that are there.
    ///
    /// Whatever is damaged, the log opens: see [`Recovery::damage`].
    ///
    /// # Errors
    /// That the files cannot be listed.
    pub fn open(files: Arc<dyn Files>, options: &LogOptions) -> Result<(Self, Recovery), LogError> {
        let names = files.names().map_err(|error| LogError::io("list", files.location(""), error))?;
        let settings = files.settings();
        let segment_size = options.size_in(settings);
        let mut recovery = Recovery::default();
        let mut state = State::default();
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| Segment::number(name)).collect();
        numbers.sort_unstable();
        let segments: Vec<_> = numbers
            .into_iter()
            .filter_map(|number| scan::segment(&*files, number, &mut recovery.damage))
            .collect();
        let size = segments.iter().map(|segment| segment.size).sum();
        for segment in segments {
            state.records += segment.pending();
            for (id, entry) in segment.left() {
                state.bytes += u64::from(entry.length);
                recovery.pending.push(Pending { id, length: entry.length });
            }
            state.segments.insert(segment.number, segment);
        }
        state.lost = recovery.lost_records();
        let log = Self {
            writer: Mutex::new(Writer { next: next_number(&names), active: None }),
            state: Mutex::new(state),
            size: AtomicU64::new(size),
            commits: Commits::default(),
            files,
            settings,
            segment_size,
            slots: LogOptions::slots_in(segment_size),
        };
        log.remove_finished();
        Ok((log, recovery))
    }

    /// Adds a record, which is these pieces one after the other.
    ///
    /// Without `fsync` the record survives the process when this returns, and this never waits. With it, it survives a crash
    /// of the machine; all that are appended at a time share one sync.
    ///
    /// # Errors
    /// The log is as it was, and may take the same later, unless the record is
    /// [too large](LogError::is_retryable) for its bound.
    ///
    /// # Cancellation
    /// A future that is dropped takes its record out again. After a crash of the machine it may come back.
    pub async fn append(&self, pieces: &[Bytes]) -> Result<RecordId, LogError> {
        let (id, batch) = self.write(pieces)?;
        if let Some(batch) = batch {
            let unconfirmed = Unconfirmed { log: self, id: Some(id) };
            self.commits.wait(&batch, &self.files, |number| self.give_up_on(number)).await?;
            unconfirmed.confirm();
        }
        Ok(id)
    }

    /// Reads a record and verifies it. Blocks for as long as the disk needs, which is not at all for what was written a
    /// short while ago.
    ///
    /// # Errors
    /// A damaged record is given up: it is as if it were acknowledged, and counted by [`Log::lost_records`].
    pub fn read(&self, id: RecordId) -> Result<Bytes, ReadError> {
        let (file, key, entry) = self.find(id).ok_or(ReadError::Gone(id))?;
        let mut bytes = vec![0; RECORD_HEADER + entry.length as usize];
        let location = || self.files.location(&Segment::name(id.segment));
        let read = file.read_full_at(&mut bytes, u64::from(entry.offset));
        let read = read.map_err(|source| ReadError::Io { location: location(), source })?;
        let header = RecordHeader::decode(&bytes, &key);
        let bytes = Bytes::from(bytes);
        let payload = bytes.slice(RECORD_HEADER..);
        let is_whole = header.is_some_and(|header| {
            read == bytes.len()
                && (header.slot, header.length) == (id.slot, entry.length)
                && header.checksum == crc32c::crc32c(&payload)
        });
        if is_whole {
            return Ok(payload);
        }
        if self.forget(id).unwrap_or(true) {
            self.state().lost += 1;
        }
        let (offset, length) = (u64::from(entry.offset), bytes.len() as u64);
        Err(ReadError::Damaged { location: location(), offset, length })
    }

    /// Reads the first bytes of a record without verifying them, as many as the buffer takes and there are, for what is only a
    /// guess. Blocks as [`read`](Self::read) does. Nothing where the record is gone or the disk fails.
    pub fn peek(&self, id: RecordId, buffer: &mut [u8]) -> Option<usize> {
        let (file, _, entry) = self.find(id)?;
        let length = buffer.len().min(entry.length as usize);
        let offset = u64::from(entry.offset) + RECORD_HEADER as u64;
        file.read_full_at(&mut buffer[..length], offset).ok()
    }

    /// Says that a record is done with. It does not come again, unless the machine crashes before the disk knows. Needs no
    /// room on the disk. Tells whether the record was there.
    ///
    /// # Errors
    /// The record may come again when the log is opened the next time. It is done with for this one.
    pub fn acknowledge(&self, id: RecordId) -> Result<bool, LogError> {
        self.forget(id)
    }

    /// How many records are not acknowledged.
    pub fn records(&self) -> usize {
        self.state().records
    }

    /// How many bytes the records have that are not acknowledged.
    pub fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// How many bytes the log takes on the disk.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// How many records are known to be lost to damage since before the log was opened.
    pub fn lost_records(&self) -> u64 {
        self.state().lost
    }

    /// Whether a record of so many bytes would not be refused for the bound of the log, as far as can be told without
    /// trying.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        let max_size = self.settings.max_size;
        max_size == 0 || self.size() + bytes + RECORD_HEADER as u64 <= max_size
    }

    fn write(&self, pieces: &[Bytes]) -> Result<(RecordId, Option<Arc<Batch>>), LogError> {
        let length: usize = pieces.iter().map(Bytes::len).sum();
        let size = (RECORD_HEADER + length) as u64;
        let max_size = match self.settings.max_size {
            0 => u64::from(u32::MAX),
            max_size => max_size.min(u64::from(u32::MAX)),
        };
        if size + self.overhead() > max_size {
            return Err(LogError::TooLarge { size, max_size });
        }
        let checksum = format::checksum(pieces);
        let mut writer = self.writer();
        if writer.active.as_mut().is_some_and(|active| !active.is_linked()) {
            // Somebody removed it. What is in it can be read on, and nobody finds what would follow.
            self.seal(&mut writer);
        }
        self.make_room(&mut writer, size)?;
        let length = length as u32;
        let mut written = self.put(&mut writer, pieces, length, checksum);
        if written.as_ref().is_err_and(LogError::is_full) && self.seal_if_done(&mut writer) {
            // What the segment held is free now.
            self.make_room(&mut writer, size)?;
            written = self.put(&mut writer, pieces, length, checksum);
        }
        written
    }

    /// Writes the record to the active segment, or nothing.
    fn put(
        &self,
        writer: &mut Writer,
        pieces: &[Bytes],
        length: u32,
        checksum: u32,
    ) -> Result<(RecordId, Option<Arc<Batch>>), LogError> {
        self.fill_ahead(writer, (RECORD_HEADER + length as usize) as u64);
        let active = writer.active.as_mut().expect("room was made in it");
        let header = RecordHeader { slot: active.slot, length, checksum };
        let encoded = header.encode(&active.key);
        let mut slices = Vec::with_capacity(pieces.len() + 1);
        slices.push(IoSlice::new(&encoded));
        slices.extend(pieces.iter().map(|piece| IoSlice::new(piece)));
        if let Err(error) = active.file.write_all_at(&mut slices, active.end) {
            let location = self.files.location(&Segment::name(active.number));
            if self.trim(active).is_err() {
                // Whatever is there now, nothing may follow it.
                self.seal(writer);
            }
            return Err(LogError::io("write", location, error));
        }
        let id = RecordId { segment: active.number, slot: active.slot };
        let entry = Entry { offset: offset(active.end), length };
        let filled = active.filled + active.growth(header.size());
        active.end += header.size();
        active.slot += 1;
        self.resize(active, filled);
        let mut state = self.state();
        state.records += 1;
        state.bytes += u64::from(length);
        let segment = state.segments.get_mut(&id.segment).expect("the active segment is known");
        segment.push(entry);
        drop(state);
        Ok((id, self.settings.fsync.then(|| self.commits.join(active.number, &active.file))))
    }

    /// Fills the file of the active segment with zeros, so that a sync has to write records alone, and not how large the file
    /// is, too, for which a file system waits for the disk once more.
    fn fill_ahead(&self, writer: &mut Writer, size: u64) {
        let Some(active) = &mut writer.active else { return };
        let ahead = AHEAD.min(self.segment_size / 16);
        let to = (active.end + ahead).min(self.segment_size);
        // Of large records the syncs matter less, and writing twice more.
        if !self.settings.fsync || active.growth(size) == 0 || size > ahead / 4 || to < active.end + size {
            return;
        }
        let max_size = self.settings.max_size;
        if max_size != 0 && self.size() + (to - active.filled) > max_size {
            return;
        }
        if active.file.allocate(to).is_ok() {
            self.resize(active, to);
        } else {
            // There is no room ahead. Where this fails, what is behind the end is written over.
            let _ = self.trim(active);
        }
    }

    /// Cuts off what is behind the last record.
    fn trim(&self, active: &mut Active) -> io::Result<()> {
        active.file.truncate(active.end)?;
        self.resize(active, active.end);
        Ok(())
    }

    /// Notes how large the file of the active segment is.
    fn resize(&self, active: &mut Active, size: u64) {
        self.size.fetch_add(size.wrapping_sub(active.filled), Ordering::Relaxed);
        active.filled = size;
        if let Some(segment) = self.state().segments.get_mut(&active.number) {
            segment.size = size;
        }
    }

    /// Has a segment active that takes a record of that size.
    fn make_room(&self, writer: &mut Writer, size: u64) -> Result<(), LogError> {
        loop {
            let needed = match &writer.active {
                Some(active) if self.fits(active, size) => active.growth(size),
                Some(_) => {
                    self.seal(writer);
                    continue;
                }
                None => self.overhead() + size,
            };
            let max_size = self.settings.max_size;
            if max_size == 0 || self.size() + needed <= max_size {
                break;
            }
            if !self.seal_if_done(writer) {
                return Err(LogError::Full { size: self.size(), max_size });
            }
        }
        if writer.active.is_none() {
            writer.active = Some(self.create(writer)?);
        }
        Ok(())
    }

    fn fits(&self, active: &Active, size: u64) -> bool {
        active.slot == 0 || (active.slot < self.slots && active.end + size <= self.segment_size)
    }

    /// What a segment takes beside its records.
    fn overhead(&self) -> u64 {
        format::begin(self.slots)
    }

    fn create(&self, writer: &mut Writer) -> Result<Active, LogError> {
        self.retry_leftovers();
        let number = writer.next;
        let name = Segment::name(number);
        let header = SegmentHeader { number, slots: self.slots, key: Key::random() };
        let failed = |error| LogError::io("create", self.files.location(&name), error);
        let file = self.files.create(&name).map_err(failed)?;
        let end = header.begin();
        let encoded = header.encode();
        let written = file.write_all_at(&mut [IoSlice::new(&encoded)], 0).and_then(|()| file.allocate(end));
        if let Err(error) = written {
            // Where even this fails, an empty file is left, which the next opening removes.
            if self.files.remove(&name).is_err() {
                writer.next += 1;
            }
            return Err(failed(error));
        }
        writer.next += 1;
        if self.settings.fsync {
            self.commits.directory_changed();
        }
        self.size.fetch_add(end, Ordering::Relaxed);
        let segment = Segment::new(number, Arc::clone(&file), header.key, end);
        self.state().segments.insert(number, segment);
        Ok(Active { number, file, key: header.key, end, filled: end, slot: 0, linked: Instant::now() })
    }

    /// Appends nothing more to the active segment.
    fn seal(&self, writer: &mut Writer) {
        let Some(mut active) = writer.active.take() else { return };
        if active.filled > active.end {
            // What stays is found to be zeros by the next opening.
            let _ = self.trim(&mut active);
        }
        let mut state = self.state();
        if let Some(segment) = state.segments.get_mut(&active.number) {
            segment.sealed = true;
        }
        drop(state);
        self.remove_finished();
    }

    /// Removes the active segment if all of its records are acknowledged.
    fn seal_if_done(&self, writer: &mut Writer) -> bool {
        let Some(active) = writer.active.as_ref().filter(|active| active.slot > 0) else { return false };
        let is_done = self.state().segments.get(&active.number).is_some_and(|segment| segment.pending() == 0);
        if is_done {
            self.seal(writer);
        }
        is_done
    }

    /// Appends nothing more to a segment that could not be synced: nobody knows what of it is on the disk.
    fn give_up_on(&self, number: u64) {
        let mut writer = self.writer();
        if writer.active.as_ref().is_some_and(|active| active.number == number) {
            self.seal(&mut writer);
        }
    }

    fn find(&self, id: RecordId) -> Option<(Arc<dyn StoredFile>, Key, Entry)> {
        let state = self.state();
        let segment = state.segments.get(&id.segment)?;
        let entry = segment.entry(id.slot)?;
        Some((Arc::clone(&segment.file), segment.key, entry))
    }

    /// Takes a record out, in memory and on the disk. Tells whether it was there.
    fn forget(&self, id: RecordId) -> Result<bool, LogError> {
        let mut state = self.state();
        let Some(segment) = state.segments.get_mut(&id.segment) else { return Ok(false) };
        let Some(entry) = segment.take(id.slot) else { return Ok(false) };
        let is_finished = segment.sealed && segment.pending() == 0;
        let (file, key, size) = (Arc::clone(&segment.file), segment.key, segment.size);
        state.records -= 1;
        state.bytes -= u64::from(entry.length);
        if is_finished {
            state.segments.remove(&id.segment);
        }
        drop(state);
        if is_finished && self.remove(id.segment, size) {
            return Ok(true);
        }
        let tag = key.tag(id.slot);
        let written = file.write_all_at(&mut [IoSlice::new(&tag)], format::tag_at(id.slot));
        let location = || self.files.location(&Segment::name(id.segment));
        written.map_err(|error| LogError::io("acknowledge a record of", location(), error))?;
        Ok(true)
    }

    /// Removes the segments that are sealed and have nothing left.
    fn remove_finished(&self) {
        let mut state = self.state();
        let is_finished = |segment: &&Segment| segment.sealed && segment.pending() == 0;
        let finished: Vec<_> =
            state.segments.values().filter(is_finished).map(|segment| segment.number).collect();
        let removed: Vec<_> =
            finished.into_iter().filter_map(|number| state.segments.remove(&number)).collect();
        drop(state);
        for segment in removed {
            self.remove(segment.number, segment.size);
        }
    }

    /// Removes the file of a segment, if nobody else has. One that stays is tried again when the next segment is made.
    fn remove(&self, number: u64, size: u64) -> bool {
        let removed = self.files.remove(&Segment::name(number));
        let is_removed = removed.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true);
        if is_removed {
            self.size.fetch_sub(size, Ordering::Relaxed);
            if self.settings.fsync {
                self.commits.directory_changed();
            }
        } else {
            self.state().leftovers.push((number, size));
        }
        is_removed
    }

    fn retry_leftovers(&self) {
        let leftovers = std::mem::take(&mut self.state().leftovers);
        for (number, size) in leftovers {
            self.remove(number, size);
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let mut writer = self.writer();
        self.seal_if_done(&mut writer);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("location", &self.files.location(""))
            .field("records", &self.records())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// A record of which its caller does not know that it is in the log.
struct Unconfirmed<'l> {
    log: &'l Log,
    id: Option<RecordId>,
}

impl Unconfirmed<'_> {
    fn confirm(mut self) {
        self.id = None;
    }
}

impl Drop for Unconfirmed<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // If it cannot be noted, the record may come again, as after any failure.
            let _ = self.log.forget(id);
        }
    }
}

/// A number that no segment has, nor one that was set aside.
fn next_number(names: &[String]) -> u64 {
    let numbers =
        names.iter().filter_map(|name| Segment::number(name.strip_suffix(".damaged").unwrap_or(name)));
    numbers.max().map_or(1, |number| number + 1)
}

/// Records begin before the largest segment ends, which is far from 4 GiB.
fn offset(end: u64) -> u32 {
    u32::try_from(end).expect("a segment takes nothing more once it has 1 GiB")
}
