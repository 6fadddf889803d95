//! The bytes of a segment; see the README.

use bytes::Bytes;

/// The most records of a segment, for which there are 64 KiB of acknowledgements.
pub(super) const MOST_SLOTS: u32 = 16 << 10;

/// The length of a record's header.
pub(super) const RECORD_HEADER: usize = 20;

/// Where the two copies of a segment's header are.
pub(super) const HEADERS: [usize; 2] = [0, 512];

/// Where the acknowledgements begin.
pub(super) const ACKNOWLEDGEMENTS: u64 = 1024;

/// The length of an acknowledgement.
pub(super) const TAG: usize = 4;

const MAGIC: [u8; 8] = *b"OTELLOG\0";
const VERSION: u32 = 1;
const SEGMENT_HEADER: usize = 64;
const RECORD_MAGIC: [u8; 4] = *b"OTLR";

/// What the header of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u64,
    pub(super) slots: u32,
    pub(super) key: Key,
}

/// What no one knows who has not read the header. It goes into the checksums of the segment, so that nothing that somebody
/// sends is ever taken for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; 16]);

/// What the header of a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) slot: u32,
    pub(super) length: u32,
    pub(super) checksum: u32,
}

/// Why there is no segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHeader {
    Damaged,
    Version(u32),
}

// === impl SegmentHeader ===

impl SegmentHeader {
    /// Where records begin.
    pub(super) fn begin(&self) -> u64 {
        begin(self.slots)
    }

    /// The bytes from the beginning of the file to the acknowledgements.
    pub(super) fn encode(&self) -> [u8; ACKNOWLEDGEMENTS as usize] {
        let mut one = [0; SEGMENT_HEADER];
        one[..8].copy_from_slice(&MAGIC);
        one[8..12].copy_from_slice(&VERSION.to_le_bytes());
        one[12..16].copy_from_slice(&self.slots.to_le_bytes());
        one[16..24].copy_from_slice(&self.number.to_le_bytes());
        one[24..40].copy_from_slice(&self.key.0);
        let checksum = crc32c::crc32c(&one[..60]);
        one[60..].copy_from_slice(&checksum.to_le_bytes());
        let mut all = [0; ACKNOWLEDGEMENTS as usize];
        for at in HEADERS {
            all[at..at + SEGMENT_HEADER].copy_from_slice(&one);
        }
        all
    }

    /// Reads one of the copies from the first bytes of a file.
    pub(super) fn decode(file: &[u8]) -> Result<Self, BadHeader> {
        let copies =
            HEADERS.map(|at| file.get(at..at + SEGMENT_HEADER).map_or(Err(BadHeader::Damaged), copy));
        match copies {
            [Ok(header), _] | [_, Ok(header)] => Ok(header),
            // One flipped bit makes another version of one copy, but not of both.
            [Err(BadHeader::Version(one)), Err(BadHeader::Version(other))] if one == other => {
                Err(BadHeader::Version(one))
            }
            _ => Err(BadHeader::Damaged),
        }
    }
}

fn copy(bytes: &[u8]) -> Result<SegmentHeader, BadHeader> {
    if bytes[..8] != MAGIC {
        return Err(BadHeader::Damaged);
    }
    let version = number(bytes, 8);
    if version != VERSION {
        return Err(BadHeader::Version(version));
    }
    let mut key = [0; 16];
    key.copy_from_slice(&bytes[24..40]);
    let header = SegmentHeader {
        slots: number(bytes, 12),
        number: u64::from(number(bytes, 16)) | u64::from(number(bytes, 20)) << 32,
        key: Key(key),
    };
    let is_whole = crc32c::crc32c(&bytes[..60]) == number(bytes, 60);
    if is_whole && header.slots <= MOST_SLOTS { Ok(header) } else { Err(BadHeader::Damaged) }
}

// === impl Key ===

impl Key {
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// What says that the record of that slot is acknowledged. Never zero, which says that it is not.
    pub(super) fn tag(&self, slot: u32) -> [u8; TAG] {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&self.0), &slot.to_le_bytes());
        checksum.max(1).to_le_bytes()
    }
}

/// Where records begin in a segment of so many slots.
pub(super) fn begin(slots: u32) -> u64 {
    tag_at(slots)
}

/// Where the acknowledgement of that slot is.
pub(super) fn tag_at(slot: u32) -> u64 {
    ACKNOWLEDGEMENTS + u64::from(slot) * TAG as u64
}

// === impl RecordHeader ===

impl RecordHeader {
    pub(super) fn encode(&self, key: &Key) -> [u8; RECORD_HEADER] {
        let mut bytes = [0; RECORD_HEADER];
        bytes[..4].copy_from_slice(&RECORD_MAGIC);
        bytes[4..8].copy_from_slice(&self.slot.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.checksum.to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&key.0), &bytes[..16]);
        bytes[16..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header at the beginning of these bytes, if there is a whole one.
    pub(super) fn decode(bytes: &[u8], key: &Key) -> Option<Self> {
        let bytes = bytes.get(..RECORD_HEADER)?;
        if bytes[..4] != RECORD_MAGIC {
            return None;
        }
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&key.0), &bytes[..16]);
        let header = Self { slot: number(bytes, 4), length: number(bytes, 8), checksum: number(bytes, 12) };
        (checksum == number(bytes, 16)).then_some(header)
    }

    /// How many bytes the record takes.
    pub(super) fn size(&self) -> u64 {
        RECORD_HEADER as u64 + u64::from(self.length)
    }
}

/// The checksum of pieces one after the other.
pub(super) fn checksum(pieces: &[Bytes]) -> u32 {
    pieces.iter().fold(0, |checksum, piece| crc32c::crc32c_append(checksum, piece))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}
