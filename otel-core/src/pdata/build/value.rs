//! Attribute values on their way to the wire.

use super::nesting::{ELEMENT, ENTRY, ROOM, fitting};
use super::writer::put_fixed64;
use crate::pdata::view::{AnyValue, Attributes};
use crate::pdata::wire::{self, OpenField, len_field_len, put_varint, varint_len, wire_type};

/// Field numbers of the oneof in an `AnyValue`.
pub(crate) mod number {
    pub(crate) const STR: u32 = 1;
    pub(crate) const BOOL: u32 = 2;
    pub(crate) const INT: u32 = 3;
    pub(crate) const DOUBLE: u32 = 4;
    pub(crate) const ARRAY: u32 = 5;
    pub(crate) const MAP: u32 = 6;
    pub(crate) const BYTES: u32 = 7;
}

/// Field numbers of a `KeyValue`.
pub(crate) const KEY: u32 = 1;
pub(crate) const VALUE: u32 = 2;

/// Field number of the elements of an array and of the entries of a map.
pub(crate) const ELEMENTS: u32 = 1;

/// `from!(Type => |value| variant, …)` becomes the conversions of those types.
macro_rules! from {
    ($($ty:ty => |$value:ident| $variant:expr,)*) => {$(
        impl<'a> From<$ty> for AnyValue<'a> {
            #[inline]
            fn from($value: $ty) -> Self {
                $variant
            }
        }
    )*};
}

from! {
    &'a str => |value| AnyValue::Str(value),
    &'a String => |value| AnyValue::Str(value),
    bool => |value| AnyValue::Bool(value),
    i64 => |value| AnyValue::Int(value),
    i32 => |value| AnyValue::Int(value.into()),
    u32 => |value| AnyValue::Int(value.into()),
    f64 => |value| AnyValue::Double(value),
    &'a [u8] => |value| AnyValue::Bytes(value),
    &'a ValueBuf => |value| value.value(),
}

impl<'a, const N: usize> From<&'a [u8; N]> for AnyValue<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        AnyValue::Bytes(value)
    }
}

/// Length of the `AnyValue` that holds this.
#[inline]
pub(crate) fn value_len(value: AnyValue<'_>) -> usize {
    match value {
        AnyValue::Empty => 0,
        AnyValue::Str(text) => len_field_len(number::STR, text.len()),
        AnyValue::Bool(_) => 2,
        AnyValue::Int(value) => 1 + varint_len(value as u64),
        AnyValue::Double(_) => 9,
        AnyValue::Bytes(bytes) => len_field_len(number::BYTES, bytes.len()),
        AnyValue::Array(array) => len_field_len(number::ARRAY, array.bytes().len()),
        AnyValue::KvList(entries) => len_field_len(number::MAP, entries_len(entries)),
    }
}

/// Length of the entries as a message of their own, which need not be the one that they stand in.
fn entries_len(entries: Attributes<'_>) -> usize {
    entries.iter().map(|entry| len_field_len(ELEMENTS, entry.bytes().len())).sum()
}

/// Writes the content of an `AnyValue`.
#[inline]
pub(crate) fn put_any_value(out: &mut Vec<u8>, value: AnyValue<'_>) {
    match value {
        AnyValue::Empty => {}
        AnyValue::Str(text) => wire::put_len_field(out, number::STR, text.as_bytes()),
        AnyValue::Bool(value) => {
            out.extend_from_slice(&[wire::tag(number::BOOL, wire_type::VARINT) as u8, value.into()]);
        }
        AnyValue::Int(value) => {
            wire::put_tag(out, number::INT, wire_type::VARINT);
            put_varint(out, value as u64);
        }
        AnyValue::Double(value) => put_fixed64(out, number::DOUBLE, value.to_bits()),
        AnyValue::Bytes(bytes) => wire::put_len_field(out, number::BYTES, bytes),
        AnyValue::Array(array) => wire::put_len_field(out, number::ARRAY, array.bytes()),
        AnyValue::KvList(entries) => {
            wire::put_len_header(out, number::MAP, entries_len(entries));
            for entry in entries {
                wire::put_len_field(out, ELEMENTS, entry.bytes());
            }
        }
    }
}

/// Writes a value as a field: an element of an array, a log body, the value of a map entry.
#[inline]
pub(crate) fn put_value(out: &mut Vec<u8>, field: u32, value: AnyValue<'_>) {
    wire::put_len_header(out, field, value_len(value));
    put_any_value(out, value);
}

/// Writes a key and its value as a field. Its lengths are known beforehand.
#[inline]
pub(crate) fn put_key_value(out: &mut Vec<u8>, field: u32, key: &str, value: AnyValue<'_>) {
    let content = value_len(value);
    let len = len_field_len(KEY, key.len()) + len_field_len(VALUE, content);
    let tag = wire::tag(field, wire_type::LEN) as u8;
    out.reserve(len + 2 + varint_len(len as u64));
    if len < 0x80 && field < 16 {
        const KEY_TAG: u8 = wire::tag(KEY, wire_type::LEN) as u8;
        const VALUE_TAG: u8 = wire::tag(VALUE, wire_type::LEN) as u8;
        // Every length takes one byte, which is so for most attributes: the heads go out in one piece each.
        out.extend_from_slice(&[tag, len as u8, KEY_TAG, key.len() as u8]);
        out.extend_from_slice(key.as_bytes());
        if let AnyValue::Str(text) = value {
            const STR_TAG: u8 = wire::tag(number::STR, wire_type::LEN) as u8;
            out.extend_from_slice(&[VALUE_TAG, content as u8, STR_TAG, text.len() as u8]);
            out.extend_from_slice(text.as_bytes());
        } else {
            out.extend_from_slice(&[VALUE_TAG, content as u8]);
            put_any_value(out, value);
        }
    } else {
        wire::put_len_header(out, field, len);
        wire::put_len_field(out, KEY, key.as_bytes());
        put_value(out, VALUE, value);
    }
}

/// As [`put_key_value`], as much of the value as there is `room` for.
#[inline]
pub(crate) fn put_fitting_key_value(
    out: &mut Vec<u8>,
    field: u32,
    key: &str,
    value: AnyValue<'_>,
    room: u32,
) {
    let mut cut = ValueBuf::default();
    put_key_value(out, field, key, fitting(value, room, &mut cut));
}

/// The elements of an array that is being written.
#[derive(Debug)]
pub struct ArrayBuilder<'a> {
    out: &'a mut Vec<u8>,
    /// The room of the values in it.
    room: u32,
}

impl ArrayBuilder<'_> {
    /// Appends an element.
    #[inline]
    pub fn push<'v>(&mut self, value: impl Into<AnyValue<'v>>) -> &mut Self {
        let mut cut = ValueBuf::default();
        put_value(self.out, ELEMENTS, fitting(value.into(), self.room, &mut cut));
        self
    }

    /// Appends an array.
    pub fn push_array(&mut self, write: impl FnOnce(&mut ArrayBuilder<'_>)) -> &mut Self {
        let field = OpenField::open(self.out, ELEMENTS, 0);
        put_array(self.out, self.room, write);
        field.close(self.out);
        self
    }

    /// Appends a map.
    pub fn push_map(&mut self, write: impl FnOnce(&mut MapBuilder<'_>)) -> &mut Self {
        let field = OpenField::open(self.out, ELEMENTS, 0);
        put_map(self.out, self.room, write);
        field.close(self.out);
        self
    }
}

/// The entries of a map that is being written. They are written in order, and keys are not looked up: it is for
/// the caller to give each once.
#[derive(Debug)]
pub struct MapBuilder<'a> {
    out: &'a mut Vec<u8>,
    /// The room of the values in it.
    room: u32,
}

impl MapBuilder<'_> {
    /// Appends an entry.
    #[inline]
    pub fn entry<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) -> &mut Self {
        put_fitting_key_value(self.out, ELEMENTS, key, value.into(), self.room);
        self
    }

    /// Appends an entry that holds an array.
    pub fn entry_array(&mut self, key: &str, write: impl FnOnce(&mut ArrayBuilder<'_>)) -> &mut Self {
        put_nested_entry(self.out, ELEMENTS, key, |out| put_array(out, self.room, write));
        self
    }

    /// Appends an entry that holds a map.
    pub fn entry_map(&mut self, key: &str, write: impl FnOnce(&mut MapBuilder<'_>)) -> &mut Self {
        put_nested_entry(self.out, ELEMENTS, key, |out| put_map(out, self.room, write));
        self
    }
}

/// Writes a key and a value that `write` writes, as a field.
pub(crate) fn put_nested_entry(out: &mut Vec<u8>, field: u32, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
    let entry = OpenField::open(out, field, key.len());
    wire::put_len_field(out, KEY, key.as_bytes());
    let value = OpenField::open(out, VALUE, 0);
    write(out);
    value.close(out);
    entry.close(out);
}

/// Writes the content of an `AnyValue` that holds an array, or nothing where there is no room for it.
pub(crate) fn put_array(out: &mut Vec<u8>, room: u32, write: impl FnOnce(&mut ArrayBuilder<'_>)) {
    if let Some(room) = room.checked_sub(ELEMENT) {
        let field = OpenField::open(out, number::ARRAY, 0);
        write(&mut ArrayBuilder { out, room });
        field.close(out);
    }
}

/// Writes the content of an `AnyValue` that holds a map, or nothing where there is no room for it.
pub(crate) fn put_map(out: &mut Vec<u8>, room: u32, write: impl FnOnce(&mut MapBuilder<'_>)) {
    if let Some(room) = room.checked_sub(ENTRY) {
        let field = OpenField::open(out, number::MAP, 0);
        write(&mut MapBuilder { out, room });
        field.close(out);
    }
}

/// A value of its own: an array or a map to be set somewhere, or a copy of a value that was read.
///
/// ```
/// use otel_core::pdata::build::ValueBuf;
///
/// let tags = ValueBuf::array(|tags| {
///     tags.push("blue").push(7).push_map(|map| {
///         map.entry("nested", true);
///     });
/// });
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueBuf {
    /// The content of an `AnyValue`.
    encoded: Vec<u8>,
}

impl ValueBuf {
    /// An array.
    pub fn array(write: impl FnOnce(&mut ArrayBuilder<'_>)) -> Self {
        Self::written(|out| put_array(out, ROOM, write))
    }

    /// A map.
    pub fn map(write: impl FnOnce(&mut MapBuilder<'_>)) -> Self {
        Self::written(|out| put_map(out, ROOM, write))
    }

    /// What `write` writes as the content of an `AnyValue`.
    pub(crate) fn written(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut encoded = Vec::new();
        write(&mut encoded);
        Self { encoded }
    }

    /// The value.
    pub fn value(&self) -> AnyValue<'_> {
        AnyValue::from_bytes(&self.encoded)
    }
}

impl<'a> From<AnyValue<'a>> for ValueBuf {
    fn from(value: AnyValue<'a>) -> Self {
        let mut encoded = Vec::with_capacity(value_len(value));
        put_any_value(&mut encoded, value);
        Self { encoded }
    }
}
