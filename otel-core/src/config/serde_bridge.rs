//! Types that derive `serde::Deserialize`, decoded from nodes.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{self, DeserializeOwned};

use super::decoder::Decoder;
use super::from_node::FromNode;
use super::node::{Entry, Node, NodeKind};
use super::schema::Schema;
use super::serde_input::Input;
use super::suggest;
use super::value::Value;

/// The most errors that are looked for in one value.
const MAX_ROUNDS: usize = 50;

/// A value of a type that derives [`Deserialize`](serde::Deserialize), for configurations from outside.
///
/// Unknown keys are errors, with or without `deny_unknown_fields` (but not in a type that uses `flatten`, which hides them from
/// us). All errors of a value are found by leaving out what was wrong and trying again, as far as the type has defaults
/// (`#[serde(default)]`) for it. For durations there is [`deserialize_duration`](super::deserialize_duration), for secrets
/// [`Secret`](super::Secret).
///
/// ```
/// use otel_core::config::{Decoder, Diagnostics, FromNode, Serde, Source, parse};
///
/// #[derive(Debug, Default, serde::Deserialize)]
/// #[serde(default)]
/// struct Theirs {
///     size: u32,
///     names: Vec<String>,
/// }
///
/// let mut diagnostics = Diagnostics::new();
/// let node = parse(&Source::new("their.yaml", "{size: big, nmaes: [a]}"), &mut diagnostics).expect("YAML");
/// let mut decoder = Decoder::new(diagnostics);
/// assert!(Serde::<Theirs>::from_node(&node, &mut decoder).is_none());
/// let messages: Vec<&str> = decoder.diagnostics().iter().map(|problem| problem.message()).collect();
/// assert_eq!(messages, ["invalid type: string \"big\", expected u32", "unknown key `nmaes`"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serde<T>(pub T);

impl<T> Deref for Serde<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Serde<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: DeserializeOwned> FromNode for Serde<T> {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let mut session = Session::default();
        let mut read = None;
        for _ in 0..MAX_ROUNDS {
            session.unknown.borrow_mut().clear();
            match T::deserialize(Input { node, session: &session }) {
                Ok(value) => {
                    read = Some(value);
                    break;
                }
                Err(problem) => {
                    let culprit = problem.node.unwrap_or(node);
                    // What surrounds something left out may be wrong only because of that.
                    let surrounds =
                        session.skipped.iter().any(|skipped| path_to(culprit, *skipped).is_some());
                    if surrounds || !session.skipped.insert(culprit) {
                        break;
                    }
                    problem.report(node, culprit, &session, decoder);
                }
            }
        }
        for secret in session.secrets.take() {
            decoder.mask(secret);
        }
        let unknown = session.unknown.take();
        for Unknown { key, entry, allowed } in &unknown {
            let path = path_to(node, &raw const entry.value).unwrap_or_default();
            unknown_key(key, entry, allowed, &path, decoder);
        }
        read.filter(|_| session.skipped.is_empty() && unknown.is_empty()).map(Self)
    }

    /// Anything: the type does not say.
    fn schema() -> Schema {
        Schema::any()
    }

    /// Nothing: the type need not be printable.
    fn value(&mut self) -> Value {
        Value::Null
    }
}

/// What one value's deserialisation collects. Nodes are told apart by where they are in memory.
#[derive(Default)]
pub(super) struct Session<'n> {
    pub(super) skipped: HashSet<*const Node>,
    pub(super) unknown: RefCell<Vec<Unknown<'n>>>,
    pub(super) secrets: RefCell<Vec<&'n Node>>,
}

pub(super) struct Unknown<'n> {
    pub(super) key: &'n str,
    pub(super) entry: &'n Entry,
    pub(super) allowed: &'static [&'static str],
}

/// Records an unknown key whose own path ends the given one.
fn unknown_key(key: &str, entry: &Entry, allowed: &[&str], path: &[String], decoder: &mut Decoder) {
    let base = decoder.path();
    let full: Vec<&str> = std::iter::once(base.as_str())
        .filter(|base| !base.is_empty())
        .chain(path.iter().map(String::as_str))
        .collect();
    let problem = decoder.diagnostics_mut().error(entry.key.clone(), format!("unknown key `{key}`"));
    problem.at_path(full.join("::"));
    if let Some(nearest) = suggest::nearest(key, allowed.iter().copied()) {
        problem.help(format!("help: did you mean `{nearest}`?"));
    }
    if !allowed.is_empty() {
        problem.help(format!("allowed: {}", allowed.join(", ")));
    }
    decoder.mask(&entry.value);
}

/// The keys from a node down to another one, if that is below it.
fn path_to(from: &Node, to: *const Node) -> Option<Vec<String>> {
    if std::ptr::eq(from, to) {
        return Some(Vec::new());
    }
    let step = |key: String, child: &Node| {
        let mut path = path_to(child, to)?;
        path.insert(0, key);
        Some(path)
    };
    match &from.kind {
        NodeKind::Scalar(_) => None,
        NodeKind::Sequence(items) => {
            items.iter().enumerate().find_map(|(index, item)| step(index.to_string(), item))
        }
        NodeKind::Mapping(entries) => entries.iter().find_map(|(key, entry)| step(key.clone(), &entry.value)),
    }
}

/// The first thing that serde did not like.
#[derive(Debug)]
pub(super) struct Problem<'n> {
    message: String,
    /// Whether the message may quote the value.
    quotes: bool,
    /// The keys that are known where a key is not.
    unknown_field: Option<&'static [&'static str]>,
    node: Option<&'n Node>,
    entry: Option<&'n Entry>,
}

impl<'n> Problem<'n> {
    pub(super) fn new(message: String, quotes: bool) -> Self {
        Self { message, quotes, unknown_field: None, node: None, entry: None }
    }

    /// Says where the problem is, unless something further inside has said it.
    pub(super) fn at(mut self, node: &'n Node) -> Self {
        self.node.get_or_insert(node);
        self
    }

    pub(super) fn at_key(mut self, entry: &'n Entry) -> Self {
        self.entry = Some(entry);
        self.at(&entry.value)
    }

    fn report(&self, root: &Node, culprit: &Node, session: &Session<'_>, decoder: &mut Decoder) {
        let path = path_to(root, culprit).unwrap_or_default();
        if let (Some(entry), Some(allowed)) = (self.entry, self.unknown_field) {
            let key = path.last().map_or("", String::as_str);
            return unknown_key(key, entry, allowed, &path, decoder);
        }
        let secret = session.secrets.borrow().iter().any(|secret| std::ptr::eq(*secret, culprit));
        let message = if self.quotes && (secret || culprit.masked) {
            "the value is not valid here"
        } else {
            &self.message
        };
        let at = Node {
            location: self.entry.map_or(&culprit.location, |entry| &entry.key).clone(),
            ..culprit.with_text("")
        };
        if path.is_empty() {
            decoder.error(&at, message);
        } else {
            decoder.at(path.join("::"), |decoder| {
                decoder.error(&at, message);
            });
        }
    }
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem<'_> {}

impl de::Error for Problem<'_> {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string(), true)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self { unknown_field: Some(expected), ..Self::new(format!("unknown key `{field}`"), false) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("key `{field}` is required"), false)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("key `{field}` occurs twice in this map"), false)
    }
}
