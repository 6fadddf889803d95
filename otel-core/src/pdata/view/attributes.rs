//! Attributes and their values.

use std::fmt;

use super::field::{Element, Field, Repeated, find, text};
use crate::pdata::wire::RawFields;

/// A list of keys with values: the attributes of something, or a value that is such a list.
///
/// Keys should be unique and are not always: [`Attributes::get`] finds the first, iterating shows all.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    /// The message that holds the list among its fields.
    message: &'a [u8],
    number: u32,
}

/// An attribute.
#[derive(Clone, Copy)]
pub struct KeyValue<'a> {
    bytes: &'a [u8],
}

/// The value of an attribute, the body of a log record, or a part of one.
#[derive(Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub enum AnyValue<'a> {
    /// No value.
    #[default]
    Empty,
    /// Text.
    Str(&'a str),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// Values in a row.
    Array(Array<'a>),
    /// Keys with values.
    KvList(Attributes<'a>),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A value that is a row of values.
#[derive(Clone, Copy)]
pub struct Array<'a> {
    bytes: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The list that stands in a message as the field of that number.
    #[inline]
    pub(crate) fn new(message: &'a [u8], number: u32) -> Self {
        Self { message, number }
    }

    /// The value of the first attribute of that key. [`AnyValue::Empty`] is one that is there without a value.
    #[inline]
    pub fn get(self, key: &str) -> Option<AnyValue<'a>> {
        self.find(key).map(KeyValue::value)
    }

    /// Whether there is an attribute of that key.
    #[inline]
    pub fn contains_key(self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The attributes in their order.
    #[inline]
    pub fn iter(self) -> Repeated<'a, KeyValue<'a>> {
        Repeated::new(self.message, self.number)
    }

    /// How many there are, by counting them.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.iter().is_empty()
    }

    #[inline]
    fn find(self, key: &str) -> Option<KeyValue<'a>> {
        let mut fields = RawFields::new(self.message);
        while let Some(field) = fields.next_of(self.number) {
            let attribute = KeyValue { bytes: field.value };
            if attribute.has_key(key.as_bytes()) {
                return Some(attribute);
            }
        }
        None
    }
}

impl<'a> IntoIterator for Attributes<'a> {
    type Item = KeyValue<'a>;
    type IntoIter = Repeated<'a, KeyValue<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Attributes<'_> {
    /// Same keys and values in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|attribute| (attribute.key(), attribute.value()))).finish()
    }
}

impl<'a> KeyValue<'a> {
    #[inline]
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a str {
        Field::read(self.bytes, 1)
    }

    /// The value.
    #[inline]
    pub fn value(self) -> AnyValue<'a> {
        Field::read(self.bytes, 2)
    }

    /// Compares without a look at the text's encoding. Encoders write the key first.
    #[inline]
    pub(crate) fn has_key(self, key: &[u8]) -> bool {
        if let [0x0a, len, rest @ ..] = self.bytes
            && *len < 0x80
        {
            return usize::from(*len) == key.len() && rest.starts_with(key);
        }
        find(self.bytes, 1).map_or(key.is_empty(), |field| field.value == key)
    }
}

impl PartialEq for KeyValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key() && self.value() == other.value()
    }
}

impl fmt::Debug for KeyValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.key(), self.value())
    }
}

impl<'a> AnyValue<'a> {
    #[inline]
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Self {
        let mut fields = RawFields::new(bytes);
        while let Some(field) = fields.step() {
            return match field.number {
                1 => AnyValue::Str(text(field.value)),
                2 => AnyValue::Bool(field.varint() != 0),
                3 => AnyValue::Int(field.varint() as i64),
                4 => AnyValue::Double(f64::from_bits(field.fixed64())),
                5 => AnyValue::Array(Array { bytes: field.value }),
                6 => AnyValue::KvList(Attributes { message: field.value, number: 1 }),
                7 => AnyValue::Bytes(field.value),
                _ => continue,
            };
        }
        AnyValue::Empty
    }

    /// The text, if it is text.
    pub fn as_str(self) -> Option<&'a str> {
        if let AnyValue::Str(value) = self { Some(value) } else { None }
    }

    /// The integer, if it is one.
    pub fn as_int(self) -> Option<i64> {
        if let AnyValue::Int(value) = self { Some(value) } else { None }
    }

    /// The floating point number, if it is one.
    pub fn as_double(self) -> Option<f64> {
        if let AnyValue::Double(value) = self { Some(value) } else { None }
    }

    /// True or false, if it is that.
    pub fn as_bool(self) -> Option<bool> {
        if let AnyValue::Bool(value) = self { Some(value) } else { None }
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        if let AnyValue::Bytes(value) = self { Some(value) } else { None }
    }

    /// The row of values, if it is one.
    pub fn as_array(self) -> Option<Array<'a>> {
        if let AnyValue::Array(value) = self { Some(value) } else { None }
    }

    /// The list of keys with values, if it is one.
    pub fn as_kv_list(self) -> Option<Attributes<'a>> {
        if let AnyValue::KvList(value) = self { Some(value) } else { None }
    }

    /// Whether there is no value.
    pub fn is_empty(self) -> bool {
        matches!(self, AnyValue::Empty)
    }
}

/// Prints the value as a Rust literal would look.
impl fmt::Debug for AnyValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnyValue::Empty => f.write_str("Empty"),
            AnyValue::Str(value) => fmt::Debug::fmt(value, f),
            AnyValue::Bool(value) => fmt::Debug::fmt(value, f),
            AnyValue::Int(value) => fmt::Debug::fmt(value, f),
            AnyValue::Double(value) => fmt::Debug::fmt(value, f),
            AnyValue::Array(value) => fmt::Debug::fmt(value, f),
            AnyValue::KvList(value) => fmt::Debug::fmt(value, f),
            AnyValue::Bytes(value) => write!(f, "b\"{}\"", value.escape_ascii()),
        }
    }
}

impl<'a> Array<'a> {
    #[inline]
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The values in their order.
    #[inline]
    pub fn iter(self) -> Repeated<'a, AnyValue<'a>> {
        Repeated::new(self.bytes, 1)
    }

    /// How many there are, by counting them.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.iter().is_empty()
    }
}

impl<'a> IntoIterator for Array<'a> {
    type Item = AnyValue<'a>;
    type IntoIter = Repeated<'a, AnyValue<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Array<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Field<'a> for Attributes<'a> {
    #[inline]
    fn read(message: &'a [u8], number: u32) -> Self {
        Self { message, number }
    }
}

impl<'a> Field<'a> for AnyValue<'a> {
    #[inline]
    fn read(message: &'a [u8], number: u32) -> Self {
        find(message, number).map_or(AnyValue::Empty, |field| AnyValue::from_bytes(field.value))
    }
}

impl<'a> Element<'a> for KeyValue<'a> {
    #[inline]
    fn element(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }
}

impl<'a> Element<'a> for AnyValue<'a> {
    #[inline]
    fn element(bytes: &'a [u8]) -> Self {
        Self::from_bytes(bytes)
    }
}
