//! U+FFFD in place of what is not UTF-8.

use std::ops::Range;

use super::rewrite::{message_in, put_message};
use crate::pdata::schema::{Kind, Message};
use crate::pdata::wire::{RawFields, put_len_field};

/// The message with every broken string repaired as [`String::from_utf8_lossy`] does, and their number. Only these
/// and the lengths of the messages around them are written anew.
pub(super) fn repair(schema: &'static Message, content: &[u8]) -> (Vec<u8>, usize) {
    let mut broken = Vec::new();
    find(schema, content, 0, &mut broken);
    let mut out = Vec::with_capacity(content.len() + 2 * broken.len());
    write(schema, content, 0, &mut broken.as_slice(), &mut out);
    (out, broken.len())
}

/// Collects where broken strings are, in order; `base` is where `content` starts.
fn find(schema: &'static Message, content: &[u8], base: usize, broken: &mut Vec<Range<usize>>) {
    for field in RawFields::new(content) {
        let Some(known) = schema.field(field.number) else { continue };
        let end = base + field.end;
        let start = end - field.value.len();
        if let Some(child) = message_in(known.kind, field.wire) {
            find(child, field.value, start, broken);
        } else if matches!(known.kind, Kind::Str) && std::str::from_utf8(field.value).is_err() {
            broken.push(start..end);
        }
    }
}

fn write(
    schema: &'static Message,
    content: &[u8],
    base: usize,
    broken: &mut &[Range<usize>],
    out: &mut Vec<u8>,
) {
    let mut copied = 0;
    for field in RawFields::new(content) {
        let Some((next, rest)) = broken.split_first() else { break };
        if next.end > base + field.end {
            continue;
        }
        let Some(known) = schema.field(field.number) else { continue };
        out.extend_from_slice(&content[copied..field.start]);
        copied = field.end;
        if let Some(child) = message_in(known.kind, field.wire) {
            let start = base + field.end - field.value.len();
            put_message(out, field.number, field.value.len(), |out| {
                write(child, field.value, start, broken, out);
            });
        } else {
            *broken = rest;
            put_len_field(out, field.number, String::from_utf8_lossy(field.value).as_bytes());
        }
    }
    out.extend_from_slice(&content[copied..]);
}
