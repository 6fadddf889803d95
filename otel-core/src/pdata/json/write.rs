//! Wire bytes to JSON, in one pass over the bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::pair::write_pair;
use super::sink::Sink;
use crate::pdata::payload::Segment;
use crate::pdata::schema::{Field, KEY_VALUE, Kind, Label, Message};
use crate::pdata::wire::{RawField, RawFields, read_varint, wire_type};

/// Appends a request of the given shape.
pub(in crate::pdata) fn write(schema: &'static Message, segments: &[Segment], out: &mut Vec<u8>) {
    // The one field of a request is the list of its resource groups, which may go on in the next segment.
    let groups = &schema.fields[0];
    let Kind::Message(group) = groups.kind else { unreachable!("a request holds a list of messages") };
    let mut out = Sink::new(out);
    let mut first = true;
    out.byte(b'{');
    for segment in segments {
        for raw in RawFields::new(&segment.bytes).filter(|raw| raw.number == groups.number) {
            if first {
                out.name(&groups.json, &mut first);
                out.byte(b'[');
            } else {
                out.byte(b',');
            }
            message(group, raw.value, &mut out);
        }
    }
    if !first {
        out.byte(b']');
    }
    out.byte(b'}');
    out.finish();
}

fn message(schema: &'static Message, bytes: &[u8], out: &mut Sink<'_>) {
    out.byte(b'{');
    let mut first = true;
    let mut seen = 0u32;
    let mut fields = RawFields::new(bytes);
    let mut current = fields.next();
    while let Some(raw) = current {
        let bit = 1u32.wrapping_shl(raw.number);
        current = match schema.field(raw.number) {
            Some(field) if seen & bit == 0 => {
                seen |= bit;
                if field.label == Label::Many {
                    list(field, raw, bytes, &mut fields, &mut first, out)
                } else {
                    member(field, &raw, bytes, &mut first, out);
                    fields.next()
                }
            }
            _ => fields.next(),
        };
    }
    let missing = schema.singular_messages & !seen;
    if missing != 0 {
        for field in schema.fields.iter().filter(|field| missing & (1 << field.number) != 0) {
            out.name(&field.json, &mut first);
            out.put(b"{}");
        }
    }
    out.byte(b'}');
}

/// Writes a field that holds one value, unless it is a zero that means the same as absence. `around` is the message
/// that holds it.
#[inline]
fn member(field: &Field, raw: &RawField<'_>, around: &[u8], first: &mut bool, out: &mut Sink<'_>) {
    let always = field.label != Label::One;
    match field.kind {
        Kind::Message(of) => {
            out.name(&field.json, first);
            message(of, raw.value, out);
        }
        kind if raw.wire == wire_type::LEN => {
            if always || !raw.value.is_empty() {
                out.name(&field.json, first);
                text(kind, raw, around, out);
            }
        }
        kind => {
            let bits = bits(raw);
            if always || !is_zero(kind, bits) {
                out.name(&field.json, first);
                number(kind, bits, out);
            }
        }
    }
}

/// Writes all values of a repeated field, wherever they stand, and returns what follows the run that starts here.
fn list<'a>(
    field: &'a Field,
    start: RawField<'a>,
    message: &'a [u8],
    fields: &mut RawFields<'a>,
    first: &mut bool,
    out: &mut Sink<'_>,
) -> Option<RawField<'a>> {
    let mut list = List { field, message, separator: OPEN, first };
    let rest = match field.kind {
        Kind::Message(of) if std::ptr::eq(of, &raw const KEY_VALUE) => list.pairs(start, fields, out),
        _ => {
            list.elements(&start, out);
            loop {
                match fields.next() {
                    Some(raw) if raw.number == field.number => list.elements(&raw, out),
                    other => break other,
                }
            }
        }
    };
    if rest.is_some() {
        for raw in fields.clone().filter(|raw| raw.number == field.number) {
            list.elements(&raw, out);
        }
    }
    if list.separator != OPEN {
        out.byte(b']');
    }
    rest
}

/// A list that is opened by its first element: packed runs can be empty.
struct List<'a, 'f> {
    field: &'a Field,
    /// The message that the list is a field of.
    message: &'a [u8],
    /// What stands in front of the next element.
    separator: u8,
    /// Whether the list is the first member of its object.
    first: &'f mut bool,
}

const OPEN: u8 = b'[';

impl<'a> List<'a, '_> {
    /// Writes a run of attributes and returns what follows it.
    fn pairs(
        &mut self,
        start: RawField<'a>,
        fields: &mut RawFields<'a>,
        out: &mut Sink<'_>,
    ) -> Option<RawField<'a>> {
        out.name(&self.field.json, self.first);
        let mut next = start;
        loop {
            let tail = &self.message[next.end - next.value.len()..];
            if !write_pair(self.separator, next.value.len(), tail, out) {
                out.byte(self.separator);
                message(&KEY_VALUE, next.value, out);
            }
            self.separator = b',';
            next = fields.step()?;
            if next.number != self.field.number {
                return Some(next);
            }
        }
    }

    /// Writes what one occurrence of the field holds: a value, or a packed run of them.
    fn elements(&mut self, raw: &RawField<'_>, out: &mut Sink<'_>) {
        match self.field.kind {
            Kind::Message(of) => {
                self.separate(out);
                message(of, raw.value, out);
            }
            kind if !kind.is_packable() => {
                self.separate(out);
                text(kind, raw, self.message, out);
            }
            kind if raw.wire != wire_type::LEN => {
                self.separate(out);
                number(kind, bits(raw), out);
            }
            kind => {
                let mut packed = raw.value;
                while let Some((bits, len)) = unpack(kind, packed) {
                    self.separate(out);
                    number(kind, bits, out);
                    packed = &packed[len..];
                }
            }
        }
    }

    #[inline]
    fn separate(&mut self, out: &mut Sink<'_>) {
        if self.separator == OPEN {
            out.name(&self.field.json, self.first);
        }
        out.byte(self.separator);
        self.separator = b',';
    }
}

/// The first value of a packed run, and its length.
fn unpack(kind: Kind, packed: &[u8]) -> Option<(u64, usize)> {
    match kind.wire() {
        wire_type::VARINT => read_varint(packed, 0),
        wire_type::FIXED64 => packed.first_chunk().map(|bytes| (u64::from_le_bytes(*bytes), 8)),
        _ => packed.first_chunk().map(|bytes| (u64::from(u32::from_le_bytes(*bytes)), 4)),
    }
}

#[inline]
fn bits(raw: &RawField<'_>) -> u64 {
    match raw.wire {
        wire_type::VARINT => raw.varint(),
        wire_type::FIXED64 => raw.fixed64(),
        _ => u64::from(raw.fixed32()),
    }
}

/// A varint of a narrow type can have more bits than the type.
#[inline]
fn is_zero(kind: Kind, bits: u64) -> bool {
    match kind {
        Kind::Int32 | Kind::Uint32 | Kind::Sint32 => bits as u32 == 0,
        _ => bits == 0,
    }
}

#[inline]
fn text(kind: Kind, raw: &RawField<'_>, message: &[u8], out: &mut Sink<'_>) {
    match (kind, <&[u8; 16]>::try_from(raw.value), <&[u8; 8]>::try_from(raw.value)) {
        (Kind::Str, ..) => out.string(&message[raw.end - raw.value.len()..], raw.value.len()),
        (Kind::Bytes, ..) => base64(raw.value, out.vector()),
        (_, Ok(trace_id), _) => out.hex(trace_id),
        (_, _, Ok(span_id)) => out.hex(span_id),
        _ => out.put(b"\"\""),
    }
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    let len = base64::encoded_len(bytes.len(), true).expect("a request is shorter than memory");
    out.resize(start + len, 0);
    STANDARD.encode_slice(bytes, &mut out[start..]).expect("the room was measured");
    out.push(b'"');
}

#[inline]
pub(super) fn number(kind: Kind, bits: u64, out: &mut Sink<'_>) {
    match kind {
        Kind::Bool if bits == 0 => out.put(b"false"),
        Kind::Bool => out.put(b"true"),
        Kind::Int32 => signed((bits as i32).into(), false, out),
        Kind::Uint32 | Kind::Fixed32 => out.decimal(false, u64::from(bits as u32), false),
        Kind::Sint32 => {
            let zigzag = bits as u32;
            signed(((zigzag >> 1) as i32 ^ -((zigzag & 1) as i32)).into(), false, out);
        }
        // JSON's readers keep 53 bits of a number, so 64-bit integers are strings.
        Kind::Int64 | Kind::Sfixed64 => signed(bits as i64, true, out),
        Kind::Uint64 | Kind::Fixed64 => out.decimal(false, bits, true),
        _ => double(f64::from_bits(bits), out),
    }
}

#[inline]
fn signed(value: i64, quoted: bool, out: &mut Sink<'_>) {
    out.decimal(value < 0, value.unsigned_abs(), quoted);
}

pub(super) fn double(value: f64, out: &mut Sink<'_>) {
    if value.is_finite() {
        out.short(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.put(b"\"NaN\"");
    } else if value > 0.0 {
        out.put(b"\"Infinity\"");
    } else {
        out.put(b"\"-Infinity\"");
    }
}
