//! Cutting a rope in two, at a number of items or of bytes.

use std::ops::Range;

use crate::pdata::SignalKind;
use crate::pdata::layout::Level;
use crate::pdata::payload::{Payload, Segment};
use crate::pdata::wire::{self, OpenField, RawField, RawFields};

/// Splits after `max` items.
pub(crate) fn split_items(kind: SignalKind, payload: Payload, max: usize) -> (Payload, Payload) {
    if max >= payload.items() {
        return (payload, Payload::default());
    }
    if max == 0 {
        return (Payload::default(), payload);
    }
    let (mut first, mut second) = (Payload::default(), Payload::default());
    let mut segments = payload.into_segments().into_iter();
    for segment in segments.by_ref() {
        let left = max - first.items();
        if segment.items <= left {
            first.push(segment);
            continue;
        }
        if left == 0 {
            second.push(segment);
        } else {
            let cut = Cut::after_items(kind, &segment.bytes, left);
            divide(kind, &segment, (&cut, left), &mut first, &mut second);
        }
        break;
    }
    second.extend(segments);
    (first, second)
}

/// Splits off as many items as fit into `max` bytes, at least something.
pub(crate) fn split_bytes(kind: SignalKind, payload: Payload, max: usize) -> (Payload, Payload) {
    if payload.len() <= max {
        return (payload, Payload::default());
    }
    let (mut first, mut second) = (Payload::default(), Payload::default());
    let mut segments = payload.into_segments().into_iter();
    for segment in segments.by_ref() {
        let left = max - first.len();
        if segment.bytes.len() <= left {
            first.push(segment);
            continue;
        }
        let (cut, items) = Cut::after_bytes(kind, &segment.bytes, left);
        let unknown: usize =
            others(Level::Request, &segment.bytes, 0..segment.bytes.len()).map(|range| range.len()).sum();
        let nothing_fits = cut.is_at_start() && unknown == 0 || unknown > left;
        if nothing_fits && first.len() > 0 {
            second.push(segment);
        } else if nothing_fits && unknown == 0 {
            let (cut, items) = Cut::after_the_least(kind, &segment.bytes);
            divide(kind, &segment, (&cut, items), &mut first, &mut second);
        } else {
            divide(kind, &segment, (&cut, items), &mut first, &mut second);
        }
        break;
    }
    second.extend(segments);
    (first, second)
}

/// Appends what lies before the place to the first part, and the rest to the second.
fn divide(
    kind: SignalKind,
    segment: &Segment,
    (cut, items): (&Cut, usize),
    first: &mut Payload,
    second: &mut Payload,
) {
    push_between(kind, segment, (&Cut::START, cut), items, first);
    if !cut.is_end() {
        push_between(kind, segment, (cut, &Cut::END), segment.items - items, second);
    }
}

/// A place between two items, or at either end of a segment: for each level from the request down, the child
/// before which it lies. No step: at the end of the bytes, or at the start, as the use tells.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    /// The child, as a place in its parent's content.
    start: usize,
    end: usize,
    number: u32,
    content: usize,
    /// Whether the place is inside of the child, as the next step says, instead of before it.
    inside: bool,
}

impl Cut {
    pub(super) const START: Cut = Cut { steps: Vec::new() };
    pub(super) const END: Cut = Cut { steps: Vec::new() };

    /// Whether nothing of the segment comes behind the cut.
    pub(super) fn is_end(&self) -> bool {
        self.steps.is_empty()
    }

    /// The place after that many items of a segment. Groups without items that follow them lie before it.
    pub(super) fn after_items(kind: SignalKind, segment: &[u8], items: usize) -> Self {
        let mut cut = Cut { steps: Vec::new() };
        cut.find_items(kind, Level::Request, segment, items);
        cut
    }

    /// The last place such that what lies before it takes at most `max` bytes, and the items before it.
    fn after_bytes(kind: SignalKind, segment: &[u8], max: usize) -> (Self, usize) {
        let mut cut = Cut { steps: Vec::new() };
        let items = cut.find_bytes(kind, Level::Request, segment, max);
        (cut, items)
    }

    /// The place after the first item, or after the first group if that has none.
    fn after_the_least(kind: SignalKind, segment: &[u8]) -> (Self, usize) {
        let mut groups = Level::Request.children(segment);
        let first = groups.next();
        let items = first.map_or(0, |group| Level::Resource.count_items(kind, group.value));
        match groups.next() {
            Some(second) if items < 2 => (Cut { steps: vec![Step::before(&second)] }, items),
            None if items < 2 => (Cut::END, items),
            _ => (Cut::after_items(kind, segment, 1), 1),
        }
    }

    /// Whether no group, nor a part of one, comes before the cut.
    fn is_at_start(&self) -> bool {
        self.steps.first().is_some_and(|step| step.start == 0 && !step.inside)
    }

    fn find_items(&mut self, kind: SignalKind, level: Level, message: &[u8], mut items: usize) {
        let below = level.below(kind);
        for child in level.children(message) {
            let held = below.map_or(1, |below| below.count_items(kind, child.value));
            if held <= items {
                items -= held;
                continue;
            }
            self.steps.push(Step { inside: items > 0, ..Step::before(&child) });
            if let Some(below) = below.filter(|_| items > 0) {
                self.find_items(kind, below, child.value, items);
            }
            return;
        }
    }

    fn find_bytes(&mut self, kind: SignalKind, level: Level, message: &[u8], max: usize) -> usize {
        let others: usize = RawFields::new(message)
            .filter(|field| !level.is_child(field.number))
            .map(|field| field.end - field.start)
            .sum();
        let mut left = max.checked_sub(others);
        let below = level.below(kind);
        let mut items = 0;
        for child in level.children(message) {
            let fits = left.and_then(|left| left.checked_sub(child.end - child.start));
            if fits.is_some() {
                left = fits;
                items += below.map_or(1, |below| below.count_items(kind, child.value));
                continue;
            }
            let place = self.steps.len();
            self.steps.push(Step { inside: true, ..Step::before(&child) });
            let inside = match (below, left) {
                (Some(below), Some(left)) => {
                    self.find_bytes(kind, below, child.value, longest_content(child.number, left))
                }
                _ => 0,
            };
            // Cut it only where that leaves items before the place and something behind it.
            if inside == 0 || self.steps.len() == place + 1 {
                self.steps.truncate(place + 1);
                self.steps[place].inside = false;
                return items;
            }
            return items + inside;
        }
        items
    }
}

impl Step {
    fn before(child: &RawField<'_>) -> Self {
        Self {
            start: child.start,
            end: child.end,
            number: child.number,
            content: child.end - child.value.len(),
            inside: false,
        }
    }
}

/// How long the content of a length-delimited field can be that takes at most `len` bytes.
fn longest_content(number: u32, len: usize) -> usize {
    (1..=10)
        .map(|width| len.saturating_sub(wire::len_field_len(number, 0) - 1 + width))
        .find(|content| wire::len_field_len(number, *content) <= len)
        .unwrap_or(0)
}

/// Appends what lies between two places of a segment: whole groups as slices, torn ones copied. Fields unknown to
/// the request go with the part that has the segment's start.
pub(super) fn push_between(
    kind: SignalKind,
    segment: &Segment,
    (from, to): (&Cut, &Cut),
    items: usize,
    out: &mut Payload,
) {
    let bytes = &segment.bytes;
    let (from_step, to_step) = (from.steps.first(), to.steps.first());
    let mut start = from_step.map_or(0, |step| step.start);
    let end = to_step.map_or(bytes.len(), |step| step.start);
    let mut head = Vec::new();
    if let Some(step) = from_step.filter(|step| step.inside) {
        let same = to_step.filter(|to| to.inside && to.start == step.start);
        let to = same.map_or(&[][..], |_| &to.steps[1..]);
        write_child(kind, Level::Request, bytes, step, (&from.steps[1..], to), &mut head);
        if same.is_some() {
            out.push(Segment::new(head.into(), items));
            return;
        }
        start = step.end;
    }
    let mut tail = Vec::new();
    if let Some(step) = to_step.filter(|step| step.inside) {
        write_child(kind, Level::Request, bytes, step, (&[], &to.steps[1..]), &mut tail);
    }
    let in_head = Level::Request.count_items(kind, &head);
    let in_tail = Level::Request.count_items(kind, &tail);
    out.push(Segment::new(head.into(), in_head));
    let between = items - in_head - in_tail;
    if from_step.is_none() {
        out.push(segment.slice(start..end, between));
    } else {
        push_groups(kind, segment, start..end, between, out);
    }
    out.push(Segment::new(tail.into(), in_tail));
    if from_step.is_none() {
        for range in others(Level::Request, bytes, end..bytes.len()) {
            out.push(segment.slice(range, 0));
        }
    }
}

/// Appends the resource groups of a range, in as few slices as what is unknown between them allows.
fn push_groups(kind: SignalKind, segment: &Segment, range: Range<usize>, items: usize, out: &mut Payload) {
    let (mut start, end) = (range.start, range.end);
    let mut left = items;
    for other in others(Level::Request, &segment.bytes, range) {
        let held = Level::Request.count_items(kind, &segment.bytes[start..other.start]);
        out.push(segment.slice(start..other.start, held));
        left -= held;
        start = other.end;
    }
    out.push(segment.slice(start..end, left));
}

/// The fields in a range of a message that are no children.
fn others(level: Level, message: &[u8], range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    RawFields::new(&message[range.clone()])
        .filter(move |field| !level.is_child(field.number))
        .map(move |field| range.start + field.start..range.start + field.end)
}

/// Writes a child of a message with what it holds between two places, told by the steps inside of it.
fn write_child(
    kind: SignalKind,
    level: Level,
    message: &[u8],
    step: &Step,
    (from, to): (&[Step], &[Step]),
    out: &mut Vec<u8>,
) {
    let Some(below) = level.below(kind) else { return };
    let content = &message[step.content..step.end];
    let start = from.first().map_or(0, |step| step.start);
    let end = to.first().map_or(content.len(), |step| step.end);
    if out.capacity() == 0 {
        out.reserve(end - start + 256);
    }
    let field = OpenField::open(out, step.number, end - start);
    write_between(kind, below, content, (from, to), out);
    field.close(out);
}

/// Writes what a message holds between two places, and all its fields that are no children.
fn write_between(
    kind: SignalKind,
    level: Level,
    message: &[u8],
    (from, to): (&[Step], &[Step]),
    out: &mut Vec<u8>,
) {
    let mut start = from.first().map_or(0, |step| step.start);
    let mut end = to.first().map_or(message.len(), |step| step.start);
    copy_others(level, message, 0..start, out);
    let same = from
        .first()
        .zip(to.first())
        .is_some_and(|(from, to)| from.inside && to.inside && from.start == to.start);
    if let Some(step) = from.first().filter(|step| step.inside) {
        let to = if same { &to[1..] } else { &[] };
        write_child(kind, level, message, step, (&from[1..], to), out);
        start = step.end;
        end = end.max(start);
    }
    wire::put_run(out, &message[start..end]);
    if let Some(step) = to.first().filter(|step| step.inside && !same) {
        write_child(kind, level, message, step, (&[], &to[1..]), out);
    }
    copy_others(level, message, end..message.len(), out);
}

fn copy_others(level: Level, message: &[u8], range: Range<usize>, out: &mut Vec<u8>) {
    for other in others(level, message, range) {
        out.extend_from_slice(&message[other]);
    }
}
