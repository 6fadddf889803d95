//! Finding the records of a segment that another process, or an earlier instance, has written.

use std::io::{self, IoSlice};
use std::sync::Arc;

use otel_core::component::{Files, StoredFile};

use super::format::{
    self, ACKNOWLEDGEMENTS, BadHeader, Key, RECORD_HEADER, RecordHeader, SegmentHeader, TAG,
};
use super::segment::{Entry, Segment};
use super::{Damage, DamageKind};

/// How many bytes are read at once where headers are followed.
const STEP: usize = 4 << 10;

/// The least of what the system writes at once, or not at all.
const PAGE: u64 = 4 << 10;

/// How many bytes are read at once where the next header is searched.
const STRIDE: usize = 64 << 10;

/// Reads a segment, cuts off a torn end, and tells what is damaged. `None` where the file is to be left alone.
///
/// A record that runs past the end of the file was being written when the process stopped, and is cut off. One that stands there
/// with its whole length is verified when it is read, like all others.
pub(super) fn segment(files: &dyn Files, number: u64, damage: &mut Vec<Damage>) -> Option<Segment> {
    let name = Segment::name(number);
    let mut report = |offset, bytes, kind| {
        damage.push(Damage { location: files.location(&name), offset, bytes, kind });
    };
    let opened = files.open(&name).and_then(|file| Ok((file.size()?, read_header(&*file)?, file)));
    let (size, header, file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            report(0, 0, DamageKind::Unreadable(error.to_string()));
            return None;
        }
    };
    let header = match header {
        Ok(header) if header.number == number => header,
        // The process stopped when it had just made the file.
        Err(BadHeader::Damaged) if size < ACKNOWLEDGEMENTS => {
            if size > 0 {
                report(0, size, DamageKind::Torn);
            }
            return Some(empty(number, file, size));
        }
        Ok(_) | Err(_) => {
            let kind = match set_aside(files, &name) {
                Ok(aside) => DamageKind::SetAside(files.location(&aside)),
                Err(error) => DamageKind::Unreadable(format!("its header is damaged: {error}")),
            };
            report(0, size, kind);
            return None;
        }
    };
    let segment = Segment::new(number, Arc::clone(&file), header.key, size);
    let mut scan = Scan {
        file: &*file,
        key: header.key,
        slots: header.slots,
        size,
        window: Vec::new(),
        window_at: 0,
        tags: Vec::new(),
        segment,
    };
    if let Err(error) = scan.run(header.begin(), &mut report) {
        let read = scan.window_at;
        report(read, size.saturating_sub(read), DamageKind::Unreadable(error.to_string()));
    }
    let mut segment = scan.segment;
    segment.sealed = true;
    Some(segment)
}

fn read_header(file: &dyn StoredFile) -> io::Result<Result<SegmentHeader, BadHeader>> {
    let mut head = vec![0; ACKNOWLEDGEMENTS as usize];
    let length = file.read_full_at(&mut head, 0)?;
    Ok(SegmentHeader::decode(&head[..length]))
}

/// Gives a file a name under which it is left alone.
fn set_aside(files: &dyn Files, name: &str) -> io::Result<String> {
    let mut aside = format!("{name}{DAMAGED}");
    for number in 2.. {
        match files.rename(name, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            renamed => return renamed.map(|()| aside),
        }
        aside = format!("{name}{DAMAGED}.{number}");
    }
    unreachable!("there are names enough")
}

/// A segment without records, which is to be removed.
fn empty(number: u64, file: Arc<dyn StoredFile>, size: u64) -> Segment {
    let mut segment = Segment::new(number, file, Key::random(), size);
    segment.sealed = true;
    segment
}

/// What the names of segments that were set aside go on with.
pub(super) const DAMAGED: &str = ".damaged";

struct Scan<'f> {
    file: &'f dyn StoredFile,
    key: Key,
    slots: u32,
    size: u64,
    /// A part of the file.
    window: Vec<u8>,
    window_at: u64,
    tags: Vec<u8>,
    segment: Segment,
}

/// What is behind the records of a segment.
enum Rest {
    /// Nothing, or zeros: room that was made ahead.
    Nothing,
    /// The first part of a write.
    Torn,
    /// Something that no write leaves.
    Damaged,
}

impl Scan<'_> {
    fn run(&mut self, begin: u64, report: &mut impl FnMut(u64, u64, DamageKind)) -> io::Result<()> {
        self.window_at = ACKNOWLEDGEMENTS;
        self.read_tags()?;
        let mut at = begin;
        let mut last = None;
        let mut rest = None;
        while at < self.size && rest.is_none() {
            let Some((found, header)) = self.next(at)? else { break };
            let lost = self.skip_to(header.slot);
            if lost > 0 {
                report(at, found - at, DamageKind::Records(lost));
            }
            at = found;
            if found + header.size() > self.size {
                rest = Some(Rest::Torn);
            } else {
                self.add(found, &header);
                last = Some((found, header));
                at += header.size();
            }
        }
        let rest = match rest {
            Some(rest) => rest,
            None => self.rest(&mut at, last)?,
        };
        let left = self.size.saturating_sub(at);
        let lost = self.skip_to(self.slots_at_end(matches!(rest, Rest::Damaged)));
        if lost > 0 {
            report(at, left, DamageKind::Records(lost));
        } else if matches!(rest, Rest::Torn) {
            report(at, left, DamageKind::Torn);
        }
        if left > 0 {
            self.file.truncate(at)?;
            self.segment.size = at;
        }
        let damaged = self.mend_tags();
        if damaged > 0 {
            report(ACKNOWLEDGEMENTS, self.tags.len() as u64, DamageKind::Acknowledgements(damaged));
        }
        Ok(())
    }

    /// What is behind the last record, or from it on where that is torn.
    fn rest(&mut self, at: &mut u64, last: Option<(u64, RecordHeader)>) -> io::Result<Rest> {
        if !self.is_zeros(*at, self.size)? {
            let is_short = *at + RECORD_HEADER as u64 > self.size;
            return Ok(if is_short { Rest::Torn } else { Rest::Damaged });
        }
        if let Some((offset, header)) = last
            && *at < self.size
            && self.is_cut_short(offset, &header)?
        {
            self.segment.take(header.slot);
            *at = offset;
            return Ok(Rest::Torn);
        }
        Ok(Rest::Nothing)
    }

    /// Whether there is nothing but zeros, be it nothing at all.
    fn is_zeros(&mut self, mut from: u64, to: u64) -> io::Result<bool> {
        while from < to {
            self.load(from, STRIDE.min((to - from) as usize))?;
            if self.window.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            from += self.window.len().max(1) as u64;
        }
        Ok(true)
    }

    /// Whether a record with room behind it was being written when the process stopped: it breaks off where a page of memory
    /// does, as what is written at once goes there page by page.
    fn is_cut_short(&mut self, offset: u64, header: &RecordHeader) -> io::Result<bool> {
        let end = offset + header.size();
        let last_page = (end - 1) / PAGE * PAGE;
        if last_page <= offset
            || self.segment.entry(header.slot).is_none()
            || !self.is_zeros(last_page, end)?
        {
            return Ok(false);
        }
        let mut payload = vec![0; header.length as usize];
        let read = self.file.read_full_at(&mut payload, offset + RECORD_HEADER as u64)?;
        Ok(read == payload.len() && format::checksum(&[payload.into()]) != header.checksum)
    }

    /// How many slots were used, as far as that is known behind the last record that was found: up to the last that is
    /// acknowledged, and at least one more where there is something that was damaged.
    fn slots_at_end(&self, is_damaged: bool) -> u32 {
        let found = self.segment.slots();
        let acknowledged = (found..self.slots).rev().find(|slot| self.is_acknowledged(*slot));
        let more = if is_damaged { self.slots.min(found + 1) } else { found };
        acknowledged.map_or(more, |last| last + 1)
    }

    fn read_tags(&mut self) -> io::Result<()> {
        self.tags = vec![0; self.slots as usize * TAG];
        let length = self.file.read_full_at(&mut self.tags, ACKNOWLEDGEMENTS)?;
        self.tags.truncate(length);
        Ok(())
    }

    fn tag(&self, slot: u32) -> &[u8] {
        let at = slot as usize * TAG;
        self.tags.get(at..at + TAG).unwrap_or_default()
    }

    fn is_acknowledged(&self, slot: u32) -> bool {
        self.tag(slot) == self.key.tag(slot)
    }

    fn is_tag_damaged(&self, slot: u32) -> bool {
        self.tag(slot).iter().any(|byte| *byte != 0) && !self.is_acknowledged(slot)
    }

    /// Leaves out the slots before this one, and tells how many of them had not been acknowledged. They are from now on, so
    /// that they are told of once.
    fn skip_to(&mut self, slot: u32) -> u64 {
        let mut lost = 0;
        while self.segment.slots() < slot {
            let skipped = self.segment.slots();
            if !self.is_acknowledged(skipped) {
                lost += 1;
                self.set_tag(skipped, self.key.tag(skipped));
            }
            self.segment.skip();
        }
        lost
    }

    /// Takes back the acknowledgements that are none, and tells how many there were.
    fn mend_tags(&mut self) -> u64 {
        let damaged: Vec<_> = (0..self.segment.slots()).filter(|slot| self.is_tag_damaged(*slot)).collect();
        for slot in &damaged {
            self.set_tag(*slot, [0; TAG]);
        }
        damaged.len() as u64
    }

    fn set_tag(&mut self, slot: u32, tag: [u8; TAG]) {
        let at = slot as usize * TAG;
        if let Some(known) = self.tags.get_mut(at..at + TAG) {
            known.copy_from_slice(&tag);
        }
        // Where it cannot be written, it is told of again after the next opening.
        let _ = self.file.write_all_at(&mut [IoSlice::new(&tag)], format::tag_at(slot));
    }

    fn add(&mut self, offset: u64, header: &RecordHeader) {
        match u32::try_from(offset) {
            Ok(offset) if !self.is_acknowledged(header.slot) => {
                self.segment.push(Entry { offset, length: header.length });
            }
            // None begins so far behind: segments are full long before.
            _ => self.segment.skip(),
        }
    }

    /// The record at an offset, or the next one after it where there is none.
    fn next(&mut self, at: u64) -> io::Result<Option<(u64, RecordHeader)>> {
        if self.window_at > at || self.window_at + (self.window.len() as u64) < at + RECORD_HEADER as u64 {
            self.load(at, STEP)?;
        }
        let inside = (at - self.window_at) as usize;
        if let Some(header) = self.record(&self.window[inside.min(self.window.len())..]) {
            return Ok(Some((at, header)));
        }
        self.search(at + 1)
    }

    fn search(&mut self, mut from: u64) -> io::Result<Option<(u64, RecordHeader)>> {
        while from + RECORD_HEADER as u64 <= self.size {
            self.load(from, STRIDE)?;
            let offsets = 0..self.window.len().saturating_sub(RECORD_HEADER - 1);
            let found = offsets.clone().find_map(|inside| {
                let at = from + inside as u64;
                Some((at, self.record(&self.window[inside..])?))
            });
            if found.is_some() || offsets.is_empty() {
                return Ok(found);
            }
            from += offsets.len() as u64;
        }
        Ok(None)
    }

    fn load(&mut self, at: u64, length: usize) -> io::Result<()> {
        self.window.resize(length, 0);
        self.window_at = at;
        let read = self.file.read_full_at(&mut self.window, at);
        self.window.truncate(*read.as_ref().unwrap_or(&0));
        read.map(drop)
    }

    /// The header at the beginning of the bytes, if it is one that may be there. Its record may run past the end of the file.
    fn record(&self, bytes: &[u8]) -> Option<RecordHeader> {
        let header = RecordHeader::decode(bytes, &self.key)?;
        (self.segment.slots()..self.slots).contains(&header.slot).then_some(header)
    }
}
