//! A message under edit.

use std::ops::Range;

use crate::pdata::build::{
    AS_INT, Enumeration, number_field, put_fixed64, put_packed_fixed64, put_packed_varint, zigzag,
};
use crate::pdata::schema::NESTING;
use crate::pdata::view::{NumberValue, SpanId, TraceId};
use crate::pdata::wire::{self, RawField, RawFields, put_tag, put_varint, read_varint, wire_type};

/// A message under edit: its bytes as they came, until the first change; from then on a copy in which changes
/// are spliced in place. So reading is always reading the current bytes, in any order with writing, and a write
/// of what is there already is found before anything is copied.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    source: &'a [u8],
    state: &'a mut State,
    /// How many messages it is nested in.
    depth: u32,
}

/// What a [`Draft`] needs to own. It is used for one message after the other and keeps its buffers.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Number of changes since the message came.
    changes: u32,
    /// The message as changed, if there was a change.
    own: Vec<u8>,
    /// A field that is about to be spliced in.
    field: Vec<u8>,
    /// Where `own` is rebuilt.
    rebuilt: Vec<u8>,
    /// For messages within this one.
    nested: Option<Box<State>>,
}

/// What an edit makes of a message: whether it stays.
///
/// A closure that returns nothing keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stays, with the changes that were made.
    Keep,
    /// It goes.
    Drop,
}

impl From<()> for Verdict {
    #[inline]
    fn from((): ()) -> Self {
        Verdict::Keep
    }
}

/// What [`Draft::rebuild`] makes of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    Drop,
    /// What was written takes the place of the field.
    Replace,
}

/// Where a field stands in its message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) end: usize,
    value: usize,
}

impl Place {
    pub(crate) fn of(field: &RawField<'_>) -> Self {
        Self { start: field.start, end: field.end, value: field.end - field.value.len() }
    }

    /// The content of the length-delimited field.
    pub(crate) fn value(self) -> Range<usize> {
        self.value..self.end
    }
}

impl State {
    /// Makes ready for another message.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.changes = 0;
    }

    /// Number of changes so far.
    #[inline]
    pub(crate) fn changes(&self) -> u32 {
        self.changes
    }

    /// The message as it is now, given how it came.
    #[inline]
    pub(crate) fn current<'a>(&'a self, source: &'a [u8]) -> &'a [u8] {
        if self.changes == 0 { source } else { &self.own }
    }
}

impl<'a> Draft<'a> {
    #[inline]
    pub(crate) fn new(source: &'a [u8], state: &'a mut State, depth: u32) -> Self {
        Self { source, state, depth }
    }

    #[inline]
    pub(crate) fn reborrow(&mut self) -> Draft<'_> {
        Draft { source: self.source, state: self.state, depth: self.depth }
    }

    /// How many messages may be nested in one that is so many levels below this one; nothing where there is no room
    /// for it.
    #[inline]
    pub(crate) fn room(&self, levels: u32) -> Option<u32> {
        NESTING.checked_sub(self.depth + levels)
    }

    /// The message as it is now.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.state.current(self.source)
    }

    /// As [`Draft::bytes`], for as long as the draft lives.
    pub(crate) fn into_bytes(self) -> &'a [u8] {
        self.state.current(self.source)
    }

    /// Puts `new` in the place of what stands in `range`.
    pub(crate) fn splice(&mut self, range: Range<usize>, new: &[u8]) {
        let State { changes, own, .. } = self.state;
        if *changes == 0 {
            own.clear();
            own.reserve(self.source.len() + new.len());
            own.extend_from_slice(&self.source[..range.start]);
            own.extend_from_slice(new);
            own.extend_from_slice(&self.source[range.end..]);
        } else {
            splice(own, range, new);
        }
        *changes += 1;
    }

    /// Puts what `write` writes in the place of what stands in `range`.
    #[inline]
    pub(crate) fn splice_with(&mut self, range: Range<usize>, write: impl FnOnce(&[u8], &mut Vec<u8>)) {
        let mut field = std::mem::take(&mut self.state.field);
        field.clear();
        write(self.bytes(), &mut field);
        self.splice(range, &field);
        self.state.field = field;
    }

    /// The field of that number, or else where it belongs by the order of numbers.
    #[inline]
    pub(crate) fn find(&self, number: u32) -> Result<RawField<'_>, usize> {
        let bytes = self.bytes();
        let mut belongs = None;
        for field in RawFields::new(bytes) {
            if field.number == number {
                return Ok(field);
            }
            if field.number > number && belongs.is_none() {
                belongs = Some(field.start);
            }
        }
        Err(belongs.unwrap_or(bytes.len()))
    }

    /// Sets a singular field: to what `write` writes, which is nothing where absence means the value.
    #[inline]
    fn set(
        &mut self,
        number: u32,
        is_zero: bool,
        is_equal: impl FnOnce(&RawField<'_>) -> bool,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        match self.find(number) {
            Ok(field) if is_equal(&field) => {}
            Ok(field) => {
                let range = field.start..field.end;
                self.splice_with(range, |_, out| {
                    if !is_zero {
                        write(out);
                    }
                });
            }
            Err(_) if is_zero => {}
            Err(at) => self.splice_with(at..at, |_, out| write(out)),
        }
    }

    /// Takes a singular field away.
    pub(crate) fn unset(&mut self, number: u32) {
        if let Ok(field) = self.find(number) {
            let range = field.start..field.end;
            self.splice(range, &[]);
        }
    }

    /// Takes every field of that number away.
    pub(crate) fn unset_all(&mut self, number: u32) {
        self.rebuild(number, |_, _| Fate::Drop);
    }

    pub(crate) fn str(&mut self, number: u32, value: &str) {
        self.set_bytes(number, value.as_bytes());
    }

    fn set_bytes(&mut self, number: u32, value: &[u8]) {
        self.set(
            number,
            value.is_empty(),
            |field| field.value == value,
            |out| wire::put_len_field(out, number, value),
        );
    }

    pub(crate) fn trace_id(&mut self, number: u32, value: impl Into<TraceId>) {
        let id = value.into();
        self.id(number, &id.to_bytes());
    }

    pub(crate) fn span_id(&mut self, number: u32, value: impl Into<SpanId>) {
        let id = value.into();
        self.id(number, &id.to_bytes());
    }

    /// An id of zeros is the same as none.
    fn id(&mut self, number: u32, id: &[u8]) {
        let is_empty = |id: &[u8]| id.iter().all(|byte| *byte == 0);
        self.set(
            number,
            is_empty(id),
            |field| field.value == id || is_empty(field.value) && is_empty(id),
            |out| wire::put_len_field(out, number, id),
        );
    }

    /// A varint; `read` is what a reader makes of the one that stands there.
    fn varint(&mut self, number: u32, value: u64, read: impl FnOnce(u64) -> u64) {
        self.set(
            number,
            value == 0,
            |field| read(field.varint()) == value,
            |out| {
                put_tag(out, number, wire_type::VARINT);
                put_varint(out, value);
            },
        );
    }

    pub(crate) fn uint32(&mut self, number: u32, value: u32) {
        self.varint(number, value.into(), |value| u64::from(value as u32));
    }

    pub(crate) fn enumeration(&mut self, number: u32, value: impl Enumeration) {
        let sign_extended = |value: i32| i64::from(value) as u64;
        self.varint(number, sign_extended(value.number()), |value| sign_extended(value as i32));
    }

    pub(crate) fn sint32(&mut self, number: u32, value: i32) {
        self.varint(number, zigzag(value).into(), |value| u64::from(value as u32));
    }

    pub(crate) fn bool(&mut self, number: u32, value: bool) {
        self.varint(number, value.into(), |value| u64::from(value != 0));
    }

    pub(crate) fn fixed32(&mut self, number: u32, value: u32) {
        self.set(
            number,
            value == 0,
            |field| field.fixed32() == value,
            |out| {
                put_tag(out, number, wire_type::FIXED32);
                out.extend_from_slice(&value.to_le_bytes());
            },
        );
    }

    pub(crate) fn fixed64(&mut self, number: u32, value: u64) {
        self.set_fixed64(number, value, value == 0);
    }

    pub(crate) fn double(&mut self, number: u32, value: f64) {
        self.fixed64(number, value.to_bits());
    }

    pub(crate) fn optional_double(&mut self, number: u32, value: impl Into<Option<f64>>) {
        match value.into() {
            Some(value) => self.set_fixed64(number, value.to_bits(), false),
            None => self.unset(number),
        }
    }

    fn set_fixed64(&mut self, number: u32, value: u64, is_zero: bool) {
        self.set(number, is_zero, |field| field.fixed64() == value, |out| put_fixed64(out, number, value));
    }

    /// The oneof of a number point and of an exemplar: a double as field `number`, or an integer.
    pub(crate) fn number(&mut self, number: u32, value: impl Into<NumberValue>) {
        let (chosen, bits) = number_field(number, value.into());
        self.unset(if chosen == number { AS_INT } else { number });
        self.set_fixed64(chosen, bits, false);
    }

    pub(crate) fn counts(&mut self, number: u32, values: &[u64]) {
        self.fixed64s(number, values.iter().copied());
    }

    pub(crate) fn doubles(&mut self, number: u32, values: &[f64]) {
        self.fixed64s(number, values.iter().map(|value| value.to_bits()));
    }

    fn fixed64s(&mut self, number: u32, values: impl ExactSizeIterator<Item = u64> + Clone) {
        let take =
            |bytes: &[u8], at: usize| Some((u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?), at + 8));
        if !self.scalars(number, take).eq(values.clone()) {
            self.replace_all(number, |out| put_packed_fixed64(out, number, values));
        }
    }

    pub(crate) fn varints(&mut self, number: u32, values: &[u64]) {
        if !self.scalars(number, read_varint).eq(values.iter().copied()) {
            self.replace_all(number, |out| put_packed_varint(out, number, values));
        }
    }

    /// The values of a repeated scalar, packed or not; `take` reads one and says where it ends.
    fn scalars(
        &self,
        number: u32,
        take: impl Fn(&[u8], usize) -> Option<(u64, usize)>,
    ) -> impl Iterator<Item = u64> {
        let mut fields = RawFields::new(self.bytes()).filter(move |field| field.number == number);
        let mut run: (&[u8], usize) = (&[], 0);
        std::iter::from_fn(move || {
            loop {
                if let Some((value, end)) = take(run.0, run.1) {
                    run.1 = end;
                    return Some(value);
                }
                run = (fields.next()?.value, 0);
            }
        })
    }

    /// Sets a repeated field of texts.
    pub(crate) fn strs(&mut self, number: u32, values: &[&str]) {
        let now = RawFields::new(self.bytes()).filter(|field| field.number == number);
        if !now.map(|field| field.value).eq(values.iter().map(|value| value.as_bytes())) {
            self.replace_all(number, |out| {
                for value in values {
                    wire::put_len_field(out, number, value.as_bytes());
                }
            });
        }
    }

    /// Puts what `write` writes in the place of all fields of that number.
    fn replace_all(&mut self, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let at = match self.find(number) {
            Ok(first) => first.start,
            Err(at) => at,
        };
        self.unset_all(number);
        self.splice_with(at..at, |_, out| write(out));
    }

    /// Looks at every field of that number in turn and keeps it, drops it, or puts in its place what `edit`
    /// wrote. Neighbours are copied in runs, and nothing is before the first that is not kept.
    pub(crate) fn rebuild(&mut self, number: u32, mut edit: impl FnMut(&RawField<'_>, &mut Vec<u8>) -> Fate) {
        let mut rebuilt = std::mem::take(&mut self.state.rebuilt);
        let mut written = std::mem::take(&mut self.state.field);
        rebuilt.clear();
        let bytes = self.bytes();
        let mut copied = 0;
        let mut fields = RawFields::new(bytes);
        while let Some(field) = fields.next_of(number) {
            written.clear();
            let fate = edit(&field, &mut written);
            if fate != Fate::Keep {
                rebuilt.extend_from_slice(&bytes[copied..field.start]);
                copied = field.end;
            }
            if fate == Fate::Replace {
                rebuilt.extend_from_slice(&written);
            }
        }
        if copied > 0 {
            rebuilt.extend_from_slice(&bytes[copied..]);
            std::mem::swap(&mut self.state.own, &mut rebuilt);
            self.state.changes += 1;
        }
        self.state.rebuilt = rebuilt;
        self.state.field = written;
    }

    /// Edits every message of a repeated field in turn.
    pub(crate) fn edit_each<V: Into<Verdict>>(&mut self, number: u32, mut edit: impl FnMut(Draft<'_>) -> V) {
        let mut state = self.state.nested.take().unwrap_or_default();
        let depth = self.depth + 1;
        self.rebuild(number, |field, out| {
            state.reset();
            match edit(Draft::new(field.value, &mut state, depth)).into() {
                Verdict::Drop => Fate::Drop,
                Verdict::Keep if state.changes == 0 => Fate::Keep,
                Verdict::Keep => {
                    wire::put_len_field(out, number, &state.own);
                    Fate::Replace
                }
            }
        });
        self.state.nested = Some(state);
    }

    /// Edits the message of a singular field, an empty one where it is absent.
    pub(crate) fn edit_message<R>(&mut self, number: u32, edit: impl FnOnce(Draft<'_>) -> R) -> R {
        match self.find(number) {
            Ok(field) => {
                let place = Place::of(&field);
                self.edit_at(number, place, edit)
            }
            Err(at) => self.edit_at(number, Place { start: at, end: at, value: at }, edit),
        }
    }

    /// Edits the message that stands at `place` as a field of that number.
    pub(crate) fn edit_at<R>(&mut self, number: u32, place: Place, edit: impl FnOnce(Draft<'_>) -> R) -> R {
        let mut state = self.state.nested.take().unwrap_or_default();
        state.reset();
        let result = edit(Draft::new(&self.bytes()[place.value()], &mut state, self.depth + 1));
        if state.changes > 0 {
            self.splice_with(place.start..place.end, |_, out| wire::put_len_field(out, number, &state.own));
        }
        self.state.nested = Some(state);
        result
    }

    /// Appends an element to a repeated field, behind those that are there.
    pub(crate) fn push(&mut self, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let last = RawFields::new(self.bytes()).filter(|field| field.number == number).last();
        let at = match last {
            Some(field) => field.end,
            None => self.find(number).map_or_else(|at| at, |field| field.start),
        };
        self.splice_with(at..at, |_, out| write(out));
    }

    /// Puts what `write` writes in the place of the whole message.
    pub(crate) fn replace(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let len = self.bytes().len();
        self.splice_with(0..len, |_, out| write(out));
    }
}

/// Puts `new` in the place of what stands in `range`.
fn splice(bytes: &mut Vec<u8>, range: Range<usize>, new: &[u8]) {
    let len = bytes.len();
    let end = range.start + new.len();
    if end > range.end {
        bytes.resize(len + end - range.end, 0);
    }
    bytes.copy_within(range.end..len, end);
    bytes[range.start..end].copy_from_slice(new);
    bytes.truncate(len - range.end + end);
}
