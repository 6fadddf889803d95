//! Messages with every singular field once, with the meaning that protobuf gives to repetition: the last scalar
//! counts, messages are merged, and of a oneof the last member counts, merged with what it had since another one.

use super::rewrite::{message_in, put_message};
use crate::pdata::schema::{Label, Message};
use crate::pdata::wire::{RawField, RawFields};

/// OTLP numbers its fields below this.
const NUMBERS: usize = 17;

/// The message with everything below it merged. Unknown fields are kept, and so is the order of repeated ones.
pub(super) fn merge(schema: &'static Message, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    write(schema, &[content], &mut out);
    out
}

/// Writes the merged message whose content is all `pieces` one after the other: that is what merging means.
/// Pieces are not copied together, so that nesting does not multiply memory.
fn write(schema: &'static Message, pieces: &[&[u8]], out: &mut Vec<u8>) {
    let counting = Counting::of(schema, pieces);
    for (ordinal, (piece, field)) in fields(pieces).enumerate() {
        let known = schema.field(field.number);
        if let Some(known) = known
            && known.label != Label::Many
            && counting.ordinal(known.label, field.number) != ordinal
        {
            continue;
        }
        let Some((known, child)) =
            known.and_then(|known| message_in(known.kind, field.wire).map(|child| (known, child)))
        else {
            out.extend_from_slice(&piece[field.start..field.end]);
            continue;
        };
        let one = [field.value];
        let several;
        let pieces = if known.label == Label::Many || counting.first[field.number as usize] == ordinal {
            one.as_slice()
        } else {
            several = counting.pieces(pieces, field.number);
            several.as_slice()
        };
        let guess = pieces.iter().map(|piece| piece.len()).sum();
        put_message(out, field.number, guess, |out| write(child, pieces, out));
    }
}

fn fields<'a>(pieces: &[&'a [u8]]) -> impl Iterator<Item = (&'a [u8], RawField<'a>)> {
    pieces.iter().flat_map(|piece| RawFields::new(piece).map(|field| (*piece, field)))
}

/// Which occurrences of the singular fields of a message count, as ordinals of all its fields.
struct Counting {
    /// By field number: the last occurrence.
    last: [usize; NUMBERS],
    /// By field number: the first occurrence that is merged into the last.
    first: [usize; NUMBERS],
    /// The number of the oneof's member that counts.
    member: u32,
}

impl Counting {
    fn of(schema: &'static Message, pieces: &[&[u8]]) -> Self {
        let mut found = Self { last: [usize::MAX; NUMBERS], first: [usize::MAX; NUMBERS], member: 0 };
        for (ordinal, (_, field)) in fields(pieces).enumerate() {
            let Some(known) = schema.field(field.number) else { continue };
            let number = field.number as usize;
            let superseded = known.label == Label::Oneof && found.member != field.number;
            if superseded {
                found.member = field.number;
            }
            if superseded || found.first[number] == usize::MAX {
                found.first[number] = ordinal;
            }
            found.last[number] = ordinal;
        }
        found
    }

    fn ordinal(&self, label: Label, number: u32) -> usize {
        if label == Label::Oneof && number != self.member { usize::MAX } else { self.last[number as usize] }
    }

    /// The contents of the occurrences of a message field that count. Empty ones add nothing.
    fn pieces<'a>(&self, pieces: &[&'a [u8]], number: u32) -> Vec<&'a [u8]> {
        fields(pieces)
            .skip(self.first[number as usize])
            .filter(|(_, field)| field.number == number && !field.value.is_empty())
            .map(|(_, field)| field.value)
            .collect()
    }
}
