//! Requests without what other readers of OTLP refuse, although protobuf allows it.
//!
//! Requests are handed on as the bytes that they came as, next to those of other clients in one batch. What makes
//! the backend refuse its request costs all of them their data, so it may not leave here: unknown groups and
//! malformed fields of newer or older schemas, which Go collectors refuse, and tags and lengths of more than five
//! bytes, which the protobuf libraries of C++ and Python refuse. None of it means anything to a reader that takes it.

use super::rewrite::{message_in, put_message};
use super::walk;
use crate::pdata::schema::{ANY_VALUE, KEY_VALUE, Message};
use crate::pdata::wire::{RawField, RawFields, put_len_field, put_tag, varint_len, wire_type};

/// Bytes that a tag or a length takes at most.
pub(super) const LONGEST: usize = 5;

/// Whether readers whose schema has a field of that number, which is unknown here, refuse it for its wire type.
#[cold]
pub(super) fn is_misshapen(schema: &'static Message, number: u32, wire: u8) -> bool {
    // References into a string table.
    let is_reference = number == 3 && std::ptr::eq(schema, &raw const KEY_VALUE)
        || number == 8 && std::ptr::eq(schema, &raw const ANY_VALUE);
    wire == wire_type::START_GROUP
        || is_reference && wire != wire_type::VARINT
        || number == walk::INSTRUMENTATION_LIBRARY && wire != wire_type::LEN && walk::is_group(schema)
}

/// The message without misshapen fields, and with all tags and lengths as short as they can be.
pub(super) fn tidy(schema: &'static Message, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    write(schema, content, &mut out);
    out
}

fn write(schema: &'static Message, content: &[u8], out: &mut Vec<u8>) {
    for field in RawFields::new(content) {
        let child = schema.field(field.number).and_then(|known| message_in(known.kind, field.wire));
        match child {
            Some(child) => {
                put_message(out, field.number, field.value.len(), |out| write(child, field.value, out));
            }
            None => put_field(schema, &field, out),
        }
    }
}

/// Writes a field that is no known message, if it is not misshapen.
pub(super) fn put_field(schema: &'static Message, field: &RawField<'_>, out: &mut Vec<u8>) {
    let is_broken_library =
        walk::is_group(schema) && walk::is_legacy(field) && !walk::is_scopes(schema, field.value);
    if is_broken_library || is_misshapen(schema, field.number, field.wire) {
        return;
    }
    if field.wire == wire_type::LEN {
        put_len_field(out, field.number, field.value);
    } else {
        put_tag(out, field.number, field.wire);
        out.extend_from_slice(field.value);
    }
}

/// Whether the tag or the length of a field is longer than it has to be.
pub(super) fn is_padded(field: &RawField<'_>) -> bool {
    let length = if field.wire == wire_type::LEN { varint_len(field.value.len() as u64) } else { 0 };
    let tag = varint_len(u64::from(field.number) << 3);
    field.end - field.start - field.value.len() > tag + length
}
