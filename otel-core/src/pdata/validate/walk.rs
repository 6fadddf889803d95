//! The walk over a request that decides whether it is valid.
//!
//! It has two halves. The quick one, here, takes the shapes that encoders write, by a table lookup on the first
//! byte of a tag; whatever it does not know at once it leaves to the careful one, in [`careful`](super::careful),
//! field by field. Only the careful half finds faults, so the quick one cannot accept what the careful one refuses
//! as long as each of its steps checks everything. A test compares the walk with its quick half switched off.

use super::fault::Fault;
use super::masks::{MOST, Masks};
use super::plan::{REPEATED, Step};
use crate::pdata::schema::{self, Kind, Message};
use crate::pdata::wire::{RawField, RawFields, wire_type};

/// A message at this depth below the request is the last that may be: prost's limit.
pub(super) const NESTING: u32 = 100;

/// Boxed, so that the walk's results travel in a register.
pub(super) type Walked<T> = Result<T, Box<Fault>>;

/// What a walk found besides faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Items seen. Those of a superseded kind of metric are among them.
    pub(super) items: usize,
    /// Whether a singular field came twice or a oneof was superseded.
    pub(super) repeats: bool,
    /// Whether a group without scopes has the deprecated `instrumentation_library_*`.
    pub(super) legacy: bool,
    /// Offset of the first string that is not UTF-8.
    pub(super) broken: Option<usize>,
}

/// Which fields a message had so far: a bit for each [place](super::plan::place).
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) once: u64,
    pub(super) twice: u64,
}

impl Seen {
    #[inline(always)]
    pub(super) fn note(&mut self, place: u8) {
        let bit = 1 << place;
        self.twice |= self.once & bit;
        self.once |= bit;
    }

    pub(super) fn has(&self, place: u8) -> bool {
        self.once & (1 << place) != 0
    }

    #[inline(always)]
    fn repeats(&self) -> bool {
        self.twice & ((1 << REPEATED) - 1) != 0
    }
}

/// The place for `instrumentation_library_*`, whose number is above all others.
pub(super) const LEGACY: u8 = 63;

/// Walks a request. `QUICK` is off only in the test that compares the halves.
pub(super) struct Walk<'a, const QUICK: bool = true> {
    pub(super) bytes: &'a [u8],
    pub(super) findings: Findings,
    masks: Masks,
}

/// Walks a whole request.
pub(super) fn request(schema: &'static Message, bytes: &[u8]) -> Walked<Findings> {
    let mut walk = Walk::<true>::new(bytes);
    walk.message(schema, 0, bytes.len(), NESTING)?;
    Ok(walk.findings)
}

impl<'a, const QUICK: bool> Walk<'a, QUICK> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, findings: Findings::default(), masks: Masks::new() }
    }

    /// Walks the message in `bytes[from..end]`. `nesting` is how many levels may be below it.
    pub(super) fn message(
        &mut self,
        schema: &'static Message,
        from: usize,
        end: usize,
        nesting: u32,
    ) -> Walked<()> {
        let bytes = &self.bytes[..end];
        let mut seen = Seen::default();
        let mut at = from;
        while let Some(first) = bytes.get(at) {
            let entry = schema.plan.entry(*first);
            let next = match entry.step {
                Step::Careful => None,
                _ if !QUICK => None,
                Step::Attribute if nesting < 2 => None,
                Step::Attribute => Some(self.attributes(bytes, at, *first)).filter(|next| *next != at),
                Step::Text => self.text(bytes, at + 1),
                Step::Bytes => content(bytes, at + 1).map(|(_, end)| end),
                Step::TraceId => id::<16>(bytes, at + 1),
                Step::SpanId => id::<8>(bytes, at + 1),
                Step::Varint => varint(bytes, at + 1),
                Step::Fixed64 => inside(bytes, at + 9),
                Step::Fixed32 => inside(bytes, at + 5),
                Step::Packed64 => {
                    content(bytes, at + 1).filter(|(from, end)| (end - from) % 8 == 0).map(|(_, end)| end)
                }
                Step::PackedVarint => self.packed_varints(bytes, at + 1),
                Step::LongTagFixed32 => {
                    if bytes.get(at + 1) == Some(&1) {
                        inside(bytes, at + 6)
                    } else {
                        None
                    }
                }
                Step::Item | Step::Message => match (content(bytes, at + 1), child(schema, *first)) {
                    (Some((from, end)), Some(child)) if nesting > 0 => {
                        self.findings.items += usize::from(entry.step == Step::Item);
                        self.message(child, from, end, nesting - 1)?;
                        Some(end)
                    }
                    _ => None,
                },
            };
            at = match next {
                Some(next) => {
                    seen.note(entry.place);
                    next
                }
                None => self.careful(schema, bytes, at, nesting, &mut seen)?,
            };
        }
        self.findings.repeats |= seen.repeats();
        if seen.has(LEGACY) && !seen.has(REPEATED + SCOPES) {
            self.legacy(schema, from, end, nesting)?;
        }
        Ok(())
    }

    /// The `KeyValue`s of a key and one scalar, both short, in this order and nothing else, which is what encoders
    /// write, as long as one follows the other. `at` is where the first tag stands; returns where the first field
    /// stands that is anything else.
    ///
    /// All bytes of such a `KeyValue` are below 0x80 but for text beyond ASCII, the bits of a double, and the
    /// varint of a large integer. So one look at its high bits checks its lengths and its texts at once.
    #[inline(never)]
    fn attributes(&mut self, bytes: &[u8], mut at: usize, tag: u8) -> usize {
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
    fn text(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
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
    fn packed_varints(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
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

    /// The deprecated fields of a group that has no scopes, read as scopes.
    #[cold]
    fn legacy(&mut self, group: &'static Message, from: usize, end: usize, nesting: u32) -> Walked<()> {
        let Some(scopes) = child(group, SCOPES << 3 | wire_type::LEN) else { return Ok(()) };
        self.findings.legacy = true;
        let bytes = self.bytes;
        for field in RawFields::new(&bytes[from..end]).filter(is_legacy) {
            let end = from + field.end;
            self.message(scopes, end - field.value.len(), end, nesting - 1)?;
        }
        Ok(())
    }
}

/// Field number of the scopes in a resource group.
pub(super) const SCOPES: u8 = 2;

/// Field number of the deprecated `instrumentation_library_*` in a resource group.
pub(super) const INSTRUMENTATION_LIBRARY: u32 = 1000;

/// Whether a field of a resource group is read as scopes where the group has none.
pub(super) fn is_legacy(field: &RawField<'_>) -> bool {
    field.number == INSTRUMENTATION_LIBRARY && field.wire == wire_type::LEN
}

/// The message in the field that has this tag.
#[inline(always)]
fn child(schema: &'static Message, tag: u8) -> Option<&'static Message> {
    match schema.field(u32::from(tag >> 3))?.kind {
        Kind::Message(child) => Some(child),
        _ => None,
    }
}

/// Whether the message is a resource group.
pub(super) fn is_group(message: &'static Message) -> bool {
    [&schema::RESOURCE_SPANS, &schema::RESOURCE_METRICS, &schema::RESOURCE_LOGS]
        .iter()
        .any(|group| std::ptr::eq(*group, message))
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
fn inside(bytes: &[u8], end: usize) -> Option<usize> {
    (end <= bytes.len()).then_some(end)
}

/// Where the content of a length-delimited field stands whose length, of at most three bytes, is at `at`.
#[inline(always)]
fn content(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
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
fn varint(bytes: &[u8], at: usize) -> Option<usize> {
    if *bytes.get(at)? < 0x80 {
        return Some(at + 1);
    }
    let more = bytes.get(at..at + 9)?.iter().position(|byte| *byte < 0x80)?;
    Some(at + more + 1)
}

/// An id of `LEN` bytes, or none.
#[inline(always)]
fn id<const LEN: usize>(bytes: &[u8], at: usize) -> Option<usize> {
    let len = usize::from(*bytes.get(at)?);
    if len == LEN || len == 0 { inside(bytes, at + 1 + len) } else { None }
}
