//! The state of decoding: where in the tree we are, and what was wrong so far.

use std::fmt::Display;
use std::str::FromStr;

use super::diagnostics::{ConfigErrors, Diagnostic, Diagnostics, Severity};
use super::fields::{Decode, Fields};
use super::from_node::FromNode;
use super::gates::FeatureGates;
use super::node::{Mapping, Node, NodeKind};
use super::parse::parse;
use super::source::{Location, Source};
use super::suggest;
use crate::Invalid;
use crate::component::ComponentConfig;

/// Turns [`Node`]s into values and records what does not fit, with the path of keys that leads to it.
#[derive(Default)]
pub struct Decoder {
    diagnostics: Diagnostics,
    path: Vec<String>,
    gates: FeatureGates,
    without_rules: bool,
    /// The paths of known keys that unknown ones are probably meant to be.
    misspelt: Vec<String>,
}

impl Decoder {
    /// A decoder at the root of a configuration, adding to what reading the files has recorded.
    pub fn new(diagnostics: Diagnostics) -> Self {
        Self { diagnostics, ..Self::default() }
    }

    /// Decodes with these feature gates.
    pub fn with_gates(self, gates: FeatureGates) -> Self {
        Self { gates, ..self }
    }

    /// Decodes without checking the rules of components: what can be read is good enough.
    pub fn without_rules(self) -> Self {
        Self { without_rules: true, ..self }
    }

    /// The feature gates, for what they switch.
    pub fn gates(&self) -> &FeatureGates {
        &self.gates
    }

    /// Decodes the configuration of a component and checks its rules. `None` if that recorded an error.
    pub fn component<T: Decode + ComponentConfig>(&mut self, node: &Node) -> Option<T> {
        self.checked(node, T::default(), T::validate)
    }

    /// Decodes a node onto defaults and checks rules, whose paths count from the node. `None` if that recorded an error.
    pub fn checked<T: Decode>(
        &mut self,
        node: &Node,
        defaults: T,
        rules: impl FnOnce(&T) -> Vec<Invalid>,
    ) -> Option<T> {
        let first_new = self.diagnostics.items.len();
        let mut value = defaults;
        value.update(node, self);
        if !self.without_rules {
            self.report_violations(node, rules(&value));
        }
        let failed =
            self.diagnostics.items[first_new..].iter().any(|item| item.severity() == Severity::Error);
        (!failed).then_some(value)
    }

    /// Runs a closure one step down: the segment (a key, an index) is part of the paths of what it records.
    pub fn at<R>(&mut self, segment: impl Display, inner: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(segment.to_string());
        let result = inner(self);
        self.path.pop();
        result
    }

    /// Gives the keys of a map to a closure. Null is an empty map; anything else is an error, and `None`.
    ///
    /// Keys that the closure does not take are errors.
    pub fn fields<R>(&mut self, node: &Node, read: impl FnOnce(&mut Fields<'_>) -> R) -> Option<R> {
        let empty = Mapping::new();
        let mapping = match node.kind() {
            NodeKind::Mapping(mapping) => mapping,
            _ if node.is_null() => &empty,
            _ => {
                self.mismatch(node, "a map of keys");
                return None;
            }
        };
        let mut fields = Fields::new(node, mapping, self);
        let result = read(&mut fields);
        fields.report_unknown();
        Some(result)
    }

    /// Records an error at a node.
    pub fn error(&mut self, node: &Node, message: impl Into<String>) -> &mut Diagnostic {
        let path = self.path();
        self.diagnostics.error(node, message).at_path(path)
    }

    /// Records a warning at a node.
    pub fn warning(&mut self, node: &Node, message: impl Into<String>) -> &mut Diagnostic {
        let path = self.path();
        self.diagnostics.warning(node, message).at_path(path)
    }

    /// Records an error at a place that is no node, such as a key.
    pub fn error_at(&mut self, at: &Location, message: impl Into<String>) -> &mut Diagnostic {
        let path = self.path();
        self.diagnostics.error(at.clone(), message).at_path(path)
    }

    /// Records a warning at a place that is no node, such as a key.
    pub fn warning_at(&mut self, at: &Location, message: impl Into<String>) -> &mut Diagnostic {
        let path = self.path();
        self.diagnostics.warning(at.clone(), message).at_path(path)
    }

    /// Records that a node is not what it should be: `expected` is a noun phrase, as in "a duration such as 5s".
    pub fn mismatch(&mut self, node: &Node, expected: &str) -> &mut Diagnostic {
        let message = format!("expected {expected}, got {}", node.describe());
        self.error(node, message)
    }

    /// The text of a string, or an error. Null is the empty string.
    pub fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        if let Some(text) = node.text() {
            return Some(text);
        }
        if node.is_null() {
            return Some("");
        }
        let scalar = node.scalar().is_some();
        let problem = self.mismatch(node, "a string");
        if scalar {
            problem.help("help: put quotes around it to make it a string");
        }
        None
    }

    /// Parses a string by its [`FromStr`], whose error becomes the message.
    pub fn parse<T: FromStr<Err: Display>>(&mut self, node: &Node) -> Option<T> {
        match self.text(node)?.parse() {
            Ok(value) => Some(value),
            // The error may quote the text.
            Err(_) if node.is_masked() => {
                self.error(node, "the value of the reference is not valid here");
                None
            }
            Err(error) => {
                self.error(node, error.to_string());
                None
            }
        }
    }

    /// One of a few words, or an error that lists them.
    pub fn one_of<T: Clone>(&mut self, node: &Node, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        let words = || choices.iter().map(|(word, _)| *word).filter(|word| !word.is_empty());
        let nearest = suggest::nearest(text, words()).filter(|_| !node.is_masked());
        let allowed = words().collect::<Vec<_>>().join(", ");
        let problem = self.error(node, format!("{} is not one of the allowed values", node.quoted()));
        if let Some(word) = nearest {
            problem.help(format!("help: did you mean `{word}`?"));
        }
        problem.help(format!("allowed: {allowed}"));
        None
    }

    /// Keeps a node's scalars out of the excerpts of every message.
    pub fn mask(&mut self, node: &Node) {
        self.diagnostics.mask(node);
    }

    /// The keys that lead to where the decoder is, joined with `::`.
    pub fn path(&self) -> String {
        self.path.join("::")
    }

    /// Whether what stands at a path, or around it, could not be read, because its value is wrong or its key misspelt. What
    /// is missing there is no news.
    #[cfg(feature = "service")]
    pub(crate) fn is_unread(&self, path: &str) -> bool {
        self.unread().any(|unread| is_within(path, unread))
    }

    /// As [`is_unread`](Self::is_unread), or something below could not be read.
    pub(crate) fn is_partly_unread(&self, path: &str) -> bool {
        self.unread().any(|unread| is_within(path, unread) || is_within(unread, path))
    }

    /// Remembers that a key is missing only because it is written otherwise.
    pub(super) fn misspelt(&mut self, key: &str) {
        let path = self.path_to(key);
        self.misspelt.push(path);
    }

    pub(crate) fn path_to(&self, key: &str) -> String {
        let path = self.path();
        if path.is_empty() { key.to_owned() } else { format!("{path}::{key}") }
    }

    fn unread(&self) -> impl Iterator<Item = &str> {
        let errors = self.diagnostics.iter().filter(|item| item.severity() == Severity::Error);
        let paths = errors.map(Diagnostic::path).filter(|path| !path.is_empty());
        paths.chain(self.misspelt.iter().map(String::as_str))
    }

    /// Everything recorded so far.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// Everything recorded, to add to it or to keep it.
    pub fn into_diagnostics(self) -> Diagnostics {
        self.diagnostics
    }

    /// The value if there is one and no error was recorded, else all errors.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        self.diagnostics.finish(value)
    }

    pub(super) fn diagnostics_mut(&mut self) -> &mut Diagnostics {
        &mut self.diagnostics
    }

    /// Records what a value's own rules find wrong, at the keys that they name.
    fn report_violations(&mut self, root: &Node, violations: Vec<Invalid>) {
        // What could not be read was left at its default, about which there is nothing to say, and about a map only where all
        // of it could be read.
        let news: Vec<_> = violations
            .into_iter()
            .map(|violation| (self.path_to(&violation.path), violation))
            .map(|(path, violation)| (path.trim_end_matches("::").to_owned(), violation))
            .filter(|(path, _)| !self.is_partly_unread(path))
            .collect();
        for (path, violation) in news {
            let location = locate(root, &violation.path);
            self.diagnostics.error(location, violation.message).at_path(path);
        }
    }
}

/// Decodes the configuration of one component from a YAML text, whose `name` the messages use.
///
/// References (`${…}`) are not expanded. Warnings are dropped unless there are errors; to see them, go through [`parse`] and
/// a [`Decoder`].
pub fn from_yaml<T: Decode + ComponentConfig>(name: &str, yaml: &str) -> Result<T, ConfigErrors> {
    let mut diagnostics = Diagnostics::new();
    let node = parse(&Source::new(name, yaml), &mut diagnostics);
    let mut decoder = Decoder::new(diagnostics);
    let value = node.and_then(|node| decoder.component(&node));
    decoder.finish(value)
}

/// The node at a path, or the nearest one above it that is there.
fn locate<'n>(root: &'n Node, path: &str) -> &'n Node {
    let mut node = root;
    for segment in path.split("::") {
        let child = match node.kind() {
            NodeKind::Mapping(mapping) => mapping.get(segment).map(|entry| &entry.value),
            NodeKind::Sequence(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)),
            NodeKind::Scalar(_) => None,
        };
        match child {
            Some(child) => node = child,
            None => break,
        }
    }
    node
}

/// Whether a path of keys is another one, or leads on from there.
fn is_within(path: &str, of: &str) -> bool {
    of.is_empty() || path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
