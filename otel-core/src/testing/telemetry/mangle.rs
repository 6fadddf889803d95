//! Encodings that are odd and mean the same.

use proptest::prelude::{Rng, RngExt};

use super::raw::{Field, Value, put_varint, wire_type};
use crate::pdata::schema::{ANY_VALUE, KEY_VALUE, Kind, Label, Message};

/// Rewrites the fields of a message at random: unknown fields everywhere, singular fields repeated, other
/// members of a oneof in front of the one that counts, repeated scalars packed and not, empty packed runs,
/// explicit zeros, another order. What the fields mean stays, and so does the order of the items.
pub(super) fn mangle(schema: &'static Message, fields: Vec<Field>, rng: &mut impl Rng) -> Vec<Field> {
    let mut out = Vec::new();
    for field in fields {
        let Some(known) = schema.field(field.number) else {
            out.push(field);
            continue;
        };
        let Field { number, value } = field;
        match (known.label, known.kind, value) {
            (Label::Many, kind, Value::Bytes(packed)) if kind.is_packable() => {
                repack(number, kind, &packed, rng, &mut out);
            }
            (Label::Many, Kind::Message(of), Value::Message(fields)) => {
                out.push(Field { number, value: Value::Message(mangle(of, fields, rng)) });
            }
            (Label::One | Label::Oneof, Kind::Message(of), Value::Message(fields)) => {
                supersede(schema, known.label, number, rng, &mut out);
                let mut first = mangle(of, fields, rng);
                if chance(rng, 6) {
                    let second = first.split_off(rng.random_range(0..=first.len()));
                    out.push(Field { number, value: Value::Message(first) });
                    first = second;
                }
                out.push(Field { number, value: Value::Message(first) });
            }
            (label, kind, value) => {
                if label != Label::Many {
                    supersede(schema, label, number, rng, &mut out);
                    if chance(rng, 8) {
                        out.push(Field { number, value: any_value(kind, rng) });
                    }
                }
                out.push(Field { number, value: widen(kind, value, rng) });
            }
        }
    }
    for known in schema.fields {
        let absent = out.iter().all(|field| field.number != known.number);
        let zero = match known.kind {
            Kind::Message(_) => None,
            kind => Some(zero(kind)),
        };
        match (known.label, zero) {
            (Label::One, Some(value)) if absent && chance(rng, 12) => {
                out.push(Field { number: known.number, value });
            }
            _ => {}
        }
    }
    while chance(rng, 5) {
        let at = rng.random_range(0..=out.len());
        out.insert(at, unknown(schema, rng, 0));
    }
    if chance(rng, 3) { shuffle(schema, out, rng) } else { out }
}

/// Writes the fields, now and then with numbers in a longer notation than needed.
pub(super) fn encode_padded(fields: &[Field], rng: &mut impl Rng, out: &mut Vec<u8>) {
    for field in fields {
        put_padded(out, u64::from(field.number << 3 | wire_type(&field.value)), 5, rng);
        match &field.value {
            Value::Varint(value) => put_padded(out, *value, 10, rng),
            Value::Fixed64(value) => out.extend(value.to_le_bytes()),
            Value::Fixed32(value) => out.extend(value.to_le_bytes()),
            Value::Bytes(bytes) => {
                put_padded(out, bytes.len() as u64, 10, rng);
                out.extend(bytes);
            }
            Value::Message(fields) => {
                let mut content = Vec::new();
                encode_padded(fields, rng, &mut content);
                put_padded(out, content.len() as u64, 10, rng);
                out.extend(content);
            }
            Value::Group(fields) => {
                encode_padded(fields, rng, out);
                put_padded(out, u64::from(field.number << 3 | 4), 5, rng);
            }
        }
    }
}

fn chance(rng: &mut impl Rng, one_in: u32) -> bool {
    rng.random_range(0..one_in) == 0
}

fn put_padded(out: &mut Vec<u8>, value: u64, longest: usize, rng: &mut impl Rng) {
    let start = out.len();
    put_varint(out, value);
    let room = longest.saturating_sub(out.len() - start);
    if room > 0 && chance(rng, 40) {
        let more = rng.random_range(1..=room);
        *out.last_mut().expect("a varint has a byte") |= 0x80;
        out.extend(std::iter::repeat_n(0x80, more - 1));
        out.push(0);
    }
}

/// Now and then puts another member of the oneof in front of the one that counts.
fn supersede(schema: &'static Message, label: Label, number: u32, rng: &mut impl Rng, out: &mut Vec<Field>) {
    if label != Label::Oneof || !chance(rng, 8) {
        return;
    }
    let others: Vec<_> =
        schema.fields.iter().filter(|other| other.label == Label::Oneof && other.number != number).collect();
    let other = others[rng.random_range(0..others.len())];
    out.push(Field { number: other.number, value: any_value(other.kind, rng) });
}

/// A packed field as any number of packed runs and single values.
fn repack(number: u32, kind: Kind, packed: &[u8], rng: &mut impl Rng, out: &mut Vec<Field>) {
    let mut run = Vec::new();
    let mut at = 0;
    while at < packed.len() {
        let len = match kind.wire() {
            0 => packed[at..].iter().position(|byte| *byte < 0x80).expect("a varint ends") + 1,
            1 => 8,
            _ => 4,
        };
        let one = &packed[at..at + len];
        at += len;
        if chance(rng, 4) {
            out.push(Field { number, value: Value::Bytes(std::mem::take(&mut run)) });
        }
        if chance(rng, 4) {
            out.push(Field { number, value: Value::Bytes(std::mem::take(&mut run)) });
            out.push(Field { number, value: single(kind, one) });
        } else {
            run.extend(one);
        }
    }
    out.push(Field { number, value: Value::Bytes(run) });
}

/// One value out of a packed field.
fn single(kind: Kind, bytes: &[u8]) -> Value {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match kind.wire() {
        0 => Value::Varint(bytes.iter().rev().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f))),
        1 => Value::Fixed64(number(bytes)),
        _ => Value::Fixed32(number(bytes) as u32),
    }
}

/// Now and then sets bits that a reader cuts off.
fn widen(kind: Kind, value: Value, rng: &mut impl Rng) -> Value {
    match (kind, value) {
        (Kind::Int32 | Kind::Uint32 | Kind::Sint32, Value::Varint(value)) if chance(rng, 20) => {
            Value::Varint(value | u64::from(rng.random::<u32>()) << 32)
        }
        (Kind::Bool, Value::Varint(1)) if chance(rng, 20) => Value::Varint(rng.random_range(1..u64::MAX)),
        (_, value) => value,
    }
}

fn zero(kind: Kind) -> Value {
    match kind.wire() {
        0 => Value::Varint(0),
        1 => Value::Fixed64(0),
        5 => Value::Fixed32(0),
        _ => Value::Bytes(Vec::new()),
    }
}

fn any_value(kind: Kind, rng: &mut impl Rng) -> Value {
    match kind {
        Kind::Str => Value::Bytes("earlier".into()),
        Kind::Bytes => Value::Bytes(vec![0xff, 0, 0x80]),
        Kind::TraceId => Value::Bytes(vec![9; if rng.random() { 16 } else { 0 }]),
        Kind::SpanId => Value::Bytes(vec![9; if rng.random() { 8 } else { 0 }]),
        Kind::Message(_) => Value::Message(Vec::new()),
        kind => match kind.wire() {
            0 => Value::Varint(rng.random_range(0..3)),
            1 => Value::Fixed64(rng.random()),
            _ => Value::Fixed32(rng.random()),
        },
    }
}

/// A field that neither this schema nor prost's knows.
fn unknown(schema: &'static Message, rng: &mut impl Rng, depth: u32) -> Field {
    // Gaps in the schema itself, but for those where newer protos have a reference into a string table.
    let string_table = if std::ptr::eq(schema, &raw const ANY_VALUE) {
        8
    } else if std::ptr::eq(schema, &raw const KEY_VALUE) {
        3
    } else {
        0
    };
    let mut numbers: Vec<u32> =
        (1..18).filter(|number| schema.field(*number).is_none() && *number != string_table).collect();
    numbers.extend([99, 999, 1001, 19_000, (1 << 29) - 1]);
    let number = numbers[rng.random_range(0..numbers.len())];
    let value = match rng.random_range(0..if depth < 2 { 6 } else { 4 }) {
        0 => Value::Varint(rng.random()),
        1 => Value::Fixed64(rng.random()),
        2 => Value::Fixed32(rng.random()),
        3 => Value::Bytes((0..rng.random_range(0..20)).map(|_| rng.random()).collect()),
        _ => Value::Group((0..rng.random_range(0..3)).map(|_| unknown(schema, rng, depth + 1)).collect()),
    };
    Field { number, value }
}

/// Another order of the fields, in which those of one number and the members of a oneof keep theirs.
fn shuffle(schema: &'static Message, fields: Vec<Field>, rng: &mut impl Rng) -> Vec<Field> {
    let line = |field: &Field| match schema.field(field.number) {
        Some(known) if known.label == Label::Oneof => 0,
        Some(known) => known.number,
        None => u32::MAX,
    };
    let mut lines: Vec<(u32, std::collections::VecDeque<Field>)> = Vec::new();
    for field in fields {
        let of = line(&field);
        match lines.iter_mut().find(|(other, _)| *other == of) {
            Some((_, line)) => line.push_back(field),
            None => lines.push((of, [field].into())),
        }
    }
    let mut out = Vec::new();
    while !lines.is_empty() {
        let at = rng.random_range(0..lines.len());
        out.extend(lines[at].1.pop_front());
        lines.retain(|(_, line)| !line.is_empty());
    }
    out
}
