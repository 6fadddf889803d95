//! The careful half of the walk: one field at a time, any shape, and the only place where faults are found.

use super::fault::{Fault, Reason};
use super::plan::place;
use super::tidy::{LONGEST, is_misshapen};
use super::walk::{self, LEGACY, Seen, Walk, Walked};
use crate::pdata::schema::{Kind, Message, NESTING};
use crate::pdata::wire::wire_type;

impl<const QUICK: bool> Walk<'_, QUICK> {
    /// Walks the field whose tag stands at `at` in a message that ends where `bytes` ends, and returns where it
    /// ends.
    #[inline(never)]
    pub(super) fn careful(
        &mut self,
        schema: &'static Message,
        bytes: &[u8],
        at: usize,
        nesting: u32,
        seen: &mut Seen,
    ) -> Walked<usize> {
        let (number, wire, value) = tag(bytes, at)?;
        self.findings.untidy |=
            value - at > LONGEST || wire == wire_type::LEN && has_long_length(bytes, value);
        let Some(field) = schema.field(number) else {
            self.findings.untidy |= is_misshapen(schema, number, wire);
            if number == walk::INSTRUMENTATION_LIBRARY && wire == wire_type::LEN && walk::is_group(schema) {
                seen.note(LEGACY);
            }
            return unknown(bytes, at, nesting);
        };
        seen.note(place(field));
        let expected = field.kind.wire();
        if wire == expected {
            return match field.kind {
                Kind::Message(child) => {
                    let (from, end) = content(bytes, value)?;
                    if nesting == 0 {
                        return fault(from - 1, Reason::TooDeep);
                    }
                    self.findings.items += usize::from(super::plan::is_items(field.name));
                    self.message(child, from, end, nesting - 1)?;
                    Ok(end)
                }
                Kind::Str => {
                    let (from, end) = content(bytes, value)?;
                    self.utf8(from, end);
                    Ok(end)
                }
                Kind::TraceId => id(bytes, value, 16),
                Kind::SpanId => id(bytes, value, 8),
                _ => scalar(bytes, value, wire),
            };
        }
        if wire == wire_type::LEN
            && field.label == crate::pdata::schema::Label::Many
            && field.kind.is_packable()
        {
            return packed(bytes, value, expected);
        }
        fault(at, Reason::WireType { actual: wire, expected })
    }
}

/// A tag: field number, wire type, and where the value stands.
fn tag(bytes: &[u8], at: usize) -> Walked<(u32, u8, usize)> {
    let (tag, value) = match varint(bytes, at) {
        Ok(read) => read,
        Err(found) if found.reason == Reason::VarintTruncated => return fault(at, Reason::TagTruncated),
        Err(_) => return fault(at, Reason::TagTooLong),
    };
    let Ok(tag) = u32::try_from(tag) else { return fault(at, Reason::TagTooLarge) };
    let wire = (tag & 7) as u8;
    match (tag >> 3, wire) {
        (_, 6 | 7) => fault(at, Reason::UnknownWireType(wire)),
        (0, _) => fault(at, Reason::FieldNumberZero),
        (number, _) => Ok((number, wire, value)),
    }
}

/// Where the field that nobody knows ends whose tag stands at `at`. Groups are kept in a list, not recursed into;
/// each counts as a level of nesting, as prost counts.
fn unknown(bytes: &[u8], at: usize, nesting: u32) -> Walked<usize> {
    if nesting == 0 {
        return fault(at, Reason::TooDeep);
    }
    let mut open = [0; NESTING as usize];
    let mut depth = 0;
    let mut next = at;
    loop {
        let start = next;
        if start == bytes.len() {
            return fault(at, Reason::GroupNotClosed);
        }
        let (number, wire, value) = tag(bytes, start)?;
        next = match wire {
            wire_type::END_GROUP => {
                if depth == 0 || open[depth - 1] != number {
                    return fault(start, Reason::GroupNotOpened);
                }
                depth -= 1;
                value
            }
            _ if depth as u32 >= nesting => return fault(start, Reason::TooDeep),
            wire_type::START_GROUP => {
                open[depth] = number;
                depth += 1;
                value
            }
            _ => scalar(bytes, value, wire)?,
        };
        if depth == 0 {
            return Ok(next);
        }
    }
}

/// Where the value ends that stands at `at`: a varint, a fixed-width value, or bytes with their length.
fn scalar(bytes: &[u8], at: usize, wire: u8) -> Walked<usize> {
    match wire {
        wire_type::VARINT => varint(bytes, at).map(|(_, end)| end),
        wire_type::FIXED64 => inside(bytes, at, 8),
        wire_type::FIXED32 => inside(bytes, at, 4),
        _ => content(bytes, at).map(|(_, end)| end),
    }
}

/// Where the packed values of that wire type end whose length stands at `at`.
fn packed(bytes: &[u8], at: usize, wire: u8) -> Walked<usize> {
    let (from, end) = content(bytes, at)?;
    let width = match wire {
        wire_type::FIXED64 => 8,
        wire_type::FIXED32 => 4,
        _ => {
            let mut next = from;
            while next < end {
                (_, next) = varint(&bytes[..end], next)?;
            }
            return Ok(end);
        }
    };
    let len = end - from;
    if len % width != 0 {
        return fault(at, Reason::PackedLength { len, width });
    }
    Ok(end)
}

fn id(bytes: &[u8], at: usize, allowed: usize) -> Walked<usize> {
    let (from, end) = content(bytes, at)?;
    let len = end - from;
    if len != allowed && len != 0 {
        return fault(at, Reason::IdLength { len, allowed });
    }
    Ok(end)
}

/// Where the content of a length-delimited field is whose length stands at `at`.
fn content(bytes: &[u8], at: usize) -> Walked<(usize, usize)> {
    let (len, from) = varint(bytes, at)?;
    let left = bytes.len() - from;
    match usize::try_from(len) {
        Ok(len) if len <= left => Ok((from, from + len)),
        _ => fault(at, Reason::PastTheEnd { len, left }),
    }
}

/// Whether the length at `at` takes more bytes than every reader takes.
fn has_long_length(bytes: &[u8], at: usize) -> bool {
    varint(bytes, at).is_ok_and(|(_, from)| from - at > LONGEST)
}

fn inside(bytes: &[u8], at: usize, len: usize) -> Walked<usize> {
    let left = bytes.len() - at;
    if len > left {
        return fault(before_the_end(bytes, at), Reason::PastTheEnd { len: len as u64, left });
    }
    Ok(at + len)
}

/// A varint of at most 10 bytes and 64 bits, and where it ends. Zeros that could be left out are allowed.
fn varint(bytes: &[u8], at: usize) -> Walked<(u64, usize)> {
    let mut value = 0;
    for place in 0..10 {
        let Some(byte) = bytes.get(at + place) else {
            return fault(before_the_end(bytes, at), Reason::VarintTruncated);
        };
        value |= u64::from(byte & 0x7f) << (7 * place);
        if *byte < 0x80 {
            if place == 9 && *byte > 1 {
                break;
            }
            return Ok((value, at + place + 1));
        }
    }
    fault(at, Reason::VarintTooLong)
}

/// Where something is missing that should stand at `at`: a byte of the message, from which its path can be told.
fn before_the_end(bytes: &[u8], at: usize) -> usize {
    at.min(bytes.len() - 1)
}

#[cold]
fn fault<T>(offset: usize, reason: Reason) -> Walked<T> {
    Err(Box::new(Fault { reason, offset }))
}
