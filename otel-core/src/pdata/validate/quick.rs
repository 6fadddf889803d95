//! The quick half of the walk: a step for each shape that encoders write. A step returns where its field ends, or
//! nothing where it is not sure; it never accepts what the careful half refuses.

use super::masks::MOST;
use super::walk::{Findings, Walk};

impl<const QUICK: bool> Walk<'_, QUICK> {
    /// The `KeyValue`s of a key and one scalar, both short, in this order and nothing else, which is what encoders
    /// write, as long as one follows the other. `at` is where the first tag stands; returns where the first field
    /// stands that is anything else.
    ///
    /// All bytes of such a `KeyValue` are below 0x80 but for text beyond ASCII, the bits of a double, and the
    /// varint of a large integer. So one look at its high bits checks its lengths and its texts at once.
    #[inline(never)]
    pub(super) fn attributes(&mut self, bytes: &[u8], mut at: usize, tag: u8) -> usize {
        let whole = self.bytes;
        // Tag, length, tag of the key, length of the key; both lengths of one byte.
        let key_head = u32::from_le_bytes([tag, 0, KEY, 0]);
        let mut window = self.masks.window();
        while let Some(chunk) = whole.get(at..).and_then(<[u8]>::first_chunk::<CHUNK>) {
            let head = load(chunk, 0);
            if head & 0x80ff_80ff != key_head {
                break;
            }
            let len = (head >> 8 & 0x7f) as usize;
            let key_len = (head >> 24 & 0x7f) as usize;
            let end = at + 2 + len;
            // What is left for the value, if its length fits what is around it.
            let value_len = len.wrapping_sub(key_len + 4);
            if value_len.wrapping_sub(2) > 125 || end > bytes.len() {
                break;
            }
            if !window.covers(at, end) {
                window = self.masks.moved(whole, at);
            }
            let value = at + 4 + key_len;
            let from = value + 3;
            // Tag of the value, its length, tag of its member, first byte of its member.
            let tail = load(chunk, 4 + key_len);
            let value_head = VALUE | (value_len as u32) << 8;
            if tail == value_head | STRING << 16 | (value_len as u32 - 2) << 24 {
                if window.is_any_high(at, end) {
                    decode_utf8(whole, &mut self.findings, at + 4, value);
                    decode_utf8(whole, &mut self.findings, from + 1, end);
                }
                at = end;
                continue;
            }
            let left = value_len - 1;
            let fits = if tail & 0x00ff_ffff == value_head | INT << 16 {
                // All bytes of the varint but the last go on.
                left < 10 && window.bits_up_to(from, end) == ((1 << (left - 1)) - 1) << (64 - left)
            } else if tail & 0x00ff_ffff == value_head | BOOL << 16 {
                left == 1 && tail < 0x8000_0000
            } else {
                tail & 0x00ff_ffff == value_head | DOUBLE << 16 && left == 8
            };
            if !fits {
                break;
            }
            if window.is_any_high(at, from) {
                decode_utf8(whole, &mut self.findings, at + 4, value);
            }
            at = end;
        }
        at
    }

    /// A string whose length stands at `at`.
    #[inline(always)]
    pub(super) fn text(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let (from, end) = content(bytes, at)?;
        self.utf8(from, end);
        Some(end)
    }

    /// Notes the string `from..end` if it is not UTF-8.
    #[inline(always)]
    pub(super) fn utf8(&mut self, from: usize, end: usize) {
        if end - from > MOST {
            self.long_utf8(from, end);
        } else if self.masks.high_bits(self.bytes, from, end - from) != 0 {
            decode_utf8(self.bytes, &mut self.findings, from, end);
        }
    }

    fn long_utf8(&mut self, from: usize, end: usize) {
        if !self.bytes[from..end].is_ascii() {
            decode_utf8(self.bytes, &mut self.findings, from, end);
        }
    }

    /// Packed varints none of which has more than eight bytes.
    pub(super) fn packed_varints(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let (mut from, end) = content(bytes, at)?;
        let mut run = 0;
        while from < end {
            let len = (end - from).min(MOST);
            let more = self.masks.high_bits(self.bytes, from, len);
            // The bytes before that go on into this piece, then runs of eight by doubling.
            if run + more.trailing_ones() > 8 {
                return None;
            }
            let twos = more & more >> 1;
            let fours = twos & twos >> 2;
            if fours & fours >> 4 != 0 {
                return None;
            }
            run = (more << (64 - len)).leading_ones();
            from += len;
        }
        (run == 0).then_some(end)
    }
}

// The tags in a `KeyValue` and in an `AnyValue`.
const KEY: u8 = 0x0a;
const VALUE: u32 = 0x12;
const STRING: u32 = 0x0a;
const BOOL: u32 = 0x10;
const INT: u32 = 0x18;
const DOUBLE: u32 = 0x21;

/// Bytes from which the head of a short `KeyValue` and that of its value can be read wherever they stand.
const CHUNK: usize = 4 + 0x7f + 4;

/// Four bytes from `at`, which is at most four from the chunk's end.
#[inline(always)]
fn load(chunk: &[u8; CHUNK], at: usize) -> u32 {
    chunk[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
}

#[inline(never)]
fn decode_utf8(bytes: &[u8], findings: &mut Findings, from: usize, end: usize) {
    if let Err(error) = std::str::from_utf8(&bytes[from..end]) {
        findings.broken.get_or_insert(from + error.valid_up_to());
    }
}

/// `end`, if the bytes reach there.
#[inline(always)]
pub(super) fn inside(bytes: &[u8], end: usize) -> Option<usize> {
    (end <= bytes.len()).then_some(end)
}

/// Where the content of a length-delimited field stands whose length, of at most three bytes, is at `at`.
#[inline(always)]
pub(super) fn content(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(at)?);
    if first < 0x80 {
        let from = at + 1;
        return inside(bytes, from + first).map(|end| (from, end));
    }
    long_content(bytes, at, first)
}

#[inline(always)]
fn long_content(bytes: &[u8], at: usize, first: usize) -> Option<(usize, usize)> {
    let second = usize::from(*bytes.get(at + 1)?);
    let len = first & 0x7f | (second & 0x7f) << 7;
    if second < 0x80 {
        let from = at + 2;
        return inside(bytes, from + len).map(|end| (from, end));
    }
    let third = usize::from(*bytes.get(at + 2)?);
    let from = at + 3;
    if third >= 0x80 {
        return None;
    }
    inside(bytes, from + (len | third << 14)).map(|end| (from, end))
}

/// A varint of up to nine bytes.
#[inline(always)]
pub(super) fn varint(bytes: &[u8], at: usize) -> Option<usize> {
    if *bytes.get(at)? < 0x80 {
        return Some(at + 1);
    }
    let more = bytes.get(at..at + 9)?.iter().position(|byte| *byte < 0x80)?;
    Some(at + more + 1)
}

/// An id of `LEN` bytes, or none.
#[inline(always)]
pub(super) fn id<const LEN: usize>(bytes: &[u8], at: usize) -> Option<usize> {
    let len = usize::from(*bytes.get(at)?);
    if len == LEN || len == 0 { inside(bytes, at + 1 + len) } else { None }
}
