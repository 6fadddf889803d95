//! From YAML text to [`Node`]s.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput, Tag, options};
use indexmap::IndexMap;
use indexmap::map::Entry as Slot;

use super::node::{Entry, Mapping, Node, NodeKind, Scalar};
use super::source::{Location, Source};
use super::{Diagnostics, ScalarValue};

/// The deepest nesting of lists and maps, aliases included. Everything that walks a tree may recurse.
pub(super) const MAX_DEPTH: usize = 128;
/// The most nodes that the aliases and merge keys of one document may copy.
const MAX_COPIED_NODES: usize = 100_000;
/// The longest document, in bytes.
pub(crate) const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Reads the first YAML document of a source, recording what is wrong with it.
///
/// Anchors, aliases and merge keys are resolved, and a key with `::` in it is a path of nested keys. `None` if the
/// text is not YAML at all; a tree without the offending entries if, for example, a key occurs twice.
pub fn parse(source: &Arc<Source>, diagnostics: &mut Diagnostics) -> Option<Node> {
    parse_as(source, source.text(), Shift::default(), diagnostics)
}

/// Reads a YAML text that says what a source means, as far as it is written in another way there.
pub(super) fn parse_as(
    source: &Arc<Source>,
    text: &str,
    shift: Shift,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    if text.len() > MAX_BYTES {
        let message = format!("too long: {} bytes, at most {MAX_BYTES} are read", text.len());
        diagnostics.error(Location::start_of(source), message);
        return None;
    }
    let mut builder = Builder {
        source,
        shift,
        diagnostics,
        events: Parser::new_from_str_with_options(text, parser_options()),
        anchors: HashMap::new(),
        copied: 0,
    };
    let node = builder.document().ok()?;
    Some(split_paths(node, 0, builder.diagnostics))
}

/// How places in a text become places in its source, which has a shorter first key.
#[derive(Clone, Copy, Default)]
pub(super) struct Shift {
    /// The bytes of the first key in the source.
    pub(super) key: usize,
    /// By how much what follows the key stands further left in the source.
    pub(super) left: usize,
}

fn parser_options() -> Options {
    options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    }
}

/// The document can't be read any further; what is wrong has been recorded.
struct Unreadable;

struct Builder<'a> {
    source: &'a Arc<Source>,
    shift: Shift,
    diagnostics: &'a mut Diagnostics,
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    copied: usize,
}

impl<'a> Builder<'a> {
    fn document(&mut self) -> Result<Node, Unreadable> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, _) => return Ok(Node::null(Location::start_of(self.source))),
                (event, span) => {
                    let root = self.node(event, span, 0)?;
                    self.warn_of_more_documents()?;
                    return Ok(root);
                }
            }
        }
    }

    fn warn_of_more_documents(&mut self) -> Result<(), Unreadable> {
        let mut inside_next = false;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(..) => inside_next = true,
                // An empty document after a trailing `---` is an empty plain scalar.
                Event::Scalar(..) if span.is_empty() => {}
                Event::DocumentEnd => {}
                _ if inside_next => {
                    let location = self.location(&span);
                    self.diagnostics.warning(
                        location,
                        "only the first YAML document is read; this one and what follows is not",
                    );
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Unreadable> {
        let location = self.location(&span);
        if depth > MAX_DEPTH {
            return Err(
                self.fail(location, format!("nested too deeply: at most {MAX_DEPTH} levels are allowed"))
            );
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag.as_deref(), location);
                Ok(self.remember(anchor, node))
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
                let location = first_or(location, items.first().map(|item| &item.location));
                Ok(self.remember(anchor, Node::new(NodeKind::Sequence(items), location)))
            }
            Event::MappingStart(_, anchor, _) => {
                let entries = self.mapping(depth)?;
                let location = first_or(location, entries.first().map(|(_, entry)| &entry.key));
                Ok(self.remember(anchor, Node::new(NodeKind::Mapping(entries), location)))
            }
            Event::Alias(anchor) => self.alias(anchor, location, depth),
            _ => Err(self.fail(location, "not valid YAML here")),
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Mapping, Unreadable> {
        let mut entries = Mapping::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let mut value = self.node(event, span, depth + 1)?;
            if value.location.is_empty() {
                value.location = key.location.clone();
            }
            let NodeKind::Scalar(Scalar { text, .. }) = key.kind else {
                self.diagnostics.error(key.location, "a key must be a string, not a list or a map");
                continue;
            };
            if merge {
                merged.push(value);
                continue;
            }
            match entries.entry(text) {
                Slot::Vacant(slot) => drop(slot.insert(Entry { key: key.location, value })),
                Slot::Occupied(slot) => {
                    let message = format!("key `{}` occurs twice in this map", slot.key());
                    let first = slot.get().key.to_string();
                    self.diagnostics.error(key.location, message).help(format!("the first is at {first}"));
                    // Nobody will decode the value, so nobody will say whether it is a secret.
                    self.diagnostics.mask(&value);
                }
            }
        }
        for value in merged {
            self.merge(&mut entries, value);
        }
        Ok(entries)
    }

    /// Adds the entries of a merge key's value (`<<: *base` or `<<: [*first, *second]`) that are not there yet.
    fn merge(&mut self, entries: &mut Mapping, value: Node) {
        match value.kind {
            NodeKind::Mapping(base) => {
                for (key, entry) in base {
                    entries.entry(key).or_insert(entry);
                }
            }
            NodeKind::Sequence(bases) if bases.iter().all(|base| base.mapping().is_some()) => {
                for base in bases {
                    self.merge(entries, base);
                }
            }
            _ => {
                self.diagnostics.error(value.location, "`<<` takes a map or a list of maps");
            }
        }
    }

    fn alias(&mut self, anchor: usize, location: Location, depth: usize) -> Result<Node, Unreadable> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(self.fail(location, "an alias can't stand within the value it refers to"));
        };
        let size = size(node);
        if depth + size.depth > MAX_DEPTH {
            return Err(
                self.fail(location, format!("nested too deeply: at most {MAX_DEPTH} levels are allowed"))
            );
        }
        self.copied += size.nodes;
        if self.copied > MAX_COPIED_NODES {
            let message = format!("the aliases of this document copy more than {MAX_COPIED_NODES} values");
            return Err(self.fail(location, message));
        }
        Ok(node.clone())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, location: Location) -> Node {
        // The parser writes an absent value as `~`.
        let text = if style == ScalarStyle::Plain && location.is_empty() { "" } else { text };
        let mut string = style != ScalarStyle::Plain;
        if let Some(tag) = tag {
            match tag.core_suffix() {
                Some("str") => string = true,
                Some("int" | "float" | "bool" | "null") => {
                    string = false;
                    if matches!(ScalarValue::of_plain(text), ScalarValue::String(_)) {
                        let message = format!("the text does not fit its tag {}", tag.original());
                        self.diagnostics.error(location.clone(), message);
                    }
                }
                None if tag.original() == "!" => string = true,
                _ => {
                    let message = format!("tag {} is not supported", tag.original());
                    self.diagnostics
                        .error(location.clone(), message)
                        .help("allowed: !!str, !!int, !!float, !!bool, !!null");
                }
            }
        }
        Node::new(NodeKind::Scalar(Scalar { text: text.to_owned(), string }), location)
    }

    fn remember(&mut self, anchor: usize, node: Node) -> Node {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        node
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Unreadable> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let mark = *error.marker();
                let location = self.location(&Span::empty(mark));
                Err(self.fail(location, format!("not valid YAML: {}", error.info())))
            }
            None => Err(self.fail(Location::start_of(self.source), "the YAML text ends too early")),
        }
    }

    fn fail(&mut self, location: Location, message: impl Into<String>) -> Unreadable {
        self.diagnostics.error(location, message);
        Unreadable
    }

    fn location(&self, span: &Span) -> Location {
        let text = self.source.text();
        let mut range = span.byte_range().unwrap_or(0..0);
        let mut column = span.start.col() + 1;
        if self.shift.left > 0 {
            range = if range.start == 0 {
                0..self.shift.key
            } else {
                range.start.saturating_sub(self.shift.left)..range.end.saturating_sub(self.shift.left)
            };
            if span.start.line() == 1 {
                column = column.saturating_sub(self.shift.left).max(1);
            }
        }
        let end = range.end.min(text.len());
        Location {
            source: Arc::clone(self.source),
            start: range.start.min(end),
            end,
            line: span.start.line(),
            column,
            within: None,
        }
    }
}

/// Block collections have no mark of their own: they are where their first child is.
fn first_or(own: Location, first: Option<&Location>) -> Location {
    match first {
        Some(first) if own.is_empty() => first.clone(),
        _ => own,
    }
}

pub(super) struct Size {
    pub(super) nodes: usize,
    pub(super) depth: usize,
}

pub(super) fn size(node: &Node) -> Size {
    let mut total = Size { nodes: 1, depth: 0 };
    let mut add = |child: &Node| {
        let size = size(child);
        total.nodes += size.nodes;
        total.depth = total.depth.max(size.depth + 1);
    };
    match &node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::Sequence(items) => items.iter().for_each(add),
        NodeKind::Mapping(entries) => entries.values().for_each(|entry| add(&entry.value)),
    }
    total
}

/// Turns the keys `a::b` of maps (but not of maps within lists) into nested maps, as the Go collector does.
fn split_paths(mut node: Node, depth: usize, diagnostics: &mut Diagnostics) -> Node {
    let NodeKind::Mapping(entries) = &mut node.kind else {
        return node;
    };
    let mut nested: Mapping = IndexMap::with_capacity(entries.len());
    for (path, entry) in std::mem::take(entries) {
        let keys: Vec<&str> = path.split("::").collect();
        let depth = depth + keys.len();
        if depth > MAX_DEPTH {
            let message = format!("nested too deeply: at most {MAX_DEPTH} levels are allowed");
            diagnostics.error(entry.key, message);
            continue;
        }
        let (first, nested_keys) = keys.split_first().unwrap_or((&"", &[]));
        let value = split_paths(entry.value, depth, diagnostics);
        let value = nested_keys.iter().rev().fold(value, |value, key| {
            let location = entry.key.clone();
            let entry = Entry { key: location.clone(), value };
            Node::new(NodeKind::Mapping(IndexMap::from([((*key).to_owned(), entry)])), location)
        });
        insert_path(&mut nested, (*first).to_owned(), Entry { key: entry.key, value }, diagnostics);
    }
    *entries = nested;
    node
}

fn insert_path(into: &mut Mapping, key: String, entry: Entry, diagnostics: &mut Diagnostics) {
    let Some(present) = into.get_mut(&key) else {
        into.insert(key, entry);
        return;
    };
    match (&mut present.value.kind, entry.value.kind) {
        (NodeKind::Mapping(present), NodeKind::Mapping(more)) => {
            for (key, entry) in more {
                insert_path(present, key, entry, diagnostics);
            }
        }
        (_, kind) => {
            diagnostics.error(entry.key, format!("key `{key}` occurs twice in this map"));
            diagnostics.mask(&Node { kind, ..entry.value });
        }
    }
}
