//! Wire bytes to JSON, in one pass over the bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::text::{put_hex, put_string};
use crate::pdata::payload::Segment;
use crate::pdata::schema::{Field, Kind, Label, Message};
use crate::pdata::wire::{RawField, RawFields, read_varint, wire_type};

/// Appends a request of the given shape.
pub(in crate::pdata) fn write(schema: &'static Message, segments: &[Segment], out: &mut Vec<u8>) {
    // The one field of a request is the list of its resource groups, which may go on in the next segment.
    let groups = &schema.fields[0];
    let Kind::Message(group) = groups.kind else { unreachable!("a request holds a list of messages") };
    let start = out.len();
    out.push(b'{');
    for segment in segments {
        for raw in RawFields::new(&segment.bytes).filter(|raw| raw.number == groups.number) {
            if out.len() == start + 1 {
                out.extend_from_slice(groups.json.quoted());
                out.push(b'[');
            } else {
                out.push(b',');
            }
            message(group, raw.value, out);
        }
    }
    if out.len() > start + 1 {
        out.push(b']');
    }
    out.push(b'}');
}

fn message(schema: &'static Message, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    let start = out.len();
    let mut seen = 0u32;
    let mut fields = RawFields::new(bytes);
    let mut current = fields.next();
    while let Some(raw) = current {
        let bit = 1u32.wrapping_shl(raw.number);
        current = match schema.field(raw.number) {
            Some(field) if seen & bit == 0 => {
                seen |= bit;
                if field.label == Label::Many {
                    list(field, raw, &mut fields, start, out)
                } else {
                    member(field, &raw, start, out);
                    fields.next()
                }
            }
            _ => fields.next(),
        };
    }
    let missing = schema.singular_messages & !seen;
    if missing != 0 {
        for field in schema.fields.iter().filter(|field| missing & (1 << field.number) != 0) {
            name(field, start, out);
            out.extend_from_slice(b"{}");
        }
    }
    out.push(b'}');
}

#[inline]
fn name(field: &Field, start: usize, out: &mut Vec<u8>) {
    if out.len() > start {
        out.push(b',');
    }
    out.extend_from_slice(field.json.quoted());
}

/// Writes a field that holds one value, unless it is a zero that means the same as absence.
#[inline]
fn member(field: &Field, raw: &RawField<'_>, start: usize, out: &mut Vec<u8>) {
    let always = field.label != Label::One;
    match field.kind {
        Kind::Message(of) => {
            name(field, start, out);
            message(of, raw.value, out);
        }
        kind if raw.wire == wire_type::LEN => {
            if always || !raw.value.is_empty() {
                name(field, start, out);
                text(kind, raw.value, out);
            }
        }
        kind => {
            let bits = bits(raw);
            if always || !is_zero(kind, bits) {
                name(field, start, out);
                number(kind, bits, out);
            }
        }
    }
}

/// Writes all values of a repeated field, wherever they stand, and returns what follows the run that starts here.
fn list<'a>(
    field: &Field,
    first: RawField<'a>,
    fields: &mut RawFields<'a>,
    start: usize,
    out: &mut Vec<u8>,
) -> Option<RawField<'a>> {
    let before = out.len();
    name(field, start, out);
    out.push(b'[');
    let content = out.len();
    elements(field, &first, content, out);
    let rest = loop {
        match fields.next() {
            Some(raw) if raw.number == field.number => elements(field, &raw, content, out),
            other => break other,
        }
    };
    if rest.is_some() {
        for raw in fields.clone().filter(|raw| raw.number == field.number) {
            elements(field, &raw, content, out);
        }
    }
    if out.len() == content {
        // Nothing but empty packed runs.
        out.truncate(before);
    } else {
        out.push(b']');
    }
    rest
}

/// Writes what one occurrence of a repeated field holds: a value, or a packed run of them.
#[inline]
fn elements(field: &Field, raw: &RawField<'_>, content: usize, out: &mut Vec<u8>) {
    let comma = |out: &mut Vec<u8>| {
        if out.len() > content {
            out.push(b',');
        }
    };
    match field.kind {
        Kind::Message(of) => {
            comma(out);
            message(of, raw.value, out);
        }
        kind if !kind.is_packable() => {
            comma(out);
            text(kind, raw.value, out);
        }
        kind if raw.wire != wire_type::LEN => {
            comma(out);
            number(kind, bits(raw), out);
        }
        kind => {
            let mut packed = raw.value;
            while let Some((bits, len)) = unpack(kind, packed) {
                comma(out);
                number(kind, bits, out);
                packed = &packed[len..];
            }
        }
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
fn text(kind: Kind, bytes: &[u8], out: &mut Vec<u8>) {
    match kind {
        Kind::Str => put_string(out, bytes),
        Kind::Bytes => {
            out.push(b'"');
            let start = out.len();
            let len = base64::encoded_len(bytes.len(), true).expect("a request is shorter than memory");
            out.resize(start + len, 0);
            STANDARD.encode_slice(bytes, &mut out[start..]).expect("the room was measured");
            out.push(b'"');
        }
        _ => {
            out.push(b'"');
            put_hex(out, bytes);
            out.push(b'"');
        }
    }
}

#[inline]
fn number(kind: Kind, bits: u64, out: &mut Vec<u8>) {
    match kind {
        Kind::Bool => out.extend_from_slice(if bits == 0 { b"false" } else { b"true" }),
        Kind::Int32 => integer(bits as i32, out),
        Kind::Uint32 | Kind::Fixed32 => integer(bits as u32, out),
        Kind::Sint32 => {
            let zigzag = bits as u32;
            integer((zigzag >> 1) as i32 ^ -((zigzag & 1) as i32), out);
        }
        Kind::Int64 | Kind::Sfixed64 => quoted(bits as i64, out),
        Kind::Uint64 | Kind::Fixed64 => quoted(bits, out),
        _ => double(f64::from_bits(bits), out),
    }
}

#[inline]
fn integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// JSON's readers keep 53 bits of a number, so 64-bit integers are strings.
#[inline]
fn quoted(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.push(b'"');
    integer(value, out);
    out.push(b'"');
}

fn double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}
