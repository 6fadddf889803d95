//! What the quick half of the walk does at each tag: the schema as a table by the tag's first byte.

use crate::pdata::schema::{Field, Kind, Label};
use crate::pdata::wire::wire_type;

/// The quick step for one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    /// Nothing quick: an unknown field, a wire type that does not fit, or a shape that encoders do not write.
    Careful,
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Bytes,
    /// A trace id.
    TraceId,
    /// A span id.
    SpanId,
    /// One varint.
    Varint,
    /// One fixed-width value of 8 bytes.
    Fixed64,
    /// One fixed-width value of 4 bytes.
    Fixed32,
    /// Packed values of 8 bytes.
    Packed64,
    /// Packed varints.
    PackedVarint,
    /// A fixed-width value of 4 bytes whose tag has a second byte, which is 1.
    LongTagFixed32,
    /// A `KeyValue`.
    Attribute,
    /// A message that is an item: a span, a log record, a data point.
    Item,
    /// Any other message.
    Message,
}

/// A step, and the place in [`Seen`](super::walk) of the field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) step: Step,
    pub(crate) place: u8,
}

/// The steps of one message.
#[derive(Debug)]
pub(crate) struct Plan([Entry; 256]);

/// Repeated fields have their places from here on, so that one comparison tells whether a singular one came twice.
pub(super) const REPEATED: u8 = 32;

/// The place that all members of a oneof share.
const ONEOF: u8 = 0;

/// Where a field of that number and label is noted.
pub(super) const fn place(field: &Field) -> u8 {
    match field.label {
        Label::One | Label::Optional => field.number as u8,
        Label::Oneof => ONEOF,
        Label::Many => REPEATED + field.number as u8,
    }
}

impl Plan {
    pub(crate) const fn new(fields: &[Field]) -> Self {
        let mut entries = [Entry { step: Step::Careful, place: 0 }; 256];
        let mut at = 0;
        while at < fields.len() {
            let field = &fields[at];
            let many = matches!(field.label, Label::Many);
            let step = match field.kind {
                Kind::Str => Step::Text,
                Kind::Bytes => Step::Bytes,
                Kind::TraceId => Step::TraceId,
                Kind::SpanId => Step::SpanId,
                Kind::Message(_) if is_attributes(field.name) => Step::Attribute,
                Kind::Message(_) if is_items(field.name) => Step::Item,
                Kind::Message(_) => Step::Message,
                Kind::Fixed64 | Kind::Sfixed64 | Kind::Double if many => Step::Packed64,
                Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => Step::Fixed64,
                Kind::Fixed32 => Step::Fixed32,
                Kind::Bool | Kind::Int32 | Kind::Uint32 | Kind::Int64 | Kind::Uint64 | Kind::Sint32 => {
                    if many { Step::PackedVarint } else { Step::Varint }
                }
            };
            let wire = if many { wire_type::LEN } else { field.kind.wire() };
            let first = (field.number << 3) as u8 | wire;
            let place = place(field);
            if field.number < 16 {
                entries[first as usize] = Entry { step, place };
            } else if matches!(step, Step::Fixed32) {
                entries[(first & 0x7f | 0x80) as usize] = Entry { step: Step::LongTagFixed32, place };
            }
            at += 1;
        }
        Self(entries)
    }

    #[inline(always)]
    pub(super) fn entry(&self, first: u8) -> Entry {
        self.0[usize::from(first)]
    }
}

/// Whether a field of that name is a list of `KeyValue`. By name, because a constant cannot compare messages.
const fn is_attributes(name: &str) -> bool {
    matches!(name.as_bytes(), b"attributes" | b"filtered_attributes" | b"metadata")
}

/// Whether a field of that name holds items.
pub(super) const fn is_items(name: &str) -> bool {
    matches!(name.as_bytes(), b"spans" | b"log_records" | b"data_points")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdata::schema::{self, Message};
    use std::collections::BTreeMap;

    fn reachable(message: &'static Message, into: &mut BTreeMap<&'static str, &'static Message>) {
        if into.insert(message.name, message).is_none() {
            for field in message.fields {
                if let Kind::Message(child) = field.kind {
                    reachable(child, into);
                }
            }
        }
    }

    #[test]
    fn the_names_of_attributes_and_items_agree_with_their_messages() {
        let mut messages = BTreeMap::new();
        for root in [&schema::TRACES, &schema::METRICS, &schema::LOGS] {
            reachable(root, &mut messages);
        }
        assert!(messages.contains_key("ExponentialHistogramDataPoint"), "the walk reaches the depths");
        for field in messages.values().flat_map(|message| message.fields) {
            let Kind::Message(child) = field.kind else { continue };
            assert_eq!(
                is_attributes(field.name) || field.name == "values" && child.name == "KeyValue",
                child.name == "KeyValue"
            );
            assert_eq!(
                is_items(field.name),
                child.name == "Span" || child.name == "LogRecord" || child.name.ends_with("DataPoint")
            );
        }
    }

    #[test]
    fn every_number_and_place_fits() {
        let mut messages = BTreeMap::new();
        for root in [&schema::TRACES, &schema::METRICS, &schema::LOGS] {
            reachable(root, &mut messages);
        }
        for field in messages.values().flat_map(|message| message.fields) {
            assert!(field.number < 32, "{} has no second byte of 1 in its tag", field.name);
            assert!(place(field) < 64);
        }
    }
}
