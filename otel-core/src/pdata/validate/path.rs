//! Where in the message a byte is, as a path: the slow look after a fault was found.

use std::fmt::Write;

use super::fault::Fault;
use super::walk;
use crate::pdata::schema::{Kind, Label, Message};
use crate::pdata::wire::{RawField, RawFields, wire_type};

/// The path of the field that the fault concerns; empty for the request itself.
pub(super) fn of(schema: &'static Message, request: &[u8], fault: Fault) -> String {
    let mut path = String::new();
    let (mut message, mut from, mut end) = (schema, 0, request.len());
    loop {
        let bytes = &request[from..end];
        let legacy = walk::is_group(message) && !RawFields::new(bytes).any(|field| field.number == 2);
        // Numbers of the fields before, for the index; and where they end.
        let mut before = Vec::new();
        let mut reached = 0;
        let mut inside = None;
        for field in RawFields::new(bytes) {
            if from + field.end > fault.offset {
                inside = Some(field);
                break;
            }
            before.push(field.number);
            reached = field.end;
        }
        let start = from + inside.map_or(reached, |field| field.start);
        if fault.offset == start && fault.reason.is_about_the_tag() {
            return path;
        }
        // A field that is cut off has a number at least.
        let Some((number, wire)) = inside
            .map(|field| (field.number, field.wire))
            .or_else(|| crate::pdata::wire::read_tag(bytes, reached).map(|(number, wire, _)| (number, wire)))
        else {
            return path;
        };
        let index = before.iter().filter(|earlier| **earlier == number).count();
        let child = push(&mut path, message, number, wire, legacy, index);
        let (Some(child), Some(field)) = (child, inside) else { return path };
        let content = content_start(from, &field);
        if fault.offset < content {
            return path;
        }
        (message, from, end) = (child, content, from + field.end);
        if from == end {
            return path;
        }
    }
}

fn content_start(from: usize, field: &RawField<'_>) -> usize {
    from + field.end - field.value.len()
}

/// Appends the field's name, and returns the message that it holds.
fn push(
    path: &mut String,
    message: &'static Message,
    number: u32,
    wire: u8,
    legacy: bool,
    index: usize,
) -> Option<&'static Message> {
    if !path.is_empty() {
        path.push('.');
    }
    let is_legacy = legacy && number == walk::INSTRUMENTATION_LIBRARY && wire == wire_type::LEN;
    let field = message.field(if is_legacy { u32::from(walk::SCOPES) } else { number });
    let Some(field) = field else {
        // Writing to a string has no errors.
        let _ = write!(path, "field_{number}");
        return None;
    };
    if is_legacy {
        path.push_str(&field.name.replace("scope", "instrumentation_library"));
    } else {
        path.push_str(field.name);
    }
    if field.label == Label::Many {
        let _ = write!(path, "[{index}]");
    }
    match field.kind {
        Kind::Message(child) if wire == wire_type::LEN => Some(child),
        _ => None,
    }
}
