//! What is wrong with a configuration, collected instead of thrown.

use std::fmt;

use super::node::{Node, NodeKind};
use super::source::Location;

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration can't be used.
    Error,
    /// The configuration works, but perhaps not as its author thinks.
    Warning,
}

/// One thing to say about a configuration, and where.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) path: String,
    pub(super) location: Option<Location>,
    pub(super) help: Vec<String>,
}

/// Collects errors and warnings while a configuration is read, so that a user sees all of them in one run.
#[derive(Clone, Default)]
pub struct Diagnostics {
    pub(super) items: Vec<Diagnostic>,
    pub(super) masks: Vec<Location>,
}

/// A configuration that can't be used: every error, and the warnings that came with them.
///
/// Displays them all, each with the line it is about. What may be a secret is not shown.
#[derive(Clone)]
pub struct ConfigErrors {
    diagnostics: Diagnostics,
}

impl Diagnostic {
    /// Whether it is an error or a warning.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong, in one line without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The keys that lead to the place, joined with `::`; empty where the source as a whole is meant.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The place, if there is one.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// Adds a line of advice: what is allowed, or what was probably meant.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help.push(help.into());
        self
    }

    /// Names the keys that lead to the place, joined with `::`.
    pub fn at_path(&mut self, path: impl Into<String>) -> &mut Self {
        self.path = path.into();
        self
    }
}

impl Diagnostics {
    /// Nothing collected yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records an error. The location may be a [`Node`], a [`Location`] or `None`.
    pub fn error(&mut self, at: impl Into<Option<Location>>, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Severity::Error, at.into(), message.into())
    }

    /// Records a warning.
    pub fn warning(
        &mut self,
        at: impl Into<Option<Location>>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.push(Severity::Warning, at.into(), message.into())
    }

    /// Adds what was collected elsewhere.
    pub fn append(&mut self, more: Diagnostics) {
        self.items.extend(more.items);
        self.masks.extend(more.masks);
    }

    /// Keeps every scalar of a node out of the excerpts: it is a secret, or nobody knows whether it is one.
    pub fn mask(&mut self, node: &Node) {
        match &node.kind {
            // Where a value came from a reference, its place shows the reference, which is no secret.
            NodeKind::Scalar(_) if node.location.is_reference() => {}
            // What is left empty has no place of its own.
            NodeKind::Scalar(_) if node.is_null() => {}
            NodeKind::Scalar(_) => self.masks.push(node.location.clone()),
            NodeKind::Sequence(items) => items.iter().for_each(|item| self.mask(item)),
            NodeKind::Mapping(entries) => entries.values().for_each(|entry| self.mask(&entry.value)),
        }
    }

    /// Everything collected, in the order in which it was found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// The warnings, in the order in which they were found.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.iter().filter(|item| item.severity == Severity::Warning)
    }

    /// The number of errors.
    pub fn errors(&self) -> usize {
        self.iter().filter(|item| item.severity == Severity::Error).count()
    }

    /// Whether there is an error.
    pub fn has_errors(&self) -> bool {
        self.iter().any(|item| item.severity == Severity::Error)
    }

    /// Whether nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The value if there is one and no error was recorded, else all errors.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if !self.has_errors() => Ok(value),
            _ => Err(ConfigErrors { diagnostics: self }),
        }
    }

    /// One diagnostic as its [`Display`](fmt::Display) shows it, for a log line of its own.
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        super::render::Rendered { diagnostic, masks: &self.masks }.to_string()
    }

    fn push(&mut self, severity: Severity, location: Option<Location>, message: String) -> &mut Diagnostic {
        let at = self.items.len();
        self.items.push(Diagnostic { severity, message, path: String::new(), location, help: Vec::new() });
        &mut self.items[at]
    }
}

impl ConfigErrors {
    /// The errors and warnings.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }
}

impl From<Diagnostics> for ConfigErrors {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { diagnostics }
    }
}

impl From<&Node> for Option<Location> {
    fn from(node: &Node) -> Self {
        Some(node.location.clone())
    }
}

/// Errors before warnings, each in the order of the file; a blank line between them.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items: Vec<&Diagnostic> = self.items.iter().collect();
        items.sort_by_key(|item| {
            let place = item.location.as_ref().map(|at| (at.source.name(), at.start));
            (item.severity, place)
        });
        for (index, diagnostic) in items.into_iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            super::render::Rendered { diagnostic, masks: &self.masks }.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.diagnostics, f)
    }
}

/// As [`Display`](fmt::Display), so that a test's `unwrap` shows the messages.
impl fmt::Debug for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

impl std::error::Error for ConfigErrors {}
