//! The walk over a request that decides whether it is valid.
//!
//! It has two halves. The [quick](super::quick) one takes the shapes that encoders write, by a table lookup on the
//! first byte of a tag; whatever it does not know at once it leaves to the [careful](super::careful) one, field by
//! field. Only the careful half finds faults, so the quick one cannot accept what the careful one refuses
//! as long as each of its steps checks everything. A test compares the walk with its quick half switched off.

use super::fault::Fault;
use super::masks::Masks;
use super::plan::{REPEATED, Step};
use super::quick::{content, id, inside, varint};
use crate::pdata::schema::{self, Kind, Message, NESTING};
use crate::pdata::wire::{RawField, RawFields, wire_type};

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
    /// Whether something is there that [other readers refuse](super::tidy).
    pub(super) untidy: bool,
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
    pub(super) masks: Masks,
}

/// Walks a whole request.
pub(super) fn request(schema: &'static Message, bytes: &[u8]) -> Walked<Findings> {
    let mut walk = Walk::<true>::new(bytes);
    walk.message(schema, 0, bytes.len(), NESTING)?;
    Ok(walk.findings)
}

/// Whether a message that is valid by itself nests no deeper than `nesting` levels below it.
pub(crate) fn nests_within(schema: &'static Message, bytes: &[u8], nesting: u32) -> bool {
    Walk::<true>::new(bytes).message(schema, 0, bytes.len(), nesting).is_ok()
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
        if seen.has(LEGACY) {
            self.libraries(schema, from, end, nesting, &seen)?;
        }
        Ok(())
    }

    /// The deprecated fields of a group: scopes where there are no others, and otherwise unknown.
    #[cold]
    fn libraries(
        &mut self,
        group: &'static Message,
        from: usize,
        end: usize,
        nesting: u32,
        seen: &Seen,
    ) -> Walked<()> {
        if !seen.has(REPEATED + SCOPES) {
            return self.legacy(group, from, end, nesting);
        }
        let mut fields = RawFields::new(&self.bytes[from..end]).filter(is_legacy);
        self.findings.untidy |= fields.any(|field| !is_scopes(group, field.value));
        Ok(())
    }

    /// The deprecated fields of a group that has no scopes, read as scopes.
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

/// Whether what a deprecated field of the group holds are scopes by their structure.
pub(super) fn is_scopes(group: &'static Message, content: &[u8]) -> bool {
    child(group, SCOPES << 3 | wire_type::LEN)
        .is_some_and(|scopes| nests_within(scopes, content, NESTING - 2))
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
