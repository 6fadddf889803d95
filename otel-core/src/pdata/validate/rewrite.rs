//! From bytes to a payload: the walk's verdict, and the resource groups that have to be written anew.

use bytes::Bytes;

use super::error::{InvalidData, Repaired};
use super::fault::{Fault, Reason};
use super::walk::{self, Findings, Walk};
use super::{merge, repair, tidy};
use crate::pdata::payload::{Payload, Segment};
use crate::pdata::schema::{Kind, Message, NESTING};
use crate::pdata::wire::{OpenField, RawFields, put_len_field, wire_type};

/// What stands between two groups that are written anew and is shorter is copied along instead of becoming a
/// segment of its own, which bounds the number of segments.
const WORTH_A_SEGMENT: usize = 1024;

/// Validates a request of the given shape.
pub(crate) fn validate(schema: &'static Message, bytes: Bytes) -> Result<Payload, InvalidData> {
    let findings = check(schema, &bytes)?;
    if let Some(offset) = findings.broken {
        return Err(InvalidData::new(schema, &bytes, Fault { reason: Reason::Utf8, offset }));
    }
    Ok(build(schema, bytes, findings).0)
}

/// As [`validate`], with broken UTF-8 replaced.
pub(crate) fn validate_repairing(
    schema: &'static Message,
    bytes: Bytes,
) -> Result<(Payload, Repaired), InvalidData> {
    let findings = check(schema, &bytes)?;
    Ok(build(schema, bytes, findings))
}

fn check(schema: &'static Message, bytes: &[u8]) -> Result<Findings, InvalidData> {
    walk::request(schema, bytes).map_err(|fault| InvalidData::new(schema, bytes, *fault))
}

/// Whether a request or a group stays as it came.
fn is_plain(findings: &Findings) -> bool {
    !findings.repeats && !findings.legacy && !findings.untidy && findings.broken.is_none()
}

#[inline]
fn build(schema: &'static Message, bytes: Bytes, findings: Findings) -> (Payload, Repaired) {
    if is_plain(&findings) {
        return (Payload::from_segment(bytes, findings.items), Repaired::default());
    }
    rewrite(schema, &bytes)
}

/// Writes the groups anew that need it; runs of others are shared.
#[cold]
fn rewrite(schema: &'static Message, bytes: &Bytes) -> (Payload, Repaired) {
    let mut parts =
        Parts { whole: Segment::new(bytes.clone(), 0), done: Vec::new(), fresh: Vec::new(), items: 0 };
    let mut repaired = Repaired::default();
    let mut walk = Walk::<true>::new(bytes);
    let (mut run, mut run_items) = (0, 0);
    for field in RawFields::new(bytes) {
        let Some(Kind::Message(group)) = schema.field(field.number).map(|field| field.kind) else {
            if tidy::is_padded(&field) || tidy::is_misshapen(schema, field.number, field.wire) {
                parts.keep(run..field.start, run_items);
                (run, run_items) = (field.end, 0);
                tidy::put_field(schema, &field, &mut parts.fresh);
            }
            continue;
        };
        walk.findings = Findings::default();
        let valid = walk.message(group, field.end - field.value.len(), field.end, NESTING - 1);
        debug_assert!(valid.is_ok(), "the request was walked before");
        if is_plain(&walk.findings) && !tidy::is_padded(&field) {
            run_items += walk.findings.items;
            continue;
        }
        parts.keep(run..field.start, run_items);
        (run, run_items) = (field.end, 0);
        let (content, strings) = mend(group, field.value, walk.findings);
        repaired.strings += strings;
        parts.items += count(group, &content);
        put_len_field(&mut parts.fresh, field.number, &content);
    }
    parts.keep(run..bytes.len(), run_items);
    parts.flush();
    (Payload::from_segments(parts.done), repaired)
}

/// The content of a group without what the findings say, and the number of strings that were repaired.
fn mend(group: &'static Message, content: &[u8], findings: Findings) -> (Vec<u8>, usize) {
    let mut content = if findings.legacy { as_scopes(content) } else { content.to_vec() };
    if findings.untidy {
        content = tidy::tidy(group, &content);
    }
    let mut strings = 0;
    if findings.broken.is_some() {
        (content, strings) = repair::repair(group, &content);
    }
    if findings.repeats {
        content = merge::merge(group, &content);
    }
    (content, strings)
}

/// The content of a group with `instrumentation_library_*` as scopes: both have the same shape.
fn as_scopes(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    for field in RawFields::new(content) {
        if walk::is_legacy(&field) {
            put_len_field(&mut out, u32::from(walk::SCOPES), field.value);
        } else {
            out.extend_from_slice(&content[field.start..field.end]);
        }
    }
    out
}

fn count(group: &'static Message, content: &[u8]) -> usize {
    let mut walk = Walk::<true>::new(content);
    let valid = walk.message(group, 0, content.len(), NESTING - 1);
    debug_assert!(valid.is_ok(), "what was written anew is valid");
    walk.findings.items
}

/// The segments of a request of which a part is written anew.
struct Parts {
    /// What came in.
    whole: Segment,
    done: Vec<Segment>,
    /// What was written anew since the last segment, with its items.
    fresh: Vec<u8>,
    items: usize,
}

impl Parts {
    /// Appends a part of what came in.
    fn keep(&mut self, range: std::ops::Range<usize>, items: usize) {
        if range.len() < WORTH_A_SEGMENT {
            self.fresh.extend_from_slice(&self.whole.bytes[range]);
            self.items += items;
        } else {
            self.flush();
            self.done.push(self.whole.slice(range, items));
        }
    }

    fn flush(&mut self) {
        if !self.fresh.is_empty() {
            let fresh = Bytes::from(std::mem::take(&mut self.fresh));
            self.done.push(Segment::new(fresh, std::mem::take(&mut self.items)));
        }
    }
}

/// Writes a message field whose content `write` appends.
pub(super) fn put_message(out: &mut Vec<u8>, number: u32, guess: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let field = OpenField::open(out, number, guess);
    write(out);
    field.close(out);
}

/// The message in a field, if the schema has one there.
pub(super) fn message_in(kind: Kind, wire: u8) -> Option<&'static Message> {
    match kind {
        Kind::Message(child) if wire == wire_type::LEN => Some(child),
        _ => None,
    }
}
