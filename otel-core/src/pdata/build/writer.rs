//! The one place that writes fields of messages that are built from nothing.

use crate::pdata::view::{
    AggregationTemporality, NumberValue, SeverityNumber, SpanId, SpanKind, StatusCode, TraceId,
};
use crate::pdata::wire::{self, OpenField, RawFields, put_tag, put_varint, wire_type};

/// A message that is being written at the end of a buffer. A field that is written again replaces what was
/// written before, so that no singular field ever stands twice.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Where the message starts.
    start: usize,
    /// A bit for every field number that was written.
    written: u32,
}

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start, written: 0 }
    }

    /// The buffer, for what has a writer of its own: elements of repeated fields.
    #[inline]
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Says that the singular field is about to be written.
    #[inline]
    fn once(&mut self, number: u32) {
        let bit = 1 << number;
        if self.written & bit != 0 {
            remove(self.out, self.start, number);
        }
        self.written |= bit;
    }

    #[inline]
    pub(crate) fn str(&mut self, number: u32, value: &str) {
        self.bytes(number, value.as_bytes());
    }

    #[inline]
    fn bytes(&mut self, number: u32, value: &[u8]) {
        self.once(number);
        if !value.is_empty() {
            wire::put_len_field(self.out, number, value);
        }
    }

    #[inline]
    pub(crate) fn trace_id(&mut self, number: u32, value: impl Into<TraceId>) {
        let id = value.into();
        let bytes = id.to_bytes();
        self.bytes(number, if id.is_empty() { &[] } else { &bytes });
    }

    #[inline]
    pub(crate) fn span_id(&mut self, number: u32, value: impl Into<SpanId>) {
        let id = value.into();
        let bytes = id.to_bytes();
        self.bytes(number, if id.is_empty() { &[] } else { &bytes });
    }

    #[inline]
    fn varint(&mut self, number: u32, value: u64) {
        self.once(number);
        if value != 0 {
            put_tag(self.out, number, wire_type::VARINT);
            put_varint(self.out, value);
        }
    }

    #[inline]
    pub(crate) fn uint32(&mut self, number: u32, value: u32) {
        self.varint(number, value.into());
    }

    /// Negative numbers are written as protobuf does, in ten bytes.
    #[inline]
    pub(crate) fn enumeration(&mut self, number: u32, value: impl Enumeration) {
        self.varint(number, i64::from(value.number()) as u64);
    }

    #[inline]
    pub(crate) fn sint32(&mut self, number: u32, value: i32) {
        self.varint(number, zigzag(value).into());
    }

    #[inline]
    pub(crate) fn bool(&mut self, number: u32, value: bool) {
        self.varint(number, value.into());
    }

    #[inline]
    pub(crate) fn fixed32(&mut self, number: u32, value: u32) {
        self.once(number);
        if value != 0 {
            put_tag(self.out, number, wire_type::FIXED32);
            self.out.extend_from_slice(&value.to_le_bytes());
        }
    }

    #[inline]
    pub(crate) fn fixed64(&mut self, number: u32, value: u64) {
        self.once(number);
        if value != 0 {
            put_fixed64(self.out, number, value);
        }
    }

    /// Minus zero is not zero: it is written.
    #[inline]
    pub(crate) fn double(&mut self, number: u32, value: f64) {
        self.fixed64(number, value.to_bits());
    }

    #[inline]
    pub(crate) fn optional_double(&mut self, number: u32, value: impl Into<Option<f64>>) {
        self.once(number);
        if let Some(value) = value.into() {
            put_fixed64(self.out, number, value.to_bits());
        }
    }

    /// The oneof of a number point and of an exemplar: a double as field `number`, or an integer.
    #[inline]
    pub(crate) fn number(&mut self, number: u32, value: impl Into<NumberValue>) {
        self.once(number);
        self.once(AS_INT);
        let (number, bits) = number_field(number, value.into());
        put_fixed64(self.out, number, bits);
    }

    pub(crate) fn counts(&mut self, number: u32, values: &[u64]) {
        self.once(number);
        put_packed_fixed64(self.out, number, values.iter().copied());
    }

    pub(crate) fn doubles(&mut self, number: u32, values: &[f64]) {
        self.once(number);
        put_packed_fixed64(self.out, number, values.iter().map(|value| value.to_bits()));
    }

    pub(crate) fn varints(&mut self, number: u32, values: &[u64]) {
        self.once(number);
        put_packed_varint(self.out, number, values);
    }

    /// Texts of which there may be several; each call appends one.
    #[inline]
    pub(crate) fn push_str(&mut self, number: u32, value: &str) {
        wire::put_len_field(self.out, number, value.as_bytes());
    }

    /// A message of which there may be several; each call appends one.
    #[inline]
    pub(crate) fn push_message(&mut self, number: u32, guess: usize, write: impl FnOnce(Writer<'_>)) {
        let field = OpenField::open(self.out, number, guess);
        write(Writer::new(self.out));
        field.close(self.out);
    }

    /// A message of which there is one.
    #[inline]
    pub(crate) fn message(&mut self, number: u32, guess: usize, write: impl FnOnce(Writer<'_>)) {
        self.once(number);
        self.push_message(number, guess, write);
    }
}

/// Takes the field of that number out of the message that starts at `start` and reaches to the end of `out`.
#[cold]
pub(crate) fn remove(out: &mut Vec<u8>, start: usize, number: u32) {
    let found = RawFields::new(&out[start..])
        .find(|field| field.number == number)
        .map(|field| start + field.start..start + field.end);
    if let Some(range) = found {
        out.drain(range);
    }
}

#[inline]
pub(crate) fn zigzag(value: i32) -> u32 {
    (value << 1 ^ value >> 31) as u32
}

/// Field number of an integer in a number point and in an exemplar.
pub(crate) const AS_INT: u32 = 6;

/// The field number and the bits of a number, given the field number of a double.
#[inline]
pub(crate) fn number_field(double: u32, value: NumberValue) -> (u32, u64) {
    match value {
        NumberValue::Double(value) => (double, value.to_bits()),
        NumberValue::Int(value) => (AS_INT, value as u64),
    }
}

#[inline]
pub(crate) fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    let mut field = [0; 9];
    field[0] = wire::tag(number, wire_type::FIXED64) as u8;
    field[1..].copy_from_slice(&value.to_le_bytes());
    out.extend_from_slice(&field);
}

/// Writes nothing where there are no values.
pub(crate) fn put_packed_fixed64(out: &mut Vec<u8>, number: u32, values: impl ExactSizeIterator<Item = u64>) {
    if values.len() > 0 {
        wire::put_len_header(out, number, values.len() * 8);
        out.reserve(values.len() * 8);
        for value in values {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Writes nothing where there are no values.
pub(crate) fn put_packed_varint(out: &mut Vec<u8>, number: u32, values: &[u64]) {
    if !values.is_empty() {
        wire::put_len_header(out, number, values.iter().map(|value| wire::varint_len(*value)).sum());
        for value in values {
            put_varint(out, *value);
        }
    }
}

/// A number with names.
pub(crate) trait Enumeration {
    fn number(self) -> i32;
}

/// `enumerations!(Type …)` becomes their numbers.
macro_rules! enumerations {
    ($($ty:ty)*) => {$(
        impl Enumeration for $ty {
            #[inline]
            fn number(self) -> i32 {
                self.0
            }
        }
    )*};
}

enumerations!(SpanKind StatusCode SeverityNumber AggregationTemporality);
