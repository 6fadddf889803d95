//! What a group has apart from its children: a resource or a scope, a schema URL, the fields of a metric.

use std::ops::Range;

use super::draft::{Draft, State};
use crate::pdata::layout::{Level, RESOURCE, SCHEMA_URL, SCOPE};
use crate::pdata::wire::{self, RawFields};

/// Field number of the message that a resource group and a scope group carry.
const INNER: u32 = RESOURCE;
const _: () = assert!(RESOURCE == SCOPE, "both kinds of groups have the same shape");

/// The header of a message under edit whose children are under edit too.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    level: Level,
    /// The message, children and all.
    content: &'a [u8],
    state: &'a mut HeaderState,
}

/// What a [`Header`] needs to own; used for one message after the other.
#[derive(Debug, Default)]
pub(crate) struct HeaderState {
    /// The resource or the scope of a group.
    inner: State,
    /// The schema URL of a group, wrapped as the only field of a message.
    url: State,
    /// Everything but the children, for a metric and its data.
    rest: State,
    /// Where the rest comes from, once it was asked for.
    source: RestSource,
    gathered: Vec<u8>,
    /// The field number of the message, if it changed.
    number: Option<u32>,
}

#[derive(Debug, Default)]
enum RestSource {
    #[default]
    Unknown,
    /// It stands in one piece.
    Slice(Range<usize>),
    /// It is scattered, and was gathered.
    Gathered,
}

impl HeaderState {
    /// Makes ready for another message.
    pub(crate) fn reset(&mut self) {
        self.inner.reset();
        self.url.reset();
        self.rest.reset();
        self.source = RestSource::Unknown;
        self.number = None;
    }

    /// The field number of the message, if it changed.
    pub(crate) fn number(&self) -> Option<u32> {
        self.number
    }

    /// Number of changes so far.
    pub(crate) fn changes(&self) -> u32 {
        self.inner.changes() + self.url.changes() + self.rest.changes() + u32::from(self.number.is_some())
    }

    /// Writes the header as it is now, all fields of `content` but the children.
    pub(crate) fn put(&self, level: Level, content: &[u8], out: &mut Vec<u8>) {
        if self.rest.changes() > 0 {
            out.extend_from_slice(self.rest.current(&[]));
            return;
        }
        let has_inner = self.inner.changes() > 0;
        let has_url = self.url.changes() > 0;
        if has_inner && find(content, INNER).is_none() {
            wire::put_len_field(out, INNER, self.inner.current(&[]));
        }
        for field in RawFields::new(content).filter(|field| !level.is_child(field.number)) {
            match field.number {
                INNER if has_inner => wire::put_len_field(out, INNER, self.inner.current(&[])),
                SCHEMA_URL if has_url => {}
                _ => out.extend_from_slice(&content[field.start..field.end]),
            }
        }
        if has_url {
            out.extend_from_slice(self.url.current(&[]));
        }
    }
}

impl<'a> Header<'a> {
    #[inline]
    pub(crate) fn new(level: Level, content: &'a [u8], state: &'a mut HeaderState) -> Self {
        Self { level, content, state }
    }

    #[inline]
    pub(crate) fn reborrow(&mut self) -> Header<'_> {
        Header { level: self.level, content: self.content, state: self.state }
    }

    /// The message as it came, children and all.
    #[inline]
    pub(crate) fn content(&self) -> &[u8] {
        self.content
    }

    /// The field number of the message, if it changed.
    #[inline]
    pub(crate) fn number(&self) -> Option<u32> {
        self.state.number
    }

    /// Makes the message another field.
    pub(crate) fn renumber(&mut self, number: u32) {
        self.state.number = Some(number);
    }

    /// The resource or the scope under edit.
    pub(crate) fn inner(&mut self) -> Draft<'_> {
        let source = find(self.content, INNER).map_or(&[][..], |range| &self.content[range]);
        Draft::new(source, &mut self.state.inner, self.level.depth() + 1)
    }

    /// The resource or the scope as it is now.
    pub(crate) fn inner_bytes(&self) -> &[u8] {
        self.state.inner.current(find(self.content, INNER).map_or(&[], |range| &self.content[range]))
    }

    /// A message of the schema URL alone, under edit.
    pub(crate) fn url(&mut self) -> Draft<'_> {
        Draft::new(field(self.content, SCHEMA_URL), &mut self.state.url, self.level.depth())
    }

    /// A message of the schema URL alone, as it is now.
    pub(crate) fn url_bytes(&self) -> &[u8] {
        self.state.url.current(field(self.content, SCHEMA_URL))
    }

    /// Everything but the children, under edit.
    pub(crate) fn rest(&mut self) -> Draft<'_> {
        let HeaderState { rest, source, gathered, .. } = &mut *self.state;
        if matches!(source, RestSource::Unknown) {
            *source = gather(self.level, self.content, gathered);
        }
        let source = match source {
            RestSource::Slice(range) => &self.content[range.clone()],
            _ => gathered,
        };
        Draft::new(source, rest, self.level.depth())
    }
}

/// Where everything but the children stands; a copy of it where that is in several places.
fn gather(level: Level, content: &[u8], gathered: &mut Vec<u8>) -> RestSource {
    gathered.clear();
    let mut range = 0..0;
    let mut is_scattered = false;
    for field in RawFields::new(content).filter(|field| !level.is_child(field.number)) {
        if range.is_empty() {
            range = field.start..field.start;
        }
        is_scattered |= field.start != range.end;
        range.end = field.end;
        gathered.extend_from_slice(&content[field.start..field.end]);
    }
    if is_scattered { RestSource::Gathered } else { RestSource::Slice(range) }
}

/// The content of a length-delimited field.
fn find(content: &[u8], number: u32) -> Option<Range<usize>> {
    RawFields::new(content)
        .find(|field| field.number == number)
        .map(|field| field.end - field.value.len()..field.end)
}

/// The whole field.
fn field(content: &[u8], number: u32) -> &[u8] {
    RawFields::new(content)
        .find(|field| field.number == number)
        .map_or(&[], |field| &content[field.start..field.end])
}
