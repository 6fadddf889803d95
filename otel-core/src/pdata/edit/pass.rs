//! One pass of an edit over a signal.
//!
//! The pass walks down the levels of a segment and hands out what is edited. As long as nothing changes it
//! writes nothing. With the first change it opens the messages around the change in the output, copies what
//! stands before it in one piece, and goes on so: runs of what is unchanged in bulk, changed children from where
//! they were edited.
//!
//! A header that has changed by the time its message is opened is written first, and its fields are left out of
//! what is copied. One that changes later is put in when its message is closed, at the price of a copy.

use std::ops::Range;

use super::draft::{Draft, State, Verdict};
use super::header::{Header, HeaderState};
use crate::pdata::SignalKind;
use crate::pdata::layout::Level;
use crate::pdata::payload::{Payload, Segment};
use crate::pdata::wire::{self, OpenField, RawField, RawFields, wire_type};

/// The headers around what is edited. Where a signal has no metrics, theirs are empty.
#[derive(Debug)]
pub(crate) struct Headers<'a> {
    pub(crate) resource: Header<'a>,
    pub(crate) scope: Header<'a>,
    pub(crate) metric: Header<'a>,
    pub(crate) data: Header<'a>,
    /// Field number of the metric's data as it came.
    data_number: u32,
}

impl Headers<'_> {
    /// Field number of the metric's data, which tells its kind.
    #[inline]
    pub(crate) fn data_number(&self) -> u32 {
        self.data.number().unwrap_or(self.data_number)
    }

    pub(crate) fn reborrow(&mut self) -> Headers<'_> {
        Headers {
            resource: self.resource.reborrow(),
            scope: self.scope.reborrow(),
            metric: self.metric.reborrow(),
            data: self.data.reborrow(),
            data_number: self.data_number,
        }
    }
}

/// Edits every message below `level`, or every item where there is none; whether anything changed.
///
/// `edit` gets the headers around the message and, of an item, its draft.
pub(crate) fn run(
    payload: &Payload,
    kind: SignalKind,
    level: Option<Level>,
    mut edit: impl FnMut(Headers<'_>, Draft<'_>) -> Verdict,
) -> Option<Payload> {
    let mut states = States::default();
    let mut changed = false;
    let mut segments = Vec::new();
    for (at, segment) in payload.segments().iter().enumerate() {
        let edited = Pass::new(segment, kind, level, &mut states).run(&mut edit);
        if edited.is_some() && !changed {
            changed = true;
            segments.extend_from_slice(&payload.segments()[..at]);
        }
        if changed {
            segments.push(edited.unwrap_or_else(|| segment.clone()));
        }
    }
    changed.then(|| Payload::from_segments(segments))
}

/// What is reused from segment to segment.
#[derive(Default)]
struct States {
    item: State,
    resource: HeaderState,
    scope: HeaderState,
    metric: HeaderState,
    data: HeaderState,
    /// What stands behind a header that is put in.
    rest: Vec<u8>,
}

/// The levels of the tree.
const LEVELS: usize = 5;

struct Pass<'s> {
    kind: SignalKind,
    /// The level whose messages are handed out; items where there is none.
    target: Option<Level>,
    segment: &'s Segment,
    states: &'s mut States,
    /// The messages in which the walk is, by level.
    stack: [Open<'s>; LEVELS],
    out: Vec<u8>,
    items: usize,
}

/// The message of a level in which the walk is.
#[derive(Default)]
struct Open<'s> {
    content: &'s [u8],
    /// Field number, and place in the content of the level above.
    number: u32,
    range: Range<usize>,
    output: Option<Output>,
}

/// A message that is being written.
struct Output {
    /// Length of the output before it.
    before: usize,
    field: Option<OpenField>,
    /// Where the content starts in the output.
    start: usize,
    /// The header, if it had changed and was written first; otherwise its fields are where they were.
    header: Option<Range<usize>>,
    /// Number of changes to the header when it was written.
    changes: u32,
    /// Up to where the content was dealt with.
    copied: usize,
}

impl States {
    fn header(&mut self, level: Level) -> &mut HeaderState {
        match level {
            Level::Request | Level::Resource => &mut self.resource,
            Level::Scope => &mut self.scope,
            Level::Metric => &mut self.metric,
            Level::Data => &mut self.data,
        }
    }
}

impl<'s> Pass<'s> {
    fn new(segment: &'s Segment, kind: SignalKind, target: Option<Level>, states: &'s mut States) -> Self {
        let mut stack: [Open<'s>; LEVELS] = Default::default();
        stack[Level::Request as usize].content = &segment.bytes;
        Self { kind, target, segment, states, stack, out: Vec::new(), items: segment.items }
    }

    /// The segment as edited, if that made a difference.
    fn run(mut self, edit: &mut impl FnMut(Headers<'_>, Draft<'_>) -> Verdict) -> Option<Segment> {
        self.walk(Level::Request, edit);
        self.stack[Level::Request as usize].output.as_ref()?;
        self.flush(Level::Request, self.segment.bytes.len());
        Some(Segment::take(&mut self.out, self.items))
    }

    /// Walks the children of the message in which the walk is; whether any was kept, and any dropped.
    fn walk(&mut self, level: Level, edit: &mut impl FnMut(Headers<'_>, Draft<'_>) -> Verdict) -> Kept {
        let content = self.stack[level as usize].content;
        let below = level.below(self.kind);
        let mut kept = Kept::default();
        for field in RawFields::new(content) {
            if !level.is_child(field.number) {
                self.skip_header_field(level, &field);
                continue;
            }
            let verdict = match below {
                Some(below) => self.message(below, level, &field, edit),
                None => self.item(level, &field, edit),
            };
            match verdict {
                Verdict::Keep => kept.any = true,
                Verdict::Drop => kept.dropped = true,
            }
        }
        kept
    }

    #[inline]
    fn item(
        &mut self,
        level: Level,
        field: &RawField<'s>,
        edit: &mut impl FnMut(Headers<'_>, Draft<'_>) -> Verdict,
    ) -> Verdict {
        let (headers, item) = headers(self.states, &self.stack);
        item.reset();
        let verdict = edit(headers, Draft::new(field.value, item, level.depth() + 1));
        if verdict == Verdict::Drop {
            self.items -= 1;
            self.leave_out(level, field.start..field.end);
        } else if self.states.item.changes() > 0 {
            self.leave_out(level, field.start..field.end);
            wire::put_len_field(&mut self.out, field.number, self.states.item.current(&[]));
        }
        verdict
    }

    /// Walks into a child that has children.
    fn message(
        &mut self,
        level: Level,
        above: Level,
        field: &RawField<'s>,
        edit: &mut impl FnMut(Headers<'_>, Draft<'_>) -> Verdict,
    ) -> Verdict {
        let range = field.start..field.end;
        self.stack[level as usize] =
            Open { content: field.value, number: field.number, range: range.clone(), output: None };
        self.states.header(level).reset();
        if self.target == Some(level) {
            // A metric shows what kind of data it has, and the data's fields are its own.
            if level == Level::Metric {
                self.enter_data(field.value);
            }
            let (headers, item) = headers(self.states, &self.stack);
            if edit(headers, Draft::new(&[], item, level.depth())) == Verdict::Drop {
                self.items -= level.count_items(self.kind, field.value);
                self.leave_out(above, range);
                return Verdict::Drop;
            }
            if level == Level::Metric {
                self.leave_data(field.value);
            }
        } else {
            let kept = self.walk(level, edit);
            if kept.dropped && !kept.any {
                if let Some(output) = self.stack[level as usize].output.take() {
                    self.out.truncate(output.before);
                } else {
                    self.leave_out(above, range);
                }
                return Verdict::Drop;
            }
        }
        self.close(level);
        Verdict::Keep
    }

    /// Steps into the data of a metric, if it has any.
    fn enter_data(&mut self, metric: &'s [u8]) {
        self.states.header(Level::Data).reset();
        let data = Level::Metric.children(metric).next();
        self.stack[Level::Data as usize] = data.map_or_else(Open::default, |data| Open {
            content: data.value,
            number: data.number,
            range: data.start..data.end,
            output: None,
        });
    }

    /// Steps out again, with the changes of the data's own fields.
    fn leave_data(&mut self, metric: &[u8]) {
        let data = &self.stack[Level::Data as usize];
        if data.number == 0 || self.states.header(Level::Data).changes() == 0 {
            return;
        }
        let end = data.range.end;
        self.close(Level::Data);
        for field in RawFields::new(metric).filter(|field| field.start >= end) {
            self.skip_header_field(Level::Metric, &field);
        }
    }

    /// Leaves a child out of what is copied, after what stands before it.
    fn leave_out(&mut self, level: Level, child: Range<usize>) {
        self.open(level, child.start);
        self.flush(level, child.start);
        if let Some(output) = &mut self.stack[level as usize].output {
            output.copied = child.end;
        }
    }

    /// Where the header was written first, its fields are left out of what is copied.
    #[inline]
    fn skip_header_field(&mut self, level: Level, field: &RawField<'_>) {
        if self.stack[level as usize].output.as_ref().is_some_and(|output| output.header.is_some()) {
            self.leave_out(level, field.start..field.end);
        }
    }

    /// Copies the content that was not yet, up to `end`.
    #[inline]
    fn flush(&mut self, level: Level, end: usize) {
        let open = &mut self.stack[level as usize];
        if let Some(output) = &mut open.output {
            wire::put_run(&mut self.out, &open.content[output.copied..end]);
            output.copied = end;
        }
    }

    /// Starts to write the message of the level, with what stands before `end`.
    fn open(&mut self, level: Level, end: usize) {
        if self.stack[level as usize].output.is_some() {
            return;
        }
        let Open { content, number, range, .. } = &self.stack[level as usize];
        let (content, number, range) = (*content, *number, range.clone());
        let mut output = Output { before: 0, field: None, start: 0, header: None, changes: 0, copied: 0 };
        if let Some(above) = level.above() {
            self.leave_out(above, range);
            output.before = self.out.len();
            output.field = Some(OpenField::open(&mut self.out, number, content.len()));
            output.start = self.out.len();
            output.changes = self.states.header(level).changes();
        } else {
            // Room for the edited segment, if what is added is about a seventh.
            self.out.reserve(content.len() + content.len() / 7 + 512);
        }
        if output.changes > 0 {
            self.states.header(level).put(level, content, &mut self.out);
            output.header = Some(output.start..self.out.len());
            output.copied = put_children(level, content, end, &mut self.out);
        }
        self.stack[level as usize].output = Some(output);
        self.flush(level, end);
    }

    /// Ends the message of the level, with the changes of its header.
    fn close(&mut self, level: Level) {
        let changes = self.states.header(level).changes();
        let Open { content, output, .. } = &self.stack[level as usize];
        let content = *content;
        if changes > 0 && output.is_none() {
            self.open(level, content.len());
        }
        self.flush(level, content.len());
        let Some(output) = self.stack[level as usize].output.take() else { return };
        if changes > output.changes {
            self.put_header(level, content, &output);
        }
        if let Some(number) = self.states.header(level).number() {
            // Of the data of a metric, whose field numbers take one byte.
            self.out[output.before] = wire::tag(number, wire_type::LEN) as u8;
        }
        if let Some(field) = output.field {
            field.close(&mut self.out);
        }
    }

    /// Puts a header in that changed after its message was opened.
    fn put_header(&mut self, level: Level, content: &[u8], output: &Output) {
        let mut rest = std::mem::take(&mut self.states.rest);
        rest.clear();
        let at = output.header.as_ref().map_or(output.start, |header| header.end);
        wire::put_run(&mut rest, &self.out[at..]);
        self.out.truncate(output.start);
        self.states.header(level).put(level, content, &mut self.out);
        let copied =
            if output.header.is_some() { 0 } else { put_children(level, &rest, rest.len(), &mut self.out) };
        wire::put_run(&mut self.out, &rest[copied..]);
        self.states.rest = rest;
    }
}

/// Copies the children that stand before `end`; up to where the content was dealt with.
fn put_children(level: Level, content: &[u8], end: usize, out: &mut Vec<u8>) -> usize {
    let mut copied = 0;
    let before = RawFields::new(content).take_while(|field| field.start < end);
    for field in before.filter(|field| !level.is_child(field.number)) {
        out.extend_from_slice(&content[copied..field.start]);
        copied = field.end;
    }
    copied
}

#[derive(Default)]
struct Kept {
    any: bool,
    dropped: bool,
}

/// The headers around where the walk is, and the state of items.
#[inline]
fn headers<'a>(states: &'a mut States, stack: &'a [Open<'_>; LEVELS]) -> (Headers<'a>, &'a mut State) {
    let States { item, resource, scope, metric, data, .. } = states;
    let header = |level: Level, state| Header::new(level, stack[level as usize].content, state);
    let headers = Headers {
        resource: header(Level::Resource, resource),
        scope: header(Level::Scope, scope),
        metric: header(Level::Metric, metric),
        data: header(Level::Data, data),
        data_number: stack[Level::Data as usize].number,
    };
    (headers, item)
}
